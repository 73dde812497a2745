"""What a task costs that waits in a store, is claimed and completed there, beside the statements written by hand.

    python tests/bench/store_queue.py [TASKS] [ROUNDS] [PART …]

Parts: one (by one), batched (by 100), workers (ten at once, one by one), memory, postgres (by 100); by default all.
Each round enqueues all tasks, in order of their ids and of random rank, and then claims and completes them by rank.
The floor is one table and one index, called without an event loop: no lease that ends, no limit, no version, no fact.
The second floor calls it in a thread of its own, as one must beside an event loop. Ours goes through the verbs of a
store: ``apply`` puts a record and its entry, ``claim`` gives a lease, ``apply`` puts the record anew, takes the entry
away and releases the lease. Where a commit waits for the disk (FULL) a tenth of the tasks is taken.

The aims, under NORMAL: one by one at most 1.5 × the first floor, by 100 at most 2 ×; PostgreSQL by 100 at most 2 ×.
"""

import random
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path

import anyio
import anyio.to_thread

from taskorch.core.rank import rank
from taskorch.core.receipts import Claimed, Done
from taskorch.core.selection import Lane
from taskorch.core.unit import LeaseAction, Put, Unit, WaitingEntry
from taskorch.protocols import Store
from taskorch.stores import MemoryStore, SQLiteStore
from yardstick.postgres import server
from yardstick.task_tables import CLOSED, OPEN, QUEUE, PostgresTable, SQLiteTable, Task, TaskTable, work
from yardstick.timing import Rounds, now, told

LANES = (Lane((QUEUE,)),)
BATCH = 100
WORKERS = 10


def tasks(count: int) -> list[Task]:
    """So many tasks of random rank."""
    chance = random.Random(7)
    return [(f"T-{number:07}", rank(chance.randrange(100), number)) for number in range(count)]


# --- ours ----------------------------------------------------------------------------------------------------


def enqueueing(task: Task) -> Unit:
    """The unit by which a task begins to wait."""
    id, place = task
    put = Put(id=id, body=OPEN, version=0, expected=None, state="queued")
    return Unit(run=id, epoch=0, number=0, puts=(put,), entries=(WaitingEntry(id=id, queue=QUEUE, rank=place),))


def completing(claimed: Claimed, finished_at: int = 1_700_000_000_000_000) -> Unit:
    """The unit by which it is done with."""
    record = claimed.record
    put = Put(
        id=record.id,
        body=CLOSED,
        version=record.version + 1,
        expected=record.version,
        state="completed",
        finished_at=finished_at,
    )
    return Unit(run=record.id, epoch=claimed.epoch, number=1, puts=(put,), gone=(record.id,), lease=LeaseAction.RELEASE)


async def keep(store: Store, units: Sequence[Unit]) -> None:
    """Have *units* kept, all of them."""
    receipts = await store.apply(units)
    assert all(isinstance(receipt, Done) for receipt in receipts), f"not kept: {receipts}"


async def through_verbs(store: Store, tasks: Sequence[Task], batch: int, workers: int = 1) -> None:
    """Enqueue all tasks, then claim and complete all, *batch* at a time, by so many at once."""
    left = iter(range(0, len(tasks), batch))
    done = 0

    async def enqueue() -> None:
        for first in left:
            await keep(store, [enqueueing(task) for task in tasks[first : first + batch]])

    async def drain() -> None:
        nonlocal done
        while found := await store.claim("me", LANES, {}, None, batch):
            await keep(store, [completing(claimed) for claimed in found])
            done += len(found)

    for job in (enqueue, drain):
        async with anyio.create_task_group() as group:
            for _ in range(workers):
                group.start_soon(job)
    assert done == len(tasks), f"{done} of {len(tasks)} tasks were done"


def ours(make: Callable[[Path], Store], tasks: Sequence[Task], batch: int, workers: int = 1) -> float:
    """The seconds through the verbs of a new store, which is open already."""

    async def main() -> float:
        async with _closing(make(Path(folder, "ours.db"))) as store:
            await store.read([])  # opens it
            start = now()
            await through_verbs(store, tasks, batch, workers)
            return now() - start

    with tempfile.TemporaryDirectory() as folder:
        return anyio.run(main)


@asynccontextmanager
async def _closing(store: Store) -> AsyncIterator[Store]:
    try:
        yield store
    finally:
        await store.aclose()


# --- the floors ----------------------------------------------------------------------------------------------


