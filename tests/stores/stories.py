"""Stories made by chance: a store does what the memory store does, call by call."""

import random

import attrs

from taskorch.core.receipts import Claimed, Done, Page, Refused
from taskorch.core.selection import Filter, Lane
from taskorch.core.unit import LeaseAction, Message, Put, Room, Unit, WaitingEntry
from taskorch.stores import MemoryStore
from taskorch.testing.units import a_fact

QUEUES = ("a", "b", "é\U0001f9ea")
TAGS = ("t", 'q"\\{', "u")
FAR = 9_000_000_000_000_000


class Story:
    """Calls made by chance, the same for the same seed.

    Args:
        seed: Of the chance.
    """

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.leases = {}
        self.versions = {}
        self.told = 0

    def id(self):
        """An id."""
        return self.chance.choice("ABCDefgh")

    def entry(self, id):
        """A waiting entry."""
        chance = self.chance
        return WaitingEntry(
            id=id,
            queue=chance.choice(QUEUES),
            rank=chance.choice(("", "a", "B", "Z", "é", "\U0001f9ea", "\uffee")),
            due=chance.choice((0, 1, None, FAR)),
            tags=tuple(sorted(chance.sample(TAGS, chance.randrange(3)))),
            wakes=chance.random() < 0.5,
        )

    def put(self, id):
        """A put, mostly over the version that is kept."""
        version = self.versions.get(id)
        if self.chance.random() < 0.2:
            version = self.chance.choice((None, 0, 1, 2))
        new = 0 if version is None else version + 1
        return Put(
            id=id,
            body=self.chance.choice(("{}", '{"a": "\\\\ \\"quoted\\" {}"}', "NULL", "")),
            version=new,
            expected=version,
            state=self.chance.choice(("", "x", "y")),
            parent=self.chance.choice((None, "A")),
            finished_at=self.chance.choice((None, None, 5, 7)),
        )

    def message(self):
        """A message, at times one that was sent."""
        self.told += self.chance.random() < 0.8
        return Message(id=f"m{self.told}", run=self.id(), body=f"{self.told}")

    def unit(self):
        """A unit, mostly one that an owner could write."""
        chance = self.chance
        run = self.id()
        epoch, number = self.leases.get(run, (0, 0)) if chance.random() < 0.7 else (0, 0)
        if epoch and chance.random() < 0.2:
            epoch = max(1, epoch - 1)
        if epoch and chance.random() < 0.9:
            number += 1
        ids = {run, *(self.id() for _ in range(chance.randrange(2)))}
        some = [id for id in sorted(ids) if chance.random() < 0.6]
        return Unit(
            run=run,
            epoch=epoch,
            number=number,
            puts=tuple(self.put(id) for id in some),
            entries=tuple(self.entry(id) for id in sorted(ids) if chance.random() < 0.5),
            gone=tuple(id for id in sorted(ids) if chance.random() < 0.1),
            rooms=tuple(Room(queue, chance.randrange(5)) for queue in QUEUES if chance.random() < 0.1),
            messages=tuple(self.message() for _ in range(chance.randrange(2))),
            consumed=tuple(f"m{chance.randrange(self.told + 1)}" for _ in range(2)) if epoch else (),
            facts=(a_fact(chance.randrange(9)),) if chance.random() < 0.6 else (),
            lease=chance.choice((LeaseAction.KEEP, LeaseAction.KEEP, LeaseAction.RELEASE)),
        )

    def lanes(self):
        """Where to take from."""
        chance = self.chance
        return [
            Lane(tuple(chance.sample(QUEUES, chance.randint(1, 3))), chance.choice((None, 1, 2)))
            for _ in range(chance.randint(1, 2))
        ]

    def call(self):
        """A call, as a function of a store."""
        chance = self.chance
        match chance.choices(("apply", "claim", "lease", "renew", "find", "messages", "trim"), (8, 3, 2, 1, 1, 1, 0.3))[
            0
        ]:
            case "apply":
                units = [self.unit() for _ in range(chance.randint(1, 4))]
                return f"apply {units}", lambda store: store.apply(units)
            case "claim":
                lanes, n = self.lanes(), chance.randint(0, 5)
                limits = {tag: chance.randint(0, 3) for tag in TAGS if chance.random() < 0.5}
                ttl = chance.choice((None, 1000.0))
                return f"claim {lanes} {limits} {n}", lambda store: store.claim("me", lanes, limits, ttl, n)
            case "lease":
                id, force = self.id(), chance.random() < 0.3
                return f"lease {id} {force}", lambda store: store.lease("you", id, 1000.0, force=force)
            case "renew":
                leases = [(run, epoch) for run, (epoch, _) in self.leases.items()][:3]
                return f"renew {leases}", lambda store: store.renew(leases, 1000.0)
            case "find":
                sought = Filter(
                    states=chance.choice((None, frozenset({"x", ""}))),
                    parent=chance.choice((None, "A")),
                    queue=chance.choice((None, "a")),
                )
                after, n = chance.choice(("", "C")), chance.choice((2, 100))
                return f"find {sought}", lambda store: store.find(sought, after, n)
            case "messages":
                run = self.id()
                return f"messages {run}", lambda store: store.messages(run, 3)
        return "trim", lambda store: store.trim(6, 2)

    def learn(self, answer):
        """Note which leases there are, so that the next calls make sense."""
        for one in answer if isinstance(answer, list) else [answer]:
            if isinstance(one, Claimed):
                self.leases[one.record.id] = (one.epoch, 0)

    async def look(self, store):
        """What there is, and what is known of it from now on."""
        records = await store.find(Filter(), "", 1000)
        self.versions = {record.id: record.version for record in records}
        return records


def plain(answer):
    """An answer without its cursors, which stores may count as they like."""
    if isinstance(answer, Done):
        return "done"
    if isinstance(answer, list):
        return [plain(one) for one in answer]
    if isinstance(answer, Page):
        return [(entry.run, entry.facts) for entry in answer.entries]
    return answer


async def expect_likeness(store, seed):
    """Every call has the same answer as that of the memory store, and leaves the same records and journals."""
    story, model = Story(seed), MemoryStore()
    async with store:
        for step in range(150):
            what, call = story.call()
            wanted = await call(model)
            found = await call(store)
            assert plain(found) == plain(wanted), f"step {step}: {what}"
            story.learn(wanted)
            if what.startswith("apply") and not all(isinstance(one, Refused) for one in wanted):
                for run, (epoch, number) in story.leases.items():
                    story.leases[run] = (epoch, number + 1)
            before = await story.look(model)
            assert await story.look(store) == before, f"step {step}: after {what}"
        for record in before:
            assert plain_journal(await store.journal(record.id)) == plain_journal(await model.journal(record.id))
            assert await store.messages(record.id) == await model.messages(record.id)
        known = {record.id for record in before}
        pages = [entry async for entry in every_event(store)]
        wanted_events = [entry async for entry in every_event(model)]
        for run in known:
            assert [e.facts for e in pages if e.run == run] == [e.facts for e in wanted_events if e.run == run]


def plain_journal(entries):
    """A journal without its cursors."""
    return [attrs.evolve(entry, cursor=0) for entry in entries]


async def every_event(store):
    """All events, read in small pages."""
    page = await store.events("", 3)
    while page.entries:
        for entry in page.entries:
            yield entry
        page = await store.events(page.cursor, 3)
