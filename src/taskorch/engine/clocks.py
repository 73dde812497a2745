"""The system's clock, and the reading of any clock in microseconds."""

from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic, time_ns

import anyio
from anyio.lowlevel import checkpoint

from taskorch.core.times import instant, microseconds
from taskorch.protocols import Clock

LONGEST_WAIT = 5.0
"""Clocks jump: no wait for an instant lasts longer than this many seconds without looking again."""

ANCHORED = 1000
"""For so many microseconds one reading of the clock that never jumps will do."""


class SystemClock:
    """The clock of the machine, in UTC; see ``taskorch.protocols.Clock``.

    When the machine's time is set back, this clock goes on at its pace from where it was until the machine's
    has caught up, so that neither timeouts nor retries are moved. A jump forward is followed.
    """

    def __init__(self) -> None:
        self._latest = self._anchor = time_ns() // 1000
        self._since = monotonic()

    def now(self) -> datetime:
        """The time; never before the last answer."""
        return instant(self.microseconds())

    def microseconds(self) -> int:
        """The same, in microseconds since 1970."""
        now = time_ns() // 1000
        if now < self._latest:
            now = max(self._latest, self._anchor + round((monotonic() - self._since) * 1e6))
        elif now - self._anchor > ANCHORED:
            self._anchor, self._since = now, monotonic()
        self._latest = now
        return now

    async def wait(self, event: anyio.Event, until: datetime | None) -> None:
        """Return once *event* is set or *until* is reached."""
        await checkpoint()
        if until is None:
            await event.wait()
            return
        while not event.is_set():
            left = (until - self.now()) / timedelta(seconds=1)
            if left <= 0:
                return
            with anyio.move_on_after(min(left, LONGEST_WAIT)):
                await event.wait()


def reading(clock: Clock) -> Callable[[], int]:
    """How to read *clock* in microseconds since 1970: the system's without the detour of a date."""
    if type(clock) is SystemClock:
        return clock.microseconds
    return lambda: microseconds(clock.now())
