"""Which step takes how much of what, and how much there is (D4, "Resource Management"; design §5).

A workflow says it in four places. How much there is: ``resources.limits``, and for resources not named there
``context.resources``; what neither names is unbounded. What a step takes, resource by resource: its own
``resources``, else the workflow's ``resources`` under its id, else ``resources.requests``; 0 declines a default.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, Self

import attrs

from taskorch.core import copies
from taskorch.core.documents import EMPTY, JSON, is_extension
from taskorch.core.json_text import child, join, shown
from taskorch.core.quantities import amount_text, check_quantities, limit_amount, request_amount
from taskorch.core.settings import AutoScaling, Pool
from taskorch.core.step import Step
from taskorch.core.suggestions import suggestion
from taskorch.errors import InvalidWorkflow, Problem

Demand = tuple[tuple[int, int], ...]
"""What a step takes of the limited resources: pairs of a resource's index and an amount above 0, by index."""
Amounts = Mapping[str, int]
"""Amounts by resource, in thousandths."""

NO_DEMAND: Final[Demand] = ()
NO_AMOUNTS: Final[Amounts] = copies.EMPTY


@attrs.frozen
class Allotment:
    """What a workflow says about resources beside its steps, whichever form it has.

    Attributes:
        pool: How much there is, from ``resources.limits``.
        surroundings: How much there is, from ``context.resources``.
        defaults: What a step takes that does not say.
        by_id: What steps take, by their ids, as it was written.
    """

    pool: Amounts
    surroundings: Amounts
    defaults: Amounts
    by_id: Mapping[str, JSON]

    @classmethod
    def of(cls, resources: JSON, context: JSON) -> Self:
        """What the members ``resources`` and ``context`` say, read or not; what cannot be read is passed over."""
        limits, requests, by_id = _forms(resources)
        around = context.get("resources") if isinstance(context, Mapping) else None
        return cls(_amounts(limits, limit_amount), _amounts(around, limit_amount), _requests(requests), by_id)

    @property
    def limits(self) -> Amounts:
        """How much there is of each resource that has a limit."""
        return {**self.pool, **{name: amount for name, amount in self.surroundings.items() if name not in self.pool}}

    def is_named(self, step: Step) -> bool:
        """Whether it is said what this step takes, so that it does not just take the defaults."""
        return bool(step.resources) or step.id in self.by_id

    def request(self, step: Step) -> Amounts:
        """What *step* takes."""
        if not self.is_named(step):
            return self.defaults
        return {**self.defaults, **_requests(self.by_id.get(step.id)), **_requests(step.resources)}


@attrs.frozen
class ResourcePlan:
    """What a run has and what its steps take, as integers. Amounts are in thousandths.

    Attributes:
        names: The limited resources; a resource's index is its place here.
        limits: How much there is of each.
        demands: What each step takes of them, in the order of the steps; equal ones are one object.
        requests: All that each step takes, also of resources without a limit, by name; for explanations and
            dispatchers.
        auto_scaling: A hint to dispatchers that can add workers, if it is enabled; nothing here depends on it.
    """

    names: tuple[str, ...]
    limits: tuple[int, ...]
    demands: tuple[Demand, ...]
    requests: tuple[Amounts, ...]
    auto_scaling: AutoScaling | None = None

    @classmethod
    def of(cls, steps: Sequence[Step], resources: JSON = None, context: JSON = EMPTY) -> Self:
        """The plan of a workflow that has passed its check.

        Args:
            steps: Its steps.
            resources: Its member ``resources``.
            context: Its member ``context``.
        """
        allotment = Allotment.of(resources, context)
        limits = allotment.limits
        index = {name: place for place, name in enumerate(limits)}
        usual = _positive(allotment.defaults)
        requests: tuple[Amounts, ...] = (usual,) * len(steps)
        demands: tuple[Demand, ...] = (_demand(usual, index),) * len(steps)
        if named := _named(steps, allotment):
            stated = {number: _positive(allotment.request(steps[number])) for number in named}
            requests = tuple(stated.get(number, usual) for number in range(len(steps)))
            same: dict[Demand, Demand] = {}
            each = (_demand(request, index) for request in requests)
            demands = tuple(same.setdefault(demand, demand) for demand in each)
        hint = resources.auto_scaling if isinstance(resources, Pool) else None
        hint = hint if hint is not None and hint.enabled else None
        return cls(tuple(limits), tuple(limits.values()), demands, requests, hint)


