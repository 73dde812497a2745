"""How the output of a step is written down: JSON, guided by the body's return annotation.

Without an annotation only what JSON has a form for is storable, so that a resumed run sees just what a fresh
one does. With one, the types cattrs knows are: attrs and dataclasses, enums, dates, sets, tuples, UUIDs, …
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from math import isfinite
from pathlib import Path, PurePath
from typing import Any
from uuid import UUID

from cattrs import Converter
from cattrs.errors import StructureHandlerNotFoundError
from cattrs.preconf.json import make_converter

UNKNOWN = None
"""Stands for an annotation that is not there."""

_DEEPEST = 200


class JsonCodec:
    """The codec of outputs; see ``taskorch.protocols.Codec`` for what a codec promises."""

    def check(self, annotation: object) -> str | None:
        """Why values of *annotation* can never be stored, or None."""
        if _is_free(annotation):
            return None
        try:
            _converter().get_structure_hook(annotation)
        except (StructureHandlerNotFoundError, TypeError, NameError) as error:
            return str(error).splitlines()[0]
        return None

    def encode(self, value: object, annotation: object) -> str:
        """The JSON text of *value*; ``TypeError`` or ``ValueError`` says what has none."""
        if value is None:
            return "null"
        try:
            data = value if _is_free(annotation) else _converter().unstructure(value, annotation)
            if not isinstance(data, str | int):  # most outputs are small; spare them the walk
                _check(data, "output", 0)
            return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        except AttributeError as error:
            raise TypeError(f"it does not fit its annotation: {error}") from None

    def decode(self, text: str, annotation: object) -> object:
        """The value that was written as *text*."""
        data = json.loads(text)
        if data is None or _is_free(annotation):
            return data
        cls: Any = annotation  # Any: a class, or a special form that cattrs knows
        return _converter().structure(data, cls)


JSON_CODEC = JsonCodec()


def _is_free(annotation: object) -> bool:
    return annotation is UNKNOWN or annotation is Any or annotation is object or annotation is type(None)


@lru_cache(maxsize=1)
def _converter() -> Converter:
    converter = make_converter()
    for kind in (Decimal, UUID):
        converter.register_unstructure_hook(kind, str)
        converter.register_structure_hook(kind, lambda value, cls: cls(value))
    converter.register_unstructure_hook(PurePath, str)
    converter.register_structure_hook(Path, lambda value, cls: cls(value))
    converter.register_unstructure_hook(timedelta, lambda value: value / timedelta(seconds=1))
    converter.register_structure_hook(timedelta, lambda value, _: timedelta(seconds=value))
    return converter


def _check(data: object, path: str, depth: int) -> None:
    """Refuse what ``json.dumps`` would take and change in silence: keys that are no strings, odd types."""
    if depth > _DEEPEST:
        raise ValueError(f"{path} is nested deeper than {_DEEPEST} levels")
    if isinstance(data, float) and not isfinite(data):
        raise ValueError(f"{path} is {data}, which JSON has no number for")
    if isinstance(data, Mapping):
        for key, item in data.items():
            if not isinstance(key, str):
                raise TypeError(f"{path} has a key of type {type(key).__name__}; annotate the function's return type")
            _check(item, f"{path}[{key!r}]", depth + 1)
    elif isinstance(data, list | tuple):
        for index, item in enumerate(data):
            _check(item, f"{path}[{index}]", depth + 1)
    elif not isinstance(data, str | int | float | bool | None):
        kind = type(data).__name__
        raise TypeError(f"{path} is of type {kind}, which JSON does not know; annotate the function's return type")
