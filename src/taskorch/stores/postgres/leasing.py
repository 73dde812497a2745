"""Leases: given, renewed and taken back, each in one transaction."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import attrs
import psycopg

from taskorch.core.receipts import Claimed, Refusal, Refused, Renewed
from taskorch.stores.postgres import arrays
from taskorch.stores.postgres.rows import COLUMNS, NOW, NOW_ONCE, Row, standing_of

BODY = 14
"""Where the body is in a row that ends with it."""

_ONE = f"SELECT {COLUMNS}, body FROM record WHERE id = %s FOR UPDATE"
_PAST = """
    INSERT INTO past SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bigint[]) ORDER BY 1
    ON CONFLICT (run, epoch) DO NOTHING
"""
_GRANT = """
    UPDATE record SET epoch = new.epoch, losses = new.losses, owner = %s, process = %s, until = %s::bigint, number = 0,
        place = CASE WHEN queue IS NULL THEN NULL ELSE 0 END,
        look = CASE WHEN queue IS NULL THEN NULL ELSE %s::bigint END
    FROM unnest(%s::text[], %s::bigint[], %s::bigint[]) AS new (id, epoch, losses) WHERE record.id = new.id
"""
_LOCK = "SELECT 1 FROM record WHERE id = ANY(%s::text[]) ORDER BY id FOR UPDATE"
_RENEW = f"""
    UPDATE record SET until = {NOW} + %s, look = CASE WHEN queue IS NULL THEN NULL ELSE {NOW} + %s END
    FROM unnest(%s::text[], %s::bigint[]) AS held (id, epoch)
    WHERE record.id = held.id AND record.epoch = held.epoch AND owner IS NOT NULL AND (until IS NULL OR until > {NOW})
    RETURNING record.id, record.epoch, EXISTS (SELECT FROM message WHERE run = record.id AND unread)
"""
_IS_DUE = """
    (coalesce(due <= %(now)s, false)
     OR (wakes AND EXISTS (SELECT FROM message WHERE run = record.id AND unread)))
"""
# What Standing.place says of a record on which no lease lives.
_PLACE_ANEW = f"""
    place = CASE WHEN queue IS NULL THEN NULL WHEN {_IS_DUE} THEN 1 ELSE 2 END,
    look = CASE WHEN queue IS NULL OR {_IS_DUE} THEN NULL ELSE due END
"""
_MOVE = f"UPDATE record SET {_PLACE_ANEW} WHERE id = ANY(%(ids)s::text[])"
_RELEASE = f"UPDATE record SET owner = NULL, {_PLACE_ANEW} WHERE id = ANY(%(ids)s::text[])"
_COME = f"""
    SELECT id, {NOW} FROM record WHERE queue = ANY(%s::text[]) AND look <= {NOW_ONCE}
    ORDER BY look LIMIT %s FOR UPDATE SKIP LOCKED
"""
_HELD = f"""
    SELECT record.id, {NOW} FROM record JOIN unnest(%s::text[], %s::bigint[]) AS held (id, epoch)
    ON record.id = held.id AND record.epoch = held.epoch
    WHERE owner IS NOT NULL AND process = %s ORDER BY record.id FOR UPDATE OF record
"""
_HELD_BY = f"SELECT id, {NOW} FROM record WHERE process = %s AND owner IS NOT NULL ORDER BY id LIMIT %s FOR UPDATE"
_PROCESSES = """
    WITH RECURSIVE known AS (
        (SELECT process FROM record WHERE owner IS NOT NULL ORDER BY process LIMIT 1)
        UNION ALL
        SELECT (SELECT process FROM record WHERE owner IS NOT NULL AND process > known.process
                ORDER BY process LIMIT 1)
        FROM known WHERE known.process IS NOT NULL
    ) SELECT process FROM known WHERE process IS NOT NULL
"""
_LEFT_BEHIND = f"""
    SELECT id, {NOW} FROM record
    WHERE process = ANY(%s::text[]) AND owner IS NOT NULL AND (until IS NULL OR until > {NOW}) ORDER BY id FOR UPDATE
"""
_END = f"""
    UPDATE record SET until = %(now)s, {_PLACE_ANEW} WHERE id = ANY(%(ids)s::text[])
