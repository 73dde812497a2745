"""The texts of a task: what is said must come back from its document as it went in (``core/json_text.py``)."""

from collections.abc import Iterable
from typing import NoReturn

from taskorch.core import json_text
from taskorch.core.json_text import described
from taskorch.errors import InvalidTask, Problem


def are_plain(texts: Iterable[object]) -> bool:
    """Whether all of *texts* are strings without NUL and without halves of characters; quick where they are."""
    try:
        joined = "".join(texts)  # type: ignore[arg-type]  # what is no string is what it raises for
    except TypeError:
        return False
    if "\0" in joined:
        return False
    if joined.isascii():
        return True
    try:
        joined.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_text(text: object) -> Iterable[Problem]:
    """What keeps *text* from being a text of a task."""
    if are_plain((text,)):
        return ()
    if not isinstance(text, str):
        return (Problem("", f"expected a string, got {described(text)}"),)
    return json_text.check(text)


def check_optional_text(text: object) -> Iterable[Problem]:
    """The same for one that may be None."""
    return () if text is None else check_text(text)


def check_texts(texts: object) -> Iterable[Problem]:
    """What keeps *texts* from being an array of texts."""
    if not isinstance(texts, tuple | list):
        return (Problem("", f"expected an array, got {described(texts)}", "a tuple of strings"),)
    if are_plain(texts):
        return ()
    return [p._replace(path=f"[{index}]") for index, text in enumerate(texts) for p in check_text(text)]


def refuse(by: object, reason: object) -> NoReturn:
    """Raise ``InvalidTask`` for who changes a task, and why, one of which is not plain; a reason may be None."""
    found = {"by": check_text(by), "reason": check_optional_text(reason)}
    raise InvalidTask(problem._replace(path=name) for name, problems in found.items() for problem in problems)
