# /// script
# requires-python = ">=3.11"
# dependencies = []  # the checkout itself
# ///
"""taskorch with a store in a SQLite file, every commit on the disk."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import anyio

import taskorch
from taskorch.core.frontier.plans import plan_of
from taskorch.stores import SQLiteStore
from yardstick.bodies import idle
from yardstick.peer import Peer
from yardstick.timing import now
from yardstick.workloads import Graph


def prepare(graph: Graph) -> Callable[[], object]:
    """A workflow, and its plan, which it keeps."""
    flow = taskorch.Workflow("bench")
    for number, parents in graph.items():
        flow.step(idle, id=f"s{number}", after=[f"s{parent}" for parent in parents])
    plan_of(flow)

    async def main() -> float:
        with tempfile.TemporaryDirectory() as folder:
            async with SQLiteStore(Path(folder, "ours.db"), durability="full") as store:
                await store.read([])  # opens it
                start = now()
                (await taskorch.run(flow, store=store)).check()
                return now() - start

    return lambda: anyio.run(main)


if __name__ == "__main__":
    Peer(name="taskorch on SQLite", package="taskorch", prepare=prepare, is_durable=True).main()
