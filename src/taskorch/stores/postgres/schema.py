"""The tables, and how a database comes to have them: one migration after the other, each in a transaction.

``line``: where entries may wait, a queue and a set of tags (JSON text); lines are few and stay. ``process``: the store
objects that hold leases. ``record``: one row for a record, with its lease and its waiting entry. ``place`` and ``look``
say where the entry belongs now and when to look again (``Standing.place``); each place has an index of its own, so a
claim reads from the head of ``ready``, however much waits behind it, and takes an entry away from it without putting it
into another as big. ``mail``: whether there are unread messages. ``past``: the numbers of units kept under epochs
before the last. ``forgotten``: one row with the highest epoch of what was forgotten. ``fact``: the journals; ``xid`` is
the transaction that wrote a row. ``message``: what is told to runs. ``gate``: one row for each tag or queue with a
limit, locked by whoever counts.
"""

import psycopg
from psycopg import sql

from taskorch.errors import StoreUnreadable
from taskorch.stores.postgres.address import Address

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE process (
            key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, identity text COLLATE "C" NOT NULL UNIQUE
        )""",
        """CREATE TABLE line (
            key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            queue text COLLATE "C" NOT NULL,
            tags text COLLATE "C" NOT NULL,
            UNIQUE (queue, tags)
        )""",
        """CREATE TABLE record (
            version bigint NOT NULL,
            epoch bigint NOT NULL DEFAULT 0,
            number bigint NOT NULL DEFAULT 0,
            losses bigint NOT NULL DEFAULT 0,
            until bigint,
            due bigint,
            look bigint,
            finished_at bigint,
            process integer,
            line integer,
            place smallint,
            wakes boolean,
            mail boolean NOT NULL DEFAULT false,
            id text COLLATE "C" PRIMARY KEY,
            rank text COLLATE "C",
            owner text,
            state text COLLATE "C" NOT NULL,
            parent text COLLATE "C",
            body text NOT NULL
        ) WITH (autovacuum_vacuum_scale_factor = 0.05)""",
        "CREATE INDEX ready ON record (line, rank, id) WHERE place = 1",
        "CREATE INDEX later ON record (line, look) WHERE place = 2",
        "CREATE INDEX look ON record (place, look, line) WHERE look IS NOT NULL",
        "CREATE INDEX held ON record (process, place, line) WHERE owner IS NOT NULL",
        "CREATE INDEX child ON record (parent, id) WHERE parent IS NOT NULL",
        "CREATE INDEX finished ON record (finished_at) WHERE finished_at IS NOT NULL",
        """CREATE TABLE past (
            run text COLLATE "C", epoch bigint, number bigint NOT NULL, PRIMARY KEY (run, epoch)
        )""",
        "CREATE TABLE forgotten (epoch bigint NOT NULL)",
        "INSERT INTO forgotten VALUES (0)",
        """CREATE TABLE fact (
            seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
            run text COLLATE "C" NOT NULL,
            facts text NOT NULL
        )""",
        "CREATE INDEX fact_run ON fact (run, seq)",
        "CREATE INDEX fact_xid ON fact (xid, seq)",
        """CREATE TABLE message (
            id text COLLATE "C" PRIMARY KEY,
            seq bigint GENERATED ALWAYS AS IDENTITY,
            run text COLLATE "C" NOT NULL,
            body text NOT NULL,
            unread boolean NOT NULL DEFAULT true
        )""",
        "CREATE INDEX message_unread ON message (run, seq) WHERE unread",
        "CREATE INDEX message_run ON message (run)",
        'CREATE TABLE gate (name text COLLATE "C" PRIMARY KEY)',
    ),
)
"""What makes each version out of the one before; a migration that was released is never changed."""

VERSION = len(MIGRATIONS)
OLDEST_SERVER = 140000

# The tables are used by their indexes alone. The planner's guesses, made while they are almost empty, would outlive
# their growth in a prepared statement. And as there is one good plan for each statement, it is not made anew each time.
_SETTINGS = "SELECT set_config('search_path', %s, false), set_config('jit', 'off', false)"
_INDEXES = "SELECT set_config('enable_seqscan', 'off', false), set_config('enable_bitmapscan', 'off', false)"
_PLANS = "SELECT set_config('plan_cache_mode', 'force_generic_plan', false)"
# What is counted behind a lock must be as it is once the lock is ours, not as it was when the transaction began; a
# database or a user may have another default.
_ISOLATION = "SELECT set_config('default_transaction_isolation', 'read committed', false)"
_OF_ANOTHER_SERVER = "SELECT 1 FROM fact WHERE xid >= pg_snapshot_xmax(pg_current_snapshot()) LIMIT 1"
_MADE_OLD = "UPDATE fact SET xid = '3' WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())"


def enter(connection: psycopg.Connection, schema: str) -> None:
    """Make the names of our tables mean those of *schema*, for as long as the connection lives."""
    connection.execute(_SETTINGS, (sql.Identifier(schema).as_string(connection),))
    connection.execute(_INDEXES)
    connection.execute(_PLANS)
    connection.execute(_ISOLATION)


def migrate(connection: psycopg.Connection, schema: str, address: Address) -> None:
    """Bring *schema*, whose names are entered, to our version; make it if there is none.

    Raises:
        StoreUnreadable: The schema is of a later version, or the server is too old.
        psycopg.Error: The database does not let us.
    """
    while version_of(connection, schema, address) < VERSION:
        with connection.transaction():
            # One at a time, whoever comes first; the others then find it done.
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('taskorch ' || %s, 0))", (schema,))
            found = version_of(connection, schema, address)
            if found >= VERSION:
                continue
            if found == 0:
                if connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (schema,)).fetchone() is None:
                    # Not IF NOT EXISTS: that asks for the right to make schemas even where there is nothing to make.
                    connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
                connection.execute("CREATE TABLE migration (version integer PRIMARY KEY, at timestamptz NOT NULL)")
            for statement in MIGRATIONS[found]:
                connection.execute(statement)
            connection.execute("INSERT INTO migration VALUES (%s, clock_timestamp())", (found + 1,))
    # A dump that was restored brings the numbers of another server's transactions. Readers of events would wait until
    # this server has come that far, so what is there already counts as older than all that is still to come.
    if connection.execute(_OF_ANOTHER_SERVER).fetchone() is not None:
        connection.execute(_MADE_OLD)


def version_of(connection: psycopg.Connection, schema: str, address: Address) -> int:
    """The version of *schema*, whose names are entered; 0 if there is none. Nothing is changed.

    Raises:
        StoreUnreadable: The schema is of a later version, or the server is too old.
        psycopg.Error: The database does not let us.
    """
    if connection.info.server_version < OLDEST_SERVER:
        raise StoreUnreadable(address.name, "is older than PostgreSQL 14; use a server of a later version")
    # By a look at the rows of the catalogue: what the server remembers of names may be older than our lock.
    row = connection.execute(
        "SELECT 1 FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
        "WHERE nspname = %s AND relname = 'migration'",
        (schema,),
    ).fetchone()
    if row is None:
        return 0
    row = connection.execute("SELECT max(version) FROM migration").fetchone()
    found = int((row and row[0]) or 0)
    if found > VERSION:
        raise StoreUnreadable(
            address.name,
            f"the schema {schema!r} is of version {found}, and this taskorch knows {VERSION}; use a later taskorch, "
            "or another schema",
        )
    return found
