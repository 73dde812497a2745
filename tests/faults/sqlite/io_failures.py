"""The n-th operation of the disk fails, for every n, in every way; then the work goes on, or begins again."""

import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from random import Random

import anyio
import attrs

from taskorch.core.receipts import Claimed, Done, Receipt, Refusal, Refused, Repeated
from taskorch.core.unit import Unit
from taskorch.errors import StoreError
from taskorch.stores import SQLiteStore
from taskorch.stores.sqlite import database
from tests.faults import checkers
from tests.faults.children import begun
from tests.faults.rows import Row, Violation
from tests.faults.shim import Disk, Kind, connecting
from tests.faults.work import Held, Owner, Told, birth, insist, letter, look, note, step

NAMES = ("run-a", "run-b")
GOAL = 4
"""How many steps each run has when the work is done."""
MODES = {"WAL": False, "rollback journal": True}
"""The journals, and whether the store is shared."""
TRIES = 3
_ROUNDS = 50


@attrs.define
class Client:
    """Does a piece of work to its end, over crashes that take its store away and leave it its memory.

    Attributes:
        told: What it was answered.
        held: What it owns, as it believes.
        pending: The units whose outcome it does not know.
        letters: The messages that are still to be sent.
    """

    told: Told = attrs.field(factory=Told)
    held: dict[str, Held] = attrs.field(factory=dict)
    pending: list[Unit] = attrs.field(factory=list)
    letters: list[str] = attrs.field(factory=lambda: [f"{name}#{n}" for n in range(2) for name in NAMES])

    async def work(self, store: SQLiteStore) -> None:
        """Work until all is done, or the store fails."""
        if self.pending:
            await self._apply(store, self.pending)
        if not self.told.born >= set(NAMES):
            await self._apply(store, [birth(name) for name in NAMES if name not in self.told.born])
        for _ in range(_ROUNDS):
            if not (unfinished := await self._unfinished(store)):
                return
            await self._hold(store, unfinished)
            if self.letters:
                id = self.letters[0]
                await self._apply(store, [letter(id, id.partition("#")[0])])
            await self._apply(store, [note(held) for held in self.held.values() if held.body.steps % 2])
            units = []
            for held in list(self.held.values()):
                mail = [message.id for message in await insist(partial(store.messages, held.run), TRIES)]
                units.append(step(held, mail, release=held.body.steps % 2 == 1))
            await self._apply(store, units)
        self.told.tell("l10_no_livelock:", f"{_ROUNDS} rounds have not brought the work to its end")

    async def _unfinished(self, store: SQLiteStore) -> list[str]:
        records = await insist(lambda: store.read(NAMES), TRIES)
        return [record.id for record in records if record is not None and record.version < GOAL]

    async def _hold(self, store: SQLiteStore, unfinished: Iterable[str]) -> None:
        """Own every run that is open, first by claiming, then by taking over what a lost answer has left to nobody."""
        owner = Owner(store, "client", self.told.tell, Random(0), tries=TRIES)
        for held in await owner.claim(len(NAMES)):
            self.held[held.run] = held
        for name in unfinished:
            if name not in self.held:
                taken = await insist(partial(store.lease, "client", name, force=True), TRIES, self.told.tell)
                if isinstance(taken, Claimed):
                    self.told.tell("claim", name, taken.epoch)
                    self.held[name] = Held.of(taken)

    async def _apply(self, store: SQLiteStore, units: list[Unit]) -> None:
        self.pending = units
        receipts = await insist(lambda: store.apply(units), TRIES)
        self.pending = []
        for unit, receipt in zip(units, receipts, strict=True):
            self._answered(unit, receipt)

    def _answered(self, unit: Unit, receipt: Receipt) -> None:
        if unit.messages and isinstance(receipt, Done | Repeated):
            self.told.tell("sent", unit.messages[0].id)
            self.letters.remove(unit.messages[0].id)
        elif unit.epoch == 0:
            # A birth that is repeated after the first steps is refused: there is such a record.
            if isinstance(receipt, Done | Repeated) or receipt.why is Refusal.EXISTS:
                self.told.tell("born", unit.run)
        elif isinstance(receipt, Refused):
            if receipt.why is not Refusal.STALE_LEASE:
                self.told.tell("s9_a_repeat_is_known:", f"the only owner was refused: {receipt}")
            del self.held[unit.run]  # the lease has ended with the life of its owner
        else:
            held = self.held[unit.run]
            held.kept(unit)
            self.told.tell("kept", unit.run, unit.epoch, unit.number, held.body.steps)
            if unit.lease == "release":
                del self.held[unit.run]


