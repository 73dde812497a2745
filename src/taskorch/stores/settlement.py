"""The settlement of a batch of units: rules 1 to 9 of ``Store.apply``, once, for every store.

A store looks up what the rules ask for and writes down what they change. The rules decide nothing about the work;
they only say whether a unit still fits what is kept.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

import attrs

from taskorch.core.receipts import Done, Receipt, Refusal, Refused, Repeated
from taskorch.core.unit import LeaseAction, Message, Put, Unit, WaitingEntry
from taskorch.stores.standing import Standing


@attrs.define
class Changes:
    """What a batch changes.

    Attributes:
        standings: The records that are new or stand otherwise, by id.
        puts: The last put of each record that was written.
        added: The ids of those that are new.
        facts: What is appended to journals: the run, epoch and number of the unit, and its facts as text.
        sent: Messages sent.
        read: The ids of messages that are unread no longer.
    """

    standings: dict[str, Standing] = attrs.field(factory=dict)
    puts: dict[str, Put] = attrs.field(factory=dict)
    added: set[str] = attrs.field(factory=set)
    facts: list[tuple[str, int, int, str]] = attrs.field(factory=list)
    sent: dict[str, Message] = attrs.field(factory=dict)
    read: set[str] = attrs.field(factory=set)


class Tables(Protocol):
    """What a store looks up for a settlement, and writes. All of it within one transaction."""

    def standings(self, ids: Collection[str]) -> Iterable[Standing]:
        """How the records of *ids* stand; those that there are. They may be changed from now on."""
        ...

    def body(self, id: str) -> str:
        """The body of a record that there is."""
        ...

    def number(self, run: str, epoch: int) -> int:
        """The number of the last unit kept under an epoch before the last; 0 if there was none."""
        ...

    def sent(self, ids: Collection[str]) -> Iterable[Message]:
        """The messages of *ids*, read or unread; those that there are."""
        ...

    def waiting(self, queue: str) -> int:
        """How many entries wait in a queue: those of records on which no lease lives."""
        ...

    def first_epoch(self) -> int:
        """What the epochs of a new record begin above: no record that was forgotten had a higher one.

        It may be 0 where ``write`` sees to it itself.
        """
        ...

    def write(self, changes: Changes) -> Sequence[int]:
        """Write *changes* down; the cursors of the facts."""
        ...


class Settlement:
    """One batch of units on its way into the tables of a store.

    Args:
        tables: The tables.
        now: The store's time.
    """

    def __init__(self, tables: Tables, now: int) -> None:
        self._tables, self._now = tables, now
        self._changes = Changes()
        self._standings: dict[str, Standing] = {}
        self._sent: dict[str, Message] = {}
        self._waiting: dict[str, int] = {}

    def settle(self, units: Sequence[tuple[Unit, str | None]]) -> list[Receipt]:
        """Keep *units*, each with its facts as text, or refuse them; their receipts."""
        self._look_up([unit for unit, _ in units])
        answers = [self._objection(unit) or self._keep(unit, text) for unit, text in units]
        cursors = self._tables.write(self._changes)
        return [
            Done(cursors[answer] if answer >= 0 else 0) if isinstance(answer, int) else answer for answer in answers
        ]

    def _look_up(self, units: Iterable[Unit]) -> None:
        ids: dict[str, None] = {}
        messages: dict[str, None] = {}
        for unit in units:
            ids[unit.run] = None
            for put in unit.puts:
                ids[put.id] = None
            for entry in unit.entries:
                ids[entry.id] = None
            for id in unit.gone:
                ids[id] = None
            for message in unit.messages:
                ids[message.run] = messages[message.id] = None
            for room in unit.rooms:
                self._waiting.setdefault(room.queue, self._tables.waiting(room.queue))
        self._standings = {standing.id: standing for standing in self._tables.standings(ids)}
        if messages:
            self._sent = {message.id: message for message in self._tables.sent(messages)}

    # --- whether ---------------------------------------------------------------------------------------------

    def _objection(self, unit: Unit) -> Repeated | Refused | None:
        """What rules 1 to 8 have against *unit*."""
        if unit.epoch > 0:
            standing = self._standings.get(unit.run)
            if unit.number <= self._number(standing, unit):
                return Repeated()
            if standing is None or not standing.is_current(unit.epoch):
                return Refused(Refusal.STALE_LEASE, id=unit.run)
            if not (unit.puts or unit.entries or unit.gone or unit.messages or unit.rooms):
                return None
        elif (unit.puts or unit.messages) and self._is_kept(unit):
            return Repeated()
        return (
            self._not_new(unit)
            or self._not_free(unit)
            or self._not_there(unit)
            or (self._no_room(unit) if unit.rooms else None)
        )

    def _number(self, standing: Standing | None, unit: Unit) -> int:
        # Of a record that is only now added nothing was kept, whatever its epochs begin above.
        if standing is None or unit.epoch > standing.epoch or standing.id in self._changes.added:
            return 0
        return standing.number if unit.epoch == standing.epoch else self._tables.number(unit.run, unit.epoch)

    def _is_kept(self, unit: Unit) -> bool:
        for put in unit.puts:
            standing = self._standings.get(put.id)
            if standing is None or standing.version != put.version or self._body(put.id) != put.body:
                return False
        return all(self._sent.get(message.id) == message for message in unit.messages)

    def _body(self, id: str) -> str:
        put = self._changes.puts.get(id)
        return self._tables.body(id) if put is None else put.body

    def _not_new(self, unit: Unit) -> Refused | None:
        for put in unit.puts:
            if put.expected is None and put.id in self._standings:
                return Refused(Refusal.EXISTS, id=put.id)
        told = set[str]()
        for message in unit.messages:
            if message.id in self._sent or message.id in told:
                return Refused(Refusal.EXISTS, id=message.id)
            told.add(message.id)
        return None

    def _not_free(self, unit: Unit) -> Refused | None:
        for id in _touched(unit):
            standing = self._standings.get(id)
            if standing is None or standing.owner is None or (unit.epoch > 0 and id == unit.run):
                continue
            if (busy := standing.busy(self._now)) is not None:
                return busy
        return None

    def _not_there(self, unit: Unit) -> Refused | None:
        new = set()
        for put in unit.puts:
            standing = self._standings.get(put.id)
            if put.expected is None:
                new.add(put.id)
            elif standing is None or standing.version != put.expected:
                return Refused(Refusal.VERSION_CONFLICT, id=put.id)
        needed = [entry.id for entry in unit.entries]
        needed += [message.run for message in unit.messages]
        if unit.facts:
            needed.append(unit.run)
        for id in needed:
            if id not in self._standings and id not in new:
                return Refused(Refusal.UNKNOWN, id=id)
        return None

    def _no_room(self, unit: Unit) -> Refused | None:
        moves = self._moves(unit)
        for room in unit.rooms:
            load = self._waiting[room.queue]
            more = sum((after == room.queue) - (before == room.queue) for before, after in moves)
            if load + more > room.limit:
                return Refused(Refusal.NO_ROOM, id=room.queue, load=load)
        return None

    def _moves(self, unit: Unit) -> list[tuple[str | None, str | None]]:
        """In which queues the records that *unit* places or releases wait before it and after it; None for nowhere."""
        entries: dict[str, WaitingEntry | None] = dict.fromkeys(unit.gone)
        entries.update((entry.id, entry) for entry in unit.entries)
        kept = None
        if unit.epoch > 0:
            own = self._standings[unit.run]
            if unit.lease is LeaseAction.RELEASE:
                entries.setdefault(own.id, own.entry)
            elif own.is_leased(self._now):
                kept = own.id
        return [
            (self._waits_in(id), None if entry is None or id == kept else entry.queue) for id, entry in entries.items()
        ]

    def _waits_in(self, id: str) -> str | None:
        standing = self._standings.get(id)
        return None if standing is None else standing.waits_in(self._now)

    # --- what then -------------------------------------------------------------------------------------------

    def _keep(self, unit: Unit, text: str | None) -> int:
        """Rule 9; the number of its facts among those of the batch, -1 if it has none."""
        for put in unit.puts:
            self._write(put)
        for id in unit.gone:
            self._place(id, None)
        for entry in unit.entries:
            self._place(entry.id, entry)
        for message in unit.messages:
            self._changes.sent[message.id] = self._sent[message.id] = message
            self._changed(message.run).unread.add(message.id)
        if unit.consumed and unit.run in self._standings:
            unread = self._changed(unit.run).unread
            self._changes.read.update(unread.intersection(unit.consumed))
            unread.difference_update(unit.consumed)
        self._close(unit)
        if text is None:
            return -1
        self._changes.facts.append((unit.run, unit.epoch, unit.number, text))
        return len(self._changes.facts) - 1

    def _write(self, put: Put) -> None:
        standing = self._standings.get(put.id)
        if standing is None:
            standing = self._standings[put.id] = Standing(
                id=put.id, version=put.version, epoch=self._tables.first_epoch()
            )
            self._changes.added.add(put.id)
        standing.version, standing.finished_at = put.version, put.finished_at
        self._changes.standings[put.id] = standing
        self._changes.puts[put.id] = put

    def _place(self, id: str, entry: WaitingEntry | None) -> None:
        standing = self._standings.get(id)
        if standing is None:  # taken away where nothing is
            return
        before = standing.waits_in(self._now) if self._waiting else None
        standing.entry = entry
        self._changes.standings[id] = standing
        self._moved(before, standing)

    def _close(self, unit: Unit) -> None:
        """End leases that the unit has written over; note an owner's number, and end his own lease if it says so."""
        own = unit.run if unit.epoch > 0 else None
        for id in _touched(unit) if unit.puts or unit.entries or unit.gone else ():
            standing = self._standings.get(id)
            if standing is not None and standing.owner is not None and id != own:
                standing.owner = None
        if own is None:
            return
        standing = self._changed(own)
        standing.number = unit.number
        if unit.lease is LeaseAction.RELEASE:
            before = standing.waits_in(self._now) if self._waiting else None
            standing.owner = None
            self._moved(before, standing)

    def _changed(self, id: str) -> Standing:
        standing = self._changes.standings[id] = self._standings[id]
        return standing

    def _moved(self, before: str | None, standing: Standing) -> None:
        """Count who waits anew, in the queues in which a unit of the batch asks for room."""
        if not self._waiting:
            return
        after = standing.waits_in(self._now)
        if before in self._waiting:
            self._waiting[before] -= 1
        if after in self._waiting:
            self._waiting[after] += 1


