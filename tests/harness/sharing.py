"""A workflow that several processes carry out, and what one of them does."""

import os
import sys
import warnings
from pathlib import Path

import anyio

import taskorch
from taskorch.engine import keeper
from taskorch.stores import SQLiteStore

LEASE = 3.0
"""How long leases live, in seconds, in the processes of these tests."""


def shorten() -> None:
    """Have leases that are over soon, and use files as this library of SQLite can."""
    keeper.LEASE, keeper.BEAT = LEASE, 0.1
    warnings.filterwarnings("ignore", "SQLite .* may damage", UserWarning)


async def first(params: dict[str, str]) -> int:
    """Tell that it has begun, and wait for a file called ``gate``; end the process if there is one called ``bomb``."""
    place = anyio.Path(params["folder"])
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    if await (place / "bomb").exists():
        os._exit(9)
    while not await (place / "gate").exists():  # noqa: ASYNC110 - what is waited for is another process
        await anyio.sleep(0.01)
    return os.getpid()


async def second(first: int) -> int:
    """Hand it on."""
    return first


def workflow(folder: Path) -> taskorch.Workflow:
    """The two in a row."""
    flow = taskorch.Workflow("shared", parameters={"folder": str(folder)})
    flow.step(first)
    flow.step(second)
    return flow


def carry_out(folder: str) -> None:
    """Run it as ``r`` in the file ``s.db`` of the folder, and write what came of it."""
    shorten()

    async def main() -> str:
        async with SQLiteStore(Path(folder) / "s.db", shared=True) as store:
            try:
                result = await taskorch.run(workflow(Path(folder)), store=store, run_id="r")
            except taskorch.TaskorchError as error:
                return type(error).__name__
            return str(result.status)

    sys.stdout.write(anyio.run(main) + "\n")
