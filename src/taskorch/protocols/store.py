"""What a store must do: keep, and never decide."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from taskorch.core.receipts import Claimed, Entry, Page, Receipt, Record, Refused, Renewed
from taskorch.core.selection import Filter, Lane
from taskorch.core.unit import Message, Unit


class Store(Protocol):
    """A place that keeps the records of tasks, where they wait, who works on them, and what happened to them.

    All verbs are asynchronous, may be called from any task of one event loop, on asyncio and trio alike, and
    may be called at the same time. None of them holds a transaction over an await. What a store has answered
    survives the end of the process, as far as the store's own documentation promises it. *n* of 0 or less asks for
    nothing, and gets it.

    What verbs are given comes from ``taskorch.core.unit`` (``Unit``, ``Put``, ``WaitingEntry``, ``Room``, ``Message``)
    and ``taskorch.core.selection`` (``Lane``, ``Filter``), what they answer from ``taskorch.core.receipts``; ranks are
    made by ``taskorch.core.rank``. An *owner* is whoever holds a lease and writes under its epoch, a *client* whoever
    writes without (``epoch`` 0).

    Errors: ``StoreUnreadable`` if it cannot be opened (raised by the first verb; nothing was changed),
    ``RunBusy`` if another process holds it, ``StoreUnavailable`` if the outcome is *unknown* and the same call
    may be made again, ``StoreError`` for anything that another try cannot mend. A refusal is never an
    exception: it is returned, so that one stale run cannot sink a batch.

    After ``StoreUnavailable`` of ``claim`` or ``lease`` something may have been given without the caller's knowledge.
    The store gives it back, or it runs out by its time; until then the same ``lease`` may find itself ``BUSY`` by the
    very same owner.

    **Time** is the store's own: one clock, whoever calls. Instants are microseconds since 1970 (UTC).

    **Leases.** A lease is (owner, epoch) on one record. It *lives* until it is released, its time is over, or the store
    object through which it was given is closed; also, in a store that can tell, until its owner is known to be dead.
    One of 0 seconds or less is over at once. It is *current* until it is released or somebody gets the next epoch.
    Only the holder of the current lease writes to its run: one whose time is over may still record what it has, as
    long as nobody has taken over, but never lives again.

    **Waiting.** An entry is *due* from its instant on; one that ``wakes`` is due as well while there are unread
    messages to its record. While a lease of its record lives it neither waits nor can be claimed; afterwards it
    waits again, as it is then, until a unit takes it away.
    """

    @property
    def name(self) -> str:
        """What to call the store in messages; without passwords."""
        ...

    @property
    def is_shared(self) -> bool:
        """Whether other processes may use it too, so that leases need a time, and hints may not tell everything."""
        ...

    async def apply(self, units: Sequence[Unit]) -> list[Receipt]:
        """Keep each unit wholly or not at all, in order; the batch only shares the trip to the disk.

        For each unit the first that holds decides, in this order; 4 to 8 hold for owners and clients alike:

        1. An owner's unit (``epoch`` > 0) whose number is not above the last one kept under this very epoch of
           its run: ``Repeated``. Nothing is changed, whatever has become of the lease.
        2. An owner's unit whose epoch is not that of the current lease of its run: ``Refused(STALE_LEASE)``.
        3. A client's unit with puts or messages, if every record is as it puts it (version and body, nothing else is
           compared) and every message has been sent just so, read or unread: ``Repeated``. A repeat whose record has
           moved on since is not known again, and refused by a later rule; one that has only facts, entries or ``gone``
           is kept again.
        4. A put with ``expected=None`` for an id that exists, or a message whose id does: ``Refused(EXISTS)``.
        5. A put, an entry or an id in ``gone`` for a record, other than the owner's own run, on which a lease
           lives: ``Refused(BUSY, by=…)``: only its owner writes to it.
        6. A put with an expected version other than the kept one, or no record: ``Refused(VERSION_CONFLICT)``.
        7. An entry, a message or facts for a record that neither is there nor put by the unit:
           ``Refused(UNKNOWN)``.
        8. A room that would have more entries waiting afterwards than its limit: ``Refused(NO_ROOM, load=…)``, with
           the number that wait now.
        9. Otherwise it is kept, ``Done(cursor)``: records are written, entries placed or taken away, messages
           sent, those consumed are unread no longer, the facts are appended to the run's journal behind all earlier
           ones, the number is remembered, and the lease is kept or released. A write to a record, other than the
           owner's own run, whose lease lives no longer ends that lease. Cursors are those of ``journal``, and rise
           within a run; a unit without facts gets 0.

        Refusals carry the ``id`` that they are about: of several the first, in the order puts, entries, ``gone``,
        messages, the run of the facts. Every unit sees the effects of those before it in the batch.
        When the call returns, all kept units are as safe as the store makes them. If it raises
        ``StoreUnavailable``, the outcome of all is unknown: the caller repeats the same units, and rule 1 or 3
        makes them take effect once.
        """
        ...

    async def claim(
        self, owner: str, lanes: Sequence[Lane], limits: Mapping[str, int], ttl: float | None, n: int
    ) -> list[Claimed]:
        """Give *owner* the leases of at most *n* records whose entries are due.

        The lanes are gone through in the order given. From each come at most as many as its quota, which counts this
        call only, the lowest rank of all its queues first, of equal ranks the lowest id. A record is given once, even
        if its queue is in two lanes. An entry is passed over, before anything is counted,
        while one of its tags has as many living leases as *limits* allows, those just given included. A lease has
        the tags of its entry. What is given is exact however many call at once; while two calls overlap, either may
        be given entries that rank behind those the other has in hand.

        Args:
            owner: What the claimant is called in messages.
            lanes: Where to take from.
            limits: How many leases may live at once by tag; a tag that is not named has no limit.
            ttl: How long the leases live unless they are renewed, in seconds; None as long as the owner does. Here as
                in the other verbs ``StoreError`` is raised for one that is no number or has no end.
            n: The most to give.

        Returns:
            What was given, in the order described, each with an epoch one above the last.
        """
        ...

    async def lease(self, owner: str, id: str, ttl: float | None = None, *, force: bool = False) -> Claimed | Refused:
        """Give *owner* the lease of the record *id*, with an epoch one above the last.

        ``Refused(UNKNOWN)`` without such a record; ``Refused(BUSY, by=…)`` while a lease of it lives, the
        claimant's included: a lease is not shared. With *force* a living lease is taken over all the same.
        """
        ...

    async def renew(self, leases: Sequence[tuple[str, int]], ttl: float) -> list[Renewed | Refused]:
        """Let leases, each a run and an epoch, live for *ttl* seconds from now.

        ``Refused(STALE_LEASE)`` for one that does not live: what is over is not revived. This verb may also be
        called from another thread with an event loop of its own, as one that is kept busy must not lose its leases;
        other verbs may be under way at the same time.
        """
        ...

    async def read(self, ids: Sequence[str]) -> list[Record | None]:
        """The records of *ids* as last kept, in their order; None where there is none."""
        ...

    async def find(self, where: Filter, after: str = "", n: int = 1000) -> list[Record]:
        """At most *n* records that meet *where*, by their ids, behind the id *after*."""
        ...

    async def journal(self, run: str, after: int = 0, n: int = 1000) -> list[Entry]:
        """At most *n* units' facts of *run*, in the order they were kept, behind the cursor *after*.

        An empty list means that there are no more. Units without facts are left out. Details come back as
        the JSON values they were written as.
        """
        ...

    async def messages(self, run: str, n: int = 1000) -> list[Message]:
        """At most *n* unread messages to *run*, in the order they were kept."""
        ...

    async def events(self, after: str = "", n: int = 1000) -> Page:
        """At most *n* units' facts of all runs, behind the cursor *after*, and where to read on.

        Who reads on from cursor to cursor gets every one of them once: a unit that is kept later, even one that was
        begun earlier, comes later. An empty page means that there are no more for now. The facts of one run are in
        their order.
        """
        ...

    async def next_due(self, lanes: Sequence[Lane]) -> int | None:
        """The first instant at which an entry in *lanes* is due, whatever limits say; None if nothing is to come.

        It may lie in the past. A lease's end counts: it is when its entry may be due again.
        """
        ...

    async def hints(self) -> None:
        """Wait until something may have changed that is worth looking for: an entry, a message, a lease.

        It may miss what happened, return for nothing, and wait for ever: who calls it must also look by the clock.
        All who wait are woken. When the store is closed, it returns or raises ``StoreError``.
        """
        ...

    async def trim(self, finished_before: int, n: int = 1000) -> int:
        """Forget at most *n* records that finished before that instant and on which no lease lives.

        The store chooses which. Their journals, messages and entries go too. What a reader of ``events`` has not read
        yet of them may be lost. An id may come again, as may those of messages; epochs may not: those of the new record
        are above all that the old one had, so that an owner of old who has slept all the while is still refused.

        Returns:
            How many were forgotten; fewer than *n* means that there are no more.
        """
        ...

    async def aclose(self) -> None:
        """Release what is held, with the leases that were given through this store object, and no others.

        A verb that is under way is finished first. Closing twice does no harm; other verbs then raise ``StoreError``.
        """
        ...
