"""The command run: what it shows, where it keeps a run, and how it goes on with one."""

import json
import os
import pty
import sqlite3
import stat
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from taskorch.cli.places import Place
from taskorch.stores import SQLiteStore
from tests.cli.shell import PATIENCE, PROGRAM, Said, Shell, greeting, line_with, python, until, workflow

FILE = "w.json"
ESCAPE, BELL = chr(0x1B), chr(7)
APPEND = "import sys; open('effects', 'a').write(sys.argv[1] + chr(10))"
LINGER = "; import time; time.sleep(60 if os.environ['TASKORCH_ATTEMPT'] == '1' else 0)"
FAIL_ONCE = "import os, pathlib, sys; p = pathlib.Path('tried'); sys.exit(0 if p.exists() else p.touch() or 'not yet')"


def run_id_of(said: Said) -> str:
    """The id of the run that a command has told about."""
    return said.err.split(":", 1)[0].removeprefix("run ")


# --- what is shown -----------------------------------------------------------------------------------------


def test_completed_run(shell: Shell) -> None:
    """A run that completes leads to 0, a table of its steps, and the outputs of those nobody waits for."""
    shell.write(FILE, workflow(python("a", "print(1)"), python("b", "print('two')"), links=[("a", "b")]))
    said = shell.run("run", FILE)
    lines = said.out.splitlines()

    assert said.code == 0
    assert lines[0].split() == ["STEP", "OUTCOME", "ATTEMPTS", "DURATION"]
    assert [line.split()[:3] for line in lines[1:3]] == [["a", "completed", "1"], ["b", "completed", "1"]]
    assert lines[3].startswith(f"run {run_id_of(said)}: completed in ")
    assert lines[4:] == ["b: two"]


def test_progress(shell: Shell) -> None:
    """Each start and end is a line on standard error, and so is the new run's id with the way to go on."""
    shell.write(
        FILE, workflow(python("a", "0"), python("b", "0"), python("c", "0"), links=[("a", "b"), ("a", "c", "failure")])
    )
    said = shell.run("run", FILE, "--concurrency", 1)
    lines = [line.split(" after ")[0] for line in said.err.splitlines()]

    assert lines[0] == f"run {run_id_of(said)}: w"
    assert lines[1] == f"after an interruption, go on by the same command with --run-id {run_id_of(said)}"
    assert sorted(lines[2:]) == ["a: completed", "a: started", "b: completed", "b: started", "c: omitted"]


def test_failed_run(shell: Shell) -> None:
    """A run that fails leads to 1; the table says why, in one bounded line without control characters."""
    shout = f"import sys; sys.exit('{ESCAPE}[31m' + 'x' * 5000 + '{BELL} the end')"
    shell.write(FILE, workflow(python("a", shout), python("b", "0"), links=[("a", "b")]))
    said = shell.run("run", FILE)
    note = said.out.splitlines()[2]

    assert said.code == 1
    assert "a     failed " in said.out
    assert "b     omitted" in said.out
    assert note.startswith("    StepFailed: step 'a' exited with status 1; it said: ")
    assert note.endswith(r"\x07 the end")
    assert len(note) < 500
    assert ESCAPE not in said.out + said.err


def test_failure_that_is_allowed(shell: Shell) -> None:
    """A failure that is allowed is shown as such, and the run completes."""
    shell.write(FILE, greeting(command=["python", "-c", "1/0"], allowFailure=True))
    said = shell.run("run", FILE)

    assert said.code == 0
    assert "greet  failed (allowed)         1" in said.out
    assert "ZeroDivisionError" in said.out


def test_attempts(shell: Shell) -> None:
    """Another attempt is told, and counted in the table."""
    shell.write(FILE, workflow(python("a", FAIL_ONCE, retries=1, retryDelay=1)))
    said = shell.run("run", FILE)

    assert said.code == 0
    assert "a: started, attempt 2\n" in said.err
    assert said.out.splitlines()[1].split()[:3] == ["a", "completed", "2"]


