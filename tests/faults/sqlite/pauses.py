"""Owners that are held up for longer than their leases live: by a stopped process, or by their own doing."""

import os
import signal
import time
from functools import partial
from pathlib import Path
from random import Random

import anyio

from taskorch.core.receipts import Refused
from taskorch.stores import SQLiteStore
from tests.faults import checkers
from tests.faults.children import Child, Flag, apart, fork, hear
from tests.faults.rows import Row
from tests.faults.work import Held, Kept, Owner, Tell, Told, look, runs

RUNS = runs(5)
TTL = 0.05
"""How many seconds leases live."""
PATIENCE = 60
"""How many seconds a process may take to say its first words."""
AWAKE = 0.5
"""How many seconds one that was stopped is waited for: the others may be in its way."""
MOST = 4
"""How many times as many stops there are at most, until a fourth of them was in time to make an owner late."""


def pauses(directory: Path, *, stops: int, seed: int, workers: int = 3) -> Row:
    """Stop one of the processes that share a file for two or three lives of a lease, then let it go on, by chance."""
    row = Row(f"SQLite: one of {workers} processes is stopped for longer than its leases", seed)
    random, path = Random(f"pauses {seed}"), directory / "pauses.db"
    with row.timed():
        told = apart(lambda: anyio.run(_bear, path))
        enough = Flag()
        children = [fork(partial(_live, path, f"{seed}.{n}", enough)) for n in range(workers)]
        hear(children, PATIENCE, words=1)
        fenced, wanted = 0, max(1, stops // 4)
        while row.injected < stops or (fenced < wanted and row.injected < MOST * stops):
            fenced += _pause(random.choice(children), children, random.uniform(2, 3) * TTL)
            row.injected += 1
        enough.is_raised = True
        for child in children:
            told.read(child.wait()[1])
            row.runs += 1
        told.claims = {run: sorted(given) for run, given in told.claims.items()}
        with row.judged(f"seed {seed}"):
            view = apart(lambda: anyio.run(_seen, path))
            checkers.no_owner_has_objected(told)
            checkers.all_of(view, told)
            checkers.s6_epochs_rise_without_gaps(told, view)
            apart(partial(checkers.s27_the_file_is_sound, path))
        row.awake(fenced >= wanted, f"only {fenced} of {row.injected} came too late when they woke")
    row.acknowledged, row.note = len(told), f"{fenced} wrote too late when they woke, and were refused"
    return row


def _pause(stopped: Child, children: list[Child], seconds: float) -> bool:
    """Stop one that has just claimed something for so long; whether what it wrote first when it woke came too late."""
    before, until = stopped.words, time.monotonic() + AWAKE
    while time.monotonic() < until and "claim" not in _words(stopped, before):
        hear(children, AWAKE, words=stopped.words + 1, of=[stopped])
    os.kill(stopped.pid, signal.SIGSTOP)
    try:
        hear([stopped], 0.003)  # what it had said before
        before = stopped.words
        hear([child for child in children if child is not stopped], seconds)
    finally:
        os.kill(stopped.pid, signal.SIGCONT)
    hear(children, AWAKE, words=before + 1, of=[stopped])
    hear(children, 0.03)
    return "late" in _words(stopped, before)[:4]


def _words(child: Child, begin: int) -> list[str]:
    """What a child has said from a word on, without what it was about."""
    return [line.partition("\t")[0] for line in child.said.splitlines()[begin:]]


async def _bear(path: Path) -> Told:
    told = Told()
    async with SQLiteStore(path, shared=True) as store:
        await Owner(store, "maker", told.tell, Random(0)).born(RUNS)
    return told


async def _seen(path: Path) -> dict[str, Kept]:
    async with SQLiteStore(path, shared=True) as store:
        return await look(store, RUNS)


def _live(path: Path, name: str, enough: Flag, tell: Tell) -> None:
    async def live() -> None:
        async with SQLiteStore(path, shared=True) as store:
            owner = Owner(store, name, tell, Random(name), ttl=TTL)
            while not enough.is_raised:
                if not await owner.round(RUNS, 2):
                    await anyio.sleep(0.002)

    anyio.run(live)


def abandoned(directory: Path, *, rounds: int, seed: int) -> Row:
    """Let owners forget what they hold: it is given to others when its time is over, and never lives again."""
    row = Row("SQLite: leases whose owners forget them", seed)
    with row.timed():
        told, view, row.injected = apart(lambda: anyio.run(_forget, directory / "abandoned.db", rounds))
        row.runs, row.acknowledged = rounds, len(told)
        row.note = f"{told.late} wrote too late, and were refused"
        row.awake(told.late >= rounds, f"only {told.late} were late in {rounds} rounds")
        with row.judged(f"seed {seed}"):
            checkers.l1_leases_of_the_dead_are_void(told, len(RUNS))
            checkers.no_owner_has_objected(told)
            checkers.all_of(view, told)
            checkers.s6_epochs_rise_without_gaps(told, view)
    return row


async def _forget(path: Path, rounds: int) -> tuple[Told, dict[str, Kept], int]:
    """Let two owners forget by turns; what was told, what is kept, and how many leases were over."""
    told, over = Told(), 0
    async with SQLiteStore(path) as store:
        owners = [Owner(store, f"owner-{n}", told.tell, Random(n), ttl=TTL, repeats=1) for n in range(2)]
        await owners[0].born(RUNS)
        before: list[Held] = []
        for number in range(rounds):
            held = await owners[number % 2].claim(len(RUNS))
            told.tell("reach", "", len(held))
            late = await owners[1 - number % 2].forward(before)
            if late:
                told.tell("s7_only_the_holder_writes:", f"{len(late)} units of an older epoch were kept")
            before = await owners[number % 2].forward(held)
            await anyio.sleep(TTL + 0.001)
            answers = await store.renew([(each.run, each.epoch) for each in before], TTL)
            over += sum(isinstance(answer, Refused) for answer in answers)
            if not all(isinstance(answer, Refused) for answer in answers):
                told.tell("s6_a_dead_lease_is_not_revived:", f"{answers}")
                break
        return told, await look(store, RUNS), over
