"""The work directory: what the steps leave there for one another, and how they do it safely.

A step may be killed at any instant and started again. So every file is written under
another name and then put in its place at once: a result is whole, or it is not there.
"""

import json
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, TypedDict


class Result(StrEnum):
    """The files that the steps leave; `extract` leaves the lookup tables besides."""

    FLIGHTS = "flights.csv"
    COUNTS = "counts.json"
    UNKNOWN = "unknown_references.json"
    QUARANTINED = "flights_quarantined.csv"
    CLEAN = "flights_clean.csv"
    DATABASE = "flights.db"
    DELAYS = "delays.json"
    REPORT = "report.md"


class Counts(TypedDict):
    """What `validate` counted over all flights."""

    first_day: str
    last_day: str
    flights: int
    without_departure: int
    by_origin: dict[str, int]


Unknown = dict[str, dict[str, int]]
"""Column of the flights → value that its table lacks → number of flights."""


class Delay(TypedDict):
    """The mean delays, in minutes, of one group of flights."""

    code: str
    name: str | None
    flights: int
    departure: float | None
    arrival: float | None


class Delays(TypedDict):
    """What `aggregate` found in the database."""

    clean_flights: int
    quarantined_flights: int
    overall: Delay
    by_carrier: list[Delay]
    by_origin: list[Delay]


class StepError(Exception):
    """The step cannot do its work, for a reason that its user can understand."""


def run(step: Callable[..., str], *arguments: str) -> None:
    """Run *step* on the work directory and print what it returns: the output of the step.

    Args:
        step: Gets the work directory and the command's arguments.
        arguments: The names of these arguments, for the usage message.
    """
    given = sys.argv[1:]
    work = os.environ.get("TASKORCH_WORK_DIR")
    if len(given) != len(arguments):
        sys.exit(" ".join(["usage: python", sys.argv[0], *arguments]))
    if not work:
        sys.exit("set TASKORCH_WORK_DIR to the directory that receives the results")
    directory = Path(work).resolve()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        print(step(directory, *given))
    except (StepError, OSError, sqlite3.Error) as error:
        sys.exit(f"{step.__name__}: {error}")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path; what is written there takes the place of *path* at the end."""
    # The process id keeps an orphan of a killed run from writing into our file. Ids come
    # again, though, and a process that was killed leaves its file behind.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: object) -> None:
    """Put *value* at *path*."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Return the value at *path*, or None if the step that leaves it has not."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