def test_json(shell: Shell) -> None:
    """With --json standard output is the result document and nothing else, in characters any terminal bears."""
    shell.write(FILE, greeting(command=["python", "-c", f"print('{ESCAPE}[31m→')"]))
    said = shell.run("run", FILE, "--json", "--run-id", "r")
    document = json.loads(said.out)

    assert said.code == 0
    assert said.out.isascii()
    assert ESCAPE not in said.out
    assert (document["workflowId"], document["status"]) == ("r", "completed")
    assert document["steps"][0]["output"] == f"{ESCAPE}[31m→"


def test_json_of_a_failed_run(shell: Shell) -> None:
    """A failed run has a result document too."""
    shell.write(FILE, greeting(command=["python", "-c", "1/0"]))
    said = shell.run("run", FILE, "--json")

    assert said.code == 1
    assert json.loads(said.out)["steps"][0]["error"]["type"] == "StepFailed"


def test_long_outputs(shell: Shell) -> None:
    """The outputs at the end are bounded and do nothing to a terminal; several lines stay several."""
    shell.write(FILE, workflow(python("a", "print('x' * 10_000)"), python("b", f"print('1{BELL}'); print(2)")))
    lines = shell.run("run", FILE).out.splitlines()

    assert len(max(lines, key=len)) < 2100
    assert lines[-2:] == [r"b: 1\x07", "    2"]


@pytest.mark.parametrize("target", ["stdout", "stderr"])
def test_nobody_reads(shell: Shell, target: str) -> None:
    """A run does not care whether anybody reads what it says."""
    shell.write(FILE, greeting())
    reading, writing = os.pipe()
    os.close(reading)
    said = shell.call("run", FILE, **{target: writing})
    os.close(writing)

    assert said.code == 0
    assert "Error" not in said.err + said.out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_result_that_cannot_be_written(shell: Shell) -> None:
    """A result that the disk does not take is an error of the machine, not of the run: 3, and it is still recorded."""
    shell.write(FILE, greeting())
    with Path("/dev/full").open("w") as full:
        said = shell.call("run", FILE, "--run-id", "r", "--json", stdout=full)
    again = shell.run("run", FILE, "--run-id", "r", "--json")

    assert said.code == 3
    assert "OSError: [Errno 28] No space left on device" in said.err
    assert "Traceback" not in said.err
    assert json.loads(again.out)["success"]


# --- on a terminal -----------------------------------------------------------------------------------------

WITHOUT_RICH = "import sys; sys.modules['rich'] = None; from taskorch.cli import main; sys.exit(main())"


