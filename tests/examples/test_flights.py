"""The flights example, step by step: its figures, another month, and what failures leave."""

import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.examples.flights_month import EXAMPLE, Month
from tests.examples.flights_steps import BEFORE_THE_CHECK, COMMANDS, Steps


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Steps:
    """All steps over the month that the example carries."""
    steps = Steps(tmp_path_factory.mktemp("january"))
    steps.run_all()
    return steps


# --- the month that the example carries --------------------------------------------------------------------


def test_only_the_check_fails(done: Steps) -> None:
    """On the data as it is, the check of the references exits with 1, and every other step with 0."""
    expected = dict.fromkeys(COMMANDS, 0) | {"check_foreign_keys": 1}

    assert expected == done.statuses()
    assert "flights whose dest is not in airports: 680 (SJU, BQN, STT, PSE)" in (
        done.finished["check_foreign_keys"].stderr
    )


@pytest.mark.parametrize(
    "line",
    [
        "- flights: 27,004",
        "- without a departure: 521",
        "- from EWR: 9,893",
        "- from JFK: 9,161",
        "- from LGA: 7,950",
        "- to unknown airports: 680 (SJU 486, BQN 93, STT 70, PSE 31)",
        "- mean departure delay: 10.0367",
    ],
)
def test_report_states_the_known_figures(done: Steps, line: str) -> None:
    """The report states the figures that are known from outside."""
    assert line in done.report()


def test_report_agrees_with_the_raw_data(done: Steps, january: Month) -> None:
    """Every figure of the report is what a separate count over the raw files gives."""
    expected = set(january.report_lines())

    assert expected <= set(done.report())


def test_report_is_complete_and_ordered(done: Steps) -> None:
    """A whole run's report calls nothing missing, and lists the latest carrier and origin first."""
    rows = [line.split(" | ")[0] for line in done.report() if line.startswith("| ")]

    assert not [line for line in done.report() if "Incomplete" in line or "Missing" in line]
    assert rows[:4] == ["| Carrier", "| OO", "| HA", "| EV"]
    assert rows[-4:] == ["| Origin", "| EWR", "| JFK", "| LGA"]


def test_output_of_the_report_is_its_path(done: Steps) -> None:
    """The last step prints the path of the report and nothing else."""
    assert f"{done.work.resolve() / 'report.md'}\n" == done.finished["report"].stdout


def test_database_holds_each_flight_once(done: Steps, january: Month) -> None:
    """Each flight is in one of two tables; all in `flights` join to their airline and airports."""
    with closing(sqlite3.connect(done.work / "flights.db")) as database:
        counts = dict(
            database.execute(
                "SELECT 'flights', COUNT(*) FROM flights"
                " JOIN airlines USING (carrier)"
                " JOIN airports AS o ON o.faa = origin JOIN airports AS d ON d.faa = dest"
                " UNION ALL SELECT 'quarantined', COUNT(*) FROM quarantined_flights"
                " UNION ALL SELECT 'all', COUNT(*) FROM all_flights"
            )
        )
        reasons = dict(database.execute("SELECT reason, COUNT(*) FROM quarantined_flights GROUP BY reason"))
    unknown = january.unknown_destinations()

    assert counts == {"flights": 26_324, "quarantined": 680, "all": 27_004}
    assert {f"unknown dest {code}": count for code, count in unknown.items()} == reasons


def test_every_step_can_run_twice(done: Steps, steps: Steps) -> None:
    """A step that runs a second time leaves the same bytes, in any work directory."""
    steps.run_all(times=2)

    assert done.results() == steps.results()


@pytest.mark.parametrize("after", [0.04, 0.1, 0.16, 0.22])
@pytest.mark.parametrize(
    ("step", "not_yet"),
    [
        ("extract", ["*"]),
        ("quarantine", ["flights_clean.csv", "flights_quarantined.csv"]),
        ("load", ["flights.db"]),
    ],
)
def test_killed_step_leaves_no_half_result(
    done: Steps, steps: Steps, step: str, not_yet: list[str], after: float
) -> None:
    """A step killed at any instant leaves its results whole or not at all, and can run again."""
    shutil.copytree(done.work, steps.work, ignore=shutil.ignore_patterns(*not_yet))
    with subprocess.Popen(steps.argv(step), cwd=EXAMPLE, env=steps.environment(), stdout=subprocess.DEVNULL) as process:
        time.sleep(after)
        process.kill()

    assert steps.results().items() <= done.results().items()

    steps.run(step)

    assert steps.results().items() <= done.results().items()
    assert steps.finished[step].stdout == done.finished[step].stdout


