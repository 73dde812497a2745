"""A month of flights, read and counted without any code of the example."""

import csv
import gzip
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "flights"
JANUARY = EXAMPLE / "data"
LOOKUPS = ("airlines.csv", "airports.csv", "planes.csv")

Row = dict[str, str]


@dataclass(frozen=True)
class Month:
    """The rows of a directory of data, and the figures that a report on it must state."""

    flights: list[Row]
    airlines: dict[str, str]
    airports: dict[str, str]

    @classmethod
    def read(cls, directory: Path) -> "Month":
        """Read all flights of *directory*, and the names from its lookup tables."""
        flights: list[Row] = []
        for path in directory.glob("flights-*.csv.gz"):
            with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
                flights += csv.DictReader(file)
        names = {}
        for table in ("airlines", "airports"):
            with (directory / f"{table}.csv").open(encoding="utf-8", newline="") as file:
                names[table] = {row[0]: row[1] for row in csv.reader(file)}
        return cls(flights, names["airlines"], names["airports"])

    def unknown_destinations(self) -> Counter[str]:
        """Count the flights to each airport that has no name."""
        return Counter(flight["dest"] for flight in self.flights if flight["dest"] not in self.airports)

    def report_lines(self) -> list[str]:
        """Return the lines that an honest report on this month contains."""
        unknown = self.unknown_destinations()
        named = ", ".join(f"{code} {count:,}" for code, count in unknown.most_common())
        clean = len(self.flights) - unknown.total()
        return [
            f"- flights: {len(self.flights):,}",
            f"- without a departure: {sum(flight['dep_time'] == 'NA' for flight in self.flights):,}",
            *(
                f"- from {origin}: {count:,}"
                for origin, count in Counter(flight["origin"] for flight in self.flights).items()
            ),
            f"- to unknown airports: {unknown.total():,}" + (f" ({named})" if named else ""),
            f"- clean flights: {clean:,}",
            f"- quarantined flights: {unknown.total():,}",
            f"- mean departure delay: {mean(self.flights, 'dep_delay'):.4f}",
            f"- mean arrival delay: {mean(self.flights, 'arr_delay'):.4f}",
            *self.table_rows("carrier", self.airlines),
            *self.table_rows("origin", self.airports),
        ]

    def table_rows(self, column: str, names: dict[str, str]) -> list[str]:
        """Return the report's row on the delays of each value of *column*."""
        groups = {
            code: [flight for flight in self.flights if flight[column] == code]
            for code in {flight[column] for flight in self.flights}
        }
        return [
            f"| {code} | {names[code]} | {len(group):,}"
            f" | {mean(group, 'dep_delay'):.2f} | {mean(group, 'arr_delay'):.2f} |"
            for code, group in groups.items()
        ]


def mean(flights: list[Row], column: str) -> float:
    """Return the mean over the flights that have a value."""
    values = [int(flight[column]) for flight in flights if flight[column] != "NA"]
    return sum(values) / len(values)


def write_gzip_csv(path: Path, columns: Iterable[str], rows: Iterable[Row]) -> None:
    """Write *rows* the way the data comes."""
    with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
