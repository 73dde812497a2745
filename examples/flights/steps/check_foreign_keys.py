"""Fail if flights refer to an airline or an airport that is not in its table.

The failure is foreseen: the workflow allows it, and answers with the quarantine.
"""

from collections import Counter
from pathlib import Path

from flightdata import FLIGHTS, broken_references, known_keys, read_table
from workdir import Result, StepError, Unknown, run, write_json


def check_foreign_keys(work: Path) -> str:
    unknown = count_unknown(work)
    write_json(work / Result.UNKNOWN, unknown)
    problems = [
        f"flights whose {column} is not in {FLIGHTS.references[column].name}:"
        f" {sum(values.values())} ({', '.join(values)})"
        for column, values in unknown.items()
        if values
    ]
    if problems:
        raise StepError("; ".join(problems))
    return "every airline and airport is known"


def count_unknown(work: Path) -> Unknown:
    """Count the flights of each unknown value, the most frequent first."""
    known = known_keys(work)
    unknown = {column: Counter[str]() for column in known}
    for flight in read_table(work / Result.FLIGHTS):
        for column in broken_references(flight, known):
            unknown[column][flight[column]] += 1
    return {column: dict(values.most_common()) for column, values in unknown.items()}


if __name__ == "__main__":
    run(check_foreign_keys)
