"""Leases of calls that came to an unknown end, owners that died, and a clock that goes back."""

import os
import sqlite3
import subprocess
import sys
import textwrap
import threading
from functools import partial

import anyio
import attrs
import pytest

from taskorch.core.receipts import Claimed, Done, Refusal, Refused, Repeated
from taskorch.core.selection import Filter, Lane
from taskorch.core.unit import Message, Put, Unit, WaitingEntry
from taskorch.errors import StoreError, StoreUnavailable
from taskorch.stores import MemoryStore, SQLiteStore
from taskorch.testing.units import a_fact, expect_claimed, expect_kept, expect_refused, hold, inserting, owners

LANE = (Lane(("q",)),)


class _Failing(sqlite3.Connection):
    """A connection on which the next statement of a kind fails, without effect."""

    planted = ""
    slow: tuple[threading.Event, threading.Event] | None = None
    """Set when the next COMMIT begins, and awaited by it; the transaction after it cannot begin."""

    def execute(self, sql, *arguments):
        if sql == "COMMIT" and type(self).slow is not None:
            begun, may_end = type(self).slow
            begun.set()
            assert may_end.wait(60)
            type(self).slow, type(self).planted = None, "BEGIN IMMEDIATE"
        elif sql == type(self).planted:
            type(self).planted = ""
            error = sqlite3.OperationalError("planted")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise error
        return super().execute(sql, *arguments)


failing = partial(sqlite3.connect, factory=_Failing)


def entered():
    """A client's unit that inserts the record "r" with an entry."""
    return attrs.evolve(inserting(), entries=(WaitingEntry(id="r", queue="q"),))


async def test_a_lease_in_doubt_that_others_have_got_meanwhile_is_theirs(path):
    """A claim that was rolled back gives nothing back that somebody else was given since."""
    async with SQLiteStore(path, shared=True, connect=failing) as one, SQLiteStore(path, shared=True) as other:
        await expect_kept(one, inserting())
        _Failing.planted = "COMMIT"
        with pytest.raises(StoreUnavailable):
            await one.lease("one", "r", 30)
        await expect_claimed(other, 1, "other")
        await one.renew([], 30)
        assert [record and record.owner for record in await other.read(["r"])] == ["other"]
        await expect_kept(other, owners(1))


async def test_what_cannot_be_given_back_at_once_is_given_back_later(path):
    """A cancelled claim whose undoing fails holds nothing for the next one."""
    async with SQLiteStore(path, connect=failing) as store:
        await expect_kept(store, entered())
        begun, may_end = _Failing.slow = threading.Event(), threading.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store.claim, "ghost", LANE, {}, None, 1)
            await anyio.to_thread.run_sync(begun.wait)
            tasks.cancel_scope.cancel()
        may_end.set()
        with anyio.fail_after(60):
            while _Failing.slow is not None or _Failing.planted:  # noqa: ASYNC110 - it is another thread
                await anyio.sleep(0.01)
        [claimed] = await store.claim("me", LANE, {}, None, 1)
        assert claimed.epoch == 2


@pytest.mark.skipif(sys.platform == "win32", reason="kills are of POSIX")
async def test_who_writes_looks_for_the_dead_as_well(path):
    """A record whose owner has died without a time to its lease can be written to at once."""
    program = """
        import anyio, os, sys
        from taskorch.stores import SQLiteStore
        from taskorch.testing.units import hold

        async def main():
            await hold(SQLiteStore(sys.argv[1], shared=True))
            os.kill(os.getpid(), 9)

        anyio.run(main)
    """
    async with SQLiteStore(path, shared=True) as store:
        await store.read([])
        command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(program), str(path)]
        subprocess.run(command, check=False, env=os.environ)  # noqa: ASYNC221 - there is nothing else to do
        update = Unit(run="r", epoch=0, number=0, puts=(Put(id="r", body="[]", version=1, expected=0),))
        [kept, new] = await store.apply([update, inserting("new")])
        assert (type(kept), type(new)) == (Done, Done)


async def test_the_number_of_an_owner_is_not_that_of_a_client(path):
    """A client's unit with the same number in the same batch does not stand for the owner's."""
    for shared in (False, True):
        file = path.with_name(f"{shared}.db")
        async with SQLiteStore(file, shared=shared) as store:
            await hold(store)
            child = Unit(run="r", epoch=1, number=1, puts=(Put(id="c", body="{}", version=0, expected=None),))
            told = Unit(run="r", epoch=0, number=1, facts=(a_fact(5),))
            assert [type(receipt) for receipt in await store.apply([child, told])] == [Done, Done]
            store._ledger._cache.forget()
            assert await store.apply([child]) == [Repeated()]


