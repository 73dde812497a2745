"""Fingerprints: what a stored run remembers of its workflow, so that it goes on under no other one."""

import json
from collections.abc import Callable, Sequence
from json.encoder import encode_basestring as quoted
from operator import attrgetter, is_
from typing import NamedTuple
from weakref import ReferenceType, ref

import attrs

from taskorch.core.copies import changed
from taskorch.core.documents import EMPTY, JSON, Document, unstructure
from taskorch.core.frontier.plans import are_same
from taskorch.core.step import Link, Step
from taskorch.core.workflow import Workflow

_FORM = 1  # of what is hashed; another form says nothing about a change of the workflow


def _absence(cls: type[Document], *, of_all_but: frozenset[str]) -> Callable[[Document], bool]:
    """What tells of a document of class *cls* whether all its members but some are the very defaults."""
    others = [attribute for attribute in attrs.fields(cls) if attribute.name not in of_all_but]
    values_of = attrgetter(*(attribute.name for attribute in others), "written")  # two give a tuple
    defaults = [attribute.default for attribute in others]
    return lambda document: type(document) is cls and all(map(is_, values_of(document), defaults))


_PLAIN_OF_STEPS = frozenset({
    "written", "id", "name", "description", "command", "timeout", "retries", "retry_delay", "working_directory",
    "condition", "parallel", "allow_failure", "estimated_duration", "total_timeout", "queue_timeout", "delivery",
    "map", "for_each", "assigned_to", "output", "target", "body",
})  # fmt: skip
_PLAIN_OF_LINKS = frozenset({"written", "predecessor", "successor", "type", "condition", "lag"})
"""Members that hold nothing that could be changed in place: texts, numbers, durations, tuples of such."""
_is_plain_step, _is_plain_link = _absence(Step, of_all_but=_PLAIN_OF_STEPS), _absence(Link, of_all_but=_PLAIN_OF_LINKS)
_is_bare_step = _absence(Step, of_all_but=frozenset({"id", "body"}))
_is_bare_link = _absence(Link, of_all_but=frozenset({"predecessor", "successor"}))
_HERE, _LINKED = [Step("here")], [Link("here", "there")]
"""These stand in a frame for the steps and for the links, if there are any."""


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
    framed = changed(flow, steps=_HERE if flow.steps else [], links=_LINKED if flow.links else [])
    frame = _canonical(framed.to_dict())
    known = flow.memo.mark
    if isinstance(known, _Known) and known.is_of(flow, frame):
        return known.mark
    steps, links = _text_of_steps(flow.steps), _text_of_links(flow.links)
    text = _filled(_filled(frame, _text_of_steps(_HERE)[0], steps[0]), _text_of_links(_LINKED)[0], links[0])
    mark = _mark(_canonical(flow.to_dict()) if text is None else text)
    if steps[1] and links[1]:
        flow.memo.mark = _Known(ref(flow), frame, flow.steps.copy(), flow.links.copy(), mark)
    return mark


def _filled(frame: str | None, place: str, text: str) -> str | None:
    """*frame* with *text* in its place; None if there are several such places."""
    if frame is None or not text:
        return frame
    before, _, after = frame.partition(place)
    return None if place in after else before + text + after


def _text_of_steps(steps: Sequence[Step]) -> tuple[str, bool]:
    """What ``_canonical`` makes of steps, without the brackets; and whether none can be changed in place.

    For those that are nothing but an id and a function it is quick.
    """
    texts, are_fixed = [], True
    for step in steps:
        body = step.body
        is_fed = body is not None and body.inputs is not EMPTY
        if is_fed or not _is_bare_step(step):
            texts.append(_canonical(unstructure(step)))
            are_fixed = are_fixed and not is_fed and _is_plain_step(step)
        elif body is None:
            texts.append(f'{{"id":{quoted(step.id)}}}')
        else:
            texts.append(f'{{"id":{quoted(step.id)},"x-function":{quoted(body.reference)}}}')
    return ",".join(texts), are_fixed


def _text_of_links(links: Sequence[Link]) -> tuple[str, bool]:
    """The same of links; for those that are nothing but their ends it is quick."""
    texts, are_fixed = [], True
    for link in links:
        if _is_bare_link(link):
            texts.append(f'{{"from":{quoted(link.predecessor)},"to":{quoted(link.successor)}}}')
        else:
            texts.append(_canonical(unstructure(link)))
            are_fixed = are_fixed and _is_plain_link(link)
    return ",".join(texts), are_fixed


def _mark(canonical: str) -> str:
    import hashlib  # a run that nothing keeps does without it

    return f"{_FORM}:{hashlib.sha256(canonical.encode()).hexdigest()}"


def _canonical(data: JSON) -> str:
    return json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
