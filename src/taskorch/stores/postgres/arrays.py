"""Columns of values as array literals: a whole batch in one parameter each, at a fraction of the driver's own cost.

A column of nothing but NULLs may be ``{}``: ``unnest`` fills up what is shorter than its neighbours with NULLs.
"""

from collections.abc import Iterable


def texts(values: Iterable[str | None]) -> str:
    """The literal of a ``text[]``."""
    found = list(values)
    if not found:
        return "{}"
    if None not in found:
        inner = '","'.join(found)  # type: ignore[arg-type]  # there is no None
        # Ids and the like hold nothing that has to be escaped; the quotes are ours then.
        if "\\" not in inner and inner.count('"') == 2 * len(found) - 2:
            return '{"' + inner + '"}'
    return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in found]) + "}"


def numbers(values: Iterable[int | None]) -> str:
    """The literal of an array of whole numbers."""
    return "{" + ",".join(["NULL" if value is None else f"{value:d}" for value in values]) + "}"


def flags(values: Iterable[bool | None]) -> str:
    """The literal of a ``boolean[]``."""
    return "{" + ",".join(["NULL" if value is None else "t" if value else "f" for value in values]) + "}"


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
