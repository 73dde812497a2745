"""Thresholds: each told once, never early, never missed, and ``next_due`` says when to look."""

import contextlib
import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from taskorch import (
    BusinessCalendar,
    Crossing,
    IllegalTransition,
    InvalidDocument,
    InvalidTask,
    QueueSpec,
    SlaStatus,
    SlaWatch,
    Task,
    advance,
    standing,
)
from taskorch.core.sla import deadline, warning
from taskorch.core.task import Internals
from tests.core.samples import NOW, after, new_task

TICK, HOUR = timedelta(microseconds=1), timedelta(hours=1)
SPEC = QueueSpec("q", 4 * HOUR)
PAUSABLE = QueueSpec("q", 4 * HOUR, pause_in={"ON_HOLD"})  # type: ignore[arg-type]
OFFICE = BusinessCalendar({day: [("09:00", "17:00")] for day in range(5)}, tz="UTC")  # NOW is a Friday, ten o'clock
AT_RISK, BREACHED = SlaStatus.AT_RISK, SlaStatus.BREACHED


def at(hours: float) -> datetime:
    """So many hours after ``NOW``."""
    return after(3600 * hours)


def named(id: str, created: datetime = NOW, **members: Any) -> Task:
    """A new task."""
    return Task.new("t", now=created, id=id, **members)


def done(task: Task, *verbs: str, hours: float) -> Task:
    """A task to which these verbs were done so many hours after ``NOW``."""
    for verb in verbs:
        task, _ = advance(task, verb, now=at(hours), by="us")
    return task


def heard(crossings: list[Crossing]) -> list[tuple[str, str]]:
    """Which task crossed what."""
    return [(crossing.task_id, crossing.threshold.value) for crossing in crossings]


def test_each_threshold_is_told_when_it_is_crossed() -> None:
    """At risk after the warning, breached after the deadline, at the instants that ``next_due`` names."""
    watch = SlaWatch()
    watch.watch(new_task(), SPEC, NOW)

    assert watch.next_due(NOW) == at(3) + TICK
    assert watch.due(at(3)) == []
    assert watch.due(at(3) + TICK) == [Crossing("T-1", AT_RISK, at(3), at(4))]
    assert watch.next_due(at(3.5)) == at(4) + TICK
    assert watch.due(at(4)) == []
    assert watch.due(at(99)) == [Crossing("T-1", BREACHED, at(4), at(4))]
    assert watch.next_due(at(99)) is None
    assert len(watch) == 0


def test_what_is_told_comes_in_order() -> None:
    """After a long silence everything that was crossed is told, the earliest first, then by task."""
    watch = SlaWatch()
    for id, hours in (("c", 0.0), ("a", 0.5), ("b", 0.0)):
        watch.watch(named(id, at(hours)), SPEC, NOW)

    assert heard(watch.due(at(99))) == [
        ("b", "at_risk"),
        ("c", "at_risk"),
        ("a", "at_risk"),
        ("b", "breached"),
        ("c", "breached"),
        ("a", "breached"),
    ]


def test_a_threshold_fires_once_for_ever() -> None:
    """Watching again, forgetting, a later deadline and another queue make nothing fire twice."""
    watch = SlaWatch()
    watch.watch(new_task(), SPEC, NOW)
    assert heard(watch.due(at(3.5))) == [("T-1", "at_risk")]

    watch.watch(new_task(), SPEC, at(3.5))
    assert watch.due(at(3.5)) == []
    watch.forget("T-1")
    watch.watch(new_task(), QueueSpec("q", 40 * HOUR), at(3.5))
    assert watch.due(at(39.5)) == []
    assert heard(watch.due(at(41))) == [("T-1", "breached")]
    watch.watch(new_task(), QueueSpec("q", 80 * HOUR), at(41))
    assert watch.due(at(999)) == []
    assert watch.next_due(at(41)) is None


