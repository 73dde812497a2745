"""The tables as a settlement sees them, and how a record's standing is read and written. All in the writer's thread."""

import json
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from taskorch.core.unit import Message, Put, WaitingEntry
from taskorch.stores.settlement import Changes
from taskorch.stores.standing import Standing

# Any: a row holds text, numbers and None.
Row = tuple[Any, ...]

COLUMNS = (
    "record.key, id, version, finished_at, epoch, owner, process, until, number, losses, queue, rank, due, tags, wakes,"
    " EXISTS (SELECT 1 FROM message WHERE message.record = record.key AND unread)"
)
_STANDING = f"SELECT {COLUMNS} FROM record WHERE id = ?"
_UNREAD = "SELECT id FROM message WHERE record = ? AND unread"
_BODY = "SELECT text FROM body WHERE key = (SELECT key FROM record WHERE id = ?)"
_PAST = "SELECT number FROM past WHERE record = (SELECT key FROM record WHERE id = ?) AND epoch = ?"
_SENT = """
    SELECT message.id, record.id, body FROM message JOIN record ON record.key = message.record WHERE message.id = ?
"""
_WAITING = "SELECT count(*) FROM record WHERE queue = ? AND place > 0"
_LAST_CURSOR = "SELECT max((SELECT coalesce(max(cursor), 0) FROM journal), (SELECT cursor FROM forgotten))"

_ADD = """
    INSERT INTO record (id, version, state, parent, finished_at, queue, rank, due, tags, wakes, place, look)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_ADD_BODY = "INSERT INTO body (key, text) VALUES (?, ?)"
_PUT = "UPDATE record SET version = ?, state = ?, parent = ?, finished_at = ? WHERE key = ?"
_PUT_BODY = "UPDATE body SET text = ? WHERE key = ?"
_NUMBER = "UPDATE record SET number = ? WHERE key = ?"
_LEASE = """
    UPDATE record SET epoch = ?, owner = ?, process = ?, until = ?, number = ?, losses = ?,
        queue = ?, rank = ?, due = ?, tags = ?, wakes = ?, place = ?, look = ?
    WHERE key = ?
