"""Leases: given, renewed and taken back, each in one transaction."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress

import attrs
import psycopg

from taskorch.core.receipts import Claimed, Refusal, Refused, Renewed
from taskorch.stores.clock import end_of
from taskorch.stores.postgres import arrays
from taskorch.stores.postgres.lines import Lines
from taskorch.stores.postgres.rows import BODY, COLUMNS, LINE, NOTHING, NOW, NOW_ONCE, Row, standing_of

_ONE = f"""
    SELECT locked.*, NULL FROM (
        SELECT {COLUMNS}, body, ctid, coalesce((SELECT identity FROM process WHERE key = record.process), '')
        FROM record WHERE id = %s FOR UPDATE
    ) AS locked
    UNION ALL SELECT {NOTHING}, NULL, NULL, NULL, {NOW}
"""
_PAST = """
    INSERT INTO past SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bigint[]) ORDER BY 1
    ON CONFLICT (run, epoch) DO NOTHING
"""
_GRANT = """
    UPDATE record SET epoch = new.epoch, losses = new.losses, owner = %s, process = %s, until = %s::bigint, number = 0,
        place = CASE WHEN line IS NULL THEN NULL ELSE 0 END,
        look = CASE WHEN line IS NULL THEN NULL ELSE %s::bigint END
    FROM unnest(%s::tid[], %s::bigint[], %s::bigint[]) AS new (at, epoch, losses) WHERE record.ctid = new.at
"""
_LOCK = "SELECT 1 FROM record WHERE id = ANY(%s::text[]) ORDER BY id FOR UPDATE"
_RENEW = f"""
    UPDATE record SET until = {NOW} + %s, look = CASE WHEN line IS NULL THEN NULL ELSE {NOW} + %s END
    FROM unnest(%s::text[], %s::bigint[]) AS held (id, epoch)
    WHERE record.id = held.id AND record.epoch = held.epoch AND owner IS NOT NULL AND (until IS NULL OR until > {NOW})
    RETURNING record.id, record.epoch, mail
"""
_IS_DUE = "(coalesce(due <= %(now)s, false) OR (wakes AND mail))"
# What Standing.place says of a record on which no lease lives.
_PLACE_ANEW = f"""
    place = CASE WHEN line IS NULL THEN NULL WHEN {_IS_DUE} THEN 1 ELSE 2 END,
    look = CASE WHEN line IS NULL OR {_IS_DUE} THEN NULL ELSE due END
"""
_MOVE = f"UPDATE record SET {_PLACE_ANEW} WHERE id = ANY(%(ids)s::text[])"
_RELEASE = f"UPDATE record SET owner = NULL, {_PLACE_ANEW} WHERE id = ANY(%(ids)s::text[])"
_COME = f"""
    SELECT id, {NOW} FROM record WHERE place = ANY('{{0,2}}') AND look <= {NOW_ONCE} LIMIT %s FOR UPDATE SKIP LOCKED
"""
_HELD = f"""
    SELECT record.id, {NOW} FROM record JOIN unnest(%s::text[], %s::bigint[]) AS held (id, epoch)
    ON record.id = held.id AND record.epoch = held.epoch
    WHERE owner IS NOT NULL AND process = %s ORDER BY record.id FOR UPDATE OF record
"""
_HELD_BY = f"SELECT id, {NOW} FROM record WHERE process = %s AND owner IS NOT NULL ORDER BY id LIMIT %s FOR UPDATE"
_LEFT_BEHIND = f"""
    SELECT id, {NOW} FROM record
    WHERE process = ANY(%s::integer[]) AND owner IS NOT NULL AND (until IS NULL OR until > {NOW}) ORDER BY id FOR UPDATE
"""
_END = f"""
    UPDATE record SET until = %(now)s, {_PLACE_ANEW} WHERE id = ANY(%(ids)s::text[])
