"""Priority queues: what waits, what is next, and where everything stands. Pure, synchronous, ``now`` passed in.

The engine orders tasks; it never changes their states. That is what ``advance`` is for, and the store that keeps
the outcome. So a host says ``placed`` before ``enqueue`` and ``push`` after it, and ``pop`` before ``schedule`` and
``start``.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import attrs

from taskorch.core import origin
from taskorch.core.amendments import amend
from taskorch.core.copies import changed, copier
from taskorch.core.documents import is_number
from taskorch.core.events import Amendment, Event
from taskorch.core.forecast import Forecast, forecast
from taskorch.core.groups import NO_QUEUE, UNSTARTED
from taskorch.core.json_text import shown
from taskorch.core.lanes import Discipline, discipline_of, id_of
from taskorch.core.loads import Load
from taskorch.core.priority import choose
from taskorch.core.queues import DEFAULT_QUEUES, QueueSpec, by_name
from taskorch.core.states import LIFECYCLE, State
from taskorch.core.task import Task, expect_task
from taskorch.core.times import in_utc
from taskorch.core.waiting_line import Entry, Place, check_place, work_of
from taskorch.core.waiting_room import WaitingRoom
from taskorch.errors import DuplicateTask, IllegalTransition, InvalidTask, NotWaiting, UnknownQueue

# Found by identity, not by hash, which is slow for enums; so are their attributes.
_WAITING: Final = (State.CREATED, State.QUEUED, State.SCHEDULED, State.ON_HOLD, State.UNBLOCKED)
_TAKE_PLACES: Final = _WAITING[:-1]
_ON_HOLD, _IN_PROGRESS = State.ON_HOLD, State.IN_PROGRESS
_GOING: Final = (State.SCHEDULED, State.IN_PROGRESS)
_READY, _LATER, _HELD, _OUT = Place.READY, Place.LATER, Place.HELD, Place.OUT


class QueueEngine:
    """Queues with service levels, in which every task has its place.

    Within a queue the order is total and does not depend on the hour: the highest score first, with the points
    that ageing has earned; then the deadline, the time of entering, the id. Pushing, popping, removing, bumping,
    moving and asking for a position cost O(log n).

    Args:
        specs: The queues.
        discipline: What chooses between queues: ``strict``, ``edf``, ``weighted``, or one of your own.

    Raises:
        InvalidQueue: The queues do not fit together, or there is no such discipline.
    """

    def __init__(self, specs: Iterable[QueueSpec] = DEFAULT_QUEUES, discipline: str | Discipline = "strict") -> None:
        self.specs = by_name(specs)
        self._room = WaitingRoom(self.specs)
        self._lines = self._room.lines
        self._only = next(iter(self.specs)) if len(self.specs) == 1 else None
        self._dated_queue = next((name for name, spec in self.specs.items() if spec.by_date), None)
        self._discipline = discipline_of(discipline)

    def __len__(self) -> int:
        return len(self._room.entries) - sum(line.out for line in self._lines.values())

    def __contains__(self, id: object) -> bool:
        return isinstance(id, str) and id in self._room.entries

    # --- in and out ---------------------------------------------------------------------------------------

    def push(self, task: Task, now: datetime) -> str:
        """Put a task into its queue: the one it names, else that of its date, its label or its score.

        Args:
            task: A task that waits: CREATED, QUEUED, SCHEDULED, UNBLOCKED, ON_HOLD (it is held), or FAILED with a
                retry pending, which is its date. One that is IN_PROGRESS counts as handed out. One that has entered
                its queue before keeps its time of entering, so that queues can be restored in any order.
            now: The time (UTC).

        Returns:
            The name of the queue it is in; another one than its own where that was full and has an overflow.

        Raises:
            QueueFull: There is no place for it.
            DuplicateTask: A task of its id is here.
            UnknownQueue: There is no such queue.
            IllegalTransition: It neither waits nor is in progress.
            InvalidTask: A time has no zone, or its deadline lies beyond the calendar.
        """
        if task.__class__ is not Task:
            expect_task(task)
        if task.id in self._room.entries:
            raise DuplicateTask(task.id, self._room.entries[task.id].line.spec.name)
        if now.__class__ is not datetime or now.tzinfo is not UTC:
            now = in_utc(now, "now", InvalidTask)
        state = task.state.current
        if state not in _WAITING:
            check_place(task)
        name = task.queue.name or self._choice(task)
        line = self._lines.get(name) or self._room.line(name)
        if line.waiting >= line.capacity and state in _TAKE_PLACES:
            line = self._room.line_with_room(line)
        entry = Entry(task, line, task.queue.entered_at or now)
        is_simple = entry.date is None and state is not _ON_HOLD and state is not _IN_PROGRESS
        self._room.settle(entry, _READY if is_simple else entry.place_at(now))
        return line.spec.name

    def placed(self, task: Task, now: datetime) -> Task:
        """*task* with the queue that ``push`` would put it into, and its deadline there; it does not go in.

        It reserves no place: of two tasks placed before either is pushed the second may find its queue full.
        Enqueue the placed task, then push it: so the event that tells of its entry says where, and by when.

        Args:
            task: The task.
            now: The time (UTC).

        Raises:
            QueueFull: There is no place for it.
            UnknownQueue: There is no such queue.
            InvalidTask: *now* has no zone, or its deadline lies beyond the calendar.
        """
        expect_task(task)
        line = self._room.line(task.queue.name or self._choice(task))
        if task.state.current in _TAKE_PLACES:
            line = self._room.line_with_room(line)
        entered = task.queue.entered_at
        entry = Entry(task, line, entered or in_utc(now, "now", InvalidTask))
        placed = entry.shown(None)
        return placed if entered else changed(placed, queue=changed(placed.queue, entered_at=None))

    def pop(self, now: datetime) -> Task | None:
        """Hand out the next task; None if nothing may be handed out at *now* (UTC).

        It is in progress then, and counts against the concurrency of its queue until it is removed.

        Raises:
            InvalidTask: *now* has no zone.
            InvalidQueue: A discipline of your own chose none of the lanes it was shown; nothing is handed out.
        """
        if now.__class__ is not datetime or now.tzinfo is not UTC:
            now = in_utc(now, "now", InvalidTask)
        lanes = self._room.eligible(now)
        if not lanes:
            return None
        lane = self._discipline.choose(lanes)
        self._discipline.served(lane, lanes)
        return self._room.hand_out(lane, now).shown(0)

    def peek(self, now: datetime | None = None) -> Task | None:
        """The task that ``pop`` would hand out at *now* (UTC), by default the present; it stays where it is.

        Tasks with dates are sorted by *now*, so to ask about now and the future in turns takes time with many of them.

        Raises:
            InvalidTask: *now* has no zone.
        """
        lanes = self._room.eligible(in_utc(now or origin.ask()[0], "now", InvalidTask))
        if not lanes:
            return None
        return self._room.entries[id_of(self._discipline.choose(lanes).ready.first)].shown(0)

    def remove(self, id: str) -> Task:
        """Take a task out, whether it waits or was handed out: it is done, or no longer wanted.

        Raises:
            UnknownTask: It is not here.
        """
        task = self.task(id)
        self._room.discard(self._room.entry(id))
        return task

    # --- change -------------------------------------------------------------------------------------------

    def bump(self, id: str, delta: float, by: str, *, now: datetime | None = None, reason: str | None = None) -> Event:
        """Raise or lower the score of a waiting task, within 0 to 100.

        Args:
            id: The task.
            delta: The points to add, or to take where negative.
            by: Who does it.
            now: The time (UTC); by default that of the system's clock.
            reason: Why.

        Raises:
            UnknownTask: It is not here.
            NotWaiting: It was handed out.
            InvalidTask: *delta* is no finite number.
        """
        entry = self._room.waiting(id, "bump")
        if not is_number(delta):
            raise InvalidTask.because(f"{shown(delta)!r} is no number of points", "such as 10 or -5", "delta")
        score = min(max(entry.task.priority.score + delta, 0), 100)
        priority = attrs.evolve(entry.task.priority, score=score)
        task, event = amend(
            entry.shown(None), Amendment.BUMP, now=now or origin.ask()[0], by=by, reason=reason, priority=priority
        )
        self._room.replace(entry, Entry(task, entry.line, entry.entered_at), entry.place)
        return event

    def move(
        self, id: str, queue: str, by: str = "taskorch", *, now: datetime | None = None, reason: str | None = None
    ) -> Event | None:
        """Put a waiting task into another queue; the time it has waited goes with it.

        Args:
            id: The task.
            queue: Where to; where that is full, its overflow.
            by: Who does it.
            now: The time (UTC); by default that of the system's clock.
            reason: Why.

        Returns:
            The event that tells it; None if the task is in that queue already.

        Raises:
            UnknownTask: It is not here.
            UnknownQueue: There is no such queue.
            NotWaiting: It was handed out.
            QueueFull: There is no other place for it; it stays where it was.
            InvalidTask: *now* has no zone.
        """
        entry = self._room.waiting(id, "move")
        wanted = self._room.line(queue)
        now = in_utc(now or origin.ask()[0], "now", InvalidTask)
        if wanted is entry.line:
            return None
        line = self._room.line_with_room(wanted) if entry.counts else wanted
        if line is entry.line:
            raise self._room.full(wanted)
        place = Entry(entry.task, line, entry.entered_at).shown(None).queue
        task, event = amend(entry.task, Amendment.MOVE, now=now, by=by, reason=reason, queue=place)
        self._room.replace(entry, Entry(task, line, entry.entered_at), entry.place)
        return event

    def update(self, task: Task, now: datetime) -> None:
        """Take over what has changed about a task: its score, its date, its state, its progress.

        Its queue and the time it entered stay; ``move`` changes the queue. A task that is ON_HOLD is held; one that
        is no longer ON_HOLD is released; otherwise what is held stays held. One that was handed out stays so; of its
        start and its progress (``execution``, which may change without a version) a forecast knows what is told here.

        Raises:
            UnknownTask: It is not here.
            NotWaiting: It was handed out, and is neither SCHEDULED nor IN_PROGRESS.
            IllegalTransition: Its state is none in which a task waits.
            InvalidTask: It is older than what is here, or *now* has no zone.
        """
        expect_task(task)
        entry, state = self._room.entry(task.id), task.state.current
        if entry.place is _OUT and state not in _GOING:
            raise NotWaiting(task.id, "update")
        now = in_utc(now, "now", InvalidTask)
        check_place(task)
        if entry.place is not _OUT and state is _IN_PROGRESS:
            raise IllegalTransition(task.id, _IN_PROGRESS, "update", LIFECYCLE.verbs(_IN_PROGRESS))
        version, known = task.metadata.version, entry.task.metadata.version
        if version < known or (version == known and _kept(task) != _kept(entry.task)):
            message = f"{version} is not newer than {known}, and differs"
            raise InvalidTask.because(message, "change what task(id) gives", "metadata.version", task.id)
        replaced = Entry(task, entry.line, entry.entered_at)
        self._room.replace(entry, replaced, replaced.place_after(entry, now))

    def hold(self, id: str) -> None:
        """Keep a waiting task back until it is released; it still takes a place. Once held, nothing changes.

        Raises:
            UnknownTask: It is not here.
            NotWaiting: It was handed out.
        """
        entry = self._room.waiting(id, "hold")
        if entry.place is not _HELD:
            self._room.shift(entry, _HELD)

    def release(self, id: str, now: datetime | None = None) -> None:
        """Give a held task its place back, as if it had never been held. One that is not held stays.

        Args:
            id: The task.
            now: The time (UTC); by default that of the system's clock.

        Raises:
            UnknownTask: It is not here.
            NotWaiting: It was handed out.
            InvalidTask: *now* has no zone.
        """
        entry = self._room.waiting(id, "release")
        now = in_utc(now or origin.ask()[0], "now", InvalidTask)
        if entry.place is _HELD:
            self._room.shift(entry, _LATER if entry.date is not None and entry.date > now else _READY)

    # --- questions ----------------------------------------------------------------------------------------

    def task(self, id: str) -> Task:
        """A task as it stands: with its queue, position, time of entering and deadline.

        Raises:
            UnknownTask: It is not here.
        """
        entry = self._room.entry(id)
        return entry.shown(entry.line.ahead_of(entry))

    def position(self, id: str) -> int | None:
        """How many tasks of its queue come before it: 0 for the next, and for one that was handed out.

        A task whose date is to come stands behind those that are ready. None for one that is held.

        Raises:
            UnknownTask: It is not here.
        """
        entry = self._room.entry(id)
        return entry.line.ahead_of(entry)

    def load(self, queue: str) -> Load:
        """How full a queue is; raises ``UnknownQueue``."""
        return self._room.line(queue).load

    def loads(self) -> tuple[Load, ...]:
        """How full the queues are, in the order in which they were given."""
        return tuple(line.load for line in self._lines.values())

    def next_due(self, now: datetime) -> datetime | None:
        """The earliest date after *now* (UTC) for which a waiting task waits; None if none does.

        Raises:
            InvalidTask: *now* has no zone.
        """
        self._room.turn_to(in_utc(now, "now", InvalidTask))
        return min((line.later.first[0] for line in self._lines.values() if line.later), default=None)

    def waiting(self, queue: str) -> Iterator[Task]:
        """The tasks of a queue in their order, those with a date to come behind; held ones last.

        Raises:
            UnknownQueue: There is no such queue.
        """
        entries = enumerate([*self._room.queued(self._room.line(queue))])
        return (entry.shown(None if entry.place is _HELD else place) for place, entry in entries)

    def forecast(
        self,
        queue: str,
        now: datetime,
        *,
        per_hour: float | None = None,
        usual: float | timedelta | None = None,
        slots: int | None = None,
    ) -> Forecast:
        """What becomes of the open tasks of a queue if nothing changes, and which share of them will be late.

        Where the queue has a calendar durations and the pace count its working time.

        Args:
            queue: Its name.
            now: The time (UTC).
            per_hour: How many of its tasks have finished in an hour, as was observed; it counts before estimates.
            usual: How long a task without an estimate takes, seconds or a timedelta.
            slots: How many can be in progress at once; by default the queue's concurrency.

        Raises:
            UnknownQueue: There is no such queue.
            InvalidQueue: A figure is out of range.
            InvalidTask: *now* has no zone, or is beyond the calendar.
        """
        line = self._room.line(queue)
        self._room.turn_to(now := in_utc(now, "now", InvalidTask))
        return forecast(
            [work_of(entry, now) for entry in self._room.queued(line)],
            [work_of(entry, now) for entry in self._room.handed_out(line)],
            now,
            slots=slots if slots is not None else line.spec.concurrency,
            per_hour=per_hour,
            usual=usual,
            calendar=line.spec.calendar,
        )

    def _choice(self, task: Task) -> str:
        """The queue of a task that names none."""
        if self._only is not None:
            return self._only
        name, because = choose(task, self._dated_queue)
        if name not in self._lines:
            hint = f"the task names none, and its {because} chooses this one: name one of {', '.join(self._lines)}"
            raise UnknownQueue(name, self._lines, hint)
        return name


def _kept(task: Task) -> Task:
    """What of a task changes with its version only: not its place, nor what it reports of its work."""
    return copier(type(task))(task, queue=NO_QUEUE, execution=UNSTARTED)
