"""Whatever is wrong with the input is said once, with its place and its remedy; nothing is run or written."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import Shell, greeting, python, workflow

A, B = python("a", "0"), python("b", "0")
FILE = "w.json"
ESCAPE = chr(0x1B)


def step(**members: Any) -> dict[str, Any]:
    """A document with one step."""
    return workflow({**A, **members})


# name: (what the file holds, the type of the error, parts of its message)
DOCUMENTS: dict[str, tuple[object, str, tuple[str, ...]]] = {
    "cycle": (
        workflow(A, B, links=[("a", "b"), ("b", "a")]),
        "CycleError",
        ("document: the links form a circle: a → b → a (remove one of them)",),
    ),
    "self-link": (
        workflow(A, links=[("a", "a")]),
        "InvalidWorkflow",
        ("workflow.dependencies[0] (line 1): 'a' would wait for itself (remove the link)",),
    ),
    "duplicate id": (
        workflow(A, A),
        "InvalidWorkflow",
        ("workflow.steps[1].id (line 1): the id 'a' is that of workflow.steps[0] too (ids are unique)",),
    ),
    "dangling link": (
        workflow(python("extract", "0"), links=[("extrakt", "extract")]),
        "InvalidWorkflow",
        ("workflow.dependencies[0].from (line 1): there is no step 'extrakt' (did you mean 'extract'?)",),
    ),
    "condition of a link": (
        workflow(A, B, links=[("a", "b", "succes")]),
        "InvalidWorkflow",
        ("workflow.dependencies[0].condition (line 1): ", "success"),
    ),
    "condition of a step": (
        workflow(A, {**B, "condition": "on_sucess(a)"}),
        "InvalidWorkflow",
        ("workflow.steps[1].condition (line 1): ", "did you mean", "on_success"),
    ),
    "unknown key": (
        step(timout=1000),
        "InvalidWorkflow",
        ("workflow.steps[0].timout (line 1): is not a known key (did you mean 'timeout'?)",),
    ),
    "wrong type": (
        step(timeout="7"),
        "InvalidWorkflow",
        ("workflow.steps[0].timeout (line 1): expected a number",),
    ),
    "negative time": (
        step(timeout=-1),
        "InvalidWorkflow",
        ("workflow.steps[0].timeout (line 1): ", "not negative"),
    ),
    "not UTF-8": (b'{"workflow": "' + bytes([255]) + b'"}', "InvalidWorkflow", ("UTF-8",)),
    "empty file": (b"", "InvalidWorkflow", ("document: is empty (a JSON object is expected)",)),
    "no JSON": ('{\n"workflow": ,\n}', "InvalidWorkflow", ("document (line 2): is not JSON: ",)),
    "10,000 deep": ("[" * 10_000 + "]" * 10_000, "InvalidWorkflow", ("nested deeper than 100 levels",)),
    "not supported": (
        step(gate={"approvers": ["x"]}),
        "UnsupportedFeature",
        ("workflow.steps[0].gate; remove these fields",),
    ),
    "nothing to run": (
        workflow({"id": "a"}),
        "InvalidWorkflow",
        ("has nothing to run (give it a command",),
    ),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_bad_document(shell: Shell, name: str) -> None:
    """A bad document leads to 2 and one message with the type, every path, the line and a remedy."""
    content, kind, messages = DOCUMENTS[name]
    shell.write(FILE, content)
    before = shell.files()
    said = shell.run("run", FILE)

    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"{kind}: ")
    for message in messages:
        assert message in said.err
    assert "Traceback" not in said.err
    assert before == shell.files()


def test_all_problems_at_once(shell: Shell) -> None:
    """All problems of a document are listed, each in its line of the message with its line of the document."""
    text = '{"workflow": {"name": "",\n"steps": [{"id": "a", "command": 3},\n{"id": "a"}],\n"color": 1}}'
    shell.write(FILE, text)
    said = shell.run("validate", FILE)
    head, *problems = said.err.splitlines()

    assert said.code == 2
    assert head == "InvalidWorkflow: invalid workflow w.json: 4 problems"
    assert sorted(line for problem in problems for line in range(1, 5) if f"(line {line}): " in problem) == [1, 2, 3, 4]


def test_messages_do_nothing_to_the_terminal(shell: Shell) -> None:
    """Control characters of a document are escaped in messages about it."""
    shell.write(FILE, {"workflow": {"name": "w", "steps": [], f"{ESCAPE}[31m\nfake": 1}})
    said = shell.run("run", FILE)

    assert said.code == 2
    assert ESCAPE not in said.err
    assert "\nfake" not in said.err


# --- params and runs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--param", "dta=x"], "there is no param 'dta' (did you mean 'data'?)"),
        (["--param", "more=x"], "the param 'data' is missing; give it with params= or --param data=…"),
        ([], "the param 'data' is missing"),
        (["--run-id", "new"], "the param 'data' is missing"),
        (["--param", "data=1", "--param", "data=2"], "--param data=… is given more than once"),
        (["--param", "data=1", "--run-id", "../x"], "--run-id: '../x' is not a task id: up to 128 letters"),
        (["--param", "data=1", "--run-id", ""], "--run-id: '' is not a task id"),
    ],
    ids=["unknown", "other", "missing", "missing in a named run", "twice", "path as run id", "empty run id"],
)
def test_bad_params(shell: Shell, options: list[str], message: str) -> None:
    """Params that are missing, unknown or given twice are refused before anything is written; so are bad run ids."""
    shell.write(FILE, workflow(python("a", "0", "{params.data}")))
    before = shell.files()
    said = shell.run("run", FILE, *options)

    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("InvalidParameters: ")
    assert message in said.err
    assert before == shell.files()


def test_new_run_without_its_param_in_a_known_store(shell: Shell) -> None:
    """A new run is refused without its params in a store that is there, too."""
    shell.write(FILE, workflow(python("a", "0", "{params.data}")))
    shell.run("run", FILE, "--run-id", "one", "--param", "data=1")
    said = shell.run("run", FILE, "--run-id", "two")

    assert said.code == 2
    assert "InvalidParameters: the param 'data' is missing" in said.err


# --- stores ------------------------------------------------------------------------------------------------


def no_database(path: Path) -> None:
    """A file that is no database."""
    path.write_text("These are my notes.\n" * 20, encoding="utf-8")


def folder(path: Path) -> None:
    """A folder with something in it."""
    path.mkdir()
    (path / "file").write_text("mine", encoding="utf-8")


def of_another_program(path: Path) -> None:
    """A SQLite database of somebody else."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE bookmarks (url)")
        database.commit()


