"""What is compared: fields, reached along a path, and literals."""

import ast
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from enum import StrEnum
from math import isfinite
from typing import TypeGuard

import attrs

from taskorch.core.durations import is_duration
from taskorch.core.expressions.kinds import ABSENT, Kind, kind_of
from taskorch.core.expressions.source import Source
from taskorch.core.expressions.values import member_of
from taskorch.core.expressions.vocabulary import CONSTANTS, EACH, STATUS_FUNCTIONS, Shape, Vocabulary
from taskorch.core.suggestions import suggestion

Data = Mapping[str, object]
Path = tuple[str | int, ...]


@attrs.frozen
class Field:
    """A place in the data.

    Attributes:
        place: Where it is written.
        path: The names and numbers that lead to it.
        shape: What the vocabulary says of it.
    """

    place: int
    path: Path
    shape: Shape

    @property
    def kind(self) -> Kind:
        """What it is known to be."""
        return kind_of_shape(self.shape)

    def getter(self) -> Callable[[Data], object]:
        """What takes its value from the data."""
        root, rest = str(self.path[0]), self.path[1:]

        def get(data: Data) -> object:
            value = data.get(root, ABSENT)
            for key in rest:
                # Most of what is walked are plain dicts, and of those nothing else need be asked.
                value = value.get(key, ABSENT) if type(value) is dict and type(key) is str else member_of(value, key)
            return value

        return get


@attrs.frozen
class Literal:
    """A value that is written in the condition, or a list of such.

    Attributes:
        place: Where it is written.
        value: The value.
        items: The literals of a list.
    """

    place: int
    value: object
    items: "tuple[Literal, ...]" = ()

    @property
    def kind(self) -> Kind:
        """What it is."""
        return kind_of(self.value)


Operand = Field | Literal


def is_words(shape: object) -> TypeGuard[type[StrEnum]]:
    """Whether a shape is a choice of words."""
    return isinstance(shape, type) and issubclass(shape, StrEnum) and shape is not Kind


def kind_of_shape(shape: Shape) -> Kind:
    """What a field of that shape holds."""
    if isinstance(shape, Kind):
        return shape
    if is_words(shape):
        return Kind.TEXT
    return Kind.ANY if shape is None else Kind.OBJECT


def read_operand(node: ast.expr, source: Source, vocabulary: Vocabulary, *, may_be_text: bool = False) -> Operand:
    """The field or literal that *node* writes.

    Args:
        node: What is written.
        source: Where.
        vocabulary: The fields there are.
        may_be_text: Whether an unknown name may be a text that somebody forgot to quote.

    Raises:
        InvalidCondition: It is neither, or no field of the vocabulary.
    """
    place = source.place_of(node)
    match node:
        case ast.Name(name) if name in CONSTANTS:
            return Literal(place, CONSTANTS[name])
        case ast.Constant(bool() | int() | float() | str() | None as value):
            if isinstance(value, float) and not isfinite(value):
                raise source.fault(place, "has a number beyond those of JSON")
            return Literal(place, value)
        case ast.UnaryOp(ast.USub(), ast.Constant(int() | float() as number)) if not isinstance(number, bool):
            inner = read_operand(node.operand, source, vocabulary)
            assert isinstance(inner, Literal)  # noqa: S101 - said for the type checker
            return Literal(place, -number)
        case ast.List(elements):
            items = tuple(_item(element, source, vocabulary) for element in elements)
            return Literal(place, [item.value for item in items], items)
        case ast.Name() | ast.Attribute() | ast.Subscript():
            return _field(node, source, vocabulary, may_be_text=may_be_text)
        case ast.BinOp(_, ast.Sub()):
            raise source.fault(place, "is arithmetic, which conditions do not do", 'quote names: steps["a-b"]')
        case ast.Call(ast.Name(name)) if name in ("always", *STATUS_FUNCTIONS):
            raise source.fault(place, f"{name} is true or false by itself", "join it with `and`, `or`, `not`")
        case ast.Call():
            raise source.fault(place, "calls what is no function of conditions")
        case ast.Tuple():
            raise source.fault(place, "is not allowed in a condition", "lists are written in [ ]")
    raise source.fault(place, "is neither a field nor a literal", "compare fields with literals or fields")


