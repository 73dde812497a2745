"""The front door opens at once: it loads a room when a name of that room is asked for, and nothing else."""

import ast
import importlib
import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import taskorch
from taskorch import errors

DOOR = Path(taskorch.__file__)

# What a program may never need: event loops, drivers, graphs, other people's screens.
HEAVY = {"asyncio", "difflib", "logging", "networkx", "rich", "sqlite3", "ssl", "subprocess", "tenacity", "trio"}
UPSTAIRS = {"api", "cli", "dispatchers", "engine", "formats", "observers", "stores", "testing"}
UNASKED = HEAVY | {f"taskorch.{package}" for package in UPSTAIRS}

RUN = """
async def body():
    return 1
flow = taskorch.Workflow("w")
flow.step(body, id="a")
flow.step(body, id="b", after=["a"])
flow.check()
taskorch.run_sync(flow).check()
"""


def loaded(program: str) -> set[str]:
    """The modules that a new interpreter has loaded after *program*."""
    text = f"{program}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True, cwd=DOOR.parents[1])
    return set(json.loads(done.stdout))


def listed() -> dict[str, str]:
    """The room of every name that the text of the front door imports for type checkers, as it shows it to hosts."""
    tree = ast.parse(DOOR.read_text(encoding="utf-8"))
    blocks = [node for node in tree.body if isinstance(node, ast.If)]
    [block] = [node.body for node in blocks if ast.unparse(node.test) == "_typing.TYPE_CHECKING"]
    imports = [node for node in block if isinstance(node, ast.ImportFrom)]
    return {
        str(alias.asname): str(node.module) for node in imports for alias in node.names if alias.name == alias.asname
    }


def test_type_checkers_know_the_packages() -> None:
    """The packages that the program finds at the front door are those that type checkers are told of."""
    tree = ast.parse(DOOR.read_text(encoding="utf-8"))
    told = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}

    assert {name for name in told if name.startswith("taskorch.")} == {
        f"taskorch.{name}" for name in taskorch._PACKAGES
    }


def test_importing_it_loads_nothing_that_may_not_be_needed() -> None:
    """After ``import taskorch`` no event loop, no driver, no graph and no upper floor is loaded."""
    found = loaded("import taskorch")

    assert not found & UNASKED
    assert {"taskorch", "taskorch.errors"} <= found


def test_a_task_needs_the_ground_floor_only() -> None:
    """A host that keeps tasks, with their time and id by default, and advances them, loads no event loop."""
    found = loaded(
        "import taskorch\n"
        "task, event = taskorch.advance(taskorch.Task.new('a task', queue='normal'), 'enqueue', "
        "now=taskorch.Task.new('now').created_at, by='me')\n"
        "taskorch.Task.from_json(task.to_json())\n"
    )

    assert not found & UNASKED


def test_a_workflow_with_links_is_checked_and_run_without_networkx() -> None:
    """Building, checking and running ask no question about the graph; a store on disk is not loaded either."""
    found = loaded("import taskorch" + RUN)

    assert not found & {"networkx", "sqlite3", "rich", "trio", "tenacity", "taskorch.cli", "taskorch.testing"}
    assert {"asyncio", "taskorch.engine.runner"} <= found


@pytest.mark.parametrize("question", ["stages()", "critical_path()"])
def test_plain_questions_about_the_graph_load_no_networkx(question: str) -> None:
    """Stages and the critical path come from the order of the steps alone."""
    assert "networkx" not in loaded(f"import taskorch{RUN}flow.{question}")


def test_the_critical_path_of_links_back_and_forth_loads_networkx() -> None:
    """Which steps wait for one another is what networkx is for."""
    links = "flow.link('a', 'b', type='start_to_start')\nflow.link('b', 'a', type='finish_to_finish')\n"
    steps = "flow = taskorch.Workflow('w')\nflow.command('true', id='a')\nflow.command('true', id='b')\n"

    assert "networkx" in loaded(f"import taskorch\n{steps}{links}flow.critical_path()")


def test_type_checkers_and_programs_are_told_the_same() -> None:
    """A name that loads its room late is imported from there, ``as`` itself, for type checkers too, and vice versa."""
    rooms = {name: f"taskorch.{room}" for room, names in taskorch._ROOMS.items() for name in names}

    assert rooms == listed()
    assert sum(map(len, taskorch._ROOMS.values())) == len(rooms)
    assert sorted([*errors.__all__, *rooms]) == sorted(taskorch.__all__)


def test_both_lists_are_in_order() -> None:
    """The rooms stand by their names in both lists, so that each is found where it is looked for."""
    assert list(taskorch._ROOMS) == sorted(taskorch._ROOMS)
    assert list(dict.fromkeys(listed().values())) == [f"taskorch.{room}" for room in taskorch._ROOMS]


@pytest.mark.parametrize("name", taskorch.__all__)
def test_a_name_is_the_one_of_its_room(name: str) -> None:
    """However a name is reached, it is the same object; it is pickled by its room and comes back as it was."""
    value = getattr(taskorch, name)
    room = listed().get(name, "taskorch.errors")

    assert getattr(importlib.import_module(room), name) is value
    assert vars(taskorch)[name] is value
    if isinstance(value, type):
        assert pickle.loads(pickle.dumps(value)) is value


def test_everything_can_be_had_at_once() -> None:
    """``from taskorch import *`` gives every public name, and ``dir`` tells them before they are loaded."""
    text = "import taskorch; names = set(dir(taskorch)); from taskorch import *"
    check = "assert {*taskorch.__all__} <= names & set(globals()), {*taskorch.__all__} - names"

    assert "taskorch.engine.runner" in loaded(f"{text}; {check}")


@pytest.mark.parametrize("package", ["dispatchers", "observers", "protocols", "stores", "testing"])
def test_public_packages_need_no_import_of_their_own(package: str) -> None:
    """``taskorch.stores`` and its like are there after ``import taskorch``."""
    assert f"taskorch.{package}" in loaded(f"import taskorch; taskorch.{package}.__all__")


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """A misspelt name is refused as any module refuses it."""
    with pytest.raises(AttributeError, match="module 'taskorch' has no attribute 'Tusk'"):
        _ = taskorch.Tusk
    with pytest.raises(ImportError):
        exec("from taskorch import Tusk", {})
