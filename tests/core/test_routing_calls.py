"""The calls that routing leads to: each exists, is public, and does the job of its agent."""

from datetime import UTC, datetime, timedelta
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio
import pytest

import taskorch
from taskorch import Retry, RunResult, Task, Verb, Workflow, route
from taskorch.core.vocabulary import CALLS, KEYWORDS, PENDING
from tests.core.samples import NOW


def resolved(call: str) -> Any:
    """What a dotted name under ``taskorch`` stands for; ``AttributeError`` if there is nothing."""
    return reduce(getattr, call.split(".")[1:], taskorch)


def waiting() -> tuple[Any, Task]:
    """A queue engine with a task in it."""
    task = Task.new("a task", now=NOW, id="T-1")
    engine = taskorch.QueueEngine()
    engine.push(task, NOW)
    return engine, task


def result() -> RunResult:
    """The result of a small run."""
    flow = Workflow("w")
    flow.step(lambda: 41, id="a", inline=True)
    return taskorch.run_sync(flow)


def manage_queue(call: Any, _: Path) -> None:
    """A task enters a queue."""
    assert call(taskorch.QueueEngine(), Task.new("a task", now=NOW), NOW) in {
        spec.name for spec in taskorch.DEFAULT_QUEUES
    }


def adjust_priority(call: Any, _: Path) -> None:
    """A bump raises the score."""
    engine, task = waiting()
    call(engine, task.id, 5, "ann", now=NOW)
    assert engine.task(task.id).priority.score == task.priority.score + 5


def monitor_capacity(call: Any, _: Path) -> None:
    """The load counts the task that waits."""
    engine, task = waiting()
    assert call(engine, engine.task(task.id).queue.name).waiting == 1


def track_sla(call: Any, _: Path) -> None:
    """A new task is on track."""
    urgent = next(spec for spec in taskorch.DEFAULT_QUEUES if spec.name == "urgent")
    task = Task.new("a task", now=NOW, queue="urgent")
    assert call(task, urgent, NOW).status == "on_track"


def control_state(call: Any, _: Path) -> None:
    """A verb leads to the next state."""
    assert call(Task.new("a task", now=NOW), Verb.ENQUEUE, now=NOW, by="ann")[0].state.current == "QUEUED"


def define_workflow(call: Any, _: Path) -> None:
    """A step enters a workflow."""
    flow = Workflow("w")
    call(flow, lambda: 1, id="a")
    assert [step.id for step in flow.steps] == ["a"]


def handle_blocker(call: Any, _: Path) -> None:
    """A task is put on hold."""
    task, _event = call(Task.new("a task", now=NOW), Verb.ENQUEUE, now=NOW, by="ann")
    assert call(task, Verb.HOLD, now=NOW, by="ann")[0].state.current == "ON_HOLD"


def dispatch(call: Any, _: Path) -> None:
    """A workflow is run."""
    flow = Workflow("w")
    flow.step(lambda: 41, id="a")
    assert call(flow)["a"] == 41


def run_in_parallel(call: Any, _: Path) -> None:
    """Two steps are run at once."""
    flow = Workflow("w")
    flow.step(lambda: 1, id="a")
    flow.step(lambda: 2, id="b")

    async def main() -> RunResult:
        return await call(flow, concurrency=2)

    assert anyio.run(main).outputs == {"a": 1, "b": 2}


def collect_result(call: Any, _: Path) -> None:
    """The result becomes a document."""
    assert call(result())


def handle_error(call: Any, _: Path) -> None:
    """A failure is followed by a retry."""
    assert call(Retry(max_attempts=2, initial=3), 1, ValueError(), 0.0).delay == 3


def track_progress(call: Any, _: Path) -> None:
    """A new task has not come far."""
    assert call("T-1", [Task.new("a task", now=NOW, id="T-1")]).percent == 0


def collect_metrics(call: Any, _: Path) -> None:
    """The figures of a day are worked out."""
    assert call([], taskorch.Window.day(NOW), NOW).overall


def generate_report(call: Any, _: Path) -> None:
    """A report has its title."""
    scorecard = taskorch.measure([], taskorch.Window.day(NOW), NOW)
    assert call(scorecard, title="Monday").title == "Monday"


def log_audit(call: Any, folder: Path) -> None:
    """A record is appended."""
    with taskorch.observers.AuditLog(folder / "audit.jsonl") as log:
        assert call(log, actor="ann", verb="look", subject="T-1", at=datetime.now(UTC) - timedelta(1)).sequence == 1


JOBS = {
    "queue/queue-manager": manage_queue,
    "queue/priority-adjuster": adjust_priority,
    "queue/capacity-monitor": monitor_capacity,
    "queue/sla-tracker": track_sla,
    "state-machine/state-controller": control_state,
    "state-machine/workflow-engine": define_workflow,
    "state-machine/blocker-handler": handle_blocker,
    "execution/task-dispatcher": dispatch,
    "execution/parallel-executor": run_in_parallel,
    "execution/result-collector": collect_result,
    "execution/error-handler": handle_error,
    "tracking/progress-tracker": track_progress,
    "tracking/metrics-collector": collect_metrics,
    "tracking/report-generator": generate_report,
    "tracking/audit-logger": log_audit,
}


def test_every_agent_has_a_job_or_is_pending() -> None:
    """Each of the sixteen agents is either carried out below or listed as pending, never both."""
    assert sorted([*JOBS, *PENDING]) == sorted(KEYWORDS)


@pytest.mark.parametrize("agent", [agent for agent in CALLS if agent not in PENDING])
def test_the_call_of_every_agent_exists_and_runs(agent: str, tmp_path: Path) -> None:
    """The call that an agent is mapped to is public, and does the agent's job."""
    package, _, rest = CALLS[agent].removeprefix("taskorch.").partition(".")
    promised = taskorch.__all__ if package != "observers" else import_module("taskorch.observers").__all__

    assert (package if package != "observers" else rest.partition(".")[0]) in promised
    JOBS[agent](resolved(CALLS[agent]), tmp_path)


@pytest.mark.parametrize("agent", PENDING)
def test_what_is_pending_does_not_exist_yet(agent: str) -> None:
    """A call that is listed as pending is not there; once it is, the list must forget it."""
    with pytest.raises(AttributeError):
        resolved(CALLS[agent])
    assert route(KEYWORDS[agent][0]).is_pending
