"""JSON text within limits: what is read from outside is small, shallow, unambiguous and plain, or refused.

The limits come from reliability threat T8: size, depth, keys, digits, duplicate keys, NaN, lone surrogates, NUL.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from typing import NoReturn

import attrs

from taskorch.errors import InvalidDocument, Problem

_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_BRACKETS = re.compile(_STRING + r"|[\[\]{}]", re.DOTALL)
_TOKENS = re.compile(rf"({_STRING})|([\[\]{{}}:,])|[^\s\[\]{{}}:,\"]+", re.DOTALL)
_MOST_BITS = 14_000  # about 4,200 digits: Python reads and writes no longer ones
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")


@attrs.frozen(kw_only=True)
class Limits:
    """How large a document may be.

    Attributes:
        bytes: Of the text, encoded.
        depth: Of nested objects and arrays.
        keys: In one object, and items in one array.
    """

    bytes: int = 64 * 2**20
    depth: int = 100
    keys: int = 1_000_000


LIMITS = Limits()


def child(path: str, key: str | int) -> str:
    """The path of a member: ``a.b``, ``a[2]``, ``a["b.c"]``."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if not _PLAIN_KEY.fullmatch(key):
        return f"{path}[{json.dumps(key)}]"
    return f"{path}.{key}" if path else key


def join(path: str, rest: str) -> str:
    """The path *rest* as seen from where *path* leads."""
    return path + rest if not path or not rest or rest.startswith("[") else f"{path}.{rest}"