def _item(node: ast.expr, source: Source, vocabulary: Vocabulary) -> Literal:
    item = read_operand(node, source, vocabulary, may_be_text=True)
    if isinstance(item, Literal) and item.kind is not Kind.ARRAY:
        return item
    raise source.fault(source.place_of(node), "is no literal; a list holds numbers, texts, true, false and null")


def _field(node: ast.expr, source: Source, vocabulary: Vocabulary, *, may_be_text: bool) -> Field:
    keys: list[tuple[str | int, int]] = []
    while not isinstance(node, ast.Name):
        match node:
            case ast.Attribute(inner, name):
                if name.startswith("_"):
                    raise source.fault(_end_of(node, source), f"the name {name!r} is private")
                keys.append((name, _end_of(node, source)))
            case ast.Subscript(inner, ast.Constant(str() | int() as key)) if not isinstance(key, bool):
                keys.append((key, _end_of(node, source)))
            case ast.Subscript(inner, ast.UnaryOp(ast.USub(), ast.Constant(int(number)))) if number is not True:
                keys.append((-number, _end_of(node, source)))
            case ast.Subscript(_, index):
                raise source.fault(source.place_of(index), "expected a quoted name or a number between [ ]")
            case _:
                raise source.fault(source.place_of(node), "is not allowed in a condition")
        node = inner
    place = source.place_of(node)
    if node.id not in vocabulary.roots:
        hint = _hint(node.id, vocabulary, may_be_text=may_be_text and not keys)
        raise source.fault(place, f"{node.id!r} is not known in a condition", hint)
    return follow(Field(place, (node.id,), vocabulary.roots[node.id]), keys[::-1], source, vocabulary.reasons)


def _hint(name: str, vocabulary: Vocabulary, *, may_be_text: bool) -> str:
    """What may have been meant by a name that is not known."""
    near = suggestion(name, known(vocabulary))
    for root, fields in vocabulary.roots.items():
        if isinstance(fields, Mapping) and name in fields:
            return f"did you mean {root}.{name}?"
    quoted = may_be_text or is_duration(name)
    return f'write "{name}" if it is a text' if quoted and not near.startswith("did you mean") else near


def known(vocabulary: Vocabulary) -> list[str]:
    """The words with which a part of a condition may begin."""
    functions = ("always", *(f"{name}(…)" for name in STATUS_FUNCTIONS)) if vocabulary.status_functions else ()
    return [*functions, *vocabulary.roots]


def follow(field: Field, keys: Iterable[tuple[str | int, int]], source: Source, reasons: Mapping[str, str]) -> Field:
    """The field that *keys* lead to from *field*, if the vocabulary has it.

    Args:
        field: Where the path begins.
        keys: The names and numbers that follow, each with the character at which it is written.
        source: The text they are written in.
        reasons: As in ``Vocabulary``.

    Raises:
        InvalidCondition: There is no such field.
    """
    path, shape = list(field.path), field.shape
    for key, place in keys:
        if shape not in (None, Kind.ANY, Kind.OBJECT, Kind.ARRAY):
            name = ".".join(map(str, path))
            if not isinstance(shape, Mapping | AbstractSet):
                raise source.fault(place, f"{name} is {kind_of_shape(shape).phrase}, and has no fields")
            if not isinstance(key, str):
                raise source.fault(place, f"expected a name in {name}, got a number")
            if key not in shape and EACH not in shape:
                hint = reasons.get(f"{name}.{key}") or suggestion(key, names_in(shape))
                raise source.fault(place, f"{name} has no field {key!r}", hint)
            shape = shape.get(key, shape.get(EACH)) if isinstance(shape, Mapping) else None
        else:
            shape = None
        path.append(key)
    return Field(field.place, tuple(path), shape)


def names_in(shape: Mapping[str, Shape] | AbstractSet[str]) -> list[str]:
    """The names of a group of fields; of a set in an order that no hash decides."""
    return list(shape) if isinstance(shape, Mapping) else sorted(shape)


def _end_of(node: ast.expr, source: Source) -> int:
    """The character at which the last name of a path begins: after the dot or bracket that ends what came before."""
    if isinstance(node, ast.Subscript):
        return source.place_of(node.slice)
    end = len(source.text.encode()[: node.end_col_offset].decode(errors="ignore"))
    return end - (len(node.attr) if isinstance(node, ast.Attribute) else 0)
