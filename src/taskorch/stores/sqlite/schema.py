"""What the database holds: its tables, and the marks by which a file is known as ours.

The tables are made in one transaction *before* the file is switched to a write-ahead log. So the marks stand
in the first hundred bytes of the file from its first valid moment, and a file that is not ours is recognised
by reading them, without opening (and so perhaps changing) it as a database.
"""

import sqlite3
import struct

HEADER_SIZE = 100
_MAGIC = b"SQLite format 3\0"
_MARKS = struct.Struct(">60xI4xI")

APPLICATION = 0x746F7263
"""Written into the file's header as its application id: "torc"."""

VERSION = 1
"""The version of the tables below, written into the file's header."""

MARKS = "SELECT application_id, user_version FROM pragma_application_id, pragma_user_version"
OBJECTS = "SELECT count(*) FROM sqlite_master"

TABLES = (
    """
    CREATE TABLE record (
        id TEXT PRIMARY KEY,
        version INTEGER NOT NULL,
        body TEXT NOT NULL
    )
    """,
    # One row per claim. The living lease is the row with an owner; number is that of the last unit kept under
    # it. Beside the record rather than in it: every unit writes the number, and bodies are long.
    """
    CREATE TABLE lease (
        run TEXT NOT NULL REFERENCES record (id),
        epoch INTEGER NOT NULL,
        owner TEXT,
        number INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (run, epoch)
    ) WITHOUT ROWID
    """,
    "CREATE UNIQUE INDEX living_lease ON lease (run) WHERE owner IS NOT NULL",
    # One row per unit, only ever appended. facts is NULL for a unit without any: the row is just its cursor.
    """
    CREATE TABLE journal (
        cursor INTEGER PRIMARY KEY,
        run TEXT NOT NULL,
        facts TEXT
    )
    """,
    "CREATE INDEX journal_of_run ON journal (run) WHERE facts IS NOT NULL",
    "PRAGMA application_id = " + str(APPLICATION),
    "PRAGMA user_version = " + str(VERSION),
)


def marks(header: bytes) -> tuple[int, int] | None:
    """The application id and schema version in the first ``HEADER_SIZE`` bytes of a file.

    Returns:
        The two, or None if these are not the first bytes of a SQLite database.
    """
    if len(header) < HEADER_SIZE or not header.startswith(_MAGIC):
        return None
    version, application = _MARKS.unpack_from(header)
    return application, version


def objection(application: int, version: int) -> str | None:
    """Why a database with these marks is not for us, and what to do; None if it is."""
    if application != APPLICATION:
        return (
            f"is a database of another application (id {application:#x}); it was left as it is; "
            "give the path of a taskorch store, or one where no file is yet"
        )
    if version != VERSION:
        return (
            f"has schema version {version}, and this taskorch reads version {VERSION}; it was left as it is; "
            "use the version of taskorch that wrote it, or another file"
        )
    return None


def create(connection: sqlite3.Connection) -> None:
    """Make the tables and marks in an empty database, all in one transaction."""
    connection.execute("BEGIN EXCLUSIVE")
    for statement in TABLES:
        connection.execute(statement)
    connection.execute("COMMIT")
