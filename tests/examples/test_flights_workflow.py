"""The flights example as a whole, by the command of the README: its report, and what survives ``kill -9``."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest

from taskorch.core.frontier.facts import COMPLETE, FAIL, RETRY, START, Fact
from taskorch.stores import SQLiteStore
from tests.examples.flights_month import EXAMPLE, Month

STEPS = ("extract", "validate", "check_foreign_keys", "quarantine", "load", "aggregate", "report")
RUN = "flights"


@dataclass
class Run:
    """One run of the example, in a working directory of its own."""

    directory: Path
    options: tuple[str, ...] = ()
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self) -> "subprocess.Popen[str]":
        """Start the command, or start it again."""
        self.directory.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "taskorch", "run", str(EXAMPLE / "workflow.json"), "--run-id", RUN, "--json"]
        process = subprocess.Popen(
            [*command, *self.options],
            cwd=self.directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        self.processes.append(process)
        return process

    def finish(self) -> dict[str, Any]:
        """Run the command to its end; its result."""
        process = self.start()
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        return dict(json.loads(out))

    @property
    def work(self) -> Path | None:
        """The work directory of the run, once there is one."""
        return next((self.directory / ".taskorch" / "state.db.work").glob("*"), None)

    def report(self) -> bytes:
        """The report."""
        assert self.work is not None
        return (self.work / "report.md").read_bytes()

    def results(self) -> dict[str, tuple[int, int]]:
        """What the steps have left: each file by name, with what changes when it is written again."""
        found = {}
        for path in self.work.iterdir() if self.work else ():
            if not path.name.endswith(".tmp"):
                status = path.stat()
                found[path.name] = (status.st_ino, status.st_mtime_ns)
        return found

    def is_writing(self, name: str) -> bool:
        """Whether a step is at work on the file *name*."""
        return self.work is not None and any(self.work.glob(f".{name}.*.tmp"))

    def facts(self) -> list[Fact]:
        """What is recorded, read from a copy, so that the next process finds the store as it was left."""
        copy = self.directory / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for name in ("state.db", "state.db-wal"):
            if (path := self.directory / ".taskorch" / name).exists():
                shutil.copy(path, copy)

        async def read() -> list[Fact]:
            async with SQLiteStore(copy / "state.db") as store:
                return [fact for entry in await store.journal(RUN) for fact in entry.facts]

        return anyio.run(read)

    def close(self) -> None:
        """Leave nothing running."""
        for process in self.processes:
            with process:
                process.kill()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, dict[str, Any]]:
    """A run that nobody disturbed, and its result."""
    run = Run(tmp_path_factory.mktemp("whole"))
    return run, run.finish()


def sources() -> set[Path]:
    """The files of the example; Python's own cache is none of them."""
    return {path for path in EXAMPLE.rglob("*") if "__pycache__" not in path.parts}


def outcomes(result: dict[str, Any]) -> dict[str, str]:
    """How each step ended."""
    return {step["id"]: step["status"] for step in result["steps"]}


# --- the whole ---------------------------------------------------------------------------------------------


def test_only_the_check_fails_and_the_run_completes(whole: tuple[Run, dict[str, Any]]) -> None:
    """The check of the references fails and is allowed to; its failure starts the quarantine; the run completes."""
    _, result = whole

    assert result["success"]
    assert outcomes(result) == dict.fromkeys(STEPS, "completed") | {"check_foreign_keys": "failed"}


@pytest.mark.parametrize(
    "line",
    [
        "- flights: 27,004",
        "- to unknown airports: 680 (SJU 486, BQN 93, STT 70, PSE 31)",
        "- without a departure: 521",
        "- from EWR: 9,893",
        "- from JFK: 9,161",
        "- from LGA: 7,950",
    ],
)
def test_report_states_the_known_figures(whole: tuple[Run, dict[str, Any]], line: str) -> None:
    """The report of the run states the figures that are known from outside."""
    run, _ = whole

    assert line in run.report().decode().splitlines()


def test_report_is_the_output_of_the_last_step(whole: tuple[Run, dict[str, Any]]) -> None:
    """The output of the last step is the path of the report, in the run's work directory."""
    run, result = whole
    path = Path(result["steps"][-1]["output"])

    assert path.read_bytes() == run.report()
    assert path.is_relative_to(run.directory)


def test_path_of_the_report_is_printed(whole: tuple[Run, dict[str, Any]]) -> None:
    """The command prints where the report is, also when it is given again."""
    run, result = whole
    command = [sys.executable, "-m", "taskorch", "run", str(EXAMPLE / "workflow.json"), "--run-id", RUN]
    printed = subprocess.run(command, cwd=run.directory, capture_output=True, text=True, check=True, timeout=60)

    assert printed.stdout.splitlines()[-1] == f"report: {result['steps'][-1]['output']}"


def test_nothing_is_written_beside_the_sources(tmp_path: Path) -> None:
    """A run leaves the folder of the example as it was."""
    before = sources()
    Run(tmp_path / "run").finish()

    assert sources() == before


def test_another_month(tmp_path: Path, small_month: Path) -> None:
    """With the data of another month, where every airport is known, no quarantine is needed."""
    run = Run(tmp_path / "run", ("--param", f"data={small_month}"))
    result = run.finish()

    assert outcomes(result) == dict.fromkeys(STEPS, "completed") | {"quarantine": "omitted"}
    assert set(Month.read(small_month).report_lines()) <= set(run.report().decode().splitlines())


