"""A file that may not grow, as on a full disk, and processes forked from one that has the store open."""

import atexit
import gc
import resource
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

import anyio

from taskorch.core.receipts import Done
from taskorch.core.unit import Put, Unit
from taskorch.errors import StoreError, StoreUnavailable, TaskorchError
from taskorch.stores import SQLiteStore
from tests.faults import checkers
from tests.faults.children import apart, fork
from tests.faults.rows import Row
from tests.faults.work import Kept, Owner, Told, birth, letter, look, runs, step

RUNS = runs(4)
Limited = tuple[Told, dict[str, Kept]]


def full_disk(directory: Path, *, rounds: int, seed: int) -> Row:
    """Forbid the files to grow, by RLIMIT_FSIZE and by ``max_page_count``; then let the same store go on."""
    row = Row("SQLite: no space left, then space again", seed)
    with row.timed():
        for number in range(rounds):
            path = directory / f"full-{number}.db"
            limit = (_by_process, _by_pages)[number % 2]
            told, view = apart(partial(anyio.run, _outgrow, path, limit, f"{seed}.{number}"))
            row.runs += 1
            row.injected += told.life
            row.acknowledged += len(told)
            with row.judged(f"seed {seed}, round {number}, {limit.__name__}"):
                checkers.no_owner_has_objected(told)
                checkers.all_of(view, told)
                checkers.s6_epochs_rise_without_gaps(told, view, lives=told.life)
                apart(partial(checkers.s27_the_file_is_sound, path))
    return row


Limit = Callable[[sqlite3.Connection, Path, int | None], None]


def _by_process(connection: sqlite3.Connection, path: Path, more: int | None) -> None:
    """Let this process write *more* pages behind the end of its files; None for as many as it likes."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    if more is None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        return
    longest = max(file.stat().st_size for file in path.parent.glob(path.name + "*"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (longest + more * 4096, most))


def _by_pages(connection: sqlite3.Connection, path: Path, more: int | None) -> None:
    """Let the database have *more* pages; None for as many as it likes."""
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {1 << 30 if more is None else pages + more}")


async def _outgrow(path: Path, limit: Limit, name: str) -> Limited:
    opened: list[sqlite3.Connection] = []

    def connect(*args: object, **options: object) -> sqlite3.Connection:
        # The campaign sets limits between two calls, when the store's thread is idle.
        opened.append(sqlite3.connect(*args, **options, check_same_thread=False))
        return opened[-1]

    random, told = Random(name), Told()
    async with SQLiteStore(path, connect=connect) as store:
        owner = Owner(store, "owner", told.tell, random, tries=1)
        await owner.born(RUNS)
        held = await owner.claim(len(RUNS))
        for _ in range(4):
            limit(opened[0], path, random.randrange(6))
            for _ in range(2000):
                units = [step(each) for each in held]
                try:
                    owner.answered(held, units, await store.apply(units))
                except StoreUnavailable:
                    told.tell("unknown", "")
                    break
            else:
                told.tell("f3_the_disk_was_full:", "and the store never said so")
            limit(opened[0], path, None)
            owner.answered(held, units, await store.apply(units))  # the same call again, by the same store
        return told, await look(store, RUNS)


def forks(directory: Path, *, rounds: int, seed: int) -> Row:
    """Fork a process while a store is open; the child is refused, and the parent goes on unharmed."""
    row = Row("SQLite: a fork with an open store", seed)
    with row.timed():
        for number in range(rounds):
            path = directory / f"fork-{number}.db"
            told, view = apart(partial(_fork, path, number % 2 == 0))
            row.runs += 1
            row.injected += told.life
            row.acknowledged += len(told)
            with row.judged(f"seed {seed}, round {number}"):
                checkers.no_owner_has_objected(told)
                checkers.all_of(view, told)
                checkers.s6_epochs_rise_without_gaps(told, view)
                apart(partial(checkers.s27_the_file_is_sound, path))
    return row


def _fork(path: Path, tidy: bool) -> Limited:
    """Work, fork, let the child try what it may not, work on; the child ends at once, or *tidy* as a program does."""
    told, store = Told(), SQLiteStore(path)
    owner = Owner(store, "owner", told.tell, Random(0))

    async def work() -> None:
        await owner.born([run for run in RUNS if run not in told.born])
        for _ in range(3):
            await owner.round(RUNS, len(RUNS))

    async def trespass(used: SQLiteStore) -> str:
        try:
            await used.read(RUNS)
        except TaskorchError as error:
            return str(error)
        return ""

    def child(tell: Callable[..., None]) -> None:
        for used in (store, SQLiteStore(path)):
            if "forked" not in (said := anyio.run(trespass, used)):
                tell("s6_a_forked_child_is_refused:", said.partition("\n")[0] or "it was not")
        anyio.run(store.aclose)
        if tidy:
            gc.collect()
            atexit._run_exitfuncs()  # the finalizers of all that lives, among them that of the store's writer

    anyio.run(work)
    for _ in range(2):
        status, said = fork(child).wait()
        told.read(said)
        told.life += 1
        if status:
            told.tell("s6_a_forked_child_is_refused:", f"the child ended with status {status}")
        anyio.run(work)
    view = anyio.run(look, store, RUNS)
    anyio.run(store.aclose)
    return told, view


def unwritable(directory: Path, *, rounds: int, seed: int) -> Row:
    """Put what no database can hold into a batch: nothing of it is kept, and the next call finds all in order."""
    row = Row("SQLite: a batch with a value that cannot be kept", seed)
    with row.timed():
        told, view = apart(partial(anyio.run, _refuse, directory / "values.db", rounds))
        row.runs, row.injected, row.acknowledged = rounds, told.life, len(told)
        with row.judged(f"seed {seed}"):
            checkers.no_owner_has_objected(told)
            checkers.all_of(view, told)
            checkers.s6_epochs_rise_without_gaps(told, view)
    return row


async def _refuse(path: Path, rounds: int) -> Limited:
    told = Told()
    async with SQLiteStore(path) as store:
        owner = Owner(store, "owner", told.tell, Random(0))
        await owner.born(RUNS)
        held = await owner.claim(len(RUNS))
        for number in range(rounds):
            bad = (birth("\udce9"), letter("\udce9", RUNS[0]), _too_great(RUNS[0] + "/new"))[number % 3]
            units = [step(each) for each in held]
            try:
                await store.apply([*units, bad])
                told.tell("s5_what_cannot_be_kept_is_refused:", f"{bad}")
            except StoreUnavailable:
                told.tell("s5_what_cannot_be_kept_is_refused:", "another try cannot mend it")
            except StoreError:
                told.life += 1
            try:
                receipts = await store.apply(units)
            except StoreError as error:
                told.tell("l8_no_call_fails_for_ever:", f"{error}")
                break
            if not all(isinstance(receipt, Done) for receipt in receipts):
                told.tell("s27_whole_or_not_at_all:", f"a part of a refused batch was kept: {receipts}")
            owner.answered(held, units, receipts)
        return told, await look(store, RUNS)


def _too_great(id: str) -> Unit:
    """A unit with a number of more than 64 bits."""
    return Unit(run=id, epoch=0, number=0, puts=(Put(id=id, body="{}", version=1 << 70, expected=None),))
