"""What the settlement of a batch of units needs, read in bulk and written in bulk: two trips to the server."""

from collections.abc import Collection, Iterable, Sequence
from itertools import chain

import psycopg

from taskorch.core.unit import LeaseAction, Message, Put, Unit
from taskorch.stores.postgres import arrays
from taskorch.stores.postgres.rows import COLUMNS, NOW, standing_of, text_of
from taskorch.stores.settlement import Changes
from taskorch.stores.standing import Standing

_LOCKED = f"SELECT {COLUMNS} FROM record WHERE id = ANY(%s::text[]) ORDER BY id FOR UPDATE"
_UNREAD = "SELECT run, id FROM message WHERE run = ANY(%s::text[]) AND unread"
_SENT = "SELECT id, run, body FROM message WHERE id = ANY(%s::text[])"
_BODIES = "SELECT id, body FROM record WHERE id = ANY(%s::text[])"
_NUMBERS = "SELECT run, epoch, number FROM past WHERE run = ANY(%s::text[])"
_WAITING = """
    SELECT queue, count(*) FROM record WHERE queue = ANY(%(queues)s::text[]) AND place > 0 GROUP BY queue
    UNION ALL
    SELECT queue, count(*) FROM record
    WHERE queue = ANY(%(queues)s::text[]) AND place = 0 AND look <= %(now)s GROUP BY queue
"""
_GATES = "INSERT INTO gate SELECT unnest(%s::text[]) ORDER BY 1 ON CONFLICT DO NOTHING"
_GATES_LOCKED = "SELECT 1 FROM gate WHERE name = ANY(%s::text[]) ORDER BY name FOR UPDATE"

_ENTRY = "owner, number, queue, rank, due, tags, wakes, place, look"
_ENTRY_TYPES = ", ".join(
    f"%s::{kind}[]" for kind in ("text", "bigint", "text", "text", "bigint", "text", "boolean", "smallint", "bigint")
)
_PUT = "version, body, state, parent, finished_at"
_PUT_TYPES = ", ".join(f"%s::{kind}[]" for kind in ("bigint", "text", "text", "text", "bigint"))
_INSERT = f"""
    INSERT INTO record (id, {_ENTRY}, {_PUT})
    SELECT * FROM unnest(%s::text[], {_ENTRY_TYPES}, {_PUT_TYPES}) ORDER BY 1
"""
_UPDATE = f"""
    UPDATE record SET ({_ENTRY}) = ROW({", ".join(f"new.{name}" for name in _ENTRY.split(", "))})
    FROM unnest(%s::text[], {_ENTRY_TYPES}) AS new (id, {_ENTRY}) WHERE record.id = new.id
"""
_UPDATE_PUT = f"""
    UPDATE record SET ({_ENTRY}, {_PUT}) = ROW({", ".join(f"new.{name}" for name in f"{_ENTRY}, {_PUT}".split(", "))})
    FROM unnest(%s::text[], {_ENTRY_TYPES}, {_PUT_TYPES}) AS new (id, {_ENTRY}, {_PUT}) WHERE record.id = new.id
"""
_FACTS = """
    INSERT INTO fact (run, facts) SELECT run, facts
    FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS new (run, facts, nth) ORDER BY nth RETURNING seq
"""
_MESSAGES = """
    INSERT INTO message (id, run, body) SELECT id, run, body
    FROM unnest(%s::text[], %s::text[], %s::text[]) WITH ORDINALITY AS new (id, run, body, nth) ORDER BY nth
"""
_READ = "UPDATE message SET unread = false WHERE id = ANY(%s::text[])"
_NOTIFY = "SELECT pg_notify(%s, '')"


def lock_gates(connection: psycopg.Connection, kind: str, names: Iterable[str]) -> None:
    """Hold the gates of *names* until the end of the transaction, so that who counts behind them is alone."""
    gates = arrays.texts(sorted(kind + text_of((name,)) for name in names))
    connection.execute(_GATES, (gates,))
    connection.execute(_GATES_LOCKED, (gates,))


