"""How the output of a step is written down: JSON, guided by the body's return annotation.

Without an annotation only what JSON has a form for is storable, so that a resumed run sees just what a fresh
one does. With one, the types cattrs knows are: attrs and dataclasses, enums, dates, sets, tuples, UUIDs, …
What is written is read back at once: an output that could not be read later fails its step now.
"""

import json
from collections.abc import Mapping, MutableMapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta
from functools import lru_cache
from math import isfinite
from pathlib import Path, PurePath
from typing import Any, get_args, get_origin

from cattrs import BaseValidationError, Converter, transform_error
from cattrs.errors import StructureHandlerNotFoundError

from taskorch.core.documents import register_strict
from taskorch.errors import InvalidDocument

UNKNOWN = None
"""Stands for an annotation that is not there."""

_DEEPEST = 200
_EXACT = (str, int, float, bool)


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
            if _is_free(annotation):
                return _written(value)
            text = _written(_converter().unstructure(value, annotation))
            if not (type(value) is annotation and annotation in _EXACT):
                _compare(value, self.decode(text, annotation))
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        except (BaseValidationError, InvalidDocument, AttributeError) as error:
            raise TypeError(f"it does not fit its annotation: {_first(error)}") from None
        return text

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


def _written(data: object) -> str:
    if not isinstance(data, str | int):  # most outputs are small; spare them the walk
        _check(data, "output", 0)
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _compare(value: object, decoded: object) -> None:
    """Refuse a value that would come back as something else."""
    containers = (Sequence, AbstractSet, Mapping)
    alike = type(value) is type(decoded) or any(
        isinstance(value, kind) and isinstance(decoded, kind) and not isinstance(value, str | bytes)
        for kind in containers  # annotated by what it can do, it comes back as the plainest thing that can
    )
    if not alike and value != decoded:
        found = f"a {type(value).__name__} would come back as a {type(decoded).__name__}"
        raise TypeError(f"it does not fit its annotation: {found}")


def _first(error: BaseException) -> str:
    """What an error of reading says, in one line."""
    if isinstance(error, InvalidDocument):
        return error.problems[0].message
    return transform_error(error, path="output")[0] if isinstance(error, BaseValidationError) else str(error)


@lru_cache(maxsize=1)
def _converter() -> Converter:
    from decimal import Decimal  # these are slow to load, and outputs without an annotation do without them
    from uuid import UUID

    from cattrs.preconf.json import make_converter

    converter = make_converter()
    register_strict(converter)
    for kind in (Decimal, UUID):
        converter.register_unstructure_hook(kind, str)
        converter.register_structure_hook(kind, lambda value, cls: cls(value))
    converter.register_unstructure_hook(PurePath, str)
    converter.register_structure_hook(Path, lambda value, cls: cls(value))
    converter.register_unstructure_hook(timedelta, lambda value: value // timedelta(microseconds=1))
    converter.register_structure_hook(timedelta, lambda value, _: timedelta(microseconds=value))
    converter.register_unstructure_hook_factory(_has_other_keys, _mapping_writer)
    converter.register_structure_hook_factory(_has_other_keys, _mapping_reader)
    return converter


def _has_other_keys(annotation: Any) -> bool:  # Any: a class or a special form
    """Whether it is a mapping whose keys are no strings, which JSON has no form for."""
    return get_origin(annotation) in (dict, Mapping, MutableMapping) and get_args(annotation)[0] is not str


def _mapping_writer(annotation: Any, converter: Converter) -> Any:  # Any: as cattrs types its factories
    key_type, item_type = get_args(annotation)

    def write(value: Mapping[Any, Any]) -> dict[str, Any]:
        return {
            _written(converter.unstructure(key, key_type)): converter.unstructure(item, item_type)
            for key, item in value.items()
        }

    return write


def _mapping_reader(annotation: Any, converter: Converter) -> Any:  # Any: as above
    key_type, item_type = get_args(annotation)

    def read(data: Mapping[str, Any], _: Any) -> dict[Any, Any]:
        return {
            converter.structure(json.loads(key), key_type): converter.structure(item, item_type)
            for key, item in data.items()
        }

    return read


def _check(data: object, path: str, depth: int) -> None:
    """Refuse what ``json.dumps`` would take and change in silence: keys that are no strings, odd types."""
    if depth > _DEEPEST:
        raise ValueError(f"{path} is nested deeper than {_DEEPEST} levels")
    if isinstance(data, float) and not isfinite(data):
        raise ValueError(f"{path} is {data}, which JSON has no number for")
    if isinstance(data, dict):
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
