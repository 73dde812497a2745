"""The clock of stores that have none of their own."""

import time
from collections.abc import Callable

from taskorch.core.json_text import described
from taskorch.errors import StoreError

_LONGEST = 2**62
"""In microseconds: instants have 64 bits at most, wherever they are kept."""


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


def lifetime(store: str, ttl: float | None) -> int | None:
    """How long a lease is to live, in microseconds; None for ever.

    Args:
        store: The name of the store, for the error.
        ttl: The same in seconds, as a verb was given it.

    Raises:
        StoreError: It is no number, or has no end.
    """
    if ttl is None:
        return None
    try:
        length = round(ttl * 1_000_000)
    except (TypeError, ValueError, OverflowError):
        length = _LONGEST
    if abs(length) >= _LONGEST:
        raise StoreError(store, f"a lease cannot live for {described(ttl)} seconds; give a number, or None for ever")
    return length


def end_of(now: int, length: int | None) -> int | None:
    """The instant at which a lease of that length is over that begins *now*; None for never."""
    return None if length is None else now + length
