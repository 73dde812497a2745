"""The result of a run: a fold over its facts, and D4's "Workflow Execution Results"."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar, overload

import attrs

from taskorch.core.frontier.facts import COMPLETE, FAIL, RETRY, START, Fact
from taskorch.core.frontier.frontier import OPEN, Frontier
from taskorch.core.frontier.plan import End
from taskorch.core.outcomes import Outcome
from taskorch.core.times import instant, write_time
from taskorch.errors import MissingOutput, RunFailed

T = TypeVar("T")


@attrs.frozen
class StepFault:
    """The last error of a step.

    Attributes:
        type: The name of the exception's class.
        message: Its text.
    """

    type: str
    message: str


@attrs.frozen(kw_only=True)
class StepResult:
    """What became of one step.

    Attributes:
        id: The step.
        name: What people call it.
        status: How it ended.
        output: What its body returned; None if it did not complete.
        error: Its last error, or None.
        reason: Why it was not run, or not tried again.
        attempts: How often its body was tried.
        started_at: When the first attempt began.
        ended_at: When the last one ended.
        duration: The time spent in its body over all attempts, in seconds.
    """

    id: str
    name: str
    status: Outcome
    output: Any  # Any: whatever the body returned
    error: StepFault | None
    reason: str | None
    attempts: int
    started_at: datetime | None
    ended_at: datetime | None
    duration: float

    def to_dict(self) -> dict[str, Any]:
        """The step as D4's result document shows it; times in ms."""
        return {
            "id": self.id,
            "name": self.name,
            "status": self.status.value,
            "startTime": self.started_at and write_time(self.started_at),
            "endTime": self.ended_at and write_time(self.ended_at),
            "duration": round(self.duration * 1000),
            "output": self.output,
            "error": self.error and {"type": self.error.type, "message": self.error.message},
            "attempts": self.attempts,
        } | ({"reason": self.reason} if self.reason else {})


@attrs.frozen(kw_only=True)
class Metrics:
    """The figures of a run; durations in seconds.

    Attributes:
        steps: How many steps ended in each way.
        total_duration: The time spent in all bodies together.
        makespan: From the start of the run to its end.
        most_at_once: The most bodies that ran at the same time.
        parallel_efficiency: ``total_duration / (makespan * most_at_once)``; None where that is no number.
    """

    steps: Mapping[Outcome, int]
    total_duration: float
    makespan: float
    most_at_once: int
    parallel_efficiency: float | None

    def to_dict(self) -> dict[str, Any]:
        """The figures as D4's result document shows them; times in ms."""
        return {
            "totalSteps": sum(self.steps.values()),
            **{f"{outcome.value}Steps": self.steps.get(outcome, 0) for outcome in Outcome},
            "totalDuration": round(self.total_duration * 1000),
            "makespan": round(self.makespan * 1000),
            "parallelEfficiency": None if self.parallel_efficiency is None else round(self.parallel_efficiency, 4),
        }


@attrs.frozen(kw_only=True, eq=False)
class RunResult:
    """What became of a run.

    ``result[fn]`` and ``result["id"]`` give the output of a step that completed.

    Attributes:
        run_id: The run.
        name: The workflow's name.
        status: ``completed`` or ``failed``.
        steps: The result of each step by id, in the order of the workflow.
        metrics: Its figures.
        started_at: When it began.
        ended_at: When it ended.
    """

    run_id: str
    name: str
    status: Outcome
    steps: Mapping[str, StepResult] = attrs.field(repr=False)
    metrics: Metrics
    started_at: datetime
    ended_at: datetime
    _functions: Mapping[Callable[..., Any], str] = attrs.field(factory=dict, repr=False)

    @property
    def success(self) -> bool:
        """Whether it completed."""
        return self.status is Outcome.COMPLETED

    @property
    def outputs(self) -> dict[str, Any]:
        """The outputs of the steps that completed, by id."""
        return {id: step.output for id, step in self.steps.items() if step.status is Outcome.COMPLETED}

    def check(self) -> "RunResult":
        """The result itself; raises ``RunFailed`` with every failure unless the run completed."""
        if not self.success:
            failed = [s for s in self.steps.values() if s.status is Outcome.FAILED]
            raise RunFailed(self.run_id, self.status, [(s.id, s.error.message if s.error else "") for s in failed])
        return self

    @overload
    def __getitem__(self, step: str) -> Any: ...
    @overload
    def __getitem__(self, step: Callable[..., Awaitable[T]]) -> T: ...
    @overload
    def __getitem__(self, step: Callable[..., T]) -> T: ...

    def __getitem__(self, step: str | Callable[..., Any]) -> Any:
        """The output of a step, by id or by its function.

        Raises:
            KeyError: The workflow has no such step.
            MissingOutput: The step did not complete.
        """
        id = step if isinstance(step, str) else self._functions[step]
        result = self.steps[id]
        if result.status is not Outcome.COMPLETED:
            raise MissingOutput("result", id)
        return result.output

    def to_dict(self) -> dict[str, Any]:
        """D4's result document. Any: JSON data, and outputs as they are."""
        return {
            "success": self.success,
            "workflowId": self.run_id,
            "name": self.name,
            "status": self.status.value,
            "steps": [step.to_dict() for step in self.steps.values()],
            "metrics": self.metrics.to_dict(),
            "metadata": {
                "startTime": write_time(self.started_at),
                "endTime": write_time(self.ended_at),
                "timestamp": write_time(self.ended_at),
            },
        }


