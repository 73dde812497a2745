"""The parts of the fault campaign for PostgreSQL, on a server of its own that is started in a temporary directory."""

import atexit
import logging
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.postgres import chaos
from tests.faults.postgres.checkers import Aftermath
from tests.faults.rows import Row
from tests.stores.postgres import server as servers

if TYPE_CHECKING:
    from tests.faults.campaign import Part, Scale


@cache
def _server() -> servers.Server:
    """The server of all parts; it stops with this process."""
    stack = ExitStack()
    found = stack.enter_context(servers.running())
    atexit.register(stack.close)
    return found


def _judged(row: Row, fault: Callable[[str], int]) -> list[Row]:
    """The row of a fault on a new schema, which tells how many answers were checked."""
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)  # that connections are lost is the point
    with row.timed():
        try:
            row.acknowledged = fault(f"{row.fault} {os.urandom(3).hex()}")
        except AssertionError as error:
            row.violations.append(f"postgres_{row.fault.rsplit(' ', 1)[-1]}: {str(error).splitlines()[0]}")
    return [row]


def _checked(after: Aftermath) -> int:
    return len(after.acknowledged)


def _kills(directory: Path, scale: "Scale") -> list[Row]:
    count = scale.times(110)
    row = Row("PostgreSQL: workers killed", scale.seed, runs=count, injected=count)
    return _judged(row, lambda schema: _checked(chaos.kill_workers(_server().dsn, schema, count, scale.seed)))


def _cuts(directory: Path, scale: "Scale") -> list[Row]:
    count = scale.times(310)
    row = Row("PostgreSQL: connections cut at COMMIT", scale.seed, runs=count, injected=count)
    return _judged(row, lambda schema: sum(chaos.cut_commits(_server(), schema, count, scale.seed).values()))


def _restarts(directory: Path, scale: "Scale") -> list[Row]:
    count = scale.times(20)
    row = Row("PostgreSQL: server crashed and started again", scale.seed, runs=count, injected=count)
    return _judged(row, lambda schema: _checked(chaos.restart_server(_server(), schema, count, scale.seed)))


def _terminations(directory: Path, scale: "Scale") -> list[Row]:
    count = scale.times(310)
    row = Row("PostgreSQL: back ends terminated", scale.seed, runs=count, injected=count)
    return _judged(row, lambda schema: _checked(chaos.terminate_back_ends(_server().dsn, schema, count, scale.seed)))


PARTS: Mapping[str, "Part"] = {
    "postgres-kills": _kills,
    "postgres-cuts": _cuts,
    "postgres-restarts": _restarts,
    "postgres-terminations": _terminations,
}
