"""The service level of a task: when it is due, what of its time is used up, and whether it will be kept.

All of it is worked out from the task and its queue; nothing is kept (design §6). The instant of the deadline is still
in time: a task is at risk *after* ``warning``, breached *after* its deadline and the grace of its queue, and met when
it ended *by* then.
"""

from datetime import datetime, timedelta
from enum import StrEnum

import attrs

from taskorch.core.deadlines import (
    DeadlineBasis,
    anchored_at,
    between,
    deadline,
    is_of_start,
    is_paused,
    last_moment,
    pauses,
    promised,
    settled_at,
    unfit,
    warning,
)
from taskorch.core.estimates import given_of
from taskorch.core.predictions import Prediction
from taskorch.core.queues import QueueSpec, expect_spec
from taskorch.core.states import State
from taskorch.core.task import Task, expect_task
from taskorch.core.times import NOTHING, in_utc, write_time
from taskorch.errors import InvalidCalendar, InvalidTask

__all__ = ["DeadlineBasis", "SlaStatus", "Standing", "deadline", "is_paused", "settled_at", "standing", "warning"]


class SlaStatus(StrEnum):
    """How a task stands to its deadline (design §6)."""

    NONE = "none"
    """There is no deadline, or the task was cancelled before it."""
    ON_TRACK = "on_track"
    AT_RISK = "at_risk"
    """Less than the lead time is left, or the forecast says that it will be late."""
    BREACHED = "breached"
    MET = "met"
    """Completed by its deadline, grace included; in a queue by date started by then, whatever came of it."""
    MISSED = "missed"
    """Completed or cancelled after that; or failed for good, at whatever time, since that keeps no promise."""


@attrs.frozen(kw_only=True)
class Standing:
    """How a task stands to its service level, and from what that was worked out.

    Durations are working time where the queue has a calendar, and leave out pauses. Where there is no deadline, since
    nothing was promised or the anchor has not come yet, every figure is None.

    Attributes:
        deadline: When it is due.
        elapsed: What is used up of the time allowed, by now or by the end of the task.
        remaining: What is left of it, negative when late; ``elapsed + remaining == allowed``.
        slack: What is left beyond the work that is left by its estimate and progress; None without an estimate that
            counts (above 0, at most a century). When nothing more is to be done for the promise, it is all
            that is left.
        used: ``elapsed / allowed``; None where nothing was allowed.
        status: The verdict.
        paused: Whether the clock stands still now.
        expected: The predicted finish or start that was given, or None.
        task_id: The task.
        queue: The queue whose service level it is.
        now: The time asked about.
        basis: What the deadline rests on.
        since: Where the clock began.
        allowed: How long it may take.
        pauses: How long the clock has stood still.
        lead: With less than this left it is at risk.
        grace: How long after its deadline it is still in time.
    """

    deadline: datetime | None
    elapsed: timedelta | None
    remaining: timedelta | None
    slack: timedelta | None
    used: float | None
    status: SlaStatus
    paused: bool = False
    expected: datetime | None = None
    task_id: str = ""
    queue: str = ""
    now: datetime | None = None
    basis: DeadlineBasis = DeadlineBasis.NONE
    since: datetime | None = None
    allowed: timedelta | None = None
    pauses: timedelta = NOTHING
    lead: timedelta | None = None
    grace: timedelta = NOTHING

    def explain(self) -> str:
        """The verdict and its inputs, in one sentence."""
        if self.deadline is None or self.since is None:
            reason = "the clock has not begun" if self.basis is DeadlineBasis.SERVICE_LEVEL else "nothing was promised"
            return f"{self.task_id} in {self.queue}: {self.status}; no deadline, {reason}"
        source = {
            DeadlineBasis.SERVICE_LEVEL: f"{write_time(self.since)} + {self.allowed}",
            DeadlineBasis.DATE: "the date of its start",
        }.get(self.basis, "as its document says")
        parts = [f"{self.task_id} in {self.queue}: {self.status}", f"due {write_time(self.deadline)} ({source})"]
        share = "" if self.used is None else f" ({self.used:.0%})"
        late = self.remaining is not None and self.remaining < NOTHING
        parts.append(f"{self.elapsed} used{share}, {abs(self.remaining or NOTHING)} {'over' if late else 'left'}")
        if self.pauses or self.paused:
            parts.append(f"{self.pauses} paused" + (" and still is" if self.paused else ""))
        if self.slack is not None:
            parts.append(f"slack {'-' * (self.slack < NOTHING)}{abs(self.slack)}")
        if self.grace:
            parts.append(f"in time for {self.grace} after that")
        if self.expected is not None:
            parts.append(f"expected {write_time(self.expected)}")
        if self.lead is not None:
            parts.append(f"at risk below {self.lead}")
        return "; ".join(parts)


