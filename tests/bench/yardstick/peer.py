"""Another program on the same graphs, beside the first floor in the same process; a JSON line for each workload.

One that keeps every result on disk is measured beside a bare writer thread that does so too and waits for the disk;
its workloads are others, and it tells the seconds itself, so that opening and closing a database are left out.
"""

import asyncio
import json
import platform
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from yardstick.bodies import idle
from yardstick.floors import graphlib_tasks
from yardstick.timing import CLOCK, Rounds, now, timed, told
from yardstick.workloads import DURABLE, SHAPES, Graph, made, title
from yardstick.writer import durable


def written(graph: Graph) -> float:
    """The seconds in which a bare writer thread keeps every result of *graph*, the disk included."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(durable(graph, idle, Path(folder, "floor.db"), "FULL", now))


@dataclass(frozen=True, kw_only=True)
class Peer:
    """What must be known of a peer to measure it.

    Attributes:
        name: What it is called in the table.
        package: The distribution that it comes in.
        prepare: Builds what the peer needs of a graph, and gives the call that runs it once.
        sizes: For each shape that is run smaller than it is, because it would take too long: its size.
        is_durable: Whether it keeps every result on disk; then its call returns the seconds that the run took.
    """

    name: str
    package: str
    prepare: Callable[[Graph], Callable[[], object]]
    sizes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    is_durable: bool = False

    def measured(self, shape: str, repeats: int) -> dict[str, object]:
        """The figures of one shape: medians in µs per step, and the ratio to the floor, round by round."""
        size = self.sizes.get(shape, ())
        graph = made(shape, size)
        self.prepare(
            made(shape, (2,) * len((SHAPES | DURABLE)[shape][1]))
        )  # what it imports on the way is no cost of a step
        start = now()
        call = self.prepare(graph)
        build = (now() - start) / len(graph) * 1e6
        call()  # nor is what it does once, such as to start a server
        floor = written if self.is_durable else lambda graph: asyncio.run(graphlib_tasks(graph, idle))
        contenders = {"floor": lambda: floor(graph), "peer": call}
        rounds = Rounds(contenders, len(graph), repeats, told if self.is_durable else timed)
        return {
            "peer": self.name,
            "version": version(self.package),
            "shape": shape,
            "workload": title(shape, size),
            "reduced": bool(size),
            "steps": len(graph),
            "rounds": repeats,
            "clock": CLOCK,
            "python": platform.python_version(),
            "build_us": round(build, 2),
            "us": round(rounds.median("peer"), 2),
            "floor_us": round(rounds.median("floor"), 2),
            "ratio": round(rounds.ratio("peer", "floor"), 2),
            "build_ratio": round(build / rounds.median("floor"), 2),
        }

    def main(self) -> None:
        """Measure and print; arguments: ROUNDS (5, where a disk takes part 15) and the SHAPES (all)."""
        repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 15 if self.is_durable else 5
        for shape in sys.argv[2:] or (DURABLE if self.is_durable else SHAPES):
            print(json.dumps(self.measured(shape, repeats)), flush=True)
