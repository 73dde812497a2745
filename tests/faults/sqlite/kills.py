"""Processes that are killed while they use a store, and the next ones that go on with its file."""

import os
import sqlite3
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import anyio

from taskorch.stores import SQLiteStore
from tests.faults import checkers
from tests.faults.children import KILLED, Child, Flag, apart, fork, hear
from tests.faults.rows import Row
from tests.faults.work import Held, Kept, Owner, Tell, Told, all_events, look, runs

RUNS = runs(8)
LIMIT = 5
"""How many leases may live at once: fewer than there are runs."""
EVERY = 50
"""After how many deaths the whole store is checked."""
PATIENCE = 60
"""How many seconds a process may take to say what is waited for."""
WORDS = 60
"""Once it has said so many words, a process has got more leases than may live at once."""
Connect = Callable[..., sqlite3.Connection]


def kill_loop(directory: Path, *, kills: int, seed: int, shared: bool = False) -> Row:
    """Kill a process soon after its begin, or after some of its answers, again and again on one file."""
    row = Row(f"SQLite{', shared' if shared else ''}: kill -9 of a process at work", seed)
    random, path = Random(f"kills {seed}"), directory / f"kills-{shared}.db"
    told, amid = _begun(path, shared), 0
    with row.timed():
        for life in range(1, kills + 1):
            told.life, is_amid = life, Flag()
            child = fork(partial(_live, path, f"{seed}.{life}", shared, marking(is_amid)))
            if life % 3 == 0:
                hear([child], random.uniform(0.002, 0.030))
            else:  # by its answers, so that a quick machine and a slow one are hurt at the same places
                words = WORDS if life % 10 == 0 else random.randrange(1, WORDS)
                hear([child], PATIENCE, words=words)
                hear([child], random.uniform(0, 0.003))
            if life % 3 == 1:
                _until_amid(child, is_amid)
            row.injected += child.kill() == KILLED
            amid += is_amid.is_raised
            told.read(child.said)
            row.runs += 1
            if life % EVERY == 0 or life == kills:
                _judge(row, path, told, life)
        row.awake(amid * 5 >= kills, f"only {amid} of {kills} processes were killed amid a transaction")
    row.acknowledged, row.note = len(told), f"{amid} amid a transaction"
    return row


def _until_amid(child: Child, is_amid: Flag) -> None:
    """Hear a child until it is amid a transaction, which may be over in the tenth of a millisecond."""
    until = time.monotonic() + 1
    while not is_amid.is_raised and time.monotonic() < until:
        hear([child], 0.0001)


def marking(flag: Flag) -> Connect:
    """Connections that raise *flag* while they are amid a transaction, for whoever kills their process to see."""

    class Marking(sqlite3.Connection):
        def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
            cursor = super().execute(sql, *arguments)
            flag.is_raised = self.in_transaction
            return cursor

    return partial(sqlite3.connect, factory=Marking)


def _begun(path: Path, shared: bool = False) -> Told:
    """Make the runs, in a life that nobody disturbs."""
    told = Told()
    child = fork(lambda tell: anyio.run(_bear, path, shared, tell))
    status, said = child.wait()
    told.read(said)
    if status or told.broken:
        raise RuntimeError(f"the store cannot be made: {told.broken}")
    return told


async def _bear(path: Path, shared: bool, tell: Tell) -> None:
    async with SQLiteStore(path, shared=shared) as store:
        await Owner(store, "maker", tell, Random(0)).born(RUNS)


def _live(path: Path, name: str, shared: bool, connect: Connect, tell: Tell) -> None:
    anyio.run(_life, path, name, shared, connect, tell)


async def _life(path: Path, name: str, shared: bool, connect: Connect, tell: Tell) -> None:
    """Take all that the limit allows, then work on as two owners until the end."""
    async with SQLiteStore(path, shared=shared, connect=connect) as store:
        owners = [Owner(store, f"{name}.{n}", tell, Random(f"{name}.{n}"), LIMIT) for n in range(2)]
        held: list[Held] = await owners[0].claim(100)
        tell("reach", "", len(held))
        await owners[0].forward(held, release=True)
        async with anyio.create_task_group() as group:
            for owner in owners:
                group.start_soon(_work, owner)


