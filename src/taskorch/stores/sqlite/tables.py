"""The tables as a settlement sees them, and how a record's standing is read and written. All in the writer's thread."""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence

from taskorch.core.unit import Message, Put, WaitingEntry
from taskorch.stores.settlement import Changes
from taskorch.stores.sqlite.cache import Cache, Known, Row
from taskorch.stores.standing import Standing

COLUMNS = """
    key, id, version, finished_at, epoch, owner, process, until, number, losses, mail, line, rank, due, wakes
"""
WITH_BODY = f"SELECT {COLUMNS}, body FROM record"
_TOGETHER = 50
"""How many records are looked up by one statement; it is always the same one, so that it is prepared once."""
_AMONG = f" WHERE id IN ({', '.join('?' * _TOGETHER)})"
_STANDING = f"SELECT {COLUMNS} FROM record WHERE id = ?", f"SELECT {COLUMNS} FROM record{_AMONG}"
"""How one record stands, and how several do; likewise with their bodies."""
_WHOLE = WITH_BODY + " WHERE id = ?", WITH_BODY + _AMONG
_UNREAD = "SELECT id FROM message WHERE record = ? AND unread = 1"
_LAST_NUMBER = "SELECT epoch, number FROM journal WHERE record = ? AND epoch > 0 ORDER BY cursor DESC LIMIT 1"
_BODY = "SELECT body FROM record WHERE id = ?"
_PAST = """
    SELECT max(number) FROM (
        SELECT number FROM past WHERE record = ? AND epoch = ?
        UNION ALL SELECT number FROM journal WHERE record = ? AND epoch = ?
    )
"""
_SENT = """
    SELECT message.id, record.id, message.body FROM message JOIN record ON record.key = message.record
    WHERE message.id = ?
"""
_READY = "SELECT count(*) FROM record WHERE place = 1 AND line = ?"
_LATER = "SELECT count(*) FROM record WHERE place = 2 AND line = ?"
_NEXT_READY = "SELECT min(line) FROM record WHERE place = 1 AND line > ?"
_NEXT_LATER = "SELECT min(line) FROM record WHERE place = 2 AND line > ?"
_LAST_CURSOR = "SELECT max((SELECT coalesce(max(cursor), 0) FROM journal), (SELECT cursor FROM forgotten))"
_FIRST_EPOCH = "SELECT epoch FROM forgotten"

_ADD = """
    INSERT INTO record (id, version, state, parent, finished_at, body, epoch, mail, line, rank, due, wakes, place, look)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_PUT = "UPDATE record SET version = ?, state = ?, parent = ?, finished_at = ?, body = ?, number = ? WHERE key = ?"
_NUMBER = "UPDATE record SET number = ? WHERE key = ?"
_STAND = """
    UPDATE record SET epoch = ?, owner = ?, process = ?, until = ?, number = ?, losses = ?,
        mail = ?, line = ?, rank = ?, due = ?, wakes = ?, place = ?, look = ?
    WHERE key = ?
"""
_PUT_AND_STAND = """
    UPDATE record SET epoch = ?, owner = ?, process = ?, until = ?, number = ?, losses = ?,
        mail = ?, line = ?, rank = ?, due = ?, wakes = ?, place = ?, look = ?,
        version = ?, state = ?, parent = ?, finished_at = ?, body = ?
    WHERE key = ?
"""
# What ``Standing.place`` says of records on which no lease lives, for however many have come due at once.
_MOVE = """
    UPDATE record SET
        place = CASE WHEN due <= ? OR (wakes AND mail) THEN 1 ELSE 2 END,
        look = CASE WHEN due <= ? OR (wakes AND mail) THEN NULL ELSE due END
    WHERE look <= ?