def test_what_has_fired_can_be_kept_and_given_back() -> None:
    """``fired`` is plain data; a watch made with it tells nothing of that again."""
    watch = SlaWatch()
    for id, hours in (("a", 0), ("b", 0.9), ("c", 9)):
        watch.watch(named(id, at(hours)), SPEC, NOW)
    watch.due(at(4.1))
    kept = json.loads(json.dumps(watch.fired))
    assert kept == {"a": ["at_risk", "breached"], "b": ["at_risk"]}

    again = SlaWatch(kept)
    for id, hours in (("a", 0), ("b", 0.9), ("c", 9)):
        again.watch(named(id, at(hours)), SPEC, at(4.2))
    assert again.fired == kept
    assert again.next_due(at(4.2)) == at(4.9) + TICK
    assert heard(again.due(at(5))) == [("b", "breached")]


def test_what_is_not_told_has_not_fired() -> None:
    """A crossing counts as fired once ``due`` has told it, so that one that was lost is told again."""
    watch = SlaWatch()
    watch.watch(done(new_task(), "enqueue", "cancel", hours=3.5), SPEC, at(3.6))

    assert watch.fired == {}
    assert watch.next_due(at(3.6)) == at(3.6)
    assert heard(watch.due(at(3.6))) == [("T-1", "at_risk")]
    assert watch.fired == {"T-1": ["at_risk"]}


def test_a_late_start_of_the_watch_misses_nothing() -> None:
    """What was crossed before a task was watched is told at once: at risk, then breached."""
    watch = SlaWatch()
    watch.watch(new_task(), SPEC, at(9))

    assert watch.next_due(at(9)) == at(9)
    assert heard(watch.due(at(9))) == [("T-1", "at_risk"), ("T-1", "breached")]


def test_a_deadline_that_had_passed_before_a_change_still_fires() -> None:
    """A change that moves the deadline does not hide what was crossed before it."""
    watch = SlaWatch()
    watch.watch(new_task(), SPEC, NOW)
    watch.watch(done(new_task(), "enqueue", hours=4.5), QueueSpec("q", 40 * HOUR), at(4.5))

    assert watch.due(at(4.5)) == [
        Crossing("T-1", AT_RISK, at(3), at(4)),
        Crossing("T-1", BREACHED, at(4), at(4)),
    ]


def test_a_change_that_is_told_late_makes_nothing_fire_falsely() -> None:
    """A task that ended, was held or moved in time is not late because the watch hears of it late."""
    watch = SlaWatch()
    held = done(named("held"), "enqueue", "hold", hours=2)
    ended = done(named("ended"), "enqueue", "cancel", hours=2)
    moved = done(named("moved"), "enqueue", hours=2)
    for id in ("held", "ended", "moved"):
        watch.watch(named(id), PAUSABLE, NOW)
    for task, spec in ((held, PAUSABLE), (ended, PAUSABLE), (moved, QueueSpec("r", 40 * HOUR))):
        watch.watch(task, spec, at(9))

    assert watch.due(at(9)) == []
    assert watch.next_due(at(9)) == at(39) + TICK


def test_of_an_ended_task_only_what_it_crossed_fires() -> None:
    """A task that ended after its warning and by its deadline was at risk, and never breached."""
    watch = SlaWatch()
    watch.watch(done(named("early"), "enqueue", "cancel", hours=3), SPEC, at(3))
    watch.watch(done(named("just"), "enqueue", "cancel", hours=4), SPEC, at(99))
    watch.watch(done(named("late"), "enqueue", "cancel", hours=5), SPEC, at(99))

    assert heard(watch.due(at(99))) == [("just", "at_risk"), ("late", "at_risk"), ("late", "breached")]
    assert len(watch) == 0


def test_a_paused_task_crosses_nothing() -> None:
    """While the clock stands still there is nothing to wait for; what was crossed before the pause fires."""
    watch = SlaWatch()
    for id, hours in (("a", 1.0), ("b", 3.5), ("c", 5.0)):
        watch.watch(done(named(id), "enqueue", "hold", hours=hours), PAUSABLE, at(20))
    assert heard(watch.due(at(20))) == [("c", "at_risk"), ("c", "breached"), ("b", "at_risk")]
    assert watch.next_due(at(20)) is None

    a = done(done(named("a"), "enqueue", "hold", hours=1), "release", hours=30)
    watch.watch(a, PAUSABLE, at(30))
    assert watch.next_due(at(30)) == at(32) + TICK