def on_terminal(shell: Shell, program: Sequence[str] = PROGRAM, term: str = "xterm") -> tuple[int, str]:
    """Run the workflow with standard output and standard error on a terminal; its status and what is seen."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": term, "COLUMNS": "100"}
    process = shell.start("run", FILE, program=program, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    seen = b""
    try:
        while piece := os.read(ours, 65536):
            seen += piece
    except OSError:  # how Linux says that the other side has been closed
        pass
    os.close(ours)
    return process.wait(PATIENCE), seen.decode()


def test_live_display(shell: Shell) -> None:
    """On a terminal rich shows what runs at the moment, and the table in colour; the cursor is given back."""
    pytest.importorskip("rich")
    shell.write(FILE, workflow(python("a", "import time; time.sleep(0.5)"), python("b[0]", "1/0")))
    code, seen = on_terminal(shell)

    assert code == 1
    assert "a  0." in seen
    assert f"{ESCAPE}[32ma: completed after " in seen
    assert f"{ESCAPE}[31mfailed" in seen
    assert "b[0]: StepFailed: step 'b[0]' exited" in seen
    assert seen.rindex(f"{ESCAPE}[?25h") > seen.rindex(f"{ESCAPE}[?25l")


@pytest.mark.parametrize(
    ("program", "term"),
    [((sys.executable, "-c", WITHOUT_RICH), "xterm"), (PROGRAM, "dumb")],
    ids=["without rich", "dumb terminal"],
)
def test_plain_display(shell: Shell, program: Sequence[str], term: str) -> None:
    """Without rich, or on a terminal that cannot do more, there are plain lines."""
    shell.write(FILE, greeting())
    code, seen = on_terminal(shell, program, term)

    assert code == 0
    assert "greet: started\r\n" in seen
    assert "greet: completed after " in seen
    assert "greet: hello\r\n" in seen
    assert ESCAPE not in seen


# --- where a run is kept -----------------------------------------------------------------------------------


def test_default_store(shell: Shell) -> None:
    """By default a run is kept in .taskorch/, which only its owner may enter."""
    shell.write(FILE, workflow(python("a", "import os; print(os.environ['TASKORCH_WORK_DIR'])")))
    said = shell.run("run", FILE)
    ours = shell.directory / ".taskorch"

    assert stat.S_IMODE(ours.stat().st_mode) == 0o700
    assert (ours / "state.db").is_file()
    assert Path(said.out.splitlines()[-1].removeprefix("a: ")).parent == ours / "state.db.work"


def test_named_store(shell: Shell) -> None:
    """With --store the run is kept in that file, and the files of its steps beside it; there is no .taskorch/."""
    (shell.directory / "kept").mkdir()
    shell.write(FILE, workflow(python("a", "import os; print(os.environ['TASKORCH_WORK_DIR'])")))
    said = shell.run("run", FILE, "--store", "kept/runs.db")

    assert (shell.directory / "kept" / "runs.db").is_file()
    assert Path(said.out.splitlines()[-1].removeprefix("a: ")).parent == shell.directory / "kept" / "runs.db.work"
    assert not (shell.directory / ".taskorch").exists()


def test_work_directory_of_a_resumed_run(shell: Shell) -> None:
    """A run has one work directory, from wherever and by whatever link its store is reached."""
    work = "import os, pathlib; pathlib.Path('seen', os.environ['TASKORCH_WORK_DIR'].replace('/', '_')).touch()"
    document = workflow(python("a", work + LINGER), python("b", work), links=[("a", "b", "always")])
    (shell.directory / "seen").mkdir()
    (shell.directory / "kept").mkdir()
    (shell.directory / "link").symlink_to("kept")
    shell.write(FILE, document)
    first = shell.start("run", FILE, "--store", "kept/runs.db", "--run-id", "r")
    line_with("a: started", first)
    until(lambda: list((shell.directory / "seen").iterdir()))
    first.kill()
    first.wait()
    again = shell.call("run", "../" + FILE, "--store", "../link/runs.db", "--run-id", "r", cwd=shell.directory / "seen")

    assert again.code == 0
    assert len(list((shell.directory / "seen").iterdir())) == 1


def test_memory_store(shell: Shell) -> None:
    """With --store memory: nothing is kept here; the steps have a work directory among the temporary files."""
    shell.write(FILE, workflow(python("a", "import os; print(os.environ['TASKORCH_WORK_DIR'])")))
    said = shell.run("run", FILE, "--store", "memory:")

    assert said.code == 0
    assert Path(said.out.splitlines()[-1].removeprefix("a: ")).is_relative_to(tempfile.gettempdir())
    assert not (shell.directory / ".taskorch").exists()
    assert not list(shell.directory.rglob("*.db"))
    assert "--run-id" not in said.err


# --- going on ----------------------------------------------------------------------------------------------


def test_finished_run(shell: Shell) -> None:
    """The same command with the id of a finished run prints the recorded result, and runs nothing."""
    shell.write(FILE, workflow(python("a", APPEND, "a"), python("b", APPEND, "{params.x}"), parameters={"x": "1"}))
    first = shell.run("run", FILE, "--json", "--param", "x=2")
    document = json.loads(first.out)
    again = shell.run("run", FILE, "--json", "--run-id", document["workflowId"], "--param", "x=2")
    without = shell.run("run", FILE, "--json", "--run-id", document["workflowId"])

    assert (again.code, json.loads(again.out)) == (0, document)
    assert (without.code, json.loads(without.out)) == (0, document)
    assert "it had ended before; this is its recorded result" in again.err
    assert sorted((shell.directory / "effects").read_text().split()) == ["2", "a"]


def test_finished_run_that_failed(shell: Shell) -> None:
    """The recorded result of a run that failed leads to 1 again, and is not tried anew."""
    shell.write(FILE, workflow(python("a", FAIL_ONCE)))

    assert shell.run("run", FILE, "--run-id", "r").code == 1
    assert shell.run("run", FILE, "--run-id", "r").code == 1
    assert shell.run("run", FILE, "--run-id", "s").code == 0


def test_changed_definition(shell: Shell) -> None:
    """A run whose workflow or params have changed is refused, and says what to do."""
    shell.write(FILE, workflow(python("a", APPEND, "{params.x}")))
    shell.run("run", FILE, "--run-id", "r", "--param", "x=1")
    other_params = shell.run("run", FILE, "--run-id", "r", "--param", "x=2")
    shell.write(FILE, workflow(python("a", APPEND, "{params.x}"), python("b", "0")))
    other_steps = shell.run("run", FILE, "--run-id", "r", "--param", "x=1")

    assert (other_params.code, other_steps.code) == (2, 2)
    assert "WorkflowChanged: run 'r' was started with another params; " in other_params.err
    assert "WorkflowChanged: run 'r' was started with another definition; give the same one" in other_steps.err
    assert (shell.directory / "effects").read_text().split() == ["1"]


def test_params_have_the_type_of_their_default(shell: Shell) -> None:
    """A param is text; where the workflow's default is none, it is read as JSON if it can be."""
    shell.write(FILE, workflow(python("a", "0"), parameters={"text": "x", "number": 1, "list": [], "loose": True}))
    given = ["text=2", "number=2", "list=[2, {}]", "loose=yes"]
    shell.run("run", FILE, "--run-id", "r", *(word for pair in given for word in ("--param", pair)))

    async def record() -> dict[str, object]:
        async with SQLiteStore(".taskorch/state.db") as store:
            (found,) = await store.read(["r"])
            assert found is not None
            return dict(json.loads(found.body)["task"]["x-taskorch"]["run"]["params"])

    assert anyio.run(record) == {"text": "2", "number": 2, "list": [2, {}], "loose": "yes"}


