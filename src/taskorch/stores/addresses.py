"""What is given to say where a store is: which kind of store it names, and what can be no name at all.

A text that is taken for the name of a file by mistake may hold a password. So what is refused is never quoted, but
for the scheme that it begins with.
"""

import os
import re
from pathlib import Path
from typing import Literal, NamedTuple

from taskorch.core.json_text import described
from taskorch.errors import InvalidParameters, StoreUnreadable

_LONGEST_PATH = 32_767  # on Windows; elsewhere it is shorter
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):", re.IGNORECASE)  # of two letters or more: one is a drive of Windows
_SECRET = re.compile(r"password\s*=", re.IGNORECASE)
_KNOWN = "memory:, a path, sqlite:///path, or postgresql://host/database"
_BLANK = 'names no store; use "memory:", a path, or sqlite:///path'
_HINTS = {
    "memory": 'is no address; did you mean "memory:"? Use ./memory:… for a file of that name',
    "sqlite": "is no address; use sqlite:///path for a relative path, sqlite:////path for an absolute one",
    "postgresql": "is no address; use postgresql://user@host/database",
    "postgres": "is no address; use postgresql://user@host/database",
    "file": "is not known; use the plain path, or sqlite:///path",
}


class Address(NamedTuple):
    """Where a store is.

    Attributes:
        kind: Which kind of store it is.
        place: The path of its file, or its URL; shown to nobody, as a URL may hold a password.
    """

    kind: Literal["memory", "sqlite", "postgresql"]
    place: str


def read(given: object) -> Address:
    """The address that *given* is, a text or a path.

    Raises:
        InvalidParameters: It is no text and no path.
        StoreUnreadable: It names no store.
    """
    text = _text(given)
    scheme, _, rest = text.partition(":")
    match scheme.lower():
        case "memory" if text.lower() == "memory:":
            return Address("memory", text)
        case "sqlite" if rest.startswith("///") and len(rest) > len("///"):
            return Address("sqlite", file_name(rest.removeprefix("///")))
        case "postgresql" | "postgres" if rest.startswith("//"):
            return Address("postgresql", f"{scheme.lower()}:{rest}")
    return Address("sqlite", file_name(text))


def file_name(given: object) -> str:
    """The name of a file that *given* is, a text or a path.

    Raises:
        InvalidParameters: It is no text and no path.
        StoreUnreadable: No file is called so, or something else may be meant by it.
    """
    text = _text(given)
    if not text.strip():
        raise StoreUnreadable(repr(text[:40]), _BLANK)
    if text.lower() in ("memory", ":memory:"):
        raise StoreUnreadable(repr(text), 'names no file; use "memory:" (a MemoryStore), or ./memory for a file')
    if scheme := _SCHEME.match(text):
        word = scheme[1][:40]
        otherwise = f"this kind of store is not known; use {_KNOWN}; or ./{word}:… for a file of that name"
        raise StoreUnreadable(f"{word}:…", _HINTS.get(word.lower(), otherwise))
    if _SECRET.search(text):
        raise StoreUnreadable("…", "holds a password, so it is no path; use postgresql://user:password@host/database")
    if not _may_be_a_name(text):
        raise StoreUnreadable(ascii(text[:40]), "no file can have such a name; use another path")
    if not Path(text).name:
        raise StoreUnreadable(text, "is a folder; use the path of a file")
    return text


def absolute(name: str) -> Path:
    """The path *name* from the root, links not followed.

    Raises:
        StoreUnreadable: The working directory is gone.
    """
    try:
        return Path(name).absolute()
    except OSError as error:
        raise StoreUnreadable(name, f"cannot be found from here ({error.strerror}); use an absolute path") from None


def resolved(name: str, path: Path) -> Path:
    """Where *path* leads by whatever links: one file has one lock and one folder for work.

    Args:
        name: The store's name, for messages.
        path: The path, absolute.

    Raises:
        StoreUnreadable: It leads nowhere, or to the root.
        OSError: It cannot be followed.
    """
    try:
        place = path.resolve()
    except RuntimeError:  # what Python says up to 3.12; later ones leave it to whoever opens the file
        raise StoreUnreadable(name, "cannot be opened (its links lead in a circle); mend them") from None
    if not place.name:
        raise StoreUnreadable(name, "is a folder; use the path of a file")
    return place


def _text(given: object) -> str:
    path = os.fspath(given) if isinstance(given, str | os.PathLike) else given
    if not isinstance(path, str):
        raise InvalidParameters([f"expected a path, got {described(path)}; give a text or a Path"])
    return path


def _may_be_a_name(path: str) -> bool:
    try:
        return b"\0" not in os.fsencode(path) and len(path) <= _LONGEST_PATH
    except ValueError:
        return False
