"""The PostgreSQL store in every order of two actors' calls, and exact under tasks and processes."""

import os
from math import comb

import pytest

from tests.stores.exactness import Job, in_processes, in_tasks, most_at_work, open_shared, verify
from tests.stores.interleavings import explore
from tests.stores.invariants import INVARIANTS
from tests.stores.postgres import server
from tests.stores.test_interleavings import PAIRS

MOST = 20
"""Both scripts end earlier than in memory, so that no more orders than this are left: each call is a trip."""


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # the orders are ours, not those of an event loop
@pytest.mark.parametrize("name", PAIRS)
async def test_every_order_keeps_the_invariants(name, fresh):
    """Whatever order the calls of two actors come in, the invariants hold after every one of them."""
    begin, make = PAIRS[name]
    first, second = make()
    while comb(len(first) + len(second), len(first)) > MOST:
        first, second = (first[:-1], second) if len(first) >= len(second) else (first, second[:-1])

    explored = await explore(fresh, begin, (first, second), INVARIANTS, is_reused=True)

    assert explored == comb(len(first) + len(second), len(first))
    assert 10 <= explored <= MOST


async def test_three_tasks_are_exact(fresh):
    """Three tasks and a reader at one store object see nothing that is not exact."""
    job = Job(each=12)
    async with fresh() as store:
        reports = await in_tasks(store, job)
        await verify(store, job, reports)

    assert sum(len(report.done) for report in reports) == len(job.ids)
    assert [report for report in reports if report.told]


@pytest.mark.parametrize("hands_back", [True, False], ids=["handing back", "working on"])
@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # each process has a loop of its own
async def test_three_processes_are_exact(hands_back, dsn):
    """Three processes, and a fourth that reads, at one schema see nothing that is not exact."""
    job = Job(each=30, limit=2, room=6, hands_back=hands_back)
    schema = f"exact-{os.urandom(6).hex()}"  # one word, for it stands behind the address
    place = f"{dsn} {schema}"

    try:
        reports = await in_processes("postgres", place, job)
        async with open_shared("postgres", place) as store:
            await verify(store, job, reports)
    finally:
        server.drop(dsn, schema)

    assert most_at_work(reports) > 1, "one process worked after the other"
    assert [report for report in reports if report.told]
