"""The result of a run, laid out for people."""

import json
from collections.abc import Iterator, Sequence

import attrs

from taskorch.cli.screen import shown
from taskorch.core.outcomes import Outcome
from taskorch.core.results import RunResult
from taskorch.core.step_results import StepResult
from taskorch.core.workflow import Workflow

HEADINGS = ("STEP", "OUTCOME", "ATTEMPTS", "DURATION")
LONGEST_ERROR = 400
LONGEST_OUTPUT = 2000
MOST_OUTPUTS = 20
PLAIN_FAILURES = ("exhausted", "non_retryable")
"""Reasons that say no more than the error and the number of attempts."""


@attrs.frozen
class Row:
    """One step of a result.

    Attributes:
        cells: What stands below each of ``HEADINGS``.
        outcome: How the step ended.
        note: Why it did not complete, or an empty text.
    """

    cells: tuple[str, str, str, str]
    outcome: Outcome
    note: str


def rows(result: RunResult, flow: Workflow) -> list[Row]:
    """The rows of a table of all steps, in the order of the workflow."""
    allowed = {step.id for step in flow.steps if step.allow_failure}
    return [_row(step, step.id in allowed) for step in result.steps.values()]


def plain(table: Sequence[Row]) -> Iterator[str]:
    """The lines of a table without any colour, notes below their rows."""
    widths = [max(map(len, column)) for column in zip(HEADINGS, *(row.cells for row in table), strict=True)]

    def line(cells: Sequence[str]) -> str:
        step, outcome, attempts, duration = widths
        return f"{cells[0]:<{step}}  {cells[1]:<{outcome}}  {cells[2]:>{attempts}}  {cells[3]:>{duration}}"

    yield line(HEADINGS)
    for row in table:
        yield line(row.cells)
        if row.note:
            yield f"    {row.note}"


def outputs(result: RunResult, flow: Workflow) -> Iterator[str]:
    """What the last steps gave: those that completed and nobody waits for."""
    awaited = {link.predecessor for link in flow.all_links()}
    found = [(id, output) for id, output in result.outputs.items() if id not in awaited and output not in (None, "")]
    for id, output in found[:MOST_OUTPUTS]:
        text = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
        lines = [shown(line, LONGEST_OUTPUT) for line in text[: 2 * LONGEST_OUTPUT].split("\n")]
        cut = [] if len(text) <= 2 * LONGEST_OUTPUT else ["… (--json shows all of it)"]
        yield "\n    ".join([f"{id}: {lines[0]}", *lines[1:], *cut])
    if len(found) > MOST_OUTPUTS:
        yield f"… and the outputs of {len(found) - MOST_OUTPUTS} more steps (--json shows them)"


def spoken(seconds: float) -> str:
    """A duration as people say it."""
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def _row(step: StepResult, is_allowed: bool) -> Row:
    failed = step.status is Outcome.FAILED
    outcome = f"{step.status.value} (allowed)" if failed and is_allowed else step.status.value
    duration = spoken(step.duration) if step.attempts else "–"
    return Row((step.id, outcome, str(step.attempts), duration), step.status, _note(step))


def _note(step: StepResult) -> str:
    """Why a step did not complete; what its outcome says already is not said again."""
    if step.status is Outcome.COMPLETED:
        return ""
    words = []
    if step.reason and step.reason not in (step.status.value, *PLAIN_FAILURES):
        words.append(shown(step.reason, LONGEST_ERROR))
    if step.error is not None:
        words.append(f"{shown(step.error.type, 100)}: {shown(step.error.message.strip(), LONGEST_ERROR)}")
    return "; ".join(words)
