"""The floor of durable queues: one table of tasks, one index, and the three statements that somebody writes by hand.

No leases that end, no limits, no check of a version, no history, and called without an event loop.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from yardstick.writer import opened

INDEX = "CREATE INDEX waiting ON task (queue, rank, id) WHERE state = 0"
TABLE = "CREATE TABLE task (id TEXT PRIMARY KEY, queue TEXT, rank TEXT, state INTEGER, owner TEXT, body TEXT)"
OPEN, CLOSED = '{"state": "open"}', '{"state": "done"}'
QUEUE = "normal"

Task = tuple[str, str]
"""Its id and its rank."""


class TaskTable(Protocol):
    """What can be done to the tasks; each call is one transaction, and safe when it returns."""

    def enqueue(self, tasks: Sequence[Task]) -> None:
        """Let tasks wait."""
        ...

    def claim(self, n: int) -> list[str]:
        """Take the first *n* by rank."""
        ...

    def complete(self, ids: Sequence[str]) -> None:
        """Note that they are done."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...


def work(table: TaskTable, tasks: Sequence[Task], batch: int) -> None:
    """Enqueue all tasks, then claim and complete all, *batch* at a time."""
    for first in range(0, len(tasks), batch):
        table.enqueue(tasks[first : first + batch])
    done = 0
    while ids := table.claim(batch):
        table.complete(ids)
        done += len(ids)
    assert done == len(tasks), f"{done} of {len(tasks)} tasks were done"


class SQLiteTable:
    """The table in a SQLite file.

    Args:
        path: The file.
        durability: NORMAL or FULL.
    """

    INSERT = "INSERT INTO task VALUES (?, ?, ?, 0, NULL, ?)"
    CLAIM = (
        "UPDATE task SET state = 1, owner = 'me' WHERE id IN "
        "(SELECT id FROM task WHERE queue = ? AND state = 0 ORDER BY rank, id LIMIT ?) RETURNING id"
    )
    COMPLETE = "UPDATE task SET state = 2, owner = NULL, body = ? WHERE id = ?"

    def __init__(self, path: Path, durability: str) -> None:
        self._connection = opened(path, durability)
        self._connection.execute(TABLE)
        self._connection.execute(INDEX)

    def enqueue(self, tasks: Sequence[Task]) -> None:
        """Let tasks wait."""
        self._write(self.INSERT, [(id, QUEUE, rank, OPEN) for id, rank in tasks])

    def claim(self, n: int) -> list[str]:
        """Take the first *n* by rank."""
        return [id for (id,) in self._connection.execute(self.CLAIM, (QUEUE, n)).fetchall()]

    def complete(self, ids: Sequence[str]) -> None:
        """Note that they are done."""
        self._write(self.COMPLETE, [(CLOSED, id) for id in ids])

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _write(self, statement: str, rows: Sequence[tuple[str, ...]]) -> None:
        if len(rows) == 1:
            self._connection.execute(statement, rows[0])  # a transaction of its own
            return
        self._connection.execute("BEGIN")
        self._connection.executemany(statement, rows)
        self._connection.execute("COMMIT")


class PostgresTable:
    """The table in PostgreSQL; each call is one statement.

    Args:
        dsn: Where the server is.
    """

    INSERT = (
        "INSERT INTO floor.task SELECT id, %s, rank, 0, NULL, %s FROM unnest(%s::text[], %s::text[]) AS new (id, rank)"
    )
    CLAIM = (
        "UPDATE floor.task AS task SET state = 1, owner = 'me' FROM (SELECT id FROM floor.task WHERE queue = %s "
        "AND state = 0 ORDER BY rank, id LIMIT %s FOR UPDATE SKIP LOCKED) AS best "
        "WHERE task.id = best.id RETURNING task.id"
    )
    COMPLETE = "UPDATE floor.task SET state = 2, owner = NULL, body = %s WHERE id = ANY(%s::text[])"

    def __init__(self, dsn: str) -> None:
        import psycopg  # only where there is a server

        self._connection: Any = psycopg.connect(dsn, autocommit=True)  # Any: a type of an optional package
        self._connection.execute("DROP SCHEMA IF EXISTS floor CASCADE")
        self._connection.execute("CREATE SCHEMA floor")
        self._connection.execute(TABLE.replace("TABLE task", "TABLE floor.task"))
        self._connection.execute(INDEX.replace("ON task", "ON floor.task"))

    def enqueue(self, tasks: Sequence[Task]) -> None:
        """Let tasks wait."""
        ids, ranks = map(list, zip(*tasks, strict=True))
        self._connection.execute(self.INSERT, (QUEUE, OPEN, ids, ranks))

    def claim(self, n: int) -> list[str]:
        """Take the first *n* by rank."""
        return [id for (id,) in self._connection.execute(self.CLAIM, (QUEUE, n)).fetchall()]

    def complete(self, ids: Sequence[str]) -> None:
        """Note that they are done."""
        self._connection.execute(self.COMPLETE, (CLOSED, list(ids)))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
