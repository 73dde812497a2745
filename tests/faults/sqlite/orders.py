"""Two actors on two store objects, in every order of their calls: they are answered as one store in memory answers."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import anyio

from taskorch.core.receipts import Claimed, Done, Record, Refusal, Refused
from taskorch.core.selection import Lane
from taskorch.core.unit import Put, Room, Unit, WaitingEntry
from taskorch.errors import StoreError
from taskorch.protocols.store import Store
from taskorch.stores import MemoryStore, SQLiteStore
from tests.faults import checkers
from tests.faults.children import apart
from tests.faults.rows import Row
from tests.faults.work import Body, Held, Kept, copy_of, letter, look, step

HOUR = 3600.0
WRONG = "s7_only_the_holder_writes"
SCRIPTS = {
    "both claim": ("claim step repeat write step release", "claim step lease step renew release"),
    "one takes over": ("claim step step repeat renew release", "lease step force step repeat release"),
    "a client gets in": ("claim step write step release claim", "edit edit write claim step edit"),
    "there is little room": ("add add claim step release add", "claim add release add claim step"),
}
"""What each actor does, call by call: 924 orders of twice six calls."""


class Actor:
    """Somebody with a store object and a memory, who works on two runs of a game.

    Args:
        store: The store object.
        name: What the actor is called.
        game: What the ids of the runs, the queue and the tag begin with.
        holders: Who holds which run, by what both actors were answered.
    """

    def __init__(self, store: Store, name: str, game: str, holders: dict[str, str]) -> None:
        self._store, self._name, self._game, self._holders = store, name, game, holders
        self._held: Held | None = None
        self._last: Unit | None = None
        self._count = 0

    async def do(self, word: str) -> object:
        """Make one call; its answer in words that are the same for all stores."""
        self._count += 1
        try:
            return self._told(await getattr(self, word)())
        except StoreError as error:
            return str(error)

    async def claim(self) -> object:
        """Claim as many runs as may be held at once, which is one."""
        claimed = await self._store.claim(self._name, (Lane((self._game,)),), {self._game: 1}, HOUR, 2)
        return [self._taken(each) for each in claimed]

    async def lease(self, *, force: bool = False) -> object:
        """Lease the first run."""
        answer = await self._store.lease(self._name, f"{self._game}a", HOUR, force=force)
        return self._taken(answer) if isinstance(answer, Claimed) else answer

    async def force(self) -> object:
        """Take the first run over."""
        return await self.lease(force=True)

    def _taken(self, claimed: Claimed) -> object:
        self._held = Held.of(claimed)
        self._holders[self._held.run] = self._name
        return claimed

    async def step(self, *, release: bool = False) -> object:
        """Do a step of what is held, with the mail that has come."""
        if self._held is None:
            return None
        mail = [message.id for message in await self._store.messages(self._held.run)]
        self._last = step(self._held, mail, release=release)
        [receipt] = await self._store.apply([self._last])
        checked = self._checked(self._held.run, receipt, may=self._holders.get(self._held.run) == self._name)
        if isinstance(receipt, Done):
            self._held.kept(self._last)
            if release:
                self._holders.pop(self._held.run, None)
        return checked

    async def release(self) -> object:
        """Do the last step of what is held."""
        return await self.step(release=True)

    async def repeat(self) -> object:
        """Send the last unit again."""
        return None if self._last is None else await self._store.apply([self._last])

    async def renew(self) -> object:
        """Renew the lease of what is held."""
        return None if self._held is None else await self._store.renew([(self._held.run, self._held.epoch)], HOUR)

    async def write(self) -> object:
        """Write to whoever has the first run."""
        return await self._store.apply([letter(f"{self._game}{self._name}{self._count}", f"{self._game}a")])

    async def edit(self) -> object:
        """Give a run its place in the queue anew, as a client."""
        run = f"{self._game}a"
        [receipt] = await self._store.apply([Unit(run=run, epoch=0, number=0, entries=(self.entry(run),))])
        return self._checked(run, receipt, may=run not in self._holders)

    def _checked(self, run: str, receipt: object, *, may: bool) -> object:
        """The receipt, marked if it was kept and may not have been."""
        return (WRONG, run, receipt) if isinstance(receipt, Done) and not may else receipt

    async def add(self) -> object:
        """Put one more into the queue, which has room for three."""
        id = f"{self._game}{self._name}{self._count}+"
        put = Put(id=id, body=Body().text(), version=0, expected=None)
        unit = Unit(run=id, epoch=0, number=0, puts=(put,), entries=(self.entry(id),), rooms=(Room(self._game, 3),))
        return await self._store.apply([unit])

    def entry(self, id: str) -> WaitingEntry:
        """The place of a run in the queue of the game."""
        return WaitingEntry(id=id, queue=self._game, rank=id[-1], tags=(self._game,))

    def _told(self, answer: object) -> object:
        if isinstance(answer, list):
            return [self._told(each) for each in answer]
        if isinstance(answer, Claimed):
            return "claimed", answer.epoch, answer.losses, self._record(answer.record)
        if isinstance(answer, Done):
            return "done"  # cursors are the store's own
        if isinstance(answer, Refused):
            return answer.why, answer.by, answer.id.removeprefix(self._game), answer.load
        return answer

    def _record(self, record: Record) -> object:
        return record.id.removeprefix(self._game), record.version, record.epoch, record.owner, record.entry is not None


def every_order(directory: Path, *, seed: int, stride: int = 1) -> Row:
    """Play every order (or every *stride*-th) of the two actors' calls, in memory and on two stores of one file."""
    row = Row("SQLite, shared: every order of the calls of two actors", seed, note=f"{len(SCRIPTS)} pairs")
    with row.timed():
        for number, (title, scripts) in enumerate(SCRIPTS.items()):
            first, second = (script.split() for script in scripts)
            orders = list(_orders(first, second))[number % stride :: stride]
            path = directory / f"orders-{number}.db"
            played = apart(partial(anyio.run, _play, path, orders))
            for order, (answers, wanted, view) in zip(orders, played, strict=True):
                row.runs += 1
                row.injected += any(map(_is_hindered, answers))
                row.acknowledged += len(answers)
                with row.judged(f"{title}: {' '.join(name + '.' + word for name, word in order)}"):
                    s6_two_stores_answer_as_one(order, answers, wanted)
                    s7_only_the_holder_writes(order, answers)
                    checkers.s9_recorded_at_most_once(view)
                    checkers.s3_history_is_in_order(view)
                    checkers.s2_fold_equals_state(view)
                    checkers.s10_one_effect(view)
    return row


