"""Escalation: D0's five conditions and its record, rules as data, conflicts of dependencies."""

import json
import pickle
import re
from datetime import datetime, timedelta
from typing import Any

import attrs
import pytest

from taskorch import (
    DEFAULT_RULES,
    Escalation,
    Escalator,
    InvalidDocument,
    InvalidEscalation,
    InvalidRule,
    QueueSpec,
    Rule,
    Rung,
    Task,
    TaskorchError,
    advance,
    dependency_conflicts,
)
from taskorch.core.escalation.facts import FACTS
from taskorch.core.escalation.urgencies import ANSWER_WITHIN, Urgency
from taskorch.core.task import Dependencies, Internals, QueueEntry
from taskorch.core.times import read_time
from tests.core.lives import DAY, HOUR, blocked, doing, failed, rule, started, waiting
from tests.core.samples import NOW, SHARED, after, needs_shared, new_task, objects, problems


def page(number: int) -> str:
    """The text of one of D0's two forms."""
    (path,) = (SHARED / "documents").glob(f"{number:03}_*.txt")
    return path.read_text(encoding="utf-8")


def documented_conditions() -> list[str]:
    """The lines of D0's list of automatic conditions, as they stand in the document."""
    _, _, rest = page(1).partition("### Vers Humain")
    block = rest.split("```")[1]
    return [line.removeprefix("- ") for line in block.splitlines() if line.startswith("- ")]


def documented_record() -> dict[str, Any]:
    """D0's example of a record."""
    (text,) = (text for text in objects(page(1)) if '"escalation"' in text)
    record: dict[str, Any] = json.loads(text)
    return record


def codes(task: Task, at: datetime, **options: Any) -> list[str]:
    """The codes of the rules that speak of a task."""
    return [escalation.reason for escalation in Escalator().look(task, at, **options).raised]


# --- D0 ----------------------------------------------------------------------------------------------------


# Words of each line of D0's list, and a life that is just what it says.
TOLD = {
    "blocked_over_24h": ("bloquée > 24h", lambda: codes(blocked(), after(DAY))),
    "retries_exhausted": ("3 retries", lambda: codes(failed(3), after(60))),
    "sla_breach_imminent": (
        "SLA breach imminent (< 1h)",
        lambda: codes(started(), after(7 * HOUR + 1), spec=QueueSpec("q", 8 * HOUR)),
    ),
    "non_recoverable_error": ("non-récupérable", lambda: codes(failed(0), after(60))),
    "dependency_conflict": (
        "Conflit de dépendances",
        lambda: codes(new_task(), NOW, conflicts={"T-1": "waits for itself"}),
    ),
}


@needs_shared
def test_each_documented_condition_is_one_rule() -> None:
    """D0's list has five lines; each is exactly one of the default rules, in its order, and that rule alone tells."""
    lines = documented_conditions()
    matches = [[code for code, (words, _) in TOLD.items() if words in line] for line in lines]

    assert matches == [[rule.code] for rule in DEFAULT_RULES]
    assert [tell() for _, tell in TOLD.values()] == matches


@needs_shared
def test_the_documented_record_comes_out_of_its_rule() -> None:
    """D0's example is what the rule says of a task blocked for 24 hours: every key, in its order, and its text."""
    expected = documented_record()
    context = expected["escalation"]["context"]
    since = read_time(context["blocked_since"])
    task = blocked(since, context["blocker"], id=expected["escalation"]["task_id"])

    (escalation,) = Escalator().look(task, since + timedelta(hours=24)).raised

    assert escalation.to_dict() == expected
    assert escalation.to_json() == json.dumps(expected, indent=2, ensure_ascii=False)
    assert escalation.to_json().split() == next(t for t in objects(page(1)) if '"escalation"' in t).split()
    assert Escalation.from_json(escalation.to_json()) == escalation


