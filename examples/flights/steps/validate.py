"""Refuse tables with values that are missing, malformed or repeated; count the flights."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from flightdata import FLIGHTS, LOOKUP_TABLES, Table, read_table
from workdir import Counts, Result, StepError, run, write_json

FORMS = {
    "INTEGER": ("a whole number", re.compile(r"-?[0-9]{1,9}")),
    "REAL": ("a number", re.compile(r"-?[0-9]{1,9}(\.[0-9]+)?")),
    "TEXT": ("one line of text", re.compile(r".+")),
}
MOST_PROBLEMS_SHOWN = 20


def validate(work: Path) -> str:
    problems = [
        problem for table in (*LOOKUP_TABLES, FLIGHTS) for problem in find_problems(work / f"{table.name}.csv", table)
    ]
    if problems:
        shown = problems[:MOST_PROBLEMS_SHOWN]
        if len(problems) > len(shown):
            shown.append(f"… and {len(problems) - len(shown)} more")
        raise StepError("\n".join([f"problems: {len(problems)}", *shown]))
    counts = count_flights(work / Result.FLIGHTS)
    write_json(work / Result.COUNTS, counts)
    return f"{counts['flights']} flights are valid"


def find_problems(path: Path, table: Table) -> Iterator[str]:
    """Yield a message for each value that cannot be, and for each key seen before."""
    checks = [
        (column, *FORMS[sql_type.split()[0]], "NOT NULL" in sql_type) for column, sql_type in table.columns.items()
    ]
    seen = set()
    for line, row in enumerate(read_table(path), start=2):
        for column, form, pattern, required in checks:
            value = row[column]
            if not value and required:
                yield f"{path}, line {line}: {column} is missing"
            elif value and not pattern.fullmatch(value):
                yield f"{path}, line {line}: {column} is not {form}: {value!r}"
        key = tuple(row[column] for column in table.key)
        if key in seen:
            yield f"{path}, line {line}: {' '.join(key)} is there already"
        seen.add(key)
    if not seen:
        yield f"{path}: no rows"


def count_flights(path: Path) -> Counts:
    days = set()
    origins = Counter[str]()
    without_departure = 0
    for flight in read_table(path):
        days.add(f"{flight['year']}-{flight['month']:>02}-{flight['day']:>02}")
        origins[flight["origin"]] += 1
        without_departure += not flight["dep_time"]
    return Counts(
        first_day=min(days),
        last_day=max(days),
        flights=origins.total(),
        without_departure=without_departure,
        by_origin=dict(sorted(origins.items())),
    )


if __name__ == "__main__":
    run(validate)
