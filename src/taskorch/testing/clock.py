"""A clock that is moved by hand."""

from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count

import anyio

START = datetime(2026, 1, 1, tzinfo=UTC)


class FakeClock:
    """A ``Clock`` on which time stands still until a test moves it.

    Whatever waits for an instant is woken, in order, when ``advance`` passes it.
    """

    def __init__(self, start: datetime = START) -> None:
        """A clock that stands at *start* (UTC)."""
        if start.tzinfo is None:
            raise ValueError("a time without a zone says nothing; use datetime(…, tzinfo=UTC)")
        self._now = start
        self._waiting: list[tuple[datetime, int, anyio.Event]] = []
        self._order = count()

    def now(self) -> datetime:
        """The time."""
        return self._now

    async def wait(self, event: anyio.Event, until: datetime | None) -> None:
        """Return once *event* is set or the clock has been moved to *until*."""
        if until is not None and until <= self._now:
            return
        if until is not None:
            heappush(self._waiting, (until, next(self._order), event))
        await event.wait()

    @property
    def next_due(self) -> datetime | None:
        """The earliest instant somebody waits for, or None."""
        while self._waiting and self._waiting[0][2].is_set():
            heappop(self._waiting)
        return self._waiting[0][0] if self._waiting else None

    async def advance(self, seconds: float) -> None:
        """Move the time forward, stopping at every instant somebody waits for until all have reacted.

        Bodies in threads and processes are not waited for.
        """
        end = self._now + timedelta(seconds=seconds)
        await anyio.wait_all_tasks_blocked()
        while (due := self.next_due) is not None and due <= end:
            self._now = max(self._now, due)
            heappop(self._waiting)[2].set()
            await anyio.wait_all_tasks_blocked()
        self._now = max(self._now, end)
        await anyio.wait_all_tasks_blocked()
