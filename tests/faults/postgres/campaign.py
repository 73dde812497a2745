"""The parts of the fault campaign for PostgreSQL, on a server of its own that is started in a temporary directory."""

import atexit
import logging
import os
import re
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
            said = (str(error) or repr(error)).splitlines()[0]
            named = said if re.match(r"[a-z]\d+_\w+: ", said) else f"the_campaign_is_awake: {said}"
            row.violations.append(f"{named} [seed {row.seed}]")
    return [row]


def _checked(row: Row, after: Aftermath) -> int:
    row.note = f"{after.lost} leases were lost"
    return len(after.acknowledged)


def _kills(directory: Path, scale: "Scale") -> list[Row]:
    count = scale.times(110)
    row = Row("PostgreSQL: workers killed", scale.seed, runs=count, injected=count)
    return _judged(row, lambda schema: _checked(row, chaos.kill_workers(_server().dsn, schema, count, scale.seed)))


def _cuts(directory: Path, scale: "Scale") -> list[Row]:
    count = scale.times(310)
    row = Row("PostgreSQL: connections cut at COMMIT", scale.seed, runs=count, injected=count)
    return _judged(row, lambda schema: sum(chaos.cut_commits(_server(), schema, count, scale.seed).values()))


def _restarts(directory: Path, scale: "Scale") -> list[Row]:
    count = scale.times(20)
    row = Row("PostgreSQL: server crashed and started again", scale.seed, runs=count, injected=count)
    return _judged(row, lambda schema: _checked(row, chaos.restart_server(_server(), schema, count, scale.seed)))


def _terminations(directory: Path, scale: "Scale") -> list[Row]:
    count = scale.times(310)
    row = Row("PostgreSQL: back ends terminated", scale.seed, runs=count, injected=count)
    fault = chaos.terminate_back_ends
    return _judged(row, lambda schema: _checked(row, fault(_server().dsn, schema, count, scale.seed)))


PARTS: Mapping[str, "Part"] = {
    "postgres-kills": _kills,
    "postgres-cuts": _cuts,
    "postgres-restarts": _restarts,
    "postgres-terminations": _terminations,
}
