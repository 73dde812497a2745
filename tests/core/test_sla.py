"""Deadlines and standings: anchors, pauses, calendars, dates, and the verdict while open and once final."""

import contextlib
import json
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorch import (
    DEFAULT_QUEUES,
    BusinessCalendar,
    IllegalTransition,
    InvalidTask,
    QueueSpec,
    SlaStatus,
    State,
    Task,
    Window,
    advance,
    measure,
    standing,
)
from taskorch.core.calendars import subtract
from taskorch.core.sla import DeadlineBasis, deadline, is_paused, settled_at, warning
from taskorch.core.task import Execution, Internals, QueueEntry
from tests.core.samples import NOW, SHARED, after, needs_shared, new_task

TICK, HOUR, DAY = timedelta(microseconds=1), timedelta(hours=1), timedelta(days=1)
QUEUES = {spec.name: spec for spec in DEFAULT_QUEUES}
OFFICE = BusinessCalendar({day: [("09:00", "17:00")] for day in range(5)}, tz="UTC")  # NOW is a Friday, ten o'clock
PAUSING = frozenset({State.ON_HOLD, State.BLOCKED})
VERBS = ["enqueue", "hold", "release", "schedule", "start", "block", "unblock", "complete", "fail", "retry", "cancel"]


def lived(*story: tuple[str, float], task: Task | None = None, **options: Any) -> Task:
    """A task to which these verbs were done, each so many hours after ``NOW``."""
    task = task or attrs.evolve(new_task(), queue=QueueEntry(name="q", entered_at=NOW))
    for verb, hours in story:
        task, _ = advance(task, verb, now=at(hours), by="us", **(options if verb == "fail" else {}))
    return task


def at(hours: float) -> datetime:
    """So many hours after ``NOW``."""
    return after(3600 * hours)


def status(task: Task, spec: QueueSpec, hours: float, **expected: Any) -> str:
    """The status so many hours after ``NOW``."""
    return standing(task, spec, at(hours), **expected).status.value


@needs_shared
def test_the_example_of_the_document_is_due_when_it_says() -> None:
    """D0's task, created 10:35:00 in a queue of eight hours, is due 18:35:00, as its document has it."""
    text = next(SHARED.glob("documents/001*.txt")).read_text(encoding="utf-8")
    blocks = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    document = next(block for block in blocks if '"sla_deadline"' in block)
    task = Task.from_dict(json.loads(document))
    spec = QUEUES[str(task.queue.name)]

    assert deadline(task, spec) == datetime(2024, 1, 15, 18, 35, tzinfo=UTC) == task.queue.sla_deadline
    assert deadline(attrs.evolve(task, queue=QueueEntry()), spec) == task.queue.sla_deadline
    assert warning(datetime(2024, 1, 15, 18, 35, tzinfo=UTC), spec) == datetime(2024, 1, 15, 17, 35, tzinfo=UTC)


@pytest.mark.parametrize("spec", [spec for spec in DEFAULT_QUEUES if spec.sla], ids=lambda spec: spec.name)
def test_a_task_is_at_risk_after_its_warning_and_breached_after_its_deadline(spec: QueueSpec) -> None:
    """The warning and the deadline themselves are still before it; what ended by the deadline is met."""
    task, length = new_task(), spec.sla or DAY
    due = NOW + length
    alarm = due - min(HOUR, length / 4)

    assert deadline(task, spec) == due
    assert warning(due, spec) == alarm
    found = {now: standing(task, spec, now).status for now in (NOW, alarm, alarm + TICK, due, due + TICK)}
    assert [*found.values()] == ["on_track", "on_track", "at_risk", "at_risk", "breached"]


