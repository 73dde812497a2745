"""Opening and closing the file: look before touching, lock, then open."""

import errno
import sqlite3
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

import attrs

from taskorch.errors import StoreError, StoreUnavailable, StoreUnreadable
from taskorch.errors.root import quoted
from taskorch.stores.addresses import resolved
from taskorch.stores.processes import identity, is_dead
from taskorch.stores.sqlite import schema
from taskorch.stores.sqlite.faults import fault_of_opening, is_busy, no_space_to_open
from taskorch.stores.sqlite.ledger import Ledger
from taskorch.stores.sqlite.lock import FileLock, inherited, is_held, one_opening
from taskorch.stores.sqlite.tables import Tables

Durability = Literal["full", "normal"]
Connect = Callable[..., sqlite3.Connection]
"""What ``sqlite3.connect`` is: called with a path, ``timeout`` and ``isolation_level``."""

SECONDS_BUSY = 5.0
"""How long a statement waits for somebody who reads the file by other means, such as a backup."""

_SETTINGS = (
    "PRAGMA busy_timeout = 5000",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    # Never map the file into memory: damage there would be damage on the disk, and a failed read a crash.
    "PRAGMA mmap_size = 0",
    # A log that was long is short again once it is begun anew.
    "PRAGMA journal_size_limit = 67108864",
)
_DURABLE: dict[Durability, tuple[str, ...]] = {
    # fullfsync: without it macOS only hands the data to the drive. Elsewhere it changes nothing.
    "full": ("PRAGMA synchronous = FULL", "PRAGMA fullfsync = ON", "PRAGMA checkpoint_fullfsync = ON"),
    "normal": ("PRAGMA synchronous = NORMAL",),
}
_JOURNAL_MODES = {"wal": "PRAGMA journal_mode = WAL", "truncate": "PRAGMA journal_mode = TRUNCATE"}
_CHECKPOINT = "PRAGMA wal_checkpoint(TRUNCATE)"
_CHECKPOINT_OF_MANY = "PRAGMA wal_checkpoint(PASSIVE)"

SOUND_LOG = (3, 51, 3)
"""The first SQLite in which several processes may use a write-ahead log: before, it may be reset under a writer."""
_PATIENCE = 100
"""How often the mode of the journal is asked for while others open the file, each 50 ms apart."""


def has_sound_log(version: tuple[int, ...]) -> bool:
    """Whether several processes may use a write-ahead log with this version of SQLite."""
    return version >= SOUND_LOG


@attrs.frozen
class Database:
    """An open database with its lock; implements ``Opened``."""

    connection: sqlite3.Connection
    lock: FileLock
    ledger: Ledger
    is_shared: bool

    def transact(self, works: Sequence[Callable[[Tables], object]]) -> Sequence[object]:
        """Do *works* in one transaction; see ``Ledger.transact``."""
        return self.ledger.transact(self.connection, works)

    def close(self) -> None:
        """Release our leases, bring the log into the file, close it, release the lock."""
        with suppress(Exception):  # whatever it is, the lock is released
            self.ledger.leave(self.connection)
        # What cannot be brought over now stays in the log, and is found there by the next opening.
        with suppress(sqlite3.Error):
            self.connection.execute(_CHECKPOINT_OF_MANY if self.is_shared else _CHECKPOINT)
        with suppress(sqlite3.Error):
            self.connection.close()
        with suppress(OSError):
            self.lock.release()


