"""The system's clock."""

from datetime import UTC, datetime, timedelta

import anyio

LONGEST_WAIT = 5.0
"""Clocks jump: no wait for an instant lasts longer than this many seconds without looking again."""


class SystemClock:
    """The clock of the machine, in UTC; see ``taskorch.protocols.Clock``."""

    def now(self) -> datetime:
        """The time."""
        return datetime.now(UTC)

    async def wait(self, event: anyio.Event, until: datetime | None) -> None:
        """Return once *event* is set or *until* is reached."""
        if until is None:
            await event.wait()
            return
        while not event.is_set():
            left = (until - self.now()) / timedelta(seconds=1)
            if left <= 0:
                return
            with anyio.move_on_after(min(left, LONGEST_WAIT)):
                await event.wait()
