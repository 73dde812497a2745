"""One file, several store objects and processes."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import contextmanager

import anyio
import pytest

from taskorch.core.receipts import Claimed, Done, Refusal, Refused
from taskorch.core.selection import Lane
from taskorch.core.unit import Put, Unit, WaitingEntry
from taskorch.errors import RunBusy, StoreError, StoreUnavailable
from taskorch.stores import SQLiteStore
from taskorch.stores.sqlite import database, log
from taskorch.testing.units import a_fact, expect_kept, expect_refused, expect_steps, hold, inserting, owners

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills are of POSIX")
LANE = (Lane(("q",)),)

WORKER = """
    import anyio, sys
    from taskorch.core.selection import Lane
    from taskorch.stores import SQLiteStore

    async def main(path, ttl):
        async with SQLiteStore(path, shared=True) as store:
            [claimed] = await store.claim("worker", [Lane(("q",))], {"t": 1}, float(ttl) if ttl else None, 1)
            print(claimed.record.id, claimed.epoch, flush=True)
            await anyio.sleep(60)

    anyio.run(main, *sys.argv[1:])
"""

GUEST = """
    import anyio, sys
    from taskorch.stores import SQLiteStore

    async def main(path, *_):
        store = SQLiteStore(path, shared=True)
        await store.read([])
        print("looked", flush=True)
        await anyio.sleep(60)

    anyio.run(main, *sys.argv[1:])
"""


@contextmanager
def worker(path, ttl="", program=WORKER):
    """A process that claims one record and holds it; it is killed in the end, stopped or not."""
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(program), str(path), ttl]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


async def claimed_soon(store):
    """What can be claimed as soon as its lease is over, which no hint tells."""
    with anyio.fail_after(60):
        while not (claimed := await store.claim("me", LANE, {"t": 1}, 30, 1)):  # noqa: ASYNC110 - see above
            await anyio.sleep(0.05)
    return claimed


def entered(id="r"):
    """A client's unit that inserts a record with an entry in the queue q."""
    unit = inserting(id)
    entry = WaitingEntry(id=id, queue="q", tags=("t",))
    return Unit(run=id, epoch=0, number=0, puts=unit.puts, facts=unit.facts, entries=(entry,))


async def test_both_must_say_so(path):
    """Who does not share the file is refused while it is shared, and the other way round."""
    async with SQLiteStore(path, shared=True) as first, SQLiteStore(path, shared=True) as second:
        await hold(first)
        await expect_refused(second, owners(1, 2), Refusal.STALE_LEASE)
        with pytest.raises(RunBusy):
            await SQLiteStore(path).read([])
    async with SQLiteStore(path) as alone:
        await expect_steps(alone, [0])
        with pytest.raises(RunBusy):
            await SQLiteStore(path, shared=True).read([])


async def test_who_is_refused_is_told_of_somebody_alive(path):
    """Of several who share the file, the one who is named has it open; not one who came later and has gone."""
    async with SQLiteStore(path, shared=True) as store:
        await store.apply([entered()])
    with worker(path) as holder:
        try:
            assert holder.stdout.readline().split() == ["r", "1"]
            with worker(path, program=GUEST) as guest:
                assert guest.stdout.readline() == "looked\n"
                guest.kill()
            with pytest.raises(RunBusy, match=f"process {holder.pid} ") as refused:
                await SQLiteStore(path).read([])
            async with SQLiteStore(path, shared=True) as store:
                await store.read([])
            with pytest.raises(RunBusy, match=f"process {holder.pid} "):
                await SQLiteStore(path).read([])
            assert str(guest.pid) not in str(refused.value)
        finally:
            holder.kill()


async def test_a_process_is_named_as_long_as_it_has_the_file_open(path):
    """A store object that is closed leaves the name of its process to another one of the same process."""
    lock = path.with_name(path.name + ".lock")
    async with SQLiteStore(path, shared=True) as first:
        await first.read([])
        async with SQLiteStore(path, shared=True) as second:
            await second.read([])
        assert f'"pid": {os.getpid()},' in lock.read_text()
    assert lock.read_text() == ""


