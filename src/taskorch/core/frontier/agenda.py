"""What a run waits for by time: retries, timeouts of attempts, of all attempts, and of waiting for a place."""

from collections.abc import Callable
from enum import IntEnum
from heapq import heappop, heappush
from typing import NamedTuple


class Timer(IntEnum):
    """What happens at an instant."""

    RETRY = 0
    """A failed step may be tried again."""
    ATTEMPT = 1
    """The time of an attempt is up."""
    TOTAL = 2
    """The time of all attempts is up."""
    QUEUE = 3
    """A step has waited too long for a place."""


class Entry(NamedTuple):
    """One instant: *timer* goes off *at* for an *attempt* of a *step*."""

    at: int
    timer: Timer
    step: int
    attempt: int


class Agenda:
    """The instants of one run, of which some mean nothing any more: what they were set for has ended, or begun anew."""

    def __init__(self, is_live: Callable[[Entry], bool]) -> None:
        """An empty one; *is_live* tells whether an entry still means something."""
        self._heap: list[Entry] = []
        self._is_live = is_live

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, at: int, timer: Timer, step: int, attempt: int) -> None:
        """Note an instant."""
        heappush(self._heap, Entry(at, timer, step, attempt))

    def pop(self, now: int) -> Entry | None:
        """The next entry up to *now* that means something, or None."""
        while self._heap and self._heap[0].at <= now:
            entry = heappop(self._heap)
            if self._is_live(entry):
                return entry
        return None

    def next(self) -> int | None:
        """When the next entry that means something is due, or None."""
        while self._heap and not self._is_live(self._heap[0]):
            heappop(self._heap)
        return self._heap[0].at if self._heap else None
