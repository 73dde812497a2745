"""The verbs that change something, within a transaction. Everything here runs in the writer's thread."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from taskorch.core.receipts import Claimed, Receipt, Refusal, Refused, Renewed
from taskorch.core.selection import Lane
from taskorch.core.unit import Unit
from taskorch.stores.clock import end_of
from taskorch.stores.picking import Line, pick
from taskorch.stores.settlement import Settlement
from taskorch.stores.sqlite.tables import Tables

_LEASED = "SELECT line, count(*) FROM record WHERE owner IS NOT NULL AND place = 0 AND line IS NOT NULL GROUP BY line"
_LINE = "SELECT rank, id FROM record WHERE place = 1 AND line = ? ORDER BY rank, id"
_OLD = """
    SELECT key FROM record
    WHERE finished_at < ? AND NOT (owner IS NOT NULL AND coalesce(until > ?, 1)) ORDER BY finished_at LIMIT ?
"""
_FORGET = (
    "UPDATE forgotten SET epoch = max(epoch, coalesce((SELECT epoch FROM record WHERE key = ?), 0))",
    "UPDATE forgotten SET cursor = max(cursor, coalesce((SELECT max(cursor) FROM journal WHERE record = ?), 0))",
    "DELETE FROM journal WHERE record = ?",
    "DELETE FROM message WHERE record = ?",
    "DELETE FROM past WHERE record = ?",
    "DELETE FROM record WHERE key = ?",
)

_Key = tuple[int, tuple[str, ...]]
"""A line, by its row, and its tags."""


@attrs.frozen
class Claimant:
    """Who wants leases.

    Attributes:
        owner: What it is called in messages.
        length: How long its leases live, in microseconds; None as long as it does.
    """

    owner: str
    length: int | None


def apply(tables: Tables, units: Sequence[tuple[Unit, str | None]]) -> list[Receipt]:
    """Keep *units*, each with its facts as written; see ``Store.apply``."""
    if any(unit.rooms for unit, _ in units):
        tables.look()
    return Settlement(tables, tables.now).settle(units)


def claim(
    tables: Tables, claimant: Claimant, lanes: Sequence[Lane], limits: Mapping[str, int], n: int
) -> list[Claimed]:
    """Give leases of what is due; see ``Store.claim``."""
    tables.look()
    leased = _leased(tables) if limits else Counter[str]()
    ready = tables.ready()
    ids = pick(lanes, lambda queue: _lines(tables, ready.get(queue, ())), leased, limits, n)
    return _granted(tables, ids, claimant)


def lease(tables: Tables, claimant: Claimant, id: str, *, force: bool) -> list[Claimed | Refused]:
    """Give the lease of the record *id*, or say why not; see ``Store.lease``."""
    standing = tables.standing(id)
    if standing is None:
        return [Refused(Refusal.UNKNOWN, id=id)]
    if not force and (busy := standing.busy(tables.now)) is not None:
        return [busy]
    return [*_granted(tables, [id], claimant)]


def renew(tables: Tables, leases: Sequence[tuple[str, int]], length: int | None) -> list[Renewed | Refused]:
    """Let leases live on; see ``Store.renew``."""
    return [_renewed(tables, run, epoch, end_of(tables.now, length)) for run, epoch in leases]


def give_back(tables: Tables, leases: Sequence[tuple[str, int]]) -> None:
    """Release leases that nobody knows of, those that are still current, and ours."""
    for id, epoch in leases:
        standing = tables.standing(id)
        if standing is not None and standing.is_current(epoch) and standing.process == tables.cache.process:
            standing.owner = None
            tables.save(standing)


def trim(tables: Tables, finished_before: int, n: int) -> int:
    """Forget what finished long ago; see ``Store.trim``."""
    keys = tables.connection.execute(_OLD, (finished_before, tables.now, max(n, 0))).fetchall()
    for statement in _FORGET:
        tables.connection.executemany(statement, keys)
    tables.cache.forget()
    return len(keys)


def _leased(tables: Tables) -> Counter[str]:
    """How many living leases have each tag."""
    leased = Counter[str]()
    for line, count in tables.connection.execute(_LEASED).fetchall():
        leased.update(dict.fromkeys(tables.cache.lines.line(tables.connection, line)[1], count))
    return leased


def _lines(tables: Tables, keys: Iterable[_Key]) -> Iterator[Line]:
    """The lines of these keys, each from its beginning."""
    return ((tags, iter(tables.connection.execute(_LINE, (key,)))) for key, tags in keys)


def _granted(tables: Tables, ids: Sequence[str], claimant: Claimant) -> list[Claimed]:
    """Give leases of records that there are."""
    until, claims = end_of(tables.now, claimant.length), []
    for standing, body in tables.whole(ids):
        past = standing.grant(claimant.owner, tables.cache.process, until)
        tables.save(standing)
        tables.remember(standing.id, past)
        record = standing.record(body, tables.now)
        claims.append(Claimed(epoch=standing.epoch, record=record, losses=standing.losses))
    # If the end of the transaction fails, nobody hears of these, and the next one gives them back.
    tables.cache.doubtful += [(claimed.record.id, claimed.epoch) for claimed in claims]
    return claims


def _renewed(tables: Tables, run: str, epoch: int, until: int | None) -> Renewed | Refused:
    standing = tables.standing(run)
    if standing is None:
        return Refused(Refusal.STALE_LEASE, id=run)
    answer = standing.renew(epoch, until, tables.now)
    tables.save(standing)
    return answer