async def test_a_dead_owner_stands_in_no_unit_s_way(path):
    """What is written over the lease of a process that was killed is kept, and what comes behind it in the batch."""
    async with SQLiteStore(path, shared=True) as store:
        await store.apply([entered()])
        with worker(path) as victim:
            assert victim.stdout.readline().split() == ["r", "1"]
            first = Unit(run="r", epoch=0, number=0, puts=(Put(id="r", body="{}", version=1, expected=0),))
            moved = Put(id="r", body="{}", version=2, expected=1)
            second = Unit(run="r", epoch=0, number=0, puts=(*inserting("t").puts, moved))
            last = Unit(run="t", epoch=0, number=0, facts=(a_fact(1),))
            assert [type(receipt) for receipt in await store.apply([first, second, last])] == [Refused] * 3
            victim.kill()
            os.waitid(os.P_PID, victim.pid, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222 - it is dead, and stays a zombie
            assert [type(receipt) for receipt in await store.apply([first, second, last])] == [Done] * 3


async def test_what_a_dead_owner_was_in_the_way_of_is_not_taken_for_kept(path):
    """A unit that was refused before a later one of the same owner was kept stays refused, and is not kept."""
    async with SQLiteStore(path, shared=True) as store:
        await store.apply([entered(), inserting("s")])
        own = await store.lease("me", "s")
        with worker(path) as victim:
            assert victim.stdout.readline().split() == ["r", "1"]
            victim.kill()
            os.waitid(os.P_PID, victim.pid, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222 - as above
            put = Put(id="r", body="[]", version=1, expected=0)
            units = [owners(1, own.epoch, put=put, run="s"), owners(2, own.epoch, run="s")]
            receipts = await store.apply(units)
            assert [type(receipt) for receipt in receipts] == [Refused, Done]
            assert (await store.read(["r"]))[0].version == 0


async def test_what_one_keeps_the_other_reads_and_claims(path):
    """Two store objects see one and the same store."""
    async with SQLiteStore(path, shared=True) as first, SQLiteStore(path, shared=True) as second:
        await expect_kept(first, entered("a"))
        await expect_kept(second, entered("b"))
        [claimed] = await second.claim("two", LANE, {}, 30, 1)
        assert (claimed.record.id, claimed.epoch) == ("a", 1)
        assert await first.lease("one", "a") == Refused(Refusal.BUSY, by="two", id="a")
        assert await first.claim("one", LANE, {"t": 1}, 30, 5) == []
        await second.aclose()
        assert [found.record.id for found in await first.claim("one", LANE, {"t": 2}, 30, 5)] == ["a", "b"]


async def test_a_killed_owner_is_followed_at_once(path):
    """After kill -9 on this machine the lease is over, however long its time was, and the slot is free."""
    async with SQLiteStore(path, shared=True) as store:
        await expect_kept(store, entered())
        with worker(path, "600") as process:
            assert process.stdout.readline() == "r 1\n"
            assert await store.claim("me", LANE, {"t": 1}, 30, 1) == []
            assert isinstance(await store.lease("me", "r", 30), Refused)
            process.kill()
        claimed = await store.lease("me", "r", 30)
        assert isinstance(claimed, Claimed)
        assert (claimed.epoch, claimed.losses) == (2, 1)


async def test_a_killed_owners_entry_is_claimed_by_the_next(path):
    """Claims look for owners that have died, too."""
    async with SQLiteStore(path, shared=True) as store:
        await expect_kept(store, entered())
        with worker(path) as process:
            process.stdout.readline()
            process.kill()
        [claimed] = await claimed_soon(store)
        assert claimed.epoch == 2


async def test_a_stopped_owner_is_fenced(path):
    """Who sleeps through its lease cannot write any more once somebody has taken over."""
    program = WORKER.replace(
        "await anyio.sleep(60)",
        """sys.stdin.readline()
            from taskorch.testing.units import owners
            print(await store.apply([owners(1)]), await store.renew([("r", 1)], 5), flush=True)""",
    )
    async with SQLiteStore(path, shared=True) as store:
        await expect_kept(store, entered())
        with worker(path, "0.2", program) as process:
            assert process.stdout.readline() == "r 1\n"
            os.kill(process.pid, signal.SIGSTOP)
            [claimed] = await claimed_soon(store)
            os.kill(process.pid, signal.SIGCONT)
            process.stdin.write("go on\n")
            process.stdin.flush()
            said = process.stdout.readline()
        assert said.count("STALE_LEASE") == 2
        assert claimed.epoch == 2
        await expect_steps(store, [0])
        await expect_kept(store, owners(1, 2))


def test_an_old_library_is_told(path, monkeypatch):
    """With a SQLite whose log is not safe for several processes there is a warning, and no log."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 2))
    with pytest.warns(UserWarning, match=r"SQLite .* may damage a write-ahead log .* Use SQLite 3\.51\.3 or later"):
        store = SQLiteStore(path, shared=True)
    assert anyio.run(_mode, store) == "truncate"
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 3))
    assert database.has_sound_log(sqlite3.sqlite_version_info)
    assert anyio.run(_mode, SQLiteStore(path, shared=True)) == "wal"


async def _mode(store):
    async with store:
        return await store._writer.call(lambda c: c.execute("PRAGMA journal_mode").fetchone()[0])


async def test_a_long_reader_does_not_let_the_log_grow_without_bound(path):
    """When somebody's reading keeps the log from being emptied, calls are refused until that ends; nothing is lost."""
    async with SQLiteStore(path, durability="normal", log_limit=400_000) as store:
        await hold(store)
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM journal").fetchone()
        number = 0
        with pytest.raises(StoreUnavailable, match=r"log has grown .* end that reader"):  # noqa: PT012 - one of many
            for number in range(1, 2000):
                await store.apply([owners(number)])
        assert path.with_name("store.db-wal").stat().st_size < 2_000_000
        await expect_steps(store, list(range(number)))
        reader.close()
        await expect_kept(store, owners(number))


async def test_the_log_of_a_linked_file_is_bounded_too(path):
    """A store that is reached by a symbolic link looks at the log where it lies: beside the file."""
    link = path.with_name("link.db")
    link.symlink_to(path)
    async with SQLiteStore(link, durability="normal", log_limit=400_000) as store:
        await hold(store)
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM journal").fetchone()
        with pytest.raises(StoreUnavailable, match=r"log has grown"):  # noqa: PT012 - one of many
            for number in range(1, 2000):
                await store.apply([owners(number)])
        reader.close()


@pytest.mark.parametrize("shared", [False, True], ids=["alone", "shared"])
@pytest.mark.parametrize("what", ["removed", "replaced", "with its folder"])
async def test_nothing_is_kept_in_a_file_that_is_gone(path, monkeypatch, shared, what):
    """Who removes or replaces the file of an open store is found out, before much is kept where nobody finds it."""
    monkeypatch.setattr(log, "_SECONDS", 0.0)
    async with SQLiteStore(path, shared=shared) as store:
        await hold(store)
        moved = path.parent if what == "with its folder" else path
        away = moved.with_name("away")
        moved.rename(away)
        if what != "removed":
            moved.touch()
        with pytest.raises(StoreError, match="removed or replaced") as refused:
            await store.apply([owners(1)])
        assert not isinstance(refused.value, StoreUnavailable)
        moved.unlink(missing_ok=True)
        away.rename(moved)
        await expect_kept(store, owners(1))


async def test_a_lock_held_long_reaches_nobody_as_an_error(path):
    """While another program holds the file for longer than SQLite waits, the outcome is told to be unknown."""
    async with SQLiteStore(path, shared=True) as store:
        await hold(store)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await store._writer.call(lambda c: c.execute("PRAGMA busy_timeout = 50"))
        with pytest.raises(StoreUnavailable, match="make it again"):
            await store.apply([owners(1)])
        other.close()
        await expect_kept(store, owners(1))
