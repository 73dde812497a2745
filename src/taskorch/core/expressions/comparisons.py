"""Comparisons of fields with literals and with one another, checked when read and compiled to closures."""

import operator
from collections.abc import Callable

from taskorch.core.expressions import values
from taskorch.core.expressions.compatibility import checked_value, require_container, require_value, shared_kind
from taskorch.core.expressions.kinds import ABSENT, READ_FROM_TEXT, Kind, comparable, kind_of
from taskorch.core.expressions.operands import Data, Field, Literal, Operand
from taskorch.core.expressions.relations import MIRRORED, PRECEDES, Relation
from taskorch.core.expressions.source import Source
from taskorch.core.expressions.values import Undecided
from taskorch.errors import InvalidDocument

Holds = Callable[[Data], bool]
"""Whether a comparison is true of some data."""
_Answer = Callable[[Data], bool | None]
"""A comparison's answer; None where something is absent, and then nothing holds."""


def compare(source: Source, left: Operand, relation: Relation, right: Operand) -> Holds:
    """The test whether *left* stands in a relation to *right*.

    Raises:
        InvalidCondition: It could never be decided, or asks nothing of the data.
    """
    if isinstance(left, Literal) and isinstance(right, Literal):
        hint = "names of fields are not quoted" if Kind.TEXT in (left.kind, right.kind) else ""
        raise source.fault(left.place, "compares two literals, and asks nothing of the data", hint)
    if relation in (Relation.IN, Relation.NOT_IN):
        test = _membership(source, left, right)
        if relation is Relation.NOT_IN:
            test = _denied(test)
    else:
        for operand in (left, right):
            require_value(source, operand)
        test = _comparison(source, left, relation, right)
    return _decided(test, source, left.place)


def _denied(test: _Answer) -> _Answer:
    def denied(data: Data) -> bool | None:
        holds = test(data)
        return None if holds is None else not holds

    return denied


def _decided(test: _Answer, source: Source, place: int) -> Holds:
    """The test, with errors that say where in the text they arose."""

    def decided(data: Data) -> bool:
        try:
            return bool(test(data))
        except Undecided as error:
            raise source.undecidable(place, error.message, error.kinds) from None

    return decided


def truth(source: Source, field: Field) -> Holds:
    """The test of a field that stands alone: true or false; absent and null count as false."""
    require_value(source, field)
    if field.kind not in (Kind.ANY, Kind.BOOLEAN):
        message = f"is {field.kind.phrase}, neither true nor false by itself"
        raise source.fault(field.place, message, "compare it with something")
    get = field.getter()

    def test(data: Data) -> bool:
        value = get(data)
        if value is None or value is ABSENT:
            return False
        if isinstance(value, bool):
            return value
        kind = kind_of(value)
        raise Undecided(kind, Kind.BOOLEAN, f"{kind.phrase} is neither true nor false; compare it with something")

    return _decided(test, source, field.place)


# --- closures ------------------------------------------------------------------------------------------------


def _comparison(source: Source, left: Operand, relation: Relation, right: Operand) -> _Answer:
    if isinstance(left, Literal):
        left, right, relation = right, left, MIRRORED.get(relation, relation)
    assert isinstance(left, Field)  # noqa: S101 - of two literals one was refused
    if isinstance(right, Field):
        return _between(source, left, relation, right)
    value = checked_value(source, right, left, relation)
    if relation is Relation.UNEQUAL:
        return _denied(_with_literal(left, Relation.EQUAL, right, value))
    return _with_literal(left, relation, right, value)


def _conforming(field: Field, kind: Kind) -> Callable[[Data], object]:
    """What takes the field's value as a kind in ``READ_FROM_TEXT``, or as it is."""
    get = field.getter()
    return (lambda data: values.conform(get(data), kind)) if kind in READ_FROM_TEXT else get


