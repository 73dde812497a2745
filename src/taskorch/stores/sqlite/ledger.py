"""The verbs of the store as transactions on one connection. Everything here runs in the writer's thread."""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import attrs

from taskorch.core.receipts import Claimed, Entry, Page, Receipt, Record, Refusal, Refused, Renewed
from taskorch.core.selection import Filter, Lane
from taskorch.core.unit import Message, Unit
from taskorch.stores.clock import end_of
from taskorch.stores.journal import facts
from taskorch.stores.picking import Line, pick
from taskorch.stores.settlement import Settlement
from taskorch.stores.sqlite.log import Log
from taskorch.stores.sqlite.tables import COLUMNS, Row, Tables, tags_in
from taskorch.stores.standing import Standing

_WITH_BODY = f"SELECT {COLUMNS}, text FROM record JOIN body USING (key)"
_RECORD = _WITH_BODY + " WHERE id = ?"
_LOOK = f"SELECT {COLUMNS} FROM record WHERE look <= ?"
_LEASED = "SELECT tags, count(*) FROM record WHERE owner IS NOT NULL AND place = 0 GROUP BY tags"
_NEXT_LINE = "SELECT min(tags) FROM record WHERE queue = ? AND place = 1 AND tags > ?"
_LINE = "SELECT rank, id FROM record WHERE queue = ? AND place = 1 AND tags = ? ORDER BY rank, id"
_PROCESSES = "SELECT DISTINCT process FROM record WHERE owner IS NOT NULL"
_EXPIRE = (
    "UPDATE record SET until = 0, look = CASE place WHEN 0 THEN 0 ELSE look END WHERE owner IS NOT NULL AND process = ?"
)
_RELEASE = """
    UPDATE record SET owner = NULL, look = CASE place WHEN 0 THEN 0 ELSE look END
    WHERE owner IS NOT NULL AND process = ?
"""
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
    WHERE record = (SELECT key FROM record WHERE id = ?) AND unread ORDER BY number LIMIT ?
"""
_READY = "SELECT 1 FROM record WHERE queue = ? AND place = 1 LIMIT 1"
_NEXT_LOOK = (
    "SELECT look FROM record WHERE look IS NOT NULL AND queue IN (SELECT value FROM json_each(?)) ORDER BY look LIMIT 1"
)
_OLD = """
    SELECT key FROM record
    WHERE finished_at < ? AND NOT (owner IS NOT NULL AND coalesce(until > ?, 1)) ORDER BY finished_at LIMIT ?
