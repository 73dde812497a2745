"""What it costs that every result is on disk before a successor starts, and how fast a run is found again.

    python tests/bench/durability.py [PAIRS] [ROUNDS] [PART …]

Parts: chain (1,000 steps), wide (20 layers of 100), recovery (100,000 steps), gap; by default all. Chain and wide
stand beside a bare writer thread: its own thread and queue, one row a step, all that come together in one commit, and
the event loop is told. It keeps no history, no lease and no version. Recovery stands beside reading and decoding the
same rows. The gap is the longest time in which the event loop did nothing else. All files lie where the machine keeps
its temporary files; set `TMPDIR` to try another disk. Where the disk takes part contenders run in pairs, by default
15, and the medians of the pairs' ratios are told; recovery has 5 rounds.

The aims: chain at most 1.5 × the floor, wide at most 3 ×, recovery at most 2 ×.
"""

import asyncio
import json
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import anyio

import taskorch
from taskorch.protocols import Store
from taskorch.stores import MemoryStore, SQLiteStore
from yardstick.bodies import idle
from yardstick.timing import Rounds, now, told
from yardstick.workloads import Graph, chain, layers
from yardstick.writer import durable

FLOOR, OURS = "a writer thread", "taskorch"
RECOVERED = (1_000, 100)
DURABILITIES = ("normal", "full")


def build(graph: Graph, last: Callable[[], object] = idle) -> taskorch.Workflow:
    """The workflow of a graph; the body of its last step is *last*."""
    flow = taskorch.Workflow("bench")
    for number, parents in graph.items():
        body = idle if number < len(graph) - 1 else last
        flow.step(body, id=f"s{number}", after=[f"s{parent}" for parent in parents])
    return flow


