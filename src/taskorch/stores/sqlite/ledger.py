"""The ledger: transactions on one connection, and who holds leases. Everything here runs in the writer's thread."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from taskorch.stores.sqlite.cache import Cache
from taskorch.stores.sqlite.faults import is_busy
from taskorch.stores.sqlite.log import Log
from taskorch.stores.sqlite.tables import Tables
from taskorch.stores.sqlite.verbs import give_back

T = TypeVar("T")

_PROCESSES = "SELECT key, identity FROM process WHERE key <> ?"
_REGISTER = "INSERT OR IGNORE INTO process (identity, library) VALUES (?, ?)"
_LIBRARIES = "SELECT DISTINCT library FROM process"
_PROCESS = "SELECT key FROM process WHERE identity = ?"
_UNREGISTER = "DELETE FROM process WHERE key = ?"
_EXPIRE = """
    UPDATE record SET until = 0, look = CASE place WHEN 0 THEN 0 ELSE look END WHERE owner IS NOT NULL AND process = ?
"""
_RELEASE = """
    UPDATE record SET owner = NULL, look = CASE place WHEN 0 THEN 0 ELSE look END
    WHERE owner IS NOT NULL AND process = ?
"""
_TRIES = 6
"""How often a transaction is begun, or ended, before others who are at the file are too slow."""


class Ledger:
    """The transactions of one store, and its own entry among the holders of leases.

    Args:
        cache: What is known from one transaction to the next.
        clock: The store's clock.
        log: The write-ahead log, which looks after the file too.
    """

    def __init__(self, cache: Cache, clock: Callable[[], int], log: Log) -> None:
        self._cache, self._clock, self._log = cache, clock, log

    def watch(self, path: Path) -> None:
        """Look after the file *path*, which is about to be opened; see ``Log.watch``."""
        self._log.watch(path)

    def transact(self, connection: sqlite3.Connection, works: Sequence[Callable[[Tables], T]]) -> list[T | Exception]:
        """Do all of *works* in one transaction, or each in its own if one of them cannot be done.

        Returns:
            What came of each. An error of the whole is everybody's: nobody knows what was kept.
        """
        try:
            self._log.check(connection)
            return [*self._together(connection, works)]
        except _FailedError as failed:
            if len(works) == 1:
                return [failed.error]
        except Exception as error:  # noqa: BLE001 - it belongs to those who wait
            return [error] * len(works)
        return [answer for work in works for answer in self.transact(connection, [work])]

    def _together(self, connection: sqlite3.Connection, works: Sequence[Callable[[Tables], T]]) -> list[T]:
        with self._transaction(connection) as tables:
            try:
                return [work(tables) for work in works]
            except Exception as error:  # noqa: BLE001 - likewise
                raise _FailedError(error) from None

    # --- who holds leases ------------------------------------------------------------------------------------

    def register(self, connection: sqlite3.Connection, identity: str, library: str) -> list[str]:
        """Let this process be known as a holder of leases; the versions of SQLite of all who are."""
        with self._transaction(connection):
            # An opening whose commit came to an unknown end has written the row already.
            connection.execute(_REGISTER, (identity, library))
            (key,) = connection.execute(_PROCESS, (identity,)).fetchone()
            libraries = [version for (version,) in connection.execute(_LIBRARIES)]
        self._cache.process = str(key)
        return libraries

    def expire(self, connection: sqlite3.Connection, is_dead: Callable[[str], bool]) -> bool:
        """End the time of all leases of processes that are dead; whether there were any."""
        others = connection.execute(_PROCESSES, (self._cache.process or -1,)).fetchall()
        dead = [key for key, identity in others if is_dead(identity)]
        if dead:
            with self._transaction(connection):
                connection.executemany(_EXPIRE, [(str(key),) for key in dead])
                connection.executemany(_UNREGISTER, [(key,) for key in dead])
                self._cache.forget()
        return bool(dead)

    def leave(self, connection: sqlite3.Connection) -> None:
        """Release all leases of this process."""
        with self._transaction(connection):
            connection.execute(_RELEASE, (self._cache.process,))
            connection.execute(_UNREGISTER, (self._cache.process,))
            self._cache.forget()

    # --- parts -----------------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self, connection: sqlite3.Connection) -> Iterator[Tables]:
        """All or nothing. IMMEDIATE: a transaction that begins by reading cannot always go on to write."""
        patiently(partial(connection.execute, "BEGIN IMMEDIATE"))
        try:
            tables = Tables(connection, self._cache, self._clock())
            if self._cache.doubtful:
                give_back(tables, self._cache.doubtful)
            yield tables
            patiently(partial(connection.execute, "COMMIT"))
        except BaseException:
            self._cache.forget()
            # SQLite may have rolled back already. If even this fails, the first error is the one to tell.
            if connection.in_transaction:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            raise
        self._cache.doubtful = []
        self._cache.tidy()


class _FailedError(Exception):
    """A piece of work could not be done.

    Attributes:
        error: Why.
    """

    def __init__(self, error: Exception) -> None:
        self.error = error
        super().__init__(error)


def patiently(work: Callable[[], T]) -> T:
    """Do what leaves everything as it is while others are at the file: each try waits as SQLite is told to."""
    for _ in range(_TRIES - 1):
        try:
            return work()
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
    return work()
