"""Whether steps and links together make a workflow: ids, ends of links, circles."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice, repeat
from operator import add, attrgetter, eq, mul
from typing import Generic, NamedTuple, TypeVar

import attrs

from taskorch.core.documents import JSON
from taskorch.core.expressions import ALERTS, parse
from taskorch.core.expressions.vocabulary import MESSAGES, PAYLOADS
from taskorch.core.graph import Wiring, find_cycle
from taskorch.core.holes import MOST_TOLD, steps_named
from taskorch.core.json_text import join, shown
from taskorch.core.messages import check_message, check_payload, texts_in
from taskorch.core.outcomes import LinkCondition, LinkType
from taskorch.core.step import Link, Step
from taskorch.core.suggestions import few_suggestions, suggestion
from taskorch.errors import CycleError, InvalidCondition, InvalidWorkflow, Problem

T = TypeVar("T")

_TYPE = attrgetter("type")
_LONGEST_CIRCLE = 100  # ids that a message names


@attrs.frozen(eq=False)
class Parts(Generic[T]):
    """Parts of one array of a document, with their paths, which are built only where they are asked for.

    Attributes:
        at: The path of the array.
        items: Those parts that could be read.
        numbers: Their places in the array; None if all could be read.
    """

    at: str
    items: Sequence[T]
    numbers: Sequence[int] | None = None

    def path(self, index: int) -> str:
        """Where the part stands that is number *index* of ``items``."""
        return f"{self.at}[{index if self.numbers is None else self.numbers[index]}]"

    def only(self, places: Sequence[int]) -> "Parts[T]":
        """Those at these places among ``items``, with their paths."""
        numbers = places if self.numbers is None else [self.numbers[place] for place in places]
        return Parts(self.at, [self.items[place] for place in places], numbers)

    def __iter__(self) -> Iterator[tuple[str, T]]:
        """Each part after its path."""
        return ((self.path(index), item) for index, item in enumerate(self.items))


def _naming(steps: Sequence[Step]) -> list[int]:
    """The places of the steps that may name others; most name none, and are told at once."""
    return [
        place
        for place, step in enumerate(steps)
        if (step.body is not None and step.body.parameters)
        or step.command is not None
        or step.condition is not None
        or step.map is not None
    ]


def implied_links(step: Step, ids: Collection[str]) -> Iterator[Link]:
    """The links a step has because its condition, parameters or command name other steps."""
    for key, named in step.named_steps:
        if key == "condition":
            yield Link(named, step.id, condition=LinkCondition.ALWAYS)
    if step.body is not None:
        for _, source, _ in step.body.sources(ids):
            yield Link(source, step.id)
    for key, named in step.named_steps:
        if key == "command":
            yield Link(named, step.id)


def all_links(steps: Sequence[Step], links: Sequence[Link]) -> list[Link]:
    """The links as written, and the implied ones between steps that no finish_to_start link joins yet."""
    naming = [steps[place] for place in _naming(steps)]
    return list(links) if not naming else _with_implied(naming, {step.id for step in steps}, links)


def _with_implied(naming: Sequence[Step], ids: Collection[str], links: Sequence[Link]) -> list[Link]:
    found = list(links)
    joined = {(k.predecessor, k.successor) for k in links if k.type is LinkType.FINISH_TO_START}
    for step in naming:
        for link in implied_links(step, ids):
            pair = (link.predecessor, link.successor)
            if pair not in joined:
                joined.add(pair)
                found.append(link)
    return found


def check_ids(ids: Parts[str]) -> Iterator[Problem]:
    """Ids that stand twice."""
    if len(set(ids.items)) == len(ids.items):
        return
    first: dict[str, str] = {}
    for path, id in ids:
        if id in first:
            yield Problem(f"{path}.id", f"the id {shown(id, 128)!r} is that of {first[id]} too", "ids are unique")
        first.setdefault(id, path)


def check_links(links: Parts[Link], ids: Mapping[str, object] | Collection[str]) -> Iterator[Problem]:
    """Links to nowhere, to themselves, twice, or of a kind that cannot be."""
    seen: dict[tuple[str, str, LinkType], str] = {}
    for path, link in links:
        for key, id in (("from", link.predecessor), ("to", link.successor)):
            if id not in ids:
                yield Problem(f"{path}.{key}", f"there is no step {shown(id, 128)!r}", suggestion(id, ids))
        if link.predecessor == link.successor:
            yield Problem(path, f"{shown(link.predecessor, 128)!r} would wait for itself", "remove the link")
        if not link.type.from_finish and link.condition is LinkCondition.FAILURE:
            message = f"a {link.type} link waits for a start, which cannot fail"
            yield Problem(f"{path}.condition", message, "success or always")
        same = (link.predecessor, link.successor, link.type)
        if same in seen:
            yield Problem(path, f"repeats {seen[same]}", "one link of a type between two steps")
        seen.setdefault(same, path)


def _are_fine(wiring: Wiring) -> bool:
    """Whether ``check_links`` would find nothing; by whole lists at once, as there may be very many links."""
    sources, targets, links = wiring.sources, wiring.targets, wiring.links
    if not wiring.is_whole or (not wiring.leads_on and any(map(eq, sources, targets))):
        return False
    if wiring.is_plain:
        pairs = map(add, sources, map(mul, targets, repeat(len(wiring.place))))
        return len(set(pairs)) == len(links)
    if any(link.condition is LinkCondition.FAILURE and not link.type.from_finish for link in links):
        return False
    return len(set(zip(sources, targets, map(id, map(_TYPE, links)), strict=True))) == len(links)


def check_named_steps(steps: Parts[Step], ids: Collection[str]) -> Iterator[Problem]:
    """Steps that a condition, parameter or command names and that are not there, or are the step itself."""
    for index, step in enumerate(steps.items):
        for problem in islice(_problems_of_names(step, ids), MOST_TOLD):
            path = steps.path(index)
            yield problem._replace(path=f"{path}.{problem.path}" if problem.path else path)


def _problems_of_names(step: Step, ids: Collection[str]) -> Iterator[Problem]:
    body = step.body
    if body is not None and any(source == step.id for _, source, _ in body.sources(ids)):
        yield Problem("", f"a parameter of {step.id!r} would be fed by the step itself", "rename the step or it")
    for key, id in step.named_steps:
        if id == step.id:
            yield Problem(key, "names the step itself")
        elif id not in ids:
            yield Problem(key, f"there is no step {shown(id, 128)!r}", suggestion(id, ids))
    if body is not None:
        yield from body.problems(ids)


class Notice(NamedTuple):
    """A part of an alert or a webhook that speaks of the run.

    Attributes:
        path: Where it stands.
        key: ``condition`` or ``message`` of an alert, or ``payload`` of a webhook.
        value: What stands there.
    """

    path: str
    key: str
    value: JSON


def placed_alerts(members: Mapping[str, JSON], path_of: Callable[[str], str]) -> Iterator[Notice]:
    """What of alerts and webhooks speaks of the run, those in the context included.

    Args:
        members: The members of a workflow as plain data; what could not be read is passed over.
        path_of: Where a member stands in the document.
    """
    context = members.get("context")
    within = context.get("notifications") if isinstance(context, Mapping) else None
    for path, value in (("notifications", members.get("notifications")), ("context.notifications", within)):
        for group, keys in (("alerts", ("condition", "message")), ("webhooks", ("payload",))):
            items = value.get(group) if isinstance(value, Mapping) else None
            for number, item in enumerate(items if isinstance(items, list | tuple) else ()):
                for key in keys if isinstance(item, Mapping) else ():
                    told = item.get(key)
                    if isinstance(told, Mapping if key == "payload" else str):
                        yield Notice(path_of(f"{path}.{group}[{number}].{key}"), key, told)


def check_alerted_steps(placed: Sequence[Notice], ids: Collection[str]) -> Iterator[Problem]:
    """What alerts and webhooks cannot tell, and the steps they name that are not there."""
    for path, key, value in placed:
        named: dict[str, Iterable[str]] = {}
        if key == "payload":
            found = list(check_payload(value))
            named = {at: steps_named(text, PAYLOADS) for at, text in ([] if found else texts_in(value))}
        elif key == "message":
            found = list(check_message(str(value)))
            named = {} if found else {"": steps_named(str(value), MESSAGES)}
        else:
            found = []  # it was told where the alert was read
            with suppress(InvalidCondition):
                named = {"": parse(str(value), ALERTS).steps}
        yield from (problem._replace(path=join(path, problem.path)) for problem in found)
        for at, steps in named.items():
            for id in dict.fromkeys(steps):
                if id not in ids:
                    yield Problem(join(path, at), f"there is no step {shown(id, 128)!r}", suggestion(id, ids))


@attrs.frozen(eq=False)
class Retained:
    """What of a workflow could be read, for the questions that concern the whole of it.

    Attributes:
        ids: The ids of its steps, also of those that could not be read otherwise.
        steps: Its steps.
        links: Its links, as written.
        alerts: What of its alerts and webhooks speaks of the run.
        naming: Those of its steps that may name others.
    """

    ids: Parts[str]
    steps: Parts[Step]
    links: Parts[Link]
    alerts: Sequence[Notice] = ()
    naming: Parts[Step] = attrs.field(init=False)

    @naming.default
    def _naming(self) -> Parts[Step]:
        return self.steps.only(_naming(self.steps.items))


def problems_of(retained: Retained, wiring: Wiring) -> Iterator[Problem]:
    """Everything that is wrong between steps and links, but circles."""
    ids = wiring.place
    yield from check_ids(retained.ids)
    if not _are_fine(wiring):
        yield from check_links(retained.links, ids)
    yield from check_named_steps(retained.naming, ids)
    yield from check_alerted_steps(retained.alerts, ids)


def require_sound(retained: Retained, further: Iterable[Problem] = ()) -> Wiring:
    """The links of a workflow, implied ones included, if nothing is wrong between its parts.

    Args:
        retained: Its parts.
        further: Problems known already, to be told together with those found here.

    Raises:
        InvalidWorkflow: There is a problem.
        CycleError: Among them a circle.
    """
    links = list(retained.links.items)
    ids, naming = retained.ids.items, retained.naming.items
    wiring = Wiring.of(ids, _with_implied(naming, set(ids), links) if naming else links)
    with few_suggestions():
        problems = [*further, *problems_of(retained, wiring)]
    if wiring.is_circular():
        others = Wiring.of(ids, [link for link in wiring.links if link.predecessor != link.successor])
        if cycle := find_cycle(others):  # of a step that waits for itself it was told
            circle = " → ".join((*cycle[:_LONGEST_CIRCLE], *(["…"] * (len(cycle) > _LONGEST_CIRCLE)), cycle[0]))
            raise CycleError(
                [*problems, Problem("", f"the links form a circle: {circle}", "remove one of them")], cycle
            )
    if problems:
        raise InvalidWorkflow(problems)
    return wiring
