"""How a row of the table of records is read: the standing of the record, and its body."""

import json
from typing import Any

from taskorch.core.unit import WaitingEntry
from taskorch.stores.standing import Standing

# Any: a row is what the driver makes of it, in the order of COLUMNS.
Row = tuple[Any, ...]

COLUMNS = "id, version, epoch, owner, process, until, number, losses, finished_at, queue, rank, due, tags, wakes"
"""What a standing is made of."""
NOW = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
"""The time of the server, in microseconds since 1970."""
NOW_ONCE = f"(SELECT {NOW})"
"""The same, read once in a statement: an index can be searched by it."""


def standing_of(row: Row) -> Standing:
    """How the record of a row stands; its messages are not known here."""
    id, version, epoch, owner, process, until, number, losses, finished_at, queue, rank, due, tags, wakes = row[:14]
    return Standing(
        id=id,
        version=version,
        epoch=epoch,
        owner=owner,
        process=process,
        until=until,
        number=number,
        losses=losses,
        finished_at=finished_at,
        entry=None
        if queue is None
        else WaitingEntry(id=id, queue=queue, rank=rank, due=due, tags=tags_of(tags), wakes=wakes),
    )


def tags_of(text: str) -> tuple[str, ...]:
    """The tags in *text*."""
    return () if text == "[]" else tuple(json.loads(text))


def text_of(tags: tuple[str, ...]) -> str:
    """The text of *tags*."""
    return json.dumps(tags, separators=(",", ":")) if tags else "[]"