async def _work(owner: Owner) -> None:
    while True:
        if not await owner.round(RUNS, 3):
            await anyio.sleep(0.001)


async def _seen(path: Path) -> tuple[dict[str, Kept], list[Any]]:
    async with SQLiteStore(path) as store:
        return await look(store, RUNS), await all_events(store)


def _judge(row: Row, path: Path, told: Told, lives: int) -> None:
    what = f"seed {row.seed}, after {lives} lives"
    with row.judged(what):
        apart(partial(checkers.s27_the_file_is_sound, path))
        view, events = apart(lambda: anyio.run(_seen, path))
        checkers.all_of(view, told)
        checkers.events_are_told_once(view, events)
        checkers.s6_epochs_rise_without_gaps(told, view, lives)
        checkers.l1_leases_of_the_dead_are_void(told, LIMIT)
        checkers.s15_slots_are_the_living_leases(told, LIMIT)
        if row.injected >= 20 and row.fault.endswith("at work"):
            checkers.l2_places_come_free(told, LIMIT)
        checkers.no_owner_has_objected(told)


# --- named points ----------------------------------------------------------------------------------------------

POINTS = (
    "while the file is opened",
    "after a claim, before a unit",
    "amid a transaction",
    "before a commit",
    "after a commit, before its answer",
    "after an answer, before it is told",
)
EXIT = 42
OPENING = 16
"""How many statements the opening of a file that is there has at least."""


class _Dying(sqlite3.Connection):
    """Ends the process at its point."""

    point = ""
    left = 0

    def executemany(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        return self._done(super().executemany, sql, *arguments)

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        return self._done(super().execute, sql, *arguments)

    def _done(self, statement: Callable[..., sqlite3.Cursor], sql: str, *arguments: Any) -> sqlite3.Cursor:
        word = sql.split(None, 1)[0].upper()
        if _Dying.point == POINTS[0] or (_Dying.point == POINTS[3] and word == "COMMIT"):
            _Dying.step()
        cursor = statement(sql, *arguments)
        if (_Dying.point == POINTS[2] and self.in_transaction) or (_Dying.point == POINTS[4] and word == "COMMIT"):
            _Dying.step()
        return cursor

    @staticmethod
    def step() -> None:
        _Dying.left -= 1
        if _Dying.left < 0:
            os._exit(EXIT)


def live_until(path: Path, name: str, point: str, left: int, tell: Tell) -> None:
    """Live until a point is passed the *left*-th time, and end there."""
    _Dying.point, _Dying.left = point, left

    def tell_or_die(word: str, what: str, *numbers: int) -> None:
        if point == POINTS[5] and word in ("kept", "sent", "claim"):
            _Dying.step()
        tell(word, what, *numbers)
        if point == POINTS[1] and word == "claim":
            _Dying.step()

    _live(path, name, False, partial(sqlite3.connect, factory=_Dying), tell_or_die)


def crash_points(directory: Path, *, rounds: int, seed: int) -> Row:
    """End the process at each of the named points, at its first, second, … passing."""
    row = Row("SQLite: the process ends at a named point", seed, note=f"{len(POINTS)} points")
    path = directory / "points.db"
    told = _begun(path)
    with row.timed():
        for number in range(rounds * len(POINTS)):
            point, left = POINTS[number % len(POINTS)], number // len(POINTS)
            left = left % OPENING if point == POINTS[0] else left
            told.life += 1
            child = fork(partial(live_until, path, f"{seed}.{told.life}", point, left))
            hear([child], PATIENCE)
            has_died = child.kill() == EXIT
            row.awake(has_died, f"the point {point!r} was not passed {left + 1} times")
            row.awake(not (point == POINTS[0] and child.words), f"the file was open before statement {left}")
            row.injected += has_died
            row.runs += 1
            told.read(child.said)
            if told.life % EVERY == 0 or number == rounds * len(POINTS) - 1:
                _judge(row, path, told, told.life)
    row.acknowledged = len(told)
    return row