@pytest.mark.parametrize(
    ("anchor", "hours"), [("created", 4), ("entered", 5), ("started", 6)], ids=["created", "entered", "started"]
)
def test_the_clock_begins_at_the_anchor(anchor: Any, hours: float) -> None:
    """Four hours count from the creation, the entering of the queue, or the first start."""
    spec = QueueSpec("q", 4 * HOUR, anchor=anchor)
    task = attrs.evolve(new_task(), queue=QueueEntry(name="q"))
    done = lived(("enqueue", 1), ("schedule", 1), ("start", 2), ("fail", 3), ("retry", 4), task=task, retry_at=at(4))

    assert deadline(done, spec) == at(hours)
    assert standing(done, spec, at(4)).since == at(hours - 4)


@pytest.mark.parametrize("anchor", ["entered", "started"])
def test_before_the_anchor_there_is_no_deadline(anchor: Any) -> None:
    """A task that has not entered, or not started, has no deadline yet, and no figures; nor one by its document."""
    spec = QueueSpec("q", HOUR, anchor=anchor)
    task = attrs.evolve(new_task(), queue=QueueEntry(name="q", sla_deadline=NOW))
    found = standing(task, spec, at(9))

    assert deadline(task, spec) is None
    assert (found.status, found.elapsed, found.remaining, found.used) == ("none", None, None, None)
    assert "the clock has not begun" in found.explain()


def test_the_time_of_entering_may_be_told() -> None:
    """Whoever puts a task into a queue says when, since the task does not say it yet."""
    spec = QueueSpec("q", HOUR, anchor="entered")  # type: ignore[arg-type]

    assert deadline(new_task(), spec, entered_at=at(2)) == at(3)
    assert standing(new_task(), spec, at(2.5), entered_at=at(2)).used == 0.5


def test_a_pause_moves_the_deadline() -> None:
    """Time in a state of ``pause_in`` does not count; while it lasts, the rest stays what it was."""
    spec = QueueSpec("q", 4 * HOUR, pause_in=PAUSING)
    held = lived(("enqueue", 0), ("hold", 1))
    on = lived(("release", 3), ("schedule", 3), ("start", 3.5), ("block", 4), task=held)
    again = lived(("unblock", 6), ("start", 6), task=on)

    assert [deadline(held, spec, at(hours)) for hours in (1, 2, 9)] == [at(4), at(5), at(12)]
    assert standing(held, spec, at(9)).remaining == 3 * HOUR
    assert is_paused(held, spec)
    assert not is_paused(again, spec)
    assert deadline(on, spec, at(5)) == at(7)
    assert deadline(again, spec) == at(8)
    found = standing(again, spec, at(7))
    assert (found.elapsed, found.remaining, found.pauses) == (3 * HOUR, HOUR, 4 * HOUR)


def test_without_a_now_a_pause_ends_as_it_begins() -> None:
    """Asked without a time, the deadline of a paused task is the earliest it can be."""
    assert deadline(lived(("enqueue", 0), ("hold", 1)), QueueSpec("q", 4 * HOUR, pause_in=PAUSING)) == at(4)


def test_no_pause_undoes_a_breach() -> None:
    """A task that was late before it was held stays late, however long it is held."""
    spec = QueueSpec("q", 4 * HOUR, pause_in=PAUSING)
    held = lived(("enqueue", 0), ("hold", 5))

    assert deadline(held, spec, at(50)) == at(4)
    assert status(held, spec, 50) == "breached"
    assert standing(held, spec, at(50)).remaining == -HOUR


def test_a_pause_from_the_very_deadline_on_is_no_breach() -> None:
    """The instant of the deadline is in time, also to stop the clock; what follows the pause is late at once."""
    spec = QueueSpec("q", 4 * HOUR, pause_in=PAUSING)
    held = lived(("enqueue", 0), ("hold", 4))
    released = lived(("release", 10), task=held)
    found = standing(held, spec, at(9))

    assert (found.status, found.remaining, found.paused) == ("at_risk", timedelta(0), True)
    assert (found.deadline, deadline(held, spec)) == (at(9), at(4))
    assert [standing(released, spec, now).status for now in (at(10), at(10) + TICK)] == ["at_risk", "breached"]
    assert status(lived(("schedule", 10), ("start", 10), ("complete", 10), task=released), spec, 99) == "met"
    just_late, _ = advance(lived(("enqueue", 0)), "hold", now=at(4) + TICK, by="us")
    assert status(just_late, spec, 9) == "breached"


