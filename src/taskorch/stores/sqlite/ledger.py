"""The verbs of the store as transactions on one connection. Everything here runs in the writer's thread."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from taskorch.core.unit import (
    Claimed,
    Done,
    Entry,
    LeaseAction,
    Put,
    Receipt,
    Record,
    Refusal,
    Refused,
    Unit,
)
from taskorch.stores.journal import facts
from taskorch.stores.verdict import Standing, Tenure, verdict

_TENURE = "SELECT owner IS NOT NULL, number FROM lease WHERE run = ? AND epoch = ?"
_STANDING = "SELECT version, body = ? FROM record WHERE id = ?"
_INSERT = "INSERT INTO record (id, version, body) VALUES (?, ?, ?)"
_UPDATE = "UPDATE record SET version = ?, body = ? WHERE id = ?"
_APPEND = "INSERT INTO journal (run, facts) VALUES (?, ?)"
_COUNT = "UPDATE lease SET number = ? WHERE run = ? AND epoch = ?"
_COUNT_AND_RELEASE = "UPDATE lease SET number = ?, owner = NULL WHERE run = ? AND epoch = ?"
_RELEASE = "UPDATE lease SET owner = NULL WHERE run = ? AND epoch = ?"
_LEASE = "INSERT INTO lease (run, epoch, owner) VALUES (?, ?, ?)"
_RECORD = """
    SELECT id, version, body, coalesce(epoch, 0), owner
    FROM record LEFT JOIN lease
        ON run = id AND epoch = (SELECT max(latest.epoch) FROM lease AS latest WHERE latest.run = record.id)
    WHERE id = ?
"""
_LAST_LEASE = """
    SELECT coalesce(epoch, 0), owner
    FROM record LEFT JOIN lease
        ON run = id AND epoch = (SELECT max(latest.epoch) FROM lease AS latest WHERE latest.run = record.id)
    WHERE id = ?
"""
_JOURNAL = """
    SELECT cursor, facts FROM journal
    WHERE run = ? AND cursor > ? AND facts IS NOT NULL
    ORDER BY cursor LIMIT ?
"""


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


def keep(connection: sqlite3.Connection, units: Sequence[tuple[Unit, str | None]]) -> list[Receipt]:
    """Keep *units*, each with its facts as written, in one transaction; see ``Store.apply``."""
    with _transaction(connection):
        return [_keep(connection, unit, text) for unit, text in units]


def lease(connection: sqlite3.Connection, owner: str, id: str) -> Claimed | Refused:
    """Give *owner* the lease of the record *id*; see ``Store.claim``."""
    with _transaction(connection):
        last = connection.execute(_LAST_LEASE, (id,)).fetchone()
        if last is None:
            return Refused(Refusal.UNKNOWN)
        epoch, holder = last
        if holder is not None:
            return Refused(Refusal.BUSY, by=holder)
        connection.execute(_LEASE, (id, epoch + 1, owner))
        return Claimed(epoch + 1)


def release(connection: sqlite3.Connection, id: str, epoch: int) -> None:
    """Release the lease of the record *id* under *epoch*, if it still lives."""
    with _transaction(connection):
        connection.execute(_RELEASE, (id, epoch))


def records(connection: sqlite3.Connection, ids: Sequence[str]) -> list[Record | None]:
    """The records of *ids*, in their order; None where there is none."""
    return [_record(connection.execute(_RECORD, (id,)).fetchone()) for id in ids]


def entries(connection: sqlite3.Connection, run: str, after: int, n: int) -> list[Entry]:
    """At most *n* entries of the journal of *run* behind the cursor *after*."""
    rows = connection.execute(_JOURNAL, (run, after, max(n, 0))).fetchall()
    return [Entry(cursor, facts(text)) for cursor, text in rows]


def _keep(connection: sqlite3.Connection, unit: Unit, text: str | None) -> Receipt:
    answer = verdict(unit, _tenure(connection, unit), _standing(connection, unit.put))
    if answer is not None:
        return answer
    if (put := unit.put) is not None:
        if put.expected is None:
            connection.execute(_INSERT, (put.id, put.version, put.body))
        else:
            connection.execute(_UPDATE, (put.version, put.body, put.id))
    if unit.epoch > 0:
        statement = _COUNT_AND_RELEASE if unit.lease is LeaseAction.RELEASE else _COUNT
        connection.execute(statement, (unit.number, unit.run, unit.epoch))
    # The type allows for a statement that inserted nothing.
    return Done(connection.execute(_APPEND, (unit.run, text)).lastrowid or 0)


def _tenure(connection: sqlite3.Connection, unit: Unit) -> Tenure | None:
    if unit.epoch == 0:
        return None
    row = connection.execute(_TENURE, (unit.run, unit.epoch)).fetchone()
    return None if row is None else Tenure(living=bool(row[0]), number=row[1])


def _standing(connection: sqlite3.Connection, put: Put | None) -> Standing | None:
    if put is None:
        return None
    row = connection.execute(_STANDING, (put.body, put.id)).fetchone()
    return None if row is None else Standing(version=row[0], same_body=bool(row[1]))


def _record(row: tuple[str, int, str, int, str | None] | None) -> Record | None:
    if row is None:
        return None
    id, version, body, epoch, owner = row
    return Record(id=id, version=version, body=body, epoch=epoch, owner=owner)
