"""Compute the mean delays: of all flights, by carrier and by origin.

Quarantined flights count too: that a table lacks their destination says nothing about
how late they left.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from workdir import Delay, Delays, Result, run, write_json

DELAYS_BY = """
    SELECT {code} AS code, {name} AS name, COUNT(*) AS flights,
           AVG(dep_delay) AS departure, AVG(arr_delay) AS arrival
    FROM all_flights AS flight
    LEFT JOIN airlines ON airlines.carrier = flight.carrier
    LEFT JOIN airports ON airports.faa = flight.origin
    GROUP BY 1 ORDER BY departure DESC, code
"""


def aggregate(work: Path) -> str:
    address = (work / Result.DATABASE).as_uri() + "?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as database:
        delays = Delays(
            clean_flights=count_rows(database, "flights"),
            quarantined_flights=count_rows(database, "quarantined_flights"),
            overall=delays_by(database, "'all'", "NULL")[0],
            by_carrier=delays_by(database, "flight.carrier", "airlines.name"),
            by_origin=delays_by(database, "flight.origin", "airports.name"),
        )
    write_json(work / Result.DELAYS, delays)
    carriers, origins = len(delays["by_carrier"]), len(delays["by_origin"])
    return f"delays of {carriers} carriers and {origins} origins"


def count_rows(database: sqlite3.Connection, table: str) -> int:
    query = f"SELECT COUNT(*) FROM {table}"  # noqa: S608 (a name of ours)
    count: int = database.execute(query).fetchone()[0]
    return count


def delays_by(database: sqlite3.Connection, code: str, name: str) -> list[Delay]:
    """Group the flights by the SQL expression *code*; the latest group comes first."""
    rows = database.execute(DELAYS_BY.format(code=code, name=name))
    return [
        Delay(code=code, name=name, flights=flights, departure=departure, arrival=arrival)
        for code, name, flights, departure, arrival in rows
    ]


if __name__ == "__main__":
    run(aggregate)
