"""The SQLite store does what the memory store does, call by call, on stories made by chance."""

import pytest

from taskorch.stores import SQLiteStore
from tests.stores.stories import expect_likeness


@pytest.mark.parametrize("shared", [False, True], ids=["alone", "shared"])
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # the loop makes no difference to what is looked for here
async def test_it_does_what_the_model_does(path, seed, shared):
    """Every call has the same answer as that of the memory store, and leaves the same records and journals."""
    await expect_likeness(SQLiteStore(path, durability="normal", shared=shared), seed)