@needs_shared
def test_both_forms_of_the_document_show_the_same_record() -> None:
    """The plain form of the document holds the same example."""
    words = re.sub(r"\s+", "", page(0))
    inner = json.dumps(documented_record()["escalation"], ensure_ascii=False).strip("{}")

    assert re.sub(r"\s+", "", inner) in words


@pytest.mark.parametrize(("urgency", "hours"), [("critical", 1), ("high", 3), ("medium", 8), ("low", 24)])
def test_an_answer_is_due_by_urgency(urgency: str, hours: int) -> None:
    """An answer is due 1 h after a critical escalation, 3 h after a high one, 8 h medium, 24 h low (design §11)."""
    (escalation,) = Escalator([rule(urgency=urgency)]).look(new_task(), NOW).raised

    assert escalation.deadline == after(hours * HOUR)
    assert escalation.raised_at == NOW
    assert ANSWER_WITHIN[Urgency(urgency)] == timedelta(hours=hours)


@pytest.mark.parametrize("seconds", [0, 1, DAY - 0.000001])
def test_a_block_is_told_of_once_24_hours_are_over(seconds: float) -> None:
    """A microsecond before 24 hours nothing is said."""
    assert codes(blocked(), after(seconds)) == []


def test_a_pause_is_no_block() -> None:
    """A task blocked for the reason ``paused`` is never escalated for it, however long (design §4)."""
    assert codes(blocked(why="paused"), after(365 * DAY)) == []


@pytest.mark.parametrize(
    ("retries", "reason", "code"),
    [
        (0, "it broke", "non_recoverable_error"),
        (0, "exhausted", "non_recoverable_error"),
        (1, "exhausted", "retries_exhausted"),
        (2, "it broke", "non_recoverable_error"),
        (2, "non_retryable", "non_recoverable_error"),
        (3, "it broke", "retries_exhausted"),
        (3, "non_retryable", "retries_exhausted"),
        (9, "it broke", "retries_exhausted"),
    ],
)
def test_a_failure_for_good_fires_one_rule(retries: int, reason: str, code: str) -> None:
    """With three failed retries the retries are told of, else the error: one of the two, never both (design §11)."""
    assert codes(failed(retries, reason), after(60)) == [code]
    assert codes(failed(retries, reason, pending=True), after(60)) == []


def test_a_failure_tells_its_error() -> None:
    """The context names the state, and what the rule names: attempts and reason."""
    (exhausted,) = Escalator().look(failed(3, "disk full"), after(60)).raised
    (error,) = Escalator().look(failed(0, "bad input"), after(60)).raised

    assert exhausted.context == {"current_state": "FAILED", "retries": 3, "reason": "disk full"}
    assert error.context == {"current_state": "FAILED", "attempts": 1, "reason": "bad input"}


@pytest.mark.parametrize(
    ("sla", "early", "late"), [(8, 7 * HOUR, 7 * HOUR + 0.000001), (1, 0.75 * HOUR, 0.75 * HOUR + 0.000001)]
)
def test_a_breach_is_imminent_by_the_lead_time(sla: int, early: float, late: float) -> None:
    """A task is told of when it is at risk: with less than an hour left, or a quarter of a short service level."""
    spec = QueueSpec("q", sla * HOUR)

    assert codes(started(), after(early), spec=spec) == []
    assert codes(started(), after(late), spec=spec) == ["sla_breach_imminent"]
    assert codes(started(), after(sla * HOUR + DAY), spec=spec) == ["sla_breach_imminent"]
    assert codes(doing(started(), ("complete", after(late))), after(late), spec=spec) == []


def test_the_queue_of_a_task_promises_its_service_level() -> None:
    """Without ``spec`` the queue that the task names counts."""
    task = attrs.evolve(started(), queue=QueueEntry(name="critical", entered_at=NOW))
    (escalation,) = Escalator().look(task, after(50 * 60)).raised

    assert escalation.context == {
        "current_state": "IN_PROGRESS",
        "queue": "critical",
        "sla_status": "at_risk",
        "deadline": "2026-11-20T11:00:00Z",
    }
    assert Escalator(queues=[]).look(task, after(50 * 60)).raised == ()


