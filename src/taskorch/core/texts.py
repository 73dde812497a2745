"""The texts of a task: what is said must come back from its document as it went in (``core/json_text.py``)."""

from collections.abc import Iterable, Mapping

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


def require_plain(texts: Mapping[str, object]) -> None:
    """Raise ``InvalidTask`` with every problem of *texts*, which are given by what they are called."""
    if not are_plain(texts.values()):
        raise InvalidTask(p._replace(path=name) for name, text in texts.items() for p in check_text(text))