class Tables:
    """All that a batch of units touches, locked within a transaction; does what a settlement asks of tables.

    Args:
        connection: In a transaction and a pipeline.
        channel: Whom to tell of what others may wait for.
        units: The units.

    Attributes:
        now: The time of the server, once everything is locked.
    """

    def __init__(self, connection: psycopg.Connection, channel: str, units: Sequence[Unit]) -> None:
        self._connection, self._channel = connection, channel
        self._standings: dict[str, Standing] = {}
        self._sent: dict[str, Message] = {}
        self._bodies: dict[str, str] = {}
        self._numbers: dict[tuple[str, int], int] = {}
        self._waiting: dict[str, int] = {}
        self.now = 0
        self._is_news = any(u.entries or u.messages or u.lease is LeaseAction.RELEASE for u in units)
        self._load(units)
        self._load_more(units)

    def _load(self, units: Sequence[Unit]) -> None:
        ids, sent, queues = set[str](), set[str](), set[str]()
        for unit in units:
            ids.add(unit.run)
            ids.update(put.id for put in unit.puts)
            ids.update(entry.id for entry in unit.entries)
            ids.update(unit.gone)
            ids.update(message.run for message in unit.messages)
            sent.update(message.id for message in unit.messages)
            queues.update(room.queue for room in unit.rooms)
        execute = self._connection.execute
        if queues:
            lock_gates(self._connection, "queue ", queues)
        wanted = arrays.texts(sorted(ids))
        locked = execute(_LOCKED, (wanted,))
        unread = execute(_UNREAD, (wanted,))
        known = execute(_SENT, (arrays.texts(sorted(sent)),)) if sent else None
        clock = execute(f"SELECT {NOW}")
        self._standings = {row[0]: standing_of(row) for row in locked}
        for run, id in unread:
            if run in self._standings:  # one that was forgotten in between has none
                self._standings[run].unread.add(id)
        if known is not None:
            self._sent = {id: Message(id=id, run=run, body=body) for id, run, body in known}
        self.now = clock.fetchall()[0][0]
        if queues:
            self._waiting = dict.fromkeys(queues, 0)
            for queue, count in execute(_WAITING, {"queues": arrays.texts(queues), "now": self.now}):
                self._waiting[queue] += count

    def _load_more(self, units: Sequence[Unit]) -> None:
        """What is rarely needed: numbers of older epochs, and the bodies that a client's puts may repeat."""
        known = self._standings
        late = {
            unit.run for unit in units if unit.epoch > 0 and unit.run in known and unit.epoch < known[unit.run].epoch
        }
        again = {
            put.id
            for unit in units
            if unit.epoch <= 0
            for put in unit.puts
            if put.id in known and known[put.id].version == put.version
        }
        if late:
            rows = self._connection.execute(_NUMBERS, (arrays.texts(late),))
            self._numbers = {(run, epoch): number for run, epoch, number in rows}
        if again:
            self._bodies = dict(self._connection.execute(_BODIES, (arrays.texts(again),)).fetchall())

    # --- what a settlement asks for --------------------------------------------------------------------------

    def standings(self, ids: Collection[str]) -> Iterable[Standing]:
        """How the records of *ids* stand; those that there are."""
        return [self._standings[id] for id in ids if id in self._standings]

    def body(self, id: str) -> str:
        """The body of a record that there is."""
        return self._bodies[id]

    def number(self, run: str, epoch: int) -> int:
        """The number of the last unit kept under an epoch before the last."""
        return self._numbers.get((run, epoch), 0)

    def sent(self, ids: Collection[str]) -> Iterable[Message]:
        """The messages of *ids*; those that there are."""
        return [self._sent[id] for id in ids if id in self._sent]

    def waiting(self, queue: str) -> int:
        """How many entries wait in a queue."""
        return self._waiting[queue]

    def write(self, changes: Changes) -> Sequence[int]:
        """Write *changes* down; the cursors of the facts."""
        self._write_records(changes)
        execute = self._connection.execute
        if changes.sent:
            sent = changes.sent.values()
            columns = [arrays.texts(m.id for m in sent), arrays.texts(m.run for m in sent)]
            execute(_MESSAGES, (*columns, arrays.texts(m.body for m in sent)))
        if changes.read:
            execute(_READ, (arrays.texts(changes.read),))
        if changes.standings and self._is_news:
            execute(_NOTIFY, (self._channel,))
        if not changes.facts:
            return []
        runs, _, _, facts = zip(*changes.facts, strict=True)
        return [row[0] for row in execute(_FACTS, (arrays.texts(runs), arrays.texts(facts)))]

    def _write_records(self, changes: Changes) -> None:
        groups: tuple[list[Standing], list[Standing], list[Standing]] = ([], [], [])
        for standing in sorted(changes.standings.values(), key=lambda standing: standing.id):
            groups[0 if standing.id in changes.added else 1 if standing.id in changes.puts else 2].append(standing)
        for statement, standings in zip((_INSERT, _UPDATE_PUT, _UPDATE), groups, strict=True):
            if standings:
                puts = [changes.puts[standing.id] for standing in standings] if statement is not _UPDATE else []
                columns = chain(self._columns(standings), _columns_of(puts) if puts else ())
                self._connection.execute(statement, tuple(columns))

    def _columns(self, standings: Sequence[Standing]) -> Iterable[str]:
        entries = [standing.entry for standing in standings]
        places = [standing.place(self.now) or (None, None) for standing in standings]
        yield arrays.texts(standing.id for standing in standings)
        yield arrays.texts(standing.owner for standing in standings)
        yield arrays.numbers(standing.number for standing in standings)
        yield arrays.texts(None if entry is None else entry.queue for entry in entries)
        yield arrays.texts(None if entry is None else entry.rank for entry in entries)
        yield arrays.numbers(None if entry is None else entry.due for entry in entries)
        yield arrays.texts(None if entry is None else text_of(entry.tags) for entry in entries)
        yield arrays.flags(None if entry is None else entry.wakes for entry in entries)
        yield arrays.numbers(place for place, _ in places)
        yield arrays.numbers(look for _, look in places)


def _columns_of(puts: Sequence[Put]) -> Iterable[str]:
    yield arrays.numbers(put.version for put in puts)
    yield arrays.texts(put.body for put in puts)
    yield arrays.texts(put.state for put in puts)
    yield arrays.texts(put.parent for put in puts)
    yield arrays.numbers(put.finished_at for put in puts)
