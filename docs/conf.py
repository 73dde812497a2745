"""How the documentation is built: no network, and every warning is an error."""

import builtins
import re
import tomllib
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
GENERATED = HERE / "_generated"

with (HERE.parent / "pyproject.toml").open("rb") as file:
    _project = tomllib.load(file)["project"]

project = _project["name"]
version = release = _project["version"]
author = project_copyright = "taskorch contributors"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "_generated"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"{project} {version}"

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True  # a default is shown by its name, not by all it holds
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "undoc-members": False}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

nitpick_ignore_regex = [
    # Other projects' inventories are on the network, which a build never touches.
    (r"py:.*", r"(anyio|attr|attrs|cattrs|networkx|tenacity|trio)(\..*)?"),
    # The standard library, for the same reason.
    (r"py:.*", r"(collections|concurrent|contextlib|datetime|enum|logging|os|pathlib|types|typing)(\..*)?"),
    (r"py:(class|exc|obj)", "|".join(dir(builtins))),
    # A signature of the front door may name a type of a room inside, which has no public page.
    (r"py:.*", r"taskorch\.(api|cli|core|dispatchers|engine|formats|observers|protocols|stores)\..*"),
    # Type variables are no objects one could link to.
    (r"py:(class|obj)", r"(.*\.)?_?[A-Z]"),
]


def draw_lifecycle(_app: Sphinx) -> None:
    """Draw the diagrams of the lifecycle from its tables, as text: a page needs no script to show it."""
    from taskorch.core.states import DOCUMENTED, LIFECYCLE
    from taskorch.formats.mermaid import lifecycle

    for name, table in {"documented": DOCUMENTED, "lifecycle": LIFECYCLE}.items():
        write(name, ["```text", lifecycle(table).rstrip(), "```"])


def tabulate_kpis(_app: Sphinx) -> None:
    """Lay out what each figure means from the definitions that the figures follow."""
    from taskorch.core.metrics.definitions import DEFINITIONS

    lines = ["| figure | target | its value | its sample |", "|---|---|---|---|"]
    for kpi in DEFINITIONS:
        target = "none" if kpi.target is None else f"`{kpi.target}`"
        lines.append(f"| {kpi.name}, {kpi.unit} | {target} | {kpi.value} | {kpi.sample} |")
    write("kpis", lines)


def tabulate_facts(_app: Sphinx) -> None:
    """Lay out the facts that rules may ask for, from the table beside them."""
    from taskorch.core.escalation import views

    rule, _head, _rule, *rows, _end = (
        line for line in (views.__doc__ or "").splitlines() if line.startswith(("=", "`", "fact"))
    )
    ends = [index for index, mark in enumerate(rule + " ") if mark == " " and rule[index - 1] == "="]
    starts = [0, *(rule.index("=", end) for end in ends[:-1])]
    lines = ["| fact | kind | what it is |", "|---|---|---|"]
    for row in rows:
        name, kind, words = (row[start:end].strip() for start, end in zip(starts, [*ends[:-1], None], strict=True))
        words = re.sub(r" \(design §\d+\)", "", words)  # readers of the page have no design
        lines.append(f"| {name} | {kind} | {words} |".replace("``", "`"))
    write("facts", lines)


def write(name: str, lines: list[str]) -> None:
    """Write a page that others include."""
    GENERATED.mkdir(exist_ok=True)
    (GENERATED / f"{name}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Hook the drawing in before pages are read."""
    for draw in (draw_lifecycle, tabulate_kpis, tabulate_facts):
        app.connect("builder-inited", draw)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
