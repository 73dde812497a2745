"""Instants and durations as documents and facts write them; everything is UTC."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from taskorch.core.json_text import described, shown
from taskorch.errors import InvalidDocument, InvalidWorkflow

MICROSECOND: Final = timedelta(microseconds=1)
"""The shortest time there is between two instants that differ."""
HOUR: Final = timedelta(hours=1)
NOTHING: Final = timedelta(0)
LAST_INSTANT: Final = datetime.max.replace(tzinfo=UTC)
"""The last instant that a time can tell."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_SECOND = timedelta(seconds=1)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TOO_FINE = re.compile(r"[.,][0-9]{6}[0-9]*[1-9]")

LONGEST: Final = timedelta(days=366 * 100)
"""A century, whatever its leap years: no duration in a document is longer."""


def microseconds(instant: datetime) -> int:
    """The microseconds from 1970 to *instant*; ``ValueError`` if it has no zone."""
    if instant.tzinfo is None:
        raise ValueError("a time without a zone says nothing; give it one, such as UTC")
    return (instant - _EPOCH) // MICROSECOND


def instant(at: int) -> datetime:
    """The UTC time *at* microseconds after 1970."""
    return _EPOCH + timedelta(microseconds=at)


def in_utc(at: object, name: str, refuse: type[InvalidDocument]) -> datetime:
    """The same time in UTC.

    Args:
        at: A time with a zone.
        name: What it is called where it comes from.
        refuse: The error for what is no time, has no zone, or lies outside the years that UTC can tell.
    """
    if not isinstance(at, datetime):
        raise refuse.because(f"expected a time, got {described(at)}", "give a datetime with a zone", name)
    if at.tzinfo is UTC:
        return at
    try:
        if at.utcoffset() is not None:
            return at.astimezone(UTC)
    except OverflowError:
        raise refuse.because(f"{at.isoformat()} is beyond the calendar", "the years 1 to 9999, in UTC", name) from None
    raise refuse.because("is a time without a zone", "give it one, such as UTC", name)


def write_time(at: datetime) -> str:
    """ISO 8601 in UTC with ``Z``, and a fraction only where there is one (D0)."""
    utc = at.astimezone(UTC).replace(tzinfo=None)
    fraction = f".{utc.microsecond:06d}".rstrip("0") if utc.microsecond else ""
    return utc.isoformat(timespec="seconds") + fraction + "Z"


def read_time(value: object) -> datetime:
    """The UTC time of an ISO 8601 text with a zone; ``InvalidDocument`` for anything else."""
    if not isinstance(value, str):
        raise InvalidDocument.because(f"expected a time such as 2024-01-15T10:35:00Z, got {described(value)}")
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        message = f"{value[:40]!r} is not an ISO 8601 time"
        raise InvalidDocument.because(message, "write 2024-01-15T10:35:00Z") from None
    if _TOO_FINE.search(value):
        raise InvalidDocument.because(f"{value[:40]!r} is finer than a microsecond")
    if at.tzinfo is None:
        raise InvalidDocument.because("is a time without a zone", 'add "Z" if it is UTC')
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise InvalidDocument.because(f"{value[:40]!r} is beyond the calendar") from None


def read_time_or_day(value: object) -> datetime:
    """The same, where a day alone (``2024-06-30``) is allowed and is its beginning in UTC."""
    is_day = isinstance(value, str) and _DAY.fullmatch(value)
    return read_time(f"{value}T00:00:00Z" if is_day else value)


def read_milliseconds(value: object) -> timedelta:
    """The duration of a number of milliseconds, not negative and at most a century."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidDocument.because(f"expected a number of milliseconds, got {described(value)}")
    if not 0 <= value <= LONGEST / _MILLISECOND:
        hint = "a duration is not negative" if value < 0 else "at most 100 years"
        raise InvalidDocument.because(f"{value} ms is out of range", hint)
    duration = timedelta(milliseconds=value)
    if duration / _MILLISECOND != value:
        raise InvalidDocument.because(f"{value} ms is finer than a microsecond")
    return duration


def write_milliseconds(duration: timedelta) -> int | float:
    """The milliseconds of a duration: an int where they are whole."""
    milliseconds = duration / _MILLISECOND
    return int(milliseconds) if milliseconds.is_integer() else milliseconds


def duration(
    given: float | timedelta | None,
    name: str = "",
    refuse: type[InvalidDocument] = InvalidWorkflow,
    *,
    least: timedelta | None = None,
) -> timedelta | None:
    """The duration of a number of seconds, as Python's callers give it; a timedelta or None stays.

    Args:
        given: Seconds or a timedelta, or None.
        name: What it is called where it comes from.
        refuse: The error for what is no number, is a number of more than a century, or is less than *least*.
        least: The shortest that will do, or None where any will.
    """
    if given is None:
        return None
    found = given
    if not isinstance(found, timedelta):
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise refuse.because(f"expected seconds or a timedelta, got {described(given)}", path=name)
        if not abs(found) <= LONGEST / _SECOND:
            raise refuse.because(f"{shown(given)} s is out of range", "at most 100 years", name)
        found = timedelta(seconds=found)
    if least is not None and found < least:
        hint = "a duration is not negative" if least == NOTHING else f"{least} or more"
        raise refuse.because(f"{found} is out of range", hint, name)
    return found
