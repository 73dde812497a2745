# /// script
# requires-python = ">=3.11"
# dependencies = ["apache-hamilton>=1.90"]
# ///
"""Hamilton with its default, synchronous driver; the names of a function's parameters tell what comes before."""

import sys
import threading
from collections.abc import Callable
from types import ModuleType

from hamilton import base, driver

from yardstick.peer import Peer
from yardstick.workloads import Graph, sinks


def prepare(graph: Graph) -> Callable[[], object]:
    """A module with a function for each step, as Hamilton wants it, and a driver of it."""
    module = ModuleType("steps")
    source = "\n".join(
        f"def s{number}({', '.join(f's{parent}: int' for parent in parents)}) -> int: return 0"
        for number, parents in graph.items()
    )
    sys.modules["steps"] = module
    exec(source, module.__dict__)
    found = driver.Builder().with_modules(module).with_adapters(base.DictResult()).build()
    last = [f"s{number}" for number in sinks(graph)]
    return lambda: found.execute(last)


if __name__ == "__main__":
    sys.setrecursionlimit(100_000)  # it goes down a chain by recursion
    threading.stack_size(512 * 1024 * 1024)
    peer = Peer(name="Hamilton", package="apache-hamilton", prepare=prepare)
    worker = threading.Thread(target=peer.main)
    worker.start()
    worker.join()
