"""What is only read: records, journals, messages, events; and what is forgotten."""

from collections.abc import Sequence

import psycopg

from taskorch.core.receipts import Entry, Page, Record
from taskorch.core.selection import Filter
from taskorch.core.unit import Message
from taskorch.errors import StoreError
from taskorch.stores.journal import facts
from taskorch.stores.postgres import arrays
from taskorch.stores.postgres.leasing import pipeline
from taskorch.stores.postgres.lines import Lines
from taskorch.stores.postgres.rows import BODY, COLUMNS, LINE, NOW, Row, standing_of

_READ = f"SELECT {COLUMNS}, body, {NOW} FROM record WHERE id = ANY(%s::text[])"
_JOURNAL = "SELECT seq, facts FROM fact WHERE run = %s AND seq > %s ORDER BY seq LIMIT %s"
_MESSAGES = "SELECT id, run, body FROM message WHERE run = %s AND unread ORDER BY seq LIMIT %s"
# Below the oldest transaction that is still open nothing is added any more. Between such a bound and the next, the
# order is that of the numbers: those of one run are given under its lock, while transactions that touch several runs
# may begin in one order and write in another.
_WINDOW = """
    WITH bound AS (
        SELECT pg_snapshot_xmin(pg_current_snapshot()) AS high, pg_snapshot_xmax(pg_current_snapshot()) AS next
    )
    SELECT bound.high::text, min(seq) - 1, max(seq), bound.next::text
    FROM bound LEFT JOIN fact ON xid >= %s::text::xid8 AND xid < bound.high GROUP BY bound.high, bound.next
"""
_EVENTS = """
    SELECT seq, run, facts FROM fact
    WHERE seq > %s AND seq <= %s AND xid >= %s::text::xid8 AND xid < %s::text::xid8 ORDER BY seq LIMIT %s
"""
_LINES = "SELECT key FROM line WHERE queue = ANY(%s::text[])"
_IS_DUE = """
    SELECT EXISTS (SELECT FROM unnest(%(lines)s::integer[]) AS asked (key)
                   WHERE EXISTS (SELECT FROM record WHERE line = asked.key AND place = 1))
"""
_LEASE_ENDS = """
    SELECT look FROM record WHERE place = 0 AND look IS NOT NULL AND line = ANY(%(lines)s::integer[])
    ORDER BY look LIMIT 1
"""
_NEXT = """
    SELECT min(next.look) FROM unnest(%(lines)s::integer[]) AS asked (key) CROSS JOIN LATERAL (
        SELECT look FROM record WHERE line = asked.key AND place = 2 AND look IS NOT NULL ORDER BY look LIMIT 1
    ) AS next
"""
_OLD = f"""
    SELECT id FROM record WHERE finished_at < %s AND (owner IS NULL OR until <= {NOW})
    ORDER BY finished_at, id LIMIT %s FOR UPDATE
"""
_FORGET = (
    "UPDATE forgotten SET epoch = greatest(epoch, (SELECT max(epoch) FROM record WHERE id = ANY(%s::text[])))",
    "DELETE FROM message WHERE run = ANY(%s::text[])",
    "DELETE FROM fact WHERE run = ANY(%s::text[])",
    "DELETE FROM past WHERE run = ANY(%s::text[])",
    "DELETE FROM record WHERE id = ANY(%s::text[])",
)


def read(connection: psycopg.Connection, lines: Lines, ids: Sequence[str]) -> list[Record | None]:
    """The records of *ids*, in their order."""
    if not ids:
        return []
    rows = connection.execute(_READ, (arrays.texts(dict.fromkeys(ids)),)).fetchall()
    found = {record.id: record for record in _records(connection, lines, rows)}
    return [found.get(id) for id in ids]


def find(connection: psycopg.Connection, lines: Lines, sought: Filter, after: str, n: int) -> list[Record]:
    """At most *n* records that meet *sought*, by their ids, behind *after*."""
    conditions, values = ["id > %s"], [after]
    if sought.states is not None:
        conditions.append("state = ANY(%s::text[])")
        values.append(arrays.texts(sought.states))
    if sought.parent is not None:
        conditions.append("parent = %s")
        values.append(sought.parent)
    if sought.queue is not None:
        conditions.append("line = ANY(ARRAY(SELECT key FROM line WHERE queue = %s))")
        values.append(sought.queue)
    wanted = " AND ".join(conditions)
    query = f"SELECT {COLUMNS}, body, {NOW} FROM record WHERE {wanted} ORDER BY id LIMIT %s"
    return _records(connection, lines, connection.execute(query, (*values, max(n, 0))).fetchall())


