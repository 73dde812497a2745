"""What a run is given by its caller: what cannot be is told before anything is opened."""

import os
from collections.abc import Iterable, Iterator, Mapping
from inspect import Signature
from typing import Any

from taskorch.core.json_text import described, shown
from taskorch.errors import InvalidParameters
from taskorch.protocols import Observer

_LONGEST_PATH = 32_767  # on Windows; elsewhere it is shorter
_STORE = ("apply", "lease", "renew", "read", "journal", "messages", "aclose")
_PARTS = {
    "store": (_STORE, "an open store, or the path of one"),
    "dispatcher": (("dispatch",), "a dispatcher, such as LocalDispatcher()"),
    "clock": (("now", "wait"), "a clock"),
}
"""What a part must be able to do, and what to give instead of one that cannot."""


def check(*, params: object, context: object, concurrency: object, **parts: object) -> None:
    """Raise ``InvalidParameters`` for what a run cannot be given: all of it at once.

    Args:
        params: Its params; None and a mapping will do.
        context: Its context; likewise.
        concurrency: The most bodies at once.
        parts: Its store, dispatcher and clock, where they are given.
    """
    found = [*_mapping("params", params), *_mapping("context", context)]
    is_number = isinstance(concurrency, int) and not isinstance(concurrency, bool) and concurrency >= 1
    if concurrency is not None and not is_number:
        found.append(f"a concurrency of {shown(concurrency)} is none; give a whole number, 1 or more")
    for name, part in parts.items():
        verbs, expected = _PARTS[name]
        is_path = name == "store" and isinstance(part, str | os.PathLike)
        if part is not None and not is_path and not _can(part, verbs):
            found.append(f"{name}: expected {expected}, got {_named(part)}")
    if found:
        raise InvalidParameters(found)


def observers_of(given: Iterable[Observer]) -> tuple[Observer, ...]:
    """The observers a run is given; ``InvalidParameters`` for what is none."""
    several: object = given
    if isinstance(several, str | bytes | Mapping) or not isinstance(several, Iterable):
        raise InvalidParameters([f"observers: expected a list of functions, got {_named(given)}"])
    found: tuple[Any, ...] = tuple(given)  # Any: it is looked at here first
    if wrong := [one for one in found if not callable(one)]:
        raise InvalidParameters(f"observers: {_named(one)} cannot be called with an event" for one in wrong[:5])
    return found


def path_of(given: object) -> str:
    """The text of a path; ``InvalidParameters`` for what is none."""
    path = os.fspath(given) if isinstance(given, str | os.PathLike) else given
    if not isinstance(path, str):
        raise InvalidParameters([f"expected a path, got {_named(path)}; give a text or a Path"])
    return path


def may_be_a_name(path: str) -> bool:
    """Whether a file could have that name."""
    try:
        return b"\0" not in os.fsencode(path) and len(path) <= _LONGEST_PATH
    except ValueError:
        return False


def fit(name: str, signature: Signature, args: Iterable[object], kwargs: Mapping[str, object]) -> None:
    """Raise the ``TypeError`` of a function called *name* for arguments that it does not take."""
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"{name}() {error}") from None


def _mapping(name: str, given: object) -> Iterator[str]:
    if given is None:
        return
    if not isinstance(given, Mapping):
        yield f"{name}: expected a mapping, got {described(given)}"
        return
    for key in given:
        if not isinstance(key, str):
            yield f"{name}: {described(key)} is no key; keys are strings"
            return


def _can(part: object, verbs: Iterable[str]) -> bool:
    """Whether it is an object, and no class, with those methods."""
    return not isinstance(part, type) and all(callable(getattr(part, verb, None)) for verb in verbs)


def _named(given: object) -> str:
    return f"the class {given.__name__[:40]}" if isinstance(given, type) else described(given)
