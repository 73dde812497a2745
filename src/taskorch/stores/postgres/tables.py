"""What the settlement of a batch of units needs, read in bulk and written in bulk: two trips to the server."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import psycopg

from taskorch.core.unit import LeaseAction, Message, Put, Unit, WaitingEntry
from taskorch.stores.postgres import arrays
from taskorch.stores.postgres.lines import Lines, text_of
from taskorch.stores.postgres.rows import COLUMNS, LINE, MAIL, NOTHING, NOW, standing_of
from taskorch.stores.settlement import Changes
from taskorch.stores.standing import Standing

# The time comes last, once everything is locked.
_LOCKED = f"""
    SELECT locked.*, NULL FROM (
        SELECT {COLUMNS}, ctid FROM record WHERE id = ANY(%s::text[]) ORDER BY id FOR UPDATE
    ) AS locked
    UNION ALL SELECT {NOTHING}, NULL, {NOW}
"""
_PLACE_OF_ROW = 13
_UNREAD = "SELECT run, id FROM message WHERE run = ANY(%s::text[]) AND unread"
_SENT = "SELECT id, run, body FROM message WHERE id = ANY(%s::text[])"
_BODIES = "SELECT id, body FROM record WHERE id = ANY(%s::text[])"
_NUMBERS = "SELECT run, epoch, number FROM past WHERE run = ANY(%s::text[])"
# Leases that are over are counted as what waits again, although nobody may have put them back yet.
_WAITING = """
    SELECT line.queue, sum(
        (SELECT count(*) FROM record WHERE record.line = line.key AND place = 1)
        + (SELECT count(*) FROM record WHERE record.line = line.key AND place = 2)
    )::bigint FROM line WHERE queue = ANY(%(queues)s::text[]) GROUP BY line.queue
    UNION ALL
    SELECT line.queue, count(*) FROM record JOIN line ON line.key = record.line
    WHERE place = 0 AND look <= %(now)s AND line.queue = ANY(%(queues)s::text[]) GROUP BY line.queue
"""
_GATES = "INSERT INTO gate SELECT unnest(%s::text[]) ORDER BY 1 ON CONFLICT DO NOTHING"
_GATES_LOCKED = "SELECT 1 FROM gate WHERE name = ANY(%s::text[]) ORDER BY name FOR UPDATE"

_ENTRY = {"mail": "boolean", "line": "integer", "rank": "text", "due": "bigint", "wakes": "boolean"}
_ENTRY |= {"place": "smallint", "look": "bigint"}
_LEASE = {"owner": "text", "number": "bigint"}
_PUT = {"version": "bigint", "body": "text", "state": "text", "parent": "text", "finished_at": "bigint"}


def _new(columns: dict[str, str]) -> str:
    """A table of new values, one array for each column."""
    types = ", ".join(f"%s::{kind}[]" for kind in columns.values())
    return f"unnest({types}) AS new ({', '.join(columns)})"


def _update(columns: dict[str, str]) -> str:
    # By where the rows are: they are locked, so nobody moves them.
    values = ", ".join(f"{name} = new.{name}" for name in columns)
    return f"UPDATE record SET {values} FROM {_new({'at': 'tid'} | columns)} WHERE record.ctid = new.at"


_ADDED = {"id": "text"} | _ENTRY | _PUT
_INSERT = f"""
    INSERT INTO record ({", ".join(_ADDED)}, epoch)
    SELECT new.*, (SELECT epoch FROM forgotten) FROM {_new(_ADDED)} ORDER BY 1
"""
# A namesake may have come and be forgotten since we looked. Then the insertion has waited for whoever forgot it, and
# knows only what was forgotten before: what comes behind it knows all.
_RAISE = """
    UPDATE record SET epoch = (SELECT epoch FROM forgotten)
    WHERE id = ANY(%s::text[]) AND epoch < (SELECT epoch FROM forgotten)
