"""The escalator: once per task, rule and level; ladders, answers, times to look again, state to keep."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import attrs
import pytest

from taskorch import (
    BusinessCalendar,
    Escalation,
    Escalator,
    Findings,
    InvalidEscalation,
    InvalidTask,
    QueueSpec,
    Rung,
    Task,
    UnknownEscalation,
)
from taskorch.core.task import QueueEntry
from tests.core.lives import DAY, HOUR, blocked, doing, failed, rule, waiting
from tests.core.samples import NOW, after, new_task, problems

LADDER = [Rung("bob", after=HOUR), Rung("cy", urgency="critical"), Rung("dee", after=60, suggested_action="run")]
STUCK = rule('task.blocked_for > "1h"', urgency="high", ladder=LADDER)
KEY = "T-1/mine/{}"


def raised(escalator: Escalator, task: Task, at: datetime, **options: Any) -> list[str]:
    """The keys of what a look raises."""
    return [escalation.key for escalation in escalator.look(task, at, **options).raised]


def test_a_ladder_is_climbed_while_nobody_answers() -> None:
    """Rung after level is raised, each when the one before has gone unacknowledged for its time, then no more."""
    escalator, task = Escalator([STUCK]), blocked()
    escalator.look(task, NOW)
    told = []
    while (at := escalator.next_due(NOW)) is not None:
        assert escalator.due(at) == ("T-1",)
        told += escalator.look(task, at).raised

    tick = timedelta(microseconds=1)  # "over an hour" begins so much after it
    assert [(e.level, e.raised_at - NOW - tick, e.escalated_to, e.urgency, e.suggested_action) for e in told] == [
        (0, timedelta(hours=1), "ann", "high", "look"),
        (1, timedelta(hours=2), "bob", "high", "look"),
        (2, timedelta(hours=5), "cy", "critical", "look"),  # when bob's answer was overdue
        (3, timedelta(hours=5, minutes=1), "dee", "critical", "run"),
    ]
    assert [e.deadline - e.raised_at for e in told] == [timedelta(hours=n) for n in (3, 3, 1, 1)]
    assert escalator.escalations() == escalator.escalations("T-1") == tuple(told)


def test_a_late_look_leaves_no_level_out() -> None:
    """However late one looks, one level is raised, and the time of the next counts from there."""
    escalator, task = Escalator([STUCK]), blocked()

    assert raised(escalator, task, after(30 * DAY)) == [KEY.format(0)]
    assert raised(escalator, task, after(60 * DAY)) == [KEY.format(1)]
    assert raised(escalator, task, after(60 * DAY)) == []
    assert escalator.next_due(after(0)) == after(60 * DAY + 3 * HOUR)


@pytest.mark.parametrize("level", [0, 1])
def test_an_acknowledgement_ends_the_ladder(level: int) -> None:
    """Whichever level is acknowledged, no further one is raised; the record tells who and when."""
    escalator, task = Escalator([STUCK]), blocked()
    escalator.look(task, after(2 * HOUR))
    escalator.look(task, after(3 * HOUR))
    answered = escalator.acknowledge(KEY.format(level), "ann", after(4 * HOUR))

    assert answered == escalator.get(KEY.format(level))
    assert (answered.marks.acknowledged_by, answered.marks.acknowledged_at) == ("ann", after(4 * HOUR))
    assert escalator.next_due(NOW) is None
    assert escalator.due(after(DAY)) == ()
    assert raised(escalator, task, after(30 * DAY)) == []
    assert escalator.acknowledge(KEY.format(level), "eve", after(5 * HOUR)) == answered


def test_an_acknowledgement_is_one_of_the_levels_below() -> None:
    """Who takes on a level takes on those below it; one that somebody had taken on before stays theirs."""
    escalator, task = Escalator([STUCK]), blocked()
    for hours in (2, 3, 6):
        escalator.look(task, after(hours * HOUR))
    escalator.acknowledge(KEY.format(1), "ann", after(6 * HOUR))
    marks = [escalator.get(KEY.format(level)).marks for level in range(3)]
    assert [(m.acknowledged_by, m.acknowledged_at) for m in marks] == [("ann", after(6 * HOUR))] * 2 + [(None, None)]

    escalator.acknowledge(KEY.format(2), "bob", after(7 * HOUR))
    marks = [escalator.get(KEY.format(level)).marks for level in range(3)]
    assert [m.acknowledged_by for m in marks] == ["ann", "ann", "bob"]


def test_what_is_no_longer_so_is_resolved() -> None:
    """Once its condition does not hold, every level is resolved, reported once, and stays so for ever."""
    escalator, task = Escalator([STUCK]), blocked()
    escalator.look(task, after(2 * HOUR))
    escalator.acknowledge(KEY.format(0), "ann", after(2 * HOUR))
    going = doing(task, ("unblock", after(3 * HOUR)))
    findings = escalator.look(going, after(4 * HOUR))

    assert [(e.key, e.marks.resolved_at, e.marks.resolved_by) for e in findings.resolved] == [
        (KEY.format(0), after(4 * HOUR), "taskorch/escalation")
    ]
    assert findings.raised == ()
    assert escalator.look(going, after(5 * HOUR)).resolved == ()
    again = doing(going, ("start", after(5 * HOUR)), ("block", after(5 * HOUR), "again"))
    assert raised(escalator, again, after(50 * DAY)) == []
    assert escalator.next_due(NOW) is None
    escalator.forget("T-1")
    assert raised(escalator, again, after(50 * DAY)) == [KEY.format(0)]


def test_to_resolve_settles_every_level() -> None:
    """Whoever resolves one level resolves them all; a second time, or an acknowledgement after it, changes nothing."""
    escalator, task = Escalator([STUCK]), blocked()
    escalator.look(task, after(2 * HOUR))
    escalator.look(task, after(3 * HOUR))
    settled = escalator.resolve(KEY.format(1), "ann", after(4 * HOUR))
    before = escalator.state()

    assert (settled.marks.resolved_by, settled.marks.resolved_at) == ("ann", after(4 * HOUR))
    assert escalator.get(KEY.format(0)).marks.resolved_by == "ann"
    assert escalator.resolve(KEY.format(0), "eve", after(5 * HOUR)).marks.resolved_by == "ann"
    assert not escalator.acknowledge(KEY.format(0), "eve", after(5 * HOUR)).is_acknowledged
    assert escalator.state() == before
    assert escalator.next_due(NOW) is None
    assert raised(escalator, task, after(30 * DAY)) == []


def test_marks_are_written_beside_the_record() -> None:
    """What D0 has no place for stands in ``x-taskorch``, and only where there is something."""
    escalator, task = Escalator([STUCK]), blocked()
    first = escalator.look(task, after(2 * HOUR)).raised[0].to_dict()["escalation"]
    second = escalator.look(task, after(3 * HOUR)).raised[0].to_dict()["escalation"]
    answered = escalator.acknowledge(KEY.format(0), "ann", after(4 * HOUR))
    document: Any = answered.to_dict()["escalation"]

    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert list(first) == [
        "task_id", "reason", "urgency", "context", "suggested_action", "escalated_to", "deadline",
    ]  # fmt: skip
    assert second["x-taskorch"] == {"level": 1}
    assert document == first | {
        "x-taskorch": {"acknowledged_at": "2026-11-20T14:00:00Z", "acknowledged_by": "ann"},
    }
    assert Escalation.from_json(answered.to_json()) == answered
    assert (answered.raised_at, Escalation.from_json(answered.to_json()).raised_at) == (after(2 * HOUR),) * 2


def test_an_unusual_time_for_an_answer_is_told_from_the_time_of_raising() -> None:
    """With a time for the answer of its own, a record also says when it was raised."""
    (escalation,) = Escalator([rule(answer_within=60)]).look(new_task(), NOW).raised

    assert escalation.deadline == after(60)
    assert escalation.to_dict()["escalation"]["x-taskorch"] == {"raised_at": "2026-11-20T10:00:00Z"}  # type: ignore[index]
    assert Escalation.from_json(escalation.to_json()).raised_at == NOW


# --- when to look again ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "due"),
    [
        ('task.blocked_for >= "24h"', DAY),
        ('task.blocked_for > "24h"', DAY + 0.000001),
        ('"1h" < task.blocked_for and task.score >= 50', HOUR + 0.000001),
        ('task["age"] >= "2h" and task.blocked_for >= "1d"', DAY),
        ('task.blocked_for >= "1h" and task.score > 50', None),
        ('task.in_state_for >= "1h" or task.age >= "30m"', HOUR / 2),
        ('not task.age < "90m"', 1.5 * HOUR),
        ('task.waiting_for >= "1h"', None),
        ('task.remaining <= "2h"', 6 * HOUR),
        ('task.remaining < "2h"', 6 * HOUR + 0.000001),
        ('task.remaining <= "-1h"', 9 * HOUR),
        ('task.sla_status in ["at_risk", "breached"]', 7 * HOUR + 0.000001),
        ('task.sla_status in ["breached", "missed"]', 8 * HOUR + 0.000001),
        ('task.state == "FAILED"', None),
    ],
)
def test_the_time_to_look_again_is_when_a_rule_comes_true(when: str, due: float | None) -> None:
    """The very instant at which a rule over durations or the service level comes true is foreseen; others have none."""
    escalator, spec = Escalator([rule(when)]), QueueSpec("q", 8 * HOUR)

    assert raised(escalator, blocked(), NOW, spec=spec) == []
    assert escalator.next_due(NOW) == (None if due is None else after(due))
    assert escalator.unforeseen == ()
    if due is not None:
        assert raised(escalator, blocked(), after(due - 0.000001), spec=spec) == []
        assert escalator.next_due(after(due - 0.000001)) == after(due)
        assert raised(escalator, blocked(), after(due), spec=spec) == [KEY.format(0)]
        assert escalator.next_due(after(due)) is None


def test_a_day_is_foreseen() -> None:
    """A deadline that moves on while the clock stands still is known to pass the beginning of a day that is quoted."""
    spec = QueueSpec("q", 8 * HOUR, pause_in={"BLOCKED"})
    escalator = Escalator([rule('task.deadline >= "2026-11-21"')])
    midnight = after(14 * HOUR)

    assert raised(escalator, blocked(), NOW, spec=spec) == []
    assert escalator.next_due(NOW) == midnight - timedelta(hours=8)
    assert raised(escalator, blocked(), midnight - timedelta(hours=8), spec=spec) == [KEY.format(0)]


def test_working_hours_count() -> None:
    """With a calendar the time left is working time, and the instant is foreseen on either side of a night."""
    open_ = [("09:00", "17:00")]
    calendar = BusinessCalendar(dict.fromkeys(("fri", "sat"), open_), tz="UTC")
    spec = QueueSpec("q", 8 * HOUR, calendar=calendar, at_risk=60)
    morning = after(23 * HOUR)  # Saturday at 9:00; an hour is left then

    for when, due in (('task.remaining <= "1h"', 7 * HOUR), ('task.remaining < "1h"', 23 * HOUR + 0.000001)):
        escalator = Escalator([rule(when)])
        assert raised(escalator, blocked(), NOW, spec=spec) == []
        assert escalator.next_due(NOW) == after(due)
        assert raised(escalator, blocked(), after(due), spec=spec) == [KEY.format(0)]
    escalator = Escalator()
    assert raised(escalator, blocked(), morning, spec=spec) == []
    assert escalator.next_due(morning) == after(24 * HOUR - 60 + 0.000001)


def test_a_finished_task_grows_no_older() -> None:
    """Its age stands still once a task is final; how long it has been so goes on."""
    done = doing(new_task(), ("cancel", after(HOUR)))
    aged, over = Escalator([rule('task.age > "1h"')]), Escalator([rule('task.final and task.in_state_for >= "1h"')])

    assert raised(aged, done, after(9 * HOUR)) == raised(over, done, after(HOUR)) == []
    assert (aged.next_due(NOW), over.next_due(NOW)) == (None, after(2 * HOUR))
    patient = Escalator([rule("task.age > task.context.patience", every=600)])
    assert raised(patient, done, after(HOUR)) == []
    assert patient.next_due(NOW) is None
    assert raised(over, done, after(2 * HOUR)) == [KEY.format(0)]


def test_a_clock_that_stands_still_is_not_waited_for() -> None:
    """While a task is in a state that stops its service level, there is no time at which it will be at risk."""
    spec = QueueSpec("q", 8 * HOUR, pause_in={"BLOCKED"})
    escalator = Escalator([rule('task.remaining < "2h" or task.sla_status == "breached"')])

    assert raised(escalator, blocked(), after(HOUR), spec=spec) == []
    assert escalator.next_due(after(HOUR)) is None


def test_what_cannot_be_foreseen_is_said() -> None:
    """A rule that compares a duration with other data is named; ``every`` has an open task looked at again."""
    when = "task.blocked_for > task.context.patience"
    task = blocked(context={"patience": "1h"})
    blind, patient = Escalator([rule(when)]), Escalator([rule(when, every=600)])

    assert (blind.unforeseen, patient.unforeseen) == (("mine",), ())
    assert raised(blind, task, NOW) == raised(patient, task, NOW) == []
    assert (blind.next_due(NOW), patient.next_due(NOW)) == (None, after(600))
    assert raised(patient, task, after(600)) == []
    assert patient.next_due(NOW) == after(1200)
    assert raised(patient, task, after(HOUR + 1)) == [KEY.format(0)]
    assert raised(patient, doing(task, ("cancel", after(HOUR + 2))), after(HOUR + 2)) == []
    assert patient.next_due(NOW) is None


def test_what_ends_by_itself_is_looked_at_then() -> None:
    """A condition that will cease to hold by itself is resolved at that instant."""
    escalator = Escalator([rule('task.age <= "1h"')])

    assert raised(escalator, new_task(), NOW) == [KEY.format(0)]
    assert escalator.next_due(NOW) == after(HOUR + 0.000001)
    assert len(escalator.look(new_task(), after(HOUR + 0.000001)).resolved) == 1
    assert escalator.next_due(NOW) is None


def test_many_tasks_are_looked_at_in_time() -> None:
    """Of many tasks, those whose instant has come are named; what is due is told as now."""
    escalator = Escalator()
    tasks = {f"T{n:03}": blocked(after(n), id=f"T{n:03}") for n in range(200)}
    for task in reversed(tasks.values()):
        for _ in range(3):
            escalator.look(task, after(300))

    assert escalator.next_due(after(300)) == after(DAY)
    assert escalator.due(after(DAY + 2)) == ("T000", "T001", "T002")
    assert escalator.next_due(after(DAY + 2)) == after(DAY + 2)
    for id in escalator.due(after(DAY + 2)):
        escalator.look(tasks[id], after(DAY + 2))
    escalator.forget("T003")
    assert escalator.next_due(after(DAY + 2)) == after(DAY + 4)


# --- what comes out of order -------------------------------------------------------------------------------


def test_an_older_version_says_nothing() -> None:
    """A version older than one seen before neither raises nor resolves."""
    escalator, task = Escalator(), blocked()
    earlier, later = (
        doing(task, ("unblock", after(2 * DAY))),
        doing(task, ("unblock", after(2 * DAY)), ("start", after(2 * DAY))),
    )
    assert len(escalator.look(task, after(DAY)).raised) == 1
    assert len(escalator.look(later, after(2 * DAY)).resolved) == 1

    other = Escalator()
    other.look(doing(later, ("block", after(2 * DAY), "x")), after(2 * DAY))
    for stale in (task, earlier, later):
        assert other.look(stale, after(9 * DAY)) == other.look(stale, after(1)) == Findings(is_stale=True)
    assert other.next_due(NOW) == after(3 * DAY)


def test_a_clock_that_goes_back_takes_nothing_back() -> None:
    """A look, an acknowledgement or a resolution at an earlier time changes nothing that was raised."""
    escalator, task = Escalator([STUCK]), blocked()
    escalator.look(task, after(2 * HOUR))
    findings = escalator.look(task, after(60))

    assert (findings.raised, findings.resolved) == ((), ())
    assert escalator.next_due(NOW) == after(3 * HOUR)
    assert escalator.acknowledge(KEY.format(0), "ann", NOW).marks.acknowledged_at == after(2 * HOUR)
    assert escalator.resolve(KEY.format(0), "ann", NOW).marks.resolved_at == after(2 * HOUR)


def test_a_task_from_the_future_is_foreseen() -> None:
    """Of a task whose creation another clock dates later than now, what comes due is told by its own times."""
    escalator, spec = Escalator([rule('task.remaining <= "2h"')]), QueueSpec("q", 8 * HOUR)

    assert raised(escalator, blocked(), after(-HOUR), spec=spec) == []
    assert escalator.next_due(NOW) == after(6 * HOUR)


def test_a_conflict_nobody_looked_for_is_neither_raised_nor_resolved() -> None:
    """Without ``conflicts`` a rule about them is left alone; with them it is raised, and resolved once it is gone."""
    escalator, task = Escalator(), waiting("T-1", "T-1")
    conflicts = {"T-1": "waits for itself"}

    assert raised(escalator, task, NOW) == []
    assert raised(escalator, task, NOW, conflicts={}) == []
    assert raised(escalator, task, NOW, conflicts=conflicts) == ["T-1/dependency_conflict/0"]
    assert escalator.look(task, NOW).resolved == ()
    assert len(escalator.look(task, NOW, conflicts={}).resolved) == 1


def test_the_ladder_goes_on_while_nobody_can_tell() -> None:
    """What was raised stays open while its rule cannot be decided, and climbs with what was known before."""
    ladder = Escalator([rule("task.in_conflict", context=["conflict"], ladder=[Rung("bob", after=60)])])
    task = waiting("T-1", "T-1")
    (first,) = ladder.look(task, NOW, conflicts={"T-1": "waits for itself"}).raised
    (second,) = ladder.look(task, after(60)).raised
    assert second.context == first.context

    odd = Escalator([rule("task.context.n > 3", ladder=[Rung("bob", after=60)])])
    assert raised(odd, new_task(context={"n": 4}), NOW) == [KEY.format(0)]
    findings = odd.look(new_task(context={"n": "4"}), after(60))
    assert ([e.key for e in findings.raised], len(findings.undecided)) == ([KEY.format(1)], 1)
    assert odd.next_due(after(60)) is None


# --- bad input ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["", "T-1", "T-1/mine", "T-1/mine/1", "T-1/mine/00", "T-1/mine/0/0", "T-2/mine/0"])
def test_an_unknown_key_is_refused(key: str) -> None:
    """A key under which nothing was raised raises ``UnknownEscalation``, and nothing changes."""
    escalator = Escalator([STUCK])
    escalator.look(blocked(), after(2 * HOUR))
    before = escalator.state()

    for call in (
        escalator.get,
        lambda k: escalator.acknowledge(k, "ann", NOW),
        lambda k: escalator.resolve(k, "ann", NOW),
    ):
        with pytest.raises(UnknownEscalation) as caught:
            call(key)
        assert caught.value.key == key
    assert escalator.state() == before


def test_bad_times_and_actors_are_refused() -> None:
    """Times without a zone or beyond the calendar, and nobody as actor, are refused; nothing changes."""
    escalator, naive = Escalator([STUCK]), NOW.replace(tzinfo=None)
    escalator.look(blocked(), after(2 * HOUR))
    before = escalator.state()
    end = datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
    key = KEY.format(0)

    for at in (naive, datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))):
        for call in (
            lambda at: escalator.look(blocked(), at),
            escalator.due,
            escalator.next_due,
            lambda at: escalator.acknowledge(key, "ann", at),
            lambda at: escalator.resolve(key, "ann", at),
        ):
            with pytest.raises(InvalidTask):
                call(at)
    for by in ("", " ", "\udc80", "ann\nbob", "\x1b[31mann", "ann\u2028", "a" * 1001, 10**5000):
        for act in (escalator.acknowledge, escalator.resolve):
            with pytest.raises(InvalidEscalation):
                act(key, by, NOW)  # type: ignore[arg-type]
    with pytest.raises(InvalidEscalation):
        Escalator([STUCK]).look(blocked(), end)
    assert escalator.state() == before
    assert raised(Escalator(), blocked(end - timedelta(hours=1)), end) == []
    assert raised(Escalator(), blocked(), datetime(1, 1, 1, tzinfo=UTC)) == []


# --- state -------------------------------------------------------------------------------------------------


def busy() -> Escalator:
    """An escalator that has seen this and that."""
    escalator = Escalator([STUCK, *[attrs.evolve(rule("task.final"), code="final")]])
    escalator.look(blocked(), after(2 * HOUR))
    escalator.look(blocked(), after(3 * HOUR))
    escalator.look(blocked(id="T-2"), after(60))
    escalator.look(attrs.evolve(failed(0), id="T-3"), after(60))
    escalator.acknowledge("T-3/final/0", "ann", after(90))
    escalator.look(blocked(id="T-4"), after(2 * HOUR))
    escalator.resolve("T-4/mine/0", "ann", after(2 * HOUR))
    return escalator


def test_state_is_kept_and_given_back() -> None:
    """State survives JSON: the same records, the same times once looked at, and nothing is raised twice."""
    escalator = busy()
    state = json.loads(json.dumps(escalator.state()))
    restored = Escalator.restored(state, [STUCK])

    assert restored.state() == state == escalator.state()
    assert restored.escalations() == escalator.escalations()
    for task in (blocked(), blocked(id="T-2"), attrs.evolve(failed(0), id="T-3"), blocked(id="T-4")):
        assert raised(restored, task, after(60)) == []
    assert restored.next_due(NOW) == escalator.next_due(NOW) == after(HOUR + 0.000001)
    assert restored.due(after(DAY)) == escalator.due(after(DAY)) == ("T-1", "T-2")
    for each in (restored, escalator):
        assert raised(each, blocked(), after(3 * HOUR)) == []
        assert raised(each, blocked(), after(DAY)) == [KEY.format(2)]
        assert raised(each, blocked(id="T-4"), after(DAY)) == []


def test_every_task_is_looked_at_after_a_restart() -> None:
    """Restored, tasks are due at once, each until it is looked at: another rule may have come true long ago."""
    escalator = Escalator([STUCK])
    escalator.look(blocked(), NOW)
    escalator.look(waiting("T-2"), NOW)
    added = attrs.evolve(rule('task.blocked_for > "10m"'), code="added")
    restored = Escalator.restored(escalator.state(), [STUCK, added])

    assert restored.next_due(NOW) == NOW
    assert restored.due(NOW) == ("T-1", "T-2")
    restored = Escalator.restored(restored.state(), [STUCK, added])  # again, before anything was looked at
    assert raised(restored, blocked(), after(1200)) == ["T-1/added/0"]
    assert restored.due(after(1200)) == ("T-2",)
    restored.forget("T-2")
    assert restored.next_due(NOW) == after(HOUR + 0.000001)


def test_a_shorter_service_level_is_told_after_a_restart() -> None:
    """With other queues than before, what is late by them is named at once and told by the next look."""
    queue = QueueEntry(name="q", entered_at=NOW)
    escalator, task = Escalator(queues=[QueueSpec("q", 8 * HOUR)]), attrs.evolve(new_task(), queue=queue)
    escalator.look(task, NOW)
    restored = Escalator.restored(escalator.state(), queues=[QueueSpec("q", 2 * HOUR)])

    assert restored.due(after(3 * HOUR)) == ("T-1",)
    assert raised(restored, task, after(3 * HOUR)) == ["T-1/sla_breach_imminent/0"]


def test_records_of_a_rule_that_is_gone_are_left_alone() -> None:
    """Without its rule a record stays, can be answered, and is raised no further."""
    restored = Escalator.restored(busy().state(), [])

    assert restored.look(blocked(), after(30 * DAY)).raised == ()
    assert restored.acknowledge(KEY.format(0), "ann", after(DAY)).is_acknowledged
    assert len(restored.escalations()) == 4


def test_bad_state_is_refused() -> None:
    """State that is none is refused with every problem, each with its place."""
    state: Any = busy().state()
    state["escalations"][0]["urgency"] = "soon"
    state["watched"][0]["version"] = "1"
    assert set(problems(Escalator.restored, state)) == {"escalations[0].urgency", "watched[0].version"}

    holes: Any = busy().state()
    del holes["escalations"][0]
    assert set(problems(Escalator.restored, holes)) == {"escalations[0]"}
    halves: Any = busy().state()
    halves["escalations"][0]["x-taskorch"] = {"resolved_at": "2026-11-20T14:00:00Z", "resolved_by": "ann"}
    assert set(problems(Escalator.restored, halves)) == {"escalations[1]"}
    with pytest.raises(InvalidEscalation):
        Escalator.restored([])
