"""A workflow compiled to integers: what the frontier needs to know of it, and nothing else."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Self

import attrs

from taskorch.core.expressions import Condition, parse
from taskorch.core.frontier.slots import Kind, Line
from taskorch.core.frontier.wiring import Wiring, wired
from taskorch.core.resources import ResourcePlan
from taskorch.core.retry import RetryStrategy
from taskorch.core.settings import CircuitBreaker, ErrorHandling
from taskorch.core.step import Step
from taskorch.core.workflow import Workflow
from taskorch.errors import InvalidWorkflow, Problem, UnsupportedFeature

_MICROSECOND = timedelta(microseconds=1)


@attrs.frozen(kw_only=True, eq=False)
class Plan:
    """The steps of a workflow by index, in the order of the document; times in microseconds.

    Attributes:
        steps: The steps.
        index: The index of each id.
        wiring: The links between them.
        conditions: The parsed condition of those steps that have one.
        retries: The retry policy of each step.
        breaker: How targets that keep failing are left alone, or None.
        timeouts: How long one attempt may take; only where that is bounded.
        total_timeouts: How long all attempts together may take, likewise.
        queue_timeouts: How long a step that is ready may wait for its start, likewise.
        lines: What steps occupy while they run.
        line_of: The line of each step.
        resources: What steps take and how much there is; sequential mode is one more resource, the last.
        limits: How much there is of each resource that lines speak of.
        order: The indices by precedence: what is ready starts in this order.
        rank: The place of each index in *order*.
        timeout: How long the run may take, or None.
        fail_fast: Whether nothing more is started after a failure that was not allowed.
    """

    steps: tuple[Step, ...]
    index: dict[str, int]
    wiring: Wiring
    conditions: dict[int, Condition]
    retries: Sequence[RetryStrategy]
    breaker: CircuitBreaker | None
    timeouts: Mapping[int, int]
    total_timeouts: Mapping[int, int]
    queue_timeouts: Mapping[int, int]
    lines: tuple[Line, ...]
    line_of: Sequence[int]
    resources: ResourcePlan
    limits: tuple[int, ...]
    order: Sequence[int]
    rank: Sequence[int]
    timeout: int | None
    fail_fast: bool

    @classmethod
    def of(cls, flow: Workflow) -> Self:
        """The plan of a workflow.

        Raises:
            InvalidWorkflow: The workflow is not sound, or a step has nothing to run.
            UnsupportedFeature: It needs what this version cannot carry out.
        """
        links = flow.check()
        if features := flow.unsupported():
            raise UnsupportedFeature(flow.name, features)
        steps = tuple(flow.steps)
        _require_bodies(flow, steps)
        index = {step.id: number for number, step in enumerate(steps)}
        wiring = wired(links, index)
        resources = ResourcePlan.of(steps, flow.resources, flow.context)
        lines, line_of, limits = _lines(flow, steps, resources)
        order = range(len(steps)) if flow.mode == "sequential" else _precedence(steps, wiring)
        rank = [0] * len(steps)
        for place, number in enumerate(order):
            rank[number] = place
        return cls(
            steps=steps,
            index=index,
            wiring=wiring,
            conditions={number: parse(step.condition) for number, step in enumerate(steps) if step.condition},
            retries=_retries(flow),
            breaker=_breaker(flow),
            timeouts=_bounds(steps, lambda step: step.timeout),
            total_timeouts=_bounds(steps, lambda step: step.total_timeout),
            queue_timeouts=_bounds(steps, lambda step: step.queue_timeout),
            lines=lines,
            line_of=line_of,
            resources=resources,
            limits=limits,
            order=order,
            rank=rank,
            timeout=None if flow.timeout is None else flow.timeout // _MICROSECOND,
            fail_fast=flow.fail_fast,
        )


def _require_bodies(flow: Workflow, steps: Sequence[Step]) -> None:
    """Raise ``InvalidWorkflow`` for every step that has nothing to run, or two things."""
    idle = [number for number, step in enumerate(steps) if (step.command is None) == (step.body is None)]
    if idle:
        at, hint = flow.layout.path_of("steps"), "give it a command or a function, not both"
        raise InvalidWorkflow(
            Problem(
                f"{at}[{number}]",
                "has nothing to run" if steps[number].body is None else "has both a command and a function",
                hint,
            )
            for number in idle
        )


def _bounds(steps: Sequence[Step], bound: Callable[[Step], timedelta | None]) -> dict[int, int]:
    return {number: time // _MICROSECOND for number, step in enumerate(steps) if (time := bound(step)) is not None}


_PLAIN = tuple(Line(kind) for kind in Kind)


def _kind(step: Step) -> Kind:
    if step.body is None:
        return Kind.COMMAND
    return Kind.LOOP if step.body.is_async or step.body.inline else Kind.THREAD


def _lines(
    flow: Workflow, steps: Sequence[Step], resources: ResourcePlan
) -> tuple[tuple[Line, ...], Sequence[int], tuple[int, ...]]:
    """What each step occupies, and how much there is of each resource."""
    is_sequential, has_breaker = flow.mode == "sequential", _breaker(flow) is not None
    if not is_sequential and not has_breaker and not resources.limits:
        return _PLAIN, [_kind(step) for step in steps], ()
    overlapping, sequence = set(flow.parallel), len(resources.limits)
    numbers: dict[Line, int] = {}
    line_of = []
    for step, demand in zip(steps, resources.demands, strict=True):
        part = 1 if step.parallel or step.id in overlapping else len(steps)
        line = Line(
            _kind(step),
            (*demand, (sequence, part)) if is_sequential else demand,
            _target(step) if has_breaker else None,
        )
        line_of.append(numbers.setdefault(line, len(numbers)))
    return tuple(numbers), line_of, (*resources.limits, len(steps)) if is_sequential else resources.limits


def _breaker(flow: Workflow) -> CircuitBreaker | None:
    found = flow.error_handling and flow.error_handling.circuit_breaker
    return found if found and found.enabled else None


def _target(step: Step) -> str:
    """What a breaker watches for a step that does not say: its program, or its function."""
    if step.target is not None:
        return step.target
    return step.argv[0] if step.argv else step.body.reference if step.body else step.id


def _precedence(steps: Sequence[Step], wiring: Wiring) -> Sequence[int]:
    """The order by the longest path that still follows a step, its own length included; then by document.

    A step without an estimate counts as one unit, so that without any estimate depth decides.
    """
    left = list(wiring.waits)
    sorted_steps = [number for number, count in enumerate(left) if not count]
    for number in sorted_steps:  # grows while it is walked
        for target, _ in wiring.on_finish[number]:
            left[target] -= 1
            if not left[target]:
                sorted_steps.append(target)
    path = [0.0] * len(steps)
    for number in reversed(sorted_steps):
        estimate = steps[number].estimated_duration
        own = 1.0 if estimate is None else estimate.total_seconds()
        path[number] = own + max((path[target] for target, _ in wiring.on_finish[number]), default=0.0)
    return tuple(sorted(range(len(steps)), key=lambda number: (-path[number], number)))


def _retries(flow: Workflow) -> Sequence[RetryStrategy]:
    handling = flow.error_handling or ErrorHandling()
    policy = handling.retry_policy or flow.retry_policy
    common = Step("common").retry(policy)
    return [
        common
        if s.retrying is None and s.retries is None and s.retry_delay is None and s.retry_policy is None
        else s.retry(policy)
        for s in flow.steps
    ]
