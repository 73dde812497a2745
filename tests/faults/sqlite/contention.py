"""Four processes on one file, with somebody who locks it for long and somebody who reads for long."""

import sqlite3
import time
import warnings
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random

import anyio

from taskorch.errors import StoreUnavailable
from taskorch.stores import SQLiteStore
from taskorch.stores.sqlite import database
from tests.faults import checkers
from tests.faults.children import Child, Flag, apart, fork, hear
from tests.faults.rows import Row
from tests.faults.work import Held, Kept, Owner, Tell, Told, birth, look, runs, step

RUNS = runs(12)
LIMIT = 5
HOLDS = (0.05, 0.3, 1.5)
"""For how many seconds a foreign writer holds its lock; the store waits five."""
PATIENCE = 60
"""How many seconds more there are for who had no turn yet."""
TURN = 20
"""How many words of an owner tell that it had its turn."""


def contention(directory: Path, *, seconds: float, seed: int, wal: bool, workers: int = 4) -> Row:
    """Let *workers* processes claim and write as fast as they can, and a foreign writer and reader get in their way.

    Args:
        directory: Where the file lies.
        seconds: For how long.
        seed: The start value of what the owners choose.
        wal: Whether the file has a write-ahead log, which the store chooses by the age of SQLite otherwise.
        workers: How many processes.
    """
    mode = "WAL" if wal else "rollback journal"
    row = Row(f"SQLite, {mode}: {workers} processes, a long writer and a long reader", seed)
    path, told = directory / f"contention-{wal}.db", Told()
    database.has_sound_log = lambda version: wal
    warnings.filterwarnings("ignore", "SQLite .* may damage a write-ahead log")
    with row.timed():
        apart(lambda: anyio.run(_bear, path))
        until, enough = time.monotonic() + seconds, Flag()
        children = [fork(partial(_live, path, f"{seed}.{n}", enough)) for n in range(workers)]
        foreign = [fork(partial(_hold, path, until)), fork(partial(_read, path, until))]
        largest = _watch(path, children, foreign, until)
        enough.is_raised = True
        least = _gather(row, told, children, foreign)
        row.awake(least > 0, "a process was never answered")
        row.awake(row.injected > 1, "nobody foreign was in the way")
        row.awake(checkers.most_living(told) > LIMIT // 2, "the limit was never near")
        told.claims = {run: sorted(given) for run, given in told.claims.items()}
        what = f"seed {seed}, {mode}"
        with row.judged(what):
            view = apart(lambda: anyio.run(_seen, path))
            checkers.no_owner_has_objected(told)
            checkers.all_of(view, told)
            checkers.s6_epochs_rise_without_gaps(told, view)
            checkers.s15_slots_are_the_living_leases(told, LIMIT)
            checkers.s33_the_log_is_bounded(largest, 64 << 20)
            apart(partial(checkers.s27_the_file_is_sound, path))
    row.acknowledged = len(told)
    row.note = f"each was answered {least} times or more" + (f", longest log {largest >> 10:,} KiB" if wal else "")
    return row


def _gather(row: Row, told: Told, children: list[Child], foreign: list[Child]) -> int:
    """Take down what everybody has said to their end; how many answers the process had that had the fewest.

    A foreign process tells each time it was in the way.
    """
    answers = []
    for child in children:
        before = len(told)
        told.read(child.wait()[1])
        answers.append(len(told) - before)
        row.runs += 1
    for child in foreign:
        heard = Told()
        heard.read(child.wait()[1])
        row.injected += len(heard.reach)
        told.broken += heard.broken
    return min(answers)


async def _bear(path: Path) -> None:
    async with SQLiteStore(path, shared=True) as store:
        await store.apply([birth(run) for run in RUNS])


async def _seen(path: Path) -> dict[str, Kept]:
    async with SQLiteStore(path, shared=True) as store:
        return await look(store, RUNS)


def _live(path: Path, name: str, enough: Flag, tell: Tell) -> None:
    anyio.run(_life, path, name, enough, tell)


async def _life(path: Path, name: str, enough: Flag, tell: Tell) -> None:
    """Work as two owners until it is enough; each call is made once, as none may fail."""
    async with SQLiteStore(path, shared=True) as store, anyio.create_task_group() as group:
        for n in range(2):
            owner = Owner(store, f"{name}.{n}", tell, Random(f"{name}.{n}"), LIMIT)
            group.start_soon(_work, owner, enough)


async def _work(owner: Owner, enough: Flag) -> None:
    while not enough.is_raised:
        if not await owner.round(RUNS, 2):
            await anyio.sleep(0.002)


def _hold(path: Path, until: float, tell: Tell) -> None:
    """Hold the lock of a writer, at first briefly, then longer than usual."""
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
        for number in range(1000):
            pause = HOLDS[number % len(HOLDS)]
            if number and time.monotonic() + pause > until:
                return
            connection.execute("BEGIN IMMEDIATE")
            time.sleep(pause)
            connection.execute("ROLLBACK")
            tell("reach", "", number)
            time.sleep(0.3)


def _read(path: Path, until: float, tell: Tell) -> None:
    """Read an old state for long; a commit in a file with a rollback journal waits for that."""
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
        for number in range(1000):
            if number and time.monotonic() + 0.5 > until:
                return
            connection.execute("BEGIN")
            before = connection.execute("SELECT count(*) FROM journal").fetchone()
            time.sleep(0.5)
            after = connection.execute("SELECT count(*) FROM journal").fetchone()
            connection.execute("ROLLBACK")
            tell("reach", "", number)
            if before != after:
                tell("s27_whole_or_not_at_all:", "a reader saw a transaction come")
            time.sleep(0.2)


def _watch(path: Path, children: list[Child], foreign: list[Child], until: float) -> int:
    """Hear everybody until then, and until each was answered or in the way; the greatest length of the log."""
    log, largest = path.with_name(path.name + "-wal"), 0
    last = until + PATIENCE
    while (now := time.monotonic()) < until or (now < last and not _all_had_a_turn(children, foreign)):
        hear([*children, *foreign], 0.002)
        try:
            largest = max(largest, log.stat().st_size)
        except FileNotFoundError:
            largest = max(largest, 0)
    return largest


def _all_had_a_turn(children: list[Child], foreign: list[Child]) -> bool:
    return all(
        child.has_ended or child.words >= least for crowd, least in ((children, TURN), (foreign, 1)) for child in crowd
    )


def long_reader(directory: Path, *, rounds: int, seed: int) -> Row:
    """Somebody reads an old state and does not end: the log stops at its limit, and goes on when the reader ends."""
    row = Row("SQLite, WAL: a reader that does not end", seed)
    limit = 1 << 20
    with row.timed():
        for number in range(rounds):
            path = directory / f"reader-{number}.db"
            told, largest, view = apart(partial(anyio.run, _outgrow, path, limit))
            row.runs += 1
            row.injected += told.life
            row.acknowledged += len(told)
            row.note = f"limit {limit >> 10:,} KiB, longest log {largest >> 10:,} KiB"
            with row.judged(f"seed {seed}, round {number}"):
                checkers.no_owner_has_objected(told)
                checkers.s33_the_log_is_bounded(largest, 3 * limit)
                checkers.all_of(view, told)
    return row


async def _outgrow(path: Path, limit: int) -> tuple[Told, int, dict[str, Kept]]:
    told, log = Told(), path.with_name(path.name + "-wal")
    async with SQLiteStore(path, log_limit=limit) as store:
        owner = Owner(store, "owner", told.tell, Random(0))
        await owner.born(RUNS[:1])
        held: list[Held] = await owner.claim(1)
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM journal").fetchone()
        try:
            for _ in range(5_000):
                await owner.forward(held)
            told.tell("s33_the_log_is_bounded:", "nobody stopped the log")
        except StoreUnavailable:
            told.tell("unknown", "")
        largest = log.stat().st_size
        reader.execute("ROLLBACK")
        unit = step(held[0])
        owner.answered(held, [unit], await store.apply([unit]))
        for _ in range(10):
            await owner.forward(held)
        view = await look(store, RUNS[:1])
        # Closed last: on POSIX a process that closes a file drops the locks it has on it.
        reader.close()
        return told, largest, view