def standing(
    task: Task,
    spec: QueueSpec,
    now: datetime,
    *,
    expected: datetime | Prediction | None = None,
    entered_at: datetime | None = None,
) -> Standing:
    """How *task* stands to the service level of *spec* at *now* (D0, sla-tracker; design §6).

    Args:
        task: The task.
        spec: Its queue.
        now: The time (UTC); one before the anchor counts as the anchor.
        expected: What a forecast says of it; or when it will be finished, where its deadline is that of its start,
            when it will be started.
        entered_at: As for ``deadline``.

    Raises:
        InvalidTask: A time has no zone, or is beyond the calendar; *task* is none, or *expected* tells of another.
        InvalidQueue: *spec* is no queue.
    """
    expect_task(task)
    expect_spec(spec)
    now = in_utc(now, "now", InvalidTask)
    expected = foreseen(task, spec, expected)
    due = deadline(task, spec, now, entered_at=entered_at)
    clock = _Clock(None, None, None, NOTHING)
    try:
        if due is not None:
            clock = _clock(task, spec, due, now, entered_at)
        slack = _slack(task, spec, clock.remaining)
    except (OverflowError, ValueError, InvalidCalendar) as error:
        raise unfit(error, task.id) from None
    return Standing(
        deadline=due,
        elapsed=clock.elapsed,
        remaining=clock.remaining,
        slack=slack,
        used=clock.elapsed / clock.allowed if clock.elapsed is not None and clock.allowed else None,
        status=_status(task, spec, due, now, expected),
        paused=is_paused(task, spec),
        expected=expected,
        task_id=task.id,
        queue=spec.name,
        now=now,
        basis=promised(task, spec)[0],
        since=clock.since,
        allowed=clock.allowed,
        pauses=clock.pauses,
        lead=spec.lead,
        grace=spec.grace,
    )


def foreseen(task: Task, spec: QueueSpec, expected: datetime | Prediction | None) -> datetime | None:
    """The instant that counts of what is *expected*, in UTC: the start where the deadline is that, else the finish.

    Raises:
        InvalidTask: It has no zone, or is said of another task.
    """
    if not isinstance(expected, Prediction):
        return None if expected is None else in_utc(expected, "expected", InvalidTask)
    if expected.id != task.id:
        message = f"is what is expected of task {expected.id[:128]!r}"
        raise InvalidTask.because(message, "give forecast.of(task.id)", "expected", task.id)
    return expected.start if is_of_start(promised(task, spec)[0], spec) else expected.finish


@attrs.frozen
class _Clock:
    """The clock of a service level, as it stands at some time."""

    since: datetime | None
    allowed: timedelta | None
    elapsed: timedelta | None
    pauses: timedelta

    @property
    def remaining(self) -> timedelta | None:
        return None if self.allowed is None or self.elapsed is None else self.allowed - self.elapsed


def _clock(task: Task, spec: QueueSpec, due: datetime, now: datetime, entered_at: datetime | None) -> _Clock:
    anchor = anchored_at(task, spec, entered_at) if promised(task, spec)[0] is DeadlineBasis.SERVICE_LEVEL else None
    if anchor is None or spec.sla is None:  # a date: no pause moves it
        since, stops = task.created_at, list[tuple[datetime, datetime | None]]()
        allowed = max(between(spec, since, due), NOTHING)
    else:
        since, stops, allowed = anchor, list(pauses(task, spec)), spec.sla
    until = max(settled_at(task, spec) or now, since)
    elapsed, start = NOTHING, since
    for opens, closes in [*stops, (until, None)]:
        if start < min(opens, until):
            elapsed += between(spec, start, min(opens, until))
        start = max(start, closes or until)
    return _Clock(since, allowed, elapsed, between(spec, since, until) - elapsed)


def _slack(task: Task, spec: QueueSpec, remaining: timedelta | None) -> timedelta | None:
    if remaining is None or task.is_final or is_of_start(promised(task, spec)[0], spec):
        return remaining
    estimate = given_of(task)
    return None if estimate is None else remaining - estimate * (1 - task.execution.progress_percent / 100)


def _status(task: Task, spec: QueueSpec, due: datetime | None, now: datetime, expected: datetime | None) -> SlaStatus:
    if due is None:
        return SlaStatus.NONE
    settled = settled_at(task, spec)
    is_late = (now if settled is None else settled) > last_moment(due, spec)
    if not task.is_final:
        if is_late:
            return SlaStatus.BREACHED
        is_foreseen = expected is not None and expected > last_moment(due, spec)
        is_at_risk = settled is None and (is_foreseen or now > warning(due, spec))
        return SlaStatus.AT_RISK if is_at_risk else SlaStatus.ON_TRACK
    state = task.state.current
    has_started = is_of_start(promised(task, spec)[0], spec) and task.execution.started_at is not None
    if is_late or (state is State.FAILED and not has_started):
        return SlaStatus.MISSED
    return SlaStatus.MET if state is State.COMPLETED or has_started else SlaStatus.NONE
