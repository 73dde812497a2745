"""Build the database: the lookup tables, the clean flights and the quarantined ones.

The database enforces the references of the table `flights`. If the quarantine was needed
and failed, loading fails too, rather than let unknown airports in.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from flightdata import FLIGHTS, LOOKUP_TABLES, QUARANTINED_FLIGHTS, Table, read_table
from workdir import Result, StepError, replacing, run


def load(work: Path) -> str:
    files = {work / f"{table.name}.csv": table for table in LOOKUP_TABLES}
    if (work / Result.CLEAN).exists():
        files[work / Result.CLEAN] = FLIGHTS
        files[work / Result.QUARANTINED] = QUARANTINED_FLIGHTS
    else:
        files[work / Result.FLIGHTS] = FLIGHTS

    with (
        replacing(work / Result.DATABASE) as temporary,
        closing(sqlite3.connect(temporary)) as database,
    ):
        create_tables(database)
        with database:
            counts = {table.name: insert_rows(database, path, table) for path, table in files.items()}
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def create_tables(database: sqlite3.Connection) -> None:
    # Nobody sees the file before it is whole, so that it needs no protection on disk.
    database.execute("PRAGMA journal_mode = MEMORY")
    database.execute("PRAGMA synchronous = OFF")
    database.execute("PRAGMA foreign_keys = ON")
    for table in (*LOOKUP_TABLES, FLIGHTS, QUARANTINED_FLIGHTS):
        parts = [f"{column} {sql_type}" for column, sql_type in table.columns.items()]
        parts.append(f"PRIMARY KEY ({', '.join(table.key)})")
        parts += [f"FOREIGN KEY ({column}) REFERENCES {other.name}" for column, other in table.references.items()]
        database.execute(f"CREATE TABLE {table.name} ({', '.join(parts)})")
    columns = ", ".join(FLIGHTS.columns)
    selects = [
        f"SELECT {columns} FROM {table.name}"  # noqa: S608 (names of ours)
        for table in (FLIGHTS, QUARANTINED_FLIGHTS)
    ]
    database.execute(f"CREATE VIEW all_flights AS {' UNION ALL '.join(selects)}")


def insert_rows(database: sqlite3.Connection, path: Path, table: Table) -> int:
    places = ", ".join("?" * len(table.columns))
    command = f"INSERT INTO {table.name} VALUES ({places})"  # noqa: S608 (names of ours)
    rows = ([value or None for value in row.values()] for row in read_table(path))
    try:
        inserted = database.executemany(command, rows)
    except sqlite3.IntegrityError as error:
        raise StepError(f"{path} breaks a rule of the database: {error}") from error
    return inserted.rowcount


if __name__ == "__main__":
    run(load)
