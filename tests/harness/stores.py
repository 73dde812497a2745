"""Stores that see what is written to another one, or stand in its way."""

from collections.abc import Callable, Mapping, Sequence

import anyio

from taskorch.core.frontier.facts import RETRY, START
from taskorch.core.receipts import Claimed, Entry, Page, Receipt, Record, Refused, Renewed
from taskorch.core.selection import Filter, Lane
from taskorch.core.unit import Message, Unit
from taskorch.errors import StoreError, StoreUnavailable
from taskorch.protocols import Store
from taskorch.stores import MemoryStore
from tests.harness.effects import Attempt


class SharedMemory(MemoryStore):
    """A store in memory that says of itself what only others can be."""

    @property
    def is_shared(self) -> bool:
        """Others may use it: leases in it have a time, and are kept alive."""
        return True


class Around:
    """A store that hands everything on to another one."""

    def __init__(self, store: Store) -> None:
        self.store = store

    @property
    def name(self) -> str:
        """The name of the other one."""
        return self.store.name

    @property
    def is_shared(self) -> bool:
        """Whether the other one is shared."""
        return self.store.is_shared

    async def apply(self, units: Sequence[Unit]) -> list[Receipt]:
        """Hand it on."""
        return await self.store.apply(units)

    async def claim(
        self, owner: str, lanes: Sequence[Lane], limits: Mapping[str, int], ttl: float | None, n: int
    ) -> list[Claimed]:
        """Hand it on."""
        return await self.store.claim(owner, lanes, limits, ttl, n)

    async def lease(self, owner: str, id: str, ttl: float | None = None, *, force: bool = False) -> Claimed | Refused:
        """Hand it on."""
        return await self.store.lease(owner, id, ttl, force=force)

    async def renew(self, leases: Sequence[tuple[str, int]], ttl: float) -> list[Renewed | Refused]:
        """Hand it on."""
        return await self.store.renew(leases, ttl)

    async def read(self, ids: Sequence[str]) -> list[Record | None]:
        """Hand it on."""
        return await self.store.read(ids)

    async def find(self, where: Filter, after: str = "", n: int = 1000) -> list[Record]:
        """Hand it on."""
        return await self.store.find(where, after, n)

    async def journal(self, run: str, after: int = 0, n: int = 1000) -> list[Entry]:
        """Hand it on."""
        return await self.store.journal(run, after, n)

    async def messages(self, run: str, n: int = 1000) -> list[Message]:
        """Hand it on."""
        return await self.store.messages(run, n)

    async def events(self, after: str = "", n: int = 1000) -> Page:
        """Hand it on."""
        return await self.store.events(after, n)

    async def next_due(self, lanes: Sequence[Lane]) -> int | None:
        """Hand it on."""
        return await self.store.next_due(lanes)

    async def hints(self) -> None:
        """Hand it on."""
        await self.store.hints()

    async def trim(self, finished_before: int, n: int = 1000) -> int:
        """Hand it on."""
        return await self.store.trim(finished_before, n)

    async def aclose(self) -> None:
        """Hand it on."""
        await self.store.aclose()


class Recording(Around):
    """Knows which attempts have been recorded as started, and answered so.

    Attributes:
        inserted: The runs that were inserted, each with how many facts it has taken over from another one.
    """

    def __init__(self, store: Store, ids: Sequence[str]) -> None:
        """A store for runs whose steps have these *ids*."""
        super().__init__(store)
        self.inserted: dict[str, int] = {}
        self._started: dict[str, set[Attempt]] = {}
        self._ids, self._others = ids, dict[str, Sequence[str]]()

    def name_steps(self, run_id: str, ids: Sequence[str]) -> None:
        """The steps of a run are not those of the others."""
        self._others[run_id] = ids

    def started(self, run_id: str) -> set[Attempt]:
        """The attempts of a run."""
        return self._started.setdefault(run_id, set())

    async def apply(self, units: Sequence[Unit]) -> list[Receipt]:
        """Hand it on, and note what has been kept."""
        receipts = await self.store.apply(units)
        for unit, receipt in zip(units, receipts, strict=True):
            if isinstance(receipt, Refused):
                continue
            if unit.epoch == 0:
                self.inserted[unit.run] = len(unit.facts)
            ids = self._others.get(unit.run, self._ids)
            self.started(unit.run).update((ids[f[0]], f[2]) for f in unit.facts if f[1] in (START, RETRY))
        return receipts


class Unreliable(Around):
    """Raises ``StoreUnavailable`` at each n-th ``apply``, before or after it has been done.

    Attributes:
        faults: How often it has.
        calls: How often ``apply`` was called; units that come while one is under way share a call.
    """

    def __init__(self, store: Store, every: int, *, applies: bool) -> None:
        super().__init__(store)
        self.faults = self.calls = 0
        self._every, self._applies = every, applies

    async def apply(self, units: Sequence[Unit]) -> list[Receipt]:
        """Hand it on, and perhaps lose the answer."""
        self.calls += 1
        if self.calls % self._every:
            return await self.store.apply(units)
        self.faults += 1
        if self._applies:
            await self.store.apply(units)
        raise StoreUnavailable(self.name, "the answer was lost")


class Dead(Around):
    """Does nothing any more after so many calls of ``apply``.

    Attributes:
        calls: How often ``apply`` was called.
    """

    def __init__(self, store: Store, after: int, error: Callable[[str, str], StoreError]) -> None:
        super().__init__(store)
        self.calls = 0
        self._after, self._error = after, error

    async def apply(self, units: Sequence[Unit]) -> list[Receipt]:
        """Hand it on, or be dead."""
        self.calls += 1
        if self.calls > self._after:
            raise self._error(self.name, "it is dead")
        return await self.store.apply(units)


class Held(Around):
    """Answers ``apply`` only while its gate is open, or lets through so many calls before.

    Attributes:
        gate: Open it to let calls pass.
        waiting: How many calls wait.
    """

    def __init__(self, store: Store, passing: int) -> None:
        super().__init__(store)
        self.gate = anyio.Event()
        self.waiting = 0
        self._passing = passing

    async def apply(self, units: Sequence[Unit]) -> list[Receipt]:
        """Hand it on, once the gate is open."""
        self._passing -= 1
        if self._passing < 0:
            self.waiting += 1
            await self.gate.wait()
        return await self.store.apply(units)
