"""What can be compared with what: refused when a condition is read, rather than never true when it is asked."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from taskorch.core.expressions import values
from taskorch.core.expressions.kinds import ORDERED, READ_FROM_TEXT, Kind
from taskorch.core.expressions.operands import Field, Literal, Operand, is_words, names_in
from taskorch.core.expressions.relations import Relation
from taskorch.core.expressions.source import Source
from taskorch.core.expressions.vocabulary import EACH
from taskorch.core.suggestions import suggestion
from taskorch.errors import InvalidDocument

_EXAMPLES = {
    Kind.DURATION: 'a duration such as "24h", "1h30m" or "500ms"',
    Kind.MILLISECONDS: 'a number of milliseconds, or a duration such as "10m"',
    Kind.TIME: 'a time such as "2026-11-20T10:00:00Z"',
}


def require_value(source: Source, operand: Operand) -> None:
    """Refuse the name of a root or group where a value is needed."""
    if isinstance(operand, Field):
        shape, name = operand.shape, ".".join(map(str, operand.path))
        if isinstance(shape, Mapping | AbstractSet) or (shape is None and len(operand.path) == 1):
            hint = suggestion("", names_in(shape)) if shape is not None and EACH not in shape else ""
            raise source.fault(operand.place, f"{name} is a group of fields; name one of them", hint)


def checked_value(source: Source, literal: Literal, field: Field, relation: Relation) -> object:
    """The literal's value as comparable with the field's; refused where the two could never be alike."""
    if literal.kind is Kind.NULL:
        if relation.is_order:
            raise source.fault(literal.place, "null comes neither before nor after anything", "ask == null or != null")
        return None
    if relation.is_order and (literal.kind not in ORDERED or is_words(field.shape)):
        what = "a word of a list" if is_words(field.shape) else literal.kind.phrase
        raise source.fault(literal.place, f"{what} comes neither before nor after anything", "ask == or !=")
    if is_words(field.shape):
        words = [word.value for word in field.shape]
        if literal.value not in words:
            raise source.fault(literal.place, "is no word of this field", _nearest(str(literal.value), words))
        return literal.value
    if field.kind in READ_FROM_TEXT:
        return _read(source, literal, field.kind)
    if field.kind not in (Kind.ANY, literal.kind):
        message = f"is {literal.kind.phrase}, and the field is {field.kind.phrase}: they are never alike"
        raise source.fault(literal.place, message)
    return literal.value


def _nearest(word: str, words: Sequence[str]) -> str:
    """The hint for what is no word of a field: words that differ by their capitals only are the nearest."""
    same = next((known for known in words if known.casefold() == word.casefold()), None)
    return suggestion(word, words) if same is None else f"did you mean {same!r}?"


def _read(source: Source, literal: Literal, kind: Kind) -> object:
    reason = ""
    if kind is Kind.MILLISECONDS and literal.kind is Kind.NUMBER:
        return literal.value
    if isinstance(literal.value, str):
        try:
            return values.read_as(literal.value, kind)
        except InvalidDocument as error:
            reason = values.reason_of(error, literal.value)
    message = f"expected {_EXAMPLES[kind]}" + (f"; it {reason}" if reason else "")
    is_number = literal.kind is Kind.NUMBER and kind is Kind.DURATION
    hint = f'a duration is quoted, with its unit: "{str(literal.value)[:20]}s" if these are seconds'
    raise source.fault(literal.place, message, hint if is_number else "")


def shared_kind(source: Source, left: Field, right: Field, relation: Relation) -> Kind:
    """The kind both fields are read as, or ``ANY``; refused where they are known to be unlike."""
    kinds = {left.kind, right.kind} - {Kind.ANY}
    if kinds <= {Kind.DURATION, Kind.MILLISECONDS} and kinds:
        return Kind.MILLISECONDS if Kind.MILLISECONDS in kinds else Kind.DURATION
    if len(kinds) > 1:
        message = f"is {left.kind.phrase}, compared with {right.kind.phrase}: they are never alike"
        raise source.fault(left.place, message)
    kind = next(iter(kinds), Kind.ANY)
    words = is_words(left.shape) or is_words(right.shape)
    if relation.is_order and (words or kind not in (Kind.ANY, *ORDERED)):
        what = "a word of a list" if words else kind.phrase
        raise source.fault(left.place, f"{what} comes neither before nor after anything", "ask == or !=")
    return kind if kind in READ_FROM_TEXT else Kind.ANY


def require_container(source: Source, left: Operand, right: Field) -> None:
    """Refuse to look into what holds nothing, or for a name that a group has not."""
    shape, name = right.shape, ".".join(map(str, right.path))
    if isinstance(shape, Mapping | AbstractSet):
        if EACH in shape:
            raise source.fault(right.place, f"{name} is a group of any names; name one of them")
        if not isinstance(left, Literal) or not isinstance(left.value, str):
            raise source.fault(left.place, f"expected a quoted name: {name} is a group of fields")
        if left.value not in shape:
            raise source.fault(
                left.place, f"{name} has no field {left.value!r}", suggestion(left.value, names_in(shape))
            )
    elif right.kind not in (Kind.ANY, Kind.TEXT, Kind.ARRAY, Kind.OBJECT):
        raise source.fault(
            right.place, f"is {right.kind.phrase}, and holds nothing", "look into a list, an object or a text"
        )
    elif right.kind is Kind.TEXT and left.kind not in (Kind.ANY, Kind.TEXT):
        raise source.fault(left.place, f"{left.kind.phrase} is never in a text")
