"""All the queues of an engine together: every task in its place, and which of them may be handed out."""

from bisect import insort
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from taskorch.core.lanes import Lane
from taskorch.core.queues import QueueSpec, named
from taskorch.core.task import Task
from taskorch.core.waiting_line import Entry, Place, WaitingLine
from taskorch.errors import NotWaiting, QueueFull, UnknownTask

_READY, _LATER, _HELD, _OUT = Place.READY, Place.LATER, Place.HELD, Place.OUT  # an attribute of an enum is slow
_ALWAYS: Final = datetime.max.replace(tzinfo=UTC)


class WaitingRoom:
    """The entries of an engine by id, and its lines by name. It moves entries; it judges no wishes."""

    def __init__(self, specs: Mapping[str, QueueSpec]) -> None:
        self.specs = specs
        self.entries: dict[str, Entry] = {}
        ranks = {name: spec.rank for name, spec in specs.items()}
        self.lines = {name: WaitingLine(spec, ranks) for name, spec in specs.items()}
        self._active: list[Lane] = []  # those with a task to give, by rank
        self._dates = 0  # the tasks whose date is still to come
        self._is_limited = any(spec.concurrency is not None for spec in specs.values())

    def line(self, name: str) -> WaitingLine:
        """The queue called *name*; raises ``UnknownQueue``."""
        return self.lines.get(name) or self.lines[named(self.specs, name).name]

    def line_with_room(self, line: WaitingLine) -> WaitingLine:
        """*line*, or the overflow that has a place; raises ``QueueFull`` where none has."""
        wanted = line
        while line.is_full:
            if line.spec.overflow is None:
                raise QueueFull(wanted.spec.name, wanted.waiting, wanted.spec.capacity or 0)
            line = self.lines[line.spec.overflow]
        return line

    def entry(self, id: str) -> Entry:
        """The entry of a task; raises ``UnknownTask``."""
        entry = self.entries.get(id)
        if entry is None:
            raise UnknownTask(id)
        return entry

    def waiting(self, id: str, wish: str) -> Entry:
        """The entry of a task that waits; raises ``UnknownTask``, or ``NotWaiting`` with the *wish*."""
        entry = self.entry(id)
        if entry.place is _OUT:
            raise NotWaiting(id, wish)
        return entry

    def queued(self, line: WaitingLine) -> Iterator[Entry]:
        """The waiting entries of *line* in their order: those ready, those with a date to come, those held."""
        for lane in line.ranked_lanes:
            yield from (self.entries[key[3]] for key in lane.ready)
        yield from (self.entries[id] for _, id in line.later)
        yield from (entry for entry in self.entries.values() if entry.place is _HELD and entry.line is line)

    def settle(self, entry: Entry, now: datetime, *, is_held: bool = False) -> None:
        """Give an entry its place, where nothing can go wrong any more."""
        task, line = entry.task, entry.line
        self.entries[task.id] = entry
        line.waiting += 1
        date = task.internals.scheduled_for
        if is_held:
            entry.place = _HELD
        elif date is not None and date > now:
            entry.place = _LATER
            line.later.add(entry.date)
            self._dates += 1
        else:
            self._make_ready(entry)

    def withdraw(self, entry: Entry) -> None:
        """Take a waiting entry out of the order; it is left without a place."""
        entry.line.waiting -= 1
        if entry.lane is not None:
            lane, entry.lane = entry.lane, None
            lane.ready.remove(entry.key)
            if not lane.ready:
                self._active.remove(lane)
        elif entry.place is _LATER:
            entry.line.later.remove(entry.date)
            self._dates -= 1
        entry.place = _HELD

    def keep_back(self, entry: Entry) -> None:
        """Hold a waiting entry."""
        self.withdraw(entry)
        entry.line.waiting += 1

    def replace(
        self, entry: Entry, task: Task, line: WaitingLine, now: datetime | None = None, *, is_held: bool | None = None
    ) -> None:
        """Have *task* wait in *line* instead of what waited there before, since the same time.

        Args:
            entry: What waited before.
            task: What waits now.
            line: Where.
            now: The time; without it a date stays what it was found to be, still to come, or come.
            is_held: Whether it is held; by default if it was.
        """
        replaced = Entry(task, line, entry.entered_at)
        held = entry.place is _HELD if is_held is None else is_held
        present = now or (entry.entered_at if entry.place is _LATER else _ALWAYS)
        self.withdraw(entry)
        self.settle(replaced, present, is_held=held)

    def hand_out(self, lane: Lane, now: datetime) -> Entry:
        """The first of a lane, in progress from *now* on."""
        entry = self.entries[lane.ready.pop()[3]]
        if not lane.ready:
            self._active.remove(lane)
        entry.lane, entry.place, entry.handed_out_at = None, _OUT, now
        entry.line.waiting -= 1
        entry.line.out += 1
        return entry

    def discard(self, entry: Entry) -> None:
        """Forget a task, whether it waits or was handed out."""
        if entry.place is _OUT:
            entry.line.out -= 1
        else:
            self.withdraw(entry)
        del self.entries[entry.task.id]

    def eligible(self, now: datetime) -> list[Lane]:
        """The lanes that have a task to give at *now* and may give it, by rank."""
        if self._dates:
            self.admit(now)
        if not self._is_limited:
            return self._active
        return [lane for lane in self._active if not self.lines[lane.spec.name].is_busy]

    def admit(self, now: datetime) -> None:
        """Let those in whose date has come."""
        for line in self.lines.values():
            while line.later and line.later.first[0] <= now:
                self._dates -= 1
                self._make_ready(self.entries[line.later.pop()[1]])

    def _make_ready(self, entry: Entry) -> None:
        entry.place = _READY
        entry.lane = lane = entry.line.lane_of(entry.task)
        if not lane.ready:
            insort(self._active, lane, key=lambda active: (active.rank, active.name))
        lane.ready.add(entry.key)
