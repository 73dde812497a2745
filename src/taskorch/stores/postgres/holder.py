"""Who holds the leases that a store object was given, and those of which nobody knows whether they were given."""

import os
import threading
from collections.abc import Sequence

import psycopg

from taskorch.core.receipts import Claimed
from taskorch.stores import processes
from taskorch.stores.postgres import arrays, leasing

_FIND = "SELECT key FROM process WHERE identity = %s"
_ADD = "INSERT INTO process (identity) VALUES (%s) ON CONFLICT DO NOTHING"
_OTHERS = "SELECT key, identity FROM process WHERE identity <> %s"
_FORGET = "DELETE FROM process WHERE key = ANY(%s::integer[])"
# The processes that hold leases, by leaps along the index. One that has left while its last transaction was still
# under way holds leases as a process that nobody knows.
_HOLDING = """
    WITH RECURSIVE known AS (
        (SELECT process FROM record WHERE owner IS NOT NULL ORDER BY process LIMIT 1)
        UNION ALL
        SELECT (SELECT process FROM record WHERE owner IS NOT NULL AND process > known.process
                ORDER BY process LIMIT 1)
        FROM known WHERE known.process IS NOT NULL
    ) SELECT process, identity FROM known LEFT JOIN process ON key = process WHERE process IS NOT NULL
"""


class Holder:
    """This process and store object as a holder of leases."""

    def __init__(self) -> None:
        self._token = os.urandom(8).hex()
        self._identity = (0, "")
        self._key: int | None = None
        self._mutex = threading.Lock()
        self._doubtful: list[tuple[str, int]] = []

    @property
    def identity(self) -> str:
        """What it is known by everywhere."""
        if self._identity[0] != os.getpid():
            self._identity = (os.getpid(), processes.identity(self._token))
        return self._identity[1]

    def key(self, connection: psycopg.Connection) -> int:
        """Its number in the database, where it becomes known by this."""
        if self._key is None:
            others = connection.execute(_OTHERS, (self.identity,)).fetchall()
            self._forget(connection, [key for key, identity in others if processes.is_dead(identity)])
            connection.execute(_ADD, (self.identity,))
            self._key = int(connection.execute(_FIND, (self.identity,)).fetchall()[0][0])
        return self._key

    def bury(self, connection: psycopg.Connection) -> bool:
        """Let the time of leases be over whose holders are dead for certain, or unknown; whether there were any."""
        own = self.key(connection)
        holding = connection.execute(_HOLDING).fetchall()
        dead = [key for key, who in holding if key != own and (who is None or processes.is_dead(who))]
        if dead:
            leasing.end_those_of(connection, dead)
            self._forget(connection, dead)
        return bool(dead)

    def leave(self, connection: psycopg.Connection, channel: str) -> None:
        """Release everything and be forgotten."""
        if self._key is not None:
            leasing.release_all(connection, self._key, channel)
            self._forget(connection, [self._key])

    def doubt(self, leases: Sequence[tuple[str, int]]) -> None:
        """Remember leases of which nobody knows whether they were given."""
        with self._mutex:
            self._doubtful += leases

    def settle_doubts(self, connection: psycopg.Connection) -> None:
        """Give back what was given without anybody knowing, each lease only if it is still the current one."""
        with self._mutex:
            doubtful, self._doubtful = self._doubtful, []
        if doubtful:
            try:
                leasing.take_back(connection, self.key(connection), doubtful)
            except BaseException:
                self.doubt(doubtful)
                raise

    def take_back(self, connection: psycopg.Connection, given: Sequence[Claimed]) -> None:
        """Give back leases whose claimant has gone before it knew of them."""
        leasing.take_back(connection, self.key(connection), [(one.record.id, one.epoch) for one in given])

    def _forget(self, connection: psycopg.Connection, keys: Sequence[int]) -> None:
        if keys:
            connection.execute(_FORGET, (arrays.numbers(keys),))
