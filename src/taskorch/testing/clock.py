"""A clock that is moved by hand."""

from datetime import UTC, datetime, timedelta

import anyio
from anyio.lowlevel import checkpoint

START = datetime(2026, 1, 1, tzinfo=UTC)


class FakeClock:
    """A ``Clock`` on which time stands still until a test moves it.

    Whatever waits for an instant is woken, in order, when ``advance`` passes it.
    """

    def __init__(self, start: datetime = START) -> None:
        """A clock that stands at *start* (UTC)."""
        if start.tzinfo is None:
            raise ValueError("a time without a zone says nothing; give it one, such as UTC")
        self._now = start
        self._waiting: dict[anyio.CancelScope, datetime] = {}

    def now(self) -> datetime:
        """The time."""
        return self._now

    async def wait(self, event: anyio.Event, until: datetime | None) -> None:
        """Return once *event* is set or the clock has been moved to *until*."""
        await checkpoint()
        if until is None:
            await event.wait()
        elif until > self._now:
            with anyio.CancelScope() as scope:
                self._waiting[scope] = until
                try:
                    await event.wait()
                finally:
                    self._waiting.pop(scope, None)

    @property
    def next_due(self) -> datetime | None:
        """The earliest instant somebody waits for, or None."""
        return min(self._waiting.values(), default=None)

    async def advance(self, seconds: float) -> None:
        """Move the time forward, stopping at every instant somebody waits for until all have reacted.

        Bodies in threads and processes are not waited for.
        """
        end = self._now + timedelta(seconds=seconds)
        await anyio.wait_all_tasks_blocked()
        while (due := self.next_due) is not None and due <= end:
            self._now = max(self._now, due)
            for scope in [scope for scope, until in self._waiting.items() if until <= self._now]:
                del self._waiting[scope]
                scope.cancel()
            await anyio.wait_all_tasks_blocked()
        self._now = max(self._now, end)
        await anyio.wait_all_tasks_blocked()
