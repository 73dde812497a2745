"""A store in the memory of this process, for runs that need not outlive it."""

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

import anyio
from anyio.lowlevel import checkpoint

from taskorch.core.receipts import Claimed, Entry, Page, Receipt, Record, Refusal, Refused, Renewed
from taskorch.core.selection import Filter, Lane
from taskorch.core.unit import Message, Unit
from taskorch.errors import StoreError
from taskorch.stores.clock import end_of, lifetime, never_back, system_time
from taskorch.stores.journal import position, written
from taskorch.stores.memory.tables import Tables
from taskorch.stores.picking import pick
from taskorch.stores.settlement import Settlement


class MemoryStore:
    """A store that keeps everything in memory and forgets it when it is closed.

    It is a store in its own right: what comes back has been written as JSON and read again, so that a run
    behaves as it would on disk. Use it from one event loop. Every verb does its work at once, between two
    checkpoints, so a cancelled call did nothing, and a cancelled claim holds nothing.

    Args:
        now: Its clock: the microseconds since 1970.
    """

    def __init__(self, *, now: Callable[[], int] = system_time) -> None:
        self._now = never_back(now)
        self._tables = Tables(self._now)
        self._changed: anyio.Event | None = None
        self._closed = False

    def __repr__(self) -> str:
        return "MemoryStore()"

    @property
    def name(self) -> str:
        """``memory:``."""
        return "memory:"

    @property
    def is_shared(self) -> bool:
        """No other process can use it."""
        return False

    async def apply(self, units: Sequence[Unit]) -> list[Receipt]:
        """Keep each unit wholly or not at all, in order; see ``Store.apply``."""
        await self._enter()
        # All that can fail comes first, so that the batch is kept wholly or not at all.
        prepared = [(unit, written(self.name, unit)) for unit in units]
        # One instant for the index and the rules, or an entry whose lease ends in between would be counted twice.
        now = self._now()
        self._tables.index.look(now, self._tables.all)
        receipts = Settlement(self._tables, now).settle(prepared)
        self._hint()
        return receipts

    async def claim(
        self, owner: str, lanes: Sequence[Lane], limits: Mapping[str, int], ttl: float | None, n: int
    ) -> list[Claimed]:
        """Give *owner* the leases of at most *n* records whose entries are due; see ``Store.claim``."""
        await self._enter()
        tables, now = self._tables, self._now()
        tables.index.look(now, tables.all)
        ids = pick(lanes, tables.index.lines, tables.index.leased(), limits, n)
        until = end_of(now, lifetime(self.name, ttl))
        return [tables.granted(id, owner, until, now) for id in ids]

    async def lease(self, owner: str, id: str, ttl: float | None = None, *, force: bool = False) -> Claimed | Refused:
        """Give *owner* the lease of the record *id*; see ``Store.lease``."""
        await self._enter()
        standing, now = self._tables.all.get(id), self._now()
        if standing is None:
            return Refused(Refusal.UNKNOWN, id=id)
        if not force and (busy := standing.busy(now)) is not None:
            return busy
        return self._tables.granted(id, owner, end_of(now, lifetime(self.name, ttl)), now)

    async def renew(self, leases: Sequence[tuple[str, int]], ttl: float) -> list[Renewed | Refused]:
        """Let leases live for *ttl* seconds from now; see ``Store.renew``."""
        await self._enter()
        now = self._now()
        until = end_of(now, lifetime(self.name, ttl))
        return [self._tables.renewed(run, epoch, until, now) for run, epoch in leases]

    async def read(self, ids: Sequence[str]) -> list[Record | None]:
        """The records of *ids* as last kept, in their order; None where there is none."""
        await self._enter()
        now = self._now()
        return [self._tables.record(id, now) if id in self._tables.all else None for id in ids]

    async def find(self, where: Filter, after: str = "", n: int = 1000) -> list[Record]:
        """At most *n* records that meet *where*, by their ids, behind the id *after*."""
        await self._enter()
        return self._tables.found(where, after, n, self._now())

    async def journal(self, run: str, after: int = 0, n: int = 1000) -> list[Entry]:
        """At most *n* units' facts of *run* behind the cursor *after*; see ``Store.journal``."""
        await self._enter()
        return self._tables.journal(run, after, max(n, 0))

    async def messages(self, run: str, n: int = 1000) -> list[Message]:
        """At most *n* unread messages to *run*, in the order they were kept."""
        await self._enter()
        return self._tables.unread(run, max(n, 0))

    async def events(self, after: str = "", n: int = 1000) -> Page:
        """At most *n* units' facts of all runs behind the cursor *after*; see ``Store.events``."""
        await self._enter()
        return self._tables.page(position(self.name, after), max(n, 0))

    async def next_due(self, lanes: Sequence[Lane]) -> int | None:
        """The first instant at which an entry in *lanes* is due; see ``Store.next_due``."""
        await self._enter()
        now = self._now()
        self._tables.index.look(now, self._tables.all)
        return self._tables.index.next_due({queue for lane in lanes for queue in lane.queues}, now)

    async def hints(self) -> None:
        """Wait until something has changed."""
        await self._enter()
        if self._changed is None:
            self._changed = anyio.Event()
        await self._changed.wait()

    async def trim(self, finished_before: int, n: int = 1000) -> int:
        """Forget at most *n* records that finished before that instant; see ``Store.trim``."""
        await self._enter()
        return self._tables.trim(finished_before, n, self._now())

    async def aclose(self) -> None:
        """Forget everything. Closing twice does no harm."""
        self._closed = True
        self._tables = Tables(self._now)
        self._hint()
        await checkpoint()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _enter(self) -> None:
        await checkpoint()
        if self._closed:
            raise StoreError(self.name, "is closed; open another one")

    def _hint(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None
