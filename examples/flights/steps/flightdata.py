"""The tables of a month of flights: their columns, their keys and what they refer to.

Each table is described once; the description checks the input, writes the CSV files and
creates the tables of the database.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

Row = dict[str, str]


@dataclass(frozen=True)
class Table:
    """One kind of CSV file and the database table that is made of it."""

    name: str
    key: tuple[str, ...]
    columns: Mapping[str, str]
    """Name of each column and its SQL type; without NOT NULL a value may be missing."""
    references: Mapping[str, "Table"] = field(default_factory=dict)
    """Columns whose values must be keys of another table."""


AIRLINES = Table(
    name="airlines",
    key=("carrier",),
    columns={"carrier": "TEXT NOT NULL", "name": "TEXT NOT NULL"},
)
AIRPORTS = Table(
    name="airports",
    key=("faa",),
    columns={
        "faa": "TEXT NOT NULL",
        "name": "TEXT NOT NULL",
        "lat": "REAL NOT NULL",
        "lon": "REAL NOT NULL",
        "alt": "INTEGER",
        "tz": "REAL",
        "dst": "TEXT",
        "tzone": "TEXT",
    },
)
PLANES = Table(
    name="planes",
    key=("tailnum",),
    columns={
        "tailnum": "TEXT NOT NULL",
        "year": "INTEGER",
        "type": "TEXT",
        "manufacturer": "TEXT",
        "model": "TEXT",
        "engines": "INTEGER",
        "seats": "INTEGER",
        "speed": "INTEGER",
        "engine": "TEXT",
    },
)
FLIGHTS = Table(
    name="flights",
    key=("time_hour", "origin", "carrier", "flight"),
    columns={
        "year": "INTEGER NOT NULL",
        "month": "INTEGER NOT NULL",
        "day": "INTEGER NOT NULL",
        "dep_time": "INTEGER",
        "sched_dep_time": "INTEGER NOT NULL",
        "dep_delay": "INTEGER",
        "arr_time": "INTEGER",
        "sched_arr_time": "INTEGER NOT NULL",
        "arr_delay": "INTEGER",
        "carrier": "TEXT NOT NULL",
        "flight": "INTEGER NOT NULL",
        "tailnum": "TEXT",
        "origin": "TEXT NOT NULL",
        "dest": "TEXT NOT NULL",
        "air_time": "INTEGER",
        "distance": "INTEGER NOT NULL",
        "hour": "INTEGER NOT NULL",
        "minute": "INTEGER NOT NULL",
        "time_hour": "TEXT NOT NULL",
    },
    # `tailnum` is no reference: two airlines report fleet numbers in its place, so that
    # the registry of planes cannot know them.
    references={"carrier": AIRLINES, "origin": AIRPORTS, "dest": AIRPORTS},
)
QUARANTINED_FLIGHTS = replace(
    FLIGHTS,
    name="quarantined_flights",
    columns={**FLIGHTS.columns, "reason": "TEXT NOT NULL"},
    references={},
)
LOOKUP_TABLES = (AIRLINES, AIRPORTS, PLANES)


def read_table(path: Path) -> Iterator[Row]:
    """Yield the rows of a file that `write_table` wrote."""
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def write_table(path: Path, table: Table, rows: Iterable[Row]) -> None:
    """Write *rows* with the columns of *table*."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.columns)
        writer.writerows([row[column] for column in table.columns] for row in rows)


def known_keys(work: Path) -> dict[str, set[str]]:
    """Return, for each column of the flights that refers to a table, the keys there."""
    return {
        column: {row[table.key[0]] for row in read_table(work / f"{table.name}.csv")}
        for column, table in FLIGHTS.references.items()
    }


def broken_references(flight: Row, known: Mapping[str, set[str]]) -> list[str]:
    """Return the columns of *flight* whose values no table knows."""
    return [column for column, keys in known.items() if flight[column] not in keys]
