"""What rules can ask about a task: which facts they ask for, when these turn, and what a record can hold."""

from datetime import datetime, timedelta
from typing import Any

import attrs
import pytest

from taskorch import BusinessCalendar, Dependencies, Escalation, Escalator, QueueEngine, QueueSpec, State, Task, advance
from taskorch.core.escalation.facts import FACTS
from taskorch.core.escalation.views import View
from taskorch.core.expressions.kinds import Kind, kind_of
from taskorch.core.json_text import LIMITS
from taskorch.core.task import Execution, Internals, QueueEntry
from tests.core.lives import DAY, HOUR, blocked, doing, failed, rule, started
from tests.core.samples import NOW, after, new_task

KEY = "T-1/mine/0"


def raised(escalator: Escalator, task: Task, at: datetime, **options: Any) -> list[str]:
    """The keys of what a look raises."""
    return [escalation.key for escalation in escalator.look(task, at, **options).raised]


def critical() -> Task:
    """A task in progress that is due in an hour."""
    return attrs.evolve(started(), queue=QueueEntry(name="critical", entered_at=NOW))


# --- which facts are asked for -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "is_told"),
    [
        ('"deadline" in task', True),
        ('"remaining" in task and "sla_status" in task', True),
        ('"blocked_for" in task', False),
        ('"blocked_for" not in task', True),
        ('"deadline" in task and task.deadline < "2026-11-20T12:00:00Z"', True),
        ('task["context"]["a"] == 1 and "a" in task.context', True),
    ],
)
def test_a_rule_can_ask_whether_there_is_a_fact(when: str, is_told: bool) -> None:
    """``"deadline" in task`` asks for the deadline as ``task.deadline`` does, whether or not conflicts are known."""
    task = attrs.evolve(critical(), context={"a": 1})

    for conflicts in (None, {}):
        assert (raised(Escalator([rule(when)]), task, after(60), conflicts=conflicts) == [KEY]) is is_told


@pytest.mark.parametrize(
    ("when", "conflicts", "is_told"),
    [
        ('"conflict" not in task', None, False),
        ('"conflict" not in task', {}, True),
        ('"conflict" in task', None, False),
        ('"conflict" in task', {"T-1": "why"}, True),
        ('"in_conflict" in task', {}, True),
        ('"conflict" in task or "state" in task', None, True),
    ],
)
def test_whether_there_is_a_conflict_takes_a_look(when: str, conflicts: dict[str, str] | None, is_told: bool) -> None:
    """Where nobody has looked for conflicts, a rule speaks only if the answer is the same either way."""
    assert (raised(Escalator([rule(when)]), critical(), after(60), conflicts=conflicts) == [KEY]) is is_told


# --- the deadline of a paused task -------------------------------------------------------------------------

PAUSED = QueueSpec("q", 8 * HOUR, pause_in={"BLOCKED"})  # due at 18:00, or 8 h after the end of the pause


@pytest.mark.parametrize(
    ("when", "due"),
    [
        ('task.deadline >= "2026-11-22T00:00:00Z"', 30 * HOUR),
        ('task.deadline > "2026-11-22T00:00:00Z"', 30 * HOUR + 0.000001),
        ('not task.deadline < "2026-11-22T00:00:00+00:00"', 30 * HOUR),
        ('task.deadline in ["2026-11-22T00:00:00Z"]', 30 * HOUR),
        ('task.deadline > "2026-11-22T00:00:00Z" and task.score > 50', None),
        ('task.deadline < "2026-11-20T10:00:00Z"', None),
    ],
)
def test_the_deadline_of_a_paused_task_moves_on(when: str, due: float | None) -> None:
    """While the clock stands still the deadline moves on, and when a rule about it turns is foreseen."""
    escalator = Escalator([rule(when)])

    assert raised(escalator, blocked(), NOW, spec=PAUSED) == []
    assert escalator.next_due(NOW) == (None if due is None else after(due))
    assert escalator.unforeseen == ()
    if due is not None:
        assert raised(escalator, blocked(), after(due - 0.000001), spec=PAUSED) == []
        assert raised(escalator, blocked(), after(due), spec=PAUSED) == [KEY]


