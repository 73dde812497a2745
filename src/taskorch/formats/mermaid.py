"""Mermaid diagrams: the lifecycle, drawn from its table, and workflows."""

from taskorch.core.json_text import described
from taskorch.core.outcomes import LinkCondition, LinkType
from taskorch.core.states import FINAL, State, TransitionTable
from taskorch.core.workflow import Workflow
from taskorch.errors import InvalidParameters

_ARROWS = {LinkCondition.SUCCESS: "-->", LinkCondition.FAILURE: "-.->", LinkCondition.ALWAYS: "==>"}


def lifecycle(table: TransitionTable) -> str:
    """The state diagram of a transition table; ``InvalidParameters`` for what is none."""
    _expect(table, TransitionTable)
    lines = ["stateDiagram-v2", f"    [*] --> {State.CREATED}"]
    lines += [f"    {row.state} --> {row.next}: {row.verb}" for row in table.rows]
    lines += [f"    {state} --> [*]" for state in State if state in FINAL]
    return "\n".join(lines) + "\n"


def workflow(flow: Workflow) -> str:
    """The flow chart of a workflow: full arrows for success, dotted for failure, thick for always.

    Links that are no plain finish_to_start of success carry their type and condition as a label.

    Raises:
        InvalidParameters: It is no workflow.
    """
    _expect(flow, Workflow)
    names = {step.id: f"s{number}" for number, step in enumerate(flow.steps)}
    lines = ["flowchart LR"]
    lines += [f'    {names[step.id]}["{_escaped(step.title)}"]' for step in flow.steps]
    for link in flow.all_links():
        words = [] if link.type is LinkType.FINISH_TO_START else [link.type.value]
        words += [] if link.condition is LinkCondition.SUCCESS else [link.condition.value]
        label = f"|{' '.join(words)}|" if words else ""
        lines.append(f"    {names[link.predecessor]} {_ARROWS[link.condition]}{label} {names[link.successor]}")
    return "\n".join(lines) + "\n"


def _expect(given: object, kind: type) -> None:
    if not isinstance(given, kind):
        raise InvalidParameters([f"can't draw {described(given)}; give a {kind.__name__}"])


def _escaped(text: str) -> str:
    """Text that stays text between the quotes of a label."""
    marks = {"&": "#amp;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "#": "#35;", "\n": " ", "\r": " "}
    return "".join(marks.get(character, character) for character in text)
