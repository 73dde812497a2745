"""When a task is due: the promise of its queue, through pauses and working hours, worked out and never kept."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from taskorch.core.calendars import subtract
from taskorch.core.queues import Anchor, QueueSpec
from taskorch.core.task import Task
from taskorch.core.times import LAST_INSTANT, NOTHING, in_utc
from taskorch.errors import InvalidCalendar, InvalidTask

_CREATED: Final = Anchor.CREATED  # an attribute of an enum is slow


class DeadlineBasis(StrEnum):
    """What a deadline rests on."""

    NONE = "none"
    SERVICE_LEVEL = "service_level"
    """The anchor and the service level of the queue."""
    DATE = "date"
    """The date of a queue by date; it is the deadline of the start, and no pause moves it."""
    DOCUMENT = "document"
    """``task.queue.sla_deadline``, believed only where the queue, being the task's own, promises nothing itself."""


def deadline(
    task: Task, spec: QueueSpec, now: datetime | None = None, *, entered_at: datetime | None = None
) -> datetime | None:
    """When *task* is due in the queue *spec*: its anchor and the service level, through the calendar (D0, design §6).

    Time in a state of ``pause_in`` does not count, unless the deadline had passed before: no pause undoes a breach. One
    that begins at the very deadline is in time, and leaves nothing to use up after it.
    While the task is paused, the answer is as if the pause ended at *now*. In a queue by date it is the date.

    Args:
        task: The task.
        spec: Its queue, or one it might enter.
        now: The time (UTC); needed only while it may be paused. Without it a pause is as if it ended at once.
        entered_at: When it enters the queue, where that is not written in the task yet.

    Returns:
        None where nothing is promised, or where the anchor has not come yet.

    Raises:
        InvalidTask: A time has no zone, or the answer is beyond the calendar.
    """
    if spec.is_plain and spec.sla is not None and task.created_at.tzinfo is UTC:
        try:  # for every task that enters a queue, so nothing else is looked at
            return task.created_at + spec.sla
        except OverflowError as error:
            raise unfit(error, task.id) from None
    basis, given = promised(task, spec)
    if basis is not DeadlineBasis.SERVICE_LEVEL:
        return None if given is None else in_utc(given, "queue.sla_deadline", InvalidTask)
    since = anchored_at(task, spec, entered_at)
    if since is None:
        return None
    try:
        return _due(task, spec, since, now and in_utc(now, "now", InvalidTask))
    except (OverflowError, InvalidCalendar) as error:
        raise unfit(error, task.id) from None


def warning(deadline: datetime, spec: QueueSpec) -> datetime:
    """The instant after which less than the lead time is left before *deadline*, through the calendar.

    In a queue by date without a lead of its own it is the last moment: what may not start earlier is at no risk.

    Raises:
        InvalidTask: *deadline* has no zone, or the answer is beyond the calendar.
    """
    if spec.by_date and spec.at_risk is None:
        return last_moment(in_utc(deadline, "deadline", InvalidTask), spec)
    try:
        if spec.calendar is not None:
            return subtract(spec.calendar, deadline, spec.lead)
        at = deadline - spec.lead
    except (OverflowError, InvalidCalendar) as error:
        raise unfit(error) from None
    if at.tzinfo is None:
        raise unfit("is a time without a zone")
    return at


def last_moment(due: datetime, spec: QueueSpec) -> datetime:
    """The last instant that is still in time for the deadline *due*: its grace later."""
    return due + spec.grace if spec.grace < LAST_INSTANT - due else LAST_INSTANT


def moves_on(task: Task, spec: QueueSpec, due: datetime) -> bool:
    """Whether the deadline *due* of a task moves on with the time: it is paused, and was in time when that began."""
    return is_paused(task, spec) and due >= task.state.changed_at


def is_paused(task: Task, spec: QueueSpec) -> bool:
    """Whether the clock of the service level stands still: the deadline of a paused task moves on with the time."""
    if task.state.current not in spec.pause_in or task.is_final:
        return False
    return promised(task, spec)[0] is DeadlineBasis.SERVICE_LEVEL


def settled_at(task: Task, spec: QueueSpec) -> datetime | None:
    """When the promise was kept or given up, so that no threshold can be crossed after it; None while it is open.

    That is the end of the task; in a queue by date already its start.
    """
    started = task.execution.started_at
    if spec.by_date and started is not None and is_of_start(promised(task, spec)[0], spec):
        return started
    return task.state.changed_at if task.is_final else None


def promised(task: Task, spec: QueueSpec) -> tuple[DeadlineBasis, datetime | None]:
    """What the deadline rests on, and the deadline itself where it need not be worked out."""
    if spec.by_date and task.internals.scheduled_for is not None:
        return DeadlineBasis.DATE, task.internals.scheduled_for
    if spec.sla is not None:
        return DeadlineBasis.SERVICE_LEVEL, None
    if task.queue.sla_deadline is not None and task.queue.name in (None, spec.name):
        return DeadlineBasis.DOCUMENT, task.queue.sla_deadline
    return DeadlineBasis.NONE, None


def is_of_start(basis: DeadlineBasis, spec: QueueSpec) -> bool:
    """Whether the deadline is that of the start."""
    return spec.by_date and basis is not DeadlineBasis.SERVICE_LEVEL


def anchored_at(task: Task, spec: QueueSpec, entered_at: datetime | None) -> datetime | None:
    """The instant of the anchor, or None before there is one."""
    at: datetime | None
    if spec.anchor is Anchor.CREATED:
        at, what = task.created_at, "created_at"
    elif spec.anchor is Anchor.ENTERED:
        at, what = entered_at or task.queue.entered_at, "queue.entered_at"
    else:
        at, what = task.execution.started_at, "execution.started_at"
    return None if at is None else in_utc(at, what, InvalidTask)


def pauses(task: Task, spec: QueueSpec) -> Iterator[tuple[datetime, datetime | None]]:
    """The times in states that stop the clock, in order; the last may have no end yet. An ended task pauses no more."""
    history = task.state.history
    for index, moment in enumerate(history[:-1] if task.is_final else history):
        if moment.state in spec.pause_in:
            yield moment.at, history[index + 1].at if index + 1 < len(history) else None


def _due(task: Task, spec: QueueSpec, since: datetime, now: datetime | None) -> datetime:
    left, start = spec.sla or NOTHING, since
    for opens, closes in pauses(task, spec):
        if opens > start:
            ran = between(spec, start, opens)
            # Used up is not yet late: the instant of the deadline is in time, but after hours it has passed long ago.
            if ran >= left and _later(spec, start, left) < opens:
                break
            left -= ran
        start = max(start, opens, closes or now or opens)
    return _later(spec, start, left)


def _later(spec: QueueSpec, start: datetime, length: timedelta) -> datetime:
    return start + length if spec.calendar is None else spec.calendar.add(start, length)


def between(spec: QueueSpec, start: datetime, end: datetime) -> timedelta:
    """The time of the queue, working time or not, from *start* to *end*."""
    return end - start if spec.calendar is None else spec.calendar.between(start, end)


def unfit(why: Exception | str, id: str | None = None) -> InvalidTask:
    """The error that says why the task *id* has no deadline."""
    if isinstance(why, InvalidCalendar):
        message = "; ".join(str(problem) for problem in why.problems)
    else:
        message = why if isinstance(why, str) else "is beyond the calendar (years 1 to 9999)"
    return InvalidTask.because(message, "look at the times of the task", "queue.sla_deadline", id)