def io_failures(
    directory: Path,
    *,
    seed: int,
    kinds: Sequence[Kind] = tuple(Kind),
    stride: int = 1,
    seeds: int = 1,
    parallel: int = 2,
) -> list[Row]:
    """Fail the n-th operation for every n (or every *stride*-th), in all ways, with both journals.

    Args:
        directory: Where the files lie.
        seed: The start value of what a crash leaves of unsynced writes.
        kinds: In which ways.
        stride: 1 for every n.
        seeds: How often the losses, which are drawn, are repeated.
        parallel: How many processes share the work.
    """
    rows = []
    waiting: list[Callable[[], Row]] = []
    for journal in MODES:
        for kind in kinds:
            home = directory / f"{journal.replace(' ', '-')}-{kind}"
            home.mkdir()
            way = _Way(home, journal, kind, seed, stride, seeds if kind is Kind.LOST else 1)
            waiting.append(begun(way.gone))
            if len(waiting) == parallel:
                rows += [result() for result in waiting]
                waiting.clear()
    return rows + [result() for result in waiting]


_MEANING = {
    Kind.ERROR: "the n-th operation fails once",
    Kind.FULL: "the disk is full at the n-th operation",
    Kind.BROKEN: "every operation from the n-th on fails",
    Kind.TORN: "the n-th write is torn, then a crash",
    Kind.LOST: "a crash at the n-th operation, unsynced writes are lost",
}


@attrs.frozen
class _Way:
    """One way to fail, with one journal, for every n."""

    home: Path
    journal: str
    kind: Kind
    seed: int
    stride: int
    seeds: int

    @property
    def shared(self) -> bool:
        return MODES[self.journal]

    def gone(self) -> Row:
        """The row of all its runs. It changes this process, which is a child."""
        row = Row(f"SQLite, {self.journal}: {_MEANING[self.kind]}", self.seed)
        # Here is the end of what apsw would print: the second error of a call that has failed already.
        sys.excepthook = sys.unraisablehook = lambda *_: None
        # What a store chooses by the age of its library is chosen here by the campaign.
        database.has_sound_log = lambda version: not self.shared
        with row.timed():
            lost = anyio.run(self._all, row, Disk())
            if self.kind is Kind.LOST:
                row.note = f"{lost} lost something"
                row.awake(lost * 2 >= row.runs, f"only {lost} of {row.runs} crashes lost something")
        return row

    async def _all(self, row: Row, disk: Disk) -> int:
        """All runs; how many of them lost something."""
        lost = 0
        for draw in range(self.seeds):
            at = 1
            while (is_lost := await self._one(row, disk, draw, at)) is not None:
                at += self.stride
                lost += is_lost
        return lost

    async def _one(self, row: Row, disk: Disk, draw: int, at: int) -> bool | None:
        """One run with one failure; whether something was lost by it, None if it did not take place."""
        client = Client()
        disk.plan(self.kind, at)
        with tempfile.TemporaryDirectory(dir=self.home) as home:
            path = Path(home) / "store.db"
            failed = await self._attempt(client, path)
            if not disk.struck:
                return None
            row.runs += 1
            row.injected += 1
            is_lost = disk.crash(Random(f"{self.seed} {draw} {at}"))
            with row.judged(f"seed {self.seed}, {self.journal}, {self.kind} at operation {at}, draw {draw}"):
                if failed and self.kind in {Kind.ERROR, Kind.FULL}:
                    raise Violation(f"l8_no_call_fails_for_ever: a single error was not overcome: {failed}")
                await self._judge(client, path, failed)
        row.acknowledged += len(client.told)
        return is_lost

    async def _attempt(self, client: Client, path: Path) -> str:
        """Let the client work on the failing disk; what stopped it, or nothing."""
        try:
            async with SQLiteStore(path, shared=self.shared, connect=connecting(Disk.NAME)) as store:
                await client.work(store)
        except StoreError as error:
            return f"{type(error).__name__}: {error}"
        return ""

    async def _judge(self, client: Client, path: Path, failed: str) -> None:
        """Check what is there, let the client come to its end on a sound disk, and check again."""
        if path.exists():  # noqa: ASYNC240 - nothing else is to be done meanwhile
            checkers.s27_the_file_is_sound(path)
        client.told.life += 1
        async with SQLiteStore(path, shared=self.shared) as store:
            checkers.all_of(await look(store, client.told.born), client.told)
            if failed:
                await client.work(store)
            view = await look(store, NAMES)
        checkers.no_owner_has_objected(client.told)
        checkers.all_of(view, client.told)
        checkers.the_work_is_done(view, GOAL)
        checkers.s6_epochs_rise_without_gaps(client.told, view, lives=2)
        checkers.s27_the_file_is_sound(path)
