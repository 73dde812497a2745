"""One queue with the tasks in it: those that may be handed out, those whose date is still to come, those held."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Final

from taskorch.core.copies import copier, maker
from taskorch.core.deadlines import deadline, is_of_start, moves_on, promised, settled_at
from taskorch.core.estimates import given_of, remaining
from taskorch.core.lanes import NO_DEADLINE, Key, Lane
from taskorch.core.loads import Load
from taskorch.core.predictions import Work
from taskorch.core.priority import ranked_queue
from taskorch.core.queue_choice import BANDS
from taskorch.core.queues import Order, QueueSpec
from taskorch.core.ranking import Ranking
from taskorch.core.states import LIFECYCLE, State
from taskorch.core.task import QueueEntry, Task
from taskorch.core.times import in_utc
from taskorch.errors import IllegalTransition, InvalidTask

_HOUR: Final = 3600.0
_FAILED, _UNBLOCKED = State.FAILED, State.UNBLOCKED
_URGENCY: Final = tuple(queue for _, queue in BANDS)  # the most urgent first


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


_HAVE_PLACES: Final = (
    *(State.CREATED, State.QUEUED, State.SCHEDULED, State.ON_HOLD, State.UNBLOCKED),
    *(State.FAILED, State.IN_PROGRESS),
)
_queue_entry, _copy = maker(QueueEntry), copier(Task)
_HELD = Place.HELD  # an attribute of an enum is slow


class Entry:
    """A task in a queue, and what it is ranked by.

    Attributes:
        task: The task as it was given.
        line: Its queue.
        entered_at: When it entered that.
        date: Before which it is not handed out: its own, or that of its next attempt; None for none.
        deadline: When it is due.
        key: What it is ranked by. That holds for as long as it waits, so that order never depends on the hour.
        lane: The lane it is in, while it may be handed out.
        place: Where it is.
        counts: Whether it takes one of the places: one that goes on after a failure or a block does not.
        handed_out_at: When it was handed out.
    """

    __slots__ = ("counts", "date", "deadline", "entered_at", "handed_out_at", "key", "lane", "line", "place", "task")

    def __init__(self, task: Task, line: "WaitingLine", entered_at: datetime) -> None:
        if entered_at.tzinfo is not UTC:
            entered_at = in_utc(entered_at, "queue.entered_at", InvalidTask)
        notes = task.internals
        state = task.state.current
        self.counts = state is not _FAILED and state is not _UNBLOCKED
        self.date = date = notes.retry_at if state is _FAILED else notes.scheduled_for
        since = entered_at
        if date is not None:
            self.date = date = in_utc(date, "x-taskorch", InvalidTask)
            since = max(since, date)
        self.task, self.line, self.entered_at = task, line, entered_at
        self.deadline = due = deadline(task, line.spec, entered_at, entered_at=entered_at)
        last = NO_DEADLINE if due is None else due
        rank = since.timestamp() * line.per_second - task.priority.score * line.per_point
        self.key: Key = (last, rank, since, task.id) if line.is_edf else (rank, last, since, task.id)
        self.lane: Lane | None = None
        self.handed_out_at: datetime | None = None
        self.place = _HELD

    def shown(self, position: int | None) -> Task:
        """The task with what is derived from its place."""
        queue = _queue_entry(
            name=self.line.spec.name, position=position, entered_at=self.entered_at, sla_deadline=self.deadline
        )
        task = self.task
        return (_copy if task.__class__ is Task else copier(type(task)))(task, queue=queue)

    def place_at(self, now: datetime) -> Place:
        """Where it belongs at *now* (UTC) by its state and its date."""
        state = self.task.state.current
        if state is State.ON_HOLD:
            return Place.HELD
        if state is State.IN_PROGRESS:
            self.handed_out_at = self.task.state.changed_at
            return Place.OUT
        return Place.LATER if self.date is not None and self.date > now else Place.READY

    def place_after(self, before: "Entry", now: datetime) -> Place:
        """Where it belongs at *now* (UTC) instead of *before*, the same task before it changed."""
        state = self.task.state
        if before.place is Place.OUT:
            self.handed_out_at = state.changed_at if state.current is State.IN_PROGRESS else before.handed_out_at
            return Place.OUT
        stays_held = before.place is Place.HELD and before.task.state.current is not State.ON_HOLD
        return Place.HELD if stays_held else self.place_at(now)

    @property
    def turn(self) -> tuple[datetime, str]:
        """What it is ordered by among those with a date."""
        return self.date or self.entered_at, self.task.id


def check_place(task: Task) -> None:
    """Raise ``IllegalTransition`` for a task that neither waits nor is in progress."""
    if task.is_final or task.state.current not in _HAVE_PLACES:
        legal = () if task.is_final else LIFECYCLE.verbs(task.state.current)
        raise IllegalTransition(task.id, task.state.current, "enqueue", legal)


def work_of(entry: Entry, now: datetime) -> Work:
    """What a forecast at *now* (UTC) must know of *entry*: its deadline then, pauses counted, and what is left of it.

    Raises:
        InvalidTask: Its deadline then, or its work, lies beyond the calendar.
    """
    task, spec, due = entry.task, entry.line.spec, entry.deadline
    if not spec.is_plain:
        due = deadline(task, spec, now, entered_at=entry.entered_at)
    basis = promised(task, spec)[0]
    return Work(
        task.id,
        due,
        given_of(task),
        entry.handed_out_at,
        # Where the clock stands still from the start on, it is the start that must not be late.
        of_start=is_of_start(basis, spec) or State.IN_PROGRESS in spec.pause_in,
        not_before=entry.date if entry.place is Place.LATER else None,
        is_held=entry.place is Place.HELD,
        grace=spec.grace,
        is_paused=due is not None and moves_on(task, spec, due),
        left=_left(task, spec, now),
        settled_at=settled_at(task, spec),
    )


def _left(task: Task, spec: QueueSpec, now: datetime) -> timedelta | None:
    """The work that is left by what the task reports; None where it reports nothing."""
    if task.execution.progress_percent == 0 and task.state.current is not State.IN_PROGRESS:
        return None
    return remaining(task, now, calendar=spec.calendar).duration


class WaitingLine:
    """A queue: its lanes, and those of its tasks that are in none.

    Attributes:
        spec: What the queue is.
        waiting: How many places are taken.
        capacity: How many may; infinite for no bound.
        later: Those whose date is still to come, by date.
        come: Those whose date has come, by date.
        held: Those held, by id.
        out: How many were handed out.
        lanes: Its lanes by name.
        only: Its lane, where it has but one.
        is_edf: Whether the deadline comes before the score.
        per_second, per_point: What a second of waiting and a point of the score are worth in a rank. A point is
            worth the time in which ageing earns as much; without ageing the score stands alone.
    """

    def __init__(self, spec: QueueSpec, ranks: Mapping[str, int]) -> None:
        self.spec = spec
        self.waiting = 0
        self.capacity: float = float("inf") if spec.capacity is None else spec.capacity
        self.later: Ranking[tuple[datetime, str]] = Ranking()
        self.come: Ranking[tuple[datetime, str]] = Ranking()
        self.held: dict[str, Entry] = {}
        self.out = 0
        self.lanes: dict[str, Lane] = {}
        self.is_edf = spec.discipline is Order.EDF
        self.per_second, self.per_point = (1.0, _HOUR / spec.ageing) if spec.ageing else (0.0, 1.0)
        self._bands = _band_ranks(ranks, spec.rank) if spec.by_date else {}
        self.only = None if spec.by_date else self._lane(spec.name, spec.rank)

    @property
    def is_busy(self) -> bool:
        """Whether as many of its tasks are in progress as may be."""
        return self.spec.concurrency is not None and self.out >= self.spec.concurrency

    @property
    def load(self) -> Load:
        """How full it is now."""
        return Load(self.spec.name, self.waiting, self.out, self.spec.capacity, self.spec.concurrency)

    @property
    def ranked_lanes(self) -> list[Lane]:
        """Its lanes, the first served first."""
        return sorted(self.lanes.values(), key=lambda lane: lane.order)

    def lane_of(self, task: Task) -> Lane:
        """The lane of *task* once it may be handed out."""
        if self.only is not None:
            return self.only
        ranked_as = ranked_queue(task)[0]
        return self._lane(f"{self.spec.name}/{ranked_as}", *self._bands[ranked_as])

    def ahead_of(self, entry: Entry) -> int | None:
        """How many tasks of this queue come before *entry*; None for one that is held."""
        if entry.place is Place.OUT:
            return 0
        if entry.place is Place.HELD:
            return None
        if entry.lane is None:
            return sum(len(lane.ready) for lane in self.lanes.values()) + self.later.place(entry.turn)
        before = (lane for lane in self.lanes.values() if lane.order < entry.lane.order)
        return sum(len(lane.ready) for lane in before) + entry.lane.ready.place(entry.key)

    def _lane(self, name: str, rank: int, band: int = 0) -> Lane:
        if name not in self.lanes:
            self.lanes[name] = Lane(name, self.spec, rank, band)
        return self.lanes[name]


def _band_ranks(ranks: Mapping[str, int], own: int) -> dict[str, tuple[int, int]]:
    """The rank and the place of each band.

    Its rank is that of the queue of its name; where there is none, that of the next less urgent band that has one, else
    of the least urgent that has, else that of the queue by date itself.
    """
    found: dict[str, tuple[int, int]] = {}
    rank = next((ranks[name] for name in reversed(_URGENCY) if name in ranks), own)
    for band in reversed(range(len(_URGENCY))):
        rank = ranks.get(_URGENCY[band], rank)
        found[_URGENCY[band]] = rank, band
    return found
