"""The thread behind a SQLiteStore: cancelled callers, several event loops, forgotten stores."""

import gc
import sqlite3
import threading
import time
import warnings
from functools import partial
from math import inf

import anyio
import pytest

from taskorch.core.receipts import Claimed
from taskorch.errors import StoreError
from taskorch.stores import SQLiteStore
from taskorch.stores.sqlite import verbs
from taskorch.stores.sqlite.store import _undo
from taskorch.testing.units import expect_claimed, expect_steps, hold, inserting, owners


def _store_threads(path):
    """The threads of stores at *path*; those of other tests' forgotten stores may end later."""
    return [thread for thread in threading.enumerate() if thread.name == f"taskorch store {path}"]


PATIENCE = 60
"""How many seconds of the machine something may take that is waited for."""


class Busy:
    """Keeps the writer of a store busy from the entry to ``let_go``, or to the exit.

    Args:
        store: The store.
    """

    def __init__(self, store):
        self._store = store
        self._begun, self._over = threading.Event(), threading.Event()

    async def __aenter__(self):
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self._tasks.start_soon(self._store._writer.call, lambda connection: self._work())
        assert await anyio.to_thread.run_sync(self._begun.wait, PATIENCE)
        return self

    async def __aexit__(self, *error):
        self.let_go()
        await self._tasks.__aexit__(*error)

    def _work(self):
        self._begun.set()
        assert self._over.wait(PATIENCE)

    def let_go(self):
        """The writer is busy no longer."""
        self._over.set()


async def test_a_cancelled_caller_is_let_go_at_once(path):
    """A caller does not wait for work it no longer wants; work that has not begun is dropped."""
    async with SQLiteStore(path) as store:
        await hold(store)
        async with Busy(store):
            with anyio.move_on_after(0.02) as scope:
                await store.apply([owners(1)])
            assert scope.cancelled_caught, "the writer is busy, and only who does not wait for it comes here"
        await expect_steps(store, [0])


async def test_a_claim_that_was_granted_to_a_cancelled_caller_is_released(path):
    """A lease that was given while its claimant was being cancelled is not lost: the next one gets it."""
    async with SQLiteStore(path) as store:
        await store.apply([inserting()])
        granted, has_left = threading.Event(), threading.Event()

        def slow(tables):
            granted.set()
            assert has_left.wait(PATIENCE)
            return verbs.lease(tables, verbs.Claimant("ghost", None), "r", force=False)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store._change, slow, _undo)
            await anyio.to_thread.run_sync(granted.wait)
            tasks.cancel_scope.cancel()
        has_left.set()
        await expect_claimed(store, 2)


async def test_cancelled_claims_never_leak(path):
    """However a cancel meets a claim, the record can be claimed afterwards."""
    async with SQLiteStore(path, durability="normal") as store:
        await store.apply([inserting()])
        took, cuts = inf, 0  # on this machine, at its best: the cuts are spread over twice that time
        for epoch in range(1, 6):
            began = time.perf_counter()
            await expect_claimed(store, epoch)
            took = min(took, time.perf_counter() - began)
            await store.apply([owners(1, epoch, release=True)])
        for round_number in range(60):
            with anyio.move_on_after(round_number * took / 30):
                answer = await store.lease("ghost", "r")
                assert isinstance(answer, Claimed)
                await store.apply([owners(1, answer.epoch, release=True)])
                continue
            cuts += 1
            [record] = await store.read(["r"])
            if record.owner is not None:  # cancelled after the claim: the caller knows of its lease
                await store.apply([owners(1, record.epoch, release=True)])
        assert isinstance(await store.lease("me", "r"), Claimed)
        assert cuts > 1


def test_one_store_serves_one_loop_after_another(path):
    """A store may be used from asyncio, then from trio, then from asyncio again."""
    store = SQLiteStore(path)
    anyio.run(hold, store)
    anyio.run(store.apply, [owners(1)], backend="trio")
    anyio.run(expect_steps, store, [0, 1])
    anyio.run(store.aclose, backend="trio")
    anyio.run(store.aclose)

    assert _store_threads(path) == []


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_loop_that_ends_amid_a_call_hurts_nobody(path, backend):
    """Work whose event loop has gone is finished, and the next loop is served."""
    begun, has_ended = threading.Event(), threading.Event()

    def work(connection):
        begun.set()
        assert has_ended.wait(PATIENCE)

    async def leave(store):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store._writer.call, work)
            await anyio.to_thread.run_sync(begun.wait)
            tasks.cancel_scope.cancel()

    store = SQLiteStore(path)
    anyio.run(hold, store)
    anyio.run(leave, store, backend=backend)
    has_ended.set()
    anyio.run(expect_steps, store, [0])
    anyio.run(store.aclose)


