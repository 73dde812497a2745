"""The index of a store in memory: which entries are due, in order of rank, and when to look at the others again."""

from collections import Counter
from collections.abc import Iterator, Mapping
from heapq import heappop, heappush

from taskorch.core.ranking import Ranking
from taskorch.stores.picking import Line
from taskorch.stores.standing import Place, Standing

_Spot = tuple[Place, str, tuple[str, ...], tuple[str, str], int | None]
"""Where an entry is kept: its place, queue and tags, its key in the line, and when to look again."""


class Index:
    """The waiting entries of all records; nothing is counted, all is found by where it is kept."""

    def __init__(self) -> None:
        self._spots: dict[str, _Spot] = {}
        self._lines: dict[str, dict[tuple[str, ...], Ranking[tuple[str, str]]]] = {}
        self._later: dict[str, set[str]] = {}
        self._leased: dict[str, tuple[str, ...]] = {}
        self._looks: list[tuple[int, str]] = []

    def put(self, standing: Standing, now: int) -> None:
        """Keep the entry of *standing* where it belongs now."""
        self.take(standing.id)
        found, entry = standing.place(now), standing.entry
        if entry is not None and found is not None:
            place, look = found
            self._spots[entry.id] = (place, entry.queue, entry.tags, (entry.rank, entry.id), look)
            if place is Place.READY:
                lines = self._lines.setdefault(entry.queue, {})
                lines.setdefault(entry.tags, Ranking()).add((entry.rank, entry.id))
            elif place is Place.LATER:
                self._later.setdefault(entry.queue, set()).add(entry.id)
            if look is not None:
                heappush(self._looks, (look, entry.id))
            if place is Place.LEASED:
                self._leased[entry.id] = entry.tags

    def take(self, id: str) -> None:
        """Keep the entry of a record no longer, if there is one."""
        spot = self._spots.pop(id, None)
        if spot is None:
            return
        place, queue, tags, key, _ = spot
        if place is Place.READY:
            line = self._lines[queue][tags]
            line.remove(key)
            if not line:
                del self._lines[queue][tags]
        elif place is Place.LATER:
            self._later[queue].discard(id)
        else:
            del self._leased[id]

    def look(self, now: int, standings: Mapping[str, Standing]) -> None:
        """Put each entry whose time has come where it belongs now."""
        while self._looks and self._looks[0][0] <= now:
            look, id = heappop(self._looks)
            spot = self._spots.get(id)
            if spot is not None and spot[4] == look:
                self.put(standings[id], now)

    def lines(self, queue: str) -> Iterator[Line]:
        """The lines of a queue."""
        return ((tags, iter(line)) for tags, line in self._lines.get(queue, {}).items())

    def leased(self) -> Counter[str]:
        """How many living leases have each tag."""
        return Counter(tag for tags in self._leased.values() for tag in tags)

    def waiting(self, queue: str) -> int:
        """How many entries wait in a queue."""
        return sum(map(len, self._lines.get(queue, {}).values())) + len(self._later.get(queue, ()))

    def next_due(self, queues: set[str], now: int) -> int | None:
        """The first instant at which an entry in *queues* is due; *now* if one is already."""
        if any(self._lines.get(queue) for queue in queues):
            return now
        return min(
            (spot[4] for spot in self._spots.values() if spot[1] in queues and spot[4] is not None), default=None
        )
