"""The lines entries wait in, each a queue and a set of tags, and the numbers they have in the database."""

import json
from collections.abc import Iterable, Sequence

import psycopg

from taskorch.stores.postgres import arrays

Line = tuple[str, tuple[str, ...]]
"""A queue and the tags of those who wait in it together."""

_BY_KEY = "SELECT key, queue, tags FROM line WHERE key = ANY(%s::integer[])"
_BY_LINE = (
    "SELECT key, queue, tags FROM line JOIN unnest(%s::text[], %s::text[]) AS new (queue, tags) USING (queue, tags)"
)
_ADD = """
    INSERT INTO line (queue, tags) SELECT * FROM unnest(%s::text[], %s::text[]) ORDER BY 1, 2 ON CONFLICT DO NOTHING
"""


class Lines:
    """What is known of them: they are few, never change and are never taken away, so that it stays true."""

    def __init__(self) -> None:
        self._keys: dict[Line, int] = {}
        self._lines: dict[int, Line] = {}

    def key(self, queue: str, tags: tuple[str, ...]) -> int:
        """The number of a line that was made sure of."""
        return self._keys[queue, tags]

    def line(self, key: int) -> Line:
        """The line of a number that was learned."""
        return self._lines[key]

    def ensure(self, connection: psycopg.Connection, wanted: Iterable[Line]) -> None:
        """Make sure that *wanted* have numbers: outside of any transaction, whose end might take them back."""
        unknown = [line for line in dict.fromkeys(wanted) if line not in self._keys]
        if not unknown:
            return
        columns = arrays.texts(queue for queue, _ in unknown), arrays.texts(text_of(tags) for _, tags in unknown)
        self._note(connection.execute(_BY_LINE, columns).fetchall())
        if not all(line in self._keys for line in unknown):
            connection.execute(_ADD, columns)
            self._note(connection.execute(_BY_LINE, columns).fetchall())

    def learn(self, connection: psycopg.Connection, keys: Iterable[int | None]) -> None:
        """Get to know the lines of *keys*."""
        unknown = [key for key in dict.fromkeys(keys) if key is not None and key not in self._lines]
        if unknown:
            self._note(connection.execute(_BY_KEY, (arrays.numbers(unknown),)).fetchall())

    def _note(self, rows: Sequence[tuple[int, str, str]]) -> None:
        for key, queue, text in rows:
            line = queue, tags_of(text)
            self._keys[line] = key
            self._lines[key] = line


def tags_of(text: str) -> tuple[str, ...]:
    """The tags in *text*."""
    return () if text == "[]" else tuple(json.loads(text))


def text_of(tags: tuple[str, ...]) -> str:
    """The text of *tags*."""
    return json.dumps(tags, separators=(",", ":")) if tags else "[]"