def test_a_deadline_is_kept_where_no_queue_is_known() -> None:
    """Of a task in an unknown queue, the deadline it carries counts, an hour ahead."""
    task = attrs.evolve(started(), queue=QueueEntry(name="mine", entered_at=NOW, sla_deadline=after(5 * HOUR)))

    assert codes(task, after(4 * HOUR)) == []
    assert codes(task, after(4 * HOUR + 1)) == ["sla_breach_imminent"]


# --- conflicts ---------------------------------------------------------------------------------------------


def test_conflicts_are_waits_that_never_end() -> None:
    """To wait for oneself, in a circle, for nobody, for what failed or was cancelled: no other wait is a conflict."""
    gone = doing(Task.new("x", now=NOW, id="gone"), ("cancel", NOW))
    broken = doing(started(id="broken"), ("fail", NOW))
    retried, _ = advance(started(id="retried"), "fail", now=NOW, by="test", retry_at=after(9))
    done = doing(started(id="done"), ("complete", NOW))
    tasks = [
        waiting("self", "self"), waiting("a", "b"), waiting("b", "c"), waiting("c", "a"), waiting("on-a", "a"),
        waiting("lost", "nobody"), waiting("bad", "broken", "gone"), waiting("fine", "done", "retried", "old", "on-a"),
        gone, broken, retried, done,
    ]  # fmt: skip

    assert dependency_conflicts(tasks, {"old"}) == dependency_conflicts(reversed(tasks), {"old"})
    assert dependency_conflicts(tasks, {"old"}) == {
        "a": "waits in a circle with b, c",
        "b": "waits in a circle with a, c",
        "bad": "waits for broken, which has failed; waits for gone, which was cancelled",
        "c": "waits in a circle with a, b",
        "lost": "waits for nobody, which is not known",
        "self": "waits for itself",
    }


def test_circles_that_wait_for_one_another_are_told_apart() -> None:
    """Two circles, of which one also waits for the other, are two; a task on two circles is told of both."""
    pairs = [waiting("a", "b"), waiting("b", "a"), waiting("c", "d", "a"), waiting("d", "c")]
    eight = [waiting("l", "m"), waiting("m", "l", "n"), waiting("n", "m")]

    assert dependency_conflicts([*pairs, *eight]) == {
        "a": "waits in a circle with b",
        "b": "waits in a circle with a",
        "c": "waits in a circle with d",
        "d": "waits in a circle with c",
        "l": "waits in a circle with m, n",
        "m": "waits in a circle with l, n",
        "n": "waits in a circle with l, m",
    }


def test_only_tasks_that_wait_are_in_conflict() -> None:
    """A task that has entered its queue waits for nobody, whatever it lists; a blocked one does."""
    loose = attrs.evolve(started(), dependencies=Dependencies(blocked_by=("nobody",)))
    stuck = attrs.evolve(blocked(), dependencies=Dependencies(blocked_by=("nobody",)))

    assert dependency_conflicts([loose]) == {}
    assert dependency_conflicts([loose, stuck]) == {"T-1": "waits for nobody, which is not known"}


@pytest.mark.parametrize("closed", [True, False], ids=["circle", "chain"])
def test_conflicts_are_found_however_deep(closed: bool) -> None:
    """A circle of 20,000 tasks is found without recursion, and a chain as long is none."""
    count = 20_000
    tasks = [waiting(f"T{n}", f"T{n + 1}") for n in range(count - 1)] + [waiting(f"T{count - 1}", *(["T0"] * closed))]

    found = dependency_conflicts(tasks)

    assert len(found) == count * closed
    assert not closed or found["T0"] == "waits in a circle with T1, T10, T100, T1000, T10000 and 19994 more"


