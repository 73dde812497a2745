"""Working time: hours, holidays, zones; ``add`` and ``between`` are inverse, on the days clocks are changed too."""

import functools
import pickle
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from taskorch import BusinessCalendar, InvalidCalendar
from taskorch.core.calendars import is_calendar
from tests.core.samples import problems

MINUTE, HOUR, DAY, TICK = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)
NOTHING = timedelta(0)
NAIVE = datetime(1900, 1, 1)  # noqa: DTZ001 - a time without a zone is what is wanted
YEARS = range(2000, 2030)
# Half-hour changes, changes at midnight, at 00:01, in Ramadan, a skipped day, offsets of 45 minutes, none at all.
ZONES = (
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Asuncion",
    "America/Caracas",
    "America/Havana",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "Europe/Moscow",
    "Europe/Paris",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
)
OFFICE = {day: [("09:00", "12:00"), ("13:00", "17:00")] for day in ("mon", "tue", "wed", "thu", "fri")}
# Hours whose boundaries lie in the hours that are left out and repeated, every day.
NIGHT = [[("00:00", "00:30"), ("01:15", "02:30"), ("02:45", "03:30"), ("22:00", "23:05"), ("23:30", "24:00")]] * 7


def at(text: str, zone: str = "UTC") -> datetime:
    """The UTC instant of a local time such as ``2026-11-20 10:00``."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@functools.cache
def transitions(zone: str) -> tuple[datetime, ...]:
    """The instants of thirty years at which the clock on the wall jumps."""
    tz, found = ZoneInfo(zone), []
    last = datetime(YEARS.start, 1, 1, tzinfo=UTC)
    while last.year < YEARS.stop:
        low, high = last, last + DAY
        if low.astimezone(tz).utcoffset() != high.astimezone(tz).utcoffset():
            while high - low > MINUTE:
                middle = low + (high - low) // MINUTE // 2 * MINUTE
                if middle.astimezone(tz).utcoffset() == low.astimezone(tz).utcoffset():
                    low = middle
                else:
                    high = middle
            found.append(high)
        last += DAY
    return tuple(found)


def open_minutes(calendar: BusinessCalendar, start: datetime, end: datetime) -> Iterator[datetime]:
    """The minutes from *start* to *end* that are open, by a clock on the wall that is never turned back."""
    wall = NAIVE
    while start < end:
        wall = max(wall, start.astimezone(calendar.tz).replace(tzinfo=None))
        shown = wall - datetime.combine(wall.date(), time.min)
        spans = () if wall.date() in calendar.holidays else calendar.hours[wall.weekday()]
        if any(opens <= shown < closes for opens, closes in spans):
            yield start
        start += MINUTE


def test_weekends_nights_and_holidays_do_not_count() -> None:
    """Eight hours from Friday noon end on Monday at eleven, or a day later when Monday is a holiday."""
    noon = at("2026-11-20 12:00", "Europe/Paris")
    open_monday = BusinessCalendar(OFFICE)
    closed_monday = BusinessCalendar(OFFICE, holidays=[date(2026, 11, 23)])

    assert open_monday.add(noon, 6 * HOUR) == at("2026-11-23 11:00", "Europe/Paris")
    assert closed_monday.add(noon, 6 * HOUR) == at("2026-11-24 11:00", "Europe/Paris")
    assert open_monday.between(noon, at("2026-11-23 11:00", "Europe/Paris")) == 6 * HOUR
    assert open_monday.subtract(at("2026-11-23 11:00", "Europe/Paris"), 3 * HOUR) == at(
        "2026-11-20 16:00", "Europe/Paris"
    )


def test_a_duration_ends_with_the_day_rather_than_with_the_next_morning() -> None:
    """What is used up when the office closes is due then; ``subtract`` leaves as late as it can."""
    calendar = BusinessCalendar(OFFICE, tz="UTC")

    assert calendar.add(at("2026-11-20 16:00"), HOUR) == at("2026-11-20 17:00")
    assert calendar.subtract(at("2026-11-23 10:00"), HOUR) == at("2026-11-23 09:00")
    assert calendar.add(at("2026-11-21 10:00"), NOTHING) == at("2026-11-21 10:00")


@pytest.mark.parametrize(
    ("zone", "start", "end", "hours"),
    [
        pytest.param("Europe/Paris", "2026-03-29 00:00", "2026-03-30 00:00", 23, id="spring"),
        pytest.param("Europe/Paris", "2026-10-25 00:00", "2026-10-26 00:00", 25, id="autumn"),
        pytest.param("Australia/Lord_Howe", "2026-04-05 00:00", "2026-04-06 00:00", 24.5, id="half an hour"),
        pytest.param("America/Sao_Paulo", "2018-11-04 01:00", "2018-11-05 00:00", 23, id="no midnight"),
        pytest.param("Pacific/Apia", "2011-12-29 00:00", "2012-01-01 00:00", 48, id="a day left out"),
    ],
)
def test_round_the_clock_hours_count_what_passed(zone: str, start: str, end: str, hours: float) -> None:
    """A calendar that never closes measures the time that really passed, not what the clock shows."""
    calendar = BusinessCalendar([[("00:00", "24:00")]] * 7, tz=zone)

    assert calendar.between(at(start, zone), at(end, zone)) == hours * HOUR
    assert at(end, zone) - at(start, zone) == hours * HOUR


@pytest.mark.parametrize(
    ("span", "day", "minutes"),
    [
        pytest.param(("02:00", "03:00"), "2026-03-29", 0, id="left out"),
        pytest.param(("01:30", "02:30"), "2026-03-29", 30, id="ends in the gap"),
        pytest.param(("02:30", "03:30"), "2026-03-29", 30, id="begins in the gap"),
        pytest.param(("01:30", "02:30"), "2026-10-25", 60, id="ends at the first passing"),
        pytest.param(("02:30", "03:30"), "2026-10-25", 120, id="begins at the first passing"),
    ],
)
def test_a_boundary_is_when_the_wall_first_shows_it_or_later(span: tuple[str, str], day: str, minutes: int) -> None:
    """A boundary that is left out is the jump; one that is repeated is its first passing."""
    calendar = BusinessCalendar([[span]] * 7)
    midnight = at(f"{day} 00:00", "Europe/Paris")

    assert calendar.between(midnight, midnight + 12 * HOUR) == minutes * MINUTE


def test_neighbouring_spans_share_their_boundary() -> None:
    """Spans that touch on the wall touch in time, whatever the clocks do: nothing between, nothing twice."""
    calendar = BusinessCalendar([[("00:00", "02:30"), ("02:30", "24:00")]] * 7)

    for day in ("2026-03-29", "2026-10-25"):
        start, end = at(f"{day} 00:00", "Europe/Paris"), at(f"{day} 23:00", "Europe/Paris")
        assert calendar.between(start, end) == end - start


@pytest.mark.parametrize(("zone", "month"), [("America/New_York", 2), ("Pacific/Kiritimati", 1)])
def test_a_month_of_the_wall_is_not_one_of_utc(zone: str, month: int) -> None:
    """An evening at the end of a month counts, in whichever month it is elsewhere."""
    calendar = BusinessCalendar([[("00:00", "03:00"), ("20:00", "24:00")]] * 7, tz=zone)
    evening, night = at("2026-01-31 20:00", zone), at("2026-02-01 03:00", zone)
    assert {evening.month, night.month, month} == {month}

    assert calendar.add(evening, 7 * HOUR) == night
    assert calendar.subtract(night, 7 * HOUR) == evening
    assert calendar.between(evening, night) == 7 * HOUR


@pytest.mark.parametrize("zone", ZONES)
def test_every_change_of_thirty_years_is_measured_like_a_count_of_minutes(zone: str) -> None:
    """From three hours before each change to five after it, every open minute is counted once, and no other."""
    calendar = BusinessCalendar(NIGHT, tz=zone)

    for change in transitions(zone):
        start, end = change - 3 * HOUR, change + 5 * HOUR
        minutes = list(open_minutes(calendar, start, end))
        assert calendar.between(start, end) == len(minutes) * MINUTE, change
        half = len(minutes) // 2 + 1
        assert calendar.add(start, half * MINUTE) == minutes[half - 1] + MINUTE, change


def test_the_zones_change_often_enough_to_prove_something() -> None:
    """Most of the zones change their clocks, at least five hundred times in all, forwards and back."""
    assert len(ZONES) == 20
    assert sum(len(transitions(zone)) for zone in ZONES) > 500
    assert any(change.minute == 31 for change in transitions("America/St_Johns"))


SPANS = st.lists(st.integers(0, 96), max_size=6, unique=True).map(
    lambda marks: [
        (timedelta(minutes=15 * first), timedelta(minutes=15 * last))
        for first, last in zip(sorted(marks)[::2], sorted(marks)[1::2], strict=False)
    ]
)
WEEKS = st.lists(SPANS, min_size=7, max_size=7).filter(any)


def instants(first: int, end: int) -> st.SearchStrategy[datetime]:
    """Any instant from the year *first* to before the year *end*."""
    start, stop = datetime(first, 1, 1, tzinfo=UTC), datetime(end, 1, 1, tzinfo=UTC)
    return st.timedeltas(NOTHING, stop - start - TICK).map(lambda distance: start + distance)


@st.composite
def cases(draw: st.DrawFn) -> tuple[BusinessCalendar, datetime]:
    """A calendar of any hours in one of the zones, and an instant that is often near a change of its clocks."""
    zone = draw(st.sampled_from(ZONES))
    year = instants(YEARS.start, YEARS.stop)
    near = st.sampled_from(transitions(zone)) if transitions(zone) else year
    instant = draw(st.one_of(near, year)) + draw(st.timedeltas(-3 * DAY, 3 * DAY))
    holidays = draw(st.sets(st.integers(-10, 10), max_size=5))
    days = [instant.date() + timedelta(days=day) for day in holidays]
    return BusinessCalendar(draw(WEEKS), days, zone), instant


LENGTHS = st.one_of(st.timedeltas(NOTHING, 300 * HOUR), st.integers(0, 40).map(lambda count: count * 15 * MINUTE))


@given(case=cases(), length=LENGTHS, more=LENGTHS)
def test_add_and_between_are_inverse(
    case: tuple[BusinessCalendar, datetime], length: timedelta, more: timedelta
) -> None:
    """What is added is what lies between, at the earliest such instant; adding twice is adding the sum."""
    calendar, start = case
    end = calendar.add(start, length)

    assert calendar.between(start, end) == length
    assert end == start if not length else calendar.between(start, end - TICK) == length - TICK
    assert calendar.add(end, more) == calendar.add(start, length + more)


@given(case=cases(), length=LENGTHS)
def test_subtract_is_the_mirror_of_add(case: tuple[BusinessCalendar, datetime], length: timedelta) -> None:
    """What is subtracted is what lies between, at the latest such instant."""
    calendar, end = case
    start = calendar.subtract(end, length)

    assert calendar.between(start, end) == length
    assert start == end if not length else calendar.between(start + TICK, end) == length - TICK
    assert calendar.add(start, length) <= end


@given(case=cases(), length=st.one_of(LENGTHS, st.timedeltas(NOTHING, 5 * 365 * DAY)))
def test_adding_what_lies_between_leads_back_but_not_past(
    case: tuple[BusinessCalendar, datetime], length: timedelta
) -> None:
    """``add(a, between(a, b))`` is b where b is a, or inside an open span or its end; otherwise it is before b."""
    calendar, start = case
    end = start + length
    back = calendar.add(start, calendar.between(start, end))

    assert back <= end
    was_open = calendar.between(end - TICK, end) == TICK
    assert (back == end) == (was_open or end == start)


@given(case=cases(), first=st.timedeltas(-90 * DAY, 90 * DAY), second=st.timedeltas(-90 * DAY, 90 * DAY))
def test_what_lies_between_adds_up(
    case: tuple[BusinessCalendar, datetime], first: timedelta, second: timedelta
) -> None:
    """Measuring in two parts, forwards or back, is measuring the whole; backwards it is negative."""
    calendar, start = case
    middle, end = start + first, start + first + second

    assert calendar.between(start, middle) + calendar.between(middle, end) == calendar.between(start, end)
    assert calendar.between(end, start) == -calendar.between(start, end)
    assert NOTHING <= calendar.between(start, start + abs(first)) <= abs(first)


@given(case=cases(), length=st.integers(0, 36 * 60))
def test_it_measures_like_a_count_of_minutes(case: tuple[BusinessCalendar, datetime], length: int) -> None:
    """For any hours, near any change of clocks: the open minutes one by one, and their sum."""
    calendar, start = case
    start = start.replace(second=0, microsecond=0)
    end = start + length * MINUTE
    counted = [minute for minute in open_minutes(calendar, start - 3 * HOUR, end) if minute >= start]

    assert calendar.between(start, end) == len(counted) * MINUTE


@given(case=cases())
def test_a_calendar_is_a_value(case: tuple[BusinessCalendar, datetime]) -> None:
    """Calendars are equal by what they say, hashed, pickled, and changed by ``attrs.evolve``."""
    calendar, instant = case
    calendar.between(instant, instant + 400 * DAY)  # what it finds by the way changes nothing
    copy = pickle.loads(pickle.dumps(calendar))

    assert copy == calendar == attrs.evolve(calendar)
    assert hash(copy) == hash(calendar)
    assert copy.between(instant, instant + DAY) == calendar.between(instant, instant + DAY)
    assert attrs.evolve(calendar, tz=timezone(HOUR)) != calendar
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        calendar.tz = UTC  # type: ignore[misc]


def test_the_spellings_of_hours_are_one() -> None:
    """Days by number or name, times as text or ``time``, in any order: the same calendar."""
    plain = BusinessCalendar({"mon": [("09:00", "12:00"), ("13:00", "24:00")]}, ["2026-12-25"], "UTC")
    same = BusinessCalendar(
        {0: [(time(13), "24:00"), (time(9), time(12))], "TUE": []}, {date(2026, 12, 25)}, ZoneInfo("UTC")
    )

    assert plain == same
    assert plain.hours[0] == ((9 * HOUR, 12 * HOUR), (13 * HOUR, 24 * HOUR))


def test_a_long_span_is_measured_month_by_month_and_each_found_once() -> None:
    """Thirty years are 360 sums: the days of a month are gone through once, not once per question."""
    calendar = BusinessCalendar(OFFICE, tz="UTC")
    start, end = at("2000-01-01 00:00"), at("2030-01-01 00:00")
    days = sum((start + number * DAY).weekday() < 5 for number in range((end - start).days))

    assert calendar.between(start, end) == days * 7 * HOUR
    found = dict(calendar._months)
    assert calendar.between(start, end) == days * 7 * HOUR
    assert all(calendar._months[month] is kept for month, kept in found.items())
    assert len(calendar._months) <= 30 * 12 + 2


def test_all_that_is_wrong_is_said_at_once() -> None:
    """Hours that overlap, are empty or go backwards, unknown days, dates and zones: every problem with its place."""
    hours: dict[Any, Any] = {
        "mon": [("09:00", "12:00"), ("11:00", "13:00")],
        "tue": [("09:00", "09:00")],
        "wed": [("17:00", "09:00")],
        "thu": [("9h", "25:00")],
        "fri": [("09:00",)],
        "sat": "09:00",
        "someday": [],
        7: [],
        True: [],
        0: [],
    }
    found = problems(
        lambda given: BusinessCalendar(given, [NAIVE, "soon"], "Europe/Pariss"),
        hours,
    )

    assert found["hours['mon'][1]"].startswith("begins at 11:00:00, but the span before it ends at 12:00:00")
    assert found["hours['tue'][0]"].startswith("is empty: 09:00 to 09:00")
    assert found["hours['wed'][0]"].startswith("ends before it begins")
    assert found["hours['thu'][0]"].startswith("'25:00' is no time of a day")
    assert found["hours['fri'][0]"].startswith("is no pair")
    assert found["hours['sat']"].startswith("is no list of spans")
    assert found["hours['someday']"] == found["hours[7]"] == found["hours[True]"]
    assert found["hours[0]"].startswith("mon is given twice")
    assert found["holidays[0]"].startswith("'1900-01-01 00:00:00' is no date")
    assert found["holidays[1]"].startswith("'soon' is no date")
    assert found["tz"].startswith("there is no zone 'Europe/Pariss'")


@pytest.mark.parametrize("hours", [{}, {"mon": []}, [[]] * 7, 5, None, "mon", [[("09:00", "10:00")]]])
def test_a_calendar_without_an_open_hour_is_refused(hours: Any) -> None:
    """A calendar that never opens would never let anything be due."""
    assert set(problems(BusinessCalendar, hours)) == {"hours"}


@pytest.mark.parametrize("zone", ["", "Europe", "/etc/localtime", "../x", "a\0b", 5, None, type("T", (tzinfo,), {})])
def test_an_unknown_zone_is_refused(zone: Any) -> None:
    """A zone is an IANA name or a ``tzinfo``; nothing else is opened or guessed."""
    assert set(problems(lambda tz: BusinessCalendar(OFFICE, tz=tz), zone)) == {"tz"}


def test_the_search_for_an_open_hour_ends() -> None:
    """Ten years of holidays end in an error, forwards and back, not in a search without end."""
    monday = date(2020, 1, 6)
    calendar = BusinessCalendar({0: [("09:00", "17:00")]}, [monday + timedelta(weeks=n) for n in range(52 * 13)], "UTC")

    with pytest.raises(InvalidCalendar, match="no open hour in the ten years"):
        calendar.add(at("2020-01-02 00:00"), HOUR)
    with pytest.raises(InvalidCalendar, match="no open hour in the ten years"):
        calendar.subtract(at("2032-12-01 00:00"), HOUR)
    assert calendar.between(at("2021-01-01 00:00"), at("2031-01-01 00:00")) == NOTHING


UNFIT = [
    pytest.param(NAIVE, id="naive"),
    pytest.param(datetime(1, 1, 1, tzinfo=UTC), id="year 1"),
    pytest.param(datetime(9999, 12, 31, tzinfo=UTC), id="year 9999"),
    pytest.param(datetime(1, 1, 1, tzinfo=timezone(HOUR)), id="before year 1"),
    pytest.param(datetime(1899, 12, 31, tzinfo=UTC), id="1899"),
    pytest.param(datetime(2200, 1, 1, tzinfo=UTC), id="2200"),
]


@pytest.mark.parametrize("unfit", UNFIT)
def test_naive_and_far_away_times_are_refused(unfit: datetime) -> None:
    """Times without a zone, and those outside 1900 to 2199, are refused wherever they are given."""
    calendar, good = BusinessCalendar(OFFICE), at("2026-01-01 00:00")
    for ask in (
        lambda: calendar.add(unfit, HOUR),
        lambda: calendar.subtract(unfit, HOUR),
        lambda: calendar.between(unfit, good),
        lambda: calendar.between(good, unfit),
    ):
        with pytest.raises(InvalidCalendar):
            ask()


@pytest.mark.parametrize("length", [-TICK, timedelta(days=366 * 100, microseconds=1), timedelta.max, timedelta.min])
def test_durations_out_of_range_are_refused(length: timedelta) -> None:
    """A duration is not negative, and at most a hundred years."""
    calendar = BusinessCalendar(OFFICE)
    for ask in (calendar.add, calendar.subtract):
        with pytest.raises(InvalidCalendar, match="out of range"):
            ask(at("2026-01-01 00:00"), length)


def test_a_duration_may_be_given_in_seconds() -> None:
    """As everywhere, a number is one of seconds."""
    calendar, noon = BusinessCalendar(OFFICE, tz="UTC"), at("2026-11-20 12:00")

    assert calendar.add(noon, 3600) == calendar.add(noon, HOUR) == at("2026-11-20 14:00")
    assert calendar.subtract(noon, 1800.5) == calendar.subtract(noon, timedelta(seconds=1800.5))


def test_what_is_asked_of_a_calendar_makes_it_one() -> None:
    """Whatever can add and measure is a calendar; what merely has members of those names is none."""

    class Named:
        """Has what a calendar has, but it cannot be called."""

        add = between = HOUR

    assert is_calendar(BusinessCalendar(OFFICE))
    assert not any(map(is_calendar, (None, {1}, "office", Named())))


@pytest.mark.parametrize("length", [None, "1h", True, [], -1, float("nan"), 1e300, pytest.param(10**5000, id="huge")])
def test_what_is_no_duration_is_refused(length: Any) -> None:
    """A duration is a timedelta or seconds from 0 to a hundred years."""
    calendar = BusinessCalendar(OFFICE)
    for ask in (calendar.add, calendar.subtract):
        with pytest.raises(InvalidCalendar) as caught:
            ask(at("2026-01-01 00:00"), length)
        assert [problem.path for problem in caught.value.problems] == ["duration"]


class Moody(tzinfo):
    """A host's zone that fails: always, from some year on, or when asked for what fits in no day."""

    def __init__(self, first: int, answer: object = None) -> None:
        self.first, self.answer = first, answer

    def utcoffset(self, dt: datetime | None) -> Any:
        """Two hours, until it fails."""
        if dt is None or dt.year < self.first:
            return 2 * HOUR
        if self.answer is None:
            raise RuntimeError("no idea")
        return self.answer


