"""A store in the memory of this process, for runs that need not outlive it."""

from bisect import bisect_right
from collections.abc import Sequence
from operator import itemgetter
from types import TracebackType
from typing import Self

import attrs
from anyio.lowlevel import checkpoint

from taskorch.core.unit import (
    Claimed,
    Done,
    Entry,
    LeaseAction,
    Put,
    Receipt,
    Record,
    Refusal,
    Refused,
    Unit,
)
from taskorch.errors import StoreError
from taskorch.stores.journal import facts, written
from taskorch.stores.verdict import Standing, Tenure, verdict

_cursor = itemgetter(0)


class MemoryStore:
    """A store that keeps everything in memory and forgets it when it is closed.

    It is a store in its own right: what comes back has been written as JSON and read again, so that a run
    behaves as it would on disk. Use it from one event loop. Every verb does its work at once, between two
    checkpoints, so a cancelled call did nothing, and a cancelled claim holds nothing.

    Leases live until they are released or the store is closed.
    """

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._numbers: dict[tuple[str, int], int] = {}
        self._journals: dict[str, list[tuple[int, str]]] = {}
        self._last_cursor = 0
        self._closed = False

    @property
    def name(self) -> str:
        """``memory:``."""
        return "memory:"

    async def apply(self, units: Sequence[Unit]) -> list[Receipt]:
        """Keep each unit wholly or not at all, in order; see ``Store.apply``."""
        await self._enter()
        # All that can fail comes first, so that the batch is kept wholly or not at all.
        texts = [written(self.name, unit) for unit in units]
        return [self._keep(unit, text) for unit, text in zip(units, texts, strict=True)]

    async def claim(self, owner: str, id: str) -> Claimed | Refused:
        """Give *owner* the lease of the record *id*; see ``Store.claim``."""
        await self._enter()
        record = self._records.get(id)
        if record is None:
            return Refused(Refusal.UNKNOWN)
        if record.owner is not None:
            return Refused(Refusal.BUSY, by=record.owner)
        self._records[id] = attrs.evolve(record, epoch=record.epoch + 1, owner=owner)
        return Claimed(record.epoch + 1)

    async def read(self, ids: Sequence[str]) -> list[Record | None]:
        """The records of *ids* as last kept, in their order; None where there is none."""
        await self._enter()
        return [self._records.get(id) for id in ids]

    async def journal(self, run: str, after: int = 0, n: int = 1000) -> list[Entry]:
        """At most *n* units' facts of *run* behind the cursor *after*; see ``Store.journal``."""
        await self._enter()
        entries = self._journals.get(run, [])
        first = bisect_right(entries, after, key=_cursor)
        return [Entry(cursor, facts(text)) for cursor, text in entries[first : first + max(n, 0)]]

    async def aclose(self) -> None:
        """Forget everything. Closing twice does no harm."""
        self._closed = True
        self._records.clear()
        self._numbers.clear()
        self._journals.clear()
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

    def _keep(self, unit: Unit, text: str | None) -> Receipt:
        answer = verdict(unit, self._tenure(unit), self._standing(unit.put))
        if answer is not None:
            return answer
        if unit.put is not None:
            self._write(unit.put)
        if unit.epoch > 0:
            self._numbers[unit.run, unit.epoch] = unit.number
            if unit.lease is LeaseAction.RELEASE:
                self._records[unit.run] = attrs.evolve(self._records[unit.run], owner=None)
        self._last_cursor += 1
        if text is not None:
            self._journals.setdefault(unit.run, []).append((self._last_cursor, text))
        return Done(self._last_cursor)

    def _tenure(self, unit: Unit) -> Tenure:
        record = self._records.get(unit.run)
        return Tenure(
            living=record is not None and record.owner is not None and record.epoch == unit.epoch,
            number=self._numbers.get((unit.run, unit.epoch), 0),
        )

    def _standing(self, put: Put | None) -> Standing | None:
        record = None if put is None else self._records.get(put.id)
        if put is None or record is None:
            return None
        return Standing(version=record.version, same_body=record.body == put.body)

    def _write(self, put: Put) -> None:
        old = self._records.get(put.id)
        epoch, owner = (0, None) if old is None else (old.epoch, old.owner)
        self._records[put.id] = Record(id=put.id, version=put.version, body=put.body, epoch=epoch, owner=owner)
