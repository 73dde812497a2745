"""The floor of what is durable: a thread that owns a SQLite file, and a loop that waits until a row is safe.

No history, no leases, no check of anything: a step is one row, and its successors start when it is committed.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from yardstick.workloads import Graph

INSERT = "INSERT INTO fact (run, facts) VALUES (?, ?)"
Row = tuple[str, str]


def opened(path: Path, durability: str) -> sqlite3.Connection:
    """A connection to a SQLite file with a write-ahead log; *durability* is NORMAL or FULL."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {durability}")
    return connection


class Writer:
    """A thread that commits rows, all that came together in one transaction, and then tells the loop which.

    Args:
        path: The file.
        durability: NORMAL or FULL.
        on_kept: Called in the running event loop with the numbers of the steps that are safe.
    """

    def __init__(self, path: Path, durability: str, on_kept: Callable[[Sequence[int]], None]) -> None:
        self._connection = opened(path, durability)
        self._connection.execute("CREATE TABLE IF NOT EXISTS fact (cursor INTEGER PRIMARY KEY, run TEXT, facts TEXT)")
        self._on_kept, self._loop = on_kept, asyncio.get_running_loop()
        self._jobs: SimpleQueue[tuple[int, Row] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def put(self, number: int, row: Row) -> None:
        """Have a row written that belongs to the step *number*."""
        self._jobs.put((number, row))

    def close(self) -> None:
        """End the thread and close the file."""
        self._jobs.put(None)
        self._thread.join()
        self._connection.close()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            batch = [job]
            try:
                while (another := self._jobs.get_nowait()) is not None:
                    batch.append(another)
            except Empty:
                pass
            self._commit([row for _, row in batch])
            self._loop.call_soon_threadsafe(self._on_kept, [number for number, _ in batch])

    def _commit(self, rows: Sequence[Row]) -> None:
        if len(rows) == 1:
            self._connection.execute(INSERT, rows[0])  # a transaction of its own
            return
        self._connection.execute("BEGIN")
        self._connection.executemany(INSERT, rows)
        self._connection.execute("COMMIT")


async def durable(
    graph: Graph, body: Callable[[], Any], path: Path, durability: str, now: Callable[[], float]
) -> float:
    """Run *graph*, each step's row on disk before a successor starts; the seconds without opening and closing."""
    left = {number: len(parents) for number, parents in graph.items()}
    after: dict[int, list[int]] = {number: [] for number in graph}
    for number, parents in graph.items():
        for parent in parents:
            after[parent].append(number)
    ready = [number for number, count in left.items() if not count]
    missing, woken = len(graph), asyncio.Event()

    def on_kept(numbers: Sequence[int]) -> None:
        nonlocal missing
        missing -= len(numbers)
        for number in numbers:
            for target in after[number]:
                left[target] -= 1
                if not left[target]:
                    ready.append(target)
        woken.set()

    writer = Writer(path, durability, on_kept)
    try:
        start = now()
        while missing:
            for number in ready:
                await body()
                writer.put(number, ("run", f"[[{number},3,1,1700000000000000,null]]"))
            ready.clear()
            woken.clear()
            await woken.wait()
        return now() - start
    finally:
        writer.close()