"""
_UPDATE = _update(_LEASE | _ENTRY)
_UPDATE_PUT = _update(_LEASE | _ENTRY | _PUT)
_UPDATE_NUMBER = _update({"number": "bigint"})
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
        lines: Those of the units' entries are known.
        channel: Whom to tell of what others may wait for.
        units: The units.

    Attributes:
        now: The time of the server, once everything is locked.
    """

    def __init__(self, connection: psycopg.Connection, lines: Lines, channel: str, units: Sequence[Unit]) -> None:
        self._connection, self._lines, self._channel = connection, lines, channel
        # Where the row is; and as it is there: who owns it, and the entry.
        self._at: dict[str, str] = {}
        self._before: dict[str, tuple[str | None, WaitingEntry | None]] = {}
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
        ids = {unit.run for unit in units}
        sent, queues = set[str](), set[str]()
        for unit in units:
            ids.update([put.id for put in unit.puts])
            if unit.entries or unit.gone:
                ids.update([entry.id for entry in unit.entries], unit.gone)
            if unit.messages:
                ids.update([message.run for message in unit.messages])
                sent.update([message.id for message in unit.messages])
            if unit.rooms:
                queues.update([room.queue for room in unit.rooms])
        execute = self._connection.execute
        if queues:
            lock_gates(self._connection, "queue ", queues)
        wanted = arrays.texts(sorted(ids))
        locked = execute(_LOCKED, (wanted,))
        known = execute(_SENT, (arrays.texts(sorted(sent)),)) if sent else None
        *rows, end = locked.fetchall()
        self.now = end[-1]
        self._lines.learn(self._connection, (row[LINE] for row in rows))
        for row in rows:
            standing = self._standings[row[0]] = standing_of(row, self._lines)
            self._before[row[0]], self._at[row[0]] = (standing.owner, standing.entry), row[_PLACE_OF_ROW]
        if mail := [row[0] for row in rows if row[MAIL]]:
            for run, id in execute(_UNREAD, (arrays.texts(mail),)):
                self._standings[run].unread.add(id)
        self._has_mail = set(mail)
        if known is not None:
            self._sent = {id: Message(id=id, run=run, body=body) for id, run, body in known}
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

    def first_epoch(self) -> int:
        """Nothing yet: what the epochs of a new record begin above is for the statements that write it."""
        return 0

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
        execute = self._connection.execute
        added, put, moved, told = list[Standing](), list[Standing](), list[Standing](), list[Standing]()
        for id, standing in changes.standings.items():
            if id in changes.added:
                added.append(standing)
            elif id in changes.puts:
                put.append(standing)
            else:
                (told if self._stays(standing) else moved).append(standing)
        if added:
            ids = arrays.texts([standing.id for standing in added])
            execute(_INSERT, (ids, *self._entries(added), *_puts(added, changes.puts)))
            execute(_RAISE, (ids,))
        if put:
            execute(_UPDATE_PUT, (self._rows(put), *_leases(put), *self._entries(put), *_puts(put, changes.puts)))
        if moved:
            execute(_UPDATE, (self._rows(moved), *_leases(moved), *self._entries(moved)))
        if told:
            execute(_UPDATE_NUMBER, (self._rows(told), arrays.numbers([standing.number for standing in told])))

    def _rows(self, standings: Sequence[Standing]) -> str:
        """Where the rows are."""
        return arrays.texts([self._at[standing.id] for standing in standings])

    def _stays(self, standing: Standing) -> bool:
        """Whether nothing but its number is new: then no index has to be touched."""
        owner, entry = self._before[standing.id]
        return (
            standing.owner == owner
            and standing.entry == entry
            and not standing.unread
            and standing.id not in self._has_mail
        )

    def _entries(self, standings: Sequence[Standing]) -> list[str]:
        """The columns of ``_ENTRY``."""
        if all(standing.entry is None for standing in standings):
            return [arrays.flags([bool(standing.unread) for standing in standings]), *["{}"] * (len(_ENTRY) - 1)]
        entries = [standing.entry for standing in standings]
        places = [standing.place(self.now) or (None, None) for standing in standings]
        key = self._lines.key
        return [
            arrays.flags([bool(standing.unread) for standing in standings]),
            arrays.numbers([None if entry is None else key(entry.queue, entry.tags) for entry in entries]),
            arrays.texts([None if entry is None else entry.rank for entry in entries]),
            arrays.numbers([None if entry is None else entry.due for entry in entries]),
            arrays.flags([None if entry is None else entry.wakes for entry in entries]),
            arrays.numbers([place for place, _ in places]),
            arrays.numbers([look for _, look in places]),
        ]


def _leases(standings: Sequence[Standing]) -> tuple[str, str]:
    """The columns of ``_LEASE``."""
    owners = arrays.texts([standing.owner for standing in standings])
    return owners, arrays.numbers([standing.number for standing in standings])


def _puts(standings: Sequence[Standing], by_id: Mapping[str, Put]) -> tuple[str, ...]:
    """The columns of ``_PUT``."""
    puts = [by_id[standing.id] for standing in standings]
    return (
        arrays.numbers([put.version for put in puts]),
        arrays.texts([put.body for put in puts]),
        arrays.texts([put.state for put in puts]),
        arrays.texts([put.parent for put in puts]),
        arrays.numbers([put.finished_at for put in puts]),
    )
