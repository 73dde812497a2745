"""A clock that jumps, beside ``taskorch.testing.clock.FakeClock``, which is moved by hand."""

from datetime import datetime

import anyio
from anyio.lowlevel import checkpoint

from taskorch.testing.clock import START

PATIENCE = 4
"""So many times others get a turn before the clock jumps."""


class JumpingClock:
    """A clock on which no time passes but that which somebody waits for, and that passes at once."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start

    def now(self) -> datetime:
        """The time."""
        return self._now

    async def wait(self, event: anyio.Event, until: datetime | None) -> None:
        """Return once *event* is set, or after a few turns of the others, when it is *until*."""
        if until is None:
            await event.wait()
            return
        for _ in range(PATIENCE):
            if event.is_set() or self._now >= until:
                return
            await checkpoint()
        if not event.is_set():
            self._now = max(self._now, until)
