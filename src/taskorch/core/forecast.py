"""What will be late if nothing changes: the start and finish of every open task of a queue, as far as data reach."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from heapq import heapify, heappop, heapreplace
from typing import Final

from taskorch.core.predictions import Forecast, Ground, Inputs, Prediction, Work
from taskorch.core.times import in_utc
from taskorch.errors import InvalidQueue, InvalidTask, Problem

__all__ = ["Forecast", "Ground", "Inputs", "Prediction", "Work", "forecast"]

_HOUR: Final = timedelta(hours=1)
_NOTHING: Final = timedelta(0)
_LAST: Final = datetime.max.replace(tzinfo=UTC)


def forecast(
    waiting: Iterable[Work],
    running: Iterable[Work],
    now: datetime,
    *,
    slots: int | None = None,
    per_hour: float | None = None,
    usual: timedelta | None = None,
) -> Forecast:
    """Predict the start and finish of every open task of a queue, as if nothing changed. O(n log n).

    A running task finishes when its own duration says; one that has outlived it is expected at any moment, that is
    *now*. For the others observed throughput counts before estimates: the k-th to finish from now does so after k
    times the usual interval, though not sooner than its own estimate allows. Without throughput the durations are
    dealt out to the slots in the order of the queue. Where a figure is missing there is no prediction, neither for
    that task nor for those whose place depends on it; of a held task nothing is predicted. Tasks come as they are
    given: one that waits for a date keeps those behind it waiting, so it should stand behind those that are ready.

    Args:
        waiting: The tasks that wait, in the order in which they will start.
        running: The tasks in progress.
        now: The time (UTC).
        slots: How many can run at once; None where nobody knows.
        per_hour: How many have finished in an hour; None or 0 where none has, which predicts nothing.
        usual: How long a task without an estimate takes; None where nobody knows.

    Raises:
        InvalidQueue: A figure is out of range.
        InvalidTask: *now* has no zone, or two tasks have one id.
    """
    now = in_utc(now, "now", InvalidTask)
    _check(slots, per_hour, usual)
    going, queued = tuple(running), tuple(waiting)
    line, held = [work for work in queued if not work.is_held], [work for work in queued if work.is_held]
    inputs = Inputs(
        now=now, waiting=len(queued), running=len(going), slots=slots, per_hour=per_hour or None, usual=usual
    )
    predictions = [*_going(going, inputs)]
    if inputs.per_hour is None:
        predictions += _dealt(line, [found.finish for found in predictions], inputs)
    else:
        predictions += _paced(line, inputs, inputs.per_hour)
    behind = (inputs.running + len(line), Ground.HELD)
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


def _check(slots: int | None, per_hour: float | None, usual: timedelta | None) -> None:
    problems = []
    if slots is not None and (type(slots) is not int or slots < 1):
        problems.append(Problem("slots", f"{slots!r} is no whole number from 1", "leave it out where nobody knows"))
    if per_hour is not None and not 0 <= per_hour <= 1e9:
        problems.append(Problem("per_hour", f"{per_hour!r} is out of range", "0 to 1e9 tasks an hour"))
    if usual is not None and usual < _NOTHING:
        problems.append(Problem("usual", f"{usual} is negative", "leave it out where nobody knows"))
    if problems:
        raise InvalidQueue(problems, source="forecast")


def _going(running: Sequence[Work], inputs: Inputs) -> Iterator[Prediction]:
    """The tasks in progress: by their own durations, else in the order of their starts by throughput."""
    order = sorted(range(len(running)), key=lambda place: running[place].started_at or inputs.now)
    ranks = {place: rank for rank, place in enumerate(order)}
    for place, work in enumerate(running):
        duration, rank = _duration(work, inputs), ranks[place]
        if duration is not None and work.started_at is not None:
            finish: datetime | None = max(inputs.now, _after(work.started_at, duration))
            ground = Ground.OWN
        elif inputs.per_hour is not None:
            finish, ground = _after_many(inputs.now, rank + 1, inputs.per_hour), Ground.THROUGHPUT
        else:
            finish, ground = None, Ground.NONE
        yield _prediction(work, inputs, work.started_at, finish, (rank, ground))


def _paced(line: Sequence[Work], inputs: Inputs, per_hour: float) -> Iterator[Prediction]:
    """The waiting tasks: one finishes after another at the pace observed."""
    slots = inputs.slots or inputs.running  # how many run at once is at least how many do
    for place, work in enumerate(line):
        ahead = inputs.running + place
        start = _after_many(inputs.now, max(ahead + 1 - slots, 0), per_hour) if slots else None
        finish = _after_many(inputs.now, ahead + 1, per_hour)
        if work.not_before is not None:
            start = max(start or inputs.now, work.not_before)
            finish = max(finish, start)
        if work.estimate is not None:
            finish = max(finish, _after(start or inputs.now, work.estimate))
        yield _prediction(work, inputs, start, finish, (ahead, Ground.THROUGHPUT))


def _dealt(line: Sequence[Work], busy: list[datetime | None], inputs: Inputs) -> Iterator[Prediction]:
    """The waiting tasks: each takes the slot that is free first, as long as it is known which that is."""
    known = sorted(finish for finish in busy if finish is not None)
    unknown = len(busy) - len(known)
    free = known + [inputs.now] * max((inputs.slots or 0) - len(busy), 0)
    if inputs.slots is not None and len(busy) > inputs.slots:  # more run than should: the first to end free nothing
        free = known[len(busy) - inputs.slots :] if not unknown else []
    heapify(free)
    for place, work in enumerate(line):
        # A slot whose task has no known end might be free before the first of the others, unless that is free now.
        is_known = bool(free) and inputs.slots is not None and (not unknown or free[0] <= inputs.now)
        start, duration, finish = (free[0] if is_known else None), _duration(work, inputs), None
        if start is not None and work.not_before is not None:
            start = max(start, work.not_before)
        if start is None:
            free.clear()  # where this one starts nobody knows, so the same is true of all behind it
        elif duration is None:
            unknown += 1
            heappop(free)
        else:
            finish = _after(start, duration)
            heapreplace(free, finish)
        ground = Ground.NONE if start is None else Ground.SLOTS
        yield _prediction(work, inputs, start, finish, (inputs.running + place, ground))


def _prediction(
    work: Work, inputs: Inputs, start: datetime | None, finish: datetime | None, basis: tuple[int, Ground]
) -> Prediction:
    at, late = start if work.of_start else finish, None
    if work.deadline is not None:
        if at is not None:
            late = at > work.deadline
        elif inputs.now > work.deadline:
            late = True  # whatever comes of it
    return Prediction(
        id=work.id,
        start=start,
        finish=finish,
        late=late,
        ahead=basis[0],
        duration=_duration(work, inputs),
        is_estimated=work.estimate is not None,
        ground=basis[1],
    )


def _duration(work: Work, inputs: Inputs) -> timedelta | None:
    return inputs.usual if work.estimate is None else work.estimate


def _after(at: datetime, length: timedelta) -> datetime:
    """So much later; what is beyond the calendar is its last instant."""
    return at + length if length <= _LAST - at else _LAST


def _after_many(at: datetime, count: int, per_hour: float) -> datetime:
    hours = count / per_hour
    return at + hours * _HOUR if hours < (_LAST - at) / _HOUR else _LAST
