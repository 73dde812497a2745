"""Working time: which hours of which days count, and how to add and measure them."""

from datetime import datetime, timedelta
from typing import Protocol


class Calendar(Protocol):
    """What tells working time. Times are UTC; ``add`` and ``between`` are inverse to each other."""

    def add(self, start: datetime, duration: timedelta) -> datetime:
        """The instant at which *duration* of working time has passed since *start*."""

    def between(self, start: datetime, end: datetime) -> timedelta:
        """The working time from *start* to *end*."""
