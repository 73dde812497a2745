"""A workflow compiled to integers: what the frontier needs to know of it, and nothing else."""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Self

import attrs

from taskorch.core.expressions import Condition, parse
from taskorch.core.frontier.couplings import Couplings, coupled
from taskorch.core.frontier.precedence import precedence
from taskorch.core.frontier.project import Project
from taskorch.core.frontier.slots import Kind, Line
from taskorch.core.graph import Wiring
from taskorch.core.resources import ResourcePlan
from taskorch.core.retry import RetryStrategy
from taskorch.core.settings import Alert, CircuitBreaker, ErrorHandling
from taskorch.core.step import Step
from taskorch.core.times import MICROSECOND
from taskorch.core.workflow import Workflow
from taskorch.errors import InvalidWorkflow, Problem, UnsupportedFeature

_SECOND = 1_000_000


@attrs.frozen(kw_only=True, eq=False)
class Plan:
    """The steps of a workflow by index, in the order of the document; times in microseconds.

    Attributes:
        steps: The steps.
        index: The index of each id.
        couplings: The links between them.
        conditions: The parsed condition of those steps that have one.
        retries: The retry policy of each step.
        breaker: How targets that keep failing are left alone, or None.
        timeouts: How long one attempt may take; only where that is bounded.
        total_timeouts: How long all attempts together may take, likewise.
        queue_timeouts: How long a step that is ready may wait for its start, likewise.
        lines: What steps occupy while they run.
        line_number: Which of them that is, of each step.
        line_of: The line itself.
        resources: What steps take and how much there is; sequential mode is one more resource, the last.
        limits: How much there is of each resource that lines speak of.
        order: The indices by precedence: what is ready starts in this order.
        rank: The place of each index in *order*.
        timeout: How long the run may take, or None.
        fail_fast: Whether nothing more is started after a failure that was not allowed.
        alerts: What is watched while steps run.
    """

    steps: tuple[Step, ...]
    index: dict[str, int]
    couplings: Couplings
    conditions: dict[int, Condition]
    retries: Sequence[RetryStrategy]
    breaker: CircuitBreaker | None
    timeouts: Mapping[int, int]
    total_timeouts: Mapping[int, int]
    queue_timeouts: Mapping[int, int]
    lines: tuple[Line, ...]
    line_number: Sequence[int]
    line_of: Sequence[Line]
    resources: ResourcePlan
    limits: tuple[int, ...]
    order: Sequence[int]
    rank: Sequence[int]
    timeout: int | None
    fail_fast: bool
    alerts: tuple[Alert, ...]

    @classmethod
    def of(cls, flow: Workflow, *, needs_bodies: bool = True) -> Self:
        """The plan of a workflow.

        Args:
            flow: The workflow.
            needs_bodies: Whether each step must have something to run; a simulation does without.

        Raises:
            InvalidWorkflow: The workflow is not sound, or a step has nothing to run that needs it.
            UnsupportedFeature: It needs what this version cannot carry out.
        """
        wiring = flow.wiring()
        if features := flow.unsupported():
            raise UnsupportedFeature(flow.name, features)
        steps = tuple(flow.steps)
        if needs_bodies:
            _require_bodies(flow, steps)
        couplings = coupled(wiring)
        resources = ResourcePlan.of(steps, flow.resources, flow.context)
        lines, line_number, limits = _lines(flow, steps, resources)
        order = _order(flow, wiring, couplings, resources)
        rank = [0] * len(steps)
        for place, number in zip(wiring.place.values(), order, strict=True):  # the numbers that are there already
            rank[number] = place
        return cls(
            steps=steps,
            index=wiring.place,
            couplings=couplings,
            conditions={number: parse(step.condition) for number, step in enumerate(steps) if step.condition},
            retries=_retries(flow),
            breaker=_breaker(flow),
            timeouts=_bounds(steps, "timeout"),
            total_timeouts=_bounds(steps, "total_timeout"),
            queue_timeouts=_bounds(steps, "queue_timeout"),
            lines=lines,
            line_number=line_number,
            line_of=[lines[number] for number in line_number],
            resources=resources,
            limits=limits,
            order=order,
            rank=rank,
            timeout=None if flow.timeout is None else flow.timeout // MICROSECOND,
            fail_fast=flow.fail_fast,
            alerts=flow.alerts(),
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


def _bounds(steps: Sequence[Step], member: str) -> dict[int, int]:
    """The durations that steps have as *member*, in microseconds."""
    times = enumerate(map(attrgetter(member), steps))
    return {number: time // MICROSECOND for number, time in times if time is not None}


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


def _order(flow: Workflow, wiring: Wiring, couplings: Couplings, resources: ResourcePlan) -> Sequence[int]:
    """In which order ready steps start; a step without an estimate counts as a second."""
    if flow.mode == "sequential":
        return range(len(flow.steps))
    estimates = [step.estimated_duration for step in flow.steps]
    durations = [_SECOND if time is None else time // MICROSECOND for time in estimates]
    in_order = wiring.order()
    if in_order is not None and not (resources.limits or couplings.typed_on_start or couplings.typed_on_finish):
        return _by_longest_path(durations, couplings, in_order, wiring.place.values())
    gated = [couplings.gated_starts(number) for number in range(len(flow.steps))]
    on_finish, on_start = (
        [[(target, lag) for target, lag, is_finish in links if is_finish is kind] for links in gated]
        for kind in (True, False)
    )
    project = Project.of(durations, on_finish, on_start, resources.demands, resources.limits)
    return precedence(project, is_estimated=None not in estimates, may_wait=False).order


def _by_longest_path(
    durations: list[int], couplings: Couplings, in_order: Sequence[int], numbers: Iterable[int]
) -> Sequence[int]:
    """The *numbers* of steps by the longest path from the start of a step to the end of all; then by document."""
    path, on_finish = durations.copy(), couplings.on_finish
    for number in reversed(in_order):
        longest = 0
        for target, _ in on_finish[number]:
            if path[target] > longest:  # noqa: PLR1730 - of every link; a call of max() would cost more
                longest = path[target]
        path[number] += longest
    return sorted(numbers, key=path.__getitem__, reverse=True)  # which is stable


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
