"""Working time: which hours of which days count, and how to add and measure them."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final, Protocol, TypeGuard

import attrs

from taskorch.core.json_text import described
from taskorch.core.opening_hours import Hours, Week, read_holidays, read_week, read_zone
from taskorch.core.times import LONGEST, MICROSECOND, NOTHING, in_utc, instant, microseconds
from taskorch.core.times import duration as read_duration
from taskorch.errors import InvalidCalendar, Problem

_DAY: Final = timedelta(days=1)
_EPOCH: Final = date(1970, 1, 1)
_YEARS: Final = range(1900, 2200)  # nobody knows the working hours of other centuries; this bounds every walk
_IDLE: Final = 120  # months without an open hour before the search for one ends
_HOURS: Final = "look at its hours and holidays"


class Calendar(Protocol):
    """What tells working time. Times are UTC; ``add`` and ``between`` are inverse to each other.

    ``add`` gives the *earliest* instant by which the time has passed (``BusinessCalendar`` has the laws). ``between``
    is negative where *end* is before *start*.
    """

    def add(self, start: datetime, duration: timedelta) -> datetime:
        """The instant at which *duration* of working time has passed since *start*."""

    def between(self, start: datetime, end: datetime) -> timedelta:
        """The working time from *start* to *end*."""


def is_calendar(value: object) -> TypeGuard[Calendar]:
    """Whether *value* can do what is asked of a calendar."""
    is_able = callable(getattr(value, "add", None)) and callable(getattr(value, "between", None))
    return is_able and not isinstance(value, type)  # a class is none before it is told its hours


@attrs.frozen
class _Month:
    """The open spans of the days of one month, in order, in microseconds; *sums* is what was open up to each end."""

    starts: list[int]
    ends: list[int]
    sums: list[int]

    @property
    def total(self) -> int:
        return self.sums[-1] if self.sums else 0

    def until(self, at: int) -> int:
        """What was open before *at*."""
        index = bisect_right(self.starts, at) - 1
        return self.sums[index] - max(self.ends[index] - at, 0) if index >= 0 else 0

    def earliest(self, open_before: int) -> int:
        """The earliest instant before which so much (above 0, at most the total) was open."""
        index = bisect_left(self.sums, open_before)
        return self.ends[index] - (self.sums[index] - open_before)

    def latest(self, open_before: int) -> int:
        """The latest instant before which so much (from 0, below the total) was open."""
        index = bisect_right(self.sums, open_before)
        return self.ends[index] - (self.sums[index] - open_before)


@attrs.frozen(init=False)
class BusinessCalendar:
    """The working hours of a week in one zone, without its holidays (design §6).

    A boundary such as 09:00 of a day is the first instant at which the clock on that wall shows 09:00 *or later*,
    each boundary found on its own. So a boundary in the hour that a spring leaves out is the jump itself; one in the
    hour that an autumn repeats is its first passing; neither spans of one day nor those of two overlap; and what is
    measured is time that passed: the night shift of the long night is an hour longer.

    Laws, for instants *a*, *b*, *c* and durations *d*, *e* from 0:

    - ``between(a, add(a, d)) == d``; ``add(a, 0) == a``, otherwise ``add`` gives the earliest such instant, which is
      inside an open span or its end, never the beginning of the next;
    - ``add(a, between(a, b)) <= b`` where a <= b; they are equal exactly where b is a, or where an open span begins
      before b and ends at b or after it;
    - ``between(b, subtract(b, d))`` is -d, and ``subtract`` gives the latest such instant;
    - ``between(a, b) + between(b, c) == between(a, c)``, so ``between(b, a) == -between(a, b)``;
    - ``add(add(a, d), e) == add(a, d + e)``.

    It covers the years 1900 to 2199. A value is hashed and compared by its hours, holidays and zone.

    Attributes:
        hours: The open spans of the seven days, Monday first, as distances from 0:00 on the wall.
        holidays: The dates that are closed.
        tz: The zone of the wall.
    """

    hours: Week
    holidays: frozenset[date]
    tz: tzinfo
    _months: dict[int, _Month] = attrs.field(init=False, eq=False, repr=False, factory=dict)  # found once, then kept

    def __init__(
        self,
        hours: Hours,
        holidays: Iterable[date | str] = (),
        tz: str | tzinfo = "Europe/Paris",
    ) -> None:
        """A calendar of these hours.

        Args:
            hours: For each open day, 0 (Monday) to 6 or ``"mon"`` to ``"sun"``, its spans of local time: pairs of
                ``datetime.time`` or ``"HH:MM"``; ``"24:00"`` ends a day.
            holidays: Dates that are closed, as ``date`` or ``"2026-12-25"``.
            tz: The zone, by its IANA name or as a ``tzinfo``.

        Raises:
            InvalidCalendar: Hours overlap, are empty or go backwards, or a day, a date or the zone is not known;
                with every problem.
        """
        problems: list[Problem] = []
        week = read_week(hours, problems)
        days = read_holidays(holidays, problems)
        zone = read_zone(tz, problems)
        if problems or zone is None:
            raise InvalidCalendar(problems)
        self.__attrs_init__(hours=week, holidays=days, tz=zone)

    def __reduce__(self) -> tuple[object, ...]:
        return BusinessCalendar, (self.hours, self.holidays, self.tz)  # without what was found by the way

    def add(self, start: datetime, duration: float | timedelta) -> datetime:
        """The earliest instant by which *duration* of working time has passed since *start*; *start* itself for 0.

        Args:
            start: Any instant (UTC).
            duration: Seconds or a timedelta, from 0 to a hundred years.

        Raises:
            InvalidCalendar: *start* has no zone, or it or the answer is outside 1900 to 2199; *duration* is none, or
                out of range; or ten years go by without an open hour.
        """
        need, start = _length(duration), _within(start, "start")
        if need == 0:
            return start
        at = microseconds(start)
        return self._walk(
            need,
            range(_number(start - _DAY), _YEARS.stop * 12 + 1),
            lambda month: month.total - month.until(at),
            lambda month, left: month.earliest(month.until(at) + left),
        )

    def subtract(self, end: datetime, duration: float | timedelta) -> datetime:
        """The latest instant from which *duration* of working time passes until *end*; *end* itself for 0.

        Args:
            end: Any instant (UTC).
            duration: Seconds or a timedelta, from 0 to a hundred years.

        Raises:
            InvalidCalendar: As for ``add``.
        """
        need, end = _length(duration), _within(end, "end")
        if need == 0:
            return end
        at = microseconds(end)
        return self._walk(
            need,
            range(_number(end + _DAY), _YEARS.start * 12 - 2, -1),
            lambda month: month.until(at),
            lambda month, left: month.latest(month.until(at) - left),
        )

    def between(self, start: datetime, end: datetime) -> timedelta:
        """The working time from *start* to *end* (UTC); negative where *end* is before *start*.

        Raises:
            InvalidCalendar: One of them has no zone, or is outside 1900 to 2199.
        """
        start, end = _within(start, "start"), _within(end, "end")
        first, last = microseconds(start), microseconds(end)
        early, late = (start, end) if first <= last else (end, start)
        months = map(self._month, range(_number(early - _DAY), _number(late + _DAY) + 1))
        return timedelta(microseconds=sum(month.until(last) - month.until(first) for month in months))

    def _walk(
        self, need: int, months: range, has: Callable[[_Month], int], find: Callable[[_Month, int], int]
    ) -> datetime:
        """From month to month until one has what is still needed; *find* says where in it."""
        idle = 0
        for number in months:
            month = self._month(number)
            if (open_there := has(month)) >= need:
                return _within(instant(find(month, need)), "the answer")
            need -= open_there
            idle = 0 if open_there else idle + 1
            if idle > _IDLE:
                raise InvalidCalendar.because(f"has no open hour in the ten years around {number // 12}", _HOURS)
        raise InvalidCalendar.because(f"the answer is outside the years {_YEARS[0]} to {_YEARS[-1]}", _HOURS)

    def _month(self, number: int) -> _Month:
        month = self._months.get(number)
        if month is None:
            month = self._months[number] = self._opened(number)
        return month

    def _opened(self, number: int) -> _Month:
        starts, ends, sums, total = list[int](), list[int](), list[int](), 0
        day = date(number // 12, number % 12 + 1, 1)
        while _number(day) == number:
            spans = () if day in self.holidays else self.hours[day.weekday()]
            midnight = datetime.combine(day, time.min, self.tz)
            shown = (day - _EPOCH) // MICROSECOND
            for opens, closes in spans:
                start = _reached(midnight + opens, shown + opens // MICROSECOND)
                end = _reached(midnight + closes, shown + closes // MICROSECOND)
                if start < end:  # a clock that jumps may leave out a whole span
                    total += end - start
                    starts.append(start)
                    ends.append(end)
                    sums.append(total)
            day += _DAY
        return _Month(starts, ends, sums)


def subtract(calendar: Calendar, end: datetime, duration: timedelta) -> datetime:
    """The latest instant from which *duration* of working time passes until *end*, by any calendar.

    Raises:
        InvalidCalendar: There is no such instant in the ten years before *end*, or as the calendar says.
    """
    if isinstance(calendar, BusinessCalendar):
        return calendar.subtract(end, duration)
    early, reach = end - duration, duration + _DAY
    while calendar.between(early, end) < duration:
        if end - early > duration + _IDLE * 31 * _DAY:
            raise InvalidCalendar.because(f"has not {duration} of working time before {end.isoformat()}", _HOURS)
        early, reach = early - reach, reach * 2
    late = end
    while late - early > MICROSECOND:
        middle = early + (late - early) // 2
        if calendar.between(middle, end) < duration:
            late = middle
        else:
            early = middle
    return end if duration <= NOTHING else early


def _reached(local: datetime, shown: int) -> int:
    """The first instant at which the clock on the wall shows *local* (microseconds: *shown*) or later."""
    try:
        return _searched(local, shown)
    except InvalidCalendar:
        raise
    except Exception as error:  # the zone may be the host's own code, which may fail in any way
        message = f"the zone fails at {local.replace(tzinfo=None)} with {type(error).__name__}"
        raise InvalidCalendar.because(message, "choose another", "tz") from error


def _searched(local: datetime, shown: int) -> int:
    before, after = local.utcoffset(), local.replace(fold=1).utcoffset()
    if before is None or after is None:
        message = f"the zone does not know its offset at {local.replace(tzinfo=None)}"
        raise InvalidCalendar.because(message, "choose another", "tz")
    if before >= after:
        return shown - before // MICROSECOND
    wall = local.replace(tzinfo=None)
    low, high = shown - after // MICROSECOND, shown - before // MICROSECOND  # the jump is after low, by high
    while high - low > 1:
        middle = (low + high) // 2
        if instant(middle).astimezone(local.tzinfo).replace(tzinfo=None) < wall:
            low = middle
        else:
            high = middle
    return high


def _number(day: date) -> int:
    """The number of the month that *day* is in, counted from the year 0."""
    return day.year * 12 + day.month - 1


def _length(given: float | timedelta) -> int:
    duration = read_duration(given, "duration", InvalidCalendar, least=NOTHING)
    if duration is None:
        raise InvalidCalendar.because(f"expected seconds or a timedelta, got {described(given)}", path="duration")
    if duration > LONGEST:
        raise InvalidCalendar.because(f"{duration} is out of range", "at most 100 years", "duration")
    return duration // MICROSECOND


def _within(at: datetime, what: str) -> datetime:
    at = in_utc(at, what, InvalidCalendar)
    if at.year not in _YEARS:
        message = f"{at.isoformat()} is outside the years {_YEARS[0]} to {_YEARS[-1]}"
        raise InvalidCalendar.because(message, "give a nearer time", what)
    return at