def test_a_pause_after_hours_undoes_no_breach() -> None:
    """What was due when the office closed is late a moment later, though no working time has passed since."""
    spec = QueueSpec("q", 7 * HOUR, calendar=OFFICE, pause_in=PAUSING)  # from ten to five o'clock
    closing, evening = (lived(("enqueue", 0), ("hold", hours)) for hours in (7, 8))

    assert [status(task, spec, 20) for task in (closing, evening)] == ["at_risk", "breached"]
    assert [deadline(task, spec, at(20)) for task in (closing, evening)] == [at(20), at(7)]
    assert standing(evening, spec, at(20)).remaining == timedelta(0)


@pytest.mark.parametrize("hours", [3, 4, 4.5])
def test_a_pause_counts_the_same_in_the_compliance(hours: float) -> None:
    """Held before, at or after its deadline: what is missed in the figures is what is breached by its standing."""
    spec = QueueSpec("q", 4 * HOUR, pause_in=PAUSING)
    task, events = attrs.evolve(new_task(), queue=QueueEntry(name="q")), []
    for verb, hour in (("enqueue", 0.0), ("hold", hours), ("release", 10)):
        task, event = advance(task, verb, now=at(hour), by="us")
        events.append(event)
        for now in (at(hour), at(hour) + TICK, at(hour + 2)):
            missed = measure(events, Window(NOW, at(99)), now, queues=[spec]).overall[2].sample
            assert missed == (standing(task, spec, now).status == "breached")


def test_a_pause_before_the_anchor_does_not_count() -> None:
    """Only what is paused after the clock began moves the deadline; a pause that covers the anchor counts from it."""
    spec = QueueSpec("q", 4 * HOUR, anchor="entered", pause_in={"CREATED", "QUEUED"})  # type: ignore[arg-type]
    task = attrs.evolve(new_task(), queue=QueueEntry(name="q"))
    task = lived(("enqueue", 1), ("hold", 3), task=task)

    assert deadline(task, spec) == at(7)
    assert standing(task, spec, at(4)).elapsed == HOUR

    spec = QueueSpec("q", 4 * HOUR, anchor="started", pause_in=PAUSING)  # type: ignore[arg-type]
    task = lived(("enqueue", 0), ("hold", 1), ("release", 2), ("schedule", 2), ("start", 3))
    assert deadline(task, spec) == at(7)
    assert standing(task, spec, at(4)).elapsed == HOUR


def test_a_standing_of_the_past_leaves_out_what_came_later() -> None:
    """Asked about an earlier time, the figures are those of then, though the task has been held since."""
    task = lived(("enqueue", 0), ("hold", 2), ("release", 3))

    assert standing(task, QueueSpec("q", 4 * HOUR, pause_in=PAUSING), at(1)).elapsed == HOUR


def test_a_calendar_counts_working_hours() -> None:
    """Ten hours from Friday at ten end on Monday at noon; the warning is an hour of work before, over the weekend."""
    spec = QueueSpec("q", 10 * HOUR, calendar=OFFICE, at_risk=4 * HOUR)
    due = deadline(new_task(), spec)
    found = standing(new_task(), spec, at(48))

    assert due == at(3 * 24 + 2)
    assert warning(due, spec) == at(6)
    assert (found.elapsed, found.remaining, found.status) == (7 * HOUR, 3 * HOUR, "at_risk")


def test_pauses_are_counted_in_working_hours() -> None:
    """Of a pause from Friday four o'clock to Monday ten, two working hours move the deadline."""
    spec = QueueSpec("q", 8 * HOUR, calendar=OFFICE, pause_in=PAUSING)
    task = lived(("enqueue", 0), ("hold", 6), ("release", 72))
    found = standing(task, spec, at(73))

    assert deadline(task, spec) == at(74)
    assert (found.elapsed, found.pauses, found.remaining) == (7 * HOUR, 2 * HOUR, HOUR)


