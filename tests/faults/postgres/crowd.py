"""A crowd of workers at work on one store, who may be killed, and what is known of them afterwards."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import anyio
import psycopg

from taskorch.core.selection import Filter
from taskorch.core.unit import Put, Unit, WaitingEntry
from taskorch.errors import StoreUnavailable
from taskorch.stores import PostgresStore
from tests.faults.postgres.checkers import Aftermath, l1_all_is_done_in_the_end
from tests.faults.postgres.worker import QUEUE

ROOT = Path(__file__).parents[3]
END = l1_all_is_done_in_the_end.__name__


class Crowd:
    """Workers in processes of their own.

    Args:
        dsn: The database.
        schema: The schema.
        size: How many work at once.

    Attributes:
        after: What is known.
        pids: Who works.
        given: How often each was given something.
    """

    def __init__(self, dsn: str, schema: str, size: int = 3) -> None:
        self._dsn, self._schema, self._size = dsn, schema, size
        self.after = Aftermath()
        self.pids: list[int] = []
        self.given: Counter[int] = Counter()
        self._born = 0
        self._given = 0
        self._news = threading.Condition()
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
        self._nursery = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.faults.postgres.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._reader.start()
        for _ in range(self._size):
            self.bear()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._nursery.stdin is not None
        self._nursery.stdin.close()
        for pid in self.pids:
            _kill(pid)
        self._nursery.wait(30)
        self._reader.join(30)
        if self._nursery.stdout is not None:
            self._nursery.stdout.close()

    def bear(self) -> None:
        """One worker more."""
        assert self._nursery.stdin is not None
        with self._news:
            wanted = len(self.pids) + 1
            self._born += 1
            self._nursery.stdin.write(f"{self._dsn}\t{self._schema}\t{self._born}\n")
            self._nursery.stdin.flush()
            assert self._news.wait_for(lambda: len(self.pids) >= wanted, 30), "the nursery bears nobody"

    def kill(self, index: int) -> None:
        """Kill a worker, and let another one take its place."""
        with self._news:
            pid = self.pids.pop(index)
        _kill(pid)
        self.bear()

    def wait_for_claim(self, index: int, seconds: float = 100) -> None:
        """Wait until a worker has been given something, once more than now."""
        with self._news:
            pid = self.pids[index]
            wanted = self.given[pid] + 1
            reached = self._news.wait_for(lambda: self.given[pid] >= wanted or self.after.deaths, seconds)
        assert reached, f"{END}: a worker was given nothing for {seconds} s"
        assert not self.after.deaths, f"{END}: {self.after.deaths[:3]}"

    def left(self) -> int:
        """How many tasks are not complete: what was acknowledged does not tell it, as that may die on its way."""
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            return self._left(connection)

    def _left(self, connection: psycopg.Connection) -> int:
        table = psycopg.sql.Identifier(self._schema, "record")
        query = psycopg.sql.SQL("SELECT count(*) FROM {} WHERE state <> 'done'").format(table)
        row = connection.execute(query).fetchone()
        return int(row[0]) if row else 0

    def wait_for(self, acknowledged: int, seconds: float = 100) -> None:
        """Wait until so many completions in all are acknowledged."""
        with self._news:
            reached = self._news.wait_for(
                lambda: len(self.after.acknowledged) >= acknowledged or self.after.deaths, seconds
            )
        assert reached, f"{END}: {len(self.after.acknowledged)} of {acknowledged} are done after {seconds} s"
        assert not self.after.deaths, f"{END}: {self.after.deaths[:3]}"

    def feed(self, count: int) -> None:
        """Let so many tasks more wait."""
        numbers = range(self._given, self._given + count)
        self._given += count
        units = [_task(f"task-{number:06}") for number in numbers]

        async def put() -> None:
            async with PostgresStore(self._dsn, schema=self._schema) as store:
                while True:
                    try:
                        await store.apply(units)
                    except StoreUnavailable:
                        await anyio.sleep(0.05)
                        continue
                    return

        anyio.run(put)

    def drain(self, seconds: float = 100) -> None:
        """Wait until every task is complete."""
        end = time.monotonic() + seconds
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            while left := self._left(connection):
                assert time.monotonic() < end, f"{END}: {left} tasks are not complete after {seconds} s"
                assert not self.after.deaths, f"{END}: {self.after.deaths[:3]}"
                time.sleep(0.05)

    def look(self) -> Aftermath:
        """What is known, once the workers have ended."""

        async def read() -> None:
            async with PostgresStore(self._dsn, schema=self._schema) as store:
                last = ""
                while page := await store.find(Filter(), last):
                    self.after.records.update({record.id: record for record in page})
                    last = page[-1].id
                for id in self.after.records:
                    self.after.journals[id] = await store.journal(id)

        anyio.run(read)
        return self.after

    def _read(self) -> None:
        assert self._nursery.stdout is not None
        for line in self._nursery.stdout:
            word, _, rest = line.rstrip("\n").partition(" ")
            with self._news:
                if word == "pid":
                    self.pids.append(int(rest))
                elif word == "given":
                    self.given[int(rest)] += 1
                elif word == "ack":
                    id, _, epoch = rest.partition(" ")
                    self.after.acknowledged.append((id, int(epoch)))
                else:
                    self.after.deaths.append(line)
                self._news.notify_all()


def _task(id: str) -> Unit:
    put = Put(id=id, body="{}", version=0, expected=None)
    return Unit(run=id, epoch=0, number=0, puts=(put,), entries=(WaitingEntry(id=id, queue=QUEUE, rank=id),))


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
