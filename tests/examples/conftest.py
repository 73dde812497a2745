"""What the tests of the flights example share."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.examples.flights_month import JANUARY, LOOKUPS, Month, write_gzip_csv
from tests.examples.flights_steps import Steps


@pytest.fixture(scope="session")
def january() -> Month:
    """The month that the example carries."""
    return Month.read(JANUARY)


@pytest.fixture
def steps(tmp_path: Path) -> Steps:
    """The steps on an empty work directory."""
    return Steps(tmp_path / "work")


@pytest.fixture
def lookups(tmp_path: Path) -> Path:
    """A directory with the lookup tables, and no flights yet."""
    directory = tmp_path / "data"
    directory.mkdir()
    for name in LOOKUPS:
        shutil.copyfile(JANUARY / name, directory / name)
    return directory


@pytest.fixture
def small_month(lookups: Path, january: Month) -> Path:
    """A directory with 400 flights in two files, all of them to known airports."""
    known = [flight for flight in january.flights if flight["dest"] in january.airports][:400]
    # The order of the columns is not what the example carries, and there is one more.
    columns = [*reversed(known[0]), "remark"]
    write_gzip_csv(lookups / "flights-a.csv.gz", columns, known[:150])
    write_gzip_csv(lookups / "flights-b.csv.gz", columns, known[150:])
    return lookups


@pytest.fixture
def write_month(lookups: Path, january: Month) -> Callable[..., Path]:
    """Return a function that writes three good flights, the second changed as it is told."""

    def write(**changes: str) -> Path:
        flights = [dict(flight) for flight in january.flights[:3]]
        flights[1].update(changes)
        write_gzip_csv(lookups / "flights-a.csv.gz", flights[0], flights)
        return lookups

    return write
