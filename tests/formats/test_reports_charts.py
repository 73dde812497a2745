"""Charts: what is drawn is as large as what it stands for, and nothing runs into anything."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskorch.core.reports import TaskStanding
from taskorch.core.sla import SlaStatus
from taskorch.formats.reports import svg
from taskorch.formats.reports.figures_chart import figures_chart
from taskorch.formats.reports.load_chart import load_chart
from taskorch.formats.reports.throughput_chart import MOST_BARS, bars, throughput_chart
from taskorch.formats.reports.timeline import timeline
from tests.formats.samples import HOUR, NOW, at, entry, figures, load, shapes, words

START = datetime(2026, 1, 1, tzinfo=UTC)
ROUNDING = 0.02  # coordinates have two decimals


def read(text: str) -> ET.Element:
    """A chart as XML, in which no text runs beyond the edges and no two texts overlap."""
    root = ET.fromstring(text)
    width, height = map(float, root.attrib["viewBox"].split()[2:])
    boxes = []
    for shape in shapes(root, "text"):
        wide = svg.width(shape.text or "")
        left = at(shape, "x") - {"start": 0, "middle": wide / 2, "end": wide}[shape.attrib["text-anchor"]]
        assert left >= -1, shape.text
        assert left + wide <= width + 1, shape.text
        boxes.append((left, at(shape, "y"), left + wide, shape.text))
    for one, other in combinations(boxes, 2):
        apart = one[2] <= other[0] + 1 or other[2] <= one[0] + 1 or abs(one[1] - other[1]) >= svg.SIZE - 1
        assert apart, (one, other)
    for shape in shapes(root, "rect"):
        assert min(at(shape, "x"), at(shape, "y"), at(shape, "width"), at(shape, "height")) >= 0
        assert at(shape, "x") + at(shape, "width") <= width + ROUNDING
        assert at(shape, "y") + at(shape, "height") <= height
    return root


# --- queue load --------------------------------------------------------------------------------------------------


def test_the_load_of_a_queue_is_drawn_as_a_share_of_its_capacity() -> None:
    """Half full is half of the way to the mark of the capacity, whatever the capacities are."""
    root = read(load_chart([load("a", 0, 50), load("b", 5, 10), load("c", 25, 100), load("d", 3, 3)]))
    marks = [at(mark, "x1") for mark in shapes(root, "line", "mark")]
    wide = [at(bar, "width") for bar in shapes(root, "rect", "bar")]

    assert len(set(marks)) == 1
    assert wide == pytest.approx([0, marks[0] / 2, marks[0] / 4, marks[0]], abs=ROUNDING)
    assert [text for text in words(root) if "waiting (" in text] == [
        "0 of 50 waiting (0 %)",
        "5 of 10 waiting (50 %)",
        "25 of 100 waiting (25 %)",
        "3 of 3 waiting (100 %, full)",
    ]


def test_a_queue_over_its_capacity_reaches_beyond_the_mark() -> None:
    """The axis grows to twice the capacity; what is above that is cut, and an arrow says so."""
    root = read(load_chart([load("a", 3, 2), load("b", 5000, 2), load("c", 1, 2)]))
    mark = at(shapes(root, "line", "mark")[0], "x1")
    wide = [at(bar, "width") for bar in shapes(root, "rect", "bar")]

    assert wide == pytest.approx([1.5 * mark, 2 * mark, 0.5 * mark], abs=ROUNDING)
    assert len(shapes(root, "polygon")) == 1
    assert words(root, "tick")[:5] == ["0 %", "50 %", "100 %", "150 %", "200 %"]
    assert "5,000 of 2 waiting (250,000 %, over capacity)" in words(root)


def test_a_queue_without_bound_has_no_share() -> None:
    """A dashed line and its number, and no bar that would pretend a scale."""
    root = read(load_chart([load("backlog", 1234, None)]))

    assert shapes(root, "rect") == []
    assert len(shapes(root, "line", "unbounded")) == 1
    assert "1,234 waiting, no bound" in words(root)


def test_a_queue_without_places_is_full() -> None:
    """Nothing can be divided by no places."""
    assert "0 of 0 waiting (100 %, full)" in words(read(load_chart([load("closed", 0, 0)])))


# --- key figures -------------------------------------------------------------------------------------------------


def test_a_figure_and_its_target_are_drawn_on_one_scale() -> None:
    """Percentages from 0 to 100, times and rates from 0 to a round number that is written below."""
    root = read(figures_chart(figures([1.5, 30.25, 80.0, 12.0, 5.0, 10.0, None])))
    tracks, drawn = shapes(root, "rect", "track"), shapes(root, "rect", "bar")
    shares = [at(bar, "width") / at(track, "width") for bar, track in zip(drawn, tracks, strict=True)]
    left, whole = at(tracks[0], "x"), at(tracks[0], "width")

    assert shares == pytest.approx([1.5 / 2, 30.25 / 40, 0.8, 12 / 20, 0.05, 0.1], abs=0.001)
    ends = [text for text in words(root, "tick") if text != "0"]
    assert ends == ["2 h", "40 h", "100 %", "20 tasks/day", "100 %", "100 %"]
    marks = [(at(mark, "x1") - left) / whole for mark in shapes(root, "line", "mark")]
    assert marks == pytest.approx([0.95, 0.05, 0.10], abs=0.001)


def test_a_figure_that_misses_its_target_says_so() -> None:
    """The verdict is the first word, so that it is never what is cut."""
    root = read(figures_chart(figures()))

    assert words(root, "words") == [
        "met: 1.5 h, targets by queue",
        "no target: 30.2 h",
        "missed: 94.97 %, target > 95%",
        "no target: 12.4 tasks/day",
        "met: 3.2 %, target < 5%",
        "missed: 12 %, target < 10%",
        "no data",
    ]
    assert len(shapes(root, "rect", "bar")) == 6
    assert [len(shapes(root, "rect", kind)) for kind in ("good", "bad", "plain")] == [2, 2, 2]


@pytest.mark.parametrize("value", [0.0, 1e-9, 0.3, 7.0, 10.0, 99.99, 1e6, 1e300])
def test_an_axis_ends_at_a_round_number(value: float) -> None:
    """Not below what is shown, and not so far above that it would be lost."""
    end = svg.axis_end(value)

    assert end >= value
    assert value == 0 or end <= 2 * value + 1e-12


# --- throughput --------------------------------------------------------------------------------------------------


def days(numbers: Sequence[int], start: datetime = START) -> list[tuple[datetime, int]]:
    """These numbers of completed tasks, day by day."""
    return [(start + timedelta(days=index), number) for index, number in enumerate(numbers)]


@pytest.mark.parametrize("numbers", [[1], [12, 7, 0, 31, 4], [0, 0, 5], list(range(31)), [1] * 92])
def test_the_bar_of_a_day_is_as_high_as_its_number(numbers: list[int]) -> None:
    """The highest is not above the axis, none lies on another, and each says its day."""
    root = read(throughput_chart(days(numbers)))
    drawn = shapes(root, "rect", "bar")
    top = float(words(root)[2].replace(",", ""))
    grid = [at(line, "y1") for line in shapes(root, "line", "grid")]
    base = at(shapes(root, "line", "axis")[0], "y1")
    unit = (base - min(grid)) / top

    assert len(drawn) == len(numbers)
    assert [at(bar, "height") for bar in drawn] == pytest.approx([number * unit for number in numbers], abs=ROUNDING)
    assert [at(bar, "y") + at(bar, "height") for bar in drawn] == pytest.approx([base] * len(drawn), abs=ROUNDING)
    for left, right in pairwise(drawn):
        assert at(left, "x") + at(left, "width") < at(right, "x") + ROUNDING
    assert drawn[-1][0].text == f"{(START + timedelta(days=len(numbers) - 1)).date()}: {numbers[-1]}"


@pytest.mark.parametrize("number", [93, 366, 5000, 36500])
def test_many_days_share_bars(number: int) -> None:
    """No day is lost, the bars can still be told apart, and each says which days it stands for."""
    counted = days([index % 7 for index in range(number)])
    grouped = bars(counted)

    assert len(grouped) <= MOST_BARS
    assert sum(bar.completed for bar in grouped) == sum(completed for _, completed in counted)
    assert (grouped[0].first, grouped[-1].last) == (counted[0][0], counted[-1][0])
    root = read(throughput_chart(counted))
    assert len(shapes(root, "rect", "bar")) == len(grouped)
    assert " to " in (shapes(root, "rect", "bar")[0][0].text or "")


def test_days_of_several_years_are_labelled_with_their_year() -> None:
    """20 Nov would say too little."""
    root = read(throughput_chart(days([1] * 60, datetime(2025, 12, 1, tzinfo=UTC))))
    dates = [text for text in words(root) if "-" in text]

    assert dates[0] == "2025-12-01"
    assert dates == sorted(set(dates))


# --- SLA timeline ------------------------------------------------------------------------------------------------


def where(root: ET.Element) -> list[tuple[float, float]]:
    """The ends of the bars."""
    return [(at(bar, "x"), at(bar, "x") + at(bar, "width")) for bar in shapes(root, "rect", "bar")]


def test_bars_go_from_the_beginning_to_the_deadline_on_one_scale() -> None:
    """Distances from the line of now are in proportion to time, to the left and to the right."""
    entries = [entry("a", since=-4, due=4), entry("b", since=-2, due=6), entry("c", since=-1, due=1)]
    root = read(timeline(entries, NOW))
    now = at(shapes(root, "line", "now")[0], "x1")
    hour = (now - where(root)[0][0]) / 4

    assert where(root) == [
        (pytest.approx(now - 4 * hour, abs=0.05), pytest.approx(now + 4 * hour, abs=0.05)),
        (pytest.approx(now - 2 * hour, abs=0.05), pytest.approx(now + 6 * hour, abs=0.05)),
        (pytest.approx(now - 1 * hour, abs=0.05), pytest.approx(now + 1 * hour, abs=0.05)),
    ]
    assert [at(circle, "cx") for circle in shapes(root, "circle")] == pytest.approx(
        [end for _, end in where(root)], abs=ROUNDING
    )
    assert "now" in words(root)


def test_each_status_has_its_word_and_its_shape() -> None:
    """On track a circle, at risk a triangle, breached a cross and a dashed line up to now."""
    entries = [
        entry("a", SlaStatus.BREACHED, since=-5, due=-2),
        entry("b", SlaStatus.AT_RISK, since=-5, due=0.5),
        entry("c", due=5),
    ]
    root = read(timeline(entries, NOW))
    over = shapes(root, "line", "over")[0]

    assert words(root, "words") == [
        "breached, 2 h 00 min over",
        "at risk, 30 min left",
        "on track, 5 h 00 min left",
    ]
    assert len(shapes(root, "g", "cross")) == len(shapes(root, "polygon", "warn")) == len(shapes(root, "circle")) == 1
    assert at(over, "x1") == pytest.approx(where(root)[0][1], abs=ROUNDING)
    assert at(over, "x2") == at(shapes(root, "line", "now")[0], "x1")


def test_one_task_far_away_does_not_flatten_the_others() -> None:
    """It is cut at the edge with an arrow, and says how far it is."""
    near = [entry(f"n{number}", since=-2, due=3) for number in range(9)]
    root = read(timeline([*near, entry("far", since=-20_000, due=50_000)], NOW))
    first, last = where(root)[0], where(root)[-1]

    assert first[1] - first[0] > 50
    assert len(shapes(root, "polygon")) == 2
    assert last[1] - last[0] > first[1] - first[0]
    assert words(root, "words")[-1].startswith("on track, 2,083 d")


TIMES = st.floats(-5000, 5000)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TIMES, TIMES, st.sampled_from(["at_risk", "on_track", "breached"])), min_size=1, max_size=6))
def test_whatever_the_times_are_the_timeline_can_be_read(times: list[tuple[float, float, str]]) -> None:
    """No label runs into another, and nothing is drawn outside; not even where a deadline is before the beginning."""
    entries = [entry(f"T{index}", SlaStatus(s), since=a, due=b) for index, (a, b, s) in enumerate(times)]
    root = read(timeline(entries, NOW))

    assert len(shapes(root, "rect", "bar")) == len(entries)
    assert 0 <= at(shapes(root, "line", "now")[0], "x1") <= svg.WIDTH


@pytest.mark.parametrize("hours", [0, 0.01, 0.2, 1, 5, 30, 200, 2000, 50_000, 60_000_000])
def test_the_axis_of_time_has_marks_at_round_times(hours: float) -> None:
    """Whether minutes or centuries are shown, there are some marks and not too many."""
    entries = [TaskStanding("T", "t", None, NOW - min(hours, 10_000_000) * HOUR, entry(due=hours).standing)]
    root = read(timeline(entries, NOW))
    ticks = [text for text in words(root, "tick") if text != "now"]

    assert 1 <= len([text for text in ticks if text]) <= 14
    assert len(shapes(root, "line", "grid")) <= 7


# --- text --------------------------------------------------------------------------------------------------------


@given(st.text(max_size=300), st.integers(20, 400))
def test_a_cut_text_fits(text: str, room: int) -> None:
    """It is no wider than its room, and a mark shows that it was cut."""
    cut = svg.fitted(text, room)

    assert svg.width(cut) <= room
    assert cut.endswith("…") or cut == svg.fitted(text, 1e9)


@pytest.mark.parametrize(
    "name", ["W" * 200, "漢" * 200, "i" * 200, "ü" * 200], ids=["wide", "double", "narrow", "other"]
)
def test_long_names_leave_room_for_the_words(name: str) -> None:
    """However wide the characters are, a name never reaches what is said on its right."""
    left = words(read(load_chart([load(name, 3, 10)])))[0]
    title = words(read(timeline([entry(title=name)], NOW)), "label")[0]

    assert [left[-1], title[-1]] == ["…", "…"]
