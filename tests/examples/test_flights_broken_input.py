"""The flights example on broken input: each fault is refused in words that help."""

import gzip
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.examples.flights_month import EXAMPLE, JANUARY
from tests.examples.flights_steps import BEFORE_THE_CHECK, Steps

FLIGHTS = JANUARY / "flights-2013-01.csv.gz"


def test_directory_that_does_not_exist(steps: Steps, tmp_path: Path) -> None:
    """A directory without flights, or none at all, is named in the message."""
    steps.data = tmp_path / "nowhere"
    steps.run("extract")

    steps.assert_failed("extract", f"{steps.data}: there is no file flights-*.csv.gz")


def test_missing_lookup_table(steps: Steps, small_month: Path) -> None:
    """A missing lookup table is named in the message."""
    (small_month / "planes.csv").unlink()
    steps.data = small_month
    steps.run("extract")

    steps.assert_failed("extract", str(small_month / "planes.csv"), "No such file")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not compressed", "not a readable CSV file: Not a gzipped file"),
        (FLIGHTS.read_bytes()[:10_000], "not a readable CSV file: Compressed file ended"),
        (gzip.compress(b"year,month\n2013,1\n"), "missing columns: day, dep_time,"),
        (gzip.compress(b""), "missing columns: year, month,"),
        (gzip.compress(b"\xff\xfe"), "not UTF-8"),
    ],
    ids=["plain", "truncated", "columns", "empty", "encoding"],
)
def test_unreadable_flights(steps: Steps, lookups: Path, content: bytes, message: str) -> None:
    """A file that is no compressed CSV with our columns is refused by name, with the reason."""
    path = lookups / "flights-x.csv.gz"
    path.write_bytes(content)
    steps.data = lookups
    steps.run("extract")

    steps.assert_failed("extract", f"{path}: {message}")


def test_row_with_too_few_fields(steps: Steps, small_month: Path) -> None:
    """A row that is shorter or longer than the header is refused with its line."""
    steps.data = small_month
    for row in ("XX", "XX,Some Airline,1"):
        (small_month / "airlines.csv").write_text(f"carrier,name\nAA,American\n{row}\n", encoding="utf-8")
        steps.run("extract")

        steps.assert_failed("extract", "airlines.csv, line 3: expected 2 fields")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dep_delay": "late"}, "line 3: dep_delay is not a whole number: 'late'"),
        ({"distance": "1_000"}, "line 3: distance is not a whole number: '1_000'"),
        ({"flight": "9" * 30}, "line 3: flight is not a whole number"),
        ({"sched_dep_time": "NA"}, "line 3: sched_dep_time is missing"),
        ({"origin": ""}, "line 3: origin is missing"),
        ({"dest": "I\nAH"}, "line 3: dest is not one line of text: 'I\\nAH'"),
    ],
)
def test_bad_value(steps: Steps, write_month: Callable[..., Path], changes: dict[str, str], message: str) -> None:
    """A value that is malformed, or missing where it must not be, is refused with its line and column."""
    steps.data = write_month(**changes)
    steps.run(*BEFORE_THE_CHECK)

    steps.assert_failed("validate", "problems: 1\n", message)


def test_all_problems_are_counted(steps: Steps, lookups: Path, write_month: Callable[..., Path]) -> None:
    """All problems are counted over all tables, and the first twenty are shown."""
    steps.data = write_month(day="first", hour="noon")
    rows = "".join(f"N{number},then,,,,,,,\n" for number in range(30))
    header = "tailnum,year,type,manufacturer,model,engines,seats,speed,engine\n"
    (lookups / "planes.csv").write_text(header + rows, encoding="utf-8")
    steps.run(*BEFORE_THE_CHECK)

    steps.assert_failed("validate", "problems: 32\n", "planes.csv, line 21: year", "… and 12 more")


def test_flight_given_twice(steps: Steps, small_month: Path) -> None:
    """A file that is there twice, under two names, is no way to count its flights twice."""
    shutil.copyfile(small_month / "flights-a.csv.gz", small_month / "flights-c.csv.gz")
    steps.data = small_month
    steps.run(*BEFORE_THE_CHECK)

    steps.assert_failed("validate", "problems: 150\n", "is there already")


def test_table_without_rows(steps: Steps, small_month: Path) -> None:
    """A table that has a header and no rows is refused."""
    (small_month / "airlines.csv").write_text("carrier,name\n", encoding="utf-8")
    steps.data = small_month
    steps.run(*BEFORE_THE_CHECK)

    steps.assert_failed("validate", "airlines.csv: no rows")


def test_results_never_overwrite_the_data(steps: Steps, small_month: Path) -> None:
    """A work directory that is the directory of the data is refused, and the data stays as it was."""
    steps.data = steps.work = small_month
    before = steps.results()
    steps.run("extract")

    steps.assert_failed("extract", "the results must go elsewhere")
    assert before == steps.results()


@pytest.mark.parametrize(
    ("variables", "arguments", "message"),
    [
        ({"TASKORCH_WORK_DIR": ""}, ["data"], "set TASKORCH_WORK_DIR"),
        ({}, [], "usage: python steps/extract.py DATA_DIR"),
    ],
    ids=["no work directory", "no argument"],
)
def test_step_by_hand_explains_itself(
    steps: Steps, variables: dict[str, str], arguments: list[str], message: str
) -> None:
    """A step that is called without what it needs says what that is."""
    process = subprocess.run(
        [sys.executable, "steps/extract.py", *arguments],
        cwd=EXAMPLE,
        env=steps.environment() | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert process.returncode == 1
    assert message in process.stderr
