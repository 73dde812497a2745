"""The map of the house is true, no file is a giant, and the front door opens."""

import ast
import re
import statistics
from pathlib import Path

import pytest

import taskorch

ROOT = Path(__file__).parents[1]
HOUSE = ROOT / "src" / "taskorch"
MAP = ROOT / "docs" / "explanation" / "house.md"
LARGEST, MEDIAN = 400, 150

# A row of the map begins with a path in code: | `core/states.py` | ...
ROW = re.compile(r"^\| `(?P<room>[\w/.]+)` +\| +(?P<line>\S.*?) +\|$", re.MULTILINE)

# anyio's deadlines: they ignore a clock that a test advances.
DEADLINES = {"fail_after", "move_on_after"}


def modules(package: Path) -> list[Path]:
    """The modules below *package*, in order."""
    return sorted(package.rglob("*.py"))


def rooms(package: Path, prefix: str = "", depth: int = 2) -> set[str]:
    """The modules and packages of *package* as the map writes them; the map goes two floors deep."""
    found: set[str] = set()
    for path in package.iterdir():
        if path.suffix == ".py" and (path.name != "__init__.py" or not prefix):
            found.add(prefix + path.name)
        elif path.is_dir() and not path.name.startswith((".", "__")) and modules(path):
            found.add(f"{prefix}{path.name}/")
            if depth > 1:
                found |= rooms(path, f"{prefix}{path.name}/", depth - 1)
    return found


def row(room: str) -> str:
    """A row for *room*, as the first line of its docstring suggests it."""
    path = HOUSE / room / "__init__.py" if room.endswith("/") else HOUSE / room
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "?"
    return f"| `{room}` | {docstring.splitlines()[0].rstrip('.')} |"


def test_the_map_names_every_room_and_no_other() -> None:
    """A package or module of the house has its row in the map, and a row has its room."""
    rows = [match["room"] for match in ROW.finditer(MAP.read_text(encoding="utf-8"))]
    missing, gone = rooms(HOUSE) - set(rows), set(rows) - rooms(HOUSE)

    assert not missing, "\n".join([f"put into {MAP.relative_to(ROOT)}:", *map(row, sorted(missing))])
    assert not gone, f"take out of {MAP.relative_to(ROOT)}: {sorted(gone)}"
    assert sorted(rows) == sorted(set(rows)), "a room has two rows"


def test_no_module_is_a_giant() -> None:
    """No module has more than 400 lines, and half of them have at most 150."""
    lengths = {
        str(path.relative_to(HOUSE)): len(path.read_text(encoding="utf-8").splitlines()) for path in modules(HOUSE)
    }
    giants = {name: length for name, length in lengths.items() if length > LARGEST}

    assert not giants
    assert statistics.median(lengths.values()) <= MEDIAN


def test_the_front_door_keeps_its_promises() -> None:
    """Every name in ``__all__`` stands there once, in order, and can be imported."""
    names = list(taskorch.__all__)
    absent = [name for name in names if not hasattr(taskorch, name)]

    assert names == sorted(set(names))
    assert absent == []


# The system's clock is where the engine's waits end; it alone may use the loop's deadlines.
WAITING = [path for path in modules(HOUSE / "engine") if path.name != "clocks.py"]


@pytest.mark.parametrize("path", WAITING, ids=lambda path: str(path.relative_to(HOUSE)))
def test_the_engine_sets_no_deadline_of_the_event_loop(path: Path) -> None:
    """The engine waits through ``Clock``, so that a virtual clock can drive it."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    used = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    used |= {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    scopes = [call for call in calls if ast.unparse(call.func).endswith("CancelScope")]

    assert not used & DEADLINES
    assert not [scope for scope in scopes if "deadline" in {keyword.arg for keyword in scope.keywords}]