def test_file_left_by_a_killed_process_of_the_same_id_does_no_harm(done: Steps, steps: Steps) -> None:
    """A step works although a killed process that had its id left a temporary file behind."""
    shutil.copytree(done.work, steps.work)
    leave_and_load = (
        "import os, sys\n"
        "name = f'.flights.db.{os.getpid()}.tmp'\n"
        "with open(os.path.join(os.environ['TASKORCH_WORK_DIR'], name), 'w') as file:\n"
        "    file.write('half a database')\n"
        "os.execv(sys.executable, sys.argv[1:])\n"
    )
    subprocess.run(
        [sys.executable, "-c", leave_and_load, *steps.argv("load")],
        cwd=EXAMPLE,
        env=steps.environment(),
        check=True,
        timeout=60,
    )

    assert done.results() == steps.results()


def test_nothing_is_written_beside_the_sources(steps: Steps) -> None:
    """A run leaves the folder of the example as it was."""
    before = sorted(EXAMPLE.rglob("*"))
    steps.run_all()

    assert before == sorted(EXAMPLE.rglob("*"))


# --- another month -----------------------------------------------------------------------------------------


def test_month_without_unknown_airports(steps: Steps, small_month: Path) -> None:
    """Where every airport is known the check succeeds, and the flights are loaded without a quarantine."""
    steps.data = small_month
    steps.run_all()

    assert dict.fromkeys(COMMANDS.keys() - {"quarantine"}, 0) == steps.statuses()
    assert set(Month.read(small_month).report_lines()) <= set(steps.report())
    assert "- to unknown airports: 0" in steps.report()
    assert "Incomplete" not in "\n".join(steps.report())


def test_new_month_replaces_the_old(done: Steps, steps: Steps, small_month: Path) -> None:
    """Nothing of an earlier month passes for a result of the one extracted last."""
    shutil.copytree(done.work, steps.work)
    steps.data = small_month
    steps.run("extract")

    assert {"flights.csv", "airlines.csv", "airports.csv", "planes.csv"} == steps.results().keys()


def test_any_broken_reference_is_set_aside(steps: Steps, write_month: Callable[..., Path]) -> None:
    """A flight of an unknown airline from an unknown airport is one quarantined flight, with both reasons."""
    steps.data = write_month(carrier="??", origin="QQQ")
    steps.run_all()

    assert "- of unknown airlines: 1 (?? 1)" in steps.report()
    assert "- from unknown airports: 1 (QQQ 1)" in steps.report()
    assert any(line.startswith("| ?? | unknown | 1 |") for line in steps.report())
    assert b"unknown carrier ??, unknown origin QQQ" in steps.results()["flights_quarantined.csv"]


# --- the report after a failure ----------------------------------------------------------------------------


def test_report_after_nothing_worked(steps: Steps, tmp_path: Path) -> None:
    """After a failed extract the report is written all the same, and calls every part missing."""
    steps.data = tmp_path / "nowhere"
    steps.run("extract", "report")
    absent = "`extract`, `validate`, `check_foreign_keys`, `load`, `aggregate`"

    assert steps.finished["report"].returncode == 0
    assert f"**Incomplete:** no result from {absent}." in steps.report()
    assert sum(line.startswith("Missing: ") for line in steps.report()) == 3


def test_load_refuses_what_a_failed_quarantine_left(steps: Steps) -> None:
    """Without the quarantine it needed, load fails, and the report names what is missing."""
    steps.run(*BEFORE_THE_CHECK, "check_foreign_keys", "load", "report")

    steps.assert_failed("load", "flights.csv breaks a rule of the database: FOREIGN KEY")
    assert "flights.db" not in steps.results()
    assert "**Incomplete:** no result from `quarantine`, `load`, `aggregate`." in steps.report()
    assert "- flights: 27,004" in steps.report()
    assert "Missing: the step `aggregate` left no result." in steps.report()
