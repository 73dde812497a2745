"""What a clock must do: tell the time, and wait for it."""

from datetime import datetime
from typing import Protocol

import anyio


class Clock(Protocol):
    """The only source of time in the engine; replace it, and every timer follows."""

    def now(self) -> datetime:
        """The time, with zone UTC. It may jump, backwards too; callers cope."""
        ...

    async def wait(self, event: anyio.Event, until: datetime | None) -> None:
        """Return once *event* is set, or ``now()`` has reached *until* (None: never), whichever is first.

        Others get a turn in any case. A clock that may jump looks again at least every 5 s while *until* is given.
        """
        ...
