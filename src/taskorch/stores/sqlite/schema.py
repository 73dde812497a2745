"""What the database holds: its tables, and the marks by which a file is known as ours.

The tables are made in one transaction *before* the file is switched to a write-ahead log. So the marks stand
in the first hundred bytes of the file from its first valid moment, and a file that is not ours is recognised
by reading them, without opening (and so perhaps changing) it as a database.
"""

import sqlite3
import struct

from taskorch.stores.sqlite.migrations import MIGRATIONS

HEADER_SIZE = 100
_MAGIC = b"SQLite format 3\0"
_MARKS = struct.Struct(">60xI4xI")

APPLICATION = 0x746F7263
"""Written into the file's header as its application id: "torc"."""

VERSION = 2
"""The version of the tables below, written into the file's header."""

MARKS = "SELECT application_id, user_version FROM pragma_application_id, pragma_user_version"
OBJECTS = "SELECT count(*) FROM sqlite_master"

TABLES = (
    # The processes that hold leases or did, by what they are known by, and their version of SQLite.
    "CREATE TABLE process (key INTEGER PRIMARY KEY AUTOINCREMENT, identity TEXT NOT NULL UNIQUE, library TEXT)",
    # Where entries may wait: a queue and a set of tags.
    "CREATE TABLE line (key INTEGER PRIMARY KEY, queue TEXT NOT NULL, tags TEXT NOT NULL, UNIQUE (queue, tags))",
    # A record and how it stands. place and look are what Standing.place() says: 0 leased, 1 ready, 2 later; when to
    # look again. The body comes last, and units that only append facts do not touch the row: bodies may be long.
    """
    CREATE TABLE record (
        key INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        version INTEGER NOT NULL,
        state TEXT NOT NULL DEFAULT '',
        parent TEXT,
        finished_at INTEGER,
        epoch INTEGER NOT NULL DEFAULT 0,
        owner TEXT,
        process TEXT NOT NULL DEFAULT '',
        until INTEGER,
        number INTEGER NOT NULL DEFAULT 0,
        losses INTEGER NOT NULL DEFAULT 0,
        mail INTEGER NOT NULL DEFAULT 0,
        line INTEGER,
        rank TEXT,
        due INTEGER,
        wakes INTEGER,
        place INTEGER,
        look INTEGER,
        body TEXT NOT NULL
    )
    """,
    "CREATE INDEX ready ON record (line, rank, id) WHERE place = 1",
    "CREATE INDEX later ON record (line) WHERE place = 2",
    "CREATE INDEX held ON record (process, place, line) WHERE owner IS NOT NULL",
    "CREATE INDEX look ON record (look, line) WHERE look IS NOT NULL",
    "CREATE INDEX child ON record (parent, id) WHERE parent IS NOT NULL",
    "CREATE INDEX finished ON record (finished_at) WHERE finished_at IS NOT NULL",
    # The numbers of the last units under epochs before the last one, where the journal does not tell them.
    """
    CREATE TABLE past (
        record INTEGER NOT NULL REFERENCES record (key),
        epoch INTEGER NOT NULL,
        number INTEGER NOT NULL,
        PRIMARY KEY (record, epoch)
    ) WITHOUT ROWID
    """,
    # One row per unit with facts, only ever appended. It also tells the number of an owner's unit.
    """
    CREATE TABLE journal (
        cursor INTEGER PRIMARY KEY,
        record INTEGER NOT NULL REFERENCES record (key),
        epoch INTEGER NOT NULL,
        number INTEGER NOT NULL,
        facts TEXT NOT NULL
    )
    """,
    "CREATE INDEX journal_of_record ON journal (record)",
    # The last cursor and the last epoch of what was forgotten: neither is given twice.
    "CREATE TABLE forgotten (cursor INTEGER NOT NULL, epoch INTEGER NOT NULL)",
    "INSERT INTO forgotten VALUES (0, 0)",
    # Read ones stay as long as their run: who sends one again must be told that it was sent.
    """
    CREATE TABLE message (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        record INTEGER NOT NULL REFERENCES record (key),
        unread INTEGER NOT NULL,
        body TEXT NOT NULL
    )
    """,
    "CREATE INDEX mail ON message (record, unread)",
)

_MARK = (
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
    if version != VERSION and version not in MIGRATIONS:
        return (
            f"has schema version {version}, and this taskorch reads versions {min(MIGRATIONS)} to {VERSION}; it was "
            "left as it is; use the version of taskorch that wrote it, or another file"
        )
    return None


def create(connection: sqlite3.Connection) -> None:
    """Make the tables and marks in an empty database, all in one transaction."""
    _change(connection, 0, (*TABLES, *_MARK))


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring a database of an older *version* up to this one, all in one transaction."""
    step = MIGRATIONS[version]
    _change(connection, version, (*step.before, *TABLES, *step.after, *_MARK))


def _change(connection: sqlite3.Connection, version: int, statements: tuple[str, ...]) -> None:
    """Do it all or nothing, unless another process has done so meanwhile."""
    connection.execute("BEGIN EXCLUSIVE")
    try:
        if connection.execute(MARKS).fetchone()[1] == version:
            for statement in statements:
                connection.execute(statement)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
