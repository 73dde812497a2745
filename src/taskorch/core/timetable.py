"""When each task is to be looked at again: one instant each, and which comes first."""

import heapq
from datetime import datetime

import attrs


@attrs.define
class Timetable:
    """At most one instant for each task, and the earliest of all; O(log n) each."""

    _due: dict[str, datetime] = attrs.field(factory=dict, init=False)
    _heap: list[tuple[datetime, str]] = attrs.field(factory=list, init=False)

    def put(self, id: str, at: datetime | None) -> None:
        """Have the task looked at again at *at*, in place of whatever was said before; None for never."""
        if at is None:
            self._due.pop(id, None)
        elif self._due.get(id) != at:
            self._due[id] = at
            heapq.heappush(self._heap, (at, id))
        if len(self._heap) > 2 * len(self._due) + 64:  # what was replaced stays in the heap until it comes up
            self._heap = [(at, id) for id, at in self._due.items()]
            heapq.heapify(self._heap)

    def at(self, id: str) -> datetime | None:
        """When the task is to be looked at again; None for never."""
        return self._due.get(id)

    def earliest(self) -> datetime | None:
        """The earliest instant of all."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def until(self, now: datetime) -> list[str]:
        """The tasks whose instant has come, the earliest first, then by id."""
        come: dict[str, datetime] = {}
        while (at := self.earliest()) is not None and at <= now:
            come[heapq.heappop(self._heap)[1]] = at  # one that was put there twice is the same
        for id, at in come.items():
            heapq.heappush(self._heap, (at, id))
        return list(come)
