"""Bring a month of flights into the work directory, as one plain CSV file per table.

The files may have their columns in any order, and more of them than we need.
"""

import csv
import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from flightdata import FLIGHTS, LOOKUP_TABLES, Row, Table, write_table
from workdir import Result, StepError, replacing, run

MISSING_VALUE = "NA"


def extract(work: Path, data: str) -> str:
    source = Path(data).resolve()
    if source == work:
        raise StepError(f"{source} holds the data: the results must go elsewhere")
    # Whatever an earlier extract led to would pass for a result of this one.
    for result in Result:
        (work / result).unlink(missing_ok=True)

    files = sorted(source.glob("flights-*.csv.gz"))
    if not files:
        raise StepError(f"{source}: there is no file flights-*.csv.gz")
    for table in LOOKUP_TABLES:
        name = f"{table.name}.csv"
        with replacing(work / name) as temporary:
            write_table(temporary, table, read_source([source / name], table))
    with replacing(work / Result.FLIGHTS) as temporary:
        write_table(temporary, FLIGHTS, read_source(files, FLIGHTS))
    return ", ".join(file.name for file in files)


def read_source(files: Iterable[Path], table: Table) -> Iterator[Row]:
    """Yield the rows of all *files*, with an empty string where a value is missing."""
    for path in files:
        try:
            with open_text(path) as lines:
                yield from read_rows(path, lines, table)
        except (EOFError, gzip.BadGzipFile, zlib.error, csv.Error) as error:
            raise StepError(f"{path}: not a readable CSV file: {error}") from error
        except UnicodeDecodeError as error:
            raise StepError(f"{path}: not UTF-8: {error.reason}") from error


def open_text(path: Path) -> TextIO:
    """Open *path* for reading, decompressed if its name ends in .gz."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def read_rows(path: Path, lines: Iterable[str], table: Table) -> Iterator[Row]:
    """Yield the rows of one file, with the columns of *table* alone."""
    reader = csv.DictReader(lines, strict=True)
    header = reader.fieldnames or []
    missing = [column for column in table.columns if column not in header]
    if missing:
        raise StepError(f"{path}: missing columns: {', '.join(missing)}")
    for row in reader:
        # The reader files surplus fields under None, and fills missing ones with it.
        if None in row or None in row.values():
            raise StepError(f"{path}, line {reader.line_num}: expected {len(header)} fields")
        yield {column: "" if row[column] == MISSING_VALUE else row[column] for column in table.columns}


if __name__ == "__main__":
    run(extract, "DATA_DIR")
