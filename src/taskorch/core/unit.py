"""The unit of change: what the core has decided and a store keeps, all of it or nothing.

A unit is complete before anybody waits for anything: a store adds nothing to it and decides nothing about it.
"""

from enum import StrEnum

import attrs

from taskorch.core.frontier.facts import Fact


@attrs.frozen(kw_only=True)
class Put:
    """A record to be written over the version that was read.

    Attributes:
        id: The record's id: that of a task.
        body: Its document, as JSON text.
        version: The version it has from now on.
        expected: The version it must have in the store, or None if there must be no such record.
    """

    id: str
    body: str
    version: int
    expected: int | None


class LeaseAction(StrEnum):
    """What a unit does to the lease of its run."""

    KEEP = "keep"
    RELEASE = "release"


@attrs.frozen(kw_only=True)
class Unit:
    """One all-or-nothing change.

    Attributes:
        run: The run it belongs to.
        epoch: The epoch of the lease under which an owner writes; 0 for a client, who needs no lease.
        number: The owner's running number of units under this epoch, from 1. Together with run and epoch it
            is the key: a unit that was applied already has no second effect. A client's key is the record it
            inserts.
        put: A record to be written, or None.
        facts: Facts to be appended to the run's journal, in order.
        lease: What becomes of the lease.
    """

    run: str
    epoch: int
    number: int
    put: Put | None = None
    facts: tuple[Fact, ...] = ()
    lease: LeaseAction = LeaseAction.KEEP


class Refusal(StrEnum):
    """Why a store did not do what it was asked; nothing was changed."""

    STALE_LEASE = "stale_lease"
    """The epoch is not that of the living lease."""
    VERSION_CONFLICT = "version_conflict"
    """The record is not there in the expected version."""
    EXISTS = "exists"
    """There is such a record already."""
    BUSY = "busy"
    """A living owner holds the lease."""
    UNKNOWN = "unknown"
    """There is no such record."""


@attrs.frozen
class Done:
    """The unit is kept.

    Attributes:
        cursor: Its place in the journal of its run.
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
    """

    why: Refusal
    by: str = ""


@attrs.frozen
class Claimed:
    """The run is the claimant's.

    Attributes:
        epoch: The epoch of the new lease, one above the last.
    """

    epoch: int


@attrs.frozen(kw_only=True)
class Record:
    """What a store holds of a task.

    Attributes:
        id: The task's id.
        version: Its version.
        body: Its document, as JSON text.
        epoch: The epoch of its last lease, 0 if there never was one.
        owner: Who holds it now, or None.
    """

    id: str
    version: int
    body: str
    epoch: int
    owner: str | None


@attrs.frozen
class Entry:
    """One unit's facts, as the journal of a run returns them.

    Attributes:
        cursor: The place in the journal; pass the last one to read on after it.
        facts: The facts, in order; details are JSON values.
    """

    cursor: int
    facts: tuple[Fact, ...]


Receipt = Done | Repeated | Refused