def test_in_a_queue_by_date_the_date_is_the_deadline_of_the_start() -> None:
    """A start by the date keeps the promise, whenever the task ends; no hold moves the date."""
    spec = attrs.evolve(QUEUES["scheduled"], pause_in=PAUSING)
    task = new_task(internals=Internals(scheduled_for=at(5)))
    held = lived(("enqueue", 0), ("hold", 1), task=task)
    started = lived(("start", 5), task=held)
    in_grace = lived(("start", 5.01), task=held)
    late = lived(("start", 5.02), task=held)

    assert deadline(task, spec) == deadline(held, spec, at(9)) == at(5)
    assert warning(at(5), spec) == at(5) + timedelta(minutes=1)  # it may not start before its date: that is no risk
    assert warning(at(5), attrs.evolve(spec, at_risk=HOUR)) == at(4)
    assert [status(held, spec, hours) for hours in (4.5, 5, 5.01, 6)] == [*["on_track"] * 3, "breached"]
    assert not is_paused(held, spec)
    assert (settled_at(held, spec), settled_at(started, spec)) == (None, at(5))
    assert status(started, spec, 99) == "on_track"
    assert status(lived(("complete", 99), task=started), spec, 99) == "met"
    assert status(lived(("fail", 99), task=started), spec, 99) == "met"
    assert status(late, spec, 6) == "breached"
    assert status(lived(("complete", 99), task=in_grace), spec, 99) == "met"
    assert status(lived(("complete", 99), task=late), spec, 99) == "missed"
    assert status(lived(("cancel", 3), task=held), spec, 9) == "none"
    assert status(lived(("cancel", 6), task=held), spec, 9) == "missed"


def test_a_deadline_in_a_document_counts_only_where_the_queue_promises_nothing() -> None:
    """A document's own deadline stands in a queue without a service level, if it is in that queue; else it does not."""
    task = attrs.evolve(new_task(), queue=QueueEntry(name="backlog", sla_deadline=at(7)))
    moved = attrs.evolve(task, queue=QueueEntry(name="normal", sla_deadline=at(7)))

    assert deadline(task, QUEUES["backlog"]) == at(7)
    assert standing(task, QUEUES["backlog"], at(3.5)).basis is DeadlineBasis.DOCUMENT
    assert standing(task, QUEUES["backlog"], at(3.5)).used == 0.5
    assert deadline(moved, QUEUES["normal"]) == at(24)
    assert deadline(moved, QUEUES["backlog"]) is None
    assert standing(moved, QUEUES["backlog"], at(9)).status == "none"


@pytest.mark.parametrize(
    ("end", "story", "expected"),
    [
        pytest.param("completed", [("complete", 4)], "met", id="completed at the deadline"),
        pytest.param("completed", [("complete", 4.001)], "missed", id="completed late"),
        pytest.param("failed", [("fail", 2)], "missed", id="failed"),
        pytest.param("failed", [("fail", 5)], "missed", id="failed late"),
        pytest.param("cancelled", [("cancel", 2)], "none", id="cancelled in time"),
        pytest.param("cancelled", [("cancel", 5)], "missed", id="cancelled too late"),
    ],
)
def test_once_final_the_promise_was_kept_or_not(end: str, story: Any, expected: str) -> None:
    """The instant of the end decides, whenever one asks; a failure keeps no promise, a cancel in time withdraws it."""
    spec = QueueSpec("q", 4 * HOUR)
    task = lived(("enqueue", 0), ("schedule", 0), ("start", 0), *story)

    assert task.is_final
    assert {status(task, spec, hours) for hours in (0, 3, 4, 100)} == {expected}
    assert standing(task, spec, at(100)).elapsed == story[0][1] * HOUR


