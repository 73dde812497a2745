"""The fault campaign: ``python -m tests.faults.campaign`` hurts the stores, prints one table, and fails on a violation.

All that it prints is Markdown, for ``docs/reliability.md``; what it is at is told on the side, as errors are. The parts
for PostgreSQL are the ``PARTS`` of ``tests.faults.postgres.campaign``: a mapping like ``SQLITE`` below.
"""

import argparse
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import attrs

from tests.faults.children import warm
from tests.faults.rows import Row, table
from tests.faults.shim import Kind
from tests.faults.sqlite import contention, io_failures, kills, limits, migrations, orders, pauses, resumed

ROOT = Path(__file__).parents[2]
SHOWN = 20


@attrs.frozen
class Scale:
    """How much is done.

    Attributes:
        seed: The start value of all that is drawn.
        kills: How many processes are killed at work with a store.
        factor: What other counts are multiplied by.
        stride: 1 for every operation of a disk and every order, 2 for every second, …
        kinds: In which ways a disk fails.
    """

    seed: int = 1
    kills: int = 500
    factor: float = 1.0
    stride: int = 1
    kinds: tuple[Kind, ...] = tuple(Kind)

    def times(self, count: int) -> int:
        """So many times as much, once at least."""
        return max(1, round(count * self.factor))


Part = Callable[[Path, Scale], list[Row]]


def _kills(directory: Path, scale: Scale) -> list[Row]:
    shared = max(10, scale.kills // 5)
    return [
        kills.kill_loop(directory, kills=scale.kills, seed=scale.seed),
        kills.kill_loop(directory, kills=shared, seed=scale.seed, shared=True),
    ]


def _points(directory: Path, scale: Scale) -> list[Row]:
    return [kills.crash_points(directory, rounds=scale.times(25), seed=scale.seed)]


def _migrations(directory: Path, scale: Scale) -> list[Row]:
    return [migrations.migrations(directory, seed=scale.seed)]


def _runs(directory: Path, scale: Scale) -> list[Row]:
    return [resumed.resumed_runs(directory, runs=scale.times(25), seed=scale.seed)]


@contextmanager
def _memory(directory: Path) -> Iterator[Path]:
    """A folder in memory, if there is one: quicker, where what the machine's disk does is not at stake."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else directory) as home:
        yield Path(home)


def _disk(directory: Path, scale: Scale) -> list[Row]:
    many = {"stride": scale.stride, "seeds": scale.times(2)}
    with _memory(directory) as home:
        return io_failures.io_failures(home, seed=scale.seed, kinds=scale.kinds, **many)


def _contention(directory: Path, scale: Scale) -> list[Row]:
    seconds = 8 * scale.factor
    return [contention.contention(directory, seconds=seconds, seed=scale.seed, wal=wal) for wal in (False, True)]


def _pauses(directory: Path, scale: Scale) -> list[Row]:
    return [pauses.pauses(directory, stops=scale.times(35), seed=scale.seed)]


def _abandoned(directory: Path, scale: Scale) -> list[Row]:
    return [pauses.abandoned(directory, rounds=scale.times(50), seed=scale.seed)]


def _reader(directory: Path, scale: Scale) -> list[Row]:
    return [contention.long_reader(directory, rounds=scale.times(5), seed=scale.seed)]


def _full(directory: Path, scale: Scale) -> list[Row]:
    return [limits.full_disk(directory, rounds=scale.times(25), seed=scale.seed)]


def _forks(directory: Path, scale: Scale) -> list[Row]:
    return [limits.forks(directory, rounds=scale.times(10), seed=scale.seed)]


def _orders(directory: Path, scale: Scale) -> list[Row]:
    with _memory(directory) as home:
        return [orders.every_order(home, seed=scale.seed, stride=scale.stride)]


def _values(directory: Path, scale: Scale) -> list[Row]:
    return [limits.unwritable(directory, rounds=scale.times(30), seed=scale.seed)]


SQLITE: Mapping[str, Part] = {
    "kills": _kills,
    "points": _points,
    "migrations": _migrations,
    "runs": _runs,
    "disk": _disk,
    "contention": _contention,
    "pauses": _pauses,
    "abandoned": _abandoned,
    "reader": _reader,
    "full": _full,
    "forks": _forks,
    "values": _values,
    "orders": _orders,
}


def parts() -> dict[str, Part]:
    """All parts by name; those for PostgreSQL are ``PARTS`` of their own campaign, if it is there."""
    found = dict(SQLITE)
    if (Path(__file__).parent / "postgres" / "campaign.py").is_file():
        found.update(import_module("tests.faults.postgres.campaign").PARTS)
    return found


def conducted(names: list[str], scale: Scale, tell: Callable[[Row], None]) -> list[Row]:
    """The rows of the parts of these names."""
    warm()
    rows = []
    for name in names:
        with _folder() as directory:
            try:
                found = parts()[name](directory, scale)
            except RuntimeError as error:  # of a child; what else happened there is no matter of a checker
                found = [Row(name, scale.seed, violations=[f"the_campaign_itself_failed: {error}"])]
        for row in found:
            tell(row)
        rows += found
    return rows


@contextmanager
def _folder() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="taskorch-faults-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def commit() -> str:
    """The commit that is tested, with a mark if there is more than what was committed."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _progress(row: Row) -> None:
    print(f"{row.fault}: {row.runs} runs, {row.injected} faults, {len(row.violations)} violations", file=sys.stderr)
    for violation in row.violations[:SHOWN]:
        print(f"  {violation}", file=sys.stderr)


def figures(rows: list[Row], scale: Scale, seconds: float) -> str:
    """What came of a campaign, as Markdown."""
    violations = [violation for row in rows for violation in row.violations]
    summary = (
        f"Commit {commit()}, seed {scale.seed}; {sum(row.runs for row in rows):,} runs, "
        f"{sum(row.injected for row in rows):,} faults, {len(violations)} violations in {seconds:.0f} s; "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}."
    )
    lines = [table(rows), "", summary, *(f"- {violation}" for violation in violations[:SHOWN])]
    if len(violations) > SHOWN:
        lines.append(f"- and {len(violations) - SHOWN} more")
    return "\n".join(lines)


