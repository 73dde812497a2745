"""The commands that only answer: validate, graph, plan. They write nothing."""

from argparse import Namespace

from taskorch.api import load, mermaid
from taskorch.cli.exits import Exit
from taskorch.cli.screen import Screen, shown, shown_lines
from taskorch.cli.tables import spoken
from taskorch.core.frontier.plan import Plan
from taskorch.errors import InvalidWorkflow, UnsupportedFeature


def validate(asked: Namespace, screen: Screen) -> Exit:
    """Say that a document is a valid workflow, and what of it cannot be run all the same."""
    flow = load(asked.file)
    try:
        Plan.of(flow)
    except UnsupportedFeature as error:
        paths = "\n  ".join(map(shown, error.features))
        screen.say(f"warning: this version of taskorch reads, but cannot run:\n  {paths}")
    except InvalidWorkflow as error:  # a document may be right without being a whole programme
        screen.say("\n  ".join(["warning: this cannot be run:", *(shown(str(problem)) for problem in error.problems)]))
    counts = f"{_counted(len(flow.steps), 'step')}, {_counted(len(flow.links), 'link')}"
    screen.put(f"{shown(asked.file)}: valid ({counts})")
    return Exit.COMPLETED


def graph(asked: Namespace, screen: Screen) -> Exit:
    """Draw a workflow as a Mermaid flow chart."""
    screen.put(shown_lines(mermaid(load(asked.file)).rstrip("\n")))
    return Exit.COMPLETED


def plan(asked: Namespace, screen: Screen) -> Exit:
    """Show which steps may run together, and the chain that bounds the time."""
    flow = load(asked.file)
    path = flow.critical_path()
    screen.put("stages:")
    for number, stage in enumerate(flow.stages(), 1):
        screen.put(f"  {number}. {', '.join(stage)}")
    guessed = [step.id for step in flow.steps if step.estimated_duration is None]
    screen.put(f"critical path: {spoken(path.duration.total_seconds())} by estimatedDuration")
    screen.put(f"  {' → '.join(path.steps) or '(no steps)'}")
    if guessed:
        screen.put(f"without an estimate, counted as nothing: {', '.join(guessed)}")
    return Exit.COMPLETED


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
