"""What taskorch adds to each step: layers of no-op async steps, beside hand-written asyncio with graphlib.

    python tests/bench/overhead.py [LAYERS] [WIDTH] [REPEATS]

Each round runs every contender once on the same graph, so that noise hits all of them alike; printed are
medians in µs per step, and ratios to the hand-written floor taken round by round. Building the workflow and
compiling its plan are timed apart. The floor keeps no history, has no outcomes, retries or conditions.
"""

import asyncio
import gc
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from graphlib import TopologicalSorter
from statistics import median
from time import perf_counter

import anyio

import taskorch
from taskorch.core.frontier.plan import Plan

Graph = Mapping[int, Sequence[int]]


async def body() -> None:
    """Do nothing: what remains is overhead."""


def layers(depth: int, width: int) -> Graph:
    """A graph of *depth* layers of *width* steps, each with three random parents in the layer above."""
    chance = random.Random(7)
    return {
        layer * width + place: [(layer - 1) * width + p for p in chance.sample(range(width), min(3, width))]
        if layer
        else []
        for layer in range(depth)
        for place in range(width)
    }


def build(graph: Graph) -> taskorch.Workflow:
    """The workflow of a graph."""
    flow = taskorch.Workflow("layers")
    for number, parents in graph.items():
        flow.step(body, id=f"s{number}", after=[f"s{parent}" for parent in parents])
    return flow


async def by_hand(graph: Graph) -> None:
    """What a careful engineer writes: graphlib tells what is ready, a task group runs it."""
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    ended: asyncio.Queue[int] = asyncio.Queue()

    async def one(number: int) -> None:
        await body()
        ended.put_nowait(number)

    async with asyncio.TaskGroup() as group:
        while sorter.is_active():
            for number in sorter.get_ready():
                group.create_task(one(number))
            sorter.done(await ended.get())
            while not ended.empty():
                sorter.done(ended.get_nowait())


async def anyio_tasks(graph: Graph) -> None:
    """The same with a task of anyio for each step and counters of predecessors."""
    left = {number: len(parents) for number, parents in graph.items()}
    after: dict[int, list[int]] = {number: [] for number in graph}
    for number, parents in graph.items():
        for parent in parents:
            after[parent].append(number)

    async with anyio.create_task_group() as group:

        async def one(number: int) -> None:
            await body()
            for target in after[number]:
                left[target] -= 1
                if not left[target]:
                    group.start_soon(one, target)

        for number, count in list(left.items()):
            if not count:
                group.start_soon(one, number)


def timed(call: Callable[[], object]) -> float:
    """Seconds that *call* takes, with the garbage of others collected before."""
    gc.collect()
    start = perf_counter()
    call()
    return perf_counter() - start


def main(depth: int = 100, width: int = 100, repeats: int = 7) -> None:
    """Run all contenders and print the table."""
    graph = layers(depth, width)
    flow = build(graph)
    build_time = timed(lambda: build(graph)) / len(graph) * 1e6
    compile_time = timed(lambda: Plan.of(flow)) / len(graph) * 1e6

    def ours(**options: object) -> None:
        taskorch.run_sync(flow, **options).check()

    contenders: dict[str, Callable[[], object]] = {
        "asyncio + graphlib, by hand (floor)": lambda: asyncio.run(by_hand(graph)),
        "a bare anyio task per step": lambda: anyio.run(anyio_tasks, graph),
        "taskorch, plan included": ours,
        "taskorch on trio": lambda: anyio.run(partial(taskorch.run, flow), backend="trio"),
        "taskorch, memory: store": partial(ours, store="memory:"),
    }
    rounds = [{name: timed(call) / len(graph) * 1e6 for name, call in contenders.items()} for _ in range(repeats)]
    floor = next(iter(contenders))
    print(f"{depth} × {width} steps, median of {repeats}, µs per step (ratio to the floor, round by round)")
    for name in contenders:
        ratio = median(r[name] / r[floor] for r in rounds)
        print(f"  {name:38} {median(r[name] for r in rounds):7.2f}   {ratio:5.2f} ×")
    print(f"  building the workflow {build_time:.2f}, compiling its plan {compile_time:.2f} (once)")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
