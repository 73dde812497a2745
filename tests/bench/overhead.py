"""What a step costs beside asyncio and graphlib by hand, and beside a bare anyio task per step.

    python tests/bench/overhead.py [ROUNDS] [SHAPE …]

Shapes: chain (of 2,000), fan (1 → 10,000 → 1), layers (100 × 100 with three random parents), deep (1,000 × 100); by
default all. Bodies do nothing: async, sync with `inline=True`, and async ones that yield once. Printed are medians
in µs per step, and ratios taken round by round. Ours keeps its full history; the floors keep nothing. A first run
compiles the workflow, the search for cycles included; a further run finds that done, as long as nothing was added.
Building a workflow and compiling it stand apart as well.

The aims: at most 1.0 × the first floor and 0.7 × the second; trio at most 1.6 × ours on asyncio; 3 µs a node to
compile. A plain loop over sync bodies is no aim, only the truth about them.
"""

import asyncio
import sys
from collections.abc import Callable
from functools import partial
from inspect import iscoroutinefunction
from statistics import median

import anyio
import attrs

import taskorch
from taskorch.core.frontier.plan import Plan
from yardstick import floors
from yardstick.bodies import BODIES
from yardstick.timing import Rounds, now, timed
from yardstick.workloads import SHAPES, Graph, made, title

FLOOR, BARE = "asyncio + graphlib", "anyio task per step"
FIRST, OURS, TRIO = "taskorch, first run", "taskorch", "taskorch on trio"


def build(graph: Graph, body: Callable[[], object]) -> taskorch.Workflow:
    """The workflow of a graph, each step with the same body."""
    flow = taskorch.Workflow("bench")
    inline = not iscoroutinefunction(body)
    for number, parents in graph.items():
        flow.step(body, id=f"s{number}", after=[f"s{parent}" for parent in parents], inline=inline)
    return flow


def contenders(graph: Graph, flow: taskorch.Workflow, body: Callable[[], object]) -> dict[str, Callable[[], object]]:
    """Who runs the graph, the floors first."""
    found: dict[str, Callable[[], object]] = {
        FLOOR: lambda: asyncio.run(floors.graphlib_tasks(graph, body)),
        BARE: lambda: anyio.run(floors.anyio_tasks, graph, body),
        FIRST: lambda: taskorch.run_sync(attrs.evolve(flow)).check(),  # another one, of the same steps and links
        OURS: lambda: taskorch.run_sync(flow).check(),
        TRIO: lambda: anyio.run(partial(taskorch.run, flow), backend="trio").check(),
    }
    if not iscoroutinefunction(body):
        found["a loop, nothing else"] = lambda: floors.loop(graph, body)
    return found


def run(shape: str, repeats: int) -> None:
    """Print the table of one shape."""
    graph = made(shape)
    node = 1e6 / len(graph)
    building, compiling = [], []
    print(f"{title(shape)}, {len(graph):,} steps, median of {repeats}: µs per step · to the floor · to a bare task")
    for name, body in BODIES.items():
        start = now()
        flow = build(graph, body)
        building.append((now() - start) * node)
        compiling += [timed(lambda flow=flow: Plan.of(flow)) * node for _ in range(2)]  # type: ignore[misc]
        rounds = Rounds(contenders(graph, flow, body), len(graph), repeats)
        for contender in rounds.times:
            print(
                f"  {name:12} {contender:22}{rounds.median(contender):8.2f}"
                f"{rounds.ratio(contender, FLOOR):8.2f} ×{rounds.ratio(contender, BARE):8.2f} ×"
            )
        print(f"  {name:12} {'trio to asyncio':30}{rounds.ratio(TRIO, OURS):8.2f} ×", flush=True)
    print(f"  to build {median(building):.2f} µs a node, to compile {median(compiling):.2f}", flush=True)


def main(repeats: int = 5, *shapes: str) -> None:
    """Run every shape with every body."""
    for shape in shapes or SHAPES:
        run(shape, repeats)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *sys.argv[2:])
