"""How the documentation is built: no network, and every warning is an error."""

import builtins
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

suppress_warnings = ["ref.python"]  # the builtin `type` of a signature is also the name of attributes

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
    # What a host gets from values and documents of the front door and need not name has no page of its own.
    (r"py:class", r"taskorch\.core\.(groups|settings)\..*"),
    (r"py:class", r"taskorch\.core\.(body\.Body|critical_path\.CriticalPath|graph\.Wiring|layout\.Layout)"),
    (r"py:class", r"taskorch\.core\.(predictions\.Inputs|states\.Row|workflow\.Memo)"),
    (r"py:class", r"taskorch\.core\.(results\.Metrics|step_results\.StepFault)"),
    (r"py:class", r"taskorch\.core\.escalation\.(records\.Marks|rules\.Notice)"),
    (r"py:class", r"taskorch\.engine\.(current\.StepContext|execution\.LiveRun|handle\.Block)"),
    (r"py:class", r"_Measuring|_Explaining"),
    # What a store and a discipline are made of: rooms that those who write one read themselves.
    (r"py:class", r"taskorch\.core\.(unit\..*|ranking\.Ranking)"),
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
    """Lay out the facts that rules may ask for, from their definitions."""
    from taskorch.core.escalation.facts import FACTS
    from taskorch.core.sla import SlaStatus
    from taskorch.core.states import State

    kinds = {State: "state", SlaStatus: "status", None: "anything"}
    lines = ["| fact | kind | what it is |", "|---|---|---|"]
    lines += [f"| `{name}` | {kinds.get(fact.shape, fact.shape)} | {fact.words} |" for name, fact in FACTS.items()]
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
