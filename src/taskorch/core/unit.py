"""The unit of change: what the core has decided and a store keeps, all of it or nothing.

A unit is complete before anybody waits for anything: a store adds nothing to it and decides nothing about it.
Instants are microseconds since 1970 (UTC), as in facts.
"""

from enum import StrEnum

import attrs

from taskorch.core.frontier.facts import Fact


@attrs.frozen(kw_only=True)
class Put:
    """A record to be written over the version that was read.

    Attributes:
        id: The record's id: that of a task, or of whatever else is to be claimed one day.
        body: Its document, as JSON text.
        version: The version it has from now on.
        expected: The version it must have in the store, or None if there must be no such record.
        state: What ``Filter.states`` finds it by.
        parent: The id of the record it belongs to, or None.
        finished_at: Since when nothing more will happen to it; None as long as something may.
    """

    id: str
    body: str
    version: int
    expected: int | None
    state: str = ""
    parent: str | None = None
    finished_at: int | None = None


@attrs.frozen(kw_only=True)
class WaitingEntry:
    """The place of a record in a queue: it waits to be claimed, once it is due. A record has one at most.

    Attributes:
        id: The id of the record.
        queue: The queue.
        rank: Its rank among the entries of all queues: the lowest text comes first, by code points; then the id.
            ``taskorch.core.rank`` makes such texts out of numbers.
        due: When it may be claimed; None for never by itself.
        tags: What counts against limits while it is leased: each once, in order.
        wakes: Whether an unread message to the record makes it due.
    """

    id: str
    queue: str
    rank: str = ""
    due: int | None = 0
    tags: tuple[str, ...] = ()
    wakes: bool = False


@attrs.frozen
class Room:
    """How many entries may wait in a queue.

    Attributes:
        queue: The queue.
        limit: The most entries that may wait there, those under a living lease not counted.
    """

    queue: str
    limit: int


@attrs.frozen(kw_only=True)
class Message:
    """Something told to whoever owns a run, or will own it: a signal, a decision, a request to pause or cancel.

    Attributes:
        id: Its id; nothing else that is ever told has the same.
        run: The run it is meant for.
        body: What is told, as JSON text.
    """

    id: str
    run: str
    body: str


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
            is the key: a unit that was applied already has no second effect. A client's key is what it puts and
            tells.
        puts: Records to be written, each id once.
        entries: Waiting entries to be placed, each instead of the one its record has.
        gone: The ids of records whose waiting entries are taken away.
        rooms: What must not be overfilled by the entries.
        messages: What is told to runs.
        consumed: The ids of messages to this run that have been acted on; they are unread no longer.
        facts: Facts to be appended to the run's journal, in order.
        lease: What becomes of the lease. A run is handed back, or parked, by a release with a waiting entry; it is
            done with by a release without one.
    """

    run: str
    epoch: int
    number: int
    puts: tuple[Put, ...] = ()
    entries: tuple[WaitingEntry, ...] = ()
    gone: tuple[str, ...] = ()
    rooms: tuple[Room, ...] = ()
    messages: tuple[Message, ...] = ()
    consumed: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    lease: LeaseAction = LeaseAction.KEEP
