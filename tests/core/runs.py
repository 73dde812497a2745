"""Driving a frontier by hand, as a runner would, on a clock of seconds."""

from typing import Any

from taskorch import Workflow
from taskorch.core.frontier.ends import End
from taskorch.core.frontier.facts import STATES, VERBS
from taskorch.core.frontier.fold import OPEN
from taskorch.core.frontier.frontier import Frontier
from taskorch.core.frontier.plan import Plan
from taskorch.core.frontier.slots import Slots
from taskorch.core.results import RunResult, result_of

SECOND = 1_000_000


class Driver:
    """A run of a workflow.

    Args:
        flow: The workflow, or its document.
        total: How many bodies may run at once.
    """

    def __init__(self, flow: Workflow | dict[str, Any], total: int = 100) -> None:
        self.flow = flow if isinstance(flow, Workflow) else Workflow.from_dict(flow)
        self.plan = Plan.of(self.flow)
        self.total = total
        self.frontier = self.fresh()
        self.frontier.resume(0)

    def fresh(self) -> Frontier:
        """A frontier of the same plan of which nothing has happened."""
        return Frontier(self.plan, Slots.of(loop=100, threads=100, commands=100, total=self.total), 0)

    def replayed(self, count: int | None = None) -> Frontier:
        """Another frontier that has taken over the first facts."""
        frontier = self.fresh()
        frontier.replay(self.frontier.facts[:count])
        return frontier

    def take(self, at: float = 0) -> str | None:
        """Start the next step: its id."""
        step = self.frontier.take(round(at * SECOND))
        return None if step is None else self.plan.steps[step].id

    def take_all(self, at: float = 0) -> list[str]:
        """Start whatever can be started."""
        return [id for id in iter(lambda: self.take(at), None) if id is not None]

    def complete(self, id: str, at: float = 0, output: Any = None) -> bool:
        """End the running attempt of a step well."""
        step = self.plan.index[id]
        return self.frontier.complete(step, self.frontier.attempt[step], output, round(at * SECOND))

    def fail(self, id: str, at: float = 0, error: BaseException | None = None) -> bool:
        """End the running attempt of a step badly."""
        step = self.plan.index[id]
        return self.frontier.fail(step, self.frontier.attempt[step], error or ValueError("no"), round(at * SECOND))

    def due(self, at: float) -> list[tuple[str, str]]:
        """Let the timers fire: the ids to be stopped, and why."""
        return [(self.plan.steps[stop.step].id, stop.reason) for stop in self.frontier.due(round(at * SECOND))]

    def ends(self) -> dict[str, str]:
        """How the steps have ended that have."""
        pairs = zip(self.plan.steps, self.frontier.ends, strict=True)
        return {step.id: str(End(end).outcome) for step, end in pairs if end != OPEN}

    def state(self, id: str) -> str:
        """Where a step stands."""
        return str(STATES[self.frontier.states[self.plan.index[id]]])

    def told(self, id: str) -> list[str]:
        """The verbs of a step's facts."""
        return [str(VERBS[verb]) for step, verb, *_ in self.frontier.facts if step == self.plan.index[id]]

    def result(self, ended_at: float) -> RunResult:
        """The result of the run."""
        return result_of(
            self.frontier,
            run_id="R-1",
            name=self.flow.name,
            started_at=0,
            ended_at=round(ended_at * SECOND),
            decode=lambda _, detail: detail,
        )
