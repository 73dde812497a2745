"""The work that is disturbed: owners count the steps of runs, clients write to them, and everything is told.

A run is a record whose body is a fold of its journal. Each unit of an owner writes the run, a copy of it in another
record, two facts, and takes the mail that has come: whatever is kept by halves shows as a difference between them.
"""

import json
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from random import Random
from typing import Any, TypeVar
from zlib import crc32

import anyio
import attrs

from taskorch.core.frontier.facts import BLOCK, COMPLETE, START
from taskorch.core.rank import rank
from taskorch.core.receipts import Claimed, Done, Entry, Receipt, Record, Refusal, Refused, Repeated
from taskorch.core.selection import Lane
from taskorch.core.unit import LeaseAction, Message, Put, Unit, WaitingEntry
from taskorch.errors import StoreUnavailable
from taskorch.protocols.store import Store

T = TypeVar("T")
QUEUE, TAG = "work", "pool"
_PAGE = 1000
LANES = (Lane((QUEUE,)),)
Tell = Callable[..., None]
"""Tells that something has been answered: the word of it, the run, and numbers; see ``Told``."""


def runs(count: int) -> list[str]:
    """The ids of so many runs."""
    return [f"run-{number:02}" for number in range(count)]


def copy_of(run: str) -> str:
    """The id of the record that is written in the same units as *run*."""
    return f"{run}/copy"


@attrs.frozen
class Body:
    """What a run says about itself.

    Attributes:
        steps: How many steps are done: its version.
        mail: How many messages have been taken.
        sum: A sum over everything its facts tell.
    """

    steps: int = 0
    mail: int = 0
    sum: int = 0

    def after(self, detail: dict[str, Any]) -> "Body":
        """The body after a fact with this detail."""
        text = json.dumps(detail, sort_keys=True)
        return Body(self.steps + 1, self.mail + len(detail["mail"]), crc32(text.encode(), self.sum))

    def text(self) -> str:
        """As JSON; of various lengths, so that pages fill and overflow."""
        return json.dumps(
            {"steps": self.steps, "mail": self.mail, "sum": self.sum, "pad": "x" * (self.steps % 7 * 211)}
        )

    @classmethod
    def read(cls, text: str) -> "Body":
        """The body in *text*."""
        value = json.loads(text)
        return cls(value["steps"], value["mail"], value["sum"])


# --- units -------------------------------------------------------------------------------------------------


def birth(run: str) -> Unit:
    """A client's unit that makes a run, its copy and its place in the queue."""
    text = Body().text()
    puts = tuple(Put(id=id, body=text, version=0, expected=None, state="open") for id in (run, copy_of(run)))
    entry = WaitingEntry(id=run, queue=QUEUE, rank=rank(float(crc32(run.encode(errors="surrogatepass")))), tags=(TAG,))
    return Unit(run=run, epoch=0, number=0, puts=puts, entries=(entry,))


def letter(id: str, run: str) -> Unit:
    """A client's unit that sends one message."""
    return Unit(run=run, epoch=0, number=0, messages=(Message(id=id, run=run, body='"look"'),))


def step(held: "Held", mail: Sequence[str] = (), *, release: bool = False) -> Unit:
    """The owner's next unit."""
    detail = {"number": held.number + 1, "epoch": held.epoch, "mail": list(mail)}
    body, before, at = held.body.after(detail), held.body.steps, time.time_ns() // 1000
    puts = tuple(
        Put(id=id, body=body.text(), version=body.steps, expected=before, state="open")
        for id in (held.run, copy_of(held.run))
    )
    return Unit(
        run=held.run,
        epoch=held.epoch,
        number=held.number + 1,
        puts=puts,
        consumed=tuple(mail),
        facts=((before, START, held.epoch, at, None), (before, COMPLETE, held.epoch, at, detail)),
        lease=LeaseAction.RELEASE if release else LeaseAction.KEEP,
    )