def floor(graph: Graph, durability: str) -> float:
    """The seconds of the floor in a file of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(durable(graph, idle, Path(folder, "floor.db"), durability.upper(), now))


async def _timed_run(flow: taskorch.Workflow, store: Store) -> float:
    start = now()
    (await taskorch.run(flow, store=store)).check()
    return now() - start


def ours(flow: taskorch.Workflow, durability: str) -> float:
    """The seconds of a run in an open store, in a file of its own."""

    async def main() -> float:
        async with SQLiteStore(Path(folder, "ours.db"), durability=durability) as store:
            await store.read([])  # opens it
            return await _timed_run(flow, store)

    with tempfile.TemporaryDirectory() as folder:
        return anyio.run(main)


def compared(title: str, graph: Graph, pairs: int) -> None:
    """Print the rows of one graph."""
    flow = build(graph)
    ours(flow, "normal")  # compiles it
    for durability in DURABILITIES:
        contenders = {FLOOR: partial(floor, graph, durability), OURS: partial(ours, flow, durability)}
        rounds = Rounds(contenders, len(graph), pairs, told)
        for name in contenders:
            print(
                f"  {title:20}{durability.upper():8}{name:18}"
                f"{rounds.median(name):8.1f}{rounds.ratio(name, FLOOR):8.2f} ×",
                flush=True,
            )


# --- recovery ------------------------------------------------------------------------------------------------


class Interrupted:
    """A run that is left when its last step begins, as often as it is run; how long it took to get there."""

    def __init__(self, graph: Graph, path: Path) -> None:
        self._flow = build(graph, self._leave)
        self._path = path
        self._scope: anyio.CancelScope | None = None
        self._begun = 0.0

    async def _leave(self) -> None:
        self._begun = now()
        assert self._scope is not None, "the step is run by nobody"
        self._scope.cancel()
        await anyio.lowlevel.checkpoint()

    def run(self) -> float:
        """The seconds from the call until the last step begins."""

        async def main() -> float:
            async with SQLiteStore(self._path, durability="normal") as store:
                await store.read([])  # opens it
                start = now()
                with anyio.CancelScope() as scope:
                    self._scope = scope
                    await taskorch.run(self._flow, store=store, run_id="left")
                assert scope.cancelled_caught, "the run came to its end"
                return self._begun - start

        return anyio.run(main)


def ended(flow: taskorch.Workflow, path: Path) -> float:
    """The seconds until a run that has ended tells its result."""

    async def main() -> float:
        async with SQLiteStore(path, durability="normal") as store:
            await store.read([])
            start = now()
            (await taskorch.run(flow, store=store, run_id="ended")).check()
            return now() - start

    return anyio.run(main)


def decoded(path: Path, run: str) -> float:
    """The seconds to read the facts of a run and decode them, nothing else."""
    connection = sqlite3.connect(path)
    start = now()
    (key,) = connection.execute("SELECT key FROM record WHERE id = ?", (run,)).fetchone()
    rows = connection.execute("SELECT facts FROM journal WHERE record = ? ORDER BY cursor", (key,))
    facts = [fact for (text,) in rows for fact in json.loads(text)]
    seconds = now() - start
    connection.close()
    assert len(facts) >= RECOVERED[0] * RECOVERED[1] - 1, f"only {len(facts)} facts of run {run}"
    return seconds


def recovery(repeats: int) -> None:
    """Print how long a large run takes to be found again, beside reading and decoding its rows."""
    graph = layers(*RECOVERED)
    flow = build(graph)
    with tempfile.TemporaryDirectory() as folder:
        whole, part = Path(folder, "ended.db"), Path(folder, "left.db")
        interrupted = Interrupted(graph, part)
        made = [ended(flow, whole), interrupted.run()]
        contenders: dict[str, Callable[[], object]] = {
            "its rows decoded": partial(decoded, whole, "ended"),
            "an ended run told": partial(ended, flow, whole),
            "the rows of the other decoded": partial(decoded, part, "left"),
            "a run gone on with": interrupted.run,
        }
        rounds = Rounds(contenders, len(graph), repeats, told)
    names = list(contenders)
    for name, floor in zip(names, [names[0], names[0], names[2], names[2]], strict=True):
        print(f"  {name:46}{rounds.median(name):8.2f}{rounds.ratio(name, floor):8.2f} ×")
    print(f"  the runs themselves took {made[0]:.1f} and {made[1]:.1f} s", flush=True)


# --- gaps ----------------------------------------------------------------------------------------------------


async def _longest_gap(flow: taskorch.Workflow, store: Store) -> float:
    """The longest time in ms between two turns of a task that asks for one every 0.2 ms, while *flow* runs."""
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        last = now()
        while True:
            await anyio.sleep(0.0002)
            longest, last = max(longest, now() - last), now()

    await store.read([])
    async with anyio.create_task_group() as group:
        (await taskorch.run(flow)).check()  # compiles it
        group.start_soon(tick)
        await anyio.sleep(0.01)
        longest = 0.0
        (await taskorch.run(flow, store=store)).check()
        group.cancel_scope.cancel()
    return longest * 1e3


def gap(repeats: int) -> None:
    """Print the longest gaps of the event loop during a wide run."""
    flow = build(layers(20, 100))
    found: dict[str, list[float]] = {"in memory": [], "NORMAL": [], "FULL": []}

    async def main(make: Callable[[], Store]) -> float:
        store = make()
        try:
            return await _longest_gap(flow, store)
        finally:
            await store.aclose()

    for number in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            found["in memory"].append(anyio.run(main, MemoryStore))
            for durability in DURABILITIES:
                make = partial(SQLiteStore, Path(folder, f"{durability}-{number}.db"), durability=durability)
                found[durability.upper()].append(anyio.run(main, make))
    for name, gaps in found.items():
        print(f"  longest gap, {name:12} median{median(gaps):8.2f} ms, largest{max(gaps):8.2f} ms", flush=True)


def main(arguments: Sequence[str]) -> None:
    """Print all parts, or some."""
    pairs, repeats = (int(arguments[0]) if arguments else 15), (int(arguments[1]) if len(arguments) > 1 else 5)
    parts: dict[str, Callable[[], None]] = {
        "chain": lambda: compared("chain of 1,000", chain(1_000), pairs),
        "wide": lambda: compared("20 × 100", layers(20, 100), pairs),
        "recovery": lambda: recovery(repeats),
        "gap": lambda: gap(repeats),
    }
    print(f"every result on disk before its successors start: µs per step, median of {pairs} pairs, and the ratio")
    for part in arguments[2:] or parts:
        parts[part]()


if __name__ == "__main__":
    main(sys.argv[1:])