def test_a_failure_to_be_retried_is_still_open() -> None:
    """While a retry is pending the clock runs on."""
    spec = QueueSpec("q", 4 * HOUR)
    task = lived(("enqueue", 0), ("schedule", 0), ("start", 0), ("fail", 1), retry_at=at(6))

    assert [status(task, spec, hours) for hours in (2, 3.5, 5)] == ["on_track", "at_risk", "breached"]


def test_a_forecast_puts_a_task_at_risk() -> None:
    """A predicted finish after the deadline is a risk at once; one at the deadline is none."""
    spec = QueueSpec("q", 4 * HOUR)
    task = new_task()

    assert status(task, spec, 0, expected=at(4)) == "on_track"
    assert status(task, spec, 0, expected=at(4) + TICK) == "at_risk"
    assert status(task, spec, 5, expected=at(9)) == "breached"
    assert standing(task, spec, NOW, expected=at(9)).expected == at(9)


@pytest.mark.parametrize(
    ("hours", "percent", "slack"), [(2, 0, 1), (2, 50, 2), (2, 100, 3), (5, 0, -2), (0, 0, None), (None, 50, None)]
)
def test_slack_is_what_is_left_beyond_the_work_left(hours: Any, percent: int, slack: float | None) -> None:
    """What is left of the time less what is left of the work; nothing is claimed without an estimate."""
    task = new_task(execution=Execution(estimated_duration_hours=hours, progress_percent=percent))
    found = standing(task, QueueSpec("q", 4 * HOUR), at(1))

    assert found.slack == (None if slack is None else slack * HOUR)


def test_best_effort_has_no_deadline() -> None:
    """In the backlog nothing is promised, and nothing is made up."""
    found = standing(new_task(), QUEUES["backlog"], at(99))

    assert (found.deadline, found.elapsed, found.slack, found.used, found.status) == (None, None, None, None, "none")
    assert "nothing was promised" in found.explain()


def test_a_standing_explains_itself() -> None:
    """The verdict in words names what it was worked out from."""
    spec = QueueSpec("q", 4 * HOUR, pause_in=PAUSING)
    task = attrs.evolve(
        lived(("enqueue", 0), ("hold", 1)), execution=Execution(estimated_duration_hours=2, progress_percent=0)
    )

    assert standing(task, spec, at(2), expected=at(9)).explain() == (
        "T-1 in q: at_risk; due 2026-11-20T15:00:00Z (2026-11-20T10:00:00Z + 4:00:00); 1:00:00 used (25%), "
        "3:00:00 left; 1:00:00 paused and still is; slack 1:00:00; expected 2026-11-20T19:00:00Z; at risk below 1:00:00"
    )
    assert "-" not in standing(task, QueueSpec("q", HOUR), at(2)).explain().split("used")[1].split(";")[0]


STORIES = st.lists(st.tuples(st.sampled_from(VERBS), st.integers(0, 20)), max_size=8)
SPECS = st.builds(
    QueueSpec,
    st.just("q"),
    st.integers(1, 40).map(lambda quarters: quarters * HOUR / 4),
    anchor=st.sampled_from(["created", "entered", "started"]),
    pause_in=st.frozensets(st.sampled_from(["CREATED", "QUEUED", "ON_HOLD", "BLOCKED", "FAILED"])),
    calendar=st.sampled_from([None, OFFICE]),
    at_risk=st.none() | st.integers(1, 300).map(lambda minutes: timedelta(minutes=minutes)),
)


def told(story: list[tuple[str, int]]) -> Task:
    """A task to which these verbs were done as far as they were legal, each so many quarters after the last."""
    task, hours = attrs.evolve(new_task(), queue=QueueEntry(name="q")), 0.0
    for verb, quarters in story:
        hours += quarters / 4
        retry: dict[str, Any] = {"retry_at": at(hours + 1)} if verb == "fail" and quarters % 2 else {}
        with contextlib.suppress(IllegalTransition):  # the story goes on without it
            task, _ = advance(task, verb, now=at(hours), by="us", **retry)
    return task


