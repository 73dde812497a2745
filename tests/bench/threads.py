"""What a step in a thread costs beside a bare `anyio.to_thread.run_sync`.

    python tests/bench/threads.py [ROUNDS] [STEPS]

The bodies are sync functions that do nothing. In a chain one thread is asked after the other; in a fan at most 32 at
once, which is what a run allows: by hand so many tasks share the calls among them. Printed are medians in µs per step,
and ratios taken round by round; the aim is at most 1.3 ×.
"""

import sys
from collections.abc import Awaitable, Callable
from functools import partial

import anyio
import anyio.to_thread

import taskorch
from yardstick.bodies import plain
from yardstick.timing import Rounds
from yardstick.workloads import Graph, chain, fan

LIMIT = 32
BY_HAND, OURS = "to_thread.run_sync, by hand,", "taskorch"


def build(graph: Graph) -> taskorch.Workflow:
    """The workflow of a graph, every body in a thread."""
    flow = taskorch.Workflow("bench")
    for number, parents in graph.items():
        flow.step(plain, id=f"s{number}", after=[f"s{parent}" for parent in parents])
    return flow


async def in_turn(count: int) -> None:
    """So many calls one after another."""
    for _ in range(count):
        await anyio.to_thread.run_sync(plain)


async def at_once(count: int) -> None:
    """So many calls, ``LIMIT`` of them at once."""
    calls = iter(range(count))
    limiter = anyio.CapacityLimiter(LIMIT)

    async def some() -> None:
        for _ in calls:
            await anyio.to_thread.run_sync(plain, limiter=limiter)

    async with anyio.create_task_group() as group:
        for _ in range(LIMIT):
            group.start_soon(some)


def compared(graph: Graph, by_hand: Callable[[], Awaitable[None]], repeats: int, title: str) -> None:
    """Print the rows of one graph, for either event loop beside what can be done there by hand."""
    flow = build(graph)
    contenders: dict[str, Callable[[], object]] = {}
    for backend in ("asyncio", "trio"):
        contenders[f"{BY_HAND} on {backend}"] = partial(anyio.run, by_hand, backend=backend)
        contenders[f"{OURS} on {backend}"] = lambda backend=backend: anyio.run(  # type: ignore[misc]
            partial(taskorch.run, flow), backend=backend
        ).check()
    rounds = Rounds(contenders, len(graph), repeats)
    floor = ""
    for name in contenders:
        floor = name if name.startswith(BY_HAND) else floor
        print(f"  {title:8}{name:40}{rounds.median(name):8.1f}{rounds.ratio(name, floor):8.2f} ×")


def main(repeats: int = 7, count: int = 2_000) -> None:
    """Run both graphs."""
    print(f"{count:,} steps in threads, median of {repeats}: µs per step, and the ratio")
    compared(chain(count), partial(in_turn, count), repeats, "chain")
    compared(fan(count - 2), partial(at_once, count), repeats, "fan")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
