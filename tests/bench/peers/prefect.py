# /// script
# requires-python = ">=3.11"
# dependencies = ["prefect>=3.9"]
# ///
"""Prefect with its own temporary server, which is there before the clock starts; few steps, for each takes long."""

import os
import tempfile
from collections.abc import Callable

from yardstick.peer import Peer
from yardstick.workloads import Graph


def prepare(graph: Graph) -> Callable[[], object]:
    """A flow that submits a task for each step, with those before it to wait for."""
    from prefect import flow, task  # reads the environment

    @task
    def body() -> None:
        """Do nothing."""

    @flow
    def run() -> None:
        """Every step, in order."""
        futures = {}
        for number, parents in graph.items():
            futures[number] = body.submit(wait_for=[futures[parent] for parent in parents])
        for future in futures.values():
            future.result()

    return run


def main() -> None:
    """Measure with a home of its own, and nothing told to anyone."""
    sizes = {"chain": (100,), "fan": (100,), "layers": (10, 10), "deep": (20, 10)}
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {
            "PREFECT_HOME": home,
            "PREFECT_LOGGING_LEVEL": "CRITICAL",
            "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
            "DO_NOT_TRACK": "1",
        }
        Peer(name="Prefect", package="prefect", prepare=prepare, sizes=sizes).main()


if __name__ == "__main__":
    main()