def note(held: "Held") -> Unit:
    """The owner's next unit, if it only has something to tell: it writes a fact and no record."""
    detail = {"number": held.number + 1, "epoch": held.epoch, "mail": []}
    fact = (held.body.steps, BLOCK, held.epoch, time.time_ns() // 1000, detail)
    return Unit(run=held.run, epoch=held.epoch, number=held.number + 1, facts=(fact,))


@attrs.define
class Held:
    """A run in the hands of its owner."""

    run: str
    epoch: int
    body: Body
    number: int = 0

    @classmethod
    def of(cls, claimed: Claimed) -> "Held":
        """What was claimed."""
        return cls(claimed.record.id, claimed.epoch, Body.read(claimed.record.body))

    def kept(self, unit: Unit) -> None:
        """Go on behind *unit*."""
        self.number = unit.number
        if unit.puts:
            self.body = Body.read(unit.puts[0].body)


# --- what was told, and what is kept ---------------------------------------------------------------------------


@attrs.define
class Told:
    """What the store has answered to whoever may have died since.

    Attributes:
        claims: The epochs of each run in the order of their answers, each with the number of the life they came in.
        kept: The units that were answered by ``Done``: run, epoch, number, and the version of the run behind them.
        sent: The messages, each with its run.
        born: The runs.
        reach: How many runs each life got by its first claim.
        spans: When a lease lived for certain, in nanoseconds: from the answer to the call that released it.
        began: The steps whose bodies have begun, in order.
        late: How many units of owners who were late have been refused.
        broken: What an owner found to be wrong.
        life: Counts how often an answer may have been lost: at each death, and at each error of a store.
    """

    claims: dict[str, list[tuple[int, int]]] = attrs.field(factory=dict)
    kept: list[tuple[str, int, int, int]] = attrs.field(factory=list)
    sent: dict[str, str] = attrs.field(factory=dict)
    born: set[str] = attrs.field(factory=set)
    reach: list[int] = attrs.field(factory=list)
    spans: list[tuple[int, int]] = attrs.field(factory=list)
    began: list[str] = attrs.field(factory=list)
    late: int = 0
    broken: list[str] = attrs.field(factory=list)
    life: int = 0

    def __len__(self) -> int:
        return len(self.kept) + len(self.sent) + len(self.born) + sum(map(len, self.claims.values()))

    def tell(self, word: str, what: str, *numbers: int) -> None:
        """Take down one answer."""
        match word:
            case "claim":
                self.claims.setdefault(what, []).append((numbers[0], self.life))
            case "kept":
                self.kept.append((what, numbers[0], numbers[1], numbers[2]))
            case "sent":
                self.sent[what] = what.partition("#")[0]
            case "born":
                self.born.add(what)
            case "unknown":
                self.life += 1
            case "reach":
                self.reach.append(numbers[0])
            case "began":
                self.began.append(what)
            case "late":
                self.late += 1
            case "span":
                self.spans.append((numbers[0], numbers[1]))
            case _:
                self.broken.append(f"{word} {what}")

    def read(self, text: str) -> None:
        """Take down lines as ``line`` writes them; half a line at the end is one that was not told."""
        for told in text[: text.rfind("\n") + 1].splitlines():
            word, what, *numbers = told.split("\t")
            self.tell(word, what, *map(int, numbers))


def line(word: str, what: str, *numbers: int) -> bytes:
    """One answer as a line: short enough to go through a pipe in one piece."""
    return ("\t".join([word, what, *map(str, numbers)]) + "\n").encode()


@attrs.frozen
class Kept:
    """All that a store has of one run."""

    record: Record | None
    copy: Record | None
    entries: tuple[Entry, ...]
    unread: tuple[str, ...]


async def look(store: Store, names: Iterable[str]) -> dict[str, Kept]:
    """What *store* has of each run."""
    found = {}
    for run in names:
        record, copy = await store.read([run, copy_of(run)])
        entries = await store.journal(run, n=_PAGE)
        while len(entries) % _PAGE == 0 and (
            page := await store.journal(run, entries[-1].cursor if entries else 0, _PAGE)
        ):
            entries += page
        unread = tuple(message.id for message in await store.messages(run, 100_000))
        found[run] = Kept(record, copy, tuple(entries), unread)
    return found


async def all_events(store: Store, page: int = 97) -> list[Entry]:
    """What a reader finds that goes from cursor to cursor."""
    cursor, found = "", []
    while (read := await store.events(cursor, page)).entries:
        found += read.entries
        cursor = read.cursor
    return found


# --- an owner --------------------------------------------------------------------------------------------------


def _nobody(word: str, what: str, *numbers: int) -> None:
    """Nobody is told."""


async def insist(call: Callable[[], Awaitable[T]], tries: int = 1, tell: Tell = _nobody) -> T:
    """Make the same call again while its outcome is unknown, and tell that it was."""
    for _ in range(tries - 1):
        try:
            return await call()
        except StoreUnavailable:
            tell("unknown", "")
            await anyio.sleep(0.001)
    return await call()


@attrs.define
class Owner:
    """Claims runs, counts their steps, sends mail, and tells what it was answered.

    Attributes:
        store: The store.
        name: What it is called.
        tell: Told every answer.
        random: Where its choices come from.
        limit: How many leases may live at once.
        ttl: How long its leases live, in seconds.
        tries: How often a call whose outcome is unknown is made.
        repeats: How often it sends units again, as if their answer had been lost.
        letters: How many it has sent.
    """

    store: Store
    name: str
    tell: Tell
    random: Random
    limit: int | None = None
    ttl: float | None = None
    tries: int = 1
    repeats: float = 0.1
    letters: int = 0

    async def born(self, names: Sequence[str]) -> None:
        """Make the runs that there are not yet."""
        for receipt, run in zip(await self._apply([birth(run) for run in names]), names, strict=True):
            if not isinstance(receipt, Refused):
                self.tell("born", run)

    async def claim(self, n: int) -> list[Held]:
        """Claim at most *n* runs."""
        limits = {} if self.limit is None else {TAG: self.limit}
        claimed = await insist(lambda: self.store.claim(self.name, LANES, limits, self.ttl, n), self.tries, self.tell)
        for each in claimed:
            self.tell("claim", each.record.id, each.epoch)
        return [Held.of(each) for each in claimed]

    async def round(self, names: Sequence[str], n: int, *, steps: int = 3) -> int:
        """Claim, do some steps of all that was given in batches, send a letter, give all back; the number given."""
        held = await self.claim(n)
        began = time.monotonic_ns()
        for _ in range(self.random.randrange(steps)):
            held = await self.forward(held)
        if self.random.random() < 0.5:
            await self.write(self.random.choice(names))
        called = time.monotonic_ns()
        await self.forward(held, release=True)
        for _ in held:
            self.tell("span", "", began, called)
        return len(held)

    async def write(self, run: str) -> None:
        """Send a letter."""
        self.letters += 1
        id = f"{run}#{self.name}-{self.letters}"
        if isinstance((await self._apply([letter(id, run)]))[0], Done | Repeated):
            self.tell("sent", id)

    async def forward(self, held: Sequence[Held], *, release: bool = False) -> list[Held]:
        """One step of each run that is held, in one batch; those that are held still."""
        units = []
        for each in held:
            if not release and self.random.random() < 0.3:
                units.append(note(each))
                continue
            mail = [message.id for message in await insist(lambda run=each.run: self.store.messages(run), self.tries)]
            units.append(step(each, mail, release=release))
        if not units:
            return []
        receipts = await self._apply(units)
        if self.random.random() < self.repeats:
            again = await self._apply(units)
            if any(isinstance(kept, Done) and said != Repeated() for kept, said in zip(receipts, again, strict=True)):
                self.tell("s9_a_repeat_is_known:", f"{again}")
        return self.answered(held, units, receipts)

    def answered(self, held: Sequence[Held], units: Sequence[Unit], receipts: Sequence[Receipt]) -> list[Held]:
        """Take down the receipts of *units*, one of each run; those that are held still."""
        left = []
        for each, unit, receipt in zip(held, units, receipts, strict=True):
            if isinstance(receipt, Done | Repeated):
                each.kept(unit)
                self.tell("kept", each.run, unit.epoch, unit.number, each.body.steps)
                left.append(each)
            elif self.ttl is not None and receipt.why is Refusal.STALE_LEASE:
                self.tell("late", each.run, unit.epoch)
            else:
                self.tell("s7_only_the_holder_writes:", f"the holder of {each.run} was refused: {receipt}")
        return left

    async def _apply(self, units: Sequence[Unit]) -> list[Receipt]:
        return await insist(lambda: self.store.apply(units), self.tries, self.tell)
