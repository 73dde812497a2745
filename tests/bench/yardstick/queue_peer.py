"""Another program's queue on PostgreSQL, beside the statements written by hand on the same server."""

import json
import platform
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from yardstick.postgres import server
from yardstick.task_tables import PostgresTable, Task, work
from yardstick.timing import CLOCK, Rounds, now, told

BATCHES = {"queue-100": 100, "queue-1": 1}
"""The workloads by name: how many tasks are enqueued, claimed and completed together."""
COUNT = 10_000


def title(shape: str) -> str:
    """What a workload is called in a table."""
    return "one by one" if BATCHES[shape] == 1 else f"by {BATCHES[shape]}"


def tasks(count: int) -> list[Task]:
    """So many tasks of random rank, which is a number of seven digits."""
    chance = random.Random(7)
    return [(f"T-{number:07}", f"{chance.randrange(100):07}") for number in range(count)]


def floor(dsn: str, tasks: Sequence[Task], batch: int) -> float:
    """The seconds by hand."""
    table = PostgresTable(dsn)
    start = now()
    work(table, tasks, batch)
    seconds = now() - start
    table.close()
    return seconds


@dataclass(frozen=True, kw_only=True)
class QueuePeer:
    """What must be known of a queue to measure it.

    Attributes:
        name: What it is called in the table.
        package: The distribution that it comes in.
        run: Enqueues, claims and completes so many tasks of a rank, so many at a time, on the server of a DSN; the
            seconds. What it makes in the database before is its own affair, and not counted.
    """

    name: str
    package: str
    run: Callable[[str, Sequence[Task], int], float]

    def main(self) -> None:
        """Measure and print; arguments: ROUNDS (5) and the workloads (all). One by one a tenth is done."""
        repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
        with server() as dsn:
            for shape in sys.argv[2:] or BATCHES:
                given = tasks(COUNT if BATCHES[shape] > 1 else COUNT // 10)
                print(json.dumps(self._measured(dsn, shape, given, repeats)), flush=True)

    def _measured(self, dsn: str, shape: str, given: Sequence[Task], repeats: int) -> dict[str, object]:
        batch = BATCHES[shape]
        contenders = {
            "floor": lambda: floor(dsn, given, batch),
            "peer": lambda: self.run(dsn, given, batch),
        }
        rounds = Rounds(contenders, len(given), repeats, told)
        return {
            "peer": self.name,
            "version": version(self.package),
            "shape": shape,
            "workload": title(shape),
            "reduced": False,
            "steps": len(given),
            "rounds": repeats,
            "clock": CLOCK,
            "python": platform.python_version(),
            "us": round(rounds.median("peer"), 2),
            "floor_us": round(rounds.median("floor"), 2),
            "ratio": round(rounds.ratio("peer", "floor"), 2),
        }