def running_minutes(task: Task, spec: QueueSpec, since: datetime, end: datetime) -> int:
    """The minutes that count, one by one."""
    count, history = 0, task.state.history
    while since < end:
        state = next((moment.state for moment in reversed(history) if moment.at <= since), State.CREATED)
        working = spec.calendar is None or (9 <= since.hour < 17 and since.weekday() < 5)
        count += working and state not in spec.pause_in
        since += timedelta(minutes=1)
    return count


@given(story=STORIES, spec=SPECS, wait=st.integers(-20, 40))
def test_a_standing_adds_up(story: list[tuple[str, int]], spec: QueueSpec, wait: int) -> None:
    """Elapsed is a count of running minutes; with what remains it is what was allowed; at the deadline nothing does."""
    task = told(story)
    now = task.state.changed_at + wait * HOUR / 4
    found = standing(task, spec, now)
    if found.deadline is None:
        assert spec.anchor != "created"
        return
    assert found.since is not None and found.allowed is not None  # noqa: PT018 - for the type checker
    assert found.elapsed is not None and found.remaining is not None  # noqa: PT018 - the same
    until = max(task.state.changed_at if task.is_final else now, found.since)

    assert found.elapsed == timedelta(minutes=running_minutes(task, spec, found.since, until))
    assert found.elapsed + found.remaining == spec.sla == found.allowed
    assert found.used == found.elapsed / found.allowed
    assert running_minutes(task, spec, found.since, min(found.deadline, until)) * timedelta(minutes=1) <= found.allowed
    if until > found.deadline:
        assert found.remaining <= timedelta(0)
    elif not spec.calendar and (wait >= 0 or task.is_final):
        assert found.remaining == found.deadline - until
    assert deadline(task, spec, now + DAY) >= found.deadline  # type: ignore[operator]


@given(story=STORIES, spec=SPECS, waits=st.lists(st.integers(0, 10), max_size=6))
def test_a_status_only_gets_worse(story: list[tuple[str, int]], spec: QueueSpec, waits: list[int]) -> None:
    """While a task stays as it is, it goes from on track to at risk to breached, never back; a breach is never met."""
    task, order = told(story), ["none", "on_track", "at_risk", "breached"]
    now, seen = task.state.changed_at, []
    for wait in waits:
        now += wait * HOUR / 4
        seen.append(standing(task, spec, now).status.value)

    if task.is_final:
        assert len(set(seen)) <= 1
        return
    assert seen == sorted(seen, key=order.index)
    if seen and seen[-1] == "breached" and task.state.current is State.IN_PROGRESS:
        assert standing(advance(task, "complete", now=now, by="us")[0], spec, now).status is SlaStatus.MISSED


@given(spec=SPECS, hours=st.integers(0, 400), minutes=st.integers(-90, 90))
def test_at_risk_is_less_than_the_lead_time_left(spec: QueueSpec, hours: int, minutes: int) -> None:
    """Through a calendar too: at risk exactly where less than the lead time is left."""
    task = attrs.evolve(new_task(), queue=QueueEntry(name="q", entered_at=NOW), execution=Execution(started_at=NOW))
    spec = attrs.evolve(spec, pause_in=frozenset())
    due = deadline(task, spec)
    assert due is not None
    for now in (at(hours), warning(due, spec) + timedelta(minutes=minutes)):
        found = standing(task, spec, max(now, NOW))
        assert found.remaining is not None
        if found.status != "breached":
            assert (found.status == "at_risk") == (found.remaining < spec.lead)