def _with_literal(field: Field, relation: Relation, literal: Literal, value: object) -> _Answer:
    get = _conforming(field, field.kind)
    alike: Callable[..., bool] = PRECEDES.get(relation, operator.eq)  # ...: see PRECEDES
    if literal.kind is Kind.NULL:
        return lambda data: None if (found := get(data)) is ABSENT else found is None
    if literal.kind is Kind.ARRAY:
        return lambda data: None if (found := get(data)) is ABSENT else values.equal(found, value)
    if field.kind in READ_FROM_TEXT:
        empty = None if relation.is_order else False

        def conformed(data: Data) -> bool | None:
            found = get(data)
            if found is None or found is ABSENT:
                return None if found is ABSENT else empty
            return alike(found, value)

        return conformed
    readings = _readings(literal)
    # An order with a text such as "24h" is one of durations. Alike are texts as they are written, for "10m" may be
    # the code of a product.
    is_free = relation.is_order and field.kind is Kind.ANY
    measure = next((kind for kind in (Kind.DURATION, Kind.TIME) if kind in readings), None) if is_free else None

    def test(data: Data) -> bool | None:
        found = get(data)
        kind = kind_of(found)
        if measure is not None and kind is Kind.TEXT:
            found, kind = values.measured(str(found), measure), measure
        other = readings.get(kind, ABSENT)
        if other is not ABSENT:
            return alike(comparable(found, kind), other)
        if kind is Kind.ABSENT:
            return None
        if kind is Kind.FOREIGN:
            raise values.foreign(kind, literal.kind)
        if relation.is_order and kind is not Kind.NULL:
            raise values.disordered(kind, literal.kind)
        return False

    return test


def _readings(literal: Literal) -> dict[Kind, object]:
    """The literal as each kind of value that can stand beside it."""
    readings: dict[Kind, object] = {literal.kind: literal.value}
    if isinstance(literal.value, str):
        for kind in (Kind.DURATION, Kind.TIME):
            try:
                readings[kind] = values.read_as(literal.value, kind)
            except InvalidDocument:
                continue
    return readings


def _between(source: Source, left: Field, relation: Relation, right: Field) -> _Answer:
    kind = shared_kind(source, left, right, relation)
    one, other = _conforming(left, kind), _conforming(right, kind)
    precedes = PRECEDES.get(relation)
    are_free = Kind.TEXT not in (left.kind, right.kind)

    def test(data: Data) -> bool | None:
        first, second = one(data), other(data)
        if first is ABSENT or second is ABSENT:
            return None
        if precedes is None:
            return values.equal(first, second)
        return values.ordered(first, second, precedes, are_free=are_free)

    return _denied(test) if relation is Relation.UNEQUAL else test


def _membership(source: Source, left: Operand, right: Operand) -> _Answer:
    if isinstance(left, Literal) and left.kind is Kind.ARRAY:
        raise source.fault(left.place, "asks whether a list is in something", "ask for one value")
    if isinstance(left, Field):
        require_value(source, left)
    if isinstance(right, Literal):
        assert isinstance(left, Field)  # noqa: S101 - of two literals one was refused
        if right.kind is not Kind.ARRAY:
            raise source.fault(right.place, "expected a list or a field", 'write a list: ["a", "b"]')
        return _in_list(source, left, right)
    require_container(source, left, right)
    container = right.getter()
    get = left.getter() if isinstance(left, Field) else None
    fixed = left.value if isinstance(left, Literal) else None

    def test(data: Data) -> bool | None:
        value = fixed if get is None else get(data)
        found = container(data)
        if found is ABSENT or found is None or value is ABSENT:
            return None
        return values.contains(found, value)

    return test


def _in_list(source: Source, field: Field, literal: Literal) -> _Answer:
    get = _conforming(field, field.kind)
    checked = [checked_value(source, item, field, Relation.EQUAL) for item in literal.items]
    if field.kind in READ_FROM_TEXT:
        return lambda data: None if (found := get(data)) is ABSENT else found in checked
    readings: dict[Kind, list[object]] = {}
    for item in literal.items:
        for kind, reading in _readings(item).items():
            readings.setdefault(kind, []).append(reading)

    def test(data: Data) -> bool | None:
        found = get(data)
        if found is ABSENT:
            return None
        kind = kind_of(found)
        if kind is Kind.FOREIGN:
            raise values.foreign(kind, Kind.ARRAY)
        return comparable(found, kind) in readings.get(kind, ())

    return test
