"""Two actors at one store, each with a short script of calls, in every order in which the calls may come."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import combinations
from typing import TypeVar

import attrs

from taskorch.core.receipts import Claimed, Done, Entry, Receipt, Record, Refusal, Refused, Renewed, Repeated
from taskorch.core.selection import Filter, Lane
from taskorch.core.unit import LeaseAction, Message, Put, Room, Unit, WaitingEntry
from taskorch.protocols import Store
from taskorch.testing.units import a_fact

T = TypeVar("T")


@attrs.define
class Given:
    """A lease that was given.

    Attributes:
        epoch: Its epoch.
        until_over: Whether its time was over at once.
        is_ended: Whether it was released, taken over, or ended by a client's write.
        number: The last number kept under it.
    """

    epoch: int
    until_over: bool
    is_ended: bool = False
    number: int = 0


@attrs.define
class Seen:
    """What the actors were answered, and what must hold because of it.

    Attributes:
        leases: The leases given, by record, in order.
        epochs: The last epoch of each id, whatever was forgotten since.
        kept: The facts of the units kept, by run, in order.
        tags: The tags of each record, as its entry was placed last.
        limits: How many leases of a tag may live.
        rooms: How many entries may wait in a queue.
        told: The messages sent, by run.
        consumed: The messages consumed.
        versions: The version of each record.
        wrong: What was answered that may not be.
    """

    leases: dict[str, list[Given]] = attrs.field(factory=dict)
    epochs: dict[str, int] = attrs.field(factory=dict)
    kept: dict[str, list[object]] = attrs.field(factory=dict)
    tags: dict[str, tuple[str, ...]] = attrs.field(factory=dict)
    limits: dict[str, int] = attrs.field(factory=dict)
    rooms: dict[str, int] = attrs.field(factory=dict)
    told: dict[str, list[str]] = attrs.field(factory=dict)
    consumed: set[str] = attrs.field(factory=set)
    versions: dict[str, int] = attrs.field(factory=dict)
    wrong: list[str] = attrs.field(factory=list)


class World:
    """A store as the actors use it: every call and answer is noted.

    Args:
        store: The store.
        prefix: Stands before every id, queue and tag, so that one store can be used for one order after the other.
        cursor: Where the events of this world begin.
    """

    def __init__(self, store: Store, prefix: str, cursor: str) -> None:
        self.store, self.prefix, self.cursor = store, prefix, cursor
        self.seen = Seen()
        self.mine: dict[str, int] = {}

    def of(self, name: str) -> str:
        """A name in this world."""
        return self.prefix + name

    async def insert(self, id: str, **entry: object) -> None:
        """Insert a record with a waiting entry in the queue "q", due unless it is said otherwise."""
        await self.client(id, expected=None, entry=self.entry(id, **entry))

    def entry(self, id: str, *, queue: str = "q", tags: Sequence[str] = (), **more: object) -> WaitingEntry:
        """A waiting entry."""
        names = tuple(map(self.of, tags))
        return WaitingEntry(id=self.of(id), queue=self.of(queue), tags=names, **more)  # type: ignore[arg-type]

    # --- calls -----------------------------------------------------------------------------------------------

    async def claim(self, actor: str, *, ttl: float | None = None, n: int = 1, limit: int | None = None) -> None:
        """Claim of the queue "q"; with *limit*, of the tag "t"."""
        limits = {} if limit is None else {self.of("t"): limit}
        self.seen.limits.update(limits)
        for given in await self.store.claim(actor, [Lane((self.of("q"),))], limits, ttl, n):
            self._given(actor, given, ttl)

    async def lease(self, actor: str, id: str, *, ttl: float | None = None, force: bool = False) -> None:
        """Lease a record by its id."""
        held = self._living(self.of(id))
        answer = await self.store.lease(actor, self.of(id), ttl, force=force)
        if isinstance(answer, Claimed):
            if held and force:
                held.is_ended = True
            self._given(actor, answer, ttl)
        elif held is None and answer.why is Refusal.BUSY:
            self.seen.wrong.append(f"{id} is busy, but nobody holds it")

    async def renew(self, actor: str, id: str) -> None:
        """Renew the lease that the actor was given, if it was."""
        if (epoch := self.mine.get(actor + id)) is None:
            return
        [answer] = await self.store.renew([(self.of(id), epoch)], 3600)
        held = self._living(self.of(id))
        if isinstance(answer, Renewed) != (held is not None and held.epoch == epoch):
            self.seen.wrong.append(f"the renewal of {id}, epoch {epoch}, is {answer!r}")

    async def write(
        self,
        actor: str,
        id: str,
        number: int,
        *,
        release: bool = False,
        done: bool = False,
        park: bool = False,
        consume: Sequence[str] = (),
        step: int = 1,
    ) -> None:
        """Write under the lease that the actor was given, if it was."""
        if (epoch := self.mine.get(actor + id)) is None:
            return
        unit = Unit(
            run=self.of(id),
            epoch=epoch,
            number=number,
            entries=(self.entry(id, due=None, wakes=True),) if park else (),
            gone=(self.of(id),) if done else (),
            consumed=tuple(map(self.of, consume)),
            facts=(a_fact(step, f"{epoch}.{number}"),),
            lease=LeaseAction.RELEASE if release or done or park else LeaseAction.KEEP,
        )
        await self._apply(unit)

    async def client(
        self,
        id: str,
        *,
        expected: int | None = None,
        body: str = "{}",
        entry: WaitingEntry | None = None,
        finished: int | None = None,
        room: int | None = None,
    ) -> None:
        """Put a record as a client."""
        version = 0 if expected is None else expected + 1
        put = Put(id=self.of(id), body=body, version=version, expected=expected, finished_at=finished)
        rooms = () if room is None else (Room(self.of("q"), room),)
        self.seen.rooms.update({one.queue: one.limit for one in rooms})
        unit = Unit(
            run=self.of(id),
            epoch=0,
            number=0,
            puts=(put,),
            entries=() if entry is None else (entry,),
            rooms=rooms,
            facts=(a_fact(9, body),),
        )
        await self._apply(unit)

    async def move(self, id: str, *, gone: bool = False, **entry: object) -> None:
        """Move or take away an entry as a client."""
        entries = () if gone else (self.entry(id, **entry),)
        gones = (self.of(id),) if gone else ()
        await self._apply(Unit(run=self.of(id), epoch=0, number=0, entries=entries, gone=gones))

    async def tell(self, id: str, message: str) -> None:
        """Send a message as a client."""
        told = Message(id=self.of(message), run=self.of(id), body="{}")
        await self._apply(Unit(run=self.of(id), epoch=0, number=0, messages=(told,)))

    async def trim(self) -> None:
        """Forget what has finished, and what the actors were answered about it."""
        leased = {id for id in self.seen.leases if self._living(id)}
        before = {record.id for record in await self.records()}
        await self.store.trim(2**60)
        gone = before - {record.id for record in await self.records()}
        self.seen.wrong += [f"{id} was leased, and is forgotten" for id in gone & leased]
        for id in gone:
            for about in (self.seen.leases, self.seen.kept, self.seen.told, self.seen.versions, self.seen.tags):
                about.pop(id, None)
            self.mine = {key: epoch for key, epoch in self.mine.items() if not key.endswith(id[len(self.prefix) :])}

    # --- looking ---------------------------------------------------------------------------------------------

    async def records(self) -> list[Record]:
        """The records of this world."""
        found = await self.store.find(Filter(), self.prefix)
        return [record for record in found if record.id.startswith(self.prefix)]

    async def events(self) -> list[Entry]:
        """What happened in this world, read in small pages."""
        entries: list[Entry] = []
        cursor = self.cursor
        while (page := await self.store.events(cursor, 3)).entries:
            entries += page.entries
            cursor = page.cursor
        return [entry for entry in entries if entry.run.startswith(self.prefix)]

    # --- noting ----------------------------------------------------------------------------------------------

    def _living(self, id: str) -> Given | None:
        leases = self.seen.leases.get(id, [])
        return leases[-1] if leases and not leases[-1].is_ended and not leases[-1].until_over else None

    def _given(self, actor: str, given: Claimed, ttl: float | None) -> None:
        id = given.record.id
        leases = self.seen.leases.setdefault(id, [])
        if self._living(id):
            self.seen.wrong.append(f"{id} is given to {actor} although a lease lives")
        if given.epoch <= self.seen.epochs.get(id, 0):
            self.seen.wrong.append(f"epoch {given.epoch} of {id} is given twice")
        self.seen.epochs[id] = given.epoch
        for lease in leases:
            lease.is_ended = True
        leases.append(Given(given.epoch, until_over=ttl == 0))
        self.mine[actor + id[len(self.prefix) :]] = given.epoch

    async def _apply(self, unit: Unit) -> Receipt:
        [receipt] = await self.store.apply([unit])
        if unit.epoch:
            self._judge(unit, receipt)
        elif isinstance(receipt, Refused) and receipt.why is Refusal.BUSY and not self._living(unit.run):
            self.seen.wrong.append(f"{unit.run} is busy, but nobody holds it")
        if isinstance(receipt, Done):
            self._note(unit)
        return receipt

    def _judge(self, unit: Unit, receipt: Receipt) -> None:
        """Fencing: an owner's unit is kept if and only if its epoch is the current one, and it is new."""
        leases = self.seen.leases.get(unit.run, [])
        own = next((lease for lease in leases if lease.epoch == unit.epoch), None)
        if own is None:
            wanted: object = Refusal.STALE_LEASE
        elif unit.number <= own.number:
            wanted = Repeated
        else:
            wanted = Refusal.STALE_LEASE if own.is_ended else Done
        actual = receipt.why if isinstance(receipt, Refused) else type(receipt)
        if actual is not wanted:
            self.seen.wrong.append(f"epoch {unit.epoch}, number {unit.number} of {unit.run}: {actual}, not {wanted}")

    def _note(self, unit: Unit) -> None:
        seen = self.seen
        if unit.facts:
            seen.kept.setdefault(unit.run, []).append(unit.facts)
        for put in unit.puts:
            if put.expected is not None and seen.versions.get(put.id) != put.expected:
                seen.wrong.append(f"{put.id} was put over version {put.expected}, not {seen.versions.get(put.id)}")
            seen.versions[put.id] = put.version
        for entry in unit.entries:
            seen.tags[entry.id] = entry.tags
        for message in unit.messages:
            seen.told.setdefault(message.run, []).append(message.id)
        seen.consumed.update(set(unit.consumed) & set(seen.told.get(unit.run, [])))
        touched = [put.id for put in unit.puts] + [entry.id for entry in unit.entries] + [*unit.gone]
        for id in touched:
            if (unit.epoch == 0 or id != unit.run) and self._living(id):
                seen.wrong.append(f"{id} was written to by another than its owner")
        for id in touched if unit.epoch == 0 else []:
            for lease in seen.leases.get(id, []):
                lease.is_ended = True
        for lease in seen.leases.get(unit.run, []):
            if lease.epoch == unit.epoch:
                lease.number = unit.number
                lease.is_ended = lease.is_ended or unit.lease is LeaseAction.RELEASE