@pytest.mark.parametrize("ending", ["hold", "cancel"])
def test_what_is_held_or_ends_at_its_very_deadline_has_not_crossed_it(ending: str) -> None:
    """A watch that waited for the deadline, and one that hears of the task only now, say what its standing says."""
    waited, fresh = SlaWatch(), SlaWatch()
    waited.watch(new_task(), PAUSABLE, NOW)
    task = done(new_task(), "enqueue", ending, hours=4)
    for watch in (waited, fresh):
        watch.watch(task, PAUSABLE, at(9))
        assert heard(watch.due(at(9))) == [("T-1", "at_risk")]
        assert watch.next_due(at(9)) is None
    assert standing(task, PAUSABLE, at(9)).status in ("at_risk", "none")


@pytest.mark.parametrize("calendar", [None, OFFICE], ids=["round the clock", "office"])
@pytest.mark.parametrize("held", [2, 6, 7, 7.5, 24, 75])
def test_a_paused_task_has_crossed_what_its_standing_says(held: float, calendar: Any) -> None:
    """Whenever a task of seven hours was held, ``due`` tells of a breach exactly where ``standing`` does."""
    spec = attrs.evolve(PAUSABLE, sla=7 * HOUR, calendar=calendar)
    watch, task = SlaWatch(), done(new_task(), "enqueue", "hold", hours=held)
    watch.watch(task, spec, at(held + 1))

    assert (("T-1", "breached") in heard(watch.due(at(held + 1)))) == (held > 7)
    assert (standing(task, spec, at(held + 1)).status is BREACHED) == (held > 7)


def test_a_start_by_its_date_ends_the_watch() -> None:
    """In a queue by date nothing is crossed after the start."""
    spec, watch = QueueSpec("scheduled", by_date=True, at_risk=HOUR), SlaWatch()
    task = named("a", internals=Internals(scheduled_for=at(5)))
    watch.watch(task, spec, NOW)
    assert watch.next_due(NOW) == at(4) + TICK

    watch.watch(done(task, "enqueue", "schedule", "start", hours=4.5), spec, at(9))
    assert heard(watch.due(at(9))) == [("a", "at_risk")]


def test_a_forecast_fires_at_risk_early_and_once() -> None:
    """A predicted finish after the deadline fires at risk at once; the warning then tells nothing more."""
    watch = SlaWatch()
    watch.watch(new_task(), SPEC, at(1), expected=at(4))
    assert watch.due(at(1)) == []
    watch.watch(new_task(), SPEC, at(1), expected=at(5))

    assert watch.next_due(at(1)) == at(1)
    assert watch.due(at(1)) == [Crossing("T-1", AT_RISK, at(1), at(4))]
    assert watch.next_due(at(1)) == at(4) + TICK


def test_best_effort_is_not_watched() -> None:
    """Where nothing is promised nothing is crossed; a task that moves there is let go."""
    watch = SlaWatch()
    watch.watch(new_task(), SPEC, NOW)
    watch.watch(new_task(), QueueSpec("backlog"), at(1))

    assert len(watch) == 0
    assert watch.due(at(99)) == []


def test_forgetting_for_good_leaves_nothing() -> None:
    """What has fired outlives forgetting, unless the task will never come back."""
    watch = SlaWatch()
    watch.watch(new_task(), SPEC, NOW)
    watch.due(at(9))
    watch.forget("T-1")
    assert watch.fired != {}
    watch.forget("T-1", for_good=True)
    watch.forget("never seen")

    assert watch.fired == {}


def test_changes_without_end_leave_no_timers_behind() -> None:
    """A task that is watched again ten thousand times has one timer, not ten thousand."""
    watch, tasks = SlaWatch(), [named(f"T-{number}") for number in range(10)]
    tracemalloc.start()
    for turn in range(10_000):
        watch.watch(tasks[turn % 10], QueueSpec("q", (10 + turn) * HOUR), NOW)
    left, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(watch) == 10
    assert left < 100_000  # ten thousand timers are ten times as much
    for task in tasks:
        watch.forget(task.id)
    assert len(watch) == 0


@pytest.mark.parametrize("fired", [{"T-1": ["late"]}, {"T-1": ["met"]}, {"T-1": "at_risk!"}])
def test_an_unknown_threshold_is_refused(fired: Any) -> None:
    """What is given back must name thresholds there are."""
    with pytest.raises(InvalidDocument, match="is no threshold"):
        SlaWatch(fired)


