"""Columns of values as array literals: a whole batch in one parameter each, at a fraction of the driver's own cost.

A column of nothing but NULLs may be ``{}``: ``unnest`` fills up what is shorter than its neighbours with NULLs.
"""

from collections.abc import Iterable


def texts(values: Iterable[str | None]) -> str:
    """The literal of a ``text[]``."""
    quoted = ["NULL" if value is None else '"' + value + '"' for value in map(_escaped, values)]
    return "{" + ",".join(quoted) + "}"


def numbers(values: Iterable[int | None]) -> str:
    """The literal of an array of whole numbers."""
    return "{" + ",".join(["NULL" if value is None else f"{value:d}" for value in values]) + "}"


def flags(values: Iterable[bool | None]) -> str:
    """The literal of a ``boolean[]``."""
    return "{" + ",".join(["NULL" if value is None else "t" if value else "f" for value in values]) + "}"


def _escaped(value: str | None) -> str | None:
    if value is None or ("\\" not in value and '"' not in value):
        return value
    return value.replace("\\", "\\\\").replace('"', '\\"')
