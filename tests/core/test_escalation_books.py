"""The books of the escalator: what it remembers, for how long, and that nobody else writes in them."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import attrs
import pytest

from taskorch import Escalator, Findings, InvalidEscalation, QueueSpec, Rung
from taskorch.core.task import QueueEntry
from tests.core.lives import DAY, HOUR, blocked, doing, failed, rule, started
from tests.core.samples import NOW, after, new_task, problems

KEY = "T-1/mine/0"


# --- clocks and versions -----------------------------------------------------------------------------------


def test_a_wrong_clock_makes_no_other_rule_speak() -> None:
    """A look days ahead raises what is so then; after it the other rules are judged by the right time."""
    escalator, spec = Escalator(), QueueSpec("q", 8 * HOUR)
    assert len(escalator.look(started(), after(3 * DAY), spec=spec).raised) == 1

    task = doing(started(), ("block", after(60), "the client"))
    assert escalator.look(task, after(120), spec=spec) == Findings()
    assert escalator.next_due(after(120)) == after(DAY + 60)
    assert [e.reason for e in escalator.look(task, after(DAY + 60), spec=spec).raised] == ["blocked_over_24h"]


def test_a_ladder_waits_for_the_time_at_which_it_was_begun() -> None:
    """What a wrong clock has raised is neither resolved nor climbed before that time has come."""
    escalator = Escalator([rule('task.age > "2d"', ladder=[Rung("bob", after=HOUR)])])
    escalator.look(new_task(), after(3 * DAY))

    assert escalator.look(new_task(), after(60)) == Findings()
    assert escalator.next_due(after(60)) == after(3 * DAY + HOUR)


@pytest.mark.parametrize("end", [("unblock", "start", "complete"), ("unblock", "start"), ("cancel",)])
@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_late_message_raises_nothing(end: tuple[str, ...], is_restarted: bool) -> None:
    """A version from before what was seen last says nothing, though nothing more is foreseen of the task."""
    escalator, task = Escalator(), blocked()
    escalator.look(doing(task, *((verb, after(60)) for verb in end)), after(60))
    assert escalator.next_due(NOW) is None
    if is_restarted:
        escalator = Escalator.restored(escalator.state())

    assert escalator.look(task, after(2 * DAY)) == Findings(is_stale=True)


def test_to_forget_is_to_forget_the_version_too() -> None:
    """After ``forget`` any version is looked at, and what it says is told anew."""
    escalator, task = Escalator(), blocked()
    escalator.look(task, after(DAY))
    escalator.look(doing(task, ("unblock", after(DAY))), after(DAY))
    escalator.forget("T-1")

    assert escalator.state() == {"escalations": [], "watched": []}
    assert [e.reason for e in escalator.look(task, after(DAY)).raised] == ["blocked_over_24h"]


def test_a_stale_copy_is_said_to_be_stale() -> None:
    """A task that is due stays so while only an older copy of it is looked at; the findings tell why."""
    escalator, copy = Escalator(), blocked()
    task = attrs.evolve(copy, metadata=attrs.evolve(copy.metadata, version=copy.metadata.version + 1))
    assert not escalator.look(task, NOW).is_stale

    assert escalator.look(copy, after(DAY)).is_stale
    assert escalator.due(after(DAY)) == ("T-1",)
    findings = escalator.look(task, after(DAY))
    assert (len(findings.raised), findings.is_stale) == (1, False)
    assert escalator.due(after(DAY)) == ()


def test_a_second_occasion_is_told_after_forget() -> None:
    """A task that is late again in another queue is told of again only once it was forgotten."""
    escalator = Escalator()
    first = attrs.evolve(started(), queue=QueueEntry(name="critical", entered_at=NOW))
    moved = attrs.evolve(
        first,
        queue=QueueEntry(name="normal", entered_at=NOW),
        metadata=attrs.evolve(first.metadata, version=first.metadata.version + 1),
    )
    assert len(escalator.look(first, after(3000)).raised) == 1
    assert len(escalator.look(moved, after(3100)).resolved) == 1
    assert escalator.look(moved, after(2 * DAY)) == Findings()

    escalator.forget("T-1")
    assert len(escalator.look(moved, after(2 * DAY)).raised) == 1


def test_one_rule_is_forgotten_alone() -> None:
    """With a code only what that rule raised is dropped: the task is due at once, and older copies stay stale."""
    late = attrs.evolve(rule('task.blocked_for > "1h"'), code="late")
    escalator, task = Escalator([rule('task.age > "1h"'), late]), blocked()
    again = doing(task, ("unblock", after(DAY)), ("start", after(DAY)), ("block", after(DAY), "the client"))
    assert len(escalator.look(task, after(2 * HOUR)).raised) == 2
    escalator.look(doing(task, ("unblock", after(DAY))), after(DAY))
    escalator.forget("T-1", "late")

    assert [e.key for e in escalator.escalations()] == [KEY]
    assert escalator.due(after(DAY)) == ("T-1",)
    assert escalator.look(task, after(DAY)).is_stale
    assert escalator.look(again, after(DAY)) == Findings()
    assert [e.key for e in escalator.look(again, after(DAY + 2 * HOUR)).raised] == ["T-1/late/0"]


def test_to_forget_a_rule_that_raised_nothing_changes_nothing() -> None:
    """Neither a task that is unknown nor one of which the rule says nothing is due after it."""
    escalator, task = Escalator(), blocked()
    escalator.look(task, NOW)
    before = escalator.state()
    for id in ("T-1", "T-2"):
        escalator.forget(id, "blocked_over_24h")

    assert escalator.state() == before
    assert escalator.due(NOW) == ()


def test_the_records_of_a_rule_that_is_gone_can_be_forgotten() -> None:
    """Where there are records of a code, it may be forgotten though there is no such rule any more."""
    escalator = Escalator([rule()])
    escalator.look(new_task(), NOW)
    restored = Escalator.restored(escalator.state(), [])
    restored.forget("T-1", "mine")

    assert restored.escalations() == ()


@pytest.mark.parametrize("code", ["blocked", "", 5, [], 10**5000], ids=range(5))
def test_to_forget_an_unknown_rule_is_refused(code: Any) -> None:
    """The code of no rule raises ``InvalidEscalation`` with the nearest one, and nothing changes."""
    escalator = Escalator()
    escalator.look(blocked(), after(DAY))
    before = escalator.state()

    with pytest.raises(InvalidEscalation, match="is the code of no rule"):
        escalator.forget("T-1", code)
    assert escalator.state() == before


def test_what_was_raised_about_an_ended_task_is_kept() -> None:
    """The records of a task that has ended stay in the books until it is forgotten."""
    escalator = Escalator()
    escalator.look(failed(0), after(60))
    assert len(Escalator.restored(escalator.state()).escalations("T-1")) == 1

    escalator.forget("T-1")
    assert escalator.escalations() == ()


# --- nobody else writes in them ----------------------------------------------------------------------------


def spoil(data: Any) -> None:
    """Write into every object and array, and take away what is there."""
    if isinstance(data, dict):
        for value in data.values():
            spoil(value)
        data.clear()
    elif isinstance(data, list):
        for value in data:
            spoil(value)
        data.append("spoiled")


CONTEXT = {"client": {"tags": ["a", {"b": [1]}]}}
TELLING = rule(context=("context", "context.client"), ladder=[Rung("bob", after=60)])


@pytest.mark.parametrize("frozen", [False, True])
def test_nobody_writes_into_the_books_through_a_record(frozen: bool) -> None:
    """A host may do what it likes with the context of a record; the books and the task stay as they are."""
    given: Mapping[str, object] = MappingProxyType(CONTEXT) if frozen else CONTEXT
    task, escalator = new_task(context=given), Escalator([TELLING])
    (raised,) = escalator.look(task, NOW).raised
    before = json.dumps(escalator.state())

    for handed in (
        lambda: raised,
        lambda: escalator.get(KEY),
        lambda: escalator.escalations()[0],
        lambda: escalator.escalations("T-1")[0],
        lambda: attrs.evolve(escalator.acknowledge(KEY, "ann", NOW)),
        lambda: escalator.acknowledge(KEY, "ann", NOW),
        lambda: escalator.resolve(KEY, "ann", NOW),
        lambda: escalator.resolve(KEY, "ann", NOW),
    ):
        record = handed()
        before = json.dumps(escalator.state())
        spoil(record.context)
        assert json.dumps(escalator.state()) == before
    assert task.context == CONTEXT == {"client": {"tags": ["a", {"b": [1]}]}}


def test_nobody_writes_into_the_books_through_a_task() -> None:
    """What a record tells is how the task was then, whatever the host does to its context afterwards."""
    context = json.loads(json.dumps(CONTEXT))
    escalator = Escalator([TELLING])
    escalator.look(new_task(context=context), NOW)
    before = json.dumps(escalator.state())
    spoil(context)

    assert json.dumps(escalator.state()) == before


def test_nobody_writes_into_the_books_through_state() -> None:
    """State is a copy on the way out and on the way in, keys ``x-*`` included."""
    escalator = Escalator([TELLING])
    escalator.look(new_task(context=CONTEXT), NOW)
    before = json.dumps(escalator.state())
    spoil(escalator.state())
    assert json.dumps(escalator.state()) == before

    state = json.loads(before) | {"x-host": {"a": [1]}}
    state["escalations"][0]["x-ticket"] = {"b": [2]}
    restored = Escalator.restored(state, [TELLING])
    before = json.dumps(restored.state())
    spoil(state)
    spoil(restored.state())
    spoil(restored.get(KEY).extensions)
    assert json.dumps(restored.state()) == before


def test_what_is_resolved_by_a_look_is_handed_out_as_a_copy() -> None:
    """The records of findings are copies, also of what was resolved."""
    escalator = Escalator([TELLING])
    escalator.look(new_task(context=CONTEXT), NOW)
    (resolved,) = escalator.look(doing(new_task(context=CONTEXT), ("enqueue", NOW)), after(1)).resolved
    before = json.dumps(escalator.state())
    spoil(resolved.context)

    assert json.dumps(escalator.state()) == before


# --- what is given back ------------------------------------------------------------------------------------


def test_keys_of_a_host_are_kept_in_the_state() -> None:
    """Keys ``x-*`` of the state, of its tasks' records too, come out as they went in."""
    escalator = Escalator([TELLING])
    escalator.look(new_task(), NOW)
    state: Any = escalator.state() | {"x-host": {"a": 1}}
    state["escalations"][0]["x-ticket"] = 7

    restored = Escalator.restored(state, [TELLING])
    assert restored.state() == state
    restored.acknowledge(KEY, "ann", NOW)
    restored.forget("T-2")
    assert restored.state()["x-host"] == {"a": 1}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda state: state["watched"].append(state["watched"][0] | {"version": 9}), "watched[1].task_id"),
        (lambda state: state["watched"][0].update(version=-1), "watched[0].version"),
        (
            lambda state: state["escalations"][0].update({"x-taskorch": {"acknowledged_by": "ann"}}),
            "escalations[0].x-taskorch.acknowledged_by",
        ),
        (
            lambda state: state["escalations"][0].update({"x-taskorch": {"resolved_by": "ann"}}),
            "escalations[0].x-taskorch.resolved_by",
        ),
    ],
)
def test_state_that_contradicts_itself_is_refused(change: Any, place: str) -> None:
    """A task that stands there twice, a version below 0, somebody who did something at no time: each is refused."""
    escalator = Escalator([TELLING])
    escalator.look(new_task(), NOW)
    state = json.loads(json.dumps(escalator.state()))
    change(state)

    assert list(problems(Escalator.restored, state)) == [place]
    with pytest.raises(InvalidEscalation):
        Escalator.restored(state)
