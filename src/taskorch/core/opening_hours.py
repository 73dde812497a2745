"""The hours of a week that count as working time, read from what a host writes; every mistake at once."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final

from taskorch.core.json_text import shown
from taskorch.errors import Problem

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""The days of the week, in the order of their numbers 0 to 6."""

Clock = time | str | timedelta
"""A time on the wall: a ``time``, ``"HH:MM"`` or ``"HH:MM:SS"`` (``"24:00"`` ends a day), or its distance from 0:00."""
Span = tuple[timedelta, timedelta]
Week = tuple[tuple[Span, ...], ...]
Spans = Iterable[tuple[Clock, Clock]]
Hours = Mapping[int, Spans] | Mapping[str, Spans] | Mapping[int | str, Spans] | Sequence[Spans]
"""The spans of each day, by number or name, or of all seven; spelt out, since a mapping is strict about its keys."""

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?")
_MIDNIGHT = timedelta(0)
_DAY = timedelta(days=1)
_HINT = 'write "09:00"; "24:00" for the end of the day'


def read_week(hours: object, problems: list[Problem]) -> Week:
    """The spans of each day, Monday first, in order; what is wrong goes to *problems*.

    Args:
        hours: A mapping of days (0 to 6 or ``"mon"`` to ``"sun"``) to their spans, or the spans of all seven.
        problems: Where to put what is wrong.
    """
    if isinstance(hours, Sequence) and not isinstance(hours, str) and len(hours) == len(WEEKDAYS):
        hours = dict(enumerate(hours))
    if not isinstance(hours, Mapping):
        problems.append(Problem("hours", "is no mapping of days to spans", 'write {"mon": [("09:00", "17:00")], …}'))
        return ()
    week: dict[int, tuple[Span, ...]] = {}
    before = len(problems)
    for key, spans in hours.items():
        day, path = _weekday(key), f"hours[{key!r}]"
        if day is None:
            problems.append(Problem(path, "is no day of the week", "0 to 6, or " + ", ".join(WEEKDAYS)))
        elif day in week:
            problems.append(Problem(path, f"{WEEKDAYS[day]} is given twice", "give all its spans in one list"))
        week[-1 if day is None else day] = tuple(_read_day(spans, path, problems))
    if not any(week.values()) and len(problems) == before:
        problems.append(Problem("hours", "no hour of the week is open", "open at least one span of one day"))
    return tuple(week.get(day, ()) for day in range(len(WEEKDAYS)))


def _weekday(key: object) -> int | None:
    if isinstance(key, str):
        return WEEKDAYS.index(key.lower()) if key.lower() in WEEKDAYS else None
    return key if isinstance(key, int) and not isinstance(key, bool) and 0 <= key < len(WEEKDAYS) else None


def _read_day(spans: object, path: str, problems: list[Problem]) -> Iterator[Span]:
    if not isinstance(spans, Iterable) or isinstance(spans, str):
        problems.append(Problem(path, "is no list of spans", 'write [("09:00", "12:00"), ("13:00", "17:00")]'))
        return
    read = [
        (span, f"{path}[{index}]")
        for index, pair in enumerate(spans)
        if (span := _read_span(pair, f"{path}[{index}]", problems)) is not None
    ]
    read.sort(key=lambda item: item[0])
    end = _MIDNIGHT
    for span, place in read:
        if span[0] < end:
            problems.append(Problem(place, f"begins at {span[0]}, but the span before it ends at {end}", "join them"))
        end = max(end, span[1])
        yield span


def _read_span(pair: object, path: str, problems: list[Problem]) -> Span | None:
    if isinstance(pair, str) or not isinstance(pair, Sequence) or len(pair) != 2:
        problems.append(Problem(path, "is no pair of a start and an end", 'write ("09:00", "17:00")'))
        return None
    start, end = _clock(pair[0]), _clock(pair[1])
    for value, read in zip(pair, (start, end), strict=True):
        if read is None:
            problems.append(Problem(path, f"{shown(value)!r} is no time of a day", _HINT))
    if start is None or end is None:
        return None
    if start >= end:
        what = "is empty" if start == end else "ends before it begins"
        hint = 'the end of the day is "24:00"; hours across midnight are two spans of two days'
        problems.append(Problem(path, f"{what}: {pair[0]} to {pair[1]}", hint))
        return None
    return start, end


def _clock(value: object) -> timedelta | None:
    if isinstance(value, timedelta):
        return value if _MIDNIGHT <= value <= _DAY else None
    if isinstance(value, str):
        if value in ("24:00", "24:00:00"):
            return _DAY
        match = _CLOCK.fullmatch(value)
        return match and timedelta(hours=int(match[1]), minutes=int(match[2]), seconds=int(match[3] or 0))
    if isinstance(value, time) and value.tzinfo is None:
        return datetime.combine(date.min, value) - datetime.combine(date.min, time.min)
    return None


def read_holidays(holidays: object, problems: list[Problem]) -> frozenset[date]:
    """The dates given as ``date`` or ``"2026-12-25"``; what is wrong goes to *problems*."""
    if not isinstance(holidays, Iterable) or isinstance(holidays, str):
        problems.append(Problem("holidays", "is no list of dates", "write [date(2026, 12, 25), …]"))
        return frozenset()
    days: set[date] = set()
    for index, value in enumerate(holidays):
        day = _read_date(value)
        if day is None:
            message = f"{shown(value)!r} is no date"
            problems.append(Problem(f"holidays[{index}]", message, 'a date, or "2026-12-25"; not a time'))
        else:
            days.add(day)
    return frozenset(days)


def _read_date(value: object) -> date | None:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            return None
    return value if isinstance(value, date) and not isinstance(value, datetime) else None


def read_zone(tz: object, problems: list[Problem]) -> tzinfo | None:
    """The zone of an IANA name, or the ``tzinfo`` itself; what is wrong goes to *problems*."""
    zone = tz
    if isinstance(tz, str):
        from zoneinfo import ZoneInfo  # here, since few hosts need it and all of them wait for an import

        try:
            zone = ZoneInfo(tz)
        except (KeyError, ValueError, OSError):
            hint = 'an IANA name such as "Europe/Paris"; on a system without zones install the package tzdata'
            problems.append(Problem("tz", f"there is no zone {tz[:60]!r}", hint))
            return None
    if not isinstance(zone, tzinfo) or not _knows_its_offset(zone):
        problems.append(
            Problem("tz", f"{str(tz)[:60]!r} is no zone", 'an IANA name such as "Europe/Paris", or a tzinfo')
        )
        return None
    return zone


def _knows_its_offset(zone: tzinfo) -> bool:
    try:
        return datetime(2000, 1, 1, tzinfo=zone).utcoffset() is not None
    except Exception:  # noqa: BLE001 - the zone may be the host's own code, which may fail in any way
        return False
