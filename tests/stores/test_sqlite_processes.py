"""Killed processes, second processes and forked ones."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap

import pytest

from taskorch.core.receipts import Repeated
from taskorch.errors import RunBusy
from taskorch.stores import SQLiteStore
from taskorch.testing.units import expect_claimed, expect_steps, hold, owners

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills and forks are of POSIX")

HOLDER = """
    import anyio, sys, json
    from taskorch.stores import SQLiteStore
    from taskorch.testing.units import hold, owners

    async def main():
        async with SQLiteStore(sys.argv[1]) as store:
            await hold(store)
            number = 0
            while True:
                number += 1
                await store.apply([owners(number)])
                print(number, flush=True)

    anyio.run(main)
"""


DYING = """
    import os, sqlite3, sys
    from functools import partial
    from pathlib import Path
    from taskorch.stores.clock import system_time
    from taskorch.stores.sqlite.database import Opening
    from taskorch.stores.sqlite.ledger import Ledger
    from taskorch.stores.sqlite.log import Log
    from taskorch.stores.sqlite.cache import Cache

    class Dying(sqlite3.Connection):
        left = int(sys.argv[2])
        def execute(self, *arguments):
            Dying.left -= 1
            if Dying.left < 0:
                os.kill(os.getpid(), 9)
            return super().execute(*arguments)

    connect = partial(sqlite3.connect, factory=Dying)
    ledger = Ledger(Cache(lasts=True), system_time, Log("x"))
    Opening(path=Path(sys.argv[1]), name="x", durability="full", connect=connect, ledger=ledger)()
