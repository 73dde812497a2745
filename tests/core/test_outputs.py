"""How outputs are written down: what comes back as it was, and what is refused before anything depends on it."""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypedDict
from uuid import UUID

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorch.core.outputs import JSON_CODEC, UNKNOWN


@attrs.frozen
class Row:
    """An attrs class."""

    name: str
    count: int = 0
    when: datetime | None = None


@dataclass
class Table:
    """A dataclass of them."""

    rows: list[Row]
    by_name: dict[str, Row]


class Color(enum.Enum):
    """An enumeration."""

    RED = "red"


class Level(enum.IntEnum):
    """An enumeration of numbers."""

    LOW = 1


class Pair(NamedTuple):
    """A named tuple."""

    a: int
    b: str


class Shape(TypedDict):
    """A typed dictionary."""

    size: int


NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TYPED: list[tuple[Any, Any]] = [
    (1, int), (1.5, float), (2.0, float), ("x", str), (True, bool), (None, type(None)), (b"\x00\xff", bytes),
    ([1, 2], list[int]), ((1, "a"), tuple[int, str]), ((1, 2, 3), tuple[int, ...]), ({1, 2}, set[int]),
    (frozenset({"a"}), frozenset[str]), ({"a": [1]}, dict[str, list[int]]), ({1: "a"}, dict[int, str]),
    ({Color.RED: 1}, dict[Color, int]), (Color.RED, Color), (Level.LOW, Level), ("a", Literal["a", "b"]),
    (NOON, datetime), (date(2026, 1, 1), date), (timedelta(days=3, microseconds=1), timedelta),
    (Decimal("1.10"), Decimal), (UUID(int=5), UUID), (Path("/a/b"), Path),
    (Row("a", 1, NOON), Row), ([Row("a"), Row("b", 2)], list[Row]), (Table([Row("a")], {"b": Row("b")}), Table),
    (Row("a"), Row | None), (None, Row | None), (None, Row), (Pair(1, "x"), Pair), ({"size": 1}, Shape),
    (1, int | str), ("1", int | str), ("1", str | None), ({"a": Decimal("0.1")}, dict[str, Decimal]),
]  # fmt: skip
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=20,
)


def deep(levels: int) -> list[Any]:
    """A list within a list, and so on."""
    inner: list[Any] = []
    for _ in range(levels):
        inner = [inner]
    return inner


UNSTORABLE: dict[str, Any] = {
    "nan": float("nan"),
    "infinity": [1, {"a": float("-inf")}],
    "a set": {1},
    "bytes": b"x",
    "a complex number": 1j,
    "an object": object(),
    "a class": int,
    "a function": len,
    "a generator": (x for x in ()),
    "an exception": ValueError("x"),
    "a date": NOON,
    "a path": Path("/"),
    "a decimal": Decimal(1),
    "an attrs value": Row("a"),
    "a key that is a number": {1: "a"},
    "a key that is null": {"a": [{None: 1}]},
    "a key that is a tuple": {(1, 2): 3},
    "a mapping that is no dictionary": MappingProxyType({"a": 1}),
    "300 levels": deep(300),
    "10,000 levels": deep(10_000),
    "5,000 digits": 10**5000,
}
MISMATCHED: list[tuple[Any, Any]] = [
    ("abc", int), ("7", int), (1.5, int), (["a"], list[int]), ({"a": "b"}, dict[str, int]), (5, str), ("x", Row),
    ({"name": "a"}, Row), ("red", Color), ("2026-01-01", datetime), ("1", bool), (1, list[int]), ("x", list[str]),
]  # fmt: skip


@pytest.mark.parametrize(("value", "annotation"), TYPED, ids=lambda value: repr(value)[:40])
def test_a_value_that_fits_its_annotation_comes_back(value: Any, annotation: Any) -> None:
    """What fits its annotation is decoded equal, and of the same type."""
    assert JSON_CODEC.check(annotation) is None
    text = JSON_CODEC.encode(value, annotation)
    found = JSON_CODEC.decode(text, annotation)

    assert found == value
    assert type(found) is type(value)


@given(PLAIN)
def test_json_data_needs_no_annotation(value: object) -> None:
    """Plain JSON data comes back as it was, without an annotation or with one that says nothing."""
    for annotation in (UNKNOWN, Any, object):
        assert JSON_CODEC.decode(JSON_CODEC.encode(value, annotation), annotation) == value


def test_a_tuple_without_annotation_becomes_a_list() -> None:
    """JSON knows arrays only; every reader, fresh or resumed, sees the list."""
    assert JSON_CODEC.decode(JSON_CODEC.encode((1, (2,)), UNKNOWN), UNKNOWN) == [1, [2]]


@pytest.mark.parametrize("value", UNSTORABLE.values(), ids=UNSTORABLE)
def test_what_json_has_no_form_for_is_refused(value: Any) -> None:
    """``TypeError`` or ``ValueError`` says what cannot be stored; nothing is changed in silence."""
    for annotation in (UNKNOWN, Any):
        with pytest.raises((TypeError, ValueError)):
            JSON_CODEC.encode(value, annotation)


def test_data_within_itself_is_refused() -> None:
    """A list that contains itself is refused, not followed for ever."""
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="deep"):
        JSON_CODEC.encode(endless, UNKNOWN)


def test_a_refusal_tells_the_place() -> None:
    """The message leads to the value, and says to annotate."""
    with pytest.raises(TypeError, match=r"output\['a'\]\[1\] is of type set.*annotate"):
        JSON_CODEC.encode({"a": [0, {1}]}, UNKNOWN)


@pytest.mark.parametrize(("value", "annotation"), MISMATCHED, ids=lambda value: repr(value)[:40])
def test_a_value_that_does_not_fit_its_annotation_is_refused(value: Any, annotation: Any) -> None:
    """A value of another type is refused when it is written, for no successor could read it as it was."""
    with pytest.raises((TypeError, ValueError)):
        JSON_CODEC.encode(value, annotation)


@pytest.mark.parametrize(
    "annotation", [complex, type, Callable[[], int], list[complex], dict[str, complex], Row | complex]
)
def test_an_annotation_that_can_never_be_stored_is_told(annotation: Any) -> None:
    """``check`` says in one line why values of an annotation cannot be stored."""
    why = JSON_CODEC.check(annotation)

    assert why
    assert "\n" not in why


@given(st.timedeltas(timedelta(days=-36500), timedelta(days=36500)))
def test_times_keep_their_microseconds(value: timedelta) -> None:
    """A duration within a century comes back to the microsecond."""
    assert JSON_CODEC.decode(JSON_CODEC.encode(value, timedelta), timedelta) == value