"""
_FORGET = (
    "UPDATE forgotten SET cursor = max(cursor, coalesce((SELECT max(cursor) FROM journal WHERE record = ?), 0))",
    "DELETE FROM journal WHERE record = ?",
    "DELETE FROM message WHERE record = ?",
    "DELETE FROM past WHERE record = ?",
    "DELETE FROM body WHERE key = ?",
    "DELETE FROM record WHERE key = ?",
)


@attrs.frozen
class Claimant:
    """Who wants leases.

    Attributes:
        owner: What it is called in messages.
        process: Which process it is.
        ttl: How long its leases live, in seconds; None as long as it does.
        clock: The store's clock.
    """

    owner: str
    process: str
    ttl: float | None
    clock: Callable[[], int]


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing. IMMEDIATE: a transaction that begins by reading cannot always go on to write."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite may have rolled back already. If even this fails, the first error is the one to tell.
        if connection.in_transaction:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise


# --- changing --------------------------------------------------------------------------------------------------


def keep(
    connection: sqlite3.Connection, units: Sequence[tuple[Unit, str | None]], clock: Callable[[], int], log: Log
) -> list[Receipt]:
    """Keep *units*, each with its facts as written, in one transaction; see ``Store.apply``."""
    log.check(connection)
    with _transaction(connection):
        now = clock()
        if any(unit.rooms for unit, _ in units):
            _look(connection, now)
        return Settlement(Tables(connection, now), now).settle(units)


def claim(
    connection: sqlite3.Connection, claimant: Claimant, lanes: Sequence[Lane], limits: Mapping[str, int], n: int
) -> list[Claimed]:
    """Give leases of what is due; see ``Store.claim``."""
    with _transaction(connection):
        now = claimant.clock()
        _look(connection, now)
        leased = _leased(connection) if limits else Counter[str]()
        ids = pick(lanes, lambda queue: _lines(connection, queue), leased, limits, n)
        return [_granted(connection, id, claimant, now) for id in ids]


def lease(connection: sqlite3.Connection, claimant: Claimant, id: str, *, force: bool) -> list[Claimed | Refused]:
    """Give the lease of the record *id*, or say why not; see ``Store.lease``."""
    with _transaction(connection):
        now = claimant.clock()
        standing = Tables(connection, now).standing(id)
        if standing is None:
            return [Refused(Refusal.UNKNOWN, id=id)]
        if standing.is_leased(now) and not force:
            return [Refused(Refusal.BUSY, by=standing.owner or "", id=id)]
        return [_granted(connection, id, claimant, now)]


def renew(
    connection: sqlite3.Connection, leases: Sequence[tuple[str, int]], ttl: float, clock: Callable[[], int]
) -> list[Renewed | Refused]:
    """Let leases live on; see ``Store.renew``."""
    with _transaction(connection):
        now = clock()
        tables = Tables(connection, now)
        return [_renewed(tables, run, epoch, end_of(now, ttl), now) for run, epoch in leases]


def give_back(connection: sqlite3.Connection, leases: Sequence[tuple[str, int]], clock: Callable[[], int]) -> None:
    """Release leases that nobody knows of, those that are still current."""
    with _transaction(connection):
        tables = Tables(connection, clock())
        for id, epoch in leases:
            standing = tables.standing(id)
            if standing is not None and standing.is_current(epoch):
                standing.owner = None
                tables.keep(standing)


def give_back_all(connection: sqlite3.Connection, process: str) -> None:
    """Release all leases of a process."""
    with _transaction(connection):
        connection.execute(_RELEASE, (process,))


def expire(connection: sqlite3.Connection, is_dead: Callable[[str], bool]) -> None:
    """End the time of all leases of processes that are dead."""
    dead = [process for (process,) in connection.execute(_PROCESSES) if is_dead(process)]
    if dead:
        with _transaction(connection):
            connection.executemany(_EXPIRE, [(process,) for process in dead])


def trim(connection: sqlite3.Connection, finished_before: int, n: int, clock: Callable[[], int]) -> int:
    """Forget what finished long ago; see ``Store.trim``."""
    with _transaction(connection):
        keys = connection.execute(_OLD, (finished_before, clock(), max(n, 0))).fetchall()
        for statement in _FORGET:
            connection.executemany(statement, keys)
        return len(keys)


# --- reading ---------------------------------------------------------------------------------------------------


def records(connection: sqlite3.Connection, ids: Sequence[str], clock: Callable[[], int]) -> list[Record | None]:
    """The records of *ids*, in their order; None where there is none."""
    now = clock()
    rows = [connection.execute(_RECORD, (id,)).fetchone() for id in ids]
    return [None if row is None else _record(connection, row, now) for row in rows]


def find(connection: sqlite3.Connection, where: Filter, after: str, n: int, clock: Callable[[], int]) -> list[Record]:
    """At most *n* records that meet *where*, by their ids."""
    conditions, values = ["id > ?"], [after]
    if where.states is not None:
        conditions.append("state IN (SELECT value FROM json_each(?))")
        values.append(json.dumps(sorted(where.states)))
    if where.parent is not None:
        conditions.append("parent = ?")
        values.append(where.parent)
    if where.queue is not None:
        conditions.append("queue = ?")
        values.append(where.queue)
    statement = _WITH_BODY + " WHERE " + " AND ".join(conditions) + " ORDER BY id LIMIT ?"
    now = clock()
    return [_record(connection, row, now) for row in connection.execute(statement, (*values, max(n, 0))).fetchall()]


def entries(connection: sqlite3.Connection, run: str, after: int, n: int) -> list[Entry]:
    """At most *n* entries of the journal of *run* behind the cursor *after*."""
    rows = connection.execute(_JOURNAL, (run, after, max(n, 0))).fetchall()
    return [Entry(cursor=cursor, run=run, facts=facts(text)) for cursor, text in rows]


def messages(connection: sqlite3.Connection, run: str, n: int) -> list[Message]:
    """At most *n* unread messages to *run*."""
    rows = connection.execute(_MESSAGES, (run, max(n, 0))).fetchall()
    return [Message(id=id, run=run, body=body) for id, body in rows]


def events(connection: sqlite3.Connection, after: int, n: int) -> Page:
    """At most *n* entries of all journals behind *after*."""
    rows = connection.execute(_EVENTS, (after, max(n, 0))).fetchall()
    found = tuple(Entry(cursor=cursor, run=run, facts=facts(text)) for cursor, run, text in rows)
    return Page(found, str(found[-1].cursor if found else after))


def next_due(connection: sqlite3.Connection, lanes: Sequence[Lane], clock: Callable[[], int]) -> int | None:
    """The first instant at which an entry in *lanes* is due; see ``Store.next_due``."""
    queues = sorted({queue for lane in lanes for queue in lane.queues})
    if any(connection.execute(_READY, (queue,)).fetchone() for queue in queues):
        return clock()
    row = connection.execute(_NEXT_LOOK, (json.dumps(queues),)).fetchone()
    return None if row is None else int(row[0])


# --- parts -----------------------------------------------------------------------------------------------------


def _look(connection: sqlite3.Connection, now: int) -> None:
    """Put each entry whose time has come where it belongs now."""
    rows = connection.execute(_LOOK, (now,)).fetchall()
    tables = Tables(connection, now)
    for row in rows:
        tables.move(tables.taken(row))


def _leased(connection: sqlite3.Connection) -> Counter[str]:
    """How many living leases have each tag."""
    leased = Counter[str]()
    for text, count in connection.execute(_LEASED):
        leased.update(dict.fromkeys(tags_in(text), count))
    return leased


def _lines(connection: sqlite3.Connection, queue: str) -> Iterator[Line]:
    """The lines of a queue: its index is leapt along from one set of tags to the next."""
    text = ""
    while (text := connection.execute(_NEXT_LINE, (queue, text)).fetchone()[0]) is not None:
        yield tags_in(text), iter(connection.execute(_LINE, (queue, text)))


def _granted(connection: sqlite3.Connection, id: str, claimant: Claimant, now: int) -> Claimed:
    *row, body = connection.execute(_RECORD, (id,)).fetchone()
    tables = Tables(connection, now)
    standing = tables.taken(tuple(row))
    past = standing.grant(claimant.owner, claimant.process, end_of(now, claimant.ttl))
    tables.keep(standing, past)
    return Claimed(epoch=standing.epoch, record=standing.record(body, now), losses=standing.losses)


def _renewed(tables: Tables, run: str, epoch: int, until: int | None, now: int) -> Renewed | Refused:
    standing = tables.standing(run)
    if standing is None or standing.epoch != epoch or not standing.is_leased(now):
        return Refused(Refusal.STALE_LEASE, id=run)
    standing.until = until
    tables.keep(standing)
    return Renewed(bool(standing.unread))


def _record(connection: sqlite3.Connection, row: Row, now: int) -> Record:
    *columns, body = row
    standing: Standing = Tables(connection, now).taken(tuple(columns))
    return standing.record(body, now)
