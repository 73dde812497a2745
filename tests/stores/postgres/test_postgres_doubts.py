"""What a claim gave of which nobody knows: connections cut at its COMMIT leave no lease behind."""

import pytest
from psycopg.conninfo import make_conninfo

from taskorch.core.receipts import Claimed
from taskorch.core.selection import Lane
from taskorch.core.unit import Put, Unit, WaitingEntry
from taskorch.errors import StoreUnavailable
from taskorch.stores import PostgresStore
from taskorch.testing.units import expect_kept
from tests.faults.postgres.proxy import Proxy

LANES = (Lane(("q",)),)


@pytest.fixture
def proxy(own_server):
    """A proxy before a server of our own."""
    with Proxy(own_server.socket) as found:
        yield found


@pytest.fixture
def direct(own_server, schema):
    """Makes a store object that is connected without the proxy."""
    return lambda: PostgresStore(own_server.dsn, schema=schema)


@pytest.fixture
def cut_store(own_server, proxy, schema):
    """A store object behind the proxy."""
    local = {"host": "127.0.0.1", "port": proxy.port, "sslmode": "disable", "gssencmode": "disable"}
    return PostgresStore(make_conninfo(own_server.dsn, **local), schema=schema, size=2)


async def _insert(store, *ids):
    for id in ids:
        put = Put(id=id, body="{}", version=0, expected=None)
        await expect_kept(
            store, Unit(run=id, epoch=0, number=0, puts=(put,), entries=(WaitingEntry(id=id, queue="q"),))
        )


@pytest.mark.parametrize("cut", ["before", "at once", "after"])
@pytest.mark.parametrize("verb", ["claim", "lease"])
async def test_a_lease_in_doubt_is_given_back(verb, cut, cut_store, direct, proxy):
    """Whether or not the cut transaction was kept, the next call of the same store object leaves nothing held."""
    async with cut_store as store, direct() as other:
        await _insert(store, "a", "b", "c")
        proxy.arm(cut)
        with pytest.raises(StoreUnavailable):
            await (store.claim("me", LANES, {}, None, 2) if verb == "claim" else store.lease("me", "a"))
        proxy.arm(None)
        await store.next_due(LANES)  # any call does

        records = await other.read(["a", "b", "c"])
        assert [record.owner for record in records] == [None] * 3
        assert [claimed.record.id for claimed in await other.claim("you", LANES, {}, None, 3)] == ["a", "b", "c"]


async def test_a_lease_that_is_another_s_by_now_is_left_alone(cut_store, direct, proxy):
    """What somebody has taken over meanwhile is not given back for him."""
    async with cut_store as store, direct() as other:
        await _insert(store, "a")
        proxy.arm("after")
        with pytest.raises(StoreUnavailable):
            await store.claim("me", LANES, {}, None, 1)
        taken = await other.lease("you", "a", force=True)
        await store.next_due(LANES)

        [record] = await other.read(["a"])
        assert isinstance(taken, Claimed)
        assert (record.owner, record.epoch) == ("you", 2)


async def test_closing_leaves_nothing_in_doubt(cut_store, direct, proxy):
    """A store object that is closed next holds nothing either."""
    async with direct() as other:
        await _insert(other, "a")
        proxy.arm(None)
        async with cut_store as store:
            await store.read([])
            proxy.arm("after")
            with pytest.raises(StoreUnavailable):
                await store.lease("me", "a")
            proxy.arm(None)

        [record] = await other.read(["a"])
        assert (record.owner, record.epoch) == (None, 1)
