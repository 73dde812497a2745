"""One queue with the tasks in it: those that may be handed out, those whose date is still to come, those held."""

from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum
from fractions import Fraction
from typing import Final

import attrs

from taskorch.core.deadlines import deadline
from taskorch.core.documents import Number
from taskorch.core.estimates import given_of
from taskorch.core.lanes import NO_DEADLINE, Key, Lane
from taskorch.core.predictions import Work
from taskorch.core.priority import band
from taskorch.core.queues import Order, QueueSpec
from taskorch.core.ranking import Ranking
from taskorch.core.task import Task
from taskorch.core.times import microseconds

_HOUR: Final = 3_600_000_000  # microseconds


class Place(IntEnum):
    """Where a task is."""

    READY = 0
    """It may be handed out."""
    LATER = 1
    """Its date is still to come."""
    HELD = 2
    """Somebody holds it back."""
    OUT = 3
    """It was handed out."""


_HELD = Place.HELD  # an attribute of an enum is slow


class Entry:
    """A task in a queue, and what it is ranked by."""

    __slots__ = ("deadline", "entered_at", "handed_out_at", "key", "lane", "line", "place", "task")

    def __init__(self, task: Task, line: "WaitingLine", entered_at: datetime) -> None:
        self.task, self.line, self.entered_at = task, line, entered_at
        self.deadline = deadline(task, line.spec, entered_at, entered_at=entered_at)
        date = task.internals.scheduled_for
        since = entered_at if date is None or date < entered_at else date
        self.key: Key = line.key(task, since, self.deadline)
        self.lane: Lane | None = None
        self.handed_out_at: datetime | None = None
        self.place = _HELD

    @property
    def date(self) -> tuple[datetime, str]:
        """What it is ordered by while its date is to come."""
        return self.task.internals.scheduled_for or self.entered_at, self.task.id


def work_of(entry: Entry) -> Work:
    """What a forecast must know of *entry*."""
    return Work(
        entry.task.id,
        entry.deadline,
        given_of(entry.task),
        entry.handed_out_at,
        of_start=entry.line.spec.by_date,
        not_before=entry.task.internals.scheduled_for if entry.place is Place.LATER else None,
        is_held=entry.place is Place.HELD,
    )


@attrs.frozen
class Load:
    """How full a queue is (D0, capacity-monitor).

    Attributes:
        queue: Its name.
        waiting: The tasks that wait in it, those held or with a date to come among them.
        in_progress: Its tasks that were handed out.
        capacity: The most that may wait, or None.
        concurrency: The most that may be in progress, or None.
    """

    queue: str
    waiting: int
    in_progress: int
    capacity: int | None
    concurrency: int | None

    @property
    def utilisation(self) -> float | None:
        """The share of its places that is taken, 0 to 1; None where there is no bound."""
        if self.capacity is None:
            return None
        return self.waiting / self.capacity if self.capacity else 1.0


class WaitingLine:
    """A queue: its lanes, and those of its tasks that are in none."""

    def __init__(self, spec: QueueSpec, ranks: Mapping[str, int]) -> None:
        self.spec = spec
        self.waiting = self.out = 0
        self.later: Ranking[tuple[datetime, str]] = Ranking()
        self.lanes: dict[str, Lane] = {}
        self._ranks = ranks
        self._only = None if spec.by_date else self._lane(spec.name, spec.rank)
        self._is_edf = spec.discipline is Order.EDF
        rate = Fraction(spec.ageing).limit_denominator(1_000_000)
        # A score is worth the time in which ageing earns as much; without ageing it stands alone.
        self._per_microsecond, self._per_point = rate.numerator, _HOUR * rate.denominator

    @property
    def is_full(self) -> bool:
        """Whether it has no place for another waiting task."""
        return self.spec.capacity is not None and self.waiting >= self.spec.capacity

    @property
    def is_busy(self) -> bool:
        """Whether as many of its tasks are in progress as may be."""
        return self.spec.concurrency is not None and self.out >= self.spec.concurrency

    @property
    def load(self) -> Load:
        """How full it is now."""
        return Load(self.spec.name, self.waiting, self.out, self.spec.capacity, self.spec.concurrency)

    def key(self, task: Task, since: datetime, due: datetime | None) -> Key:
        """What *task* is ranked by: it holds for as long as it waits, so that order never depends on the hour.

        Args:
            task: The task.
            since: When it began to wait for others: when it entered, or its date.
            due: Its deadline.
        """
        score: Number = task.priority.score
        points = score * self._per_point if type(score) is int else round(score * self._per_point)
        rank = microseconds(since) * self._per_microsecond - points
        last = NO_DEADLINE if due is None else due
        return (last, rank, since, task.id) if self._is_edf else (rank, last, since, task.id)

    def lane_of(self, task: Task) -> Lane:
        """The lane of *task* once it may be handed out."""
        if self._only is not None:
            return self._only
        ranked_as = band(task.priority.score)
        return self._lane(f"{self.spec.name}/{ranked_as}", self._ranks.get(ranked_as, self.spec.rank))

    @property
    def ranked_lanes(self) -> list[Lane]:
        """Its lanes, the first served first."""
        return sorted(self.lanes.values(), key=lambda lane: (lane.rank, lane.name))

    def _lane(self, name: str, rank: int) -> Lane:
        if name not in self.lanes:
            self.lanes[name] = Lane(name, self.spec, rank)
        return self.lanes[name]

    def ahead_of(self, entry: Entry) -> int | None:
        """How many tasks of this queue come before *entry*; None for one that is held."""
        if entry.place is Place.OUT:
            return 0
        if entry.place is Place.HELD:
            return None
        if entry.lane is None:
            return sum(len(lane.ready) for lane in self.lanes.values()) + self.later.place(entry.date)
        before = (lane for lane in self.lanes.values() if (lane.rank, lane.name) < (entry.lane.rank, entry.lane.name))
        return sum(len(lane.ready) for lane in before) + entry.lane.ready.place(entry.key)