def test_a_conflict_tells_its_dependencies() -> None:
    """The record of a conflict names what the task depends on, and what is wrong with it."""
    task = waiting("T-1", "T-1")
    (escalation,) = Escalator().look(task, NOW, conflicts=dependency_conflicts([task])).raised

    assert escalation.context == {"current_state": "CREATED", "blocked_by": ["T-1"], "conflict": "waits for itself"}


# --- rules -------------------------------------------------------------------------------------------------


def test_rules_are_data() -> None:
    """A rule is read from a plain object and written back as it was; durations are milliseconds there."""
    document = {
        "code": "stuck_vip",
        "when": 'task.blocked_for > "2h" and "vip" in task.factors and task.context.client.vip',
        "urgency": "critical",
        "suggested_action": "call them",
        "escalated_to": "ann",
        "context": ["queue", "context.client.name"],
        "answer_within": 1_800_000,
        "ladder": [
            {"escalated_to": "bob", "after": 900_000, "urgency": "high"},
            {"escalated_to": "cy", "suggested_action": "call again"},
        ],
        "every": 60_000,
    }
    read = Rule.from_dict(document)

    assert read.to_dict() == document
    assert read == Rule(
        "stuck_vip",
        document["when"],
        urgency="critical",
        suggested_action="call them",
        escalated_to="ann",
        context=("queue", "context.client.name"),
        answer_within=timedelta(minutes=30),
        ladder=[Rung("bob", after=900, urgency="high"), Rung("cy", suggested_action="call again")],
        every=60,
    )
    assert pickle.loads(pickle.dumps(read)) == read
    assert [Rule.from_dict(each.to_dict()) for each in DEFAULT_RULES] == list(DEFAULT_RULES)


def test_a_bad_rule_is_refused_with_all_that_is_wrong() -> None:
    """Every problem of a rule is told at once, each with its place and, where one is near, a suggestion."""
    found = problems(
        Rule.from_dict,
        {
            "code": "no/slash",
            "when": "task.blokced_for > 3",
            "urgency": "hihg",
            "escalated_to": " ",
            "context": ["queue", "contxt", "queue.name"],
            "answer_within": 0,
            "ladder": [{"escalated_to": "bob", "after": "1h"}, {"urgency": "low"}],
            "unknown": 1,
        },
    )

    assert set(found) == {
        "code", "when", "urgency", "suggested_action", "escalated_to", "context[1]", "context[2]", "answer_within",
        "ladder[0].after", "ladder[1].escalated_to", "unknown",
    }  # fmt: skip
    assert "blocked_for" in found["when"]
    assert "did you mean 'high'?" in found["urgency"]
    assert "did you mean 'context'?" in found["context[1]"]


MISTAKES = {
    "unknown fact": lambda: rule("task.nothing"),
    "other root": lambda: rule("context.x > 1"),
    "status function": lambda: rule("on_failure(a)"),
    "unknown state": lambda: rule('task.state == "BLOKED"'),
    "empty": lambda: rule(""),
    "no text": lambda: rule(3),  # type: ignore[arg-type]
    "unknown urgency": lambda: rule(urgency="urgent"),
    "no urgency": lambda: rule(urgency=None),
    "no recipient": lambda: rule(escalated_to=None),
    "negative time": lambda: rule(answer_within=-1),
    "not a number": lambda: rule(answer_within=float("nan")),
    "unknown context": lambda: rule(context="nobody"),
    "no rung": lambda: rule(ladder=["bob"]),
    "never again": lambda: rule(every=0),
    "rung to nobody": lambda: Rung(""),
    "rung of unknown urgency": lambda: Rung("bob", urgency="soon"),
    "no object": lambda: Rule.from_dict([]),
    "no JSON": lambda: Rule.from_dict({"code": float("nan")}),
    "two of one code": lambda: Escalator([rule(), rule()]),
}


@pytest.mark.parametrize("make", MISTAKES.values(), ids=MISTAKES)
def test_a_rule_that_makes_no_sense_is_refused(make: Any) -> None:
    """In Python as in documents a bad rule raises ``InvalidRule``."""
    with pytest.raises(InvalidRule):
        make()


