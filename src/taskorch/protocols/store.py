"""What a store must do: keep, and never decide."""

from collections.abc import Sequence
from typing import Protocol

from taskorch.core.unit import Claimed, Entry, Receipt, Record, Refused, Unit


class Store(Protocol):
    """A place that keeps the records of tasks and the journals of their runs.

    All verbs are asynchronous, may be called from any task of one event loop, on asyncio and trio alike, and
    may be called at the same time. None of them holds a transaction over an await. What a store has answered
    survives the end of the process, as far as the store's own documentation promises it.

    Errors: ``StoreUnreadable`` if it cannot be opened (raised by the first verb; nothing was changed),
    ``RunBusy`` if another process holds it, ``StoreUnavailable`` if the outcome is *unknown* and the same call
    may be made again, ``StoreError`` for anything that another try cannot mend. A refusal is never an
    exception: it is returned, so that one stale run cannot sink a batch.

    A lease is (owner, epoch) on one record. It lives until it is released, the store is closed, or its owner
    is known to be dead; who comes next gets the next epoch. Only the holder of the living lease writes to it.
    """

    @property
    def name(self) -> str:
        """What to call the store in messages; without passwords."""
        ...

    async def apply(self, units: Sequence[Unit]) -> list[Receipt]:
        """Keep each unit wholly or not at all, in order; the batch only shares the trip to the disk.

        For each unit the first that holds decides, in this order:

        1. An owner's unit (``epoch`` > 0) whose number is not above the last one kept under this very epoch of
           its run: ``Repeated``. Nothing is changed, whether or not the lease still lives.
        2. An owner's unit whose epoch is not that of the living lease of its run: ``Refused(STALE_LEASE)``.
        3. A put with ``expected=None`` for an id that exists: for a client's unit ``Repeated`` if body and
           version are equal to the kept ones, else ``Refused(EXISTS)``; for an owner's unit ``Refused(EXISTS)``.
        4. A put with an expected version other than the kept one, or no record: ``Refused(VERSION_CONFLICT)``.
        5. Otherwise the put is written, the facts are appended to the run's journal behind all earlier ones,
           the number is remembered, the lease is kept or released: ``Done(cursor)``. Cursors of one run rise.

        Every unit sees the effects of those before it in the batch. When the call returns, all kept units are
        as safe as the store makes them. If it raises ``StoreUnavailable``, the outcome of all is unknown: the
        caller repeats the same units, and rule 1 or 3 makes them take effect once.
        """
        ...

    async def claim(self, owner: str, id: str) -> Claimed | Refused:
        """Give *owner* the lease of the record *id*, with an epoch one above the last.

        ``Refused(UNKNOWN)`` without such a record; ``Refused(BUSY, by=…)`` while a living owner holds it, the
        claimant itself included: a lease is not shared.
        """
        ...

    async def read(self, ids: Sequence[str]) -> list[Record | None]:
        """The records of *ids* as last kept, in their order; None where there is none."""
        ...

    async def journal(self, run: str, after: int = 0, n: int = 1000) -> list[Entry]:
        """At most *n* units' facts of *run*, in the order they were kept, behind the cursor *after*.

        An empty list means that there are no more. Units without facts are left out. Details come back as
        the JSON values they were written as.
        """
        ...

    async def aclose(self) -> None:
        """Release what is held, leases included. Closing twice does no harm; other verbs then raise StoreError."""
        ...
