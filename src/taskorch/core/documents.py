"""Strict documents: attrs classes that read and write themselves as JSON objects, exactly.

A class of documents derives from ``Document``; its members are declared with ``member``. Reading refuses
whatever is unknown, missing or of the wrong type, and tells *all* problems at once, each with its path and,
where one is near, a suggestion. Keys ``x`` and ``x-*`` are kept untouched. Writing gives back the keys that
were read, in their order. cattrs does the walking; its lenient coercions are replaced by strict hooks.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from itertools import compress
from operator import attrgetter, is_not
from typing import Any, ClassVar, Self, TypeVar, get_args, get_origin

import attrs
from cattrs import (
    AttributeValidationNote,
    BaseValidationError,
    ClassValidationError,
    Converter,
    ForbiddenExtraKeysError,
)
from cattrs.gen import make_dict_structure_fn, override

from taskorch.core import copies, json_text
from taskorch.core.json_text import child, copied, described, join, shown
from taskorch.core.members import python_only
from taskorch.core.suggestions import few_suggestions, suggestion
from taskorch.core.times import read_milliseconds, read_time, write_milliseconds, write_time
from taskorch.errors import InvalidDocument, Problem

T = TypeVar("T")
D = TypeVar("D", bound="Document")
JSON = object
"""Plain JSON data, kept as it is."""
Number = int | float
"""A JSON number; whole ones stay ints."""
EMPTY: Mapping[str, JSON] = copies.EMPTY


FAULTS = (BaseValidationError, InvalidDocument, TypeError, ValueError)
"""What hooks, validators and converters raise about a value."""


def is_number(value: object) -> bool:
    """Whether *value* is a number that can be reckoned with: finite, at most 1e15 either way, and no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -1e15 <= value <= 1e15


def snake(name: str) -> str:
    """The key of an attribute in D0's documents: its own name."""
    return name


def camel(name: str) -> str:
    """The key of an attribute in D4's documents: ``retry_delay`` is ``retryDelay``."""
    head, *rest = name.split("_")
    return head + "".join(word.title() for word in rest)


@attrs.frozen(kw_only=True)
class Document:
    """The base of every class of documents.

    Attributes:
        extensions: The members ``x`` and ``x-*``, untouched.
        written: The keys as they stood in the document this was read from; empty if it was made in Python.
    """

    extensions: Mapping[str, JSON] = python_only(EMPTY, eq=True)
    written: tuple[str, ...] = attrs.field(default=(), eq=False, repr=False)

    key_of: ClassVar[Callable[[str], str]] = staticmethod(snake)
    complete: ClassVar[bool] = False
    """Whether members that were not given are written too."""
    invalid: ClassVar[type[InvalidDocument]] = InvalidDocument

    @property
    def python_notes(self) -> Mapping[str, JSON]:
        """What a document tells of members that live in Python only, beside its ``extensions``."""
        return EMPTY

    @classmethod
    def members(cls) -> dict[str, "attrs.Attribute[Any]"]:  # Any: a member may have any type
        """The members by key."""
        found = _members.get(cls)
        if found is None:
            own = (a for a in attrs.fields(cls) if "check" in a.metadata)
            found = _members[cls] = {a.metadata["key"] or cls.key_of(a.name): a for a in own}
        return found

    @classmethod
    def from_dict(cls, data: JSON) -> Self:
        """The value of a document, as plain data; raises an ``InvalidDocument`` of its own with every problem."""
        if problems := json_text.check(data):
            raise cls.invalid(problems)
        with few_suggestions():
            return cls.structured(data)

    @classmethod
    def structured(cls, data: JSON, path: str = "") -> Self:
        """The value of plain data within the limits, which lies at *path*; raises like ``from_dict``."""
        try:
            return structure(data, cls)
        except InvalidDocument as error:
            raise cls.invalid(problems_of(error, path)) from None

    def to_dict(self) -> dict[str, JSON]:
        """The document, as plain data."""
        written: dict[str, JSON] = unstructure(self)
        return written


_members: dict[type, dict[str, "attrs.Attribute[Any]"]] = {}  # of each class that was asked; never changed


def read_as(cls: type[D]) -> Callable[[Any], Any]:
    """The converter of a member that is a document: what Python's callers give as an object is read as one."""

    def convert(value: object) -> object:
        return cls.from_dict(value) if isinstance(value, Mapping) else value

    convert.__annotations__ = {"value": cls | Mapping[str, JSON] | None, "return": cls | None}
    return convert


def structure(data: JSON, cls: type[T]) -> T:
    """The document of class *cls* that *data* describes.

    Raises:
        InvalidDocument: With every problem; paths begin at *data*.
    """
    try:
        return _converter.structure(data, cls)
    except FAULTS as error:
        raise InvalidDocument(problems_of(error)) from None