async def test_closing_waits_for_work_and_is_not_cancelled(path):
    """Work asked for before the end is done; a cancelled closer and a second one wait too; no thread is left."""
    store = SQLiteStore(path)
    await hold(store)
    receipts = []

    async def apply():
        receipts.extend(await store.apply([owners(1)]))

    async with Busy(store) as busy, anyio.create_task_group() as tasks:
        tasks.start_soon(apply)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(store.aclose)
        await anyio.wait_all_tasks_blocked()
        assert receipts == []
        threading.Timer(0.05, busy.let_go).start()  # while the cancelled one waits
        with anyio.CancelScope() as scope:
            scope.cancel()
            await store.aclose()
        assert _store_threads(path) == []
    assert len(receipts) == 1
    with pytest.raises(StoreError, match="closed"):
        await store.read(["r"])


async def test_a_forgotten_store_is_closed_with_one_warning(path):
    """A store that is collected unclosed gives everything back, and warns once and clearly."""
    store = SQLiteStore(path)
    await hold(store)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del store
        gc.collect()

    assert [str(warning.message) for warning in caught if "taskorch" in str(warning.message)] == []
    assert [warning.category for warning in caught] == [ResourceWarning]
    assert f"store {path} was not closed" in str(caught[0].message)
    assert _store_threads(path) == []
    async with SQLiteStore(path) as again:
        await expect_claimed(again, 2)


async def test_a_store_that_could_not_be_opened_need_not_be_closed(tmp_path):
    """A store that holds nothing is collected without a warning, and its thread ends."""
    store = SQLiteStore(tmp_path / "none" / "store.db")
    with pytest.raises(StoreError):
        await store.read([])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del store
        gc.collect()

    assert caught == []
    assert _store_threads(tmp_path / "none" / "store.db") == []


async def test_many_callers_at_once(path):
    """Calls of many tasks are all answered, each with its own result."""
    async with SQLiteStore(path, durability="normal") as store:
        answers = {}

        async def ask(number):
            answers[number] = await store._writer.call(lambda connection: number)

        async with anyio.create_task_group() as tasks:
            for number in range(200):
                tasks.start_soon(ask, number)
        assert answers == {number: number for number in range(200)}


_ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


async def test_a_query_whose_caller_is_cancelled_is_broken_off(path):
    """A query nobody waits for any more does not keep the next one waiting, whenever its caller was cancelled."""
    async with SQLiteStore(path) as store:
        await hold(store)
        begun, cancelled = threading.Event(), threading.Event()

        def search(connection):
            begun.set()
            cancelled.wait()  # so that no statement is under way yet
            return connection.execute(_ENDLESS).fetchone()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store._query, search)
            await anyio.to_thread.run_sync(begun.wait)
            tasks.cancel_scope.cancel()
        cancelled.set()
        await expect_steps(store, [0])
        with anyio.move_on_after(0):
            await store._query(lambda connection: connection.execute("SELECT 1").fetchone())
        await expect_steps(store, [0])


async def test_a_query_under_way_is_broken_off(path):
    """A query that SQLite is at ends as soon as its caller is cancelled."""
    async with SQLiteStore(path) as store:
        await hold(store)
        begun = threading.Event()

        def search(connection):
            connection.create_function("begun", 1, lambda value: begun.set() or value)
            return connection.execute(_ENDLESS.replace("SELECT 1", "SELECT begun(1)")).fetchone()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store._query, search)
            await anyio.to_thread.run_sync(begun.wait)
            tasks.cancel_scope.cancel()
        await expect_steps(store, [0])


class _Counting(sqlite3.Connection):
    """A connection that counts its commits."""

    commits = 0

    def execute(self, sql, *arguments):
        type(self).commits += sql == "COMMIT"
        return super().execute(sql, *arguments)


async def test_changes_that_wait_share_a_commit(path):
    """What many callers ask for while the disk is busy is kept together; what cannot be kept hurts nobody else."""
    async with SQLiteStore(path, connect=partial(sqlite3.connect, factory=_Counting)) as store:
        await store.apply([])
        _Counting.commits = 0
        refused = []

        async def insert(number):
            body = "\udce9" if number == 7 else "{}"
            try:
                await store.apply([inserting(f"r{number}", body)])
            except StoreError as error:
                refused.append((number, str(error)))

        async with Busy(store) as busy, anyio.create_task_group() as tasks:
            for number in range(5):
                tasks.start_soon(insert, number)
            await anyio.wait_all_tasks_blocked()
            busy.let_go()
        assert _Counting.commits == 1

        async with Busy(store) as busy, anyio.create_task_group() as tasks:
            for number in range(5, 10):
                tasks.start_soon(insert, number)
            await anyio.wait_all_tasks_blocked()
            busy.let_go()
        assert [number for number, _ in refused] == [7]
        assert "cannot be kept" in refused[0][1]
        found = await store.read([f"r{number}" for number in range(10)])
        assert [number for number, record in enumerate(found) if record is None] == [7]