def read(text: str | bytes, limits: Limits = LIMITS) -> object:
    """The value of a JSON text.

    Raises:
        InvalidDocument: The text is no JSON, ambiguous, or beyond the limits.
    """
    given: object = text
    if not isinstance(given, str | bytes | bytearray):
        hint = "give its text; data that was read already is for from_dict"
        raise InvalidDocument([Problem("", f"expected JSON as a text or bytes, got {described(given)}", hint)])
    decoded = _decode(text, limits)
    if not decoded.strip():
        raise InvalidDocument([Problem("", "is empty", "a JSON object is expected")])
    _check_depth(decoded, limits)
    try:
        value = json.loads(decoded, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as error:
        problem = Problem("", f"is not JSON: {error.msg}, column {error.colno}", line=error.lineno)
        raise InvalidDocument([problem]) from None
    except _DuplicateKey as error:
        raise InvalidDocument([_duplicate(decoded, error.key)]) from None
    except ValueError as error:
        raise InvalidDocument([Problem("", f"is not JSON that can be read: {error}")]) from None
    if problems := check(value, limits):
        raise InvalidDocument(located(problems, decoded))
    return value


def check(value: object, limits: Limits = LIMITS) -> list[Problem]:
    """What keeps *value* from being plain, bounded JSON data."""
    found: list[Problem] = []
    waiting: list[tuple[str, object, int]] = [("", value, 1)]
    while waiting:
        path, item, depth = waiting.pop()
        if isinstance(item, Mapping | list | tuple):
            if depth > limits.depth:
                found.append(Problem(path, f"is nested deeper than {limits.depth} levels"))
            elif len(item) > limits.keys:
                found.append(Problem(path, f"has more than {limits.keys:,} members"))
            elif isinstance(item, Mapping):
                for key in item:
                    found.extend(_check_text(path, key) if isinstance(key, str) else [_bad_key(path, key)])
                waiting.extend((child(path, str(key)), member, depth + 1) for key, member in item.items())
            else:
                waiting.extend((child(path, index), member, depth + 1) for index, member in enumerate(item))
        elif isinstance(item, str):
            found.extend(_check_text(path, item))
        elif type(item) is int and item.bit_length() > _MOST_BITS:
            found.append(Problem(path, "is a number of thousands of digits"))
        elif isinstance(item, float) and not isfinite(item):
            found.append(Problem(path, f"is {item}, which JSON has no number for"))
        elif not isinstance(item, bool | int | float | None):
            found.append(Problem(path, f"is of type {type(item).__name__}, which JSON does not know"))
    return found


def copied(value: object) -> object:
    """The same JSON data in objects and arrays of its own, so that nobody else can change it."""
    if type(value) is str:  # most are
        return value
    if isinstance(value, Mapping):
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [copied(item) for item in value]
    return tuple(map(copied, value)) if isinstance(value, tuple) else value


def located(problems: Iterable[Problem], text: str) -> list[Problem]:
    """The problems with the line each is on, found by its path or the nearest one above it."""
    lines: dict[str, int] = {}
    line, seen = 1, 0
    for path, offset in positions(text):
        line, seen = line + text.count("\n", seen, offset), offset
        lines.setdefault(path, line)
    placed = []
    for problem in problems:
        path = problem.path
        while path and path not in lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        placed.append(problem._replace(line=problem.line or lines.get(path) or None))
    return placed


def positions(text: str) -> Iterator[tuple[str, int]]:
    """The path and offset of every member of a JSON text, in its order; keys stand for their values."""
    stack: list[tuple[str, int]] = []  # the path of each open container, and the next index (-1 in objects)
    path, expects_key = "", False
    for token in _TOKENS.finditer(text):
        string, mark = token.group(1), token.group(2)
        if mark in ("{", "["):
            if stack and stack[-1][1] >= 0:
                yield path, token.start()
            stack.append((path, -1 if mark == "{" else 0))
            expects_key = mark == "{"
            path = path if expects_key else child(path, 0)
        elif mark in ("}", "]"):
            path, expects_key = stack.pop()[0] if stack else "", False
        elif mark == ",":
            if stack:
                parent, index = stack[-1]
                if index >= 0:
                    stack[-1] = (parent, index + 1)
                    path = child(parent, index + 1)
                expects_key = index < 0
        elif string and expects_key and stack:
            path, expects_key = child(stack[-1][0], json.loads(string, strict=False)), False
            yield path, token.start()
        elif mark is None and stack and stack[-1][1] >= 0:
            yield path, token.start()


_SHOWN_BITS, _HUGE = 1000, "a huge number"


def shown(value: object, most: int = 40) -> str:
    """*value* as a message quotes it: its first characters, and no digits of a number that has very many."""
    if isinstance(value, int) and value.bit_length() > _SHOWN_BITS:
        return _HUGE
    text = str(value)
    return text if len(text) <= most else f"{text[:most]}…"


def described(value: object) -> str:
    """What a JSON value is, in words, for messages: never a long or secret text."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return shown(value) if shown(value) is _HUGE else f"the number {shown(value)}"
        case str():
            return "a string"
        case list() | tuple():
            return "an array"
        case Mapping():
            return "an object"
    return type(value).__name__


class _DuplicateKey(Exception):
    def __init__(self, key: str) -> None:
        self.key = key


def _decode(text: str | bytes, limits: Limits) -> str:
    size = len(text)
    if isinstance(text, str) and not text.isascii() and size * 4 > limits.bytes:
        size = len(text.encode("utf-8", "surrogatepass"))
    if size > limits.bytes:
        raise InvalidDocument([Problem("", f"is larger than {limits.bytes:,} bytes")])
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise InvalidDocument([Problem("", "is not UTF-8 text", "save it as UTF-8", line)]) from None


def _check_depth(text: str, limits: Limits) -> None:
    depth = 0
    for match in _BRACKETS.finditer(text):
        mark = match.group()
        if mark in "[{":
            depth += 1
            if depth > limits.depth:
                line = text.count("\n", 0, match.start()) + 1
                raise InvalidDocument([Problem("", f"is nested deeper than {limits.depth} levels", "", line)])
        elif mark in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        raise _DuplicateKey(next(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]  # set.add as a step of the search
    return members


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _duplicate(text: str, key: str) -> Problem:
    seen: set[str] = set()
    for path, offset in positions(text):
        if path in seen:
            return Problem(path, "stands twice", "keep one of them", text.count("\n", 0, offset) + 1)
        seen.add(path)
    return Problem("", f"has the key {key!r} twice in one object", "keep one of them")


def _bad_key(path: str, key: object) -> Problem:
    return Problem(path, f"has a key of type {type(key).__name__}", "keys are strings")


def _check_text(path: str, text: str) -> list[Problem]:
    if "\0" in text:
        return [Problem(path, "holds the character NUL")]
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return [Problem(path, "holds half of a surrogate pair, which is no character")]
    return []