"""
_MOVE = "UPDATE record SET place = ?, look = ? WHERE key = ?"
_REMEMBER = "INSERT INTO past (record, epoch, number) VALUES (?, ?, ?)"
_SEND = "INSERT INTO message (id, record, unread, body) VALUES (?, ?, 1, ?)"
_READ = "UPDATE message SET unread = 0 WHERE id = ?"
_APPEND = "INSERT INTO journal (cursor, record, facts) VALUES (?, ?, ?)"


class Tables:
    """The tables within one transaction; does what a settlement asks of tables.

    Args:
        connection: The connection.
        now: The time of the transaction.
    """

    def __init__(self, connection: sqlite3.Connection, now: int) -> None:
        self._execute = connection.execute
        self._connection, self._now = connection, now
        self._keys: dict[str, int] = {}
        self._rows: dict[str, Row] = {}

    # --- reading ---------------------------------------------------------------------------------------------

    def standing(self, id: str) -> Standing | None:
        """How the record *id* stands; None if there is none."""
        row = self._execute(_STANDING, (id,)).fetchone()
        return None if row is None else self.taken(row)

    def taken(self, row: Row) -> Standing:
        """The standing in a row of ``COLUMNS``, to be written again later."""
        key, id, version, finished_at, epoch, owner, process, until, number, losses = row[:10]
        self._keys[id], self._rows[id] = key, row[4:15]
        return Standing(
            id=id,
            version=version,
            finished_at=finished_at,
            epoch=epoch,
            owner=owner,
            process=process,
            until=until,
            number=number,
            losses=losses,
            entry=_entry(id, row[10:15]),
            unread={id for (id,) in self._execute(_UNREAD, (key,))} if row[15] else set(),
        )

    def standings(self, ids: Collection[str]) -> Iterable[Standing]:
        """How the records of *ids* stand; those that there are."""
        return [standing for id in ids if (standing := self.standing(id)) is not None]

    def body(self, id: str) -> str:
        """The body of a record that there is."""
        (text,) = self._execute(_BODY, (id,)).fetchone()
        return str(text)

    def number(self, run: str, epoch: int) -> int:
        """The number of the last unit kept under an epoch before the last."""
        row = self._execute(_PAST, (run, epoch)).fetchone()
        return 0 if row is None else int(row[0])

    def sent(self, ids: Collection[str]) -> Iterable[Message]:
        """The messages of *ids*; those that there are."""
        for id in ids:
            for found, run, body in self._execute(_SENT, (id,)):
                yield Message(id=found, run=run, body=body)

    def waiting(self, queue: str) -> int:
        """How many entries wait in a queue."""
        return int(self._execute(_WAITING, (queue,)).fetchone()[0])

    # --- writing ---------------------------------------------------------------------------------------------

    def write(self, changes: Changes) -> Sequence[int]:
        """Write *changes* down; the cursors of the facts."""
        for id, standing in changes.standings.items():
            if id in changes.added:
                self._add(standing, changes.puts[id])
            elif id in changes.puts:
                self._put(changes.puts[id])
            self.keep(standing)
        for message in changes.sent.values():
            self._execute(_SEND, (message.id, self._keys[message.run], message.body))
        if changes.read:
            self._connection.executemany(_READ, [(id,) for id in changes.read])
        return self._append(changes.facts)

    def keep(self, standing: Standing, past: tuple[int, int] | None = None) -> None:
        """Write down how a record stands now, and the number under an epoch before, if it has to be remembered."""
        key, before = self._keys[standing.id], self._rows[standing.id]
        now = (
            *(standing.epoch, standing.owner, standing.process, standing.until, standing.number, standing.losses),
            *_columns(standing.entry),
        )
        if now == before and not standing.unread:
            return
        if standing.number != before[4] and now[:4] == before[:4] and now[5:] == before[5:] and not standing.unread:
            self._execute(_NUMBER, (standing.number, key))
        else:
            self._execute(_LEASE, (*now, *_place(standing, self._now), key))
        self._rows[standing.id] = now
        if past is not None:
            self._execute(_REMEMBER, (key, *past))

    def move(self, standing: Standing) -> None:
        """Put its entry where it belongs now."""
        self._execute(_MOVE, (*_place(standing, self._now), self._keys[standing.id]))

    def _add(self, standing: Standing, put: Put) -> None:
        columns = _columns(standing.entry)
        place = _place(standing, self._now)
        values = (put.id, put.version, put.state, put.parent, put.finished_at, *columns, *place)
        # The type allows for a statement that inserted nothing.
        key = self._keys[put.id] = self._execute(_ADD, values).lastrowid or 0
        self._execute(_ADD_BODY, (key, put.body))
        self._rows[put.id] = (0, None, "", None, 0, 0, *columns)

    def _put(self, put: Put) -> None:
        key = self._keys[put.id]
        self._execute(_PUT, (put.version, put.state, put.parent, put.finished_at, key))
        self._execute(_PUT_BODY, (put.body, key))

    def _append(self, facts: Sequence[tuple[str, str]]) -> Sequence[int]:
        if not facts:
            return ()
        first = self._execute(_LAST_CURSOR).fetchone()[0] + 1
        cursors = range(first, first + len(facts))
        rows = [(cursor, self._keys[run], text) for cursor, (run, text) in zip(cursors, facts, strict=True)]
        self._connection.executemany(_APPEND, rows)
        return cursors


def _entry(id: str, columns: Row) -> WaitingEntry | None:
    queue, rank, due, tags, wakes = columns
    if queue is None:
        return None
    return WaitingEntry(id=id, queue=queue, rank=rank, due=due, tags=tags_in(tags), wakes=bool(wakes))


def _columns(entry: WaitingEntry | None) -> Row:
    if entry is None:
        return (None,) * 5
    return entry.queue, entry.rank, entry.due, tags_text(entry.tags), int(entry.wakes)


def _place(standing: Standing, now: int) -> Row:
    return standing.place(now) or (None, None)


def tags_text(tags: tuple[str, ...]) -> str:
    """Tags as one text: a line of an index is told by it."""
    return json.dumps(tags) if tags else "[]"


def tags_in(text: str) -> tuple[str, ...]:
    """The tags in what ``tags_text`` made."""
    return () if text == "[]" else tuple(json.loads(text))
