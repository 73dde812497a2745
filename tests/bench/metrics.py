"""What the fold of metrics costs: many events into a tally, beside a bare loop that counts their verbs.

    python tests/bench/metrics.py [EVENTS] [REPEATS]

The events are real lives made with ``advance``, interleaved as many tasks at once interleave them. Each round
runs both on the same list; printed are medians in seconds, the ratio round by round, what a scorecard costs, and
what the tally keeps in memory.
"""

import gc
import random
import sys
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter

import attrs

from taskorch import Event, Task, Verb, advance
from taskorch.core.metrics.tally import Tally
from taskorch.core.metrics.window import Window
from taskorch.core.queues import DEFAULT_QUEUES
from taskorch.core.task import QueueEntry

START = datetime(2026, 11, 16, tzinfo=UTC)
HOUR = timedelta(hours=1)
WINDOW = Window.week(START)
LIVES = ("start complete", "start fail retry complete", "start block unblock start complete", "start fail")


def life(number: int, chance: random.Random) -> list[Event]:
    """The events of one task."""
    now = START + chance.random() * 150 * HOUR
    task = Task.new("t", now=now, id=f"T-{number}", type=f"type-{number % 5}", skill_target=f"skill-{number % 7}")
    queue = chance.choice(DEFAULT_QUEUES)
    deadline = now + queue.sla if queue.sla else None
    task = attrs.evolve(task, queue=QueueEntry(name=queue.name, sla_deadline=deadline))
    events = []
    verbs = ("enqueue schedule " + LIVES[0 if chance.random() < 0.8 else chance.randrange(4)]).split()
    for verb in verbs:
        now += chance.random() * HOUR
        again = now if verb == "fail" and verb != verbs[-1] else None
        task, event = advance(task, verb, now=now, by="bench", retry_at=again)
        events.append(event)
    return events


def many(count: int) -> list[Event]:
    """So many events in order of time; lives are made anew up to a tenth of them, and repeated under other ids."""
    chance = random.Random(7)
    made = [event for number in range(max(1, count // 40)) for event in life(number, chance)]
    copies = range(-(-count // len(made)))
    # An id of its own for each copy, and one object of it for all events of a task, as a reader of a feed has.
    ids = {(n, id): f"{id}-{n}" for n in copies for id in {e.task_id for e in made}}
    order = sorted(((event.at, n, event) for n in copies for event in made), key=lambda entry: entry[:2])[:count]
    return [attrs.evolve(event, task_id=ids[n, event.task_id]) for _, n, event in order]


def bare(events: list[Event]) -> dict[Verb, int]:
    """The floor: how often each verb occurs."""
    counts: dict[Verb, int] = {}
    for event in events:
        verb = event.verb
        counts[verb] = counts.get(verb, 0) + 1
    return counts


def fold(events: list[Event]) -> Tally:
    """The tally of the events."""
    tally = Tally(WINDOW)
    tally.extend(events)
    return tally


def timed(call: Callable[[], object]) -> float:
    """Seconds that *call* takes, with the garbage of others collected before."""
    gc.collect()
    start = perf_counter()
    call()
    return perf_counter() - start


def main(count: int = 1_000_000, repeats: int = 3) -> None:
    """Run both and print the table."""
    events = many(count)
    tasks = len({event.task_id for event in events})
    rounds = [(timed(lambda: bare(events)), timed(lambda: fold(events))) for _ in range(repeats)]
    tally = fold(events)
    card = [timed(lambda: tally.scorecard(WINDOW.end)) for _ in range(repeats)]
    del tally
    gc.collect()
    tracemalloc.start()
    tally = fold(events)
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()

    floor, ours = (median(found) for found in zip(*rounds, strict=True))
    ratio = median(b / a for a, b in rounds)
    print(f"{len(events):,} events of {tasks:,} tasks, median of {repeats}")
    for name, found in (("bare loop, verbs counted (floor)", floor), ("fold into a tally", ours)):
        print(f"  {name:33} {found:7.3f} s  {found / len(events) * 1e6:6.3f} µs an event")
    print(f"  ratio, round by round             {ratio:7.1f} ×")
    print(f"  a scorecard from it               {median(card):7.3f} s")
    print(f"  memory of the tally               {kept / 1e6:7.1f} MB {kept / tasks:6.0f} B a task, ids not counted")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