@pytest.mark.parametrize(
    ("fired", "path"),
    [
        ({"a": 5}, "fired['a']"),
        ({"a": None}, "fired['a']"),
        ({"a": [10**5000]}, "fired['a']"),
        ("x", "fired"),
        (["a"], "fired"),
        ({10**5000: []}, "fired"),
    ],
    ids=["a number", "nothing", "huge", "a text", "a list", "no id"],
)
def test_what_was_never_fired_is_refused(fired: Any, path: str) -> None:
    """What is given back must be what ``fired`` gave: lists of thresholds by task."""
    with pytest.raises(InvalidDocument) as caught:
        SlaWatch(fired)
    assert [problem.path for problem in caught.value.problems] == [path]


def test_bad_times_change_nothing() -> None:
    """A naive time, or a deadline beyond the calendar, is a typed error, and the watch is as before."""
    naive, watch = NOW.replace(tzinfo=None), SlaWatch()
    watch.watch(new_task(), SPEC, NOW)
    far = named("T-1", datetime(9999, 12, 31, 23, tzinfo=UTC))
    for ask in (
        lambda: watch.watch(new_task(), SPEC, naive),
        lambda: watch.watch(new_task(), SPEC, NOW, expected=naive),
        lambda: watch.watch(far, SPEC, NOW),
        lambda: watch.due(naive),
        lambda: watch.next_due(naive),
    ):
        with pytest.raises(InvalidTask):
            ask()

    assert watch.next_due(NOW) == at(3) + TICK
    assert len(watch) == 1


TASKS = [named(f"T-{number}", at(number / 2), at=None if number % 2 else at(number + 2)) for number in range(6)]
VERBS = ["enqueue", "hold", "release", "cancel", "schedule", "start", "block", "unblock", "complete"]
NUMBERS = st.integers(0, len(TASKS) - 1)
STEPS = st.integers(0, 16).map(lambda quarters: quarters * HOUR / 4)
SPECS = [QueueSpec("q", hours * HOUR, pause_in={"ON_HOLD"}) for hours in (1, 2, 5)] + [  # type: ignore[arg-type]
    QueueSpec("q", 4 * HOUR, at_risk=3 * HOUR),
    QueueSpec("q", 4 * HOUR, anchor="entered", grace=900),  # type: ignore[arg-type]
    QueueSpec("q", 2 * HOUR, anchor="started", pause_in={"QUEUED", "BLOCKED"}),  # type: ignore[arg-type]
    QueueSpec("q", 3 * HOUR, calendar=OFFICE, pause_in={"ON_HOLD"}, grace=60),  # type: ignore[arg-type]
    QueueSpec("dated", by_date=True),
    QueueSpec("dated", 2 * HOUR, by_date=True, at_risk=HOUR, grace=0, calendar=OFFICE),
    QueueSpec("backlog"),
]


