"""Columns of values as array literals: a whole batch in one parameter each, at a fraction of the driver's own cost."""

from collections.abc import Iterable


def texts(values: Iterable[str | None]) -> str:
    """The literal of a ``text[]``."""
    return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in values]) + "}"


def numbers(values: Iterable[int | None]) -> str:
    """The literal of an array of whole numbers."""
    return "{" + ",".join(["NULL" if value is None else str(int(value)) for value in values]) + "}"


def flags(values: Iterable[bool | None]) -> str:
    """The literal of a ``boolean[]``."""
    return "{" + ",".join(["NULL" if value is None else "t" if value else "f" for value in values]) + "}"


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
