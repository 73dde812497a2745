"""What the calls of the core are given by mistake is told with an error of taskorch."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

import taskorch
from taskorch import LIFECYCLE, Estimates, RunProgress, State, Tally, Task, Verb, Window, Workflow, advance, report
from taskorch.formats import mermaid

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
TASK = Task.new("t", id="t", now=NOW)
FLOW = Workflow("w")
CARD = Tally(Window.week(NOW)).scorecard(NOW)
AT: dict[str, Any] = {"now": NOW, "by": "ann"}

WRONG: dict[str, tuple[Callable[[Any], object], type[Exception]]] = {
    "advance": (lambda x: advance(x, "start", **AT), taskorch.InvalidTask),
    "table": (lambda x: advance(TASK, "enqueue", table=x, **AT), taskorch.InvalidParameters),
    "task": (Task.from_json, taskorch.InvalidTask),
    "workflow": (Workflow.from_json, taskorch.InvalidWorkflow),
    "allows": (lambda x: LIFECYCLE.allows(x, Verb.START), taskorch.InvalidParameters),
    "verbs": (LIFECYCLE.verbs, taskorch.InvalidParameters),
    "target": (lambda x: LIFECYCLE.target(x, Verb.START), taskorch.InvalidParameters),
    "follows": (lambda x: LIFECYCLE.follows(x, State.QUEUED), taskorch.InvalidParameters),
    "tally": (lambda x: Tally(Window.week(NOW), queue_targets=x), taskorch.InvalidTarget),
    "loads": (lambda x: report(CARD, loads=x), taskorch.InvalidReport),
    "standings": (lambda x: report(CARD, standings=x), taskorch.InvalidReport),
    "task_progress": (lambda x: taskorch.task_progress(x, [TASK]), taskorch.InvalidTask),
    "estimates": (lambda x: taskorch.task_progress("t", [TASK], x), taskorch.InvalidParameters),
    "remaining": (lambda x: taskorch.remaining(TASK, NOW, x), taskorch.InvalidParameters),
    "of": (lambda x: Estimates().of(x), taskorch.InvalidTask),
    "observe_run": (lambda x: Estimates().observe_run(x), taskorch.InvalidParameters),
    "flow": (lambda x: taskorch.run_progress(x, []), taskorch.InvalidParameters),
    "ended": (lambda x: taskorch.run_progress(FLOW, x), taskorch.InvalidParameters),
    "reported": (lambda x: taskorch.run_progress(FLOW, [], reported=x), taskorch.InvalidReport),
    "guesses": (lambda x: taskorch.run_progress(FLOW, [], estimates=x), taskorch.InvalidParameters),
    "events": (taskorch.ended_steps, taskorch.InvalidParameters),
    "event": (lambda x: taskorch.ended_steps([x]), taskorch.InvalidEvent),
    "add": (lambda x: RunProgress(FLOW).add(x), taskorch.InvalidEvent),
    "diagram": (mermaid.lifecycle, taskorch.InvalidParameters),
}


@pytest.mark.parametrize("call", WRONG)
def test_a_number_is_none_of_these(call: str) -> None:
    """A wrong kind raises the error of its subject, in a few words, and 0 is not taken for the default."""
    function, error = WRONG[call]
    for given in (5, 0):
        with pytest.raises(error) as caught:
            function(given)
        assert len(str(caught.value)) < 200


@pytest.mark.parametrize("given", [None, [], {}, memoryview(b"{}")], ids=["none", "list", "dict", "view"])
@pytest.mark.parametrize("call", [Task.from_json, Workflow.from_json], ids=["task", "workflow"])
def test_a_document_is_read_from_a_text(call: Callable[[Any], object], given: Any) -> None:
    """What is no text is told so, and where data belong."""
    with pytest.raises(taskorch.InvalidDocument, match="from_dict"):
        call(given)


def test_a_state_is_asked_for_by_its_name() -> None:
    """An unknown state is told with those there are; a verb without a row is none there."""
    with pytest.raises(taskorch.InvalidParameters, match="'nope' is no state; one of CREATED, QUEUED"):
        LIFECYCLE.verbs("nope")  # type: ignore[arg-type]  # as a host may write it
    assert not LIFECYCLE.allows(State.COMPLETED, Verb.START)
    with pytest.raises(KeyError):
        LIFECYCLE.target(State.COMPLETED, Verb.START)
