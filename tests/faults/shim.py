"""A disk that fails when it is told to: a file system for SQLite by apsw, and apsw in the clothes of ``sqlite3``."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Any, Self

import apsw


class Kind(StrEnum):
    """How the disk fails, at the n-th write, sync, truncation or deletion; those that are torn, at the n-th write."""

    ERROR = "error"
    """An input/output error, once."""
    FULL = "full"
    """No space left, once."""
    BROKEN = "broken"
    """Errors from then on."""
    TORN = "torn"
    """Half of a write reaches the disk, then everything stops as in a crash."""
    LOST = "lost"
    """A crash, and some or all of what was written since a file's last sync never reached the disk."""


class Disk(apsw.VFS):
    """The file system; files fail by its plan.

    Attributes:
        count: How many operations there were.
        struck: How many of them failed by plan.
    """

    NAME = "faulty"

    def __init__(self) -> None:
        super().__init__(self.NAME, "")
        self.plan()

    def plan(self, kind: Kind | None = None, at: int = 0) -> None:
        """From now on, fail as *kind* says at the operation number *at*."""
        self.kind, self.at = kind, at
        self.count = self.struck = 0
        self.dead = False
        self.images: dict[str, bytes] = {}  # each file as of its last sync
        self.since: dict[str, list[tuple[int, bytes | None]]] = {}  # what was done to it since

    def hit(self, code: int) -> bool:
        """Count an operation and fail it if it is its turn; whether only half of it is to be done."""
        if self.dead:
            raise apsw.exception_for(code)
        self.count += self.kind is not Kind.TORN or code == apsw.SQLITE_IOERR_WRITE
        if self.kind is None or self.count != self.at:
            return False
        self.struck += 1
        if self.kind is Kind.FULL:
            raise apsw.exception_for(apsw.SQLITE_FULL)
        self.dead = self.kind is not Kind.ERROR
        if self.kind is Kind.TORN:
            return True
        raise apsw.exception_for(code)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802 - the names are apsw's
        """Delete a file."""
        self.hit(apsw.SQLITE_IOERR_DELETE)
        super().xDelete(filename, syncdir)
        self.images.pop(filename, None)
        self.since.pop(filename, None)

    def xOpen(self, name: Any, flags: list[int]) -> "File":  # noqa: N802
        """Open a file."""
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if path is not None and self.kind is Kind.LOST and path not in self.images:
            self.images[path] = _read(path)
            self.since[path] = []
        return File(self, name, flags, path)

    def excepthook(self, *_: object) -> None:
        """Say nothing of a second error behind the first, which SQLite cannot tell."""

    def crash(self, random: Random) -> bool:
        """Leave on the disk what a crash leaves, everything on it is closed; whether something was lost."""
        if self.kind is not Kind.LOST or not self.struck:
            return False
        keep, is_lost = random.choice((0.0, 0.5)), False
        for path, image in self.images.items():
            # With nothing done since the last sync there is nothing to lose.
            if self.since[path] and Path(path).exists():
                data = bytearray(image)
                for offset, written in self.since[path]:
                    if random.random() < keep:
                        _apply(data, offset, written)
                is_lost = is_lost or Path(path).read_bytes() != data
                Path(path).write_bytes(data)
        return is_lost


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        return b""


def _apply(data: bytearray, offset: int, written: bytes | None) -> None:
    """Do a write, or a truncation to *offset*."""
    if written is None:
        del data[offset:]
        return
    data.extend(bytes(max(offset - len(data), 0)))
    data[offset : offset + len(written)] = written


