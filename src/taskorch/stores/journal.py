"""How the facts of one unit are written down: a JSON array with one array per fact."""

import json
from collections.abc import Iterable
from typing import Any

from taskorch.core.frontier.facts import Fact
from taskorch.core.unit import Unit
from taskorch.errors import StoreError

# ASCII only: the message of an error may hold lone surrogates (a file name that is not UTF-8), and a fact
# must not be lost because of them. NaN and infinity are no JSON, so they are refused rather than written.
_SIZE = 5
_SIZES = frozenset({_SIZE})
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


def written(store: str, unit: Unit) -> str | None:
    """The facts of *unit* as JSON text, or None if it has none.

    Args:
        store: The name of the store, for the error.
        unit: The unit.

    Raises:
        StoreError: A detail is not a JSON value.
    """
    if not unit.facts:
        return None
    try:
        return _ENCODER.encode(unit.facts)
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(
            store,
            f"a fact of run {unit.run!r} cannot be written as JSON ({error}); nothing of the batch was kept",
        ) from error


def facts(text: str) -> tuple[Fact, ...]:
    """The facts in *text*, as ``written`` made it; details are JSON values."""
    # Any: a detail may be every JSON value, see taskorch.core.frontier.facts.
    rows: list[list[Any]] = json.loads(text)
    if not _SIZES.issuperset(map(len, rows)):
        raise ValueError(f"a fact has {_SIZE} parts")
    made: Iterable[Any] = map(tuple, rows)  # Any: of the size of a fact
    return tuple(made)


def position(store: str, cursor: str) -> int:
    """The place that *cursor* tells, as a page of events gave it; 0 for the beginning.

    Args:
        store: The name of the store, for the error.
        cursor: The cursor.

    Raises:
        StoreError: It is none.
    """
    if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 20):
        raise StoreError(store, f"{cursor[:40]!r} is no cursor of its events; pass the one of the last page")
    return int(cursor or 0)
