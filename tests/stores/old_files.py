"""Files as older versions wrote them."""

from taskorch.stores.sqlite import schema

VERSION_1 = (
    "CREATE TABLE record (id TEXT PRIMARY KEY, version INTEGER NOT NULL, body TEXT NOT NULL)",
    """
    CREATE TABLE lease (
        run TEXT NOT NULL REFERENCES record (id), epoch INTEGER NOT NULL, owner TEXT,
        number INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (run, epoch)
    ) WITHOUT ROWID
    """,
    "CREATE UNIQUE INDEX living_lease ON lease (run) WHERE owner IS NOT NULL",
    "CREATE TABLE journal (cursor INTEGER PRIMARY KEY, run TEXT NOT NULL, facts TEXT)",
    "CREATE INDEX journal_of_run ON journal (run) WHERE facts IS NOT NULL",
    f"PRAGMA application_id = {schema.APPLICATION}",
    "PRAGMA user_version = 1",
)
"""The statements by which version 1 made its tables; then it switched to a write-ahead log."""