def put_into(page: Path, name: str, text: str) -> None:
    """Put *text* into a page, between the comments that mark the begin and the end of its part *name*."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"{page} has no part {name!r}")
    page.write_text(f"{before}{begin}\n{text}\n\n{end}{after}", encoding="utf-8")


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the start value of all that is drawn")
    parser.add_argument("--kills", type=int, default=500, help="how many processes are killed at work with a store")
    parser.add_argument("--long", type=float, default=1.0, help="what all other counts are multiplied by")
    parser.add_argument("--stride", type=int, default=1, help="take only every n-th operation of a disk, and order")
    parser.add_argument("--kinds", nargs="+", type=Kind, choices=[*Kind], default=[*Kind], help="how the disk fails")
    parser.add_argument("--only", nargs="+", choices=sorted(parts()), help="the parts to run; all without it")
    parser.add_argument("--planted", action="store_true", help="plant bugs as well, and tell which checkers find them")
    parser.add_argument("--write", type=Path, help="put the figures into this page as well: docs/reliability.md")
    return parser.parse_args()


def main() -> int:
    """Run what the arguments say; 1 if an invariant did not hold, or a planted bug was not found."""
    given = arguments()
    warnings.filterwarnings("ignore", "SQLite .* may damage a write-ahead log")
    began = time.monotonic()
    scale = Scale(given.seed, given.kills, given.long, given.stride, tuple(given.kinds))
    rows = conducted(given.only or list(parts()), scale, _progress)
    is_well, texts = (
        not any(row.violations for row in rows),
        {"figures": figures(rows, scale, time.monotonic() - began)},
    )
    print(texts["figures"], flush=True)
    if given.planted:
        from tests.faults import planted  # which runs this campaign in turn

        is_found, texts["planted bugs"] = planted.report()
        print(f"\n{texts['planted bugs']}")
        is_well = is_well and is_found
    for name, text in texts.items() if given.write else ():
        put_into(given.write, name, text)
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