"""
"""Opens a file, and is killed before the n-th statement of that."""


def python(program, *arguments, **options):
    """A Python process that runs *program*."""
    command = [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)


async def test_a_killed_process_loses_nothing_it_was_told_is_kept(path):
    """After kill -9 amid its units every acknowledged one is there, and the next epoch is given at once."""
    told = 0
    for round_number in range(3):
        file = path.with_name(f"{round_number}.db")
        with python(HOLDER, file) as process:
            for _ in range(20 + 17 * round_number):
                told = int(process.stdout.readline())
            process.kill()
            told = max([told, *map(int, process.stdout.read().split("\n")[:-1])])

        assert file.with_name(file.name + "-wal").stat().st_size > 0
        async with SQLiteStore(file) as store:
            await expect_claimed(store, 2)
            entries = await store.journal("r", n=100_000)
            kept = [entry.facts[0][0] for entry in entries]
            assert kept == list(range(len(kept)))
            assert kept[-1] in (told, told + 1)
            assert await store.apply([owners(told)]) == [Repeated()]


async def test_a_second_process_is_refused_with_the_name_of_the_first(path):
    """While a process holds the file another one is refused at once, and told which process it is."""
    with python(HOLDER, path) as process:
        process.stdout.readline()
        try:
            with pytest.raises(RunBusy) as caught:
                await SQLiteStore(path).read(["r"])
        finally:
            process.kill()
            process.stdout.read()

    assert caught.value.subject == f"store {path}"
    started = json.loads(path.with_name("store.db.lock").read_text())["started"]
    assert caught.value.owner == f"process {process.pid} (started {started})"


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # what dies here has no event loop
async def test_a_crash_while_the_tables_are_made_leaves_a_file_that_opens(path):
    """Whichever statement of the first opening is the last one, the next opening succeeds."""
    processes = [python(DYING, path.with_name(f"{count}.db"), count) for count in range(45)]
    statuses = []
    for count, process in enumerate(processes):
        process.communicate()
        statuses.append(process.returncode)
        async with SQLiteStore(path.with_name(f"{count}.db")) as store:
            await hold(store)
    assert statuses == sorted(statuses)
    assert set(statuses) == {-signal.SIGKILL, 0}


async def test_what_is_not_closed_is_closed_at_exit(path):
    """A program that forgets to close its store ends, loses nothing, and is warned once."""
    program = """
        import anyio, sys
        from taskorch.stores import SQLiteStore
        from taskorch.testing.units import hold

        store = SQLiteStore(sys.argv[1])
        anyio.run(hold, store)
        print("end")
    """
    with python(program, path, stderr=subprocess.PIPE, env={**os.environ, "PYTHONWARNINGS": "always"}) as process:
        out, err = process.communicate(timeout=20)

    assert (out, process.returncode) == ("end\n", 0)
    assert err.count("ResourceWarning") == 1
    assert "was not closed" in err
    assert not path.with_name("store.db-wal").exists()


async def test_a_forked_child_uses_neither_the_store_nor_its_file(path):
    """A forked child is refused, does no harm when it ends, and does not keep the lock of a parent that ended."""
    program = """
        import anyio, os, sys, time
        from taskorch.errors import StoreError
        from taskorch.stores import SQLiteStore
        from taskorch.testing.units import expect_steps, hold, owners

        store = SQLiteStore(sys.argv[1])
        anyio.run(hold, store)
        child = os.fork()
        if child == 0:
            for used in (store, SQLiteStore(sys.argv[1])):
                try:
                    anyio.run(used.read, ["r"])
                except StoreError as error:
                    print(error, flush=True)
            anyio.run(store.aclose)
            print("closed", flush=True)
            sys.exit(0)  # the whole way out, with finalizers
        assert os.waitpid(child, 0)[1] == 0
        anyio.run(store.apply, [owners(1)])
        anyio.run(expect_steps, store, [0, 1])
        if os.fork() == 0:
            print("child", flush=True)
            os.close(1)
            time.sleep(30)
        time.sleep(30)
        time.sleep(30)
    """
    with python(program, path, start_new_session=True) as process:
        try:
            lines = [process.stdout.readline() for _ in range(4)]
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            async with SQLiteStore(path) as store:
                await expect_claimed(store, 2)
        finally:
            os.killpg(process.pid, signal.SIGKILL)

    assert "forked" in lines[0]
    assert "forked" in lines[1]
    assert lines[2:] == ["closed\n", "child\n"]


async def test_the_log_of_a_killed_process_is_read(path):
    """What a killed process left in the log only is there for the next one, which brings it into the file."""
    with python(HOLDER, path) as process:
        process.stdout.readline()
        process.kill()
        process.stdout.read()
    async with SQLiteStore(path) as store:
        assert await store.journal("r")
    assert not path.with_name("store.db-wal").exists()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_store_that_was_never_opened_survives_a_fork(path):
    """A store may be made before a fork and opened after it, in the child or in the parent."""
    program = """
        import anyio, os, sys
        from taskorch.stores import SQLiteStore
        from taskorch.testing.units import expect_claimed, hold

        store = SQLiteStore(sys.argv[1])
        child = os.fork()
        if child == 0:
            anyio.run(hold, store)
            anyio.run(store.aclose)
            sys.exit(0)
        assert os.waitpid(child, 0)[1] == 0
        anyio.run(expect_claimed, store, 2)
        anyio.run(store.aclose)
    """
    with python(program, path) as process:
        process.communicate(timeout=20)

    assert process.returncode == 0


async def test_a_refused_store_object_takes_no_lock_away(path):
    """A second store object in the same process leaves SQLite's own locks on the file to the first.

    On POSIX a process that closes a file loses all its locks on it. Another process that reads the file and
    closes it would then take itself for the last one, and remove the log of the store that works on.
    """
    reader = """
        import sqlite3, sys
        connection = sqlite3.connect(sys.argv[1])
        print(connection.execute("SELECT count(*) FROM journal").fetchone()[0])
        connection.close()
    """
    async with SQLiteStore(path) as store:
        await hold(store)
        with pytest.raises(RunBusy):
            await SQLiteStore(path).read([])
        with python(reader, path) as process:
            assert process.stdout.read() == "1\n"
        assert path.with_name("store.db-wal").exists()
        await store.apply([owners(1)])
    async with SQLiteStore(path) as store:
        await expect_steps(store, [0, 1])