@pytest.mark.parametrize(
    ("when", "due"),
    [
        # Of four hours one was used up: the other three end on Monday at 10:00 if the pause ends today at 15:00 …
        ('task.deadline >= "2026-11-23T10:00:00Z"', 5 * HOUR),
        ('task.deadline >= "2026-11-23T12:00:00Z"', 7 * HOUR),
        # … and at 12:00 if it ends at any time between Friday 17:00 and Monday 9:00.
        ('task.deadline > "2026-11-23T12:00:00Z"', 2 * DAY + 23 * HOUR + 0.000001),
        ('task.deadline > "2026-11-22T12:00:00Z"', 4 * HOUR + 0.000001),
    ],
)
def test_the_deadline_of_a_paused_task_moves_on_in_working_hours(when: str, due: float) -> None:
    """With a calendar it stands still at night; the first instant of a turn is foreseen on either side."""
    calendar = BusinessCalendar({day: [("09:00", "17:00")] for day in ("mon", "fri")}, tz="UTC")
    spec = QueueSpec("q", 4 * HOUR, calendar=calendar, pause_in={"BLOCKED"})
    task = doing(started(), ("block", after(HOUR), "the client"))
    escalator = Escalator([rule(when)])

    assert raised(escalator, task, after(HOUR), spec=spec) == []
    assert escalator.next_due(NOW) == after(due)
    assert raised(escalator, task, after(due - 0.000001), spec=spec) == []
    assert raised(escalator, task, after(due), spec=spec) == [KEY]


def test_a_deadline_compared_with_other_data_is_not_foreseen() -> None:
    """A rule that compares the deadline with what is not quoted is named, as it may come true during a pause."""
    when = "task.deadline > task.context.until"
    task = blocked(context={"until": "2026-11-22T00:00:00Z"})
    escalator = Escalator([rule(when)])

    assert escalator.unforeseen == ("mine",)
    assert Escalator([rule(when, every=60)]).unforeseen == ()
    assert Escalator([rule("task.deadline != null")]).unforeseen == ()
    assert raised(escalator, task, NOW, spec=PAUSED) == []
    assert raised(escalator, task, after(3 * DAY), spec=PAUSED) == [KEY]


# --- facts ---------------------------------------------------------------------------------------------------


def test_each_fact_is_of_the_kind_that_is_said_of_it() -> None:
    """What a task gives for a fact is of its kind, or one of its words."""
    entry, notes = QueueEntry(name="critical", entered_at=NOW), Internals(attempt=1, reason="r", blocker="b")
    stuck = attrs.evolve(blocked(), queue=entry, internals=notes, dependencies=Dependencies(parent_task="P"))
    stuck = attrs.evolve(stuck, execution=Execution(current_step="s", assigned_to="ann"))
    waits = attrs.evolve(doing(new_task(), ("enqueue", NOW)), queue=entry)
    told: dict[str, object] = {}
    for task in (stuck, waits):
        told |= View(task, QueueSpec("critical", HOUR), {task.id: "why"}).facts(after(60), FACTS)

    assert told.keys() == FACTS.keys()
    for name, value in told.items():
        shape = FACTS[name].shape
        if isinstance(shape, Kind):
            assert kind_of(value) is shape, name
        elif shape is not None:
            assert isinstance(shape, type), name
            assert isinstance(value, shape), name


def test_a_task_waits_from_the_change_of_its_state_where_no_entry_is_noted() -> None:
    """Without a time of entry ``waiting_for`` counts from the last change; with one, from there, through a hold."""
    queued = doing(new_task(), ("enqueue", after(60)))
    held = doing(queued, ("hold", after(120)))
    entered = attrs.evolve(held, queue=QueueEntry(name="normal", entered_at=after(60)))
    told = {}
    for name, task in {"queued": queued, "held": held, "entered": entered}.items():
        (record,) = Escalator([rule("task.score >= 0", context="waiting_for")]).look(task, after(180)).raised
        told[name] = (record.context["current_state"], record.context["waiting_for"])

    assert told == {
        "queued": (State.QUEUED, 120_000),
        "held": (State.ON_HOLD, 60_000),
        "entered": (State.ON_HOLD, 120_000),
    }


