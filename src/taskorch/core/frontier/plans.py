"""The plans of workflows, each compiled once as long as its workflow stays as it is."""

from collections.abc import Sequence
from operator import attrgetter, is_
from typing import NamedTuple
from weakref import ReferenceType, ref

from taskorch.core.frontier.plan import Plan
from taskorch.core.step import Link
from taskorch.core.workflow import Workflow


class _Compiled(NamedTuple):
    """A plan, and the links it was made of: the lists of a workflow may grow."""

    flow: ReferenceType[Workflow]
    links: list[Link]
    plan: Plan

    def is_of(self, flow: Workflow) -> bool:
        """Whether it is that of *flow* as it is: two workflows that are equal may have other functions."""
        is_same = self.flow() is flow
        return is_same and are_same(self.plan.steps, flow.steps) and are_same(self.links, flow.links)


_ENVIRONMENT = attrgetter("environment")


def plan_of(flow: Workflow) -> Plan:
    """The plan of a workflow; it raises what ``Plan.of`` raises.

    A plan is kept only where it depends on nothing that could be changed in place but the lists of steps and links.
    """
    if flow.context or flow.notifications or flow.resources:
        return Plan.of(flow)
    known = flow.memo.plan  # kept there and not here: a body may hold the workflow, and neither would ever go
    if isinstance(known, _Compiled) and known.is_of(flow):
        return known.plan
    plan = Plan.of(flow)
    if not any(map(_ENVIRONMENT, plan.steps)):
        flow.memo.plan = _Compiled(ref(flow), flow.links.copy(), plan)
    return plan


def are_same(some: Sequence[object], others: Sequence[object]) -> bool:
    """Whether both hold the very same objects."""
    return len(some) == len(others) and all(map(is_, some, others))
