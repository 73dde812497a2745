"""Clocks for tests: one that jumps, beside ``taskorch.testing.clock.FakeClock``, which is moved by hand."""

from datetime import datetime, timedelta

import anyio
from anyio.lowlevel import checkpoint

from taskorch.testing.clock import START, FakeClock

PATIENCE = 4
"""So many times others get a turn before the clock jumps."""

__all__ = ["FakeClock", "JumpingClock", "SteppingClock"]


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


class SteppingClock(JumpingClock):
    """A clock that is read differently each time: time goes on by *step* seconds, or back."""

    def __init__(self, step: float) -> None:
        super().__init__()
        self._step = timedelta(seconds=step)

    def now(self) -> datetime:
        """The time, which is another one the next time it is asked for."""
        self._now += self._step
        return self._now
