"""One task that waits for the earliest timer of a run, through the clock."""

from collections.abc import Callable
from datetime import datetime

import anyio

from taskorch.core.times import instant
from taskorch.protocols import Clock


class Timers:
    """Calls *fire* at the beginning, whenever its bell rings, and when something is due.

    *next_due* tells when (in microseconds, or None); with nothing due and no bell it sleeps without a timer.
    """

    def __init__(self, clock: Clock, fire: Callable[[], None], next_due: Callable[[], int | None]) -> None:
        self._clock, self._fire, self._next_due = clock, fire, next_due
        self._bell = anyio.Event()
        self._until: int | None = None

    def ring(self) -> None:
        """Have *fire* called soon."""
        self._bell.set()

    def look(self) -> None:
        """Ring if something is due before the instant waited for."""
        due = self._next_due()
        if due is not None and (self._until is None or due < self._until):
            self._bell.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._bell = anyio.Event()
            self._fire()
            self._until = self._next_due()
            until: datetime | None = None if self._until is None else instant(self._until)
            await self._clock.wait(self._bell, until)