def of_another_version(path: Path) -> None:
    """A store of ours with the mark of a later schema."""
    from taskorch.stores.sqlite import schema

    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        schema.create(database)
        database.execute(f"PRAGMA user_version = {schema.VERSION + 1}")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (no_database, "is no SQLite database; it was left as it is; give the path of another file"),
        (folder, "is a folder; give the path of a file"),
        (of_another_program, "another application"),
        (of_another_version, "has schema version 3, and this taskorch reads versions 1 to 2; it was left as it is"),
    ],
    ids=["text", "folder", "another program", "another version"],
)
def test_unreadable_store(shell: Shell, make: Callable[[Path], None], message: str) -> None:
    """What is no store of ours, or not of our schema, is refused with a remedy, and left as it is."""
    shell.write(FILE, greeting())
    make(shell.directory / "store")
    before = shell.files()
    said = shell.run("run", FILE, "--store", "store")

    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("StoreUnreadable: store store: ")  # and no word of a run that was begun
    assert message in said.err
    assert before == shell.files()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nowhere/store.db", "nowhere; make it first"),
        (
            "redis://localhost",
            "this kind of store is not known; use memory:, a path, sqlite:///path, or postgresql://host/database",
        ),
        ("", 'names no store; use "memory:", a path'),
    ],
    ids=["folder that is not there", "unknown kind", "empty"],
)
def test_impossible_store(shell: Shell, url: str, message: str) -> None:
    """A store that cannot be is refused with what could be given instead."""
    shell.write(FILE, greeting())
    before = shell.files()
    said = shell.run("run", FILE, "--store", url)

    assert (said.code, said.out) == (2, "")
    assert "StoreUnreadable: " in said.err
    assert message in said.err
    assert before == shell.files()


def test_file_in_the_place_of_our_folder(shell: Shell) -> None:
    """Where the folder of the default store cannot be made, another place is asked for."""
    shell.write(FILE, greeting())
    shell.write(".taskorch", "mine")
    before = shell.files()
    said = shell.run("run", FILE)

    assert (said.code, said.out) == (2, "")
    assert "cannot be made (File exists); give another place with --store" in said.err
    assert before == shell.files()


# --- steps -------------------------------------------------------------------------------------------------


def test_output_that_cannot_be_stored(shell: Shell) -> None:
    """An output that should be JSON and is not fails its step, before anything depends on it."""
    shell.write(FILE, workflow(python("a", "print('no json')", output="json"), B, links=[("a", "b")]))
    said = shell.run("run", FILE)

    assert said.code == 1
    assert "OutputNotStorable: step 'a' " in said.out
    assert [line.split()[:3] for line in said.out.splitlines() if line.startswith("b ")] == [["b", "omitted", "0"]]


def test_working_directory_outside_of_the_root(shell: Shell) -> None:
    """A step that would leave its root fails, and says why; --root allows it."""
    (shell.directory / "documents").mkdir()
    shell.write("documents/w.json", greeting(workingDirectory=".."))
    refused = shell.run("run", "documents/w.json")
    allowed = shell.run("run", "documents/w.json", "--root", ".")

    assert (refused.code, allowed.code) == (1, 0)
    assert "is outside the root" in refused.out
