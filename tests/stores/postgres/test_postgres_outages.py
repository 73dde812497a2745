"""Servers that are away, that are silent, or that may only be read: typed errors, and work goes on by itself."""

import logging
import os

import anyio
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from taskorch.core.selection import Lane
from taskorch.errors import StoreUnavailable, StoreUnreadable
from taskorch.stores import PostgresStore
from taskorch.stores.postgres import connections
from taskorch.testing.units import expect_kept, inserting
from tests.faults.postgres.proxy import Proxy

LANES = (Lane(("q",)),)


async def test_work_goes_on_when_the_server_is_back(own_server, schema, caplog):
    """While the server is away calls end with an error that says so; then the same store object works again."""
    caplog.set_level(logging.INFO)
    async with PostgresStore(own_server.dsn, schema=schema, connect_timeout=1) as store:
        await expect_kept(store, inserting("a"))
        async with anyio.create_task_group() as group:
            group.start_soon(_listen, store)
            await _listening(own_server.dsn)
            own_server.crash()
            try:
                for _ in range(3):
                    with pytest.raises(StoreUnavailable, match=r"make it again|make the call again"):
                        await store.apply([inserting("b")])
            finally:
                own_server.start()
            with anyio.fail_after(60):
                while not await _is_kept(store, "b"):
                    pass
            group.cancel_scope.cancel()

        assert [record.id for record in await store.read(["a", "b"])] == ["a", "b"]
    assert not _warnings_of_driver(caplog), "told nobody's console"


def _warnings_of_driver(caplog):
    """What a program that has set up no log would find on its console."""
    records = [record for record in caplog.records if record.name.startswith("psycopg")]
    return [record for record in records if record.levelno >= logging.WARNING]


async def _listen(store):
    while True:
        try:
            await store.hints()
        except StoreUnavailable:
            await anyio.sleep(0.05)


async def _listening(dsn):
    """Wait until somebody listens."""
    with psycopg.connect(dsn, autocommit=True) as watcher, anyio.fail_after(60):
        query = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
        while not watcher.execute(query).fetchall():  # noqa: ASYNC110 - the server gives no sign
            await anyio.sleep(0.01)


async def _is_kept(store, id):
    try:
        await expect_kept(store, inserting(id))
    except StoreUnavailable:
        return False
    return True


async def test_a_call_waits_for_a_server_that_comes_back_soon(own_server, schema):
    """A server that is started again within the time for connecting is not noticed by who calls."""
    async with (
        PostgresStore(own_server.dsn, schema=schema, connect_timeout=60) as store,
        anyio.create_task_group() as group,
    ):
        await expect_kept(store, inserting("a"))
        own_server.crash()
        try:
            group.start_soon(expect_kept, store, inserting("b"))
            await anyio.wait_all_tasks_blocked()
        finally:
            own_server.start()


async def test_a_half_open_connection_ends_within_its_time(own_server, schema, monkeypatch):
    """A server that has gone without a word: the call ends by the timeouts, and the store works on afterwards."""
    monkeypatch.setattr(connections, "_GRACE", 0.3)
    with Proxy(own_server.socket) as proxy:
        local = {"host": "127.0.0.1", "port": proxy.port, "sslmode": "disable", "gssencmode": "disable"}
        address = make_conninfo(own_server.dsn, **local)
        async with PostgresStore(address, schema=schema, statement_timeout=0.5, connect_timeout=2) as store:
            with anyio.fail_after(60):
                while not await _is_kept(store, "a"):  # on a busy machine the first calls may take too long
                    pass
            proxy.flows.clear()
            with anyio.fail_after(30), pytest.raises(StoreUnavailable):
                await store.apply([inserting("b")])
            proxy.flows.set()
            with anyio.fail_after(30):
                while not await _is_kept(store, "c"):
                    pass


async def test_a_server_that_may_only_be_read_is_named(own_server, schema):
    """No store there: it cannot be opened. One there: it is read, and a write is refused with what to do."""
    only_read = make_conninfo(own_server.dsn, options="-c default_transaction_read_only=on")
    async with PostgresStore(only_read, schema=schema) as store:
        with pytest.raises(StoreUnreadable, match=r"lets us only read, and holds no store yet.*address of the primary"):
            await store.read(["a"])
    async with PostgresStore(own_server.dsn, schema=schema) as store:
        await expect_kept(store, inserting("a"))
    async with PostgresStore(only_read, schema=schema) as store:
        for call in (lambda: store.apply([inserting("b")]), lambda: store.claim("me", LANES, {}, None, 1)):
            with pytest.raises(
                StoreUnavailable, match=r"only read.*nothing of the call was kept.*default_transaction_read"
            ):
                await call()

        assert [record and record.id for record in await store.read(["a", "b"])] == ["a", None]


async def test_a_user_who_is_shut_out_is_told_at_once(own_server, schema):
    """A server that lets us in no longer: the call does not wait for what will not be, and says who must act."""
    role = f"shut_out_{os.urandom(3).hex()}"
    with psycopg.connect(own_server.dsn, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {role} LOGIN SUPERUSER")
        address = make_conninfo(own_server.dsn, user=role)
        async with PostgresStore(address, schema=schema, connect_timeout=600) as store:
            await expect_kept(store, inserting("a"))
            admin.execute(f"ALTER ROLE {role} NOLOGIN")
            # Waited for: a connection that ends in the middle of a call leaves its outcome unknown.
            ended = "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE usename = %s"
            assert all(is_ended for (is_ended,) in admin.execute(ended, (role,)).fetchall())
            with anyio.fail_after(60), pytest.raises(StoreUnreadable, match=r"refuses us.*check the user"):
                await store.read(["a"])
