"""The store in a PostgreSQL database: its verbs."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self, TypeVar

from taskorch.core.json_text import described
from taskorch.core.receipts import Claimed, Entry, Page, Receipt, Record, Refused, Renewed
from taskorch.core.selection import Filter, Lane
from taskorch.core.unit import Message, Unit
from taskorch.errors import InvalidParameters
from taskorch.stores import processes
from taskorch.stores.clock import lifetime
from taskorch.stores.journal import written
from taskorch.stores.postgres import claiming, leasing, reading
from taskorch.stores.postgres.address import address_of
from taskorch.stores.postgres.connections import Connection, Connections
from taskorch.stores.postgres.holder import Holder
from taskorch.stores.postgres.lines import Lines
from taskorch.stores.postgres.listener import Listener
from taskorch.stores.postgres.tables import Tables
from taskorch.stores.settlement import Settlement, hindered

T = TypeVar("T")
_LONGEST_NAME = 63
_SECONDS_BETWEEN_LOOKS = 0.5
"""At most so often a claim looks for owners that are dead."""


class PostgresStore:
    """A store in one schema of a PostgreSQL database (14 or later), shared by all who open it.

    The constructor does nothing; the first verb connects, and makes the schema or brings it to this version. Close
    the store with ``async with`` or ``aclose()``: that releases the leases that were given through it.

    What it promises: what was answered survives a crash of everything, as far as the server's own settings keep a
    commit (``synchronous_commit``, ``fsync``). Time is the server's. A lease lives for its time; if its owner died on
    the same host, as the same user may see, it ends when the next one asks.

    Cancelling a caller harms nothing. A cancelled call waits for its statement, which the statement timeout bounds;
    a cancelled ``apply`` is kept wholly or not at all, and repeating it tells which. A cancelled ``claim`` or
    ``lease`` holds nothing: what was already given is released again.

    The store may be used from several event loops and threads. A process that was forked while it was open cannot
    use it. ``events`` reads up to the oldest transaction that is open in the cluster, so one that is left open
    delays them. Behind a connection pool that shares sessions, hints do not arrive.

    Args:
        dsn: ``postgresql://user:password@host:port/database``, or what else libpq reads; what it leaves out comes
            from the environment (``PGHOST``, ``PGPASSWORD``…).
        schema: The schema, which should hold nothing else.
        size: The most connections at once, that of the listener not counted.
        statement_timeout: How many seconds the server may work on one statement.
        connect_timeout: How many seconds to wait for a connection.

    Raises:
        StoreUnreadable: *dsn* is no address.
        InvalidParameters: *schema*, *size* or a timeout cannot be.
    """

    def __init__(
        self,
        dsn: str,
        *,
        schema: str = "taskorch",
        size: int = 8,
        statement_timeout: float = 30.0,
        connect_timeout: float = 10.0,
    ) -> None:
        _check(schema, size, statement_timeout, connect_timeout)
        address = address_of(dsn, statement_timeout=statement_timeout, connect_timeout=connect_timeout)
        self._name, self._schema = address.name, schema
        self._connections = Connections(
            address, schema, size=size, statement_timeout=statement_timeout, connect_timeout=connect_timeout
        )
        self._listener = Listener(self._connections.connect, schema)
        self._lines, self._holder = Lines(), Holder()
        self._looking = threading.Lock()
        self._looked = float("-inf")

    def __repr__(self) -> str:
        return f"PostgresStore({self._name!r}, schema={self._schema!r})"

    @property
    def name(self) -> str:
        """The address without the password."""
        return self._name

    @property
    def is_shared(self) -> bool:
        """Other processes may use it too."""
        return True

    async def version(self) -> int:
        """The version of the tables that the schema holds now; 0 if there are none. Nothing is changed.

        Raises:
            StoreError: They cannot be read, or are of a later taskorch.
        """
        self._connections.check()
        return await self._connections.in_thread(self._connections.version)

    async def apply(self, units: Sequence[Unit]) -> list[Receipt]:
        """Keep each unit wholly or not at all, in order, in one transaction; see ``Store.apply``."""
        prepared = [(unit, written(self._name, unit)) for unit in units]
        if not prepared:
            self._connections.check()
            return []

        receipts = await self._settled(prepared)
        if not (again := hindered(units, receipts)):
            return receipts
        are_dead = await self._call(self._holder.bury)
        if are_dead:  # those who stood in the way
            more = await self._settled([prepared[number] for number in again])
            for number, receipt in zip(again, more, strict=True):
                receipts[number] = receipt
        return receipts

    async def _settled(self, prepared: Sequence[tuple[Unit, str | None]]) -> list[Receipt]:
        units = [unit for unit, _ in prepared]

        def work(connection: Connection) -> list[Receipt]:
            self._lines.ensure(connection, ((entry.queue, entry.tags) for unit in units for entry in unit.entries))
            with leasing.transaction(connection):
                tables = Tables(connection, self._lines, self._schema, units)
                return Settlement(tables, tables.now).settle(prepared)

        return await self._call(work)

    async def claim(
        self, owner: str, lanes: Sequence[Lane], limits: Mapping[str, int], ttl: float | None, n: int
    ) -> list[Claimed]:
        """Give *owner* the leases of at most *n* records whose entries are due; see ``Store.claim``."""
        wanted, length = (tuple(lanes), dict(limits), n), lifetime(self._name, ttl)

        def work(connection: Connection) -> list[Claimed]:
            if self._may_look():
                self._holder.bury(connection)
            claimant = leasing.Claimant(owner, self._holder.key(connection), length)
            return claiming.claim(connection, self._lines, claiming.Claim(claimant, *wanted))

        return await self._call(work, self._holder.take_back)

    async def lease(self, owner: str, id: str, ttl: float | None = None, *, force: bool = False) -> Claimed | Refused:
        """Give *owner* the lease of the record *id*; see ``Store.lease``."""
        length = lifetime(self._name, ttl)

        def is_void(holder: str) -> bool:
            # One that nobody knows has left, see Holder.
            return force or not holder or (holder != self._holder.identity and processes.is_dead(holder))

        def work(connection: Connection) -> Claimed | Refused:
            claimant = leasing.Claimant(owner, self._holder.key(connection), length)
            return leasing.lease(connection, self._lines, claimant, id, is_void)

        def undo(connection: Connection, answer: Claimed | Refused) -> None:
            self._holder.take_back(connection, [answer] if isinstance(answer, Claimed) else [])

        return await self._call(work, undo)

    async def renew(self, leases: Sequence[tuple[str, int]], ttl: float) -> list[Renewed | Refused]:
        """Let leases live for *ttl* seconds from now; see ``Store.renew``."""
        held, length = [(run, epoch) for run, epoch in leases], lifetime(self._name, ttl)
        return await self._call(lambda connection: leasing.renew(connection, held, length))

    async def read(self, ids: Sequence[str]) -> list[Record | None]:
        """The records of *ids* as last kept, in their order; None where there is none."""
        wanted = tuple(ids)
        return await self._call(lambda connection: reading.read(connection, self._lines, wanted))

    async def find(self, where: Filter, after: str = "", n: int = 1000) -> list[Record]:
        """At most *n* records that meet *where*, by their ids, behind the id *after*."""
        return await self._call(lambda connection: reading.find(connection, self._lines, where, after, n))

    async def journal(self, run: str, after: int = 0, n: int = 1000) -> list[Entry]:
        """At most *n* units' facts of *run* behind the cursor *after*; see ``Store.journal``."""
        return await self._call(lambda connection: reading.journal(connection, run, after, n))

    async def messages(self, run: str, n: int = 1000) -> list[Message]:
        """At most *n* unread messages to *run*, in the order they were kept."""
        return await self._call(lambda connection: reading.messages(connection, run, n))

    async def events(self, after: str = "", n: int = 1000) -> Page:
        """At most *n* units' facts of all runs behind the cursor *after*; see ``Store.events``."""
        return await self._call(lambda connection: reading.events(connection, self._name, after, n))

    async def next_due(self, lanes: Sequence[Lane]) -> int | None:
        """The first instant at which an entry in *lanes* is due; see ``Store.next_due``."""
        queues = sorted({queue for lane in lanes for queue in lane.queues})
        return await self._call(lambda connection: reading.next_due(connection, queues))

    async def hints(self) -> None:
        """Wait until somebody, here or elsewhere, has changed something; see ``Store.hints``."""
        await self._connections.call(lambda connection: None)  # opens the store, or tells why it cannot be
        await self._listener.wait()

    async def trim(self, finished_before: int, n: int = 1000) -> int:
        """Forget at most *n* records that finished before that instant; see ``Store.trim``."""
        return await self._call(lambda connection: reading.trim(connection, finished_before, n))

    async def aclose(self) -> None:
        """Let what is under way end, release all leases given through this store, and disconnect.

        Waits even if the caller is cancelled. Closing twice does no harm. In a forked child it does nothing.
        """
        await self._connections.aclose(
            self._listener.close, lambda connection: self._holder.leave(connection, self._schema)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _call(self, work: Callable[[Connection], T], undo: Callable[[Connection, T], object] | None = None) -> T:
        """Have *work* done, after what an earlier call has left in doubt; see ``Connections.call``."""

        def settled(connection: Connection) -> T:
            self._holder.settle_doubts(connection)
            try:
                return work(connection)
            except leasing.UnknownGiftError as gift:
                self._holder.doubt(gift.leases)
                raise gift.error from None

        return await self._connections.call(settled, undo)

    def _may_look(self) -> bool:
        """Whether it is time to look for owners that are dead."""
        with self._looking:
            now = time.monotonic()
            if now < self._looked + _SECONDS_BETWEEN_LOOKS:
                return False
            self._looked = now
            return True


def _check(schema: object, size: object, *timeouts: object) -> None:
    """Raise ``InvalidParameters`` for what cannot be."""
    if not isinstance(schema, str) or not 0 < len(schema.encode(errors="replace")) <= _LONGEST_NAME or "\0" in schema:
        raise InvalidParameters([f"schema: expected a name of 1 to {_LONGEST_NAME} bytes, got {described(schema)}"])
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise InvalidParameters([f"size: expected a number of connections above 0, got {described(size)}"])
    for timeout in timeouts:
        if not isinstance(timeout, int | float) or isinstance(timeout, bool) or not timeout > 0:
            raise InvalidParameters([f"timeouts: expected seconds above 0, got {described(timeout)}"])
