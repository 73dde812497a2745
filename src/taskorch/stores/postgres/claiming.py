"""Claims: which entries are given out, exactly however many ask at once."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import attrs
import psycopg

from taskorch.core.receipts import Claimed
from taskorch.core.selection import Lane
from taskorch.stores.picking import Line, pick
from taskorch.stores.postgres import arrays
from taskorch.stores.postgres.leasing import Claimant, grant, move_due, transaction
from taskorch.stores.postgres.rows import COLUMNS, NOW, NOW_ONCE, Row, tags_of
from taskorch.stores.postgres.tables import lock_gates

# One step of the index for each line, however many entries are in it.
_LINES = """
    WITH RECURSIVE line AS (
        SELECT queue, (SELECT tags FROM record WHERE record.queue = asked.queue AND place = 1
                       ORDER BY tags LIMIT 1) AS tags
        FROM unnest(%s::text[]) AS asked (queue)
        UNION ALL
        SELECT queue, (SELECT tags FROM record WHERE record.queue = line.queue AND place = 1
                       AND record.tags > line.tags ORDER BY tags LIMIT 1)
        FROM line WHERE tags IS NOT NULL
    ) SELECT queue, tags FROM line WHERE tags IS NOT NULL
"""
_HAS_COME = f"SELECT EXISTS (SELECT FROM record WHERE queue = ANY(%s::text[]) AND look <= {NOW_ONCE})"
_LEASED = f"""
    SELECT tags, count(*) FROM record
    WHERE place = 0 AND tags <> '[]' AND (look IS NULL OR look > {NOW_ONCE}) GROUP BY tags
"""
_HEADS = f"""
    SELECT head.*, line.queue FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS line (queue, tags, most)
    CROSS JOIN LATERAL (
        SELECT {COLUMNS}, body FROM record
        WHERE record.queue = line.queue AND place = 1 AND record.tags = line.tags
        ORDER BY rank, id LIMIT line.most FOR UPDATE SKIP LOCKED
    ) AS head
"""
_RANK = COLUMNS.split(", ").index("rank")
_TAGS = COLUMNS.split(", ").index("tags")
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


def claim(connection: psycopg.Connection, asked: Claim) -> list[Claimed]:
    """Give out what is asked for."""
    queues = list(dict.fromkeys(queue for lane in asked.lanes for queue in lane.queues))
    if asked.n <= 0 or not queues:
        return []
    lines = _lines(connection, queues)
    if not lines:
        return []
    limited = {tag for _, text in lines for tag in tags_of(text) if tag in asked.limits}
    with transaction(connection):
        leased = Counter[str]()
        if limited:
            # Without it two that count at once would both find room.
            lock_gates(connection, "tag ", limited)
            for text, count in connection.execute(_LEASED):
                leased.update(dict.fromkeys(tags_of(text), count))
        rows, now = _picked(connection, asked, lines, leased)
        return grant(connection, rows, asked.claimant, now)


def _lines(connection: psycopg.Connection, queues: Sequence[str]) -> list[tuple[str, str]]:
    """The lines of *queues* in which entries are due: each the queue and its tags as text."""
    wanted = arrays.texts(queues)
    with connection.pipeline():
        come = connection.execute(_HAS_COME, (wanted,))
        found = connection.execute(_LINES, (wanted,))
        has_come = come.fetchall()[0][0]
        lines: list[tuple[str, str]] = found.fetchall()
    if has_come:
        move_due(connection, queues)
        lines = connection.execute(_LINES, (wanted,)).fetchall()
    return lines


def _picked(
    connection: psycopg.Connection, asked: Claim, lines: Sequence[tuple[str, str]], leased: Counter[str]
) -> tuple[list[Row], int]:
    """The rows that are claimed, in order, and the time."""
    most = asked.n if len(lines) <= _FEW else min(asked.n, max(8, 2 * asked.n // len(lines)))
    while True:
        bounds = {line: min(most, _room(line[1], asked.limits, leased)) for line in lines}
        rows, now = _heads(connection, bounds)
        heads = _Heads(rows, {line for line, bound in bounds.items() if bound == most < asked.n}, most)
        try:
            ids = pick(asked.lanes, heads.lines, leased.copy(), asked.limits, asked.n)
        except _TooShortError:
            most = min(asked.n, most * 8)
            continue
        by_id = {row[0]: row for row in rows}
        return [by_id[id] for id in ids], now


def _room(tags: str, limits: Mapping[str, int], leased: Counter[str]) -> int:
    return max(min((limits[tag] - leased[tag] for tag in tags_of(tags) if tag in limits), default=2**31), 0)


def _heads(connection: psycopg.Connection, bounds: Mapping[tuple[str, str], int]) -> tuple[list[Row], int]:
    """The first rows of each line, locked; what others have in hand is left out."""
    wanted = [(*line, bound) for line, bound in bounds.items() if bound > 0]
    columns = (
        arrays.texts(queue for queue, _, _ in wanted),
        arrays.texts(tags for _, tags, _ in wanted),
        arrays.numbers(bound for _, _, bound in wanted),
    )
    found = connection.execute(_HEADS, columns)
    clock = connection.execute(f"SELECT {NOW}")
    return found.fetchall(), clock.fetchall()[0][0]


class _Heads:
    """The heads of lines as ``pick`` wants them.

    Args:
        rows: The rows.
        bounded: The lines that may go on behind what was read.
        most: How many were read of those.
    """

    def __init__(self, rows: Sequence[Row], bounded: set[tuple[str, str]], most: int) -> None:
        self._bounded, self._most = bounded, most
        self._lines: dict[str, dict[str, list[tuple[str, str]]]] = {}
        for row in rows:
            self._lines.setdefault(row[-1], {}).setdefault(row[_TAGS], []).append((row[_RANK], row[0]))

    def lines(self, queue: str) -> Iterator[Line]:
        """The lines of a queue."""
        for tags, heads in self._lines.get(queue, {}).items():
            goes_on = (queue, tags) in self._bounded and len(heads) == self._most
            yield tags_of(tags), self._line(heads, goes_on=goes_on)

    def _line(self, heads: Sequence[tuple[str, str]], *, goes_on: bool) -> Iterator[tuple[str, str]]:
        yield from heads
        if goes_on:
            raise _TooShortError