class Watching(RuleBasedStateMachine):
    """Tasks that change, are moved, forgotten and asked about at any time, beside a plain list of what is to fire."""

    def __init__(self) -> None:
        super().__init__()
        self.watch, self.now = SlaWatch(), NOW
        self.tasks: dict[str, tuple[Task, QueueSpec, datetime | None]] = {}  # with what a forecast says of it
        self.current = {task.id: task for task in TASKS}
        self.told: list[tuple[str, SlaStatus]] = []

    def crossed(self, now: datetime) -> Iterator[tuple[str, SlaStatus]]:
        """What the standings say at *now*, of the tasks that are watched."""
        for task, spec, expected in self.tasks.values():
            status = standing(task, spec, now, expected=expected).status
            if status in (AT_RISK, BREACHED):
                yield task.id, AT_RISK
            if status is BREACHED:
                yield task.id, BREACHED

    def collect(self) -> None:
        """Ask, and compare the answer with the standings."""
        for crossing in self.watch.due(self.now):
            key = crossing.task_id, crossing.threshold
            assert key not in self.told, "once"
            is_foreseen = crossing.threshold is AT_RISK and crossing.at == self.now
            assert crossing.at < self.now or is_foreseen, "never early"
            self.told.append(key)
        assert set(self.crossed(self.now)) <= set(self.told), "never missed"

    @rule(step=STEPS)
    def time_passes(self, step: timedelta) -> None:
        """Time passes; the promises of ``next_due`` hold until then."""
        due = self.watch.next_due(self.now)
        later = self.now + step
        new = set(self.crossed(later)) - set(self.told)
        assert not new or (due is not None and due <= later), "next_due is never later than the next crossing"
        if due is not None and due > self.now:
            assert not set(self.crossed(due - TICK)) - set(self.told)
            assert set(self.crossed(due)) - set(self.told), "it does not cry wolf"
        self.now = later

    @rule()
    def ask(self) -> None:
        """Everything that was crossed is told, once."""
        self.collect()

    @rule(number=NUMBERS, spec=st.sampled_from(SPECS), wait=st.none() | STEPS)
    def put(self, number: int, spec: QueueSpec, wait: timedelta | None) -> None:
        """A task is watched, or moved, perhaps with what a forecast says of it."""
        self.collect()
        task = self.current[TASKS[number].id]
        if task.created_at <= self.now:
            expected = None if wait is None else self.now + wait
            self.tasks[task.id] = task, spec, expected
            self.watch.watch(task, spec, self.now, expected=expected)

    @precondition(lambda self: self.tasks)
    @rule(number=NUMBERS, verb=st.sampled_from(VERBS))
    def change(self, number: int, verb: str) -> None:
        """A watched task changes."""
        self.collect()
        id = TASKS[number].id
        if id in self.tasks:
            task, spec, _ = self.tasks[id]
            with contextlib.suppress(IllegalTransition):  # the story goes on without it
                changed, _ = advance(task, verb, now=self.now, by="us")
                self.current[id] = changed
                self.tasks[id] = changed, spec, None
                self.watch.watch(changed, spec, self.now)

    @rule(number=NUMBERS)
    def let_go(self, number: int) -> None:
        """A task is forgotten; what it crossed before may have been told or not."""
        self.collect()
        self.tasks.pop(TASKS[number].id, None)
        self.watch.forget(TASKS[number].id)

    @rule()
    def restart(self) -> None:
        """The host starts again with what it kept."""
        self.collect()
        self.watch = SlaWatch(json.loads(json.dumps(self.watch.fired)))
        for task, spec, expected in self.tasks.values():
            self.watch.watch(task, spec, self.now, expected=expected)

    @invariant()
    def no_leak(self) -> None:
        """What is no longer watched is no longer waited for."""
        assert len(self.watch) <= len(self.tasks)


TestWatching = Watching.TestCase


@given(lengths=st.lists(st.integers(1, 30), min_size=1, max_size=12), nows=st.lists(st.integers(0, 160), max_size=12))
def test_any_sequence_of_questions_tells_everything_once(lengths: list[int], nows: list[int]) -> None:
    """For any nows, forwards or back: what was crossed by the latest of them is told exactly once, and nothing else."""
    watch, specs, told, latest = SlaWatch(), [QueueSpec("q", hours * HOUR) for hours in lengths], [], NOW
    for number, spec in enumerate(specs):
        watch.watch(named(f"T-{number}"), spec, NOW)
    for quarters in nows:
        now = NOW + quarters * HOUR / 4
        latest = max(latest, now)
        new = watch.due(now)
        assert all(crossing.at < now for crossing in new)
        told += new
    expected = set()
    for number, spec in enumerate(specs):
        due = deadline(named(f"T-{number}"), spec)
        assert due is not None
        expected |= {(f"T-{number}", AT_RISK)} if latest > warning(due, spec) else set()
        expected |= {(f"T-{number}", BREACHED)} if latest > due else set()

    assert len(told) == len(expected)
    assert {(crossing.task_id, crossing.threshold) for crossing in told} == expected


def test_the_same_task_in_two_hands_is_one() -> None:
    """A changed copy of a watched task replaces it; it does not stand beside it."""
    watch = SlaWatch()
    watch.watch(new_task(), SPEC, NOW)
    watch.watch(attrs.evolve(new_task(), created_at=at(1)), SPEC, at(1))

    assert len(watch) == 1
    assert watch.next_due(at(1)) == at(4) + TICK