def by_hand(make: Callable[[Path], TaskTable], tasks: Sequence[Task], batch: int) -> float:
    """The seconds of the first floor with a new table."""
    with tempfile.TemporaryDirectory() as folder:
        table = make(Path(folder, "floor.db"))
        start = now()
        work(table, tasks, batch)
        seconds = now() - start
        table.close()
        return seconds


def in_a_thread(make: Callable[[Path], TaskTable], tasks: Sequence[Task], batch: int) -> float:
    """The seconds of the second: each call from an event loop, made in a thread."""

    async def main() -> float:
        call = anyio.to_thread.run_sync
        start = now()
        for first in range(0, len(tasks), batch):
            await call(table.enqueue, tasks[first : first + batch])
        while ids := await call(table.claim, batch):
            await call(table.complete, ids)
        return now() - start

    with tempfile.TemporaryDirectory() as folder:
        table = make(Path(folder, "floor.db"))
        try:
            return anyio.run(main)
        finally:
            table.close()


# --- the parts -----------------------------------------------------------------------------------------------


def printed(title: str, contenders: dict[str, Callable[[], object]], count: int, repeats: int) -> None:
    """Print the rows of one comparison; the floor is the first."""
    rounds = Rounds(contenders, count, repeats, told)
    floor = next(iter(contenders))
    for name in contenders:
        print(f"  {title:24}{name:28}{rounds.median(name):8.1f}{rounds.ratio(name, floor):8.2f} ×", flush=True)


def sqlite(given: Sequence[Task], batch: int, repeats: int, workers: int = 1) -> None:
    """Print one way of working on SQLite under NORMAL and FULL."""
    how = f"by {batch}" if workers == 1 else f"{workers} at once, by {batch}"
    for durability in ("normal", "full"):
        some = given if durability == "normal" or batch > 1 else given[: len(given) // 10]
        # What is not batched waits for the disk, whose moods ask for more rounds.
        rounds = max(repeats, 15) if batch == 1 else repeats
        table = partial(SQLiteTable, durability=durability.upper())
        store = partial(SQLiteStore, durability=durability)
        contenders: dict[str, Callable[[], object]] = {"sqlite3 by hand": partial(by_hand, table, some, batch)}
        if workers == 1:
            contenders["the same in a thread"] = partial(in_a_thread, table, some, batch)
        contenders["taskorch"] = partial(ours, store, some, batch, workers)
        printed(f"{durability.upper():8}{how}", contenders, len(some), rounds)


def memory(given: Sequence[Task], repeats: int) -> None:
    """Print the store in memory, beside SQLite by hand."""
    for batch in (1, BATCH):
        table = partial(SQLiteTable, durability="NORMAL")
        contenders: dict[str, Callable[[], object]] = {
            "sqlite3 by hand": partial(by_hand, table, given, batch),
            "taskorch in memory": partial(ours, lambda _: MemoryStore(), given, batch),
        }
        printed(f"memory  by {batch}", contenders, len(given), repeats)


def postgres(given: Sequence[Task], repeats: int) -> None:
    """Print PostgreSQL, by 100."""
    from taskorch.stores import PostgresStore

    schemas = count()

    def table(_: Path) -> TaskTable:
        return PostgresTable(dsn)

    def store(_: Path) -> Store:
        found: Store = PostgresStore(dsn, schema=f"ours_{next(schemas)}")
        return found

    with server() as dsn:
        contenders: dict[str, Callable[[], object]] = {
            "psycopg by hand": partial(by_hand, table, given, BATCH),
            "taskorch": partial(ours, store, given, BATCH),
        }
        printed(f"PostgreSQL by {BATCH}", contenders, len(given), repeats)


def main(arguments: Sequence[str]) -> None:
    """Print all parts, or some."""
    given = tasks(int(arguments[0]) if arguments else 10_000)
    repeats = int(arguments[1]) if len(arguments) > 1 else 5
    parts: dict[str, Callable[[], None]] = {
        "one": lambda: sqlite(given, 1, repeats),
        "batched": lambda: sqlite(given, BATCH, repeats),
        "workers": lambda: sqlite(given, 1, repeats, WORKERS),
        "memory": lambda: memory(given, repeats),
        "postgres": lambda: postgres(given, repeats),
    }
    print(f"{len(given):,} tasks enqueued, claimed and completed: µs per task, and the ratio to the first row")
    for part in arguments[2:] or parts:
        parts[part]()


if __name__ == "__main__":
    main(sys.argv[1:])