def test_every_fact_can_be_asked_for() -> None:
    """Some task has each fact, and a rule can name each in its context."""
    names = tuple(FACTS)
    full = attrs.evolve(
        blocked(context={"client": {"name": "N"}}, dependencies=Dependencies(blocked_by=("x",), parent_task="P")),
        queue=QueueEntry(name="normal", entered_at=NOW),
        internals=Internals(attempt=2, reason="r", blocker="b"),
    )
    full = attrs.evolve(full, execution=attrs.evolve(full.execution, assigned_to="ann", current_step="s"))
    queued = attrs.evolve(doing(new_task(), ("enqueue", NOW)), queue=QueueEntry(name="normal", entered_at=NOW))
    told: dict[str, object] = {}
    for task in (full, queued):
        escalator = Escalator([rule("task.score >= 0", context=names)])
        (escalation,) = escalator.look(task, after(60), conflicts={task.id: "why"}).raised
        told |= escalation.context
        assert Escalation.from_json(escalation.to_json()) == escalation

    assert set(names) - set(told) == set()
    assert (told["blocked_for"], told["waiting_for"], told["age"]) == (60_000, 60_000, 60_000)
    assert told["remaining"] == (DAY - 60) * 1000


def test_a_rule_of_a_host_asks_for_the_context() -> None:
    """Rules reach into the free context of tasks; what is not there makes them say nothing."""
    escalator = Escalator([rule("task.context.client.spend >= 100", context=["context.client.name", "context.no"])])
    client = {"name": "N", "spend": 120}

    assert escalator.look(new_task(), NOW).raised == ()
    (escalation,) = escalator.look(new_task(context={"client": client}), NOW).raised
    assert escalation.context == {"current_state": "CREATED", "context.client.name": "N"}


def test_a_rule_that_cannot_be_decided_does_not_stop_the_others() -> None:
    """An undecidable rule is reported, and those before and after it speak all the same."""
    odd = attrs.evolve(rule("task.context.n > 3"), code="odd")
    first, last = attrs.evolve(rule(), code="first"), attrs.evolve(rule(), code="last")
    findings = Escalator([first, odd, last]).look(new_task(context={"n": "secret words"}), NOW)

    assert [escalation.reason for escalation in findings.raised] == ["first", "last"]
    assert [(each.task_id, each.code) for each in findings.undecided] == [("T-1", "odd")]
    assert "secret" not in findings.undecided[0].message


# --- records -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("task_id", "a b"),
        ("reason", "a/b"),
        ("urgency", "later"),
        ("context", []),
        ("suggested_action", None),
        ("escalated_to", ""),
        ("deadline", "2024-01-15T14:00:00"),
        ("deadline", "0001-01-01T00:00:00Z"),
        ("x-taskorch", {"level": -1}),
        ("x-taskorch", {"levle": 1}),
        ("extra", 1),
    ],
)
def test_a_bad_record_is_refused(path: str, value: object) -> None:
    """A record that is not D0's is refused, with the place."""
    (escalation,) = Escalator([rule()]).look(new_task(), NOW).raised
    document: Any = escalation.to_dict()
    document["escalation"][path] = value

    with pytest.raises(InvalidEscalation) as caught:
        Escalation.from_dict(document)
    assert all(problem.path.startswith(f"escalation.{path}") for problem in caught.value.problems)


def test_what_a_record_does_not_know_is_kept() -> None:
    """Keys ``x-*`` beside and inside a record are kept untouched."""
    (escalation,) = Escalator([rule()]).look(new_task(), NOW).raised
    document: Any = escalation.to_dict()
    document["escalation"]["x-ticket"] = 7
    document["x"] = [1]

    assert Escalation.from_dict(document).to_dict() == document
    with pytest.raises(InvalidDocument):
        Escalation.from_json('{"escalation": {}, "escalation": {}}')
    with pytest.raises(TaskorchError):
        Escalation.from_dict({"escalation": {}, "other": 1})
