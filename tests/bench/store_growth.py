"""Whether a store that holds a million tasks is as quick as one that holds ten thousand.

    python tests/bench/store_growth.py [ROUNDS] [LARGEST] [STORE …]

Stores: memory, sqlite, postgres; by default the first two. For each size a store is filled with waiting tasks in big
batches (PostgreSQL by a statement of SQL), in a process of its own; a SQLite file is then opened anew by another.
Printed are: µs per task to fill, the time until the opened store has answered for the first time, the memory that
opening and claiming add, and the median µs of ROUNDS claims (200) of one task each and of a tenth as many of 100, each
claimed task being completed. On SQLite FULL is off, for what is asked is how a claim grows and not how long a disk
takes.

The aims: claims that cost the same whatever waits, at most 2 s to open a million, and memory that does not grow.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from statistics import median

import anyio
from store_queue import LANES, completing, enqueueing, keep, tasks

from taskorch.protocols import Store
from taskorch.stores import MemoryStore, SQLiteStore
from yardstick.postgres import server
from yardstick.timing import now

SIZES = (10_000, 100_000, 1_000_000)
TOGETHER = 5_000
SCHEMA = "growth"
# As the first task waits, so do all others: a million are there in seconds.
MULTIPLY = f"""
    INSERT INTO {SCHEMA}.record (id, version, state, body, line, rank, due, wakes, place)
    SELECT 'S-' || lpad(nth::text, 7, '0'), version, state, body, line, md5(nth::text), due, wakes, place
    FROM {SCHEMA}.record CROSS JOIN generate_series(2, %s) AS nth
"""


def peak() -> float:
    """The most memory that this process has had, in MB."""
    most = getrusage(RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most / 1e3


def opened(kind: str, place: str) -> Store:
    """The store of a *kind*: in memory, in the file *place*, or at that server."""
    if kind == "sqlite":
        return SQLiteStore(place, durability="normal")
    if kind == "postgres":
        from taskorch.stores import PostgresStore

        found: Store = PostgresStore(place, schema=SCHEMA)
        return found
    return MemoryStore()


async def fill(store: Store, size: int) -> float:
    """Let so many tasks wait; µs per task."""
    given = iter(tasks(size))
    start = now()
    while some := list(islice(given, TOGETHER)):
        await keep(store, [enqueueing(task) for task in some])
    return (now() - start) / size * 1e6


async def multiply(store: Store, place: str, size: int) -> float:
    """Let so many tasks wait at a PostgreSQL server, all but the first by a statement of SQL; µs per task."""
    import psycopg  # only where there is a server

    start = now()
    await keep(store, [enqueueing(task) for task in tasks(1)])
    with psycopg.connect(place, autocommit=True) as connection:
        connection.execute(MULTIPLY, (size,))
        connection.execute(f"VACUUM (ANALYZE) {SCHEMA}.record")  # which the server does by itself after a while
    return (now() - start) / size * 1e6


async def claims(store: Store, repeats: int, n: int) -> float:
    """The median µs of claims of *n* tasks."""
    times = []
    for _ in range(repeats):
        start = now()
        found = await store.claim("me", LANES, {}, None, n)
        times.append(now() - start)
        assert len(found) == n, f"only {len(found)} of {n} were claimed"
        await keep(store, [completing(claimed) for claimed in found])
    return median(times) * 1e6


async def used(store: Store, repeats: int) -> dict[str, float]:
    """The figures of a store that is full."""
    before, start = peak(), now()
    await store.read([])
    await store.next_due(LANES)
    found = {"open": now() - start}
    found["one"] = await claims(store, repeats, 1)
    found["hundred"] = await claims(store, max(1, repeats // 10), 100)
    return found | {"added": peak() - before}


async def alone(what: str, kind: str, place: str, size: int, repeats: int) -> None:
    """Fill a store, or use one, or both in turn where it is forgotten in between; print the figures."""
    store = opened(kind, place)
    found: dict[str, float] = {}
    try:
        if what != "use":
            await store.read([])
            found["fill"] = await (multiply(store, place, size) if kind == "postgres" else fill(store, size))
        if what != "fill":
            found |= await used(store, repeats)
    finally:
        await store.aclose()
    print(json.dumps(found | {"peak": peak()}))


def told(*arguments: object) -> dict[str, float]:
    """What a process of its own tells; this one must stay small, for a process starts with the peak of its parent."""
    command = [sys.executable, str(Path(__file__)), *map(str, arguments)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def measured(kind: str, size: int, repeats: int) -> dict[str, float]:
    """The figures of one store in one size."""
    if kind == "memory":
        return told("both", kind, "", size, repeats)
    if kind == "postgres":
        with server() as dsn:
            return told("fill", kind, dsn, size, repeats) | told("use", kind, dsn, size, repeats)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "growth.db")
        filled = told("fill", kind, file, size, repeats)
        return filled | told("use", kind, file, size, repeats) | {"size": file.stat().st_size / 1e6}


def main(arguments: Sequence[str]) -> None:
    """Measure every store in every size and print the table."""
    repeats = int(arguments[0]) if arguments else 200
    largest = int(arguments[1]) if len(arguments) > 1 else SIZES[-1]
    print("to fill, µs a task · to open, s · MB that use adds · a claim of one, µs · of 100, µs · peak MB · file MB")
    for kind in arguments[2:] or ("memory", "sqlite"):
        for size in SIZES:
            if size <= largest:
                found = measured(kind, size, repeats)
                cells = "".join(
                    f"{found.get(key, 0):{width}}"
                    for key, width in {
                        "fill": "9.1f",
                        "open": "9.3f",
                        "added": "9.1f",
                        "one": "10.1f",
                        "hundred": "10.1f",
                        "peak": "9.0f",
                        "size": "9.0f",
                    }.items()
                )
                print(f"  {kind:9}{size:10,} tasks{cells}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] in ("fill", "use", "both"):
        anyio.run(alone, *sys.argv[1:4], *map(int, sys.argv[4:]))
    else:
        main(sys.argv[1:])
