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


_ENVIRONMENT = attrgetter("environment")
_compiled: dict[int, _Compiled] = {}  # by the identity of the workflow: two that are equal may have other functions


def plan_of(flow: Workflow) -> Plan:
    """The plan of a workflow; it raises what ``Plan.of`` raises.

    A plan is kept only where it depends on nothing that could be changed in place but the lists of steps and links.
    """
    key = id(flow)
    if flow.context or flow.notifications or flow.resources:
        return Plan.of(flow)
    known = _compiled.get(key)
    if known is not None and _are_same(known.plan.steps, flow.steps) and _are_same(known.links, flow.links):
        return known.plan
    plan = Plan.of(flow)
    if not any(map(_ENVIRONMENT, plan.steps)):
        flow_ref = ref(flow, lambda _: _compiled.pop(key, None))
        _compiled[key] = _Compiled(flow_ref, flow.links.copy(), plan)
    return plan


def _are_same(some: Sequence[object], others: Sequence[object]) -> bool:
    """Whether both hold the very same objects."""
    return len(some) == len(others) and all(map(is_, some, others))
