"""The kinds of values that members may have, as their annotations say it: for what Python's callers give.

Documents are read by strict hooks; values that are given in Python are held to the same kinds here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

import attrs

from taskorch.core import json_text
from taskorch.core.json_text import child, described, join
from taskorch.core.times import LONGEST
from taskorch.errors import Problem

_MOST_TOLD = 10  # of the wrong items of one array or object

Faults = Callable[[Any], Sequence[Problem]]
"""Tells what is wrong with a value of the kind, with paths relative to it."""


def _no_faults(_: object) -> Sequence[Problem]:
    return ()


@attrs.frozen(eq=False)
class Kind:
    """One kind of values.

    Attributes:
        words: What it is called in messages.
        takes: Whether a value is of it, as seen from outside.
        faults: What is wrong with such a value.
        is_plain: Whether a value is of the kind and nothing is wrong with it, told quickly; a no says nothing.
    """

    words: str
    takes: Callable[[Any], bool]
    faults: Faults = _no_faults
    is_plain: Callable[[Any], bool] = lambda _: False

    def problems(self, value: object) -> Sequence[Problem]:
        """What keeps *value* from being of the kind."""
        if self.is_plain(value):
            return ()
        if self.takes(value):
            return self.faults(value)
        return [Problem("", f"expected {self.words}, got {described(value)}")]


ANYTHING: Final = Kind("anything", lambda value: True)
NULL: Final = Kind("null", lambda value: value is None)


def kind_of(annotation: object) -> Kind:
    """The kind of values that an annotation means; anything where it does not tell: a text, ``Any``, ``object``."""
    if annotation is None or annotation is type(None):
        return NULL
    origin = get_origin(annotation)
    if origin in (UnionType, Union):
        return _either([kind_of(part) for part in get_args(annotation)])
    if origin in (tuple, list):
        return _array(get_args(annotation)[0])
    if origin is Mapping:
        return _object(get_args(annotation)[1])
    if not isinstance(annotation, type) or annotation is object:
        return ANYTHING
    article = "an" if annotation.__name__[0] in "AEIOU" else "a"
    words = f"{article} {annotation.__name__}"
    return _PLAIN.get(annotation) or Kind(words, lambda value: isinstance(value, annotation))


def _either(kinds: list[Kind]) -> Kind:
    if ANYTHING in kinds:
        return ANYTHING
    if len(kinds) == 2 and NULL in kinds:
        return _optional(kinds[0] if kinds[1] is NULL else kinds[1])

    def faults(value: object) -> Sequence[Problem]:
        return next(kind for kind in kinds if kind.takes(value)).faults(value)

    named = dict.fromkeys(kind.words for kind in kinds if kind is not NULL)
    return Kind(" or ".join(named), lambda value: any(kind.takes(value) for kind in kinds), faults)


def _optional(kind: Kind) -> Kind:
    takes, faults = kind.takes, kind.faults
    return attrs.evolve(
        kind,
        takes=lambda value: value is None or takes(value),
        faults=lambda value: () if value is None else faults(value),
    )


def _array(element: object) -> Kind:
    kind = kind_of(element)

    def faults(values: Iterable[object]) -> Sequence[Problem]:
        if isinstance(element, type) and set(map(type, values)) <= {element} and kind.faults is _no_faults:
            return ()  # there may be very many
        return _first((f"[{index}]", value) for index, value in enumerate(values))

    def _first(placed: Iterable[tuple[str, object]]) -> list[Problem]:
        return list(islice(_inside(placed, kind), _MOST_TOLD))

    return Kind("an array", lambda value: isinstance(value, list | tuple), faults)


def _object(element: object) -> Kind:
    kind = kind_of(element)

    def faults(members: Mapping[object, object]) -> Sequence[Problem]:
        if strange := [key for key in members if not isinstance(key, str)]:
            return [Problem("", f"has a key of type {type(strange[0]).__name__}", "keys are strings")]
        found = [problem for key in members for problem in _text_faults(str(key))]
        if found or kind is ANYTHING:
            return found[:_MOST_TOLD]
        return list(islice(_inside(((child("", str(key)), item) for key, item in members.items()), kind), _MOST_TOLD))

    return Kind("an object", lambda value: isinstance(value, Mapping), faults)


def _inside(placed: Iterable[tuple[str, object]], kind: Kind) -> Iterator[Problem]:
    for path, value in placed:
        for problem in kind.problems(value):
            yield problem._replace(path=join(path, problem.path))


def _is_plain_text(value: object) -> bool:
    return type(value) is str and value.isascii() and "\0" not in value


def _text_faults(text: str) -> Sequence[Problem]:
    return () if _is_plain_text(text) else json_text.check(text)


def _number_faults(number: float) -> Sequence[Problem]:
    return () if type(number) is int and -(10**15) < number < 10**15 else json_text.check(number)


def _span_faults(span: timedelta) -> Sequence[Problem]:
    return () if abs(span.days) < LONGEST.days or abs(span) <= LONGEST else (_TOO_LONG,)


_TOO_LONG = Problem("", "is a time out of range", "at most 100 years")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_PLAIN: dict[type, Kind] = {
    str: Kind("a string", lambda value: isinstance(value, str), _text_faults, _is_plain_text),
    bool: Kind("true or false", lambda value: isinstance(value, bool)),
    int: Kind("a whole number", lambda value: _is_number(value) and isinstance(value, int), _number_faults),
    float: Kind("a number", _is_number, _number_faults),
    timedelta: Kind("a duration", lambda value: isinstance(value, timedelta), _span_faults),
    datetime: Kind("a time", lambda value: isinstance(value, datetime)),
}
