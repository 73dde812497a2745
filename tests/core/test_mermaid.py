"""Diagrams: drawn from the tables and graphs, with labels that stay labels."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorch import DOCUMENTED, LIFECYCLE, State, TransitionTable, Workflow
from taskorch.formats import mermaid
from tests.core.samples import flow_of, load

ARROW = re.compile(r"^ {4}(\S+) --> (\w+): (\w+)$", re.MULTILINE)
NODE = re.compile(r'^ {4}(s\d+)\["([^"]*)"\]$', re.MULTILINE)
HOSTILE = [
    '"]; click a "javascript:alert(1)',
    "<script>",
    "a\nb --> c",
    "a\r\nb",
    "#quot;",
    "&amp;",
    "]",
    "|x|",
    "`**b**`",
]


def titled(*names: str) -> Workflow:
    """A workflow of steps with these names."""
    document = flow_of(*(f"i{number}" for number in range(len(names))))
    for step, name in zip(document["steps"], names, strict=True):
        step["name"] = name
    return Workflow.from_dict(document)


@pytest.mark.parametrize("table", [DOCUMENTED, LIFECYCLE], ids=["documented", "lifecycle"])
def test_the_diagram_has_every_edge_of_its_table(table: TransitionTable) -> None:
    """Each row is one arrow with its verb, and there is no other; the ends and the beginning are marked."""
    text = mermaid.lifecycle(table)
    lines = text.splitlines()

    assert lines[0] == "stateDiagram-v2"
    assert {(a, verb, b) for a, b, verb in ARROW.findall(text)} == table.edges
    assert len(ARROW.findall(text)) == len(table.rows)
    assert "    [*] --> CREATED" in lines
    assert {line for line in lines if line.endswith("--> [*]")} == {
        f"    {s} --> [*]" for s in ("COMPLETED", "CANCELLED")
    }
    assert all(state in text for state in State)


def test_a_flow_chart_has_every_step_and_link() -> None:
    """Full arrows for success, dotted for failure, thick for always; other types are labelled."""
    links = (
        ("a", "b"),
        ("a", "c", "finish_to_start", "failure"),
        ("b", "d", "start_to_start", "always"),
        ("c", "d", "finish_to_finish"),
    )

    assert mermaid.workflow(load("a", "b", "c", "d", links=links)).splitlines() == [
        "flowchart LR",
        '    s0["a"]',
        '    s1["b"]',
        '    s2["c"]',
        '    s3["d"]',
        "    s0 --> s1",
        "    s0 -.->|failure| s2",
        "    s1 ==>|start_to_start always| s3",
        "    s2 -->|finish_to_finish| s3",
    ]


def test_implied_links_are_drawn() -> None:
    """What a condition names is an arrow too."""
    document = flow_of("a", "b")
    document["steps"][1]["condition"] = "on_failure(a)"

    assert "    s0 ==>|always| s1" in mermaid.workflow(Workflow.from_dict(document)).splitlines()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_label_cannot_break_out(name: str) -> None:
    """Whatever a step is called, its node is one line, its label holds no quote or markup."""
    lines = mermaid.workflow(titled(name, "other")).splitlines()
    found = NODE.findall("\n".join(lines))

    assert [node for node, _ in found] == ["s0", "s1"]
    assert len(lines) == 3
    assert not set(found[0][1]) & set('"<>')
    assert not re.search(r"&|#(?!(?:\w+);)", found[0][1])


@given(st.text(min_size=1, max_size=30).filter(str.strip))
def test_any_label_stays_in_its_line(name: str) -> None:
    """Any text is one label: as many lines as steps and links, each of the known shape."""
    try:
        flow = titled(name)
    except ValueError:
        return
    except Exception as error:
        if type(error).__name__ == "InvalidWorkflow":
            return
        raise
    text = mermaid.workflow(flow)

    assert text.count("\n") == 2
    assert len(NODE.findall(text)) == 1


def test_a_label_says_what_the_step_is_called() -> None:
    """Escapes are mermaid's own, so that the reader sees the name as it is."""
    marks = {"#amp;": "&", "#quot;": '"', "#lt;": "<", "#gt;": ">", "#35;": "#"}
    name = '<a href="x">&#1;'
    ((_, label),) = NODE.findall(mermaid.workflow(titled(name)))

    assert re.sub("|".join(marks), lambda match: marks[match[0]], label) == name