def unstructure(value: object) -> Any:  # Any: the JSON form of whatever it is
    """The JSON form of a document or of one of its members."""
    return _converter.unstructure(value)


def read_text(text: str | bytes, read: Callable[[JSON], T]) -> T:
    """What *read* makes of a JSON text, with the line of each problem.

    Raises:
        InvalidDocument: As *read* raises it, or because the text is no JSON within the limits.
    """
    data = json_text.read(text)
    try:
        return read(data)
    except InvalidDocument as error:
        decoded = text if isinstance(text, str) else text.decode("utf-8-sig")
        error.problems = tuple(json_text.located(error.problems, decoded))
        raise


def problems_of(error: BaseException, path: str = "") -> Iterator[Problem]:
    """Every problem told by an error of reading, with its path seen from *path*."""
    if isinstance(error, InvalidDocument):
        for problem in error.problems:
            yield problem._replace(path=join(path, problem.path))
    elif isinstance(error, ClassValidationError):
        keys = {attribute.name: key for key, attribute in _class_of(error).members().items()}
        for inner in error.exceptions:
            notes = [n for n in getattr(inner, "__notes__", ()) if isinstance(n, AttributeValidationNote)]
            yield from problems_of(inner, child(path, keys[notes[0].name]) if notes else path)
    elif isinstance(error, ForbiddenExtraKeysError):
        for key in sorted(error.extra_fields):  # a set
            yield Problem(child(path, key), "is not a known key", suggestion(key, _class_of(error).members()))
    elif isinstance(error, KeyError):
        yield Problem(path, "is missing")
    else:
        yield Problem(path, str(error) or type(error).__name__)


def _class_of(error: ClassValidationError | ForbiddenExtraKeysError) -> type[Document]:
    cls = error.cl
    assert issubclass(cls, Document)  # noqa: S101 - only documents are read; said for the type checker
    return cls


def collect(items: Iterable[tuple[str | int, JSON]], read: Callable[[JSON], T]) -> list[T]:
    """What *read* makes of each item, or one error with the problems of all, each under the item's key."""
    values: list[T] = []
    problems: list[Problem] = []
    for key, item in items:
        try:
            values.append(read(item))
        except FAULTS as error:
            problems.extend(problems_of(error, child("", key)))
    if problems:
        raise InvalidDocument(problems)
    return values


# --- strict hooks ----------------------------------------------------------------------------------------


def _strict(kinds: tuple[type, ...], words: str) -> Callable[[JSON, Any], Any]:
    def hook(value: JSON, cls: Any) -> Any:
        if (isinstance(value, bool) and bool not in kinds) or not isinstance(value, kinds):
            raise InvalidDocument.because(f"expected {words}, got {described(value)}")
        return cls(value) if isinstance(cls, type) and issubclass(cls, Enum) else value

    return hook


def _structure_enum(value: JSON, cls: type[StrEnum]) -> StrEnum:
    known = [item.value for item in cls]
    if not isinstance(value, str) or value not in known:
        got = repr(shown(value)) if isinstance(value, str) else described(value)
        raise InvalidDocument.because(f"{got} is not known here", suggestion(str(value), known))
    return cls(value)


def _structure_array(value: JSON, cls: Any) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise InvalidDocument.because(f"expected an array, got {described(value)}")
    element = get_args(cls)[0]
    make: type[list[Any] | tuple[Any, ...]] = get_origin(cls)
    return make(collect(enumerate(value), lambda item: _converter.structure(item, element)))


