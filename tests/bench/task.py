"""What a task costs: to make, to change, to advance, and to keep.

    python tests/bench/task.py [TASKS] [ROUNDS]

Each round times every row once, so that noise hits all of them alike; printed are medians in µs and ratios to the
floor taken round by round. The floor is a frozen attrs value of six members without a check. Memory is what
tracemalloc counts for TASKS tasks with titles of their own, kept in a list: ids, titles, times and all.
"""

import gc
import sys
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import median
from timeit import timeit

import attrs

from taskorch import Task, Verb, advance
from taskorch.core.copies import changed
from taskorch.core.task import QueueEntry

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
CALLS = 5_000


@attrs.frozen(kw_only=True)
class Plain:
    """The floor: six members, as in a group of a task."""

    a: int = 1
    b: int = 2
    c: int = 3
    d: int = 4
    e: int = 5
    f: int = 6


def life(*verbs: str) -> Task:
    """A task after some verbs."""
    task = Task.new("a task", now=NOW, id="T-1", queue="normal")
    for verb in verbs:
        task, _ = advance(task, verb, now=NOW, by="bench")
    return task


def rows() -> dict[str, Callable[[], object]]:
    """What is timed, by name; the floor first."""
    created, queued = life(), life("enqueue")
    running = life("enqueue", "schedule", "start")
    due = NOW + timedelta(hours=24)
    document = running.to_json()
    texts = dict.fromkeys(("description", "type", "skill_target", "entry_point", "intake_id", "by"), "é" * 40)
    entry = QueueEntry(name="urgent", position=1, entered_at=NOW, sla_deadline=due)
    return {
        "a frozen attrs value of six members (floor)": Plain,
        "Task.new(title)": lambda: Task.new("a task"),
        "Task.new(title, now, id)": lambda: Task.new("a task", now=NOW, id="T-1"),
        "Task.new(title, queue, priority, at)": lambda: Task.new("a task", queue="urgent", priority=90, at=due),
        "Task.new(every text, none of them ASCII)": lambda: Task.new("tâche", **texts),
        "Task.from_json(text)": lambda: Task.from_json(document),
        "changed(task, queue=…)": lambda: changed(created, queue=entry),
        "attrs.evolve(task, queue=…)": lambda: attrs.evolve(created, queue=entry),
        "changed(entry, position=…)": lambda: changed(entry, position=2),
        "QueueEntry(name, position, …)": lambda: QueueEntry(
            name="urgent", position=2, entered_at=NOW, sla_deadline=due
        ),
        "advance(CREATED, enqueue)": lambda: advance(created, Verb.ENQUEUE, now=due, by="bench"),
        "advance(CREATED, enqueue, reason)": lambda: advance(
            created, Verb.ENQUEUE, now=due, by="bench", reason="so it was said"
        ),
        "advance(QUEUED, schedule)": lambda: advance(queued, Verb.SCHEDULE, now=due, by="bench"),
        "advance(IN_PROGRESS, complete)": lambda: advance(running, Verb.COMPLETE, now=due, by="bench"),
    }


def kept(count: int, make: Callable[[int], Task]) -> float:
    """Bytes for each of *count* tasks that are kept."""
    make(0)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tasks = [make(number) for number in range(count)]
    spent = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return spent / len(tasks)


def main(count: int = 100_000, rounds: int = 9) -> None:
    """Time, count and print."""
    calls = rows()
    floor = next(iter(calls))
    table = [{name: timeit(call, number=CALLS) / CALLS * 1e6 for name, call in calls.items()} for _ in range(rounds)]
    print(f"median of {rounds} rounds of {CALLS:,}, µs (ratio to the floor, round by round)")
    for name in calls:
        ratio = median(r[name] / r[floor] for r in table)
        print(f"  {name:45} {median(r[name] for r in table):7.2f}   {ratio:6.1f} ×")
    print(f"bytes for each of {count:,} tasks kept")
    ways: dict[str, Callable[[int], Task]] = {
        "Task.new(title)": lambda number: Task.new(f"task number {number}"),
        "Task.new(title, queue, priority, at)": lambda number: Task.new(
            f"task number {number}", queue="urgent", priority=90, at=NOW + timedelta(seconds=number)
        ),
        "Task.new(title), enqueued": lambda number: advance(
            Task.new(f"task number {number}"), Verb.ENQUEUE, now=NOW, by="bench"
        )[0],
    }
    for name, make in ways.items():
        print(f"  {name:45} {kept(count, make):7.0f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