def journal(connection: psycopg.Connection, run: str, after: int, n: int) -> list[Entry]:
    """At most *n* units' facts of a run behind *after*."""
    rows = connection.execute(_JOURNAL, (run, after, max(n, 0)))
    return [Entry(cursor=seq, run=run, facts=facts(text)) for seq, text in rows]


def messages(connection: psycopg.Connection, run: str, n: int) -> list[Message]:
    """At most *n* unread messages to a run."""
    rows = connection.execute(_MESSAGES, (run, max(n, 0)))
    return [Message(id=id, run=run, body=body) for id, run, body in rows]


def events(connection: psycopg.Connection, name: str, after: str, n: int) -> Page:
    """At most *n* units' facts of all runs behind *after*.

    A cursor is ``low.high.seq.last``: of the transactions from *low* and below *high* all numbers up to *seq* are
    read, and the last is *last*.
    """
    low, high, seq, last = _numbers(name, after)
    while True:
        if seq >= last:
            row = connection.execute(_WINDOW, (str(high),)).fetchone()
            if row is not None and high > int(row[3]):
                raise StoreError(
                    name,
                    f"{after[:40]!r} is a cursor of events of another server, or of this one before a restore; begin "
                    "with an empty one",
                )
            if row is None or row[2] is None:
                return Page((), f"{low}.{high}.{seq}.{last}" if high else "")
            low, high, seq, last = high, int(row[0]), row[1], row[2]
        rows = connection.execute(_EVENTS, (seq, last, str(low), str(high), max(n, 0))).fetchall()
        seq = rows[-1][0] if rows and len(rows) >= n else last if n > 0 else seq
        if rows or n <= 0:
            entries = tuple(Entry(cursor=at, run=run, facts=facts(text)) for at, run, text in rows)
            return Page(entries, f"{low}.{high}.{seq}.{last}")


def next_due(connection: psycopg.Connection, queues: Sequence[str]) -> int | None:
    """The first instant at which an entry in *queues* is due."""
    keys = connection.execute(_LINES, (arrays.texts(queues),)).fetchall()
    if not keys:
        return None
    wanted = {"lines": arrays.numbers(key for (key,) in keys)}
    with pipeline(connection):
        due = connection.execute(_IS_DUE, wanted)
        ends = connection.execute(_LEASE_ENDS, wanted)
        later = connection.execute(_NEXT, wanted)
        clock = connection.execute(f"SELECT {NOW}")
        is_due, looks = due.fetchall()[0][0], [*ends.fetchall(), *later.fetchall()]
        now: int = clock.fetchall()[0][0]
    return now if is_due else min((look for (look,) in looks if look is not None), default=None)


def trim(connection: psycopg.Connection, finished_before: int, n: int) -> int:
    """Forget at most *n* records that finished before."""
    with connection.transaction():
        ids = [row[0] for row in connection.execute(_OLD, (finished_before, max(n, 0)))]
        if ids:
            with pipeline(connection):
                for statement in _FORGET:
                    connection.execute(statement, (arrays.texts(ids),))
    return len(ids)


def _records(connection: psycopg.Connection, lines: Lines, rows: Sequence[Row]) -> list[Record]:
    lines.learn(connection, (row[LINE] for row in rows))
    return [standing_of(row, lines).record(row[BODY], row[BODY + 1]) for row in rows]


def _numbers(name: str, cursor: str) -> tuple[int, int, int, int]:
    if not cursor:
        return 0, 0, 0, 0
    parts = cursor.split(".")
    if len(parts) != 4 or not all(part.isascii() and part.isdigit() and len(part) < 20 for part in parts):
        raise StoreError(name, f"{cursor[:40]!r} is no cursor of events; begin with an empty one")
    low, high, seq, last = map(int, parts)
    return low, high, seq, last
