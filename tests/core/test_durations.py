"""Durations as people write them: what they mean, and what is refused."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorch.core.durations import is_duration, read_duration
from taskorch.core.times import LONGEST, duration
from taskorch.errors import InvalidDocument, InvalidTask, InvalidWorkflow

MEANINGS = [
    ("24h", timedelta(hours=24)),
    ("1h30m", timedelta(minutes=90)),
    ("1h 30m", timedelta(minutes=90)),
    ("90 s", timedelta(seconds=90)),
    ("500ms", timedelta(milliseconds=500)),
    ("2d", timedelta(days=2)),
    ("1w", timedelta(days=7)),
    ("1w 2d 3h 4m 5s 6ms", timedelta(9, 3 * 3600 + 4 * 60 + 5, milliseconds=6)),
    ("0s", timedelta(0)),
    ("1.5 d", timedelta(hours=36)),
    ("0.001ms", timedelta(microseconds=1)),
    ("-5m", timedelta(minutes=-5)),
    ("-1h30m", timedelta(minutes=-90)),
    (" 24h ", timedelta(hours=24)),
    ("PT24H", timedelta(hours=24)),
    ("P1DT2H30M", timedelta(hours=26.5)),
    ("P2W", timedelta(days=14)),
    ("PT0.5S", timedelta(milliseconds=500)),
    ("-PT5M", timedelta(minutes=-5)),
    ("36600d", timedelta(days=36600)),
]
REFUSED = [
    "", " ", "24", "h", "24 horus", "24 hours", "1h1h", "30m1h", "1s1m", "1ms 1s", "--5m", "+5m", "1h-30m", "1,5h",
    ".5h", "1.h", "1e3s", "٣h", "24H", "1M", "1y", "P", "PT", "P1DT", "P1Y", "P1M", "PT1H1H", "1H", "pt1h", "P1D2H",
    "P-1D", "1h\n", "1h\t", "1  h", "1h  30m", "0.0001ms", "PT0.0000001S", "36601d", "9" * 15 + "w", "9" * 16 + "ms",
    "1h" * 40, "1" * 100_000, None, 5, timedelta(1),
]  # fmt: skip


@pytest.mark.parametrize(("text", "duration"), MEANINGS)
def test_what_a_duration_means(text: str, duration: timedelta) -> None:
    """Numbers with units, the larger units first, or ISO 8601 without years and months."""
    assert read_duration(text) == duration
    assert is_duration(text)


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: ascii(text)[:20])
def test_what_is_no_duration(text: object) -> None:
    """Anything else is refused: bare numbers, unknown or repeated units, what is too fine or too long."""
    with pytest.raises(InvalidDocument) as caught:
        read_duration(text)
    assert len(str(caught.value)) < 200
    assert not (isinstance(text, str) and is_duration(text))


@pytest.mark.parametrize(
    ("given", "meant"),
    [(90, timedelta(seconds=90)), (0.5, timedelta(milliseconds=500)), (-1, timedelta(seconds=-1)), (None, None)],
)
def test_a_number_given_in_python_is_one_of_seconds(given: Any, meant: timedelta | None) -> None:
    """Seconds become a duration; a duration of whatever length stays as it is, and so does none."""
    assert duration(given) == meant
    assert duration(timedelta.max) == timedelta.max


@pytest.mark.parametrize("given", ["1h", True, [], float("nan"), 1e300, pytest.param(10**5000, id="huge")])
def test_what_is_given_is_refused_as_who_asks_wishes(given: Any) -> None:
    """What is no number, or more than a century, is refused with the error and the name of the room that asks."""
    with pytest.raises(InvalidTask) as caught:
        duration(given, "estimate", InvalidTask)
    assert [problem.path for problem in caught.value.problems] == ["estimate"]
    assert len(str(caught.value)) < 200
    with pytest.raises(InvalidWorkflow):
        duration(given)


def test_what_is_less_than_will_do_is_refused() -> None:
    """Where there is a least, it will do itself, and what is below it is refused, be it seconds or a duration."""
    least = timedelta(seconds=1)

    assert duration(1, least=least) == duration(least, least=least) == least
    assert duration(None, least=least) is None
    for short in (0.5, timedelta(0), -LONGEST):
        with pytest.raises(InvalidWorkflow, match=r"0:00:01 or more"):
            duration(short, least=least)
    with pytest.raises(InvalidWorkflow, match="not negative"):
        duration(-1, least=timedelta(0))


@given(st.integers(0, 3_000_000_000_000_000), st.booleans())
def test_every_duration_can_be_written(microseconds: int, iso: bool) -> None:
    """Any whole number of microseconds within a century can be written, and is read as itself."""
    seconds, rest = divmod(microseconds, 1_000_000)
    text = f"PT{seconds}.{rest:06}S" if iso else f"{seconds}s {rest / 1000:.3f}ms"

    assert read_duration(text) == timedelta(microseconds=microseconds)


@given(st.text("PTWDHMSwdhms0123456789.- ", max_size=20) | st.text(max_size=20))
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    """Arbitrary text is read within a century, or refused with ``InvalidDocument``."""
    try:
        assert abs(read_duration(text)) <= timedelta(days=36600)
    except InvalidDocument:
        return
