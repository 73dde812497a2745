"""The files of an open store: that they are still where they were, and that the write-ahead log does not grow for ever.

A log grows while somebody reads an old state of the file. And a file that is removed or replaced while it is open is
written to all the same, until it is closed: then everything is gone.
"""

import sqlite3
import time
from pathlib import Path

import attrs

from taskorch.errors import StoreError, StoreUnavailable

LIMIT = 256 * 1024 * 1024
"""The most bytes of a log."""
_OFTEN = 64
"""How many transactions there are between two looks at most …"""
_SECONDS = 1.0
"""… and how much time, if there are few."""

MOVED = (
    "its file was removed or replaced while it was open, and what would be kept from now on would be lost; stop, put "
    "the file back if you can, and open it again"
)


@attrs.define
class Log:
    """The log of one store, and its file.

    Attributes:
        store: The name of the store, for messages.
        limit: The most bytes it may have.
    """

    store: str
    limit: int = LIMIT
    _path: Path | None = None
    _file: tuple[int, int] | None = None
    _calls: int = 0
    _looked: float = 0.0

    def watch(self, path: Path) -> None:
        """Look after the file *path* from now on, and its log.

        To be called before the file is opened: if another one takes its place meanwhile, that is found out.

        Raises:
            OSError: The file cannot be looked at.
        """
        found = path.stat()
        self._path, self._file = path, (found.st_dev, found.st_ino)
        self._calls = 0

    def check(self, connection: sqlite3.Connection) -> None:
        """Look now and then; call it before a transaction begins.

        Raises:
            StoreUnavailable: The log is too long and cannot be emptied, as somebody reads what was before.
            StoreError: The file is not there any more.
        """
        self._calls += 1
        if self._path is None or (self._calls % _OFTEN and time.monotonic() < self._looked + _SECONDS):
            return
        self._looked = time.monotonic()
        self._require_file(self._path)
        try:
            size = self._path.with_name(self._path.name + "-wal").stat().st_size
        except OSError:  # there is none
            return
        if size < self.limit:
            return
        _, pages, moved = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if moved < pages:  # otherwise the next transaction begins it anew
            self._looked = 0.0  # look again at once
            raise StoreUnavailable(
                self.store,
                f"its log has grown to {size >> 20} MB, as somebody reads an old state of the file and does not end; "
                "end that reader (a backup, a shell with an open transaction): the same call then goes through",
            )

    def _require_file(self, path: Path) -> None:
        try:
            found = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            raise StoreError(self.store, MOVED) from None
        except OSError:  # nobody knows; the next transaction tells what is wrong
            return
        if (found.st_dev, found.st_ino) != self._file:
            raise StoreError(self.store, MOVED)