Call = Callable[[World], Awaitable[None]]
Script = Sequence[Call]
Invariant = Callable[[World], Awaitable[str | None]]


def orders(first: Sequence[T], second: Sequence[T]) -> Iterator[list[T]]:
    """Every order in which the calls of two scripts may come, each script in its own order."""
    length = len(first) + len(second)
    for places in combinations(range(length), len(first)):
        ones, others = iter(first), iter(second)
        yield [next(ones) if place in places else next(others) for place in range(length)]


async def explore(
    fresh: Callable[[], Store],
    begin: Call,
    scripts: tuple[Script, Script],
    invariants: Sequence[Invariant],
    *,
    is_reused: bool,
) -> int:
    """Go through every order of two scripts, and ask for every invariant after every call.

    Args:
        fresh: Makes a fresh store.
        begin: What is there before.
        scripts: The calls of both actors.
        invariants: What must hold; each says what does not.
        is_reused: Whether one store serves for all orders, because it takes long to make one.

    Returns:
        How many orders were explored.
    """
    count, store = 0, fresh()
    for number, calls in enumerate(orders(*scripts)):
        if number and not is_reused:
            await store.aclose()
            store = fresh()
        page = await store.events("", 1000)
        while page.entries:
            page = await store.events(page.cursor, 1000)
        world = World(store, f"w{number:04}-", page.cursor)
        await begin(world)
        for position, call in enumerate(calls):
            await call(world)
            for invariant in invariants:
                if (wrong := await invariant(world)) is not None:
                    raise AssertionError(f"{invariant.__name__} after call {position} of order {number}: {wrong}")
        count += 1
    await store.aclose()
    return count