def _structure_mapping(value: JSON, cls: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidDocument.because(f"expected an object, got {described(value)}")
    element = get_args(cls)[1]
    if element is object:
        return {key: copied(item) for key, item in value.items()}
    read = collect(value.items(), lambda item: _converter.structure(item, element))
    return dict(zip(value, read, strict=True))


def is_extension(key: object) -> bool:
    """Whether *key* is one of those that are kept untouched: ``x`` or ``x-*``."""
    return key == "x" or (isinstance(key, str) and key.startswith("x-"))


def _member_hook(attribute: "attrs.Attribute[Any]") -> Callable[[JSON, Any], Any]:
    read, check = attribute.metadata["read"], attribute.metadata["check"]
    type_: Any = attribute.type  # Any: a class, or a special form that cattrs knows

    def hook(value: JSON, _: Any) -> Any:
        result = read(value) if read else _converter.structure(value, type_)
        if check is not None and (problems := list(check(result))):
            raise InvalidDocument(problems)
        return result

    return hook


def _document_reader(cls: type[Document]) -> Callable[[JSON, Any], Document]:
    members = cls.members()
    overrides: dict[str, Any] = {a.name: override(omit=True) for a in attrs.fields(cls)}  # Any: keywords of cattrs
    for key, attribute in members.items():
        overrides[attribute.name] = override(rename=key, struct_hook=_member_hook(attribute))
    for name in ("extensions", "written"):
        overrides[name] = override(rename=f"\0{name}", struct_hook=lambda value, _: value)
    inner = make_dict_structure_fn(
        cls, _converter, _cattrs_forbid_extra_keys=True, _cattrs_detailed_validation=True, **overrides
    )

    def read(data: JSON, _: Any) -> Document:
        if not isinstance(data, Mapping):
            raise InvalidDocument.because(f"expected an object, got {described(data)}")
        known = {k: v for k, v in data.items() if k in members or not is_extension(k)}
        known["\0extensions"] = {k: copied(v) for k, v in data.items() if k not in known} or EMPTY
        known["\0written"] = tuple(data)
        return inner(known, cls)

    return read


def _document_writer(cls: type[Document]) -> Callable[[Document], dict[str, Any]]:
    members = {key: _Written(attribute, cls.complete) for key, attribute in cls.members().items()}
    # Most members of most documents are what they are by default: those are sorted out without a loop of ours.
    entries, defaults, numbers = [*members.items()], [m.default for m in members.values()], range(len(members))
    values_of = attrgetter(*(member.name for member in members.values()), "written")  # with two it gives a tuple

    def write(document: Document) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key in document.written:
            if key in members:
                value = getattr(document, members[key].name)
                if not members[key].is_sparse or not members[key].is_left_out(value):
                    data[key] = members[key].form(value)
            elif key in document.extensions:
                data[key] = copied(document.extensions[key])
        values = values_of(document)
        for number in compress(numbers, map(is_not, values, defaults)):
            (key, member), value = entries[number], values[number]
            if key not in data and not member.is_left_out(value):
                data[key] = member.form(value)
        notes, extensions = document.python_notes, document.extensions
        rest = {**notes, **extensions} if notes and extensions else notes or extensions
        if rest:
            data |= {key: copied(value) for key, value in rest.items() if key not in data}
        return data

    return write


class _Written:
    """How one member is written, and when it is left out."""

    def __init__(self, attribute: "attrs.Attribute[Any]", complete: bool) -> None:
        default: Any = attribute.default  # Any: attrs.Factory is a class that attrs types as a function
        self.name = attribute.name
        self._write = attribute.metadata["write"]
        self._default = default.factory() if hasattr(default, "factory") else default
        self.is_sparse = bool(attribute.metadata["sparse"])
        self._always = complete and not self.is_sparse
        self.default: object = self if self._always else self._default  # it is left out if it is this very object

    def is_left_out(self, value: object) -> bool:
        return not self._always and (value is self._default or value == self._default)

    def form(self, value: object) -> Any:  # Any: the JSON form of whatever it is
        if value is None or value is True or value is False or type(value) in (str, int, float):
            return value
        return self._write(value) if self._write else _converter.unstructure(value)


def register_strict(converter: Converter) -> None:
    """Have *converter* take texts, numbers and truth values as they are, or refuse them; it coerces by default."""
    for kind, kinds, words in (
        (str, (str,), "a string"),
        (int, (int,), "a whole number"),
        (float, (int, float), "a number"),
        (bool, (bool,), "true or false"),
    ):
        converter.register_structure_hook(kind, _strict(kinds, words))


def _make_converter() -> Converter:
    converter = Converter(detailed_validation=True)
    register_strict(converter)
    numbers = (int, float)
    converter.register_structure_hook_func(lambda t: t == Number, _strict(numbers, "a number"))
    converter.register_structure_hook_func(
        lambda t: t == (Number | None), _strict((*numbers, type(None)), "a number or null")
    )
    converter.register_structure_hook_func(lambda t: t is object, lambda value, _: copied(value))
    converter.register_structure_hook(datetime, lambda value, _: read_time(value))
    converter.register_structure_hook(timedelta, lambda value, _: read_milliseconds(value))
    converter.register_unstructure_hook(datetime, write_time)
    converter.register_unstructure_hook(timedelta, write_milliseconds)
    converter.register_structure_hook(StrEnum, _structure_enum)
    arrays: tuple[Any, ...] = (tuple, list)  # Any: get_origin is typed too narrowly to compare
    objects: Any = Mapping
    converter.register_structure_hook_func(lambda t: get_origin(t) in arrays, _structure_array)
    converter.register_structure_hook_func(lambda t: get_origin(t) is objects, _structure_mapping)
    converter.register_unstructure_hook(tuple, lambda value: [converter.unstructure(item) for item in value])
    return converter


def _is_document(cls: Any) -> bool:
    return isinstance(cls, type) and issubclass(cls, Document)


_converter = _make_converter()
_converter.register_structure_hook_factory(_is_document, _document_reader)
_converter.register_unstructure_hook_factory(_is_document, _document_writer)
