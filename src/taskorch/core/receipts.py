"""What a store answers: receipts of units, leases that were given, and what it holds."""

from enum import StrEnum

import attrs

from taskorch.core.frontier.facts import Fact
from taskorch.core.unit import WaitingEntry


class Refusal(StrEnum):
    """Why a store did not do what it was asked; nothing was changed."""

    STALE_LEASE = "stale_lease"
    """The epoch is not that of the lease of the run."""
    VERSION_CONFLICT = "version_conflict"
    """The record is not there in the expected version."""
    EXISTS = "exists"
    """There is such a record, or such a message, already."""
    BUSY = "busy"
    """A living owner holds the lease."""
    UNKNOWN = "unknown"
    """There is no such record."""
    NO_ROOM = "no_room"
    """Too many wait in that queue."""


@attrs.frozen
class Done:
    """The unit is kept.

    Attributes:
        cursor: The end of the journal of its run, or 0 if the unit has no facts.
    """

    cursor: int


@attrs.frozen
class Repeated:
    """The unit had been kept before; nothing was changed."""


@attrs.frozen
class Refused:
    """Nothing was changed.

    Attributes:
        why: The reason.
        by: Who stands in the way, if it is an owner.
        id: What it is about: the id of a record or a message, or the name of a queue.
        load: How many wait in that queue, if there was no room.
    """

    why: Refusal
    by: str = ""
    id: str = ""
    load: int | None = None


Receipt = Done | Repeated | Refused


@attrs.frozen(kw_only=True)
class Record:
    """What a store holds of a task.

    Attributes:
        id: The task's id.
        version: Its version.
        body: Its document, as JSON text.
        epoch: The epoch of its last lease; if there never was one, what it began with: 0, or more once something was
            forgotten.
        owner: Who holds it now, or None.
        entry: Its waiting entry, or None.
    """

    id: str
    version: int
    body: str
    epoch: int
    owner: str | None
    entry: WaitingEntry | None = None


@attrs.frozen(kw_only=True)
class Claimed:
    """The run is the claimant's.

    Attributes:
        epoch: The epoch of the new lease, one above the last.
        record: What it is, as it stands now.
        losses: How many leases in a row were lost before, their owners gone without a single unit kept. Whoever
            claims should let nobody begin what has cost several owners their lives.
    """

    epoch: int
    record: Record
    losses: int = 0


@attrs.frozen
class Renewed:
    """The lease lives on.

    Attributes:
        has_mail: Whether there are unread messages to the run.
    """

    has_mail: bool


@attrs.frozen(kw_only=True)
class Entry:
    """One unit's facts, as a journal returns them.

    Attributes:
        cursor: The place in the journal of the run; pass the last one to read on after it.
        run: The run.
        facts: The facts, in order; details are JSON values.
    """

    cursor: int
    run: str
    facts: tuple[Fact, ...]


@attrs.frozen
class Page:
    """A part of all that happened in a store.

    Attributes:
        entries: What happened, those of one run in order.
        cursor: Where to read on. Only the store can read it.
    """

    entries: tuple[Entry, ...]
    cursor: str