async def test_a_clock_that_goes_back_revives_nothing(path):
    """What is over stays over, in memory and on disk alike."""
    clock = [2_000_000]
    for store in (MemoryStore(now=lambda: clock[0]), SQLiteStore(path, now=lambda: clock[0])):
        clock[0] = 2_000_000
        async with store:
            await expect_kept(store, entered())
            [claimed] = await store.claim("me", LANE, {}, 1, 1)
            clock[0] = 4_000_000
            stale = Refused(Refusal.STALE_LEASE, id="r")
            assert await store.renew([("r", claimed.epoch)], 1) == [stale]
            clock[0] = 2_500_000
            assert await store.renew([("r", claimed.epoch)], 1) == [stale]
            assert [record and record.owner for record in await store.read(["r"])] == [None]
            assert isinstance(await store.lease("you", "r"), Claimed)


def test_hints_serve_one_loop_after_another(path):
    """Who waited for a hint in a loop that has ended leaves nothing behind."""
    store = SQLiteStore(path)

    async def wait_and_leave():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store.hints)
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()

    async def wait_and_hear():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store.hints)
            await anyio.wait_all_tasks_blocked()
            await store.apply([inserting()])

    anyio.run(wait_and_leave)
    anyio.run(wait_and_hear, backend="trio")
    anyio.run(store.aclose)


async def test_a_state_is_compared_whole(fresh):
    """A state that begins like another one is another one."""
    async with fresh() as store:
        for id, state in (("a", "x"), ("b", "x\0y")):
            put = Put(id=id, body="{}", version=0, expected=None, state=state)
            await expect_kept(store, Unit(run=id, epoch=0, number=0, puts=(put,)))
        assert [record.id for record in await store.find(Filter(states=frozenset({"x\0y"})))] == ["b"]


async def test_one_message_is_told_once(fresh):
    """A unit that tells two things under one id is refused, and the store works on."""
    async with fresh() as store:
        await expect_kept(store, inserting("r"))
        await expect_kept(store, inserting("s"))
        told = tuple(Message(id="m", run=run, body="{}") for run in ("r", "s"))
        await expect_refused(store, Unit(run="r", epoch=0, number=0, messages=told), Refusal.EXISTS)
        assert await store.messages("r") == []


async def test_many_lines_cost_nothing_once_nobody_waits_in_them(path):
    """Lines in which nobody is are not gone through, and no more are remembered than is good."""
    async with SQLiteStore(path, durability="normal") as store:
        for first in range(0, 6000, 1000):
            ids = [f"r{number}" for number in range(first, first + 1000)]
            entries = [WaitingEntry(id=id, queue="q", tags=(id,)) for id in ids]
            units = [attrs.evolve(inserting(e.id), facts=(), entries=(e,)) for e in entries]
            await store.apply(units)
            await store.apply([Unit(run=id, epoch=0, number=0, gone=(id,)) for id in ids])
        assert len(store._ledger._cache.lines._lines) <= 4096
        assert await store.next_due(LANE) is None
        assert await store.claim("me", LANE, {}, None, 1) == []


async def test_a_cursor_of_others_is_refused(fresh):
    """Whatever is no cursor of the store is a StoreError."""
    async with fresh() as store:
        for cursor in ("x", "-1", "9" * 5000):
            with pytest.raises(StoreError, match="no cursor"):
                await store.events(cursor)


async def test_versions_of_sqlite_do_not_mix(path, monkeypatch):
    """A process whose log is not safe keeps the others from using one, and does not join where they do."""

    async def mode(store):
        return await store._writer.call(lambda c: c.execute("PRAGMA journal_mode").fetchone()[0])

    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 40, 1))
    async with SQLiteStore(path, shared=True) as old:
        assert await mode(old) == "truncate"
        monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 60, 0))
        async with SQLiteStore(path, shared=True) as new:
            assert await mode(new) == "truncate"
    async with SQLiteStore(path, shared=True) as new:
        assert await mode(new) == "wal"
        monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 40, 1))
        monkeypatch.setattr("taskorch.stores.sqlite.database._PATIENCE", 2)
        monkeypatch.setattr("taskorch.stores.sqlite.database._SETTINGS", ("PRAGMA busy_timeout = 20",))
        with pytest.raises(StoreUnavailable, match="same version of SQLite"):
            await SQLiteStore(path, shared=True).read([])
