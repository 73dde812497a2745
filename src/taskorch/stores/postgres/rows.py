"""How a row of the table of records is read: the standing of the record, and its body."""

from typing import Any

from taskorch.core.unit import WaitingEntry
from taskorch.stores.postgres.lines import Lines
from taskorch.stores.standing import Standing

# Any: a row is what the driver makes of it, in the order of COLUMNS.
Row = tuple[Any, ...]

COLUMNS = "id, version, epoch, owner, until, number, losses, finished_at, mail, line, rank, due, wakes"
"""What a standing is made of."""
BODY = 13
"""Where the body is in a row that goes on with it."""
MAIL, LINE, RANK = 8, 9, 10
NOTHING = "NULL::text, " + ", ".join(["NULL"] * 12)
"""A row of nothing instead of ``COLUMNS``."""
NOW = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
"""The time of the server, in microseconds since 1970."""
NOW_ONCE = f"(SELECT {NOW})"
"""The same, read once in a statement: an index can be searched by it."""


def standing_of(row: Row, lines: Lines) -> Standing:
    """How the record of a row stands; its messages are not known here, and its line must be."""
    id, version, epoch, owner, until, number, losses, finished_at, _, line, rank, due, wakes, *_ = row
    entry = None
    if line is not None:
        queue, tags = lines.line(line)
        entry = WaitingEntry(id=id, queue=queue, rank=rank, due=due, tags=tags, wakes=wakes)
    return Standing(
        id=id,
        version=version,
        epoch=epoch,
        owner=owner,
        until=until,
        number=number,
        losses=losses,
        finished_at=finished_at,
        entry=entry,
    )
