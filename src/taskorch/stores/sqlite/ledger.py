"""The verbs that change something, as transactions on one connection. Everything here runs in the writer's thread."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import attrs

from taskorch.core.receipts import Claimed, Receipt, Refusal, Refused, Renewed
from taskorch.core.selection import Lane
from taskorch.core.unit import Unit
from taskorch.stores.clock import end_of
from taskorch.stores.picking import Line, pick
from taskorch.stores.settlement import Settlement
from taskorch.stores.sqlite.faults import is_busy
from taskorch.stores.sqlite.log import Log
from taskorch.stores.sqlite.tables import COLUMNS, Memory, Tables

_LOOK = f"SELECT {COLUMNS} FROM record WHERE look <= ?"
_LEASED = "SELECT line, count(*) FROM record WHERE owner IS NOT NULL AND place = 0 AND line IS NOT NULL GROUP BY line"
_NEXT_LINE = "SELECT min(line) FROM record WHERE place = 1 AND line > ?"
_LINE = "SELECT rank, id FROM record WHERE place = 1 AND line = ? ORDER BY rank, id"
_PROCESSES = "SELECT key, identity FROM process WHERE key <> ?"
_REGISTER = "INSERT INTO process (identity) VALUES (?)"
_UNREGISTER = "DELETE FROM process WHERE key = ?"
_EXPIRE = """
    UPDATE record SET until = 0, look = CASE place WHEN 0 THEN 0 ELSE look END WHERE owner IS NOT NULL AND process = ?
"""
_RELEASE = """
    UPDATE record SET owner = NULL, look = CASE place WHEN 0 THEN 0 ELSE look END
    WHERE owner IS NOT NULL AND process = ?
"""
_OLD = """
    SELECT key FROM record
    WHERE finished_at < ? AND NOT (owner IS NOT NULL AND coalesce(until > ?, 1)) ORDER BY finished_at LIMIT ?