def test_debug_mode(shell: Shell) -> None:
    """A document in debug mode has the run tell of itself on standard error, with explanations, as it asks."""
    steps = [{"id": "a", "command": "true"}, {"id": "b", "command": "true", "condition": "on_failure(a)"}]
    debug = {"logLevel": "info", "traceDependencies": True}
    shell.write(FILE, {"workflow": {"name": "w", "steps": steps}, "debug": debug})
    said = shell.run("run", FILE, "--store", "memory:")
    told = [line.partition("/")[2] for line in said.err.splitlines() if line.startswith("debug: ") and "/" in line]

    assert told[0] == "a: complete, now COMPLETED: its body ended well; it had to wait for no step"
    assert told[1].startswith("b: cancel, now CANCELLED (omitted): its condition on other steps was not met: on_")
    assert len(told) == 2


def test_a_store_may_be_shared(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --shared the file is opened as others open it too; what that costs with an old library is one line."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 2))
    shell.write(FILE, greeting())
    said = shell.run("run", FILE, "--store", "s.db", "--shared")
    assert said.code == 0
    assert said.err.startswith("warning: SQLite ")
    with closing(sqlite3.connect(shell.directory / "s.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)

    said = shell.run("run", FILE, "--store", "memory:", "--shared")
    assert said.code == 2
    assert "memory: cannot be shared" in said.err


def test_a_run_in_a_database_has_no_file(shell: Shell) -> None:
    """The address of a database is no path: its steps have a work directory among the temporary files."""
    place = Place.of("postgresql://me:hidden@nowhere/x")
    assert (place.file, place.folder, place.keeps) == (None, None, True)
    assert shell.directory not in place.work_root.parents


def test_a_store_that_cannot_be_opened_began_nothing(shell: Shell) -> None:
    """Where the store is not reached no run is begun, and none is spoken of."""
    shell.write(FILE, greeting())
    said = shell.run("run", FILE, "--store", "postgresql://me:hidden@127.0.0.1:1/x")
    assert said.code == 3
    assert said.err.startswith("StoreUnavailable: store postgresql://me@127.0.0.1:1/x: cannot be reached")
    assert said.err.endswith("\nnothing was begun\n")
    assert "--run-id" not in said.err