# --- kill -9 -----------------------------------------------------------------------------------------------

#: What a step leaves when it has ended.
RESULT_OF = {
    "extract": "flights.csv",
    "validate": "counts.json",
    "check_foreign_keys": "unknown_references.json",
    "quarantine": "flights_quarantined.csv",
    "load": "flights.db",
    "aggregate": "delays.json",
}
#: Ten points of the course: a step has begun, or is amid the writing of a file.
POINTS: tuple[tuple[str, str | None], ...] = (
    ("extract", None),
    ("extract", "flights.csv"),
    ("validate", None),
    ("check_foreign_keys", None),
    ("quarantine", None),
    ("quarantine", "flights_clean.csv"),
    ("load", None),
    ("load", "flights.db"),
    ("aggregate", None),
    ("report", None),
)
Place = tuple[int, str | None, str | None]
"""How many facts are recorded, which step is under way, and which file it was writing."""


@dataclass
class Killed:
    """A run that was killed.

    Attributes:
        run: The run.
        facts: What was recorded at that time.
        results: What the steps had left.
        place: Where it was.
    """

    run: Run
    facts: list[Fact]
    results: dict[str, tuple[int, int]]
    place: Place


def kill_at(run: Run, said: str, file: str | None = None) -> None:
    """Start the run, and kill it by force when it has *said* something, and then is writing *file*."""
    process = run.start()
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(said):
            break
    limit = time.monotonic() + 30
    while file is not None and not run.is_writing(file) and process.poll() is None and time.monotonic() < limit:
        time.sleep(0.001)
    process.kill()
    process.communicate(timeout=30)


def killed(run: Run, step: str, file: str | None) -> Killed | None:
    """A run killed at a point, or None if the machine was too slow to hit it."""
    kill_at(run, f"{step}: started", file)
    writing = next((name for _, name in POINTS if name is not None and run.is_writing(name)), None)
    facts = run.facts()
    begun = [fact[0] for fact in facts if fact[1] in (START, RETRY)]
    ended = {fact[0] for fact in facts if fact[1] in (COMPLETE, FAIL)}
    under_way = [STEPS[number] for number in begun if number not in ended]
    if under_way != [step] or writing != file:
        return None
    return Killed(run, facts, run.results(), (len(facts), step, writing))


@pytest.fixture(scope="module")
def victims(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Killed]]:
    """Ten runs, killed at ten points."""
    folder = tmp_path_factory.mktemp("victims")
    runs: list[Run] = []

    def aim(step: str, file: str | None) -> Killed:
        for _ in range(8):
            runs.append(Run(folder / f"{len(runs)}"))
            if hit := killed(runs[-1], step, file):
                return hit
        raise AssertionError(f"could not hit {step} {file or ''}")

    yield [aim(*point) for point in POINTS]
    for run in runs:
        run.close()


def test_the_points_are_different(victims: list[Killed]) -> None:
    """The ten runs were killed at ten different points, spread over all seven steps."""
    assert len({victim.place for victim in victims}) == 10
    assert {step for _, step, _ in (victim.place for victim in victims)} == set(STEPS)


@pytest.mark.parametrize("number", range(len(POINTS)), ids=[f"{step}-{file or 'begun'}" for step, file in POINTS])
def test_kill_and_resume(victims: list[Killed], whole: tuple[Run, dict[str, Any]], number: int) -> None:
    """After kill -9 the same command ends with the same report, and runs no recorded step again."""
    victim, (undisturbed, expected) = victims[number], whole
    run, before = victim.run, victim.facts
    result = run.finish()
    after = run.facts()

    assert run.report() == undisturbed.report()
    assert outcomes(result) == outcomes(expected)
    # Nothing that was recorded is lost or changed.
    assert after[: len(before)] == before
    # Each step has ended once, and what had ended was not begun again.
    recorded = {fact[0] for fact in before if fact[1] in (COMPLETE, FAIL)}
    assert sorted(fact[0] for fact in after if fact[1] == COMPLETE) == [0, 1, 3, 4, 5, 6]
    assert not [fact for fact in after[len(before) :] if fact[0] in recorded]
    # Nor has it written anything again.
    for step in recorded:
        file = RESULT_OF[STEPS[step]]
        assert run.results()[file] == victim.results[file]
    # The step that was under way was tried once more, and all others once.
    step = victim.place[1]
    assert {entry["id"]: entry["attempts"] for entry in result["steps"]} == dict.fromkeys(STEPS, 1) | {step: 2}


@pytest.mark.parametrize("said", ["run flights: ", "report: completed after "], ids=["beginning", "end"])
def test_kill_at_the_edges(tmp_path: Path, whole: tuple[Run, dict[str, Any]], said: str) -> None:
    """Killed before anything is recorded, or after everything is, the same command ends with the same report."""
    run, (undisturbed, expected) = Run(tmp_path / "run"), whole
    kill_at(run, said)
    result = run.finish()
    run.close()

    assert run.report() == undisturbed.report()
    assert outcomes(result) == outcomes(expected)
    assert sorted(fact[0] for fact in run.facts() if fact[1] == COMPLETE) == [0, 1, 3, 4, 5, 6]
