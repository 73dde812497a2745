"""What a run takes over from an earlier one that it does again: the facts of the steps that are not run again."""

from collections.abc import Iterable

from taskorch.core.frontier.ends import End
from taskorch.core.frontier.facts import Fact
from taskorch.core.frontier.fold import Fold
from taskorch.core.frontier.plan import Plan

_SETTLED = frozenset({End.COMPLETED, End.SKIPPED, End.OMITTED})
"""Ends that are taken over, unless something before the step is run again. What failed or was cancelled is not."""


def kept_steps(run: Fold, from_step: int | None = None, *, failed_only: bool = False) -> frozenset[int]:
    """The steps of an ended run that are not run again.

    That a step was skipped or omitted is kept as well, as the same would be decided again.

    Args:
        run: Where it has come to.
        from_step: The step to begin with, by index: it, whatever did not end well, and all that comes after either
            of them, by links of whatever type, run again.
        failed_only: Without a step to begin with: whether only that runs again which did not end well, with what
            comes after it; otherwise everything does.
    """
    if from_step is None and not failed_only:
        return frozenset()
    ends = run.ends
    again = {step for step, end in enumerate(ends) if end not in _SETTLED}
    if from_step is not None:
        again.add(from_step)
    return frozenset(range(len(ends))) - downstream(run.plan, again)


def carried(run: Fold, kept: Iterable[int]) -> list[Fact]:
    """The facts of the *kept* steps, in their order and with their times: the first facts of the new run."""
    steps = frozenset(kept)
    return [fact for fact in run.facts if fact[0] in steps]


def downstream(plan: Plan, steps: Iterable[int]) -> set[int]:
    """*steps*, and all that comes after them by links of whatever type."""
    links = plan.couplings
    found = set(steps)
    waiting = list(found)
    while waiting:
        step = waiting.pop()
        targets = [target for target, _ in links.on_finish[step]]
        for typed in (links.typed_on_start, links.typed_on_finish):
            targets += [link.target for link in typed.get(step, ())]
        fresh = set(targets) - found
        found |= fresh
        waiting += fresh
    return found
