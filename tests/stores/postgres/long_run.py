"""A run that another process carries out until it is stopped."""

import sys

import anyio

import taskorch
from taskorch.stores import PostgresStore


def workflow(tell, seconds=0.0):
    """Two steps that tell when they begin; the second one takes its time."""
    flow = taskorch.Workflow("long")

    @flow.step
    async def first() -> int:
        tell("first")
        return 1

    @flow.step(after=[first])
    async def second() -> int:
        tell("second")
        await anyio.sleep(seconds)
        return 2

    return flow


def main():
    """Carry it out, in the database and schema that the arguments name."""
    dsn, schema = sys.argv[1:]

    async def carry_out():
        async with PostgresStore(dsn, schema=schema, connect_timeout=60) as store:
            flow = workflow(lambda step: print(step, flush=True), seconds=60)
            await taskorch.run(flow, store=store, run_id="R-1")

    anyio.run(carry_out)
