"""What a careful engineer writes by hand for one program: no history, no retry, no way to look inside."""

import asyncio
from collections.abc import Callable
from graphlib import TopologicalSorter
from inspect import iscoroutinefunction
from typing import Any

from yardstick.workloads import Graph


async def graphlib_tasks(graph: Graph, body: Callable[[], Any]) -> None:
    """What graphlib says is ready, a task group of asyncio runs; a sync *body* is called in the task."""
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    ended: asyncio.Queue[int] = asyncio.Queue()

    async def one(number: int) -> None:
        await body()
        ended.put_nowait(number)

    async def one_sync(number: int) -> None:
        body()
        ended.put_nowait(number)

    step = one if iscoroutinefunction(body) else one_sync
    async with asyncio.TaskGroup() as group:
        while sorter.is_active():
            for number in sorter.get_ready():
                group.create_task(step(number))
            sorter.done(await ended.get())
            while not ended.empty():
                sorter.done(ended.get_nowait())


async def anyio_tasks(graph: Graph, body: Callable[[], Any]) -> None:
    """A bare task of anyio for each step, started by the last of its predecessors, which are counted down."""
    import anyio  # not in the environment of every peer

    left = {number: len(parents) for number, parents in graph.items()}
    after: dict[int, list[int]] = {number: [] for number in graph}
    for number, parents in graph.items():
        for parent in parents:
            after[parent].append(number)
    is_async = iscoroutinefunction(body)

    async with anyio.create_task_group() as group:

        async def one(number: int) -> None:
            if is_async:
                await body()
            else:
                body()
            for target in after[number]:
                left[target] -= 1
                if not left[target]:
                    group.start_soon(one, target)

        for number in [number for number, count in left.items() if not count]:
            group.start_soon(one, number)


def loop(graph: Graph, body: Callable[[], Any]) -> None:
    """Sync bodies one after another in graphlib's order: no event loop, nothing overlaps, nothing can be stopped."""
    for _ in TopologicalSorter(graph).static_order():
        body()
