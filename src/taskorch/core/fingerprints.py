"""Fingerprints: what a stored run remembers of its workflow, so that it goes on under no other one."""

import json
from operator import attrgetter, is_
from typing import NamedTuple
from weakref import ReferenceType, ref

import attrs

from taskorch.core.copies import changed
from taskorch.core.documents import EMPTY, JSON, Document
from taskorch.core.frontier.plans import are_same
from taskorch.core.step import Link, Step
from taskorch.core.workflow import Workflow

_FORM = 1  # of what is hashed; another form says nothing about a change of the workflow


class _Others:
    """The members of a class of documents that may hold what can be changed in place, unless they have their defaults.

    Args:
        cls: The class.
        plain: Its other members: texts, numbers, durations, tuples of such, or None.
    """

    def __init__(self, cls: type[Document], plain: frozenset[str]) -> None:
        others = [attribute for attribute in attrs.fields(cls) if attribute.name not in plain]
        self._values_of = attrgetter(*(attribute.name for attribute in others), "written")  # two give a tuple
        self._defaults = [attribute.default for attribute in others]

    def are_absent(self, document: Document) -> bool:
        """Whether *document* has none of them."""
        return all(map(is_, self._values_of(document), self._defaults))


_PLAIN_OF_STEPS = frozenset({
    "written", "id", "name", "description", "command", "timeout", "retries", "retry_delay", "working_directory",
    "condition", "parallel", "allow_failure", "estimated_duration", "total_timeout", "queue_timeout", "delivery",
    "map", "for_each", "assigned_to", "output", "target", "body",
})  # fmt: skip
_STEPS = _Others(Step, _PLAIN_OF_STEPS)
_LINKS = _Others(Link, frozenset({"written", "predecessor", "successor", "type", "condition", "lag"}))


class _Known(NamedTuple):
    """A fingerprint, and what it was made of: the lists may grow, and what is in the frame may change in place."""

    flow: ReferenceType[Workflow]
    frame: str
    steps: list[Step]
    links: list[Link]
    mark: str

    def is_of(self, flow: Workflow, frame: str) -> bool:
        """Whether it is that of *flow* as it is now."""
        is_same = self.flow() is flow and self.frame == frame
        return is_same and are_same(self.steps, flow.steps) and are_same(self.links, flow.links)


def fingerprint(flow: Workflow) -> str:
    """A text that differs for workflows that differ in anything but the order of their keys.

    It is kept with the workflow where no step or link holds anything that could be changed in place. All else is
    looked at each time.
    """
    frame = _canonical(changed(flow, steps=[], links=[]).to_dict())
    known = flow.memo.mark
    if isinstance(known, _Known) and known.is_of(flow, frame):
        return known.mark
    mark = _mark(flow)
    if all(map(_is_fixed, flow.steps)) and all(map(_LINKS.are_absent, flow.links)):
        flow.memo.mark = _Known(ref(flow), frame, flow.steps.copy(), flow.links.copy(), mark)
    return mark


def _is_fixed(step: Step) -> bool:
    """Whether nothing in *step* that is written could be changed in place."""
    return _STEPS.are_absent(step) and (step.body is None or step.body.inputs is EMPTY)


def _mark(flow: Workflow) -> str:
    import hashlib  # a run that nothing keeps does without it

    return f"{_FORM}:{hashlib.sha256(_canonical(flow.to_dict()).encode()).hexdigest()}"


def _canonical(data: JSON) -> str:
    return json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
