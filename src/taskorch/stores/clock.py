"""The clock of stores that have none of their own."""

import time
from collections.abc import Callable


def system_time() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


def never_back(clock: Callable[[], int]) -> Callable[[], int]:
    """A clock that stands still while *clock* is behind what it has told: what is over stays over.

    Args:
        clock: Tells the microseconds since 1970, and may be set back.
    """
    last = 0

    def now() -> int:
        nonlocal last
        last = max(last, clock())
        return last

    return now


def end_of(now: int, ttl: float | None) -> int | None:
    """The instant *ttl* seconds after *now*; None for never."""
    return None if ttl is None else now + round(ttl * 1_000_000)
