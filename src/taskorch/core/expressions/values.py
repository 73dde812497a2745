"""Values as conditions see them: what is in them, when two are alike, and which comes first."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import islice

from taskorch.core.durations import read_duration
from taskorch.core.expressions.kinds import ABSENT, ORDERED, READ_FROM_TEXT, Kind, comparable, kind_of
from taskorch.core.times import read_time_or_day, write_milliseconds
from taskorch.errors import InvalidDocument

MAX_PARTS = 100_000
"""How many parts of arrays and objects one comparison looks at."""
_LONGEST_TIME = 60
_HOLDERS = (str, Mapping)
_PLAIN_HOLDERS = (str, dict)
_PLAIN = (str, int)
"""Two values of one of these types are compared as Python does; nearly all that are compared are such."""


class Undecided(Exception):
    """Two values have no answer to what was asked of them.

    Attributes:
        kinds: What they are; their values may be secret.
    """

    def __init__(self, left: Kind, right: Kind, message: str) -> None:
        self.kinds, self.message = (left, right), message
        super().__init__(message)


def member_of(value: object, key: str | int) -> object:
    """The member of an object or array; ``ABSENT`` where there is none."""
    if isinstance(key, str):
        return value.get(key, ABSENT) if isinstance(value, Mapping) else ABSENT
    if kind_of(value) is Kind.ARRAY:
        assert isinstance(value, Sequence)  # noqa: S101 - said for the type checker
        try:
            return value[key]
        except IndexError:
            return ABSENT
    return ABSENT


def read_as(text: str, kind: Kind) -> object:
    """A text as a comparable value of a kind in ``READ_FROM_TEXT``; ``InvalidDocument`` if it is none."""
    if kind is Kind.TIME:
        if len(text) > _LONGEST_TIME:
            raise InvalidDocument.because("is not an ISO 8601 time")
        return comparable(read_time_or_day(text), Kind.TIME)
    duration = read_duration(text)
    return duration if kind is Kind.DURATION else write_milliseconds(duration)


def reason_of(error: InvalidDocument, text: str) -> str:
    """Why a text that looks like a duration or time is none, without the text; empty where it looks like neither."""
    problem = error.problems[0]
    reason = problem.message.removeprefix(f"{text[:40]!r} ")
    if reason.startswith("is not "):
        return ""
    return f"{reason} ({problem.hint})" if problem.hint else reason


def conform(value: object, kind: Kind) -> object:
    """*value* as comparable value of a kind in ``READ_FROM_TEXT``; null and ``ABSENT`` stay.

    Raises:
        Undecided: It is of another kind, and no text that can be read as one.
    """
    if type(value) is int and kind is Kind.MILLISECONDS:
        return value  # as nearly all of them are
    own = kind_of(value)
    if own in (Kind.ABSENT, Kind.NULL):
        return value
    if own is kind:
        return comparable(value, kind)
    if kind is Kind.MILLISECONDS:
        if own is Kind.NUMBER:
            return value
        if isinstance(value, timedelta):
            return write_milliseconds(value)
    reason = ""
    if isinstance(value, str):
        try:
            return read_as(value, kind)
        except InvalidDocument as error:
            reason = reason_of(error, value)
    more = f"; it {reason}" if reason else ""
    raise Undecided(own, kind, f"{own.phrase} stands where {kind.phrase} is expected{more}")


def milliseconds_in(value: object) -> Iterator[int | float]:
    """The milliseconds that *value* is, or that are in it; what could be none is passed over."""
    items = value if isinstance(value, Sequence) and kind_of(value) is Kind.ARRAY else (value,)
    for item in islice(items, MAX_PARTS):
        try:
            number = conform(item, Kind.MILLISECONDS)
        except Undecided:
            continue
        if isinstance(number, int | float) and not isinstance(number, bool):
            yield number


def _aligned(left: object, right: object) -> tuple[Kind, Kind, object, object]:
    """The kinds and comparable values of a pair, a text read as what stands beside it where it can be."""
    left_kind, right_kind = kind_of(left), kind_of(right)
    try:
        if left_kind is Kind.TEXT and right_kind in READ_FROM_TEXT:
            left, left_kind = read_as(str(left), right_kind), right_kind
        elif right_kind is Kind.TEXT and left_kind in READ_FROM_TEXT:
            right, right_kind = read_as(str(right), left_kind), left_kind
    except InvalidDocument:
        pass  # then they are of unlike kinds
    return left_kind, right_kind, comparable(left, left_kind), comparable(right, right_kind)


def equal(left: object, right: object) -> bool:
    """Whether two present values are the same data; unlike kinds never are."""
    if type(left) in _PLAIN and type(left) is type(right):
        return left == right
    left_kind, right_kind, left, right = _aligned(left, right)
    if left_kind is not right_kind:
        if Kind.FOREIGN in (left_kind, right_kind) and Kind.NULL not in (left_kind, right_kind):
            raise foreign(left_kind, right_kind)
        return False
    return same(left, right) if left_kind in (Kind.ARRAY, Kind.OBJECT, Kind.FOREIGN) else left == right


def measured(text: str, kind: Kind) -> object:
    """A text of free-form data as the duration or time that it is compared with.

    Raises:
        Undecided: It is none.
    """
    try:
        return read_as(text, kind)
    except InvalidDocument as error:
        raise disordered(Kind.TEXT, kind, reason_of(error, text)) from None


def _read_or_absent(text: str, kind: Kind) -> object:
    try:
        return read_as(text, kind)
    except InvalidDocument:
        return ABSENT


def ordered(left: object, right: object, precedes: Callable[[object, object], bool], *, are_free: bool = True) -> bool:
    """Whether two present values stand in the order *precedes*.

    Args:
        left: The one.
        right: The other.
        precedes: The order.
        are_free: Whether two texts are compared as durations or as times where both can be read so.

    Raises:
        Undecided: They are of unlike kinds, or of one that has no order.
    """
    if type(left) is int and type(right) is int:
        return precedes(left, right)
    if are_free and isinstance(left, str) and isinstance(right, str):
        for kind in (Kind.DURATION, Kind.TIME):
            one, other = _read_or_absent(left, kind), _read_or_absent(right, kind)
            if one is not ABSENT and other is not ABSENT:
                return precedes(one, other)
        return precedes(left, right)
    left_kind, right_kind, left, right = _aligned(left, right)
    if Kind.NULL in (left_kind, right_kind):
        return False
    if left_kind is right_kind and left_kind in ORDERED:
        return precedes(left, right)
    raise disordered(left_kind, right_kind)


def disordered(left: Kind, right: Kind, reason: str = "") -> Undecided:
    """The error for an order that is asked of kinds that have none; *reason* is why a text was not read as other."""
    message = f"two values of kind {left} have no order" if left is right else f"{left} and {right} have no order"
    return Undecided(left, right, f"{message}; the text {reason}" if reason else message)


def foreign(left: Kind, right: Kind) -> Undecided:
    """The error for a comparison with what is no data."""
    return Undecided(left, right, "a foreign object is no data, and cannot be compared")


class _Allowance:
    """How many parts may still be looked at."""

    def __init__(self) -> None:
        self.left = MAX_PARTS

    def spend(self, parts: int, kind: Kind) -> None:
        self.left -= parts
        if self.left < 0:
            raise Undecided(kind, kind, f"has more than {MAX_PARTS:,} parts to compare")


def same(left: object, right: object, allowance: _Allowance | None = None) -> bool:
    """Whether two values are the same data, part by part, without reading texts as anything else.

    Raises:
        Undecided: One holds what is no data, or they have too many parts.
    """
    allowance = allowance or _Allowance()
    pairs = [(left, right)]
    while pairs:
        one, other = pairs.pop()
        kind, other_kind = kind_of(one), kind_of(other)
        if Kind.FOREIGN in (kind, other_kind):
            raise foreign(kind, other_kind)
        if kind is not other_kind:
            return False
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            if len(one) != len(other):
                return False
            allowance.spend(len(one), kind)
            pairs.extend((value, other.get(key, ABSENT)) for key, value in one.items())
        elif kind is Kind.ARRAY and isinstance(one, Sequence) and isinstance(other, Sequence):
            if len(one) != len(other):
                return False
            allowance.spend(len(one), kind)
            pairs.extend(zip(one, other, strict=False))
        elif comparable(one, kind) != comparable(other, kind):
            return False
    return True


def contains(container: object, value: object) -> bool:
    """Whether an array has an element, an object a key, or a text a part; all present, *container* not null.

    Raises:
        Undecided: *container* is neither, or *value* could not be in it.
    """
    if type(value) is str and type(container) in _PLAIN_HOLDERS and isinstance(container, _HOLDERS):
        return value in container  # as nearly all of them are
    kind, own = kind_of(container), kind_of(value)
    if kind is Kind.ARRAY and isinstance(container, Sequence):
        allowance = _Allowance()
        allowance.spend(len(container), kind)
        if own in (Kind.ARRAY, Kind.OBJECT):
            return any(same(value, item, allowance) for item in container)
        return _holds_scalar(container, comparable(value, own), own)
    if kind in (Kind.TEXT, Kind.OBJECT) and own in (Kind.TEXT, Kind.NULL):
        if isinstance(value, str) and isinstance(container, _HOLDERS):
            return value in container
        return False
    is_holder = kind in (Kind.TEXT, Kind.OBJECT)
    message = f"{own.phrase} cannot be in {kind.phrase}" if is_holder else f"nothing is in {kind.phrase}"
    raise Undecided(own, kind, message)


def _holds_scalar(container: Sequence[object], value: object, own: Kind) -> bool:
    if own is Kind.FOREIGN:
        raise foreign(own, Kind.ARRAY)
    readings: dict[Kind, object] = {own: value}
    plain = type(value) if type(value) in _PLAIN else None
    for item in container:
        if type(item) is plain:
            if item == value:
                return True
            continue
        kind = kind_of(item)
        if kind not in readings and kind in READ_FROM_TEXT and isinstance(value, str):
            readings[kind] = _read_or_absent(value, kind)
        if kind in readings:
            if comparable(item, kind) == readings[kind]:
                return True
        elif isinstance(item, str) and own in READ_FROM_TEXT:
            if _read_or_absent(item, own) == value:
                return True
        elif kind is Kind.FOREIGN:
            raise foreign(own, kind)
    return False