class Doubled:
    """A host's own calendar: every hour counts half."""

    def add(self, start: datetime, duration: timedelta) -> datetime:
        """Twice as long."""
        return start + 2 * duration

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Half as much."""
        return (end - start) // 2


def test_a_calendar_of_the_host_will_do() -> None:
    """A calendar need only add and measure; the warning is found by measuring."""
    spec = QueueSpec("q", 4 * HOUR, calendar=Doubled())
    due = deadline(new_task(), spec)

    assert due == at(8)
    assert warning(due, spec) == at(6)
    assert standing(new_task(), spec, at(4)).used == 0.5


@given(length=st.timedeltas(timedelta(0), 200 * HOUR), start=st.timedeltas(timedelta(0), 400 * HOUR))
def test_measuring_finds_what_a_business_calendar_subtracts(length: timedelta, start: timedelta) -> None:
    """The search in a host's calendar and the sum in a ``BusinessCalendar`` come to the same instant."""

    class Plain:
        add, between = OFFICE.add, OFFICE.between

    assert subtract(Plain(), NOW + start, length) == OFFICE.subtract(NOW + start, length)


FAR = [datetime(9999, 12, 31, 23, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)]


@pytest.mark.parametrize("calendar", [None, OFFICE], ids=["round the clock", "office"])
@pytest.mark.parametrize("created", FAR, ids=["year 9999", "year 1"])
def test_far_away_times_are_refused(created: datetime, calendar: Any) -> None:
    """A deadline or a warning beyond the calendar is a typed error that names the task."""
    task = Task.new("t", now=created, id="T-1")
    spec = QueueSpec("q", 4 * DAY, calendar=calendar, at_risk=40 * DAY)

    with pytest.raises(InvalidTask, match=r"T-1|queue.sla_deadline"):
        warning(deadline(task, spec) or NOW, spec)


def test_a_naive_time_is_refused() -> None:
    """A time without a zone is refused wherever it is given."""
    naive, spec = NOW.replace(tzinfo=None), QueueSpec("q", HOUR, anchor="entered", pause_in=PAUSING)  # type: ignore[arg-type]
    for ask in (
        lambda: standing(new_task(), spec, naive),
        lambda: standing(new_task(), spec, NOW, expected=naive),
        lambda: deadline(new_task(), spec, entered_at=naive),
        lambda: deadline(new_task(), spec, naive, entered_at=NOW),
        lambda: deadline(attrs.evolve(new_task(), created_at=naive), QUEUES["normal"]),
        lambda: deadline(new_task(internals=Internals(scheduled_for=naive)), QUEUES["scheduled"]),
        lambda: warning(naive, spec),
        lambda: warning(naive, attrs.evolve(spec, calendar=OFFICE)),
    ):
        with pytest.raises(InvalidTask):
            ask()


@pytest.mark.parametrize("hours", [1e6, 1e9, 1e12, 1e300])
def test_an_estimate_beyond_measure_says_nothing(hours: float) -> None:
    """An estimate of more than a century is none: there is no slack, and all else stands as without it."""
    task = new_task(execution=Execution(estimated_duration_hours=hours))

    assert standing(task, QUEUES["normal"], NOW) == standing(new_task(), QUEUES["normal"], NOW)
    assert standing(task, QUEUES["normal"], NOW).slack is None


def test_times_may_come_in_any_zone() -> None:
    """The same instant in another zone gives the same standing."""
    task, spec = new_task(), QueueSpec("q", 4 * HOUR)
    abroad = at(3).astimezone(timezone(-9 * HOUR))

    assert standing(task, spec, abroad, expected=abroad) == standing(task, spec, at(3), expected=at(3))


def test_the_grace_is_explained() -> None:
    """A start within the grace is told with what makes it one: the sentence names every input of the verdict."""
    spec = QueueSpec("dated", by_date=True, grace=60)
    task = new_task(internals=Internals(scheduled_for=at(5)), queue="dated")

    seen = standing(task, spec, at(5.01))

    assert (seen.status, seen.grace) == ("on_track", timedelta(minutes=1))
    assert "in time for 0:01:00 after that" in seen.explain()
    assert "in time for" not in standing(task, attrs.evolve(spec, grace=0), at(5.01)).explain()
