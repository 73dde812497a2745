"""The result of a run: a fold over its facts, and D4's "Workflow Execution Results"."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar, overload

import attrs

from taskorch.core.frontier.courses import Course, Courses
from taskorch.core.frontier.ends import End
from taskorch.core.frontier.explanation import Explanation, explain
from taskorch.core.frontier.fold import OPEN
from taskorch.core.frontier.frontier import Frontier
from taskorch.core.frontier.reasons import CANCELLED_BY_HOST
from taskorch.core.outcomes import Outcome
from taskorch.core.references import identity
from taskorch.core.step import Step
from taskorch.core.step_results import Form, StepResult
from taskorch.core.times import instant, write_time
from taskorch.errors import MissingOutput, RunFailed

T = TypeVar("T")


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
        status: ``completed``, ``failed`` or ``cancelled``.
        steps: The result of each step by id, in the order of the workflow.
        started_at: When it began.
        ended_at: When it ended.
        reason: Why it was cut short (``workflow_timeout``, ``fail_fast``), or None.
    """

    run_id: str
    name: str
    status: Outcome
    steps: Mapping[str, StepResult] = attrs.field(repr=False)
    started_at: datetime
    ended_at: datetime
    reason: str | None = None
    _measure: "_Measuring" = attrs.field(repr=False)
    _explain: "_Explaining" = attrs.field(repr=False)
    _functions: Iterable[tuple[Callable[..., Any], str]] = attrs.field(default=(), repr=False)

    @cached_property
    def metrics(self) -> Metrics:
        """Its figures."""
        return self._measure()

    def explain(self, step: str | Step | Callable[..., Any]) -> Explanation:
        """Why a step ran, or did not, and what it came to; the step as for ``result[step]``.

        Raises:
            KeyError: The workflow has no such step, or the function is that of several.
        """
        return self._explain(self._named(step))

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
            failures = [(s.id, str(s.error or "")) for s in failed]
            causes = [s.error.exception for s in failed if s.error and isinstance(s.error.exception, Exception)]
            cause = causes[0] if len(causes) == 1 else ExceptionGroup("the steps", causes) if causes else None
            raise RunFailed(self.run_id, self.status, failures, self.reason) from cause
        return self

    @overload
    def __getitem__(self, step: str | Step) -> Any: ...
    @overload
    def __getitem__(self, step: Callable[..., Awaitable[T]]) -> T: ...
    @overload
    def __getitem__(self, step: Callable[..., T]) -> T: ...

    def __getitem__(self, step: str | Step | Callable[..., Any]) -> Any:
        """The output of a step, by id, by itself or by its function.

        Raises:
            KeyError: The workflow has no such step, or the function is that of several.
            MissingOutput: The step did not complete.
        """
        id = self._named(step)
        result = self.steps[id]
        if result.status is not Outcome.COMPLETED:
            raise MissingOutput(id, id, f"has no output: it ended as {result.status}")
        return result.output

    def _named(self, step: str | Step | Callable[..., Any]) -> str:
        return step if isinstance(step, str) else step.id if isinstance(step, Step) else self._id_of(step)

    def _id_of(self, function: Callable[..., Any]) -> str:
        asked = identity(function)
        ids = [id for known, id in self._functions if identity(known) == asked]
        if len(ids) != 1:
            name = getattr(function, "__name__", repr(function))
            raise KeyError(f"{name} is the function of {', '.join(ids) or 'no step'}; name a step by its id")
        return ids[0]

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


def result_of(
    frontier: Frontier,
    *,
    run_id: str,
    name: str,
    started_at: int,
    ended_at: int,
    decode: Callable[[int, Any], Any],
    form: Callable[[int, Any], Any] = lambda _, detail: detail,
    errors: Mapping[str, BaseException] = MappingProxyType({}),
) -> RunResult:
    """The result of a run that has ended.

    Args:
        frontier: Where it has come to.
        run_id: The run.
        name: The workflow's name.
        started_at: When it began, in microseconds.
        ended_at: When it ended, in microseconds.
        decode: Makes the output of a step, by index, from the detail of its completion. Any: as in a fact.
        form: Makes the JSON form of the output from the same.
        errors: The last error of steps by id, where it is still at hand.
    """
    plan = frontier.plan
    courses = Courses(len(plan.steps), frontier.facts)

    def step_result(number: int) -> StepResult:
        error = errors.get(plan.steps[number].id)
        return _step_result(frontier, number, _Reading(courses.all[number], decode, form, error))

    return RunResult(
        run_id=run_id,
        name=name,
        status=outcome_of(frontier),
        steps=_Steps(plan.index, step_result),
        measure=_Measuring(lambda: _metrics(frontier.ends, courses, (ended_at - started_at) / 1e6)),
        explain=_Explaining(plan.index, lambda id: explain(frontier, id)),
        started_at=instant(started_at),
        ended_at=instant(ended_at),
        reason=frontier.halted,
        functions=_Functions(plan.steps),
    )


