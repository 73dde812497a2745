"""The store in one SQLite file."""

import os
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar, get_args

from taskorch.core.unit import Claimed, Entry, Receipt, Record, Refused, Unit
from taskorch.errors import StoreError
from taskorch.stores.journal import written
from taskorch.stores.sqlite import ledger
from taskorch.stores.sqlite.database import Connect, Durability, Opening
from taskorch.stores.sqlite.faults import fault
from taskorch.stores.sqlite.writer import Writer

T = TypeVar("T")


class SQLiteStore:
    """A store in one file, held by one store object at a time.

    The constructor does nothing to the disk; the first verb opens the file, or makes it, readable by its
    owner only. Its folder must exist. Beside it lie ``<file>.lock``, and while the store is open
    ``<file>-wal`` and ``<file>-shm``. Close the store with ``async with`` or ``aclose()``.

    What it promises: with ``durability="full"`` what was answered survives a crash of the process, of the
    system, and a power cut, as far as the disk keeps its own word. With ``"normal"`` a power cut may take the
    last units (whole ones, never the order), a crash of the process nothing; a commit is much faster.

    Leases live until they are released or the file is opened anew: an operating-system lock is held as long
    as the store is open, so whoever opens it knows that all earlier owners are gone.

    Cancelling a caller harms nothing. A cancelled ``apply`` is kept wholly or not at all, and repeating it
    tells which. A cancelled ``claim`` holds nothing: a lease that was already given is released again.

    The store may be used from one event loop after another. A process that was forked while it was open can
    use neither it nor its file: SQLite does not survive a fork. Spawn such a process, or close before.

    Args:
        path: The file.
        durability: ``full`` to wait for the disk at each commit, ``normal`` to leave that to checkpoints.
        connect: A stand-in for ``sqlite3.connect``, for tests that make the disk fail.

    Raises:
        ValueError: *durability* is neither, or *path* asks for a database in memory.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        durability: Durability = "full",
        connect: Connect = sqlite3.connect,
    ) -> None:
        self._name = os.fspath(path)
        if self._name in ("", ":memory:"):
            raise ValueError("a SQLiteStore needs the path of a file; a MemoryStore needs no disk")
        if durability not in get_args(Durability):
            raise ValueError(f"durability must be 'full' or 'normal', not {durability!r}")
        # Absolute from now on: a program may change its directory before the first verb.
        location = Path(self._name).absolute()
        opening = Opening(path=location, name=self._name, durability=durability, connect=connect)
        self._writer = Writer(self._name, opening)

    @property
    def name(self) -> str:
        """The path, as it was given."""
        return self._name

    async def apply(self, units: Sequence[Unit]) -> list[Receipt]:
        """Keep each unit wholly or not at all, in order, with one trip to the disk; see ``Store.apply``.

        Raises:
            StoreUnavailable: The disk is full, fails or is busy. The outcome is unknown: repeat it.
            StoreError: A unit holds what cannot be written down; nothing of the batch was kept.
        """
        prepared = [(unit, written(self._name, unit)) for unit in units]
        return await self._call(partial(ledger.keep, units=prepared))

    async def claim(self, owner: str, id: str) -> Claimed | Refused:
        """Give *owner* the lease of the record *id*; see ``Store.claim``."""

        def undo(connection: sqlite3.Connection, answer: Claimed | Refused) -> None:
            if isinstance(answer, Claimed):
                ledger.release(connection, id, answer.epoch)

        return await self._call(partial(ledger.lease, owner=owner, id=id), undo)

    async def read(self, ids: Sequence[str]) -> list[Record | None]:
        """The records of *ids* as last kept, in their order; None where there is none."""
        return await self._call(partial(ledger.records, ids=tuple(ids)))

    async def journal(self, run: str, after: int = 0, n: int = 1000) -> list[Entry]:
        """At most *n* units' facts of *run* behind the cursor *after*; see ``Store.journal``."""
        return await self._call(partial(ledger.entries, run=run, after=after, n=n))

    async def aclose(self) -> None:
        """Bring everything into the file, close it and release the lock, and with it every lease.

        Work under way is finished first, and a cancelled caller waits for it all the same. Closing twice does
        no harm. In a forked child it does nothing.
        """
        await self._writer.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _call(
        self,
        work: Callable[[sqlite3.Connection], T],
        undo: Callable[[sqlite3.Connection, T], None] | None = None,
    ) -> T:
        try:
            return await self._writer.call(work, undo)
        except sqlite3.Error as error:
            raise fault(self._name, error) from error
        except (ValueError, OverflowError) as error:
            # Text that is not UTF-8, a number beyond 64 bits, or a journal somebody else has written into.
            raise StoreError(self._name, f"a value cannot be kept or read ({error})") from error