class File(apsw.VFSFile):
    """One open file."""

    def __init__(self, disk: Disk, name: Any, flags: list[int], path: str | None) -> None:
        super().__init__("", name, flags)
        self._disk, self._path = disk, path

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        """Read."""
        if self._disk.dead:
            raise apsw.exception_for(apsw.SQLITE_IOERR_READ)
        return super().xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        """Write."""
        if self._disk.hit(apsw.SQLITE_IOERR_WRITE):
            super().xWrite(data[: len(data) // 2], offset)
            raise apsw.exception_for(apsw.SQLITE_IOERR_WRITE)
        self._note(offset, data)
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        """Make shorter."""
        self._disk.hit(apsw.SQLITE_IOERR_TRUNCATE)
        self._note(newsize, None)
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        """Bring to the disk."""
        self._disk.hit(apsw.SQLITE_IOERR_FSYNC)
        super().xSync(flags)
        if self._disk.kind is Kind.LOST and self._path is not None:
            self._disk.images[self._path] = _read(self._path)
            self._disk.since[self._path] = []

    def excepthook(self, *_: object) -> None:
        """Say nothing of a second error behind the first, which SQLite cannot tell."""

    def _note(self, offset: int, data: bytes | None) -> None:
        if self._disk.kind is Kind.LOST and self._path is not None:
            self._disk.since[self._path].append((offset, None if data is None else bytes(data)))


# --- apsw in the clothes of sqlite3 ----------------------------------------------------------------------------


def translated(error: apsw.Error) -> sqlite3.Error:
    """The error that ``sqlite3`` raises in this case."""
    code = getattr(error, "extendedresult", 0) or getattr(error, "result", apsw.SQLITE_ERROR)
    kind = {
        apsw.SQLITE_CONSTRAINT: sqlite3.IntegrityError,
        apsw.SQLITE_CORRUPT: sqlite3.DatabaseError,
        apsw.SQLITE_NOTADB: sqlite3.DatabaseError,
        apsw.SQLITE_MISUSE: sqlite3.ProgrammingError,
    }.get(code & 0xFF, sqlite3.OperationalError)
    told = kind(str(error))
    told.sqlite_errorcode = code
    told.sqlite_errorname = str(apsw.mapping_extended_result_codes.get(code, code))
    return told


class Cursor:
    """A cursor as of ``sqlite3``."""

    def __init__(self, connection: "Connection") -> None:
        self.connection = connection
        self._real = connection.real.cursor()
        self.lastrowid: int | None = None
        self.rowcount = -1
        self.arraysize = 1

    def execute(self, sql: str, parameters: Any = ()) -> Self:
        """Run one statement."""
        return self._run(lambda: self._real.execute(sql, parameters))

    def executemany(self, sql: str, parameters: Iterable[Any]) -> Self:
        """Run one statement for each set of parameters."""
        return self._run(lambda: self._real.executemany(sql, parameters))

    def executescript(self, sql: str) -> Self:
        """Run several statements."""
        return self._run(lambda: self._real.execute(sql))

    def fetchone(self) -> Any:
        """The next row, or None."""
        try:
            return self._real.fetchone()
        except apsw.Error as error:
            raise translated(error) from error

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        try:
            return self._real.fetchall()
        except apsw.Error as error:
            raise translated(error) from error

    def fetchmany(self, size: int = 1) -> list[Any]:
        """At most so many rows."""
        rows = (self.fetchone() for _ in range(size))
        return [row for row in rows if row is not None]

    def close(self) -> None:
        """Release it."""
        self._real.close(True)

    def __iter__(self) -> Iterator[Any]:
        while (row := self.fetchone()) is not None:
            yield row

    def __next__(self) -> Any:
        if (row := self.fetchone()) is None:
            raise StopIteration
        return row

    def _run(self, call: Any) -> Self:
        real = self.connection.real
        before = real.total_changes()
        try:
            call()
        except apsw.Error as error:
            raise translated(error) from error
        self.lastrowid, self.rowcount = real.last_insert_rowid(), real.total_changes() - before
        return self


class Connection:
    """A connection as of ``sqlite3``, in the mode without transactions of its own.

    Args:
        path: The file.
        vfs: The file system.
        timeout: How long to wait for a lock, in seconds.
        journal: The journal mode, whatever is asked for; None for what is asked for.
    """

    def __init__(self, path: Any, vfs: str, timeout: float, journal: str | None = None) -> None:
        self._journal = journal
        try:
            self.real = apsw.Connection(str(path), vfs=vfs)
        except apsw.Error as error:
            raise translated(error) from error
        self.real.set_busy_timeout(int(timeout * 1000))
        self.isolation_level = None

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self.real.in_transaction

    @property
    def total_changes(self) -> int:
        """How many rows were changed since the opening."""
        return self.real.total_changes()

    def cursor(self) -> Cursor:
        """A new cursor."""
        return Cursor(self)

    def execute(self, sql: str, parameters: Any = ()) -> Cursor:
        """Run one statement."""
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any]) -> Cursor:
        """Run one statement for each set of parameters."""
        return self.cursor().executemany(sql, parameters)

    def executescript(self, sql: str) -> Cursor:
        """Run several statements."""
        return self.cursor().executescript(sql)

    def create_function(self, name: str, narg: int, func: Any, *, deterministic: bool = False) -> None:
        """Make a function of SQL."""
        self.real.create_scalar_function(name, func, narg, deterministic=deterministic)

    def commit(self) -> None:
        """End the transaction."""
        if self.in_transaction:
            self.execute("COMMIT")

    def rollback(self) -> None:
        """Take the transaction back."""
        if self.in_transaction:
            self.execute("ROLLBACK")

    def set_progress_handler(self, handler: Callable[[], bool] | None, steps: int) -> None:
        """Have *handler* asked after so many steps whether to stop."""
        self.real.set_progress_handler(handler, steps)

    def close(self) -> None:
        """Close it."""
        try:
            self.real.close(True)
        except apsw.Error as error:
            raise translated(error) from error


def connecting(vfs: str) -> Any:
    """A stand-in for ``sqlite3.connect`` on the file system *vfs*."""

    def connect(path: Any, timeout: float = 5.0, **_: Any) -> Connection:
        return Connection(path, vfs, timeout)

    return connect
