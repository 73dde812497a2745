# /// script
# requires-python = ">=3.11"
# dependencies = []  # the checkout itself
# ///
"""taskorch on asyncio, measured like the others; its plan is compiled in every run."""

from collections.abc import Callable

import taskorch
from yardstick.bodies import idle
from yardstick.peer import Peer
from yardstick.workloads import Graph


def prepare(graph: Graph) -> Callable[[], object]:
    """A workflow."""
    flow = taskorch.Workflow("bench")
    for number, parents in graph.items():
        flow.step(idle, id=f"s{number}", after=[f"s{parent}" for parent in parents])
    return lambda: taskorch.run_sync(flow).check()


if __name__ == "__main__":
    Peer(name="taskorch", package="taskorch", prepare=prepare).main()
