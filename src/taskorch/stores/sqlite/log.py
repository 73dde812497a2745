"""The write-ahead log: kept from growing without bound while somebody reads an old state of the file."""

import sqlite3
from pathlib import Path

import attrs

from taskorch.errors import StoreUnavailable

LIMIT = 256 * 1024 * 1024
"""The most bytes of a log."""
_OFTEN = 64
"""How many transactions there are between two looks."""


@attrs.define
class Log:
    """The log of one store.

    Attributes:
        store: The name of the store, for messages.
        path: The file of the log.
        limit: The most bytes it may have.
    """

    store: str
    path: Path
    limit: int = LIMIT
    _calls: int = 0

    def check(self, connection: sqlite3.Connection) -> None:
        """Look now and then whether the log is too long; call it before a transaction begins.

        Raises:
            StoreUnavailable: It is, and cannot be emptied, as somebody reads what was before.
        """
        self._calls += 1
        if self._calls % _OFTEN and self._calls > 1:
            return
        try:
            size = self.path.stat().st_size
        except OSError:  # there is none
            return
        if size < self.limit:
            return
        _, pages, moved = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if moved < pages:  # otherwise the next transaction begins it anew
            self._calls -= 1  # look again at once
            raise StoreUnavailable(
                self.store,
                f"its log has grown to {size >> 20} MB, as somebody reads an old state of the file and does not end; "
                "end that reader (a backup, a shell with an open transaction): the same call then goes through",
            )
