"""The store in one SQLite file."""

import os
import sqlite3
import time
import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar, get_args

import anyio

from taskorch.core.json_text import described
from taskorch.core.receipts import Claimed, Entry, Page, Receipt, Record, Refused, Renewed
from taskorch.core.selection import Filter, Lane
from taskorch.core.unit import Message, Unit
from taskorch.errors import InvalidParameters, StoreError, StoreUnreadable
from taskorch.stores import addresses
from taskorch.stores.clock import lifetime, never_back, system_time
from taskorch.stores.journal import position, written
from taskorch.stores.processes import is_dead
from taskorch.stores.settlement import hindered
from taskorch.stores.sqlite import queries, verbs
from taskorch.stores.sqlite.cache import Cache
from taskorch.stores.sqlite.database import Connect, Durability, Opening, has_sound_log
from taskorch.stores.sqlite.faults import fault
from taskorch.stores.sqlite.ledger import Ledger, patiently
from taskorch.stores.sqlite.log import LIMIT, Log
from taskorch.stores.sqlite.tables import Tables
from taskorch.stores.sqlite.verbs import Claimant
from taskorch.stores.sqlite.writer import Writer

T = TypeVar("T")

OLD_LIBRARY = (
    "SQLite {} may damage a write-ahead log that several processes use; the file is kept with a rollback journal "
    "instead, which is slower. Use SQLite 3.51.3 or later, or PostgreSQL."
)
_SECONDS_BETWEEN_LOOKS = 0.5
"""How often claims look whether the owners of leases are still alive."""


