"""Several processes and threads on one schema, and servers that go and come back."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import anyio
import attrs
import psycopg
import pytest

from taskorch.core.receipts import Claimed, Done, Refusal, Refused
from taskorch.core.selection import Lane
from taskorch.core.unit import Put, Unit, WaitingEntry
from taskorch.errors import StoreUnavailable
from taskorch.stores import PostgresStore
from taskorch.stores.postgres import reading
from taskorch.stores.postgres import schema as schemas
from taskorch.stores.postgres.tables import Tables
from taskorch.testing.units import a_fact, expect_steps, inserting, owners

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys, anyio
from taskorch.core.selection import Lane
from taskorch.core.unit import LeaseAction, Unit
from taskorch.stores import PostgresStore

async def main(dsn, schema, what):
    async with PostgresStore(dsn, schema=schema) as store:
        if what == "open":
            await store.read(["r"])
        elif what == "hold":
            claims = await store.claim("victim", [Lane(("q",))], {}, None, 1)
            answer = await store.lease("victim", "s")
            print("held", claims[0].record.id, answer.epoch, flush=True)
            sys.stdin.read()
        else:
            await store.read([])
            print("open", flush=True)
            sys.stdin.readline()
            while claims := await store.claim(what, [Lane(("q",))], {"x": 3, "y": 1000}, None, 7):
                print(*(claimed.record.id for claimed in claims), sep="\\n")
            print("end", flush=True)
            sys.stdin.read()

anyio.run(main, *sys.argv[1:])
"""


def started(dsn, schema, what):
    """A process that uses the store."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, dsn, schema, what],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )


def entering(id, *tags):
    """A client's unit that inserts a record and lets it wait."""
    put = Put(id=id, body="{}", version=0, expected=None)
    return Unit(run=id, epoch=0, number=0, puts=(put,), entries=(WaitingEntry(id=id, queue="q", rank=id, tags=tags),))


def test_several_processes_make_the_schema_at_once(dsn, schema):
    """Processes that open a new schema at the same time all succeed, and it is made once."""
    several = [started(dsn, schema, "open") for _ in range(4)]
    for one in several:
        one.communicate(timeout=60)

    assert [one.returncode for one in several] == [0] * 4
    with psycopg.connect(dsn) as connection:
        table = psycopg.sql.Identifier(schema, "migration")
        assert connection.execute(psycopg.sql.SQL("SELECT count(*) FROM {}").format(table)).fetchall() == [(1,)]


async def test_claims_of_processes_and_threads_are_distinct(dsn, schema, fresh):
    """What four processes claim at once is all distinct, and a limit is reached exactly."""
    async with fresh() as store:
        await store.apply(
            [entering(f"x{n:03}", "x") for n in range(50)] + [entering(f"y{n:03}", "y") for n in range(150)]
        )
        several = [started(dsn, schema, f"p{n}") for n in range(4)]
        for one in several:
            assert await anyio.to_thread.run_sync(one.stdout.readline) == "open\n"
        for one in several:
            one.stdin.write("begin\n")
            one.stdin.flush()
        # All hold what they were given until the last one has found nothing more.
        seen = [
            await anyio.to_thread.run_sync(lambda one=one: [*iter(one.stdout.readline, "end\n")]) for one in several
        ]
        for one in several:
            one.communicate()
    given = Counter(id.strip() for ids in seen for id in ids)
    assert set(given.values()) == {1}
    assert {id for id in given if id[0] == "y"} == {f"y{n:03}" for n in range(150)}
    assert len([id for id in given if id[0] == "x"]) == 3


async def test_limits_are_exact_among_threads(fresh):
    """Four threads with stores and loops of their own: no entry is given twice, and no limit is passed."""
    async with fresh() as store:
        await store.apply(
            [entering(f"x{n:03}", "x", "z") for n in range(40)] + [entering(f"y{n:03}") for n in range(60)]
        )
        given, stores = [], [fresh() for _ in range(4)]

        def claiming(mine):
            async def claim():
                while claims := await mine.claim("me", [Lane(("q",))], {"x": 5, "z": 30}, None, 3):
                    given.extend(claimed.record.id for claimed in claims)

            anyio.run(claim)

        threads = [threading.Thread(target=claiming, args=(mine,)) for mine in stores]
        for thread in threads:
            thread.start()
        for thread in threads:
            await anyio.to_thread.run_sync(thread.join)
        for mine in stores:
            await mine.aclose()
        assert max(Counter(given).values()) == 1
        assert Counter(id[0] for id in given) == {"x": 5, "y": 60}


async def test_a_dead_owner_is_taken_over_at_once(dsn, schema, fresh):
    """The leases of a process that was killed are over at once, whoever asks, and count as lost."""
    async with fresh() as store:
        await store.apply([entering("r"), inserting("s")])
        victim = started(dsn, schema, "hold")
        assert (await anyio.to_thread.run_sync(victim.stdout.readline)).split() == ["held", "r", "1"]
        assert await store.lease("me", "s") == Refused(Refusal.BUSY, by="victim", id="s")
        assert await store.claim("me", [Lane(("q",))], {}, None, 1) == []

        victim.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, victim.pid, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222 - it is dead, and stays a zombie
        taken = await store.lease("me", "s")
        assert isinstance(taken, Claimed)
        assert (taken.epoch, taken.losses) == (2, 1)
        with anyio.fail_after(10):
            while not (claims := await store.claim("me", [Lane(("q",))], {}, None, 1)):  # noqa: ASYNC110
                await anyio.sleep(0.05)
        assert (claims[0].epoch, claims[0].losses) == (2, 1)
        victim.communicate()


