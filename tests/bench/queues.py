"""What the queue engine costs beside a bare heap, how it grows, and what a waiting task takes in memory.

    python tests/bench/queues.py [TASKS] [REPEATS] [LARGEST]

Each round pushes the same random tasks into a heap of tuple keys and into the engine, and pops them all; printed
are medians in µs per task (one push and one pop), and ratios taken round by round. The engine does more: it
checks capacity and state, chooses the queue, works out the deadline, can take a task out of the middle and tell
its position, and hands out the task with its queue entry. Growth: each operation on engines that hold ten
thousand up to LARGEST tasks. Memory: what tracemalloc sees while one engine takes in the largest number.
"""

import gc
import heapq
import random
import sys
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median
from time import perf_counter

import taskorch

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
SPECS = [
    taskorch.QueueSpec(spec.name, spec.sla, capacity=10_000_000, rank=spec.rank) for spec in taskorch.DEFAULT_QUEUES
]


def tasks(count: int, chance: random.Random) -> list[taskorch.Task]:
    """Tasks with random scores, created over a day."""
    return [
        taskorch.Task.new(
            "t",
            id=f"T-{number}",
            now=START + timedelta(seconds=chance.random() * 86400),
            priority=taskorch.Priority(score=chance.randrange(101)),
        )
        for number in range(count)
    ]


def heap(given: list[taskorch.Task], now: datetime) -> None:
    """The floor: a heap of tuples (score, time of creation, number, task), nothing checked, nothing kept."""
    waiting: list[tuple[float, datetime, int, taskorch.Task]] = []
    for number, task in enumerate(given):
        heapq.heappush(waiting, (-task.priority.score, task.created_at, number, task))
    while waiting:
        heapq.heappop(waiting)


def engine(
    given: list[taskorch.Task],
    now: datetime,
    specs: list[taskorch.QueueSpec] = SPECS,
    discipline: str = "strict",
) -> None:
    """The same through the engine."""
    queues = taskorch.QueueEngine(specs, discipline)
    for task in given:
        queues.push(task, now)
    while queues.pop(now) is not None:
        pass


def one_queue(given: list[taskorch.Task], now: datetime) -> None:
    """The same through an engine with one queue, so that all tasks are ranked against each other."""
    engine(given, now, [taskorch.QueueSpec("all", sla=86400, capacity=10_000_000)])


def timed(what: Callable[[], object]) -> float:
    """Its seconds, garbage collected before and not during."""
    gc.collect()
    gc.disable()
    begun = perf_counter()
    what()
    elapsed = perf_counter() - begun
    gc.enable()
    return elapsed


def push_and_pop(count: int, repeats: int) -> None:
    """Print the cost of a push and a pop beside the heap's."""
    given, now = tasks(count, random.Random(7)), START + timedelta(days=1)
    contenders = {
        "heapq, tuple keys": heap,
        "QueueEngine, 7 queues": engine,
        "QueueEngine, 1 queue": one_queue,
        "7 queues, edf": partial(engine, discipline="edf"),
        "7 queues, weighted": partial(engine, discipline="weighted"),
    }
    rounds = [{name: timed(lambda c=c: c(given, now)) for name, c in contenders.items()} for _ in range(repeats)]
    print(f"push + pop of {count:,} random tasks, median of {repeats} rounds")
    for name in contenders:
        micro = median(r[name] for r in rounds) / count * 1e6
        ratio = median(r[name] / r["heapq, tuple keys"] for r in rounds)
        print(f"  {name:24}{micro:8.2f} µs{ratio:7.2f} ×")


def growth(sizes: list[int], sample: int = 2000) -> None:
    """Print what one operation costs in an engine that holds *sizes* tasks."""
    operations: dict[str, Callable[[taskorch.QueueEngine, str], object]] = {
        "position": lambda queues, id: queues.position(id),
        "bump": lambda queues, id: queues.bump(id, 1, "bench", now=START),
        "move": lambda queues, id: queues.move(id, "b", "bench", now=START),
        "remove": lambda queues, id: queues.remove(id),
        "pop": lambda queues, id: queues.pop(START),
    }
    specs = [taskorch.QueueSpec("a", sla=3600), taskorch.QueueSpec("b", sla=7200, rank=1)]
    print(f"{'µs per operation':>24}" + "".join(f"{name:>10}" for name in ("ordering", *operations)))
    for size in sizes:
        queues = taskorch.QueueEngine(specs)
        chance = random.Random(size)
        for number in range(size):
            queues.push(
                taskorch.Task.new(
                    "t", id=f"T-{number}", now=START, queue="a", priority=taskorch.Priority(score=chance.randrange(101))
                ),
                START + timedelta(milliseconds=number),
            )
        # What was pushed is put in order when somebody asks, once; it is told by the task, apart from the rest.
        cells = [timed(lambda q=queues: q.peek(START)) / size * 1e6]
        picked = chance.sample(range(size), sample * len(operations))
        for place, operation in enumerate(operations.values()):
            ids = [f"T-{number}" for number in picked[place :: len(operations)] if f"T-{number}" in queues]
            cells.append(timed(lambda o=operation, i=ids, q=queues: [o(q, id) for id in i]) / len(ids) * 1e6)
        print(f"{size:>18,} tasks" + "".join(f"{cell:10.2f}" for cell in cells))


def memory(count: int) -> None:
    """Print what the engine adds to *count* waiting tasks that exist already."""
    given = tasks(count, random.Random(3))
    gc.collect()
    tracemalloc.start()
    queues = taskorch.QueueEngine(SPECS)
    for task in given:
        queues.push(task, START)
    added = tracemalloc.get_traced_memory()[0] / count
    tracemalloc.stop()
    print(f"{count:,} waiting tasks: the engine adds {added:.0f} B a task ({len(queues):,} wait)")


if __name__ == "__main__":
    largest = int(sys.argv[3]) if len(sys.argv) > 3 else 1_000_000
    push_and_pop(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000, int(sys.argv[2]) if len(sys.argv) > 2 else 5)
    growth([size for size in (10_000, 100_000, 1_000_000) if size <= largest])
    memory(largest)
