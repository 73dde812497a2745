"""Bugs that are planted into a copy of the package, and the checkers that find them: the test of the tests.

``python -m tests.faults.planted`` plants all of them, one after the other, and prints which checker found which.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.faults.bugs import BUGS, Bug

ROOT = Path(__file__).parents[2]
SECONDS = 500
"""How long a campaign may take, on however slow a machine; none is meant to."""
NAME = re.compile(r"^- (?P<name>[a-z]\w+):", re.MULTILINE)
"""How the campaign reports a violation."""


def planted(bug: Bug, home: Path) -> Path:
    """A copy of the package in *home* with *bug* in it; where to import it from."""
    source = Path(shutil.copytree(ROOT / "src", home / "src", ignore=shutil.ignore_patterns("__pycache__")))
    path = source / "taskorch" / bug.file
    text = path.read_text(encoding="utf-8")
    if text.count(bug.before) != 1:
        raise ValueError(f"{bug.name}: {bug.file} has {text.count(bug.before)} places for it instead of 1")
    path.write_text(text.replace(bug.before, bug.after), encoding="utf-8")
    return source


def campaign(source: Path, *options: str) -> tuple[int, str]:
    """Run the campaign on the package in *source*: its exit status, and what it printed."""
    command = [sys.executable, "-m", "tests.faults.campaign", *options]
    environment = {**os.environ, "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
    # A group of its own: a bug may let its children go on for ever.
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
    ) as process:
        try:
            out, err = process.communicate(timeout=SECONDS)
        except BaseException:  # whatever ends the waiting, nobody is left behind
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, out if process.returncode in {0, 1} and out else err


def finders(bug: Bug) -> tuple[set[str], str]:
    """The checkers that find *bug*, and all that the campaign printed."""
    with tempfile.TemporaryDirectory(prefix="taskorch-planted-") as home:
        source = planted(bug, Path(home))
        status, text = campaign(source, "--only", bug.part, *bug.options)
    return (set(NAME.findall(text)) if status == 1 else set()), text


def _row(bug: Bug) -> tuple[bool, str]:
    began = time.monotonic()
    try:
        found, text = finders(bug)
    except (ValueError, subprocess.TimeoutExpired) as error:
        found, text = set(), f"{type(error).__name__}: {error}"
    named = [name for name in bug.found_by if name in found]
    by = ", ".join(f"`{name}`" for name in named) or f"nobody ({sorted(found)}): {text[-600:]}"
    print(f"{bug.name}: {by} ({time.monotonic() - began:.1f} s)", file=sys.stderr)
    return bool(named), f"| {bug.name} | {bug.part} | {by} |"


def report(names: Sequence[str] = ()) -> tuple[bool, str]:
    """Plant the bugs whose names hold one of *names*, or all: whether all were found, and a table of Markdown."""
    bugs = [bug for bug in BUGS if not names or any(name in bug.name for name in names)]
    with ThreadPoolExecutor(2) as pool:
        rows = list(pool.map(_row, bugs))
    lines = ["| planted bug | part of the campaign | found by |", "|---|---|---|", *(row for _, row in rows)]
    lines += ["", f"{sum(found for found, _ in rows)} of {len(rows)} planted bugs were found."]
    return all(found for found, _ in rows), "\n".join(lines)


def main() -> int:
    """Plant the bugs that the arguments name by a part of their names, or all; 1 if one was not found."""
    is_well, text = report(sys.argv[1:])
    print(text)
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