class SQLiteStore:
    """A store in one file, held by one store object at a time, or shared by several.

    The constructor does nothing to the disk; the first verb opens the file, or makes it, readable by its
    owner only. Its folder must exist. Beside it lie ``<file>.lock``, and while the store is open
    ``<file>-wal`` and ``<file>-shm``. Close the store with ``async with`` or ``aclose()``.

    What it promises: with ``durability="full"`` what was answered survives a crash of the process, of the
    system, and a power cut, as far as the disk keeps its own word. With ``"normal"`` a power cut may take the
    last units (whole ones, never the order), a crash of the process nothing; a commit is much faster.

    Leases live until they are released, their time is over, or the file is opened anew: an operating-system lock is
    held as long as the store is open, so whoever opens it knows that all earlier owners are gone.

    With ``shared=True`` any number of store objects and processes on one machine may use the file at the same time, if
    all of them say so. A lease whose process has died is over at once. With a SQLite before 3.51.3, whose write-ahead
    log is not safe there, the file is kept with a rollback journal, which is slower, and the constructor warns.

    Leave its files alone while it is open. That the file was removed or replaced all the same is found out by whoever
    writes, at most a second later: a ``StoreError``, as what is written to it then is lost. Who only reads still finds
    what was there.

    Cancelling a caller harms nothing. A cancelled ``apply`` is kept wholly or not at all, and repeating it
    tells which. A cancelled ``claim`` holds nothing: a lease that was already given is released again.

    The store may be used from one event loop after another. A process that was forked while it was open can
    use neither it nor its file: SQLite does not survive a fork. Spawn such a process, or close before.

    Args:
        path: The file.
        durability: ``full`` to wait for the disk at each commit, ``normal`` to leave that to checkpoints.
        shared: Whether other processes may use the file too.
        connect: A stand-in for ``sqlite3.connect``, for tests that make the disk fail.
        now: Its clock: the microseconds since 1970.
        log_limit: How many bytes the write-ahead log may have while somebody else reads the file.

    Raises:
        StoreUnreadable: *path* can be no file, or looks like the address of a store: ``open_store`` takes those.
        InvalidParameters: *path* is no text and no path, *durability* is neither, or *log_limit* is no number of
            bytes; it is a ``ValueError`` as well.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        durability: Durability = "full",
        shared: bool = False,
        connect: Connect = sqlite3.connect,
        now: Callable[[], int] = system_time,
        log_limit: int = LIMIT,
    ) -> None:
        self._name = addresses.file_name(path)
        _check(durability, log_limit)
        # Absolute from now on: a program may change its directory before the first verb.
        self._location = location = addresses.absolute(self._name)
        self._is_shared, self._clock = shared, never_back(now)
        self._ledger = Ledger(Cache(lasts=not shared), self._clock, Log(self._name, log_limit))
        opening = Opening(
            path=location,
            name=self._name,
            durability=durability,
            connect=connect,
            ledger=self._ledger,
            token=os.urandom(8).hex(),
            is_shared=shared,
        )
        self._writer = Writer(self._name, opening)
        self._waiting: set[anyio.Event] = set()
        self._looked = -_SECONDS_BETWEEN_LOOKS
        if shared and not has_sound_log(sqlite3.sqlite_version_info):
            warnings.warn(OLD_LIBRARY.format(sqlite3.sqlite_version), stacklevel=2)

    @property
    def name(self) -> str:
        """The path, as it was given."""
        return self._name

    def __repr__(self) -> str:
        return f"SQLiteStore({self._name!r}{', shared=True' * self._is_shared})"

    @property
    def place(self) -> Path:
        """Where the file lies: its path from the root, by whatever link it is reached.

        Raises:
            StoreUnreadable: It cannot be followed.
        """
        try:
            return addresses.resolved(self._name, self._location)
        except OSError as error:
            raise StoreUnreadable(self._name, f"cannot be found ({error.strerror}); use another path") from None

    @property
    def is_shared(self) -> bool:
        """Whether other processes may use the file too."""
        return self._is_shared

    async def apply(self, units: Sequence[Unit]) -> list[Receipt]:
        """Keep each unit wholly or not at all, in order, with one trip to the disk; see ``Store.apply``.

        Raises:
            StoreUnavailable: The disk is full, fails or is busy. The outcome is unknown: repeat it.
            StoreError: A unit holds what cannot be written down; nothing of the batch was kept.
        """
        prepared = [(unit, written(self._name, unit)) for unit in units]
        receipts = await self._change(partial(verbs.apply, units=prepared))
        again = hindered(units, receipts)
        if again and await self._expire():  # those who stood in the way are dead
            more = await self._change(partial(verbs.apply, units=[prepared[number] for number in again]))
            for number, receipt in zip(again, more, strict=True):
                receipts[number] = receipt
        self._hint()
        return receipts

    async def claim(
        self, owner: str, lanes: Sequence[Lane], limits: Mapping[str, int], ttl: float | None, n: int
    ) -> list[Claimed]:
        """Give *owner* the leases of at most *n* records whose entries are due; see ``Store.claim``."""
        await self._expire(min_age=_SECONDS_BETWEEN_LOOKS)
        claimant = Claimant(owner, lifetime(self._name, ttl))
        work = partial(verbs.claim, claimant=claimant, lanes=tuple(lanes), limits=dict(limits), n=n)
        return await self._change(work, _undo)

    async def lease(self, owner: str, id: str, ttl: float | None = None, *, force: bool = False) -> Claimed | Refused:
        """Give *owner* the lease of the record *id*; see ``Store.lease``."""
        await self._expire()
        claimant = Claimant(owner, lifetime(self._name, ttl))
        [answer] = await self._change(partial(verbs.lease, claimant=claimant, id=id, force=force), _undo)
        return answer

    async def renew(self, leases: Sequence[tuple[str, int]], ttl: float) -> list[Renewed | Refused]:
        """Let leases live for *ttl* seconds from now; see ``Store.renew``."""
        length = lifetime(self._name, ttl)
        return await self._change(partial(verbs.renew, leases=tuple(leases), length=length))

    async def read(self, ids: Sequence[str]) -> list[Record | None]:
        """The records of *ids* as last kept, in their order; None where there is none."""
        return await self._query(partial(queries.records, ids=tuple(ids), now=self._clock()))

    async def find(self, where: Filter, after: str = "", n: int = 1000) -> list[Record]:
        """At most *n* records that meet *where*, by their ids, behind the id *after*."""
        return await self._query(partial(queries.find, where=where, after=after, n=n, now=self._clock()))

    async def journal(self, run: str, after: int = 0, n: int = 1000) -> list[Entry]:
        """At most *n* units' facts of *run* behind the cursor *after*; see ``Store.journal``."""
        return await self._query(partial(queries.entries, run=run, after=after, n=n))

    async def messages(self, run: str, n: int = 1000) -> list[Message]:
        """At most *n* unread messages to *run*, in the order they were kept."""
        return await self._query(partial(queries.messages, run=run, n=n))

    async def events(self, after: str = "", n: int = 1000) -> Page:
        """At most *n* units' facts of all runs behind the cursor *after*; see ``Store.events``."""
        return await self._query(partial(queries.events, after=position(self._name, after), n=n))

    async def next_due(self, lanes: Sequence[Lane]) -> int | None:
        """The first instant at which an entry in *lanes* is due; see ``Store.next_due``."""
        return await self._query(partial(queries.next_due, lanes=tuple(lanes), now=self._clock()))

    async def hints(self) -> None:
        """Wait until something has changed through this store object; what other processes change gives no hint."""
        self._writer.require_open()
        changed = anyio.Event()
        self._waiting.add(changed)
        try:
            await changed.wait()
        finally:
            self._waiting.discard(changed)

    async def trim(self, finished_before: int, n: int = 1000) -> int:
        """Forget at most *n* records that finished before that instant; see ``Store.trim``."""
        return await self._change(partial(verbs.trim, finished_before=finished_before, n=n))

    async def aclose(self) -> None:
        """Bring everything into the file, close it and release the lock, and with it every lease.

        Work under way is finished first, and a cancelled caller waits for it all the same. Closing twice does
        no harm. In a forked child it does nothing.
        """
        await self._writer.aclose()
        self._hint()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _expire(self, min_age: float = 0) -> bool:
        """End the time of leases whose processes have died, if nobody has looked for *min_age* seconds."""
        if not self._is_shared or time.monotonic() - self._looked < min_age:
            return False
        found = await self._told(self._writer.call(partial(self._ledger.expire, is_dead=is_dead)))
        self._looked = time.monotonic()
        return found

    def _hint(self) -> None:
        for changed in self._waiting:
            changed.set()

    async def _change(self, work: Callable[[Tables], T], undo: Callable[[Tables, T], None] | None = None) -> T:
        return await self._told(self._writer.call(work, undo, is_change=True))

    async def _query(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def asked(connection: sqlite3.Connection) -> T:
            return patiently(partial(work, connection))

        return await self._told(self._writer.call(asked, is_query=True))

    async def _told(self, call: Awaitable[T]) -> T:
        """What comes of a call, its error in words of ours."""
        try:
            return await call
        except sqlite3.Error as error:
            raise fault(self._name, error) from error
        except (ValueError, OverflowError) as error:
            # Text that is not UTF-8, a number beyond 64 bits, or a journal somebody else has written into.
            raise StoreError(self._name, f"a value cannot be kept or read ({error})") from error


def _check(durability: object, log_limit: object) -> None:
    problems = []
    if durability not in get_args(Durability):
        problems.append(f"durability must be 'full' or 'normal', not {described(durability)}")
    if not isinstance(log_limit, int) or isinstance(log_limit, bool) or log_limit < 0:
        problems.append(f"log_limit must be a number of bytes, 0 or more, not {described(log_limit)}")
    if problems:
        raise InvalidParameters(problems)


def _undo(tables: Tables, answers: Sequence[Claimed | Refused]) -> None:
    """Give back leases whose claimant has gone before it knew of them."""
    verbs.give_back(tables, [(answer.record.id, answer.epoch) for answer in answers if isinstance(answer, Claimed)])