def test_a_deadline_is_kept_without_a_queue() -> None:
    """Of a task that names no queue the deadline it carries counts, as of one in an unknown queue."""
    task = attrs.evolve(started(), queue=QueueEntry(sla_deadline=after(5 * HOUR)))
    escalator = Escalator()

    assert raised(escalator, task, NOW) == []
    assert escalator.next_due(NOW) == after(4 * HOUR + 0.000001)
    assert raised(escalator, task, after(4 * HOUR + 1)) == ["T-1/sla_breach_imminent/0"]
    assert raised(Escalator([rule('"sla_status" in task')]), started(), NOW) == []


@pytest.mark.parametrize("depth", range(90, 98))
def test_a_record_is_never_too_deep_to_be_kept(depth: int) -> None:
    """What would make the books too deep to be read again is left out of a record; nothing shallower is."""
    context: dict[str, Any] = {}
    for _ in range(depth - 1):
        context = {"a": context}
    told = rule(context="context")
    escalator = Escalator([told])
    (record,) = escalator.look(new_task(context=context), NOW).raised

    assert ("context" in record.context) == (depth <= LIMITS.depth - 5)
    assert Escalation.from_json(record.to_json()) == record
    assert Escalator.restored(escalator.state(), [told]).escalations() == (record,)


# --- failures ----------------------------------------------------------------------------------------------


def test_nobody_is_told_while_a_retry_is_pending() -> None:
    """Three retries that failed with a fourth pending are not exhausted; once that has failed, one rule tells."""
    escalator = Escalator()
    task = failed(3, pending=True)
    assert raised(escalator, task, after(60)) == []

    again = doing(task, ("retry", after(90)), ("fail", after(91), "it broke"))
    assert raised(escalator, again, after(91)) == ["T-1/retries_exhausted/0"]


def test_retries_after_lost_workers_count_as_retries() -> None:
    """The fact ``retries`` counts every try after the first: a task keeps no reason but the last."""
    task = started()
    for n in range(3):
        task, _ = advance(task, "fail", now=after(n), by="test", reason="lease_expired", retry_at=after(n + 1))
        task, _ = advance(task, "retry", now=after(n + 1), by="test")
    task = doing(task, ("fail", after(9), "bad input"))
    (record,) = Escalator().look(task, after(9)).raised

    assert (record.reason, record.context["retries"]) == ("retries_exhausted", 3)
    assert record.raised_at - NOW == timedelta(seconds=9)


def test_a_planned_task_whose_date_comes_escalates_nothing() -> None:
    """Who looks whenever it is time to look hears of no planned task that is handed out when its date comes."""
    engine, escalator = QueueEngine(), Escalator()
    engine.push(Task.new("planned", id="T-1", now=NOW, at=after(HOUR)), NOW)
    escalator.look(engine.task("T-1"), NOW)
    first = escalator.next_due(NOW)
    assert first == after(HOUR + 60) + timedelta(microseconds=1)
    assert not escalator.look(engine.task("T-1"), after(HOUR + 60)).raised
    assert escalator.look(engine.task("T-1"), first).raised


def test_a_breach_after_the_grace_is_foreseen() -> None:
    """In a queue by date a rule about the breach is looked at when the grace of the start is over."""
    spec = QueueSpec("dated", by_date=True, grace=600)
    task = Task.new("planned", id="T-1", now=NOW, at=after(HOUR), queue="dated")
    escalator = Escalator([rule('task.sla_status == "breached"')], queues=[spec])
    now, told = NOW, []
    escalator.look(task, now)
    for _ in range(9):
        following = escalator.next_due(now)
        if following is None:
            break
        now = following
        told += [now for id in escalator.due(now) if escalator.look(task, now).raised]
    assert told == [after(HOUR + 600) + timedelta(microseconds=1)]
