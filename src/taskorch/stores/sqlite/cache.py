"""What the writer's thread knows from one transaction to the next."""

import json
import sqlite3
from typing import Any

import attrs

from taskorch.core.unit import WaitingEntry
from taskorch.stores.standing import Standing

# Any: a row holds text, numbers and None.
Row = tuple[Any, ...]

_LINE = "SELECT queue, tags FROM line WHERE key = ?"
_LINE_KEY = "SELECT key FROM line WHERE queue = ? AND tags = ?"
_ADD_LINE = "INSERT INTO line (queue, tags) VALUES (?, ?)"
_MOST_REMEMBERED = 4096


@attrs.define(eq=False)
class Known:
    """A record as it was read or written last.

    Attributes:
        key: Its row.
        row: Its lease and its entry, as they stand in the row.
        standing: How it stands, which may be ahead of the row by a number that the journal tells.
    """

    key: int
    row: Row
    standing: Standing


class Lines:
    """The lines entries wait in: they never change and are never taken away."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, tuple[str, ...]], int] = {}
        self._lines: dict[int, tuple[str, tuple[str, ...]]] = {}

    def key(self, connection: sqlite3.Connection, queue: str, tags: tuple[str, ...]) -> int:
        """The key of a line, which is made if there is none."""
        if (key := self._keys.get((queue, tags))) is None:
            values = queue, json.dumps(tags)
            row = connection.execute(_LINE_KEY, values).fetchone()
            key = connection.execute(_ADD_LINE, values).lastrowid or 0 if row is None else int(row[0])
            self._note(key, queue, tags)
        return key

    def line(self, connection: sqlite3.Connection, key: int) -> tuple[str, tuple[str, ...]]:
        """The queue and the tags of a line."""
        if key not in self._lines:
            queue, tags = connection.execute(_LINE, (key,)).fetchone()
            self._note(key, queue, tuple(json.loads(tags)))
        return self._lines[key]

    def of(self, connection: sqlite3.Connection, row: Row) -> WaitingEntry | None:
        """The entry in a row of ``COLUMNS``."""
        if row[11] is None:
            return None
        queue, tags = self.line(connection, row[11])
        return WaitingEntry(id=row[1], queue=queue, rank=row[12], due=row[13], tags=tags, wakes=bool(row[14]))

    def tidy(self) -> None:
        """Go on knowing, within bounds."""
        if len(self._lines) > _MOST_REMEMBERED:
            self.forget()

    def forget(self) -> None:
        """A line may not have been kept."""
        self._keys.clear()
        self._lines.clear()

    def _note(self, key: int, queue: str, tags: tuple[str, ...]) -> None:
        self._keys[queue, tags] = key
        self._lines[key] = queue, tags


class Cache:
    """What the writer's thread knows from one transaction to the next.

    Args:
        lasts: Whether nobody else writes to the file, so that records need not be read anew.

    Attributes:
        process: What this process is called in leases.
        doubtful: Leases, each a run and an epoch, given by transactions of which nobody knows whether they were kept.
        known: Records.
        lines: Lines.
        last_cursor: The last cursor that was given, or None.
        first_epoch: What the epochs of a new record begin above, or None.
    """

    def __init__(self, *, lasts: bool) -> None:
        self._lasts = lasts
        self.process = ""
        self.doubtful: list[tuple[str, int]] = []
        self.known: dict[str, Known] = {}
        self.lines = Lines()
        self.last_cursor: int | None = None
        self.first_epoch: int | None = None

    def tidy(self) -> None:
        """At the end of a transaction that was kept: go on knowing, within bounds."""
        self.lines.tidy()
        if not self._lasts or len(self.known) > _MOST_REMEMBERED:
            self.known.clear()
            self.last_cursor = self.first_epoch = None

    def forget(self) -> None:
        """Know nothing: the transaction was not kept, or rows were changed by other means."""
        self.known.clear()
        self.lines.forget()
        self.last_cursor = self.first_epoch = None