def outcome_of(frontier: Frontier) -> Outcome:
    """How a run has ended."""
    if frontier.halted == CANCELLED_BY_HOST:
        return Outcome.CANCELLED
    return Outcome.FAILED if frontier.has_failed else Outcome.COMPLETED


class _Measuring:
    """The figures of a run, made when they are asked for; a copy in another process has them made before."""

    def __init__(self, measure: Callable[[], Metrics]) -> None:
        self._measure = measure

    def __call__(self) -> Metrics:
        return self._measure()

    def __reduce__(self) -> tuple[object, ...]:
        return _Measured, (self(),)


@attrs.frozen
class _Measured:
    """Figures that were made before."""

    metrics: Metrics

    def __call__(self) -> Metrics:
        return self.metrics


class _Explaining:
    """The explanations of steps by id, made when they are asked for; a copy in another process has them made before."""

    def __init__(self, ids: Iterable[str], make: Callable[[str], Explanation]) -> None:
        self._ids, self._make = ids, make

    def __call__(self, id: str) -> Explanation:
        return self._make(id)

    def __reduce__(self) -> tuple[object, ...]:
        made = {id: self(id) for id in self._ids}
        return _Explaining, (tuple(made), made.__getitem__)


class _Functions(Iterable[tuple[Callable[..., Any], str]]):
    """The function and the id of each step that has one, read when somebody asks by function."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self._steps = steps

    def __iter__(self) -> Iterator[tuple[Callable[..., Any], str]]:
        return ((step.body.function, step.id) for step in self._steps if step.body is not None)

    def __reduce__(self) -> tuple[object, ...]:
        return tuple, (tuple(self),)


class _Steps(Mapping[str, StepResult]):
    """The results of steps by id, each made when it is first asked for: of a large run few ever are."""

    def __init__(self, index: Mapping[str, int], make: Callable[[int], StepResult]) -> None:
        self._index, self._make = index, make
        self._made: dict[str, StepResult] = {}

    def __getitem__(self, id: str) -> StepResult:
        if id not in self._made:
            self._made[id] = self._make(self._index[id])
        return self._made[id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._index)

    def __len__(self) -> int:
        return len(self._index)

    def __repr__(self) -> str:
        return repr(dict(self))

    def __reduce__(self) -> tuple[object, ...]:
        return dict, (dict(self),)


class _Reading(NamedTuple):
    """What the result of one step is made from, beside the frontier."""

    course: Course
    decode: Callable[[int, Any], Any]
    form: Callable[[int, Any], Any]
    error: BaseException | None


def _step_result(frontier: Frontier, number: int, reading: _Reading) -> StepResult:
    step, end, detail = frontier.plan.steps[number], frontier.ends[number], frontier.details[number]
    course = reading.course
    outcome = Outcome.CANCELLED if end == OPEN else End(end).outcome
    is_completed = outcome is Outcome.COMPLETED
    reason: str | None = None
    if not is_completed:
        reason = detail.get("reason") if isinstance(detail, Mapping) else detail
    fault = course.fault
    if fault is not None and reading.error is not None:
        fault = attrs.evolve(fault, exception=reading.error)
    return StepResult(
        id=step.id,
        name=step.title,
        status=outcome,
        output=reading.decode(number, detail) if is_completed else None,
        error=None if is_completed else fault,
        reason=reason,
        attempts=course.attempts,
        started_at=None if course.began is None else instant(course.began),
        ended_at=None if course.ended is None else instant(course.ended),
        duration=course.spent / 1e6,
        form=Form(partial(reading.form, number, detail) if is_completed else _nothing),
    )


def _nothing() -> None:
    """The JSON form of the output of a step that has none."""


def _metrics(ends: Iterable[int], courses: Courses, makespan: float) -> Metrics:
    total = sum(course.spent for course in courses.all) / 1e6
    # At one instant ends come before starts: a body that starts when another ends does not overlap it.
    changes = sorted(change for start, end in courses.intervals for change in ((start, 1), (max(end, start + 1), -1)))
    most = running = 0
    for _, change in changes:
        running += change
        most = max(most, running)
    counts = dict.fromkeys(Outcome, 0)
    for end, count in Counter(ends).items():
        counts[Outcome.CANCELLED if end == OPEN else End(end).outcome] += count
    capacity = makespan * most
    return Metrics(
        steps=counts,
        total_duration=total,
        makespan=makespan,
        most_at_once=most,
        parallel_efficiency=total / capacity if capacity else None,
    )
