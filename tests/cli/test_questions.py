"""validate, graph, plan and the general manners of the command line."""

import os
import subprocess
import sys
from importlib.metadata import version

import pytest

from tests.cli.shell import Shell, greeting, python, workflow

ESCAPE, HALF, TURN = chr(0x1B), chr(0xDCFF), chr(0x202E)


@pytest.fixture(autouse=True)
def diamond(shell: Shell) -> None:
    """A workflow of four steps in ``diamond.json``."""
    steps = [
        python("a", "0", estimatedDuration=1000),
        python("b", "0", estimatedDuration=60_000),
        python("c", "0"),
        python("d", "0", estimatedDuration=2000),
    ]
    links = [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d", "failure")]
    shell.write("diamond.json", workflow(*steps, links=links))


def test_validate_says_that_a_document_is_valid(shell: Shell) -> None:
    """A valid document is called valid, with its counts, and leads to 0."""
    said = shell.run("validate", "diamond.json")

    assert (said.code, said.out, said.err) == (0, "diamond.json: valid (4 steps, 4 links)\n", "")


def test_validate_warns_of_what_cannot_be_run(shell: Shell) -> None:
    """What is valid and cannot be carried out yet is listed by path as a warning; the document stays valid."""
    shell.write("w.json", greeting(cache={"key": "k", "ttl": 1000}))
    said = shell.run("validate", "w.json")

    assert said.code == 0
    assert "valid" in said.out
    assert "warning: " in said.err
    assert "workflow.steps[0].cache" in said.err


def test_validate_warns_of_a_step_without_a_command(shell: Shell) -> None:
    """A step with nothing to run is a valid document of the format, and a warning."""
    shell.write("w.json", workflow({"id": "empty"}))
    said = shell.run("validate", "w.json")

    assert said.code == 0
    assert "warning: this cannot be run:\n  workflow.steps[0]: has nothing to run" in said.err


def test_graph_draws_mermaid(shell: Shell) -> None:
    """Graph prints a flow chart in Mermaid, and nothing else."""
    said = shell.run("graph", "diamond.json")

    assert said.code == 0
    assert said.out.startswith('flowchart LR\n    s0["a"]\n')
    assert "    s2 -.->|failure| s3\n" in said.out
    assert said.err == ""


def test_plan_shows_stages_and_the_critical_path(shell: Shell) -> None:
    """Plan prints the stages, and the longest chain by estimates with its duration and its steps."""
    said = shell.run("plan", "diamond.json")

    assert said.code == 0
    assert said.out.splitlines() == [
        "stages:",
        "  1. a",
        "  2. b, c",
        "  3. d",
        "critical path: 1 min 03 s by estimatedDuration",
        "  a → b → d",
        "without an estimate, counted as nothing: c",
    ]


def test_version(shell: Shell) -> None:
    """--version prints the version of the package."""
    said = shell.run("--version")

    assert (0, f"taskorch {version('taskorch')}\n") == (said.code, said.out)


def test_help_tells_the_exit_codes(shell: Shell) -> None:
    """The help of run tells what its exit codes mean."""
    said = shell.run("run", "--help")

    assert said.code == 0
    assert "130  interrupted" in said.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: COMMAND"),
        (["ruin", "w.json"], "invalid choice: 'ruin'"),
        (["run"], "required: FILE"),
        (["run", "w.json", "--concurrency", "0"], "'0' is no whole number above 0"),
        (["run", "w.json", "--concurrency", "two"], "'two' is no whole number above 0"),
        (["run", "w.json", "--param", "data"], "'data' is no NAME=VALUE"),
        (["run", "w.json", "--param", "=x"], "'' is no NAME=VALUE"),
        (["run", "w.json", "--param", f"data={HALF}"], "the value of 'data' is not UTF-8"),
        (["run", "w.json", "--root", "nowhere"], "there is no folder 'nowhere'"),
        (["run", "w.json", "--run", "r"], "unrecognized arguments: --run r"),
        (["plan", "w.json", f"{ESCAPE}[31m"], r"\x1b[31m"),
    ],
    ids=range(11),
)
def test_bad_arguments(shell: Shell, arguments: list[str], message: str) -> None:
    """Arguments that make no sense lead to 2 and say what they should be."""
    said = shell.run(*arguments)

    assert said.code == 2
    assert message in said.err
    assert ESCAPE not in said.err


@pytest.mark.parametrize("command", ["validate", "graph", "plan", "run"])
def test_missing_file(shell: Shell, command: str) -> None:
    """A document that is not there is named, with the reason, and leads to 2."""
    before = shell.files()
    said = shell.run(command, "nowhere.json")

    assert said.code == 2
    assert said.err.startswith("InvalidWorkflow: invalid workflow nowhere.json: 1 problem\n")
    assert "No such file or directory (check the path)" in said.err
    assert said.out == ""
    assert before == shell.files()


def test_titles_do_nothing_to_the_terminal(shell: Shell) -> None:
    """Control characters in a document are shown, not carried out."""
    shell.write("w.json", greeting(name=f"{ESCAPE}]0;owned{TURN}"))
    said = shell.run("graph", "w.json")

    assert r"\x1b]0;owned\u202e" in said.out
    assert ESCAPE not in said.out
    assert TURN not in said.out


def test_output_that_nobody_reads(shell: Shell) -> None:
    """A reader that goes away early is no error, and nothing is said about it."""
    reading, writing = os.pipe()
    os.close(reading)
    said = shell.call("graph", "diamond.json", stdout=writing)
    os.close(writing)

    assert (said.code, said.err) == (0, "")


def test_output_of_another_encoding(shell: Shell) -> None:
    """What the encoding of standard output has no character for is escaped."""
    said = shell.call("plan", "diamond.json", env={**os.environ, "PYTHONIOENCODING": "ascii"})

    assert (said.code, said.err) == (0, "")
    assert "a " + chr(92) + "u2192 b" in said.out


def test_closed_streams(shell: Shell) -> None:
    """A command without standard output and standard error does its work all the same."""
    program = f"exec {sys.executable} -m taskorch validate diamond.json >&- 2>&-"

    assert subprocess.call(["sh", "-c", program], cwd=shell.directory) == 0
