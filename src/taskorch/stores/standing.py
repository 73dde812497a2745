"""How one record stands: its version, its lease, its waiting entry. The words all stores share.

Nothing here decides about work. It says what the lease of a record means at an instant, and by that where its entry
belongs in an index, so that no store has to count or search.
"""

from enum import IntEnum

import attrs

from taskorch.core.receipts import Record, Refusal, Refused, Renewed
from taskorch.core.unit import WaitingEntry


class Place(IntEnum):
    """Where a waiting entry belongs in the index of its queue."""

    LEASED = 0
    """A lease lives, so it is out of reach until its time is over."""
    READY = 1
    """Due, in the order of its rank."""
    LATER = 2
    """Not due yet, or never by itself."""


@attrs.define(kw_only=True)
class Standing:
    """How a record stands.

    Attributes:
        id: Its id.
        version: Its version.
        epoch: The epoch of its last lease, or what its epochs begin above.
        owner: Who holds that lease; None if it was released.
        process: Which process that is, as far as the store can tell processes apart.
        until: When the time of the lease is over; None for never.
        number: The number of the last unit kept under it.
        losses: How many leases in a row were lost with nothing kept.
        entry: The waiting entry, or None.
        unread: The ids of the messages to it that are unread.
        finished_at: Since when nothing more happens to it, or None.
    """

    id: str
    version: int
    epoch: int = 0
    owner: str | None = None
    process: str = ""
    until: int | None = None
    number: int = 0
    losses: int = 0
    entry: WaitingEntry | None = None
    unread: set[str] = attrs.field(factory=set)
    finished_at: int | None = None

    def is_leased(self, now: int) -> bool:
        """Whether a lease lives."""
        return self.owner is not None and (self.until is None or self.until > now)

    def is_current(self, epoch: int) -> bool:
        """Whether a lease of that epoch may still write."""
        return self.owner is not None and self.epoch == epoch

    def is_due(self, now: int) -> bool:
        """Whether its entry is due, if it has one and no lease lives."""
        entry = self.entry
        if entry is None:
            return False
        return (entry.due is not None and entry.due <= now) or (entry.wakes and bool(self.unread))

    def place(self, now: int) -> tuple[Place, int | None] | None:
        """Where its entry belongs, and when to look again; None without an entry.

        The second is None if time alone changes nothing.
        """
        if self.entry is None:
            return None
        if self.is_leased(now):
            return Place.LEASED, self.until
        if self.is_due(now):
            return Place.READY, None
        return Place.LATER, self.entry.due

    def waits_in(self, now: int) -> str | None:
        """The queue it waits in; None if it waits nowhere."""
        return None if self.entry is None or self.is_leased(now) else self.entry.queue

    def grant(self, owner: str, process: str, until: int | None) -> tuple[int, int] | None:
        """Give *owner* the next lease.

        Returns:
            The epoch of the lease before and the number kept under it, if it has to be remembered.
        """
        past = (self.epoch, self.number) if self.number else None
        is_lost = self.owner is not None and not self.number
        self.losses = self.losses + 1 if is_lost else 0
        self.epoch, self.owner, self.process, self.until, self.number = self.epoch + 1, owner, process, until, 0
        return past

    def busy(self, now: int) -> Refused | None:
        """What is said to others while a lease lives; None if none does."""
        return Refused(Refusal.BUSY, by=self.owner or "", id=self.id) if self.is_leased(now) else None

    def renew(self, epoch: int, until: int | None, now: int) -> Renewed | Refused:
        """Let the lease of that *epoch* live until then, if it lives."""
        if self.epoch != epoch or not self.is_leased(now):
            return Refused(Refusal.STALE_LEASE, id=self.id)
        self.until = until
        return Renewed(bool(self.unread))

    def record(self, body: str, now: int) -> Record:
        """What is shown of it."""
        return Record(
            id=self.id,
            version=self.version,
            body=body,
            epoch=self.epoch,
            owner=self.owner if self.is_leased(now) else None,
            entry=self.entry,
        )
