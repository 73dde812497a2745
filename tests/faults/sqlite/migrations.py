"""A file of an older version, and a process that ends at each statement of the way to the present one."""

import shutil
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from taskorch.core.selection import Filter
from taskorch.errors import StoreError
from taskorch.stores import SQLiteStore
from tests.faults import checkers
from tests.faults.children import apart, fork, hear
from tests.faults.rows import Row
from tests.faults.sqlite.kills import EXIT, PATIENCE, POINTS, live_until
from tests.faults.work import Told
from tests.stores.old_files import VERSION_1

NAMES = tuple(f"old-{number}" for number in range(5))


def migrations(directory: Path, *, seed: int) -> Row:
    """End the process at the first, second, … statement of opening an old file; the next opening loses nothing."""
    row = Row("SQLite: the process ends amid a migration", seed)
    old = directory / "old.db"
    with row.timed():
        apart(partial(_make, old))
        clean = Path(shutil.copy(old, directory / "clean.db"))
        wanted = apart(lambda: anyio.run(_content, clean))
        row.awake(len(wanted) > len(NAMES), f"an old file cannot be opened undisturbed: {wanted}")
        for left in range(1000):
            path = Path(shutil.copy(old, directory / f"old-{left}.db"))
            child = fork(partial(live_until, path, "migrating", POINTS[0], left))
            hear([child], PATIENCE, words=1)  # its first claim, or its end
            if child.kill() != EXIT:
                _ended(row, child.said)
                return row
            row.runs += 1
            row.injected += 1
            row.acknowledged += len(NAMES)
            with row.judged(f"seed {seed}, statement {left}"):
                apart(partial(checkers.s27_the_file_is_sound, path))
                s34_an_old_file_opens(apart(partial(anyio.run, _content, path)), wanted)
    return row


def _ended(row: Row, said: str) -> None:
    """Behind its last statement a migration is done, and the process at work: it says what a claim gave."""
    told = Told()
    told.read(said)
    row.awake(row.runs > 30, f"after {row.runs} statements the old file was open")
    row.awake(told.reach == [0], f"the process did not go to work when the old file was open: {said[:200]}")
    with row.judged(f"seed {row.seed}, after {row.runs} statements"):
        checkers.no_owner_has_objected(told)


def _make(path: Path) -> None:
    """A file as version 1 kept it: with leases that ended, one that lives, and journals."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in VERSION_1:
            connection.execute(statement)
        for number, run in enumerate(NAMES):
            connection.execute("INSERT INTO record VALUES (?, ?, ?)", (run, number, '{"steps": 0}'))
            for epoch in range(1, number + 1):
                owner = "me" if epoch == number == 4 else None
                connection.execute("INSERT INTO lease VALUES (?, ?, ?, ?)", (run, epoch, owner, epoch * 2))
            for step in range(number):
                connection.execute(
                    "INSERT INTO journal (run, facts) VALUES (?, ?)", (run, f"[[{step},3,1,{step},null]]")
                )
        connection.execute("PRAGMA journal_mode = WAL")


async def _content(path: Path) -> list[Any]:
    try:
        async with SQLiteStore(path) as store:
            return [await store.find(Filter()), *[await store.journal(run) for run in NAMES]]
    except StoreError as error:
        return [str(error)]


@checkers.checker
def s34_an_old_file_opens(found: object, wanted: object) -> None:
    """After a crash amid its migration a file of an older version has all that it has after an undisturbed one."""
    checkers.demand(found == wanted, f"it holds {found} instead of {wanted}")
