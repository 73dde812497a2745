# /// script
# requires-python = ">=3.11"
# dependencies = ["dask>=2026.8"]
# ///
"""dask with its threaded scheduler; a body takes what came before, for that is how dask learns of an order."""

from collections.abc import Callable

from dask.threaded import get

from yardstick.peer import Peer
from yardstick.workloads import Graph, sinks


def body(*before: object) -> None:
    """Do nothing."""


def prepare(graph: Graph) -> Callable[[], object]:
    """A graph of dask is a dictionary of tuples."""
    tasks = {f"s{number}": (body, *(f"s{parent}" for parent in parents)) for number, parents in graph.items()}
    last = [f"s{number}" for number in sinks(graph)]
    return lambda: get(tasks, last)


if __name__ == "__main__":
    # At 1,000 × 100 it asks for 8 GB of memory.
    Peer(name="dask, threaded", package="dask", prepare=prepare, sizes={"deep": (200, 100)}).main()