class Capacity:
    """How much is free of each resource at this instant; whole numbers, so nothing drifts.

    Attributes:
        free: The free amounts, by a resource's index.
    """

    __slots__ = ("free",)

    def __init__(self, limits: Sequence[int]) -> None:
        """Everything is free."""
        self.free = list(limits)

    def fits(self, demand: Demand) -> bool:
        """Whether so much is free."""
        free = self.free
        for index, amount in demand:  # noqa: SIM110 - a generator would cost more than all the rest
            if free[index] < amount:
                return False
        return True

    def take(self, demand: Demand) -> None:
        """Hold *demand*; whoever starts anything asks first whether it fits.

        It is not asked here: a run that is gone on with under lower limits holds what it held before, and nothing
        fits until enough has been given back.
        """
        for index, amount in demand:
            self.free[index] -= amount

    def give(self, demand: Demand) -> None:
        """Give back what was taken."""
        for index, amount in demand:
            self.free[index] += amount


def resource_problems(
    placed: Iterable[tuple[str, Step]],
    ids: Collection[str],
    members: Mapping[str, JSON],
    path_of: Callable[[str], str],
) -> Iterator[Problem]:
    """What is wrong between the steps of a workflow and what it says about resources.

    Args:
        placed: The steps that could be read, with their paths.
        ids: The ids of all steps.
        members: ``resources`` and ``context``, read or not; what could not be read is passed over.
        path_of: Where a member stands in the document.
    """
    context = members.get("context")
    if isinstance(context, Mapping) and "resources" in context:
        yield from _below(f"{path_of('context')}.resources", check_quantities(context["resources"]))
    allotment = Allotment.of(members.get("resources"), context)
    for id, amounts in allotment.by_id.items():
        path = child(path_of("resources"), id)
        if id not in ids and not is_extension(id):
            yield Problem(path, f"there is no step {shown(id)!r}", suggestion(id, ids))
        elif id in ids and is_extension(id):  # passed over when it was read, as nobody knew of the step
            yield from _below(path, check_quantities(amounts))
    yield from _never_fitting(placed, allotment, path_of)


def _never_fitting(
    placed: Iterable[tuple[str, Step]], allotment: Allotment, path_of: Callable[[str], str]
) -> Iterator[Problem]:
    """Steps that take more than there is; a default is told of once, and not for each step that takes it."""
    limits, resources = allotment.limits, path_of("resources")
    told: set[str] = set()
    if not any(amount > limits.get(name, amount) for name, amount in allotment.defaults.items()):
        placed = [(path, step) for path, step in placed if allotment.is_named(step)] if limits else ()
    for path, step in placed:
        for name, amount in allotment.request(step).items():
            if amount <= limits.get(name, amount):
                continue
            if name in step.resources:
                at = written = child(f"{path}.resources", name)
            elif name in _requests(allotment.by_id.get(step.id)):
                at, written = path, child(child(resources, step.id), name)
            elif name in told:
                continue
            else:
                at, written = path, child(f"{resources}.requests", name)
                told.add(name)
            limit = f"{resources}.limits" if name in allotment.pool else f"{path_of('context')}.resources"
            takes = f"it takes {amount_text(amount)} of {shown(name)!r}, and the limit is {amount_text(limits[name])}"
            hint = f"lower {written} or raise {child(limit, name)}"
            yield Problem(at, f"step {step.id!r} would never fit: {takes}", hint)


def _named(steps: Sequence[Step], allotment: Allotment) -> list[int]:
    """The numbers of the steps that do not just take the defaults."""
    if not allotment.by_id and not [step for step in steps if step.resources]:
        return []  # told apart by the shortest way, as most workflows say nothing of resources
    return [number for number, step in enumerate(steps) if allotment.is_named(step)]


def _forms(resources: JSON) -> tuple[JSON, JSON, Mapping[str, JSON]]:
    """Limits, requests, and amounts by step id."""
    if isinstance(resources, Pool):
        return resources.limits, resources.requests, EMPTY
    if not isinstance(resources, Mapping):
        return EMPTY, EMPTY, EMPTY
    if resources.keys() & Pool.members().keys():
        return resources.get("limits"), resources.get("requests"), EMPTY
    return EMPTY, EMPTY, resources


def _amounts(amounts: JSON, read: Callable[[JSON], int]) -> Amounts:
    """The amounts that can be read; of the others was told where they stand."""
    found: dict[str, int] = {}
    for name, amount in amounts.items() if isinstance(amounts, Mapping) else ():
        try:
            found[name] = read(amount)
        except InvalidWorkflow:
            continue
    return found or NO_AMOUNTS


def _requests(amounts: JSON) -> Amounts:
    return _amounts(amounts, request_amount) if amounts else NO_AMOUNTS


def _positive(request: Amounts) -> Amounts:
    return {name: amount for name, amount in request.items() if amount} or NO_AMOUNTS


def _demand(request: Amounts, index: Mapping[str, int]) -> Demand:
    if not request or not index:
        return NO_DEMAND
    return tuple(sorted((index[name], amount) for name, amount in request.items() if name in index))


def _below(path: str, problems: Iterator[Problem]) -> Iterator[Problem]:
    for problem in problems:
        yield problem._replace(path=join(path, problem.path))