@attrs.frozen(kw_only=True)
class Opening:
    """How to open one database.

    Attributes:
        path: The file, absolute.
        name: The store's name, for messages.
        durability: What a commit waits for.
        connect: Makes the connection.
        ledger: What is written; it is told who holds leases.
        token: Tells this store object apart from others of this process.
        is_shared: Whether other processes may have it open at the same time.
    """

    path: Path
    name: str
    durability: Durability
    connect: Connect
    ledger: Ledger
    token: str = ""
    is_shared: bool = False

    def __call__(self) -> Database:
        """Lock the file and open it; make it if there is none.

        Raises:
            StoreUnreadable: It cannot be, or is not ours; nothing was changed.
            RunBusy: Another store object holds it.
            StoreUnavailable: It could not be just now.
            StoreError: This process was forked from one that had the file open.
        """
        try:
            # One file has one lock, by whatever link it is reached.
            path = resolved(self.name, self.path)
            lock = self._lock(path)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise no_space_to_open(self.name, error) from error
            raise self._unreadable(
                f"cannot be opened ({error.strerror}: {quoted(str(error.filename or self.path))}); "
                "check that the file and its folder may be read and written"
            ) from error
        try:
            lock.sign()
            return Database(self._open(path), lock, self.ledger, self.is_shared)
        except BaseException:
            lock.release()
            raise

    def _lock(self, path: Path) -> FileLock:
        """Look at the file and lock it, in the order that leaves no trace beside a file that is not ours.

        To look is to open and close, and to close a file drops the locks that SQLite has on it for another
        store of this process. Such a store has a lock file; so where there is one, we lock before we look.
        """
        lock_path = path.with_name(path.name + ".lock")
        if inherited(lock_path):
            raise StoreError(self.name, "was open in the process this one was forked from; spawn a process instead")
        with one_opening():
            is_known = is_held(lock_path)  # then another store object of this process has looked at it
            if not lock_path.exists():
                if is_known:
                    raise StoreError(self.name, "is open, and its lock file was removed; close it, then open it again")
                self._look(path)
                return FileLock(lock_path, f"store {self.name}", shared=self.is_shared)
            lock = FileLock(lock_path, f"store {self.name}", shared=self.is_shared)
            try:
                if not is_known:
                    self._look(path)
            except BaseException:
                lock.release()
                raise
            return lock

    def _look(self, path: Path) -> None:
        """Refuse what is not ours without touching it."""
        try:
            found = path.stat()
        except FileNotFoundError:
            if not path.parent.is_dir():
                raise self._unreadable(f"there is no folder {quoted(str(path.parent))}; make it first") from None
            return
        if not stat.S_ISREG(found.st_mode):
            what = "a folder" if stat.S_ISDIR(found.st_mode) else "no regular file"
            raise self._unreadable(f"{quoted(str(path))} is {what}; give the path of a file")
        if found.st_nlink > 1:  # each name would have a lock and a log of its own
            raise self._unreadable(
                f"{quoted(str(path))} has {found.st_nlink} names (hard links); keep one of them, or use symbolic links"
            )
        # For writing too, but only to see whether that is allowed.
        with path.open("r+b", buffering=0) as file:
            header = file.read(schema.HEADER_SIZE)
        if not header:
            return  # an empty file is an empty database
        marks = schema.marks(header)
        if marks is None:
            raise self._unreadable("is no SQLite database; it was left as it is; give the path of another file")
        self._refuse(schema.objection(*marks))

    def _open(self, path: Path) -> sqlite3.Connection:
        try:
            # Made here, as SQLite would let everybody read it; its log and index get the same mode.
            path.touch(mode=0o600)
            self.ledger.watch(path)
            connection = self.connect(path, timeout=SECONDS_BUSY, isolation_level=None)
        except OSError as error:
            raise self._unreadable(f"cannot be made ({error.strerror}); check its folder") from error
        except sqlite3.Error as error:
            raise fault_of_opening(self.name, error) from error
        try:
            self._prepare(connection)
        except sqlite3.Error as error:
            connection.close()
            raise fault_of_opening(self.name, error) from error
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        for setting in _SETTINGS + _DURABLE[self.durability]:
            connection.execute(setting)
        application, version = connection.execute(schema.MARKS).fetchone()
        if (application, version) == (0, 0) and connection.execute(schema.OBJECTS).fetchone() == (0,):
            schema.create(connection)
        else:
            self._refuse(schema.objection(application, version))
            if version != schema.VERSION:
                schema.migrate(connection, version)
        library = sqlite3.sqlite_version_info
        if not self.is_shared:
            # The first transaction in a new log waits for the disk: it is ours, not the first caller's.
            self._set_journal(connection, "wal")
        elif not has_sound_log(library):
            self._set_journal(connection, "truncate")  # before anything is written
        # Unshared, we hold the lock, so whoever held a lease is gone.
        is_gone: Callable[[str], bool] = is_dead if self.is_shared else lambda _: True
        self.ledger.expire(connection, is_gone)
        others = self.ledger.register(connection, identity(self.token), ".".join(map(str, library)))
        if self.is_shared:
            is_sound = all(has_sound_log(tuple(map(int, version.split(".")))) for version in others)
            self._set_journal(connection, "wal" if is_sound else "truncate")

    def _set_journal(self, connection: sqlite3.Connection, mode: str) -> None:
        found = self._journal(connection, mode)
        if found == mode:
            connection.execute(schema.OBJECTS).fetchone()  # from the first look on nobody else can change it
            return
        if self.is_shared:
            raise StoreUnavailable(
                self.name,
                f"others have it open with the journal mode {found}, and this process needs {mode}; "
                "have all of them use the same version of SQLite",
            )
        raise self._unreadable("lies where SQLite cannot keep a write-ahead log; put it on a local disk")

    def _journal(self, connection: sqlite3.Connection, mode: str) -> str:
        """Set the mode of the journal; the mode it has then. Others who have the file open may prevent a change."""
        for _ in range(_PATIENCE if self.is_shared else 1):
            try:
                return str(connection.execute(_JOURNAL_MODES[mode]).fetchone()[0])
            except sqlite3.OperationalError as error:
                if not self.is_shared or not is_busy(error):
                    raise
                time.sleep(0.05)
        return str(connection.execute("PRAGMA journal_mode").fetchone()[0])

    def _refuse(self, objection: str | None) -> None:
        if objection is not None:
            raise self._unreadable(objection)

    def _unreadable(self, message: str) -> StoreUnreadable:
        return StoreUnreadable(self.name, message)
