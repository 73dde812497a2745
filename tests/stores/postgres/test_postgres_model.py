"""The PostgreSQL store does what the memory store does, call by call, on stories made by chance."""

import pytest

from taskorch.core.receipts import Record
from taskorch.core.selection import Filter
from taskorch.core.unit import Put, Unit
from tests.stores.stories import expect_likeness


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # the loop makes no difference to what is looked for here
async def test_it_does_what_the_model_does(fresh, seed):
    """Every call has the same answer as that of the memory store, and leaves the same records and journals."""
    await expect_likeness(fresh(), seed)


async def test_a_record_is_what_was_put(fresh):
    """Texts of all kinds come back letter by letter."""
    async with fresh() as store:
        bodies = ["", "NULL", "{}", '"', "\\", '\\\\"', "{a,b}", "\n\t\r", "é\U0001f9ea\u2028", " x ", "'; --"]
        puts = tuple(Put(id=f'r{i} \\"{{', body=body, version=0, expected=None) for i, body in enumerate(bodies))
        await store.apply([Unit(run="r0", epoch=0, number=0, puts=puts)])

        assert [record and record.body for record in await store.read([put.id for put in puts])] == bodies
        assert isinstance((await store.find(Filter()))[0], Record)