@pytest.mark.parametrize("answer", [None, 7200, 2 * DAY], ids=str)
def test_a_zone_that_fails_is_refused(answer: object) -> None:
    """A zone that cannot tell its offset is no zone; one that stops telling it is refused when that is found."""
    assert set(problems(lambda tz: BusinessCalendar(OFFICE, tz=tz), Moody(1900, answer))) == {"tz"}

    calendar = BusinessCalendar(OFFICE, tz=Moody(2030, answer))
    assert calendar.add(at("2029-01-01 00:00"), HOUR) == at("2029-01-01 08:00")
    with pytest.raises(InvalidCalendar) as caught:
        calendar.between(at("2029-01-01 00:00"), at("2031-01-01 00:00"))
    assert [problem.path for problem in caught.value.problems] == ["tz"]


def test_an_answer_beyond_the_calendar_is_refused() -> None:
    """An answer outside 1900 to 2199 is an error, not a wrong date."""
    calendar = BusinessCalendar(OFFICE)

    with pytest.raises(InvalidCalendar, match="outside"):
        calendar.add(at("2199-12-30 00:00"), 1000 * HOUR)
    with pytest.raises(InvalidCalendar, match="outside"):
        calendar.subtract(at("1900-01-03 00:00"), 1000 * HOUR)


@given(start=instants(1900, 2200), length=LENGTHS)
@example(start=datetime(1900, 1, 1, tzinfo=UTC), length=HOUR)
@example(start=datetime(1899, 12, 31, 20, tzinfo=timezone(-5 * HOUR)), length=HOUR)
def test_any_zone_of_the_caller_will_do(start: datetime, length: timedelta) -> None:
    """Instants are what counts: they may be given in any zone, and come back in UTC."""
    calendar = BusinessCalendar([[("00:00", "24:00")]] * 7, tz="UTC")
    abroad = start.astimezone(timezone(-7 * HOUR))

    assert calendar.between(start, abroad) == NOTHING
    try:
        end = calendar.add(abroad, length)
    except InvalidCalendar:
        assert (start + length).year > 2199
    else:
        assert end == start + length
        assert end.tzinfo is UTC
