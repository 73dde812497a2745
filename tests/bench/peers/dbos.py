# /// script
# requires-python = ">=3.11"
# dependencies = ["dbos>=3.4"]
# ///
"""DBOS with its system database in SQLite, as it sets that up itself: a rollback journal, every commit on the disk.

A workflow of DBOS is a function that calls steps, so a chain is a loop, and the steps of a layer are gathered.
"""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path

from dbos import DBOS

from yardstick.peer import Peer
from yardstick.timing import now
from yardstick.workloads import Graph


@DBOS.step()
async def body() -> None:
    """Do nothing."""


@DBOS.workflow()
async def run(waves: list[int]) -> None:
    """So many steps at a time."""
    for wave in waves:
        if wave == 1:
            await body()
        else:
            await asyncio.gather(*(body() for _ in range(wave)))


def prepare(graph: Graph) -> Callable[[], object]:
    """How many steps can be run at a time."""
    depth: dict[int, int] = {}
    for number, parents in graph.items():
        depth[number] = max((depth[parent] + 1 for parent in parents), default=0)
    levels = list(depth.values())
    waves = [levels.count(level) for level in range(max(levels) + 1)]

    async def main() -> float:
        start = now()
        await run(waves)
        return now() - start

    return lambda: asyncio.run(main())


def main() -> None:
    """Measure with a database of its own."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder, 'dbos.db')}"
        DBOS(config={"name": "bench", "system_database_url": url, "log_level": "CRITICAL"})
        DBOS.launch()
        try:
            Peer(name="DBOS on SQLite", package="dbos", prepare=prepare, is_durable=True).main()
        finally:
            DBOS.destroy()


if __name__ == "__main__":
    main()
