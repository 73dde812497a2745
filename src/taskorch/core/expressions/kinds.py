"""The kinds of values, as conditions tell them apart."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Kind(StrEnum):
    """What sort of thing a value is; what two values have to share to have an order."""

    ANY = "anything"
    """Of a field: not known before it is seen."""
    ABSENT = "nothing"
    NULL = "null"
    BOOLEAN = "boolean"
    NUMBER = "number"
    TEXT = "text"
    DURATION = "duration"
    MILLISECONDS = "milliseconds"
    """Of a field: a duration that is a number of milliseconds, as documents have it."""
    TIME = "time"
    ARRAY = "array"
    OBJECT = "object"
    FOREIGN = "foreign object"
    """No data: a Python object, a time without a zone, or not a number."""

    @property
    def phrase(self) -> str:
        """One of it, in words: ``an array``."""
        if self is Kind.MILLISECONDS:
            return "a number of milliseconds"
        if self in (Kind.ANY, Kind.ABSENT, Kind.NULL):
            return str(self)
        return f"{'an' if self[0] in 'ao' else 'a'} {self}"


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
"""What a path gives that leads nowhere."""

ORDERED = frozenset({Kind.NUMBER, Kind.TEXT, Kind.DURATION, Kind.TIME})
READ_FROM_TEXT = frozenset({Kind.DURATION, Kind.MILLISECONDS, Kind.TIME})
"""The kinds a text is read as when it stands beside one of them."""

_KINDS: dict[type, Kind] = {
    _Absent: Kind.ABSENT,
    type(None): Kind.NULL,
    bool: Kind.BOOLEAN,
    int: Kind.NUMBER,
    str: Kind.TEXT,
    timedelta: Kind.DURATION,
    dict: Kind.OBJECT,
    list: Kind.ARRAY,
    tuple: Kind.ARRAY,
}
_BASES: tuple[tuple[type, Kind], ...] = (
    (str, Kind.TEXT),
    (int, Kind.NUMBER),
    (timedelta, Kind.DURATION),
    (Mapping, Kind.OBJECT),
    (bytes, Kind.FOREIGN),
    (bytearray, Kind.FOREIGN),
    (memoryview, Kind.FOREIGN),
    (Sequence, Kind.ARRAY),
)


def kind_of(value: object) -> Kind:
    """The kind of a value, never ``ANY`` or ``MILLISECONDS``."""
    kind = _KINDS.get(type(value))
    if kind is not None:
        return kind
    if isinstance(value, float):
        return Kind.NUMBER if value == value else Kind.FOREIGN  # noqa: PLR0124 - not a number differs from itself
    if isinstance(value, datetime):
        return Kind.FOREIGN if value.utcoffset() is None else Kind.TIME
    return next((kind for base, kind in _BASES if isinstance(value, base)), Kind.FOREIGN)


def comparable(value: object, kind: Kind) -> object:
    """What Python compares in the place of *value*: for times the span from 1970, which knows no zone or fold."""
    return value - _EPOCH if kind is Kind.TIME and isinstance(value, datetime) else value
