"""Claims: which entries are given out, exactly however many ask at once."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

import attrs
import psycopg

from taskorch.core.receipts import Claimed
from taskorch.core.selection import Lane
from taskorch.stores.picking import Line, pick
from taskorch.stores.postgres import arrays
from taskorch.stores.postgres.leasing import Claimant, grant, move_due, transaction
from taskorch.stores.postgres.lines import Lines
from taskorch.stores.postgres.rows import COLUMNS, LINE, NOTHING, NOW, NOW_ONCE, RANK, Row
from taskorch.stores.postgres.tables import lock_gates

# One step of the index for each line, however many entries are in it.
_LINES = """
    WITH RECURSIVE found AS (
        (SELECT line FROM record WHERE place = 1 ORDER BY line LIMIT 1)
        UNION ALL
        SELECT (SELECT line FROM record WHERE place = 1 AND line > found.line ORDER BY line LIMIT 1)
        FROM found WHERE found.line IS NOT NULL
    ) SELECT line FROM found WHERE line IS NOT NULL
"""
# And a zero, which is no line, if somebody's time has come.
_LINES_AND_NEWS = f"""
    {_LINES} UNION ALL SELECT 0 WHERE EXISTS (SELECT FROM record WHERE place = ANY('{{0,2}}') AND look <= {NOW_ONCE})
"""
_LEASED = f"""
    SELECT line, count(*) FROM record
    WHERE owner IS NOT NULL AND place = 0 AND line IS NOT NULL AND (look IS NULL OR look > {NOW_ONCE}) GROUP BY line
"""
_HEADS = f"""
    SELECT head.*, NULL FROM unnest(%s::integer[], %s::bigint[]) AS asked (line, most)
    CROSS JOIN LATERAL (
        SELECT {COLUMNS}, body, ctid FROM record WHERE record.line = asked.line AND place = 1
        ORDER BY rank, id LIMIT asked.most FOR UPDATE SKIP LOCKED
    ) AS head
    UNION ALL SELECT {NOTHING}, NULL, NULL, {NOW}
"""
_FEW = 4
"""So many lines are read as far as a claim may go at once; of more, only the heads at first."""


class _TooShortError(Exception):
    """A line went on where we had read no further."""


@attrs.frozen
class Claim:
    """What is asked for, and by whom; see ``Store.claim``."""

    claimant: Claimant
    lanes: Sequence[Lane]
    limits: Mapping[str, int]
    n: int


def claim(connection: psycopg.Connection, lines: Lines, asked: Claim) -> list[Claimed]:
    """Give out what is asked for."""
    queues = {queue for lane in asked.lanes for queue in lane.queues}
    if asked.n <= 0 or not queues:
        return []
    found = _lines(connection, lines, queues)
    if not found:
        return []
    limited = {tag for key in found for tag in lines.line(key)[1] if tag in asked.limits}
    given: list[Claimed] = []
    with transaction(connection, given):
        leased = Counter[str]()
        if limited:
            # Without it two that count at once would both find room.
            lock_gates(connection, "tag ", limited)
            counts = connection.execute(_LEASED).fetchall()
            lines.learn(connection, (key for key, _ in counts))
            for key, count in counts:
                leased.update(dict.fromkeys(lines.line(key)[1], count))
        rows, now = _picked(connection, lines, asked, found, leased)
        given += grant(connection, lines, rows, asked.claimant, now)
    return given


def _lines(connection: psycopg.Connection, lines: Lines, queues: Collection[str]) -> list[int]:
    """The lines of *queues* in which entries are due."""
    keys = [key for (key,) in connection.execute(_LINES_AND_NEWS)]
    if 0 in keys:
        move_due(connection)
        keys = [key for (key,) in connection.execute(_LINES)]
    lines.learn(connection, keys)
    return [key for key in keys if lines.line(key)[0] in queues]


def _picked(
    connection: psycopg.Connection, lines: Lines, asked: Claim, keys: Sequence[int], leased: Counter[str]
) -> tuple[list[Row], int]:
    """The rows that are claimed, in order, and the time."""
    most = asked.n if len(keys) <= _FEW else min(asked.n, max(8, 2 * asked.n // len(keys)))
    while True:
        bounds = {key: min(most, _room(lines.line(key)[1], asked.limits, leased)) for key in keys}
        rows, now = _heads(connection, bounds)
        if len(keys) == 1 and len(asked.lanes) == 1 and not asked.limits:
            quota = asked.lanes[0].quota
            return rows if quota is None else rows[: max(quota, 0)], now
        heads = _Heads(rows, lines, {key for key, bound in bounds.items() if bound == most < asked.n}, most)
        try:
            ids = pick(asked.lanes, heads.lines, leased.copy(), asked.limits, asked.n)
        except _TooShortError:
            most = min(asked.n, most * 8)
            continue
        by_id = {row[0]: row for row in rows}
        return [by_id[id] for id in ids], now


def _room(tags: Sequence[str], limits: Mapping[str, int], leased: Counter[str]) -> int:
    return max(min((limits[tag] - leased[tag] for tag in tags if tag in limits), default=2**31), 0)


def _heads(connection: psycopg.Connection, bounds: Mapping[int, int]) -> tuple[list[Row], int]:
    """The first rows of each line, locked; what others have in hand is left out."""
    wanted = {key: bound for key, bound in bounds.items() if bound > 0}
    *rows, end = connection.execute(_HEADS, (arrays.numbers(wanted), arrays.numbers(wanted.values()))).fetchall()
    return rows, end[-1]


class _Heads:
    """The heads of lines as ``pick`` wants them.

    Args:
        rows: The rows.
        lines: What is known of lines.
        bounded: The lines that may go on behind what was read.
        most: How many were read of those.
    """

    def __init__(self, rows: Sequence[Row], lines: Lines, bounded: set[int], most: int) -> None:
        self._bounded, self._most = bounded, most
        self._lines: dict[str, dict[int, tuple[tuple[str, ...], list[tuple[str, str]]]]] = {}
        for row in rows:
            queue, tags = lines.line(row[LINE])
            self._lines.setdefault(queue, {}).setdefault(row[LINE], (tags, []))[1].append((row[RANK], row[0]))

    def lines(self, queue: str) -> Iterator[Line]:
        """The lines of a queue."""
        for key, (tags, heads) in self._lines.get(queue, {}).items():
            yield tags, self._line(heads, goes_on=key in self._bounded and len(heads) == self._most)

    def _line(self, heads: Sequence[tuple[str, str]], *, goes_on: bool) -> Iterator[tuple[str, str]]:
        yield from heads
        if goes_on:
            raise _TooShortError
