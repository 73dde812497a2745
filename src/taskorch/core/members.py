"""The members of documents: how they are declared, and what is asked of values that are given in Python."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, ClassVar, Protocol

import attrs

from taskorch.core.json_text import join
from taskorch.core.kinds import Kind, kind_of
from taskorch.errors import InvalidDocument, Problem

Check = Callable[[Any], Iterable[Problem]]


class _Owner(Protocol):
    """A document, as far as its members know it."""

    key_of: ClassVar[Callable[[str], str]]
    invalid: ClassVar[type[InvalidDocument]]


def member(
    default: Any = attrs.NOTHING,  # Any: attrs.field takes and gives any type here, and checks by annotation
    *,
    key: str | None = None,
    check: Check | None = None,
    read: Callable[[Any], Any] | None = None,
    write: Callable[[Any], Any] | None = None,
    factory: Callable[[], Any] | None = None,
    kw_only: bool = True,
    converter: Callable[[Any], Any] | None = None,
    sparse: bool = False,
) -> Any:
    """Declare a member of a document; values given in Python must be of the kind that its annotation says.

    Args:
        default: Its value where it is absent; without one the member is required.
        key: Its key, where the naming rule of the class does not give it.
        check: Tells what is wrong with a value, with paths relative to it; asked on reading and for values
            given in Python alike.
        read: Takes the JSON value instead of the hook of the annotation.
        write: Gives the JSON value instead of the hook of the annotation.
        factory: Makes the default.
        kw_only: Whether it must be named in Python.
        converter: Applied to values given in Python.
        sparse: Whether it is left out while it has its default, in documents that are otherwise complete.
    """
    return attrs.field(
        **({"factory": factory} if factory else {"default": default}),
        kw_only=kw_only,
        converter=_placed(converter, default) if converter else None,
        validator=_validator(check, default),
        metadata={"key": key, "check": check, "read": read, "write": write, "sparse": sparse},
    )


def _key_of(instance: _Owner, attribute: "attrs.Attribute[Any]") -> str:
    key: str = attribute.metadata.get("key") or type(instance).key_of(attribute.name)
    return key


def _validator(check: Check | None, default: object) -> Callable[[_Owner, "attrs.Attribute[Any]", Any], None]:
    """What holds a value given in Python to its kind, and to *check*; a default is asked nothing."""
    kind: Kind | None = None

    def validate(instance: _Owner, attribute: "attrs.Attribute[Any]", value: Any) -> None:
        nonlocal kind
        if value is default:
            return
        if kind is None:  # annotations are not known before the class is made
            kind = kind_of(attribute.type)
        problems = kind.problems(value)
        if not problems and check is not None:
            problems = list(check(value))
        if problems:
            key = _key_of(instance, attribute)
            raise type(instance).invalid(p._replace(path=join(key, p.path)) for p in problems)

    return validate


def _placed(convert: Callable[[Any], Any], default: object) -> Any:  # Any: as in ``member``
    """The converter that tells at which member *convert* found something wrong; a default stays."""

    @wraps(convert)
    def converter(value: Any, instance: Any, attribute: "attrs.Attribute[Any]") -> Any:
        if value is default:
            return value
        try:
            return convert(value)
        except InvalidDocument as error:
            key = _key_of(instance, attribute)
            raise type(instance).invalid(p._replace(path=join(key, p.path)) for p in error.problems) from None

    return attrs.Converter(converter, takes_self=True, takes_field=True)


def python_only(
    default: Any = None, *, eq: bool = False, converter: Callable[[Any], Any] | None = None
) -> Any:  # Any: as in ``member``
    """Declare an attribute that is no member; it is held to its kind all the same."""
    return attrs.field(default=default, kw_only=True, eq=eq, converter=converter, validator=_validator(None, default))
