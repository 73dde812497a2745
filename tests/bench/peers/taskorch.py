# /// script
# requires-python = ">=3.11"
# dependencies = []  # the checkout itself
# ///
"""taskorch on asyncio, measured like the others: what is compiled once belongs to building."""

from collections.abc import Callable

import taskorch
from taskorch.core.frontier.plans import plan_of
from yardstick.bodies import idle
from yardstick.peer import Peer
from yardstick.workloads import Graph


def prepare(graph: Graph) -> Callable[[], object]:
    """A workflow, and its plan, which it keeps."""
    flow = taskorch.Workflow("bench")
    for number, parents in graph.items():
        flow.step(idle, id=f"s{number}", after=[f"s{parent}" for parent in parents])
    plan_of(flow)
    return lambda: taskorch.run_sync(flow).check()


if __name__ == "__main__":
    Peer(name="taskorch", package="taskorch", prepare=prepare).main()
