"""Signals and second processes: everything stops, nothing is left, and the run can be resumed."""

import json
import os
import signal
import sqlite3
import subprocess
import uuid
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.shell import PATIENCE, Shell, line_with, python, until, workflow
from tests.dispatchers.processes import tagged

pytestmark = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks for processes in /proc")

FILE = "w.json"
# Each attempt leaves its number; the first one then stays, deaf to TERM if it is told so, with a child beside it.
LINGER = """
import os, pathlib, signal, subprocess, sys, time
if sys.argv[2] == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
attempt = os.environ["TASKORCH_ATTEMPT"]
if attempt == "1":
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)", sys.argv[1]])
pathlib.Path("attempt-" + attempt).touch()
if attempt == "1":
    time.sleep(100)
"""
APPEND = "open('effects', 'a').write('before ')"


@pytest.fixture
def tag() -> str:
    """A word that stands in no other command line."""
    return f"taskorch-test-{uuid.uuid4().hex}"


def start(shell: Shell, tag: str, temper: str = "mild", *options: str) -> "subprocess.Popen[str]":
    """Start a run of two steps; it comes back when the second one stays."""
    steps = [python("before", APPEND), python("stay", LINGER, tag, temper), python("after", "print('done')")]
    shell.write(FILE, workflow(*steps, links=[("before", "stay"), ("stay", "after")]))
    process = shell.start("run", FILE, "--run-id", "r", *options)
    until(lambda: (shell.directory / "attempt-1").exists() or process.poll() is not None)
    assert process.poll() is None
    return process


def resume(shell: Shell) -> None:
    """Check that the store is whole, and that the same command brings the run to its end."""
    with closing(sqlite3.connect(shell.directory / ".taskorch" / "state.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    said = shell.call("run", FILE, "--run-id", "r", "--json")
    steps = json.loads(said.out)["steps"]

    assert said.code == 0
    assert [step["attempts"] for step in steps] == [1, 2, 1]
    assert (shell.directory / "effects").read_text() == "before "


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"])
def test_signal(shell: Shell, tag: str, signum: int, code: int) -> None:
    """A signal stops everything, down to the children of commands; the same command goes on with the run."""
    process = start(shell, tag)
    assert len(tagged(tag)) >= 2
    process.send_signal(signum)
    out, err = process.communicate(timeout=PATIENCE)

    assert process.returncode == code
    assert tagged(tag) == []
    assert out == ""
    assert "interrupted: stopping everything (once more to end at once)\n" in err
    assert err.endswith("nothing of it is alive: go on by the same command with --run-id r\n")
    assert "Traceback" not in err
    resume(shell)


def test_second_signal(shell: Shell, tag: str) -> None:
    """A second signal ends at once, while a command is still deaf to the first; its processes are ended too."""
    process = start(shell, tag, "deaf")
    process.send_signal(signal.SIGINT)
    line_with("interrupted: stopping", process)
    assert tagged(tag) != []
    process.send_signal(signal.SIGINT)

    assert process.wait(PATIENCE) == 130
    until(lambda: not tagged(tag))
    resume(shell)


def test_deaf_command(shell: Shell, tag: str) -> None:
    """One signal is enough for a command that does not listen, too."""
    process = start(shell, tag, "deaf")
    process.send_signal(signal.SIGINT)

    assert process.wait(PATIENCE) == 130
    assert tagged(tag) == []
    resume(shell)


def test_interrupted_run_in_memory(shell: Shell, tag: str) -> None:
    """An interrupted run that is kept nowhere says that there is nothing to go on with."""
    process = start(shell, tag, "mild", "--store", "memory:")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)

    assert process.returncode == 130
    assert tagged(tag) == []
    assert "with --store memory: nothing was kept to go on with\n" in err


def test_killed_run(shell: Shell, tag: str) -> None:
    """After kill -9 the processes of the run are ended, and the same command goes on at once."""
    process = start(shell, tag)
    process.kill()
    process.wait(PATIENCE)

    resume(shell)
    until(lambda: not tagged(tag))


def test_second_process(shell: Shell, tag: str) -> None:
    """While a process has the store another one is refused, told which process it is, and changes nothing."""
    process = start(shell, tag)
    said = shell.call("run", FILE, "--run-id", "r")

    assert (said.code, said.out) == (2, "")
    assert "RunBusy: store " in said.err
    assert f"is held by process {process.pid} (started " in said.err
    assert "; open it with shared=True (--shared) in all of them, or wait until it has ended, stop it" in said.err
    assert "run-id" not in said.err
    assert process.poll() is None
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(PATIENCE) == 130
    resume(shell)


def test_store_that_fails_amid_a_run(shell: Shell, tag: str) -> None:
    """A store that cannot take a record stops the run with 3 and no traceback, and the way to go on is told."""
    process = start(shell, tag)
    with closing(sqlite3.connect(shell.directory / ".taskorch" / "state.db", isolation_level=None)) as database:
        # A broken disk, as far as the run can tell.
        database.execute("CREATE TRIGGER broken BEFORE INSERT ON journal BEGIN SELECT RAISE(FAIL, 'no more'); END")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
        database.execute("DROP TRIGGER broken")

    assert process.returncode == 3
    assert "\nStoreError: store " in err
    assert "no more" in err
    assert err.endswith("go on by the same command with --run-id r\n")
    assert "Traceback" not in err
    assert tagged(tag) == []
    resume(shell)