@attrs.define
class _Course:
    """What the facts tell of one step."""

    attempts: int = 0
    began: int | None = None
    since: int = 0
    ended: int | None = None
    spent: int = 0
    fault: StepFault | None = None


def result_of(
    frontier: Frontier,
    *,
    run_id: str,
    name: str,
    started_at: int,
    ended_at: int,
    decode: Callable[[int, Any], Any],
) -> RunResult:
    """The result of a run that has ended.

    Args:
        frontier: Where it has come to.
        run_id: The run.
        name: The workflow's name.
        started_at: When it began, in microseconds.
        ended_at: When it ended, in microseconds.
        decode: Makes the output of a step, by index, from the detail of its completion. Any: as in a fact.
    """
    plan = frontier.plan
    courses, intervals = _courses(len(plan.steps), frontier.facts)
    steps = {step.id: _step_result(frontier, number, courses[number], decode) for number, step in enumerate(plan.steps)}
    return RunResult(
        run_id=run_id,
        name=name,
        status=Outcome.FAILED if frontier.has_failed else Outcome.COMPLETED,
        steps=steps,
        metrics=_metrics(steps, intervals, (ended_at - started_at) / 1e6),
        started_at=instant(started_at),
        ended_at=instant(ended_at),
        functions={step.body.function: step.id for step in plan.steps if step.body is not None},
    )


def _step_result(frontier: Frontier, number: int, course: _Course, decode: Callable[[int, Any], Any]) -> StepResult:
    step, end, detail = frontier.plan.steps[number], frontier.ends[number], frontier.details[number]
    outcome = Outcome.CANCELLED if end == OPEN else End(end).outcome
    reason: str | None = None
    if outcome is Outcome.FAILED:
        reason = detail.get("reason")
    elif outcome is not Outcome.COMPLETED:
        reason = detail
    return StepResult(
        id=step.id,
        name=step.title,
        status=outcome,
        output=decode(number, detail) if outcome is Outcome.COMPLETED else None,
        error=None if outcome is Outcome.COMPLETED else course.fault,
        reason=reason,
        attempts=course.attempts,
        started_at=None if course.began is None else instant(course.began),
        ended_at=None if course.ended is None else instant(course.ended),
        duration=course.spent / 1e6,
    )


def _courses(count: int, facts: Iterable[Fact]) -> tuple[list[_Course], list[tuple[int, int]]]:
    courses = [_Course() for _ in range(count)]
    intervals = []
    for step, verb, attempt, at, detail in facts:
        course = courses[step]
        if verb in (START, RETRY):
            course.attempts, course.since = attempt, at
            course.began = at if course.began is None else course.began
        elif verb in (COMPLETE, FAIL):
            course.ended = at
            course.spent += at - course.since
            intervals.append((course.since, at))
            if verb == FAIL:
                course.fault = StepFault(detail.get("type", ""), detail.get("message", ""))
    return courses, intervals


def _metrics(steps: Mapping[str, StepResult], intervals: Iterable[tuple[int, int]], makespan: float) -> Metrics:
    total = sum(step.duration for step in steps.values())
    # At one instant ends come before starts: a body that starts when another ends does not overlap it.
    changes = sorted(change for start, end in intervals for change in ((start, 1), (max(end, start + 1), -1)))
    most = running = 0
    for _, change in changes:
        running += change
        most = max(most, running)
    counts = {outcome: sum(s.status is outcome for s in steps.values()) for outcome in Outcome}
    capacity = makespan * most
    return Metrics(
        steps=counts,
        total_duration=total,
        makespan=makespan,
        most_at_once=most,
        parallel_efficiency=total / capacity if capacity else None,
    )