"""
_REMEMBER = "INSERT INTO past (record, epoch, number) VALUES (?, ?, ?)"
_SEND = "INSERT INTO message (id, record, unread, body) VALUES (?, ?, 1, ?)"
_READ = "UPDATE message SET unread = 0 WHERE id = ?"
_APPEND = "INSERT INTO journal (cursor, record, epoch, number, facts) VALUES (?, ?, ?, ?, ?)"

_NUMBER_AT = 4
"""Where the number stands in what is kept of a row."""


class Tables:
    """The tables within one transaction; does what a settlement asks of tables.

    Args:
        connection: The connection.
        cache: What is known already.
        now: The time of the transaction.
    """

    def __init__(self, connection: sqlite3.Connection, cache: Cache, now: int) -> None:
        self._execute = connection.execute
        self.connection, self.cache, self.now = connection, cache, now
        self._known = cache.known

    # --- reading ---------------------------------------------------------------------------------------------

    def standing(self, id: str) -> Standing | None:
        """How the record *id* stands; None if there is none."""
        if id not in self._known:
            self._rows((id,), *_STANDING)
        return self._known[id].standing if id in self._known else None

    def whole(self, ids: Sequence[str]) -> list[tuple[Standing, str]]:
        """How records that there are stand, and their bodies."""
        bodies = {row[1]: row[-1] for row in self._rows(ids, *_WHOLE)}
        return [(self._known[id].standing, bodies[id]) for id in ids]

    def taken(self, row: Row) -> Standing:
        """The standing in a row of ``COLUMNS``, to be written again later; what is known already counts."""
        key, id = row[:2]
        known = self._known.get(id)
        if known is None:
            standing = standing_of(row, self.cache.lines.of(self.connection, row))
            if standing.epoch:
                last = self._execute(_LAST_NUMBER, (key,)).fetchone()
                if last is not None and last[0] == standing.epoch:
                    standing.number = max(standing.number, last[1])
            if row[10]:
                standing.unread.update(id for (id,) in self._execute(_UNREAD, (key,)))
            known = self._known[id] = Known(key, row[4:15], standing)
        return known.standing

    def standings(self, ids: Collection[str]) -> Iterable[Standing]:
        """How the records of *ids* stand; those that there are."""
        self._rows([id for id in ids if id not in self._known], *_STANDING)
        return [self._known[id].standing for id in ids if id in self._known]

    def _rows(self, ids: Sequence[str], one: str, several: str) -> list[Row]:
        """The rows of records, which are known from then on."""
        if len(ids) == 1:
            rows = self._execute(one, ids).fetchall()
        else:
            rows = [row for some in _chunks(ids) for row in self._execute(several, some)]
        for row in rows:
            self.taken(row)
        return rows

    def body(self, id: str) -> str:
        """The body of a record that there is."""
        (text,) = self._execute(_BODY, (id,)).fetchone()
        return str(text)

    def number(self, run: str, epoch: int) -> int:
        """The number of the last unit kept under an epoch before the last."""
        (number,) = self._execute(_PAST, (self._known[run].key, epoch) * 2).fetchone()
        return number or 0

    def sent(self, ids: Collection[str]) -> Iterable[Message]:
        """The messages of *ids*; those that there are."""
        for id in ids:
            for found, run, body in self._execute(_SENT, (id,)):
                yield Message(id=found, run=run, body=body)

    def waiting(self, queue: str) -> int:
        """How many entries wait in a queue."""
        return sum(
            int(self._execute(count, (key,)).fetchone()[0])
            for step, count in ((_NEXT_READY, _READY), (_NEXT_LATER, _LATER))
            for key, found, _ in self._along(step)
            if found == queue
        )

    def first_epoch(self) -> int:
        """What the epochs of a new record begin above."""
        if self.cache.first_epoch is None:
            self.cache.first_epoch = int(self._execute(_FIRST_EPOCH).fetchone()[0])
        return self.cache.first_epoch

    def ready(self) -> dict[str, list[tuple[int, tuple[str, ...]]]]:
        """The lines in which somebody is ready, by queue: each its key and its tags."""
        lines: dict[str, list[tuple[int, tuple[str, ...]]]] = {}
        for key, queue, tags in self._along(_NEXT_READY):
            lines.setdefault(queue, []).append((key, tags))
        return lines

    def _along(self, step: str) -> Iterator[tuple[int, str, tuple[str, ...]]]:
        """Leap along an index from one line to the next; there may be many lines in which nobody is."""
        key = 0
        while (key := self._execute(step, (key,)).fetchone()[0]) is not None:
            yield key, *self.cache.lines.line(self.connection, key)

    # --- writing ---------------------------------------------------------------------------------------------

    def write(self, changes: Changes) -> Sequence[int]:
        """Write *changes* down; the cursors of the facts."""
        told = {run: number for run, epoch, number, _ in changes.facts if epoch > 0}
        for id, standing in changes.standings.items():
            put = changes.puts.get(id)
            if id in changes.added and put is not None:
                self._add(standing, put)
            self.save(standing, None if id in changes.added else put, told=told.get(id, 0))
        for message in changes.sent.values():
            self._execute(_SEND, (message.id, self._known[message.run].key, message.body))
        if changes.read:
            self.connection.executemany(_READ, [(id,) for id in changes.read])
        return self._append(changes.facts)

    def save(self, standing: Standing, put: Put | None = None, *, told: int = 0) -> None:
        """Write down how a record stands now.

        Args:
            standing: How it stands.
            put: Its new body, if it has one.
            told: The number that the journal is going to tell; it need not be written twice.
        """
        known = self._known[standing.id]
        before = known.row
        now = (
            *(standing.epoch, standing.owner, standing.process, standing.until, standing.number, standing.losses),
            *self._columns(standing),
        )
        if (
            standing.unread
            or before[:_NUMBER_AT] != now[:_NUMBER_AT]
            or before[_NUMBER_AT + 1 :] != now[_NUMBER_AT + 1 :]
        ):
            place = _place(standing, self.now)
            if put is None:
                self._execute(_STAND, (*now, *place, known.key))
            else:
                self._execute(_PUT_AND_STAND, (*now, *place, *_put(put), known.key))
        elif put is not None:
            self._execute(_PUT, (*_put(put), standing.number, known.key))
        elif standing.number not in {told, before[_NUMBER_AT]}:
            self._execute(_NUMBER, (standing.number, known.key))
        else:
            return
        known.row = now

    def remember(self, id: str, past: tuple[int, int] | None) -> None:
        """Remember the number under an epoch before, if there is one."""
        if past is not None:
            self._execute(_REMEMBER, (self._known[id].key, *past))

    def look(self) -> None:
        """Put each entry whose time has come where it belongs now."""
        self._execute(_MOVE, (self.now,) * 3)

    def _add(self, standing: Standing, put: Put) -> None:
        columns, epoch = self._columns(standing), standing.epoch
        cursor = self._execute(_ADD, (put.id, *_put(put), epoch, *columns, *_place(standing, self.now)))
        # The type allows for a statement that inserted nothing.
        self._known[put.id] = Known(cursor.lastrowid or 0, (epoch, None, "", None, 0, 0, *columns), standing)

    def _columns(self, standing: Standing) -> Row:
        entry, mail = standing.entry, int(bool(standing.unread))
        if entry is None:
            return mail, None, None, None, None
        line = self.cache.lines.key(self.connection, entry.queue, entry.tags)
        return mail, line, entry.rank, entry.due, int(entry.wakes)

    def _append(self, facts: Sequence[tuple[str, int, int, str]]) -> Sequence[int]:
        if not facts:
            return ()
        if (last := self.cache.last_cursor) is None:
            last = int(self._execute(_LAST_CURSOR).fetchone()[0])
        cursors = range(last + 1, last + 1 + len(facts))
        rows = [
            (cursor, self._known[run].key, epoch, number, text)
            for cursor, (run, epoch, number, text) in zip(cursors, facts, strict=True)
        ]
        self.connection.executemany(_APPEND, rows)
        self.cache.last_cursor = cursors[-1]
        return cursors


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """*ids* in parts that fit ``_AMONG``; the last is filled up with ids of its own."""
    for first in range(0, len(ids), _TOGETHER):
        some = [*ids[first : first + _TOGETHER]]
        yield some + some[:1] * (_TOGETHER - len(some))


def standing_of(row: Row, entry: WaitingEntry | None) -> Standing:
    """How the record in a row of ``COLUMNS`` stands, as far as the row tells."""
    _, id, version, finished_at, epoch, owner, process, until, number, losses = row[:10]
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
        entry=entry,
    )


def _put(put: Put) -> Row:
    return put.version, put.state, put.parent, put.finished_at, put.body


def _place(standing: Standing, now: int) -> Row:
    return standing.place(now) or (None, None)
