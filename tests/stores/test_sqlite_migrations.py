"""Files of older versions open, and a crash in the middle of their change does no harm."""

import signal
import sqlite3
import sys

import anyio
import pytest

from taskorch.core.lifecycle import advance
from taskorch.core.receipts import Repeated
from taskorch.core.selection import Filter
from taskorch.core.states import Verb
from taskorch.core.task import Task
from taskorch.stores import SQLiteStore
from taskorch.stores.sqlite import schema
from taskorch.testing.units import expect_claimed, expect_steps, owners
from tests.stores.old_files import VERSION_1
from tests.stores.test_sqlite_processes import DYING, python


def of_version_1(path):
    """A file as version 1 wrote it: a run with two epochs, and a task that has ended."""
    task = Task.new("t", id="r")
    ended, _ = advance(task, Verb.CANCEL, now=task.created_at, by="me")
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in (*VERSION_1, "PRAGMA journal_mode = WAL"):
        connection.execute(statement)
    connection.execute("INSERT INTO record VALUES ('r', 0, ?)", (task.to_json(indent=None),))
    connection.execute("INSERT INTO record VALUES ('old', 1, ?)", (ended.to_json(indent=None),))
    connection.execute("INSERT INTO record VALUES ('odd', 1, '{}')")
    connection.execute("INSERT INTO lease VALUES ('r', 1, NULL, 7), ('r', 2, 'me', 2)")
    facts = "[[{},3,1,1700000000000000,null]]"
    rows = [(1, "r", facts.format(0)), (2, "r", facts.format(1)), (3, "r", None), (4, "old", facts.format(5))]
    connection.executemany("INSERT INTO journal VALUES (?, ?, ?)", rows)
    connection.execute("INSERT INTO journal VALUES (9, 'r', NULL)")
    connection.close()
    return task, ended


async def _expect_all(path, task, ended):
    async with SQLiteStore(path) as store:
        records = await store.read(["r", "old", "odd"])
        assert [record and record.body for record in records] == [
            task.to_json(indent=None),
            ended.to_json(indent=None),
            "{}",
        ]
        await expect_steps(store, [0, 1])
        await expect_steps(store, [5], "old")
        assert [entry.cursor for entry in await store.journal("r")] == [1, 2]
        assert [found.id for found in await store.find(Filter(states=frozenset({"CREATED"})))] == ["r"]
        assert await store.apply([owners(7), owners(2, 2)]) == [Repeated(), Repeated()]
        await expect_claimed(store, 3)
        [receipt] = await store.apply([owners(1, 3)])
        assert receipt.cursor == 10
        assert await store.trim(2**60) == 1
        assert await store.read(["old"]) == [None]


async def test_a_file_of_version_1_opens(path):
    """Records, journals, cursors, numbers and epochs of version 1 are there; states and ends are known."""
    task, ended = of_version_1(path)
    await _expect_all(path, task, ended)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


@pytest.mark.parametrize("body", ["", "no JSON", '{"a": NaN}', "[" * 3000])
async def test_a_body_that_makes_no_sense_is_kept(path, body):
    """A body of version 1 that is no JSON is as it was, and the others are known all the same."""
    of_version_1(path)
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("INSERT INTO record VALUES ('no', 1, ?)", (body,))
    connection.close()
    async with SQLiteStore(path) as store:
        assert [record and record.body for record in await store.read(["no"])] == [body]
        assert [found.id for found in await store.find(Filter(states=frozenset({"CREATED"})))] == ["r"]
        assert await store.trim(2**60) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="kills are of POSIX")
def test_a_crash_in_any_statement_of_a_migration_leaves_a_file_that_opens(path):
    """Whichever statement is the last one before the crash, the next opening finds everything."""
    statuses = []
    for count in range(60):
        file = path.with_name(f"{count}.db")
        task, ended = of_version_1(file)
        process = python(DYING, file, count)
        process.communicate()
        statuses.append(process.returncode)
        anyio.run(_expect_all, file, task, ended)
        if process.returncode == 0:
            break
    assert statuses == [-signal.SIGKILL] * (len(statuses) - 1) + [0]
    assert len(statuses) > 30