def _is_hindered(answer: object) -> bool:
    """Whether an actor was refused something, or given nothing."""
    return answer == [] or (isinstance(answer, tuple) and isinstance(answer[0], Refusal))


Order = Sequence[tuple[str, str]]
Game = tuple[list[object], list[object], dict[str, Kept]]


def _orders(first: Sequence[str], second: Sequence[str]) -> Iterator[Order]:
    """Every way to do both, each in its own order."""
    for places in combinations(range(len(first) + len(second)), len(first)):
        one, other, taken = iter(first), iter(second), set(places)
        yield [("a", next(one)) if at in taken else ("b", next(other)) for at in range(len(first) + len(second))]


async def _play(path: Path, orders: Sequence[Order]) -> list[Game]:
    games = []
    async with SQLiteStore(path, shared=True) as left, SQLiteStore(path, shared=True) as right, MemoryStore() as model:
        for number, order in enumerate(orders):
            game = f"g{number}-"
            answers = await _game(order, game, left, right)
            wanted = await _game(order, game, model, model)
            games.append((answers, wanted, await look(right, [f"{game}a", f"{game}b"])))
    return games


async def _game(order: Order, game: str, left: Store, right: Store) -> list[Any]:
    holders: dict[str, str] = {}
    actors = {"a": Actor(left, "a", game, holders), "b": Actor(right, "b", game, holders)}
    for id in (f"{game}a", f"{game}b"):
        puts = tuple(Put(id=id, body=Body().text(), version=0, expected=None) for id in (id, copy_of(id)))
        await left.apply([Unit(run=id, epoch=0, number=0, puts=puts, entries=(actors["a"].entry(id),))])
    answers: list[Any] = [await actors[name].do(word) for name, word in order]
    records = await right.read([f"{game}a", f"{game}b"])
    return [*answers, [record and actors["a"]._record(record) for record in records]]


@checkers.checker
def s6_two_stores_answer_as_one(order: Order, answers: Sequence[object], wanted: Sequence[object]) -> None:
    """Two store objects on one file give the answers of one store in memory, whoever calls when."""
    for call, answer, right in zip([*order, ("", "the records")], answers, wanted, strict=True):
        checkers.demand(answer == right, f"{call[0]} asks for {call[1]} and is told {answer} instead of {right}")


@checkers.checker
def s7_only_the_holder_writes(order: Order, answers: Sequence[object]) -> None:
    """Nothing is kept of an owner who has been taken over, and of a client while a run has an owner."""
    for (name, word), answer in zip(order, answers, strict=False):
        is_wrong = isinstance(answer, tuple) and answer[0] == WRONG
        checkers.demand(not is_wrong, f"{name} was allowed to {word}: {answer}")
