"""The stretch of time that figures are about."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Self

import attrs

from taskorch.core.times import LONGEST, in_utc
from taskorch.errors import InvalidWindow

_DAY = timedelta(days=1)


def _start(at: datetime) -> datetime:
    return in_utc(at, "start", InvalidWindow)


def _end(at: datetime) -> datetime:
    return in_utc(at, "end", InvalidWindow)


@attrs.frozen
class Window:
    """From *start* to just before *end*, in UTC; at most 100 years.

    Attributes:
        start: The first instant of it.
        end: The first instant after it.

    Raises:
        InvalidWindow: A time has no zone, the end is not after the start, or it is longer than that.
    """

    start: datetime = attrs.field(converter=_start)
    end: datetime = attrs.field(converter=_end)

    def __attrs_post_init__(self) -> None:
        if self.end <= self.start:
            message = f"{self.end:%Y-%m-%d %H:%M:%S} is not after the start, {self.start:%Y-%m-%d %H:%M:%S}"
            raise InvalidWindow.because(message, "exchange them", "end")
        if self.length > LONGEST:
            raise InvalidWindow.because(f"is {self.length.days} days after the start", "at most 100 years", "end")

    @classmethod
    def day(cls, at: datetime) -> Self:
        """The day in UTC that *at* falls on; raises ``InvalidWindow`` as the constructor does."""
        return cls._from(in_utc(at, "at", InvalidWindow), 1)

    @classmethod
    def week(cls, at: datetime) -> Self:
        """The ISO week in UTC, from Monday on, that *at* falls in; raises ``InvalidWindow`` likewise."""
        at = in_utc(at, "at", InvalidWindow)
        return cls._from(at, 7, at.weekday())

    @classmethod
    def _from(cls, at: datetime, days: int, ago: int = 0) -> Self:
        try:
            start = at.replace(hour=0, minute=0, second=0, microsecond=0) - ago * _DAY
            end = start + days * _DAY
        except OverflowError:
            raise InvalidWindow.because("goes beyond the calendar", "the years 1 to 9999", "at") from None
        return cls(start, end)

    def __contains__(self, at: datetime) -> bool:
        return self.start <= in_utc(at, "at", InvalidWindow) < self.end

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.start

    def days(self, until: datetime) -> Iterator[datetime]:
        """Where each day in UTC begins within the window, up to *until*; the first where the window does.

        Args:
            until: Days that begin at it or later are left out.
        """
        end = min(self.end, in_utc(until, "until", InvalidWindow))
        at = self.start
        while at < end:
            yield at
            midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
            if end - midnight <= _DAY:
                return
            at = midnight + _DAY

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d %H:%M} – {self.end:%Y-%m-%d %H:%M} UTC"
