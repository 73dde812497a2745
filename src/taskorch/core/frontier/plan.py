"""A workflow compiled to integers: what the frontier needs to know of it, and nothing else."""

from collections.abc import Sequence
from datetime import timedelta
from enum import IntEnum
from typing import Self

import attrs

from taskorch.core.expressions import Condition, parse
from taskorch.core.outcomes import LinkCondition, Outcome, satisfies
from taskorch.core.retry import Retry
from taskorch.core.settings import ErrorHandling
from taskorch.core.step import Link, Step
from taskorch.core.workflow import Workflow
from taskorch.errors import InvalidWorkflow, Problem, UnsupportedFeature

_MICROSECOND = timedelta(microseconds=1)


class Kind(IntEnum):
    """Where a body runs; each kind has its own slots."""

    LOOP = 0
    """On the event loop: async functions, and sync ones declared ``inline``."""
    THREAD = 1
    COMMAND = 2


class End(IntEnum):
    """How a step ended, as links see it: outcomes, with an allowed failure apart."""

    COMPLETED = 0
    FAILED = 1
    ALLOWED = 2
    SKIPPED = 3
    OMITTED = 4
    CANCELLED = 5

    @property
    def outcome(self) -> Outcome:
        """The outcome it is."""
        return _OUTCOMES[self]


_OUTCOMES = (
    Outcome.COMPLETED,
    Outcome.FAILED,
    Outcome.FAILED,
    Outcome.SKIPPED,
    Outcome.OMITTED,
    Outcome.CANCELLED,
)
_MASKS = {
    condition: sum(1 << end for end in End if satisfies(end.outcome, condition, allowed=end is End.ALLOWED))
    for condition in LinkCondition
}
"""For each condition of a link the ends that satisfy it, as bits."""


@attrs.frozen(kw_only=True, eq=False)
class Plan:
    """The steps of a workflow by index, in the order of the document.

    Attributes:
        steps: The steps.
        index: The index of each id.
        kinds: The ``Kind`` of each body.
        waits: How many links must be settled before each step is decided.
        on_finish: For each step its successors, each with the mask of ends that satisfy the link.
        conditions: The parsed condition of those steps that have one.
        retries: The retry policy of each step.
        timeouts: How long one attempt may take, in microseconds; only where that is bounded.
        order: The indices by precedence: what is ready starts in this order.
        rank: The place of each index in *order*.
        timeout: How long the run may take, in microseconds, or None.
        fail_fast: Whether nothing more is started after a failure that was not allowed.
        sequential: Whether one step runs at a time.
    """

    steps: tuple[Step, ...]
    index: dict[str, int]
    kinds: bytes
    waits: tuple[int, ...]
    on_finish: tuple[tuple[tuple[int, int], ...], ...]
    conditions: dict[int, Condition]
    retries: tuple[Retry, ...]
    timeouts: dict[int, int]
    order: tuple[int, ...]
    rank: tuple[int, ...]
    timeout: int | None
    fail_fast: bool
    sequential: bool

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
        if idle := [number for number, step in enumerate(steps) if (step.command is None) == (step.body is None)]:
            at, hint = flow.layout.path_of("steps"), "give it a command or a function, not both"
            raise InvalidWorkflow(
                Problem(
                    f"{at}[{number}]",
                    "has nothing to run" if steps[number].body is None else "has both a command and a function",
                    hint,
                )
                for number in idle
            )
        index = {step.id: number for number, step in enumerate(steps)}
        waits, on_finish = _wire(links, index)
        sequential = flow.mode == "sequential"
        order = tuple(range(len(steps))) if sequential else _precedence(steps, on_finish, waits)
        rank = [0] * len(steps)
        for place, number in enumerate(order):
            rank[number] = place
        return cls(
            steps=steps,
            index=index,
            kinds=bytes(_kind(step) for step in steps),
            waits=tuple(waits),
            on_finish=on_finish,
            conditions={index[s.id]: parse(s.condition) for s in steps if s.condition is not None},
            retries=_retries(flow),
            timeouts={index[s.id]: s.timeout // _MICROSECOND for s in steps if s.timeout is not None},
            order=order,
            rank=tuple(rank),
            timeout=None if flow.timeout is None else flow.timeout // _MICROSECOND,
            fail_fast=flow.fail_fast,
            sequential=sequential,
        )


def _kind(step: Step) -> Kind:
    if step.body is None:
        return Kind.COMMAND
    return Kind.LOOP if step.body.is_async or step.body.inline else Kind.THREAD


def _wire(links: Sequence[Link], index: dict[str, int]) -> tuple[list[int], tuple[tuple[tuple[int, int], ...], ...]]:
    waits = [0] * len(index)
    outgoing: list[list[tuple[int, int]]] = [[] for _ in index]
    for link in links:
        target = index[link.successor]
        waits[target] += 1
        outgoing[index[link.predecessor]].append((target, _MASKS[link.condition]))
    return waits, tuple(map(tuple, outgoing))


def _precedence(
    steps: Sequence[Step], on_finish: Sequence[Sequence[tuple[int, int]]], waits: Sequence[int]
) -> tuple[int, ...]:
    """The order by the longest path that still follows a step, its own length included; then by document.

    A step without an estimate counts as one unit, so that without any estimate depth decides.
    """
    left = list(waits)
    sorted_steps = [number for number, count in enumerate(left) if not count]
    for number in sorted_steps:  # grows while it is walked
        for target, _ in on_finish[number]:
            left[target] -= 1
            if not left[target]:
                sorted_steps.append(target)
    path = [0.0] * len(steps)
    for number in reversed(sorted_steps):
        estimate = steps[number].estimated_duration
        own = 1.0 if estimate is None else estimate.total_seconds()
        path[number] = own + max((path[target] for target, _ in on_finish[number]), default=0.0)
    return tuple(sorted(range(len(steps)), key=lambda number: (-path[number], number)))


def _retries(flow: Workflow) -> tuple[Retry, ...]:
    handling = flow.error_handling or ErrorHandling()
    policy = handling.retry_policy or flow.retry_policy
    common = Step("common").retry(policy)
    return tuple(
        common if s.retries is None and s.retry_delay is None and s.retry_policy is None else s.retry(policy)
        for s in flow.steps
    )