"""
_AT_ONCE = 1000


@contextmanager
def transaction(connection: psycopg.Connection) -> Iterator[None]:
    """A transaction whose statements go to the server without waiting for each other; rolled back if one fails."""
    try:
        with connection.pipeline():
            connection.execute("BEGIN")
            yield
            connection.execute("COMMIT")
    except BaseException:
        if not connection.closed:
            connection.rollback()
        raise


@attrs.frozen
class Claimant:
    """Whose leases are to be.

    Attributes:
        owner: What it is called in messages.
        process: Which store object the leases belong to.
        ttl: How many seconds they live; None for as long as the owner does.
    """

    owner: str
    process: str
    ttl: float | None


def grant(connection: psycopg.Connection, rows: Sequence[Row], claimant: Claimant, now: int) -> list[Claimed]:
    """Give *claimant* the next leases of records, whose rows are locked and end with the body."""
    if not rows:
        return []
    until = None if claimant.ttl is None else now + int(claimant.ttl * 1e6)
    past: list[tuple[str, int, int]] = []
    claimed: list[Claimed] = []
    for row in rows:
        standing = standing_of(row)
        if (before := standing.grant(claimant.owner, claimant.process, until)) is not None:
            past.append((standing.id, *before))
        record = standing.record(row[BODY], now)
        claimed.append(Claimed(epoch=standing.epoch, record=record, losses=standing.losses))
    if past:
        runs, epochs, numbers = zip(*past, strict=True)
        connection.execute(_PAST, (arrays.texts(runs), arrays.numbers(epochs), arrays.numbers(numbers)))
    ids = arrays.texts(one.record.id for one in claimed)
    epochs_now, losses = arrays.numbers(c.epoch for c in claimed), arrays.numbers(c.losses for c in claimed)
    connection.execute(_GRANT, (claimant.owner, claimant.process, until, until, ids, epochs_now, losses))
    return claimed


def lease(
    connection: psycopg.Connection, claimant: Claimant, id: str, is_void: Callable[[str], bool]
) -> Claimed | Refused:
    """Give *claimant* the lease of one record.

    Args:
        connection: The connection.
        claimant: Whose it is to be.
        id: The record.
        is_void: Whether a living lease of that process is no hindrance.
    """
    with transaction(connection):
        found = connection.execute(_ONE, (id,))
        clock = connection.execute(f"SELECT {NOW}")
        row = found.fetchone()
        now: int = clock.fetchall()[0][0]
        if row is None:
            return Refused(Refusal.UNKNOWN, id=id)
        standing = standing_of(row)
        if standing.is_leased(now) and not is_void(standing.process):
            return Refused(Refusal.BUSY, by=standing.owner or "", id=id)
        claimed = grant(connection, [row], claimant, now)
    return claimed[0]


def renew(connection: psycopg.Connection, leases: Sequence[tuple[str, int]], ttl: float) -> list[Renewed | Refused]:
    """Let leases live for *ttl* seconds from now."""
    held = dict.fromkeys(leases)
    runs = arrays.texts(run for run, _ in held)
    epochs = arrays.numbers(epoch for _, epoch in held)
    length = int(ttl * 1e6)
    with transaction(connection):
        connection.execute(_LOCK, (runs,))
        kept = connection.execute(_RENEW, (length, length, runs, epochs))
        mail = {(run, epoch): has_mail for run, epoch, has_mail in kept}
    return [Renewed(mail[one]) if one in mail else Refused(Refusal.STALE_LEASE, id=one[0]) for one in leases]


def take_back(connection: psycopg.Connection, process: str, given: Iterable[Claimed]) -> None:
    """Release leases whose claimant has gone before it knew of them, if they are still its."""
    leases = [(claimed.record.id, claimed.epoch) for claimed in given]
    if not leases:
        return
    ids, epochs = arrays.texts(id for id, _ in leases), arrays.numbers(epoch for _, epoch in leases)
    with transaction(connection):
        _change(connection, _RELEASE, connection.execute(_HELD, (ids, epochs, process)).fetchall())


def release_all(connection: psycopg.Connection, process: str, channel: str) -> None:
    """Release all leases that were given through a store object."""
    released = _AT_ONCE
    while released == _AT_ONCE:
        with transaction(connection):
            found = connection.execute(_HELD_BY, (process, _AT_ONCE)).fetchall()
            _change(connection, _RELEASE, found)
            if found:
                connection.execute("SELECT pg_notify(%s, '')", (channel,))
            released = len(found)


def end_those_of_the_dead(connection: psycopg.Connection, process: str, is_dead: Callable[[str], bool]) -> None:
    """Let the time of leases be over whose owners are dead for certain."""
    known = [row[0] for row in connection.execute(_PROCESSES)]
    dead = [one for one in known if one != process and is_dead(one)]
    if dead:
        with transaction(connection):
            found = connection.execute(_LEFT_BEHIND, (arrays.texts(dead),)).fetchall()
            _change(connection, _END, found)


def move_due(connection: psycopg.Connection, queues: Sequence[str]) -> None:
    """Put each entry of *queues* whose time has come where it belongs now."""
    moved = _AT_ONCE
    while moved == _AT_ONCE:
        with transaction(connection):
            found = connection.execute(_COME, (arrays.texts(queues), _AT_ONCE)).fetchall()
            _change(connection, _MOVE, found)
            moved = len(found)


def _change(connection: psycopg.Connection, statement: str, found: Sequence[Row]) -> None:
    """Change records that were found and locked: in a statement of its own, which sees what the lock has waited for."""
    if found:
        now = max(row[1] for row in found)
        connection.execute(statement, {"ids": arrays.texts(row[0] for row in found), "now": now})