def hindered(units: Sequence[Unit], receipts: Sequence[Receipt]) -> list[int]:
    """Which units of a batch may be kept after all once the leases that stood in the way have ended.

    They are those from the first that was refused because of a lease: what came behind it may have needed it. Not those
    of an owner who was told of a later one that it was kept: by its number each would be taken for kept as well.

    Args:
        units: The batch.
        receipts: What became of its units.

    Returns:
        Where they stand in the batch, in order.
    """
    refused = [place for place, receipt in enumerate(receipts) if isinstance(receipt, Refused)]
    first = next((place for place in refused if _is_busy(receipts[place])), None)
    if first is None:
        return []
    last: dict[tuple[str, int], int] = {}
    for unit, receipt in zip(units, receipts, strict=True):
        if unit.epoch > 0 and not isinstance(receipt, Refused):
            last[unit.run, unit.epoch] = max(unit.number, last.get((unit.run, unit.epoch), 0))
    return [
        place
        for place in refused
        if place >= first
        and (units[place].epoch <= 0 or units[place].number > last.get((units[place].run, units[place].epoch), 0))
    ]


def _is_busy(receipt: Receipt) -> bool:
    return isinstance(receipt, Refused) and receipt.why is Refusal.BUSY


def _touched(unit: Unit) -> Collection[str]:
    """The ids of the records that *unit* writes to, in order."""
    return dict.fromkeys([*[put.id for put in unit.puts], *[entry.id for entry in unit.entries], *unit.gone])
