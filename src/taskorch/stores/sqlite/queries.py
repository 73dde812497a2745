"""What the store is asked without anything being changed. Everything here runs in the writer's thread."""

import sqlite3
from collections.abc import Collection, Sequence

from taskorch.core.receipts import Entry, Page, Record
from taskorch.core.selection import Filter, Lane
from taskorch.core.unit import Message
from taskorch.stores.journal import facts
from taskorch.stores.sqlite.cache import Cache, Lines, Row
from taskorch.stores.sqlite.tables import WITH_BODY, Tables, standing_of

_RECORD = WITH_BODY + " WHERE id = ?"
_JOURNAL = """
    SELECT cursor, facts FROM journal
    WHERE record = (SELECT key FROM record WHERE id = ?) AND cursor > ? ORDER BY cursor LIMIT ?
"""
_EVENTS = """
    SELECT cursor, id, facts FROM journal JOIN record ON record.key = journal.record
    WHERE cursor > ? ORDER BY cursor LIMIT ?
"""
_MESSAGES = """
    SELECT id, body FROM message
    WHERE record = (SELECT key FROM record WHERE id = ?) AND unread = 1 ORDER BY number LIMIT ?
"""
# Joined in this order: along the index, for only the first one is wanted.
_NEXT_LOOK = """
    SELECT look FROM record CROSS JOIN line ON line.key = record.line
    WHERE look IS NOT NULL AND queue IN ({}) ORDER BY look LIMIT 1
"""


def records(connection: sqlite3.Connection, ids: Sequence[str], now: int) -> list[Record | None]:
    """The records of *ids*, in their order; None where there is none."""
    rows = [connection.execute(_RECORD, (id,)).fetchone() for id in ids]
    return [None if row is None else _record(connection, row, now) for row in rows]


def find(connection: sqlite3.Connection, where: Filter, after: str, n: int, now: int) -> list[Record]:
    """At most *n* records that meet *where*, by their ids."""
    conditions, values = ["id > ?"], [after]
    if where.states is not None:
        conditions.append(f"state IN ({_holes(where.states)})")
        values.extend(where.states)
    if where.parent is not None:
        conditions.append("parent = ?")
        values.append(where.parent)
    if where.queue is not None:
        conditions.append("line IN (SELECT key FROM line WHERE queue = ?)")
        values.append(where.queue)
    statement = WITH_BODY + " WHERE " + " AND ".join(conditions) + " ORDER BY id LIMIT ?"
    return [_record(connection, row, now) for row in connection.execute(statement, (*values, max(n, 0)))]


def entries(connection: sqlite3.Connection, run: str, after: int, n: int) -> list[Entry]:
    """At most *n* entries of the journal of *run* behind the cursor *after*."""
    rows = connection.execute(_JOURNAL, (run, after, max(n, 0)))
    return [Entry(cursor=cursor, run=run, facts=facts(text)) for cursor, text in rows]


def messages(connection: sqlite3.Connection, run: str, n: int) -> list[Message]:
    """At most *n* unread messages to *run*."""
    return [Message(id=id, run=run, body=body) for id, body in connection.execute(_MESSAGES, (run, max(n, 0)))]


def events(connection: sqlite3.Connection, after: int, n: int) -> Page:
    """At most *n* entries of all journals behind *after*."""
    rows = connection.execute(_EVENTS, (after, max(n, 0)))
    found = tuple(Entry(cursor=cursor, run=run, facts=facts(text)) for cursor, run, text in rows)
    return Page(found, str(found[-1].cursor if found else after))


def next_due(connection: sqlite3.Connection, lanes: Sequence[Lane], now: int) -> int | None:
    """The first instant at which an entry in *lanes* is due; see ``Store.next_due``."""
    queues = {queue for lane in lanes for queue in lane.queues}
    if queues.intersection(Tables(connection, Cache(lasts=False), now).ready()):
        return now
    row = connection.execute(_NEXT_LOOK.format(_holes(queues)), tuple(queues)).fetchone()
    return None if row is None else int(row[0])


def _holes(values: Collection[str]) -> str:
    """As many holes of a statement as there are values."""
    return ", ".join("?" * len(values))


def _record(connection: sqlite3.Connection, row: Row, now: int) -> Record:
    return standing_of(row, Lines().of(connection, row)).record(row[-1], now)
