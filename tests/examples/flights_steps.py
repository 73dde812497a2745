"""The steps of the flights example, run one by one without taskorch."""

import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.examples.flights_month import EXAMPLE, JANUARY

DOCUMENT = json.loads((EXAMPLE / "workflow.json").read_text(encoding="utf-8"))
COMMANDS = {step["id"]: step["command"] for step in DOCUMENT["workflow"]["steps"]}
BEFORE_THE_CHECK = ("extract", "validate")
AFTER_THE_QUARANTINE = ("load", "aggregate", "report")


@dataclass
class Steps:
    """Runs steps as the document spells their commands, on one work directory."""

    work: Path
    data: Path = JANUARY
    finished: dict[str, subprocess.CompletedProcess[str]] = field(default_factory=dict)

    def argv(self, step: str) -> list[str]:
        """Return the command of *step*, as the runner would start it."""
        words = {"python": sys.executable, "{params.data}": str(self.data)}
        return [words.get(word, word) for word in shlex.split(COMMANDS[step])]

    def environment(self) -> dict[str, str]:
        """Return the environment of a step."""
        return {**os.environ, "TASKORCH_WORK_DIR": str(self.work), "PYTHONDONTWRITEBYTECODE": "1"}

    def run(self, *steps: str, times: int = 1) -> None:
        """Run each of *steps*, one after the other."""
        for step in steps:
            for _ in range(times):
                self.finished[step] = subprocess.run(
                    self.argv(step),
                    cwd=EXAMPLE,
                    env=self.environment(),
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=60,
                )

    def run_all(self, times: int = 1) -> None:
        """Run the steps as the links tell: the quarantine only if the check failed."""
        self.run(*BEFORE_THE_CHECK, "check_foreign_keys", times=times)
        if self.finished["check_foreign_keys"].returncode:
            self.run("quarantine", times=times)
        self.run(*AFTER_THE_QUARANTINE, times=times)

    def statuses(self) -> dict[str, int]:
        """Return the exit status of each step that ran."""
        return {step: process.returncode for step, process in self.finished.items()}

    def report(self) -> list[str]:
        """Return the lines of the report."""
        return (self.work / "report.md").read_text(encoding="utf-8").splitlines()

    def results(self) -> dict[str, bytes]:
        """Return the files that the steps left; not what a killed one was writing."""
        return {path.name: path.read_bytes() for path in self.work.glob("[!.]*")}

    def assert_failed(self, step: str, *messages: str) -> None:
        """Check that *step* ended with status 1, and said why in words rather than a traceback."""
        process = self.finished[step]
        assert process.returncode == 1
        assert process.stdout == ""
        assert process.stderr.startswith(f"{step}: ")
        assert "Traceback" not in process.stderr
        for message in messages:
            assert message in process.stderr