async def test_a_dead_owner_stands_in_no_unit_s_way(dsn, schema, fresh):
    """What is written over the lease of a process that was killed is kept, and what comes behind it in the batch."""
    async with fresh() as store:
        await store.apply([entering("r"), inserting("s")])
        with started(dsn, schema, "hold") as victim:
            assert (await anyio.to_thread.run_sync(victim.stdout.readline)).split() == ["held", "r", "1"]
            unit = Unit(run="s", epoch=0, number=0, puts=(Put(id="s", body="{}", version=1, expected=0),))
            later = attrs.evolve(unit, puts=(*inserting("t").puts, attrs.evolve(unit.puts[0], version=2, expected=1)))
            last = Unit(run="t", epoch=0, number=0, facts=(a_fact(1),))
            assert [type(receipt) for receipt in await store.apply([unit, later, last])] == [Refused] * 3
            victim.kill()
            os.waitid(os.P_PID, victim.pid, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222 - as above
            assert [type(receipt) for receipt in await store.apply([unit, later, last])] == [Done] * 3


async def test_a_namesake_that_comes_and_is_forgotten_meanwhile_gives_no_epoch_again(dsn, schema, fresh, monkeypatch):
    """Whoever inserts an id that came, was leased and is just being forgotten waits, and begins above its epochs."""
    looked, go = threading.Event(), threading.Event()
    write = Tables.write

    def slow(self, changes):
        if any(put.body == '"slow"' for put in changes.puts.values()):
            looked.set()
            go.wait()
        return write(self, changes)

    monkeypatch.setattr(Tables, "write", slow)
    finished = attrs.evolve(inserting(), puts=(attrs.evolve(inserting().puts[0], finished_at=1),))
    async with fresh() as store, fresh() as other:
        receipts = []

        async def insert():
            receipts.extend(await other.apply([inserting(body='"slow"')]))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(insert)
            try:
                await anyio.to_thread.run_sync(looked.wait)
                await store.apply([finished])
                for _ in range(2):
                    assert isinstance(await store.lease("old", "r", 0), Claimed)
                with psycopg.connect(dsn) as forgetting, psycopg.connect(dsn, autocommit=True) as watch:
                    schemas.enter(forgetting, schema)
                    assert reading.trim(forgetting, 10, 10) == 1
                    go.set()
                    blocked = "SELECT 1 FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
                    with anyio.fail_after(20):
                        while not watch.execute(blocked, (forgetting.info.backend_pid,)).fetchall():  # noqa: ASYNC110
                            await anyio.sleep(0.02)
                    forgetting.commit()
            finally:
                go.set()
        assert [type(receipt) for receipt in receipts] == [Done]
        assert (await store.lease("new", "r")).epoch == 3
        assert await store.apply([owners(1, 1)]) == [Refused(Refusal.STALE_LEASE, id="r")]


async def test_a_restart_in_the_middle_loses_nothing(own_server):
    """After a crash of the server the same store goes on, and a unit that is repeated takes effect once."""
    async with PostgresStore(own_server.dsn, schema=f"restart {os.urandom(4).hex()}") as store:
        await store.apply([inserting()])
        assert isinstance(await store.lease("me", "r"), Claimed)
        for number in (1, 2):
            assert isinstance((await store.apply([owners(number)]))[0], Done)
            await anyio.to_thread.run_sync(own_server.restart)
        await expect_steps(store, [0, 1, 2])  # the next call works by itself
        assert isinstance((await store.apply([owners(3)]))[0], Done)
        await expect_steps(store, [0, 1, 2, 3])


async def test_a_terminated_back_end_is_unknown_and_can_be_repeated(dsn, schema, fresh):
    """A back end that is shot while a call waits is StoreUnavailable; the same call then works."""
    async with fresh() as store:
        await store.apply([inserting()])
        assert isinstance(await store.lease("me", "r"), Claimed)
        with psycopg.connect(dsn) as blocker, psycopg.connect(dsn, autocommit=True) as killer:
            blocker.execute(psycopg.sql.SQL("LOCK TABLE {}").format(psycopg.sql.Identifier(schema, "record")))
            answers = []

            async def apply():
                with pytest.raises(StoreUnavailable, match="make it again"):
                    await store.apply([owners(1)])
                answers.append("unknown")

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(apply)
                with anyio.fail_after(20):
                    while not answers:
                        killer.execute(
                            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                            "WHERE wait_event_type = 'Lock' AND %s = ANY(pg_blocking_pids(pid))",
                            (blocker.info.backend_pid,),
                        )
                        await anyio.sleep(0.02)
            blocker.rollback()
        assert isinstance((await store.apply([owners(1)]))[0], Done)
        await expect_steps(store, [0, 1])
