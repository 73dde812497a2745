"""All the queues of an engine together: every task in its place, and which of them may be handed out."""

from bisect import insort
from collections.abc import Iterator, Mapping
from datetime import datetime

from taskorch.core.lanes import Lane, id_of
from taskorch.core.queues import QueueSpec, named
from taskorch.core.waiting_line import Entry, Place, WaitingLine
from taskorch.errors import NotWaiting, QueueFull, UnknownTask

_READY, _LATER, _HELD, _OUT = Place.READY, Place.LATER, Place.HELD, Place.OUT  # an attribute of an enum is slow


class WaitingRoom:
    """The entries of an engine by id, and its lines by name. It moves entries; it judges no wishes."""

    def __init__(self, specs: Mapping[str, QueueSpec]) -> None:
        self.entries: dict[str, Entry] = {}
        ranks = {name: spec.rank for name, spec in specs.items()}
        self.lines = {name: WaitingLine(spec, ranks) for name, spec in specs.items()}
        self._specs = specs
        self._active: list[Lane] = []  # those with a task to give, by rank
        self._dated_count = 0  # the tasks in the order that have a date
        self._is_limited = any(spec.concurrency is not None for spec in specs.values())
        self._band_count = 0  # the active lanes that are one of several of their queue

    def line(self, name: str) -> WaitingLine:
        """The queue called *name*; raises ``UnknownQueue``."""
        return self.lines[named(self._specs, name).name]

    def line_with_room(self, line: WaitingLine) -> WaitingLine:
        """*line*, or the overflow that has a place; raises ``QueueFull`` where none has."""
        wanted = line
        while line.waiting >= line.capacity:
            if line.spec.overflow is None:
                raise self.full(wanted)
            line = self.lines[line.spec.overflow]
        return line

    def full(self, line: WaitingLine) -> QueueFull:
        """The error that tells that neither *line* nor an overflow of it has another place."""
        overflows, spec = list[str](), line.spec
        while spec.overflow is not None:
            overflows.append(spec.overflow)
            spec = self._specs[spec.overflow]
        return QueueFull(line.spec.name, line.waiting, line.spec.capacity or 0, overflows)

    def entry(self, id: object) -> Entry:
        """The entry of a task; raises ``UnknownTask``."""
        entry = self.entries.get(id) if isinstance(id, str) else None
        if entry is None:
            raise UnknownTask(str(id))
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
            yield from (self.entries[id_of(key)] for key in lane.ready)
        yield from (self.entries[id] for _, id in line.later)
        yield from line.held.values()

    def handed_out(self, line: WaitingLine) -> Iterator[Entry]:
        """The entries of *line* in progress, the first handed out first; takes a look at every entry there is."""
        out = [entry for entry in self.entries.values() if entry.place is _OUT and entry.line is line]
        return iter(sorted(out, key=lambda entry: (entry.handed_out_at or entry.entered_at, entry.task.id)))

    def settle(self, entry: Entry, place: Place) -> None:
        """Give an entry its place, where nothing can go wrong any more."""
        task, line = entry.task, entry.line
        self.entries[task.id] = entry
        entry.place = place
        if place is _OUT:
            line.out += 1
            return
        line.waiting += entry.counts
        if place is _HELD:
            line.held[task.id] = entry
            return
        if entry.date is not None:
            (line.come if place is _READY else line.later).add(entry.turn)
            self._dated_count += 1
        if place is _READY:
            entry.lane = lane = line.only or line.lane_of(task)
            if not lane.ready.size:
                insort(self._active, lane, key=lambda active: active.order)
                self._band_count += line.only is None
            lane.ready.add(entry.key)

    def shift(self, entry: Entry, place: Place) -> None:
        """Give a waiting entry another place."""
        self._take(entry)
        self.settle(entry, place)

    def replace(self, entry: Entry, replaced: Entry, place: Place) -> None:
        """Have *replaced* wait instead of *entry*, the same task."""
        self._take(entry)
        self.settle(replaced, place)

    def discard(self, entry: Entry) -> None:
        """Forget a task, whether it waits or was handed out."""
        self._take(entry)
        del self.entries[entry.task.id]

    def hand_out(self, lane: Lane, now: datetime) -> Entry:
        """The first of a lane, in progress from *now* on."""
        entry = self.entries[id_of(lane.ready.pop())]
        line = entry.line
        if not lane.ready.size:
            self._active.remove(lane)
            self._band_count -= line.only is None
        if entry.date is not None:
            line.come.remove(entry.turn)
            self._dated_count -= 1
        line.waiting -= entry.counts
        line.out += 1
        entry.lane, entry.place, entry.handed_out_at = None, _OUT, now
        return entry

    def eligible(self, now: datetime) -> list[Lane]:
        """The lanes that have a task to give at *now* and may give it, by rank; of each queue its first."""
        if self._dated_count:
            self.turn_to(now)
        lanes = self._active
        if self._band_count > 1:
            firsts = {lane.spec.name: lane for lane in reversed(lanes)}
            lanes = [lane for lane in lanes if firsts[lane.spec.name] is lane]
        if not self._is_limited:
            return lanes
        return [lane for lane in lanes if not self.lines[lane.spec.name].is_busy]

    def turn_to(self, now: datetime) -> None:
        """Sort those with a date into those whose date has come at *now* and those whose date has not."""
        for line in self.lines.values():
            while line.later and line.later.first[0] <= now:
                self.shift(self.entries[line.later.first[1]], _READY)
            while line.come and line.come.last[0] > now:
                self.shift(self.entries[line.come.last[1]], _LATER)

    def _take(self, entry: Entry) -> None:
        place, line = entry.place, entry.line
        if place is _OUT:
            line.out -= 1
            return
        line.waiting -= entry.counts
        if place is _HELD:
            del line.held[entry.task.id]
            return
        if entry.date is not None:
            (line.come if place is _READY else line.later).remove(entry.turn)
            self._dated_count -= 1
        if entry.lane is not None:
            lane, entry.lane = entry.lane, None
            lane.ready.remove(entry.key)
            if not lane.ready.size:
                self._active.remove(lane)
                self._band_count -= line.only is None