"""
_AT_ONCE = 1000


class UnknownGiftError(Exception):
    """A transaction that gave leases ended with the connection: whether they were given is unknown.

    Args:
        leases: The leases, each a record and an epoch.
        error: What the driver said.
    """

    def __init__(self, leases: Sequence[tuple[str, int]], error: psycopg.Error) -> None:
        super().__init__(str(error))
        self.leases, self.error = leases, error


@contextmanager
def pipeline(connection: psycopg.Connection) -> Iterator[None]:
    """Statements that go to the server without waiting for each other; the first error is raised.

    The driver would tell the log of those that follow it, such as that a lost connection cannot end its pipeline.
    """
    first: BaseException | None = None
    try:
        with connection.pipeline():
            try:
                yield
            except BaseException as error:  # noqa: BLE001 - raised below
                first = error
    except psycopg.Error:
        if first is None:
            raise
    if first is not None:
        raise first


@contextmanager
def transaction(connection: psycopg.Connection, given: Sequence[Claimed] = ()) -> Iterator[None]:
    """A transaction whose statements go to the server without waiting for each other; rolled back if one fails.

    Args:
        connection: The connection.
        given: What leases it has given in the end.

    Raises:
        UnknownGiftError: The connection was lost at the end of a transaction that gave leases.
    """
    try:
        with pipeline(connection):
            connection.execute("BEGIN")
            yield
            connection.execute("COMMIT")
    except BaseException as error:
        with suppress(psycopg.Error):  # the first error is the one to tell
            connection.rollback()
        if connection.closed and given and isinstance(error, psycopg.Error):
            raise UnknownGiftError([(one.record.id, one.epoch) for one in given], error) from error
        raise


@attrs.frozen
class Claimant:
    """Whose leases are to be.

    Attributes:
        owner: What it is called in messages.
        process: Which store object the leases belong to, by its number in the database.
        length: How long they live, in microseconds; None for as long as the owner does.
    """

    owner: str
    process: int
    length: int | None


def grant(
    connection: psycopg.Connection, lines: Lines, rows: Sequence[Row], claimant: Claimant, now: int
) -> list[Claimed]:
    """Give *claimant* the next leases of records, whose rows are locked and go on with the body and where they are."""
    if not rows:
        return []
    until = end_of(now, claimant.length)
    past: list[tuple[str, int, int]] = []
    claimed: list[Claimed] = []
    for row in rows:
        standing = standing_of(row, lines)
        if (before := standing.grant(claimant.owner, "", until)) is not None:
            past.append((standing.id, *before))
        record = standing.record(row[BODY], now)
        claimed.append(Claimed(epoch=standing.epoch, record=record, losses=standing.losses))
    if past:
        runs, epochs, numbers = zip(*past, strict=True)
        connection.execute(_PAST, (arrays.texts(runs), arrays.numbers(epochs), arrays.numbers(numbers)))
    at = arrays.texts([row[BODY + 1] for row in rows])
    epochs_now, losses = arrays.numbers([c.epoch for c in claimed]), arrays.numbers([c.losses for c in claimed])
    connection.execute(_GRANT, (claimant.owner, claimant.process, until, until, at, epochs_now, losses))
    return claimed


def lease(
    connection: psycopg.Connection, lines: Lines, claimant: Claimant, id: str, is_void: Callable[[str], bool]
) -> Claimed | Refused:
    """Give *claimant* the lease of one record.

    Args:
        connection: The connection.
        lines: What is known of them.
        claimant: Whose it is to be.
        id: The record.
        is_void: Whether a living lease of the process of that identity is no hindrance.
    """
    given: list[Claimed] = []
    with transaction(connection, given):
        *rows, end = connection.execute(_ONE, (id,)).fetchall()
        if not rows:
            return Refused(Refusal.UNKNOWN, id=id)
        [row], now = rows, end[-1]
        lines.learn(connection, (row[LINE],))
        standing = standing_of(row, lines)
        if (busy := standing.busy(now)) is not None and not is_void(row[BODY + 2]):
            return busy
        given += grant(connection, lines, [row], claimant, now)
    return given[0]


def renew(
    connection: psycopg.Connection, leases: Sequence[tuple[str, int]], length: int | None
) -> list[Renewed | Refused]:
    """Let leases live for *length* microseconds from now, what time it is only the server knows."""
    held = dict.fromkeys(leases)
    runs = arrays.texts(run for run, _ in held)
    epochs = arrays.numbers(epoch for _, epoch in held)
    with transaction(connection):
        connection.execute(_LOCK, (runs,))
        kept = connection.execute(_RENEW, (length, length, runs, epochs))
        mail = {(run, epoch): has_mail for run, epoch, has_mail in kept}
    return [Renewed(mail[one]) if one in mail else Refused(Refusal.STALE_LEASE, id=one[0]) for one in leases]


def take_back(connection: psycopg.Connection, process: int, leases: Sequence[tuple[str, int]]) -> None:
    """Release leases that nobody knows of, if they are still those of *process*.

    Args:
        connection: The connection.
        process: Whose they would be.
        leases: Each a record and an epoch.
    """
    if not leases:
        return
    ids, epochs = arrays.texts(id for id, _ in leases), arrays.numbers(epoch for _, epoch in leases)
    with transaction(connection):
        connection.execute(_LOCK, (ids,))  # which waits for a transaction that is still giving them
        _change(connection, _RELEASE, connection.execute(_HELD, (ids, epochs, process)).fetchall())


def release_all(connection: psycopg.Connection, process: int, channel: str) -> None:
    """Release all leases that were given to a process."""
    released = _AT_ONCE
    while released == _AT_ONCE:
        with transaction(connection):
            found = connection.execute(_HELD_BY, (process, _AT_ONCE)).fetchall()
            _change(connection, _RELEASE, found)
            if found:
                connection.execute("SELECT pg_notify(%s, '')", (channel,))
            released = len(found)


def end_those_of(connection: psycopg.Connection, dead: Collection[int]) -> None:
    """Let the time of all leases of processes be over."""
    with transaction(connection):
        found = connection.execute(_LEFT_BEHIND, (arrays.numbers(dead),)).fetchall()
        _change(connection, _END, found)


def move_due(connection: psycopg.Connection) -> None:
    """Put each entry whose time has come where it belongs now."""
    moved = _AT_ONCE
    while moved == _AT_ONCE:
        with transaction(connection):
            found = connection.execute(_COME, (_AT_ONCE,)).fetchall()
            _change(connection, _MOVE, found)
            moved = len(found)


def _change(connection: psycopg.Connection, statement: str, found: Sequence[Row]) -> None:
    """Change records that were found and locked: in a statement of its own, which sees what the lock has waited for."""
    if found:
        now = max(row[1] for row in found)
        connection.execute(statement, {"ids": arrays.texts(row[0] for row in found), "now": now})
