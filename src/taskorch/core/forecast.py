"""What will be late if nothing changes: the start and finish of every open task of a queue, as far as data reach."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from heapq import heapify, heappop, heapreplace
from typing import Final

from taskorch.core.calendars import Calendar, is_calendar
from taskorch.core.documents import is_number
from taskorch.core.json_text import described
from taskorch.core.predictions import Forecast, Inputs, Prediction, PredictionBasis, Work
from taskorch.core.times import HOUR, LAST_INSTANT, MICROSECOND, NOTHING, duration, in_utc
from taskorch.errors import InvalidCalendar, InvalidQueue, InvalidTask, Problem

__all__ = ["Forecast", "Inputs", "Prediction", "PredictionBasis", "Work", "forecast"]

_BLINK: Final = timedelta(seconds=1)
_MOST_SLOTS: Final = 2**63 - 1


def forecast(
    waiting: Iterable[Work],
    running: Iterable[Work],
    now: datetime,
    *,
    slots: int | None = None,
    per_hour: float | None = None,
    usual: float | timedelta | None = None,
    calendar: Calendar | None = None,
) -> Forecast:
    """Predict the start and finish of every open task of a queue, as if nothing changed. O(n log n).

    A running task finishes when what is left of it is done, as it says, else when its own duration says; one that has
    outlived that is expected at any moment, that is *now*. For the others observed throughput counts before estimates:
    the k-th to finish from now does so after k times the usual interval, though not sooner than its own estimate
    allows. Without throughput the durations are dealt out to the slots in the order of the queue. Where a figure is
    missing there is no prediction, neither for that task nor for those whose place depends on it; of a held task
    nothing is predicted. Tasks come as they are given: one that waits for a date keeps those behind it waiting, so it
    should stand behind those that are ready.

    With a calendar work is done in its hours only: durations and the pace count working time, and what would start
    outside of it starts when it next opens. What the calendar does not reach is predicted for the last instant there
    is.

    Args:
        waiting: The tasks that wait, in the order in which they will start.
        running: The tasks in progress.
        now: The time (UTC).
        slots: How many can run at once; None where nobody knows.
        per_hour: How many have finished in an hour; None or 0 where none has, which predicts nothing.
        usual: How long a task without an estimate takes, seconds or a timedelta; None where nobody knows.
        calendar: The working time of the queue, as in ``QueueSpec.calendar``; None for round the clock.

    Raises:
        InvalidQueue: A figure is none, or is out of range.
        InvalidTask: *now* has no zone; it, or the start of a running task, is beyond the calendar; two tasks have one
            id, or one is no ``Work``.
    """
    now = in_utc(now, "now", InvalidTask)
    usual = _checked(slots, per_hour, usual, calendar)
    going, queued = _listed(running, "running"), _listed(waiting, "waiting")
    line, held = [work for work in queued if not work.is_held], [work for work in queued if work.is_held]
    inputs = Inputs(
        now=now,
        waiting=len(queued),
        running=len(going),
        slots=slots,
        per_hour=per_hour or None,
        usual=usual,
        calendar=calendar,
    )
    if calendar is not None:
        _worked(calendar, now, now, "now")  # refused here rather than taken for a time that nothing ends at
    pace = [] if inputs.per_hour is None else [*_pace(inputs, inputs.per_hour, len(going) + len(line))]
    predictions = [*_going(going, inputs, pace)]
    if pace:
        predictions += _paced(line, inputs, pace)
    else:
        predictions += _dealt(line, [found.finish for found in predictions], inputs)
    behind = (inputs.running + len(line), PredictionBasis.HELD)
    predictions += [_prediction(work, inputs, None, None, behind) for work in held]
    places = {found.id: place for place, found in enumerate(predictions)}
    if len(places) < len(predictions):
        raise InvalidTask.because("two of the tasks have one id", "give each task once", "waiting")
    due = [
        found.late for found, work in zip(predictions, (*going, *line, *held), strict=True) if work.deadline is not None
    ]
    return Forecast(
        inputs=inputs,
        predictions=tuple(predictions),
        late=due.count(True),
        in_time=due.count(False),
        unknown=due.count(None),
        places=places,
    )


def _checked(slots: object, per_hour: object, usual: float | timedelta | None, calendar: object) -> timedelta | None:
    """The usual duration, if all the figures will do."""
    problems, found = [], None
    if slots is not None and (type(slots) is not int or not 1 <= slots <= _MOST_SLOTS):
        message = f"{described(slots)} is no whole number from 1 to {_MOST_SLOTS}"
        problems.append(Problem("slots", message, "leave it out where nobody knows"))
    if per_hour is not None and not (is_number(per_hour) and 0 <= per_hour <= 1e9):  # type: ignore[operator]
        problems.append(Problem("per_hour", f"{described(per_hour)} is out of range", "0 to 1e9 tasks an hour"))
    try:
        found = duration(usual, "usual", InvalidQueue, least=NOTHING)
    except InvalidQueue as error:
        problems += error.problems
    if calendar is not None and not is_calendar(calendar):
        problems.append(Problem("calendar", f"{described(calendar)} is no calendar", "a BusinessCalendar, or None"))
    if problems:
        raise InvalidQueue(problems, source="forecast")
    return found


def _listed(given: object, name: str) -> tuple[Work, ...]:
    found = []
    for item in given if isinstance(given, Iterable) else [given]:
        if not isinstance(item, Work):
            raise InvalidTask.because(f"expected work, got {described(item)}", "give a list of Work", name)
        found.append(item)
    return tuple(found)


def _going(running: Sequence[Work], inputs: Inputs, pace: Sequence[datetime]) -> Iterator[Prediction]:
    """The tasks in progress: by their own durations, else in the order of their starts by throughput."""
    order = sorted(range(len(running)), key=lambda place: running[place].started_at or inputs.now)
    ranks = {place: rank for rank, place in enumerate(order)}
    for place, work in enumerate(running):
        duration, rank = _duration(work, inputs), ranks[place]
        finish: datetime | None
        if work.left is not None:
            finish, basis = _after(inputs.calendar, inputs.now, work.left), PredictionBasis.OWN
        elif duration is not None and work.started_at is not None:
            finish, basis = _ended(inputs, work.started_at, duration), PredictionBasis.OWN
        elif pace:
            finish, basis = pace[rank + 1], PredictionBasis.THROUGHPUT
        else:
            finish, basis = None, PredictionBasis.NONE
        yield _prediction(work, inputs, work.started_at, finish, (rank, basis))


def _paced(line: Sequence[Work], inputs: Inputs, pace: Sequence[datetime]) -> Iterator[Prediction]:
    """The waiting tasks: one finishes after another at the pace observed."""
    slots = inputs.slots or inputs.running  # how many run at once is at least how many do
    for place, work in enumerate(line):
        ahead = inputs.running + place
        start, finish = (pace[max(ahead + 1 - slots, 0)] if slots else None), pace[ahead + 1]
        if work.not_before is not None:
            start = max(start or inputs.now, work.not_before)
        if start is not None:
            start = _opening(inputs.calendar, start)
            finish = max(finish, start)
        least = work.estimate if work.left is None else work.left
        if least is not None:
            finish = max(finish, _after(inputs.calendar, start or inputs.now, least))
        yield _prediction(work, inputs, start, finish, (ahead, PredictionBasis.THROUGHPUT))


def _dealt(line: Sequence[Work], busy: list[datetime | None], inputs: Inputs) -> Iterator[Prediction]:
    """The waiting tasks: each takes the slot that is free first, as long as it is known which that is."""
    known = sorted(finish for finish in busy if finish is not None)
    unknown = len(busy) - len(known)
    spare = max((inputs.slots or 0) - len(busy), 0)
    free = known + [inputs.now] * min(spare, len(line))  # of more than there are tasks the rest stays free
    if inputs.slots is not None and len(busy) > inputs.slots:  # more run than should: the first to end free nothing
        free = known[len(busy) - inputs.slots :] if not unknown else []
    heapify(free)
    soonest = _opening(inputs.calendar, inputs.now)  # before that nothing goes on, and so nothing ends
    for place, work in enumerate(line):
        # A slot whose task has no known end might be free before the first of the others, unless that is free at once.
        is_known = bool(free) and inputs.slots is not None and (not unknown or free[0] <= soonest)
        start, finish = (free[0] if is_known else None), None
        duration = _duration(work, inputs) if work.left is None else work.left
        if start is not None and work.not_before is not None:
            start = max(start, work.not_before)
        if start is not None:
            start = _opening(inputs.calendar, start)
        if start is None:
            free.clear()  # where this one starts nobody knows, so the same is true of all behind it
        elif duration is None:
            unknown += 1
            heappop(free)
        else:
            finish = _after(inputs.calendar, start, duration)
            heapreplace(free, finish)
        basis = PredictionBasis.NONE if start is None else PredictionBasis.SLOTS
        yield _prediction(work, inputs, start, finish, (inputs.running + place, basis))


def _prediction(
    work: Work, inputs: Inputs, start: datetime | None, finish: datetime | None, rest: tuple[int, PredictionBasis]
) -> Prediction:
    at, due, late = work.settled_at or (start if work.of_start else finish), _due(work, inputs, start), None
    if due is not None:
        if at is not None:
            late = at - due > work.grace
        elif inputs.now - due > work.grace:
            late = True  # whatever comes of it
    return Prediction(
        id=work.id,
        start=start,
        finish=finish,
        late=late,
        ahead=rest[0],
        duration=_duration(work, inputs),
        is_estimated=work.estimate is not None,
        basis=rest[1],
        left=work.left,
    )


def _due(work: Work, inputs: Inputs, start: datetime | None) -> datetime | None:
    """The deadline; while its clock stands still that moves on, until the start if there is one to come."""
    if work.deadline is None or not work.is_paused or start is None or start <= inputs.now:
        return work.deadline
    calendar = inputs.calendar
    try:
        wait = start - inputs.now if calendar is None else calendar.between(inputs.now, start)
    except (InvalidCalendar, OverflowError):
        return LAST_INSTANT
    return _after(calendar, work.deadline, wait)


def _duration(work: Work, inputs: Inputs) -> timedelta | None:
    return inputs.usual if work.estimate is None else work.estimate


def _pace(inputs: Inputs, per_hour: float, count: int) -> Iterator[datetime]:
    """When none, one, two … up to *count* tasks have finished; each from the one before, so that months add up once."""
    at, passed, reach = inputs.now, NOTHING, (LAST_INSTANT - inputs.now) / HOUR
    yield at
    for number in range(1, count + 1):
        hours = number / per_hour
        if hours < reach:
            length = hours * HOUR
            at, passed = _after(inputs.calendar, at, length - passed), length
        else:
            at = LAST_INSTANT
        yield at


def _ended(inputs: Inputs, started_at: datetime, duration: timedelta) -> datetime:
    """When a running task ends: now, if its time is up."""
    calendar, now = inputs.calendar, inputs.now
    if calendar is None or started_at >= now:
        return max(now, _after(calendar, started_at, duration))
    left = duration - _worked(calendar, started_at, now, "started_at")
    return _after(calendar, now, left) if left > NOTHING else now


def _after(calendar: Calendar | None, at: datetime, length: timedelta) -> datetime:
    """So much later; what is beyond the calendar is its last instant."""
    if length > LAST_INSTANT - at:
        return LAST_INSTANT
    try:
        return at + length if calendar is None else calendar.add(at, length)
    except (InvalidCalendar, OverflowError):
        return LAST_INSTANT


def _opening(calendar: Calendar | None, at: datetime) -> datetime:
    """The instant itself in working time, else when that goes on: a moment before the first moment of it is over."""
    if calendar is None:
        return at
    opens = _after(calendar, at, MICROSECOND) - MICROSECOND
    # Less than a second is no closed hour, but what a host's calendar rounds.
    return opens if opens - at >= _BLINK and opens + MICROSECOND < LAST_INSTANT else at


def _worked(calendar: Calendar, start: datetime, end: datetime, what: str) -> timedelta:
    """The working time between; raises ``InvalidTask`` where the calendar does not reach *what*."""
    try:
        return calendar.between(start, end)
    except (InvalidCalendar, OverflowError) as error:
        message = str(error.problems[0]) if isinstance(error, InvalidCalendar) else "is beyond the calendar"
        raise InvalidTask.because(message, "look at the times and at the calendar", what) from None