"""
_FORGET = (
    "UPDATE forgotten SET cursor = max(cursor, coalesce((SELECT max(cursor) FROM journal WHERE record = ?), 0))",
    "DELETE FROM journal WHERE record = ?",
    "DELETE FROM message WHERE record = ?",
    "DELETE FROM past WHERE record = ?",
    "DELETE FROM record WHERE key = ?",
)
_TRIES = 6
"""How often a transaction is begun, or ended, before others who are at the file are too slow."""


@attrs.frozen
class Claimant:
    """Who wants leases.

    Attributes:
        owner: What it is called in messages.
        ttl: How long its leases live, in seconds; None as long as it does.
    """

    owner: str
    ttl: float | None


class Ledger:
    """What is written.

    Args:
        memory: What is known from one transaction to the next.
        clock: The store's clock.
        log: The write-ahead log.
    """

    def __init__(self, memory: Memory, clock: Callable[[], int], log: Log) -> None:
        self._memory, self._clock, self._log = memory, clock, log

    def keep(self, connection: sqlite3.Connection, units: Sequence[tuple[Unit, str | None]]) -> list[Receipt]:
        """Keep *units*, each with its facts as written, in one transaction; see ``Store.apply``."""
        self._log.check(connection)
        with self._transaction(connection) as (tables, now):
            if any(unit.rooms for unit, _ in units):
                _look(connection, tables, now)
            return Settlement(tables, now).settle(units)

    def claim(
        self,
        connection: sqlite3.Connection,
        claimant: Claimant,
        lanes: Sequence[Lane],
        limits: Mapping[str, int],
        n: int,
    ) -> list[Claimed]:
        """Give leases of what is due; see ``Store.claim``."""
        with self._transaction(connection) as (tables, now):
            _look(connection, tables, now)
            leased = self._leased(connection) if limits else Counter[str]()
            ready = self._ready(connection)
            ids = pick(lanes, lambda queue: _lines(connection, ready.get(queue, ())), leased, limits, n)
            return self._granted(tables, ids, claimant, now)

    def lease(
        self, connection: sqlite3.Connection, claimant: Claimant, id: str, *, force: bool
    ) -> list[Claimed | Refused]:
        """Give the lease of the record *id*, or say why not; see ``Store.lease``."""
        with self._transaction(connection) as (tables, now):
            standing = tables.standing(id)
            if standing is None:
                return [Refused(Refusal.UNKNOWN, id=id)]
            if standing.is_leased(now) and not force:
                return [Refused(Refusal.BUSY, by=standing.owner or "", id=id)]
            return [*self._granted(tables, [id], claimant, now)]

    def renew(
        self, connection: sqlite3.Connection, leases: Sequence[tuple[str, int]], ttl: float
    ) -> list[Renewed | Refused]:
        """Let leases live on; see ``Store.renew``."""
        with self._transaction(connection) as (tables, now):
            return [_renewed(tables, run, epoch, end_of(now, ttl), now) for run, epoch in leases]

    def give_back(self, connection: sqlite3.Connection, leases: Sequence[tuple[str, int]]) -> None:
        """Release leases that nobody knows of, those that are still current."""
        with self._transaction(connection) as (tables, _):
            for id, epoch in leases:
                standing = tables.standing(id)
                if standing is not None and standing.is_current(epoch):
                    standing.owner = None
                    tables.keep(standing)

    def trim(self, connection: sqlite3.Connection, finished_before: int, n: int) -> int:
        """Forget what finished long ago; see ``Store.trim``."""
        with self._transaction(connection) as (_, now):
            keys = connection.execute(_OLD, (finished_before, now, max(n, 0))).fetchall()
            for statement in _FORGET:
                connection.executemany(statement, keys)
            self._memory.forget()
            return len(keys)

    # --- who holds leases ------------------------------------------------------------------------------------

    def register(self, connection: sqlite3.Connection, identity: str) -> None:
        """Let this process be known as a holder of leases."""
        with self._transaction(connection):
            self._memory.process = str(connection.execute(_REGISTER, (identity,)).lastrowid)

    def expire(self, connection: sqlite3.Connection, is_dead: Callable[[str], bool]) -> None:
        """End the time of all leases of processes that are dead."""
        others = connection.execute(_PROCESSES, (self._memory.process or -1,)).fetchall()
        dead = [key for key, identity in others if is_dead(identity)]
        if dead:
            with self._transaction(connection):
                connection.executemany(_EXPIRE, [(str(key),) for key in dead])
                connection.executemany(_UNREGISTER, [(key,) for key in dead])
                self._memory.forget()

    def leave(self, connection: sqlite3.Connection) -> None:
        """Release all leases of this process."""
        with self._transaction(connection):
            connection.execute(_RELEASE, (self._memory.process,))
            connection.execute(_UNREGISTER, (self._memory.process,))
            self._memory.forget()

    # --- parts -----------------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self, connection: sqlite3.Connection) -> Iterator[tuple[Tables, int]]:
        """All or nothing. IMMEDIATE: a transaction that begins by reading cannot always go on to write."""
        _patiently(connection, "BEGIN IMMEDIATE")
        try:
            now = self._clock()
            yield Tables(connection, self._memory, now), now
            _patiently(connection, "COMMIT")
        except BaseException:
            self._memory.forget()
            # SQLite may have rolled back already. If even this fails, the first error is the one to tell.
            if connection.in_transaction:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            raise
        self._memory.tidy()

    def _granted(self, tables: Tables, ids: Sequence[str], claimant: Claimant, now: int) -> list[Claimed]:
        """Give leases of records that there are."""
        until, claims = end_of(now, claimant.ttl), []
        for standing, body in tables.whole(ids):
            past = standing.grant(claimant.owner, self._memory.process, until)
            tables.keep(standing)
            tables.remember(standing.id, past)
            record = standing.record(body, now)
            claims.append(Claimed(epoch=standing.epoch, record=record, losses=standing.losses))
        return claims

    def _leased(self, connection: sqlite3.Connection) -> Counter[str]:
        """How many living leases have each tag."""
        leased = Counter[str]()
        for line, count in connection.execute(_LEASED).fetchall():
            leased.update(dict.fromkeys(self._memory.lines.line(connection, line)[1], count))
        return leased

    def _ready(self, connection: sqlite3.Connection) -> dict[str, list[tuple[int, tuple[str, ...]]]]:
        """The lines in which somebody is ready, by queue: the index is leapt along from one line to the next."""
        found: dict[str, list[tuple[int, tuple[str, ...]]]] = {}
        key = 0
        while (key := connection.execute(_NEXT_LINE, (key,)).fetchone()[0]) is not None:
            queue, tags = self._memory.lines.line(connection, key)
            found.setdefault(queue, []).append((key, tags))
        return found


def _lines(connection: sqlite3.Connection, keys: Iterable[tuple[int, tuple[str, ...]]]) -> Iterator[Line]:
    """The lines of these keys and tags, each from its beginning."""
    return ((tags, iter(connection.execute(_LINE, (key,)))) for key, tags in keys)


def _patiently(connection: sqlite3.Connection, statement: str) -> None:
    """Execute what leaves everything as it is while others are at the file: each try waits as SQLite is told to."""
    for _ in range(_TRIES - 1):
        try:
            connection.execute(statement)
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
        else:
            return
    connection.execute(statement)


def _look(connection: sqlite3.Connection, tables: Tables, now: int) -> None:
    """Put each entry whose time has come where it belongs now."""
    for row in connection.execute(_LOOK, (now,)).fetchall():
        tables.move(tables.taken(row))


def _renewed(tables: Tables, run: str, epoch: int, until: int | None, now: int) -> Renewed | Refused:
    standing = tables.standing(run)
    if standing is None or standing.epoch != epoch or not standing.is_leased(now):
        return Refused(Refusal.STALE_LEASE, id=run)
    standing.until = until
    tables.keep(standing)
    return Renewed(bool(standing.unread))
