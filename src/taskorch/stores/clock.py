"""The clock of stores that have none of their own."""

import time


def system_time() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


def end_of(now: int, ttl: float | None) -> int | None:
    """The instant *ttl* seconds after *now*; None for never."""
    return None if ttl is None else now + round(ttl * 1_000_000)
