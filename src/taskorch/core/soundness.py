"""Whether steps and links together make a workflow: ids, ends of links, circles."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import attrs

from taskorch.core.documents import JSON, suggestion
from taskorch.core.expressions import ALERTS, parse
from taskorch.core.expressions.vocabulary import MESSAGES, PAYLOADS
from taskorch.core.graph import find_cycle
from taskorch.core.holes import steps_named
from taskorch.core.json_text import join
from taskorch.core.messages import check_message, check_payload, texts_in
from taskorch.core.outcomes import LinkCondition, LinkType
from taskorch.core.step import Link, Step
from taskorch.core.templates import steps_in
from taskorch.errors import CycleError, InvalidCondition, InvalidWorkflow, Problem

Placed = Sequence[tuple[str, str]]
"""Paths and ids of steps, in order."""


def implied_links(step: Step, ids: Collection[str]) -> Iterator[Link]:
    """The links a step has because its condition, parameters or command name other steps."""
    if step.condition is not None:
        for named in parse(step.condition).steps:
            yield Link(named, step.id, condition=LinkCondition.ALWAYS)
    if step.body is not None:
        for _, source, _ in step.body.sources(ids):
            yield Link(source, step.id)
    for source in steps_in(step.argv or ()):
        yield Link(source, step.id)


def all_links(steps: Sequence[Step], links: Sequence[Link]) -> list[Link]:
    """The links as written, and the implied ones between steps that no finish_to_start link joins yet."""
    ids = {step.id for step in steps}
    joined = {(k.predecessor, k.successor) for k in links if k.type is LinkType.FINISH_TO_START}
    found = list(links)
    for step in steps:
        for link in implied_links(step, ids):
            pair = (link.predecessor, link.successor)
            if pair not in joined:
                joined.add(pair)
                found.append(link)
    return found


def check_ids(placed: Placed) -> Iterator[Problem]:
    """Ids that stand twice."""
    first: dict[str, str] = {}
    for path, id in placed:
        if id in first:
            yield Problem(f"{path}.id", f"the id {id!r} is that of {first[id]} too", "ids are unique")
        first.setdefault(id, path)


def check_links(placed: Sequence[tuple[str, Link]], ids: Mapping[str, object] | Collection[str]) -> Iterator[Problem]:
    """Links to nowhere, to themselves, twice, or of a kind that cannot be."""
    seen: dict[tuple[str, str, LinkType], str] = {}
    for path, link in placed:
        for key, id in (("from", link.predecessor), ("to", link.successor)):
            if id not in ids:
                yield Problem(f"{path}.{key}", f"there is no step {id[:40]!r}", suggestion(id, ids))
        if link.predecessor == link.successor:
            yield Problem(path, f"{link.predecessor!r} would wait for itself", "remove the link")
        if not link.type.from_finish and link.condition is LinkCondition.FAILURE:
            message = f"a {link.type} link waits for a start, which cannot fail"
            yield Problem(f"{path}.condition", message, "success or always")
        same = (link.predecessor, link.successor, link.type)
        if same in seen:
            yield Problem(path, f"repeats {seen[same]}", "one link of a type between two steps")
        seen.setdefault(same, path)


def check_named_steps(path: str, step: Step, ids: Collection[str]) -> Iterator[Problem]:
    """Steps that a condition or a command names and that are not there, or are the step itself."""
    named = {key: parse(text).steps for key, text in (("condition", step.condition), ("map", step.map)) if text}
    named["command"] = tuple(steps_in(step.argv or ()))
    if step.body is not None and any(source == step.id for _, source, _ in step.body.sources(ids)):
        yield Problem(path, f"a parameter of {step.id!r} would be fed by the step itself", "rename the step or it")
    for key, others in named.items():
        for id in others:
            if id == step.id:
                yield Problem(f"{path}.{key}", "names the step itself")
            elif id not in ids:
                yield Problem(f"{path}.{key}", f"there is no step {id[:40]!r}", suggestion(id, ids))


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
            named = {"": steps_named(str(value), MESSAGES)}
        else:
            found = []  # it was told where the alert was read
            with suppress(InvalidCondition):
                named = {"": parse(str(value), ALERTS).steps}
        yield from (problem._replace(path=join(path, problem.path)) for problem in found)
        for at, steps in named.items():
            for id in dict.fromkeys(steps):
                if id not in ids:
                    yield Problem(join(path, at), f"there is no step {id[:40]!r}", suggestion(id, ids))


def is_circular(ids: Sequence[str], links: Sequence[Link]) -> bool:
    """Whether the events start(x) and finish(x) of the steps cannot be put in order.

    Steps are not enough: "A starts before B" and "B finishes before A" make a circle of steps, and are legal.
    Links to steps that are not there are passed over.
    """
    index = {id: number for number, id in enumerate(ids)}
    count = len(index)
    # start(i) is event i. Where all links are finish_to_start, start and finish of a step are as good as one.
    plain = all(link.type is LinkType.FINISH_TO_START for link in links)
    finish = 0 if plain else count
    waits = [0] * count if plain else [0] * count + [1] * count  # a finish waits for its start
    after: list[list[int]] = [[] for _ in waits]
    for link in links:
        source, target = index.get(link.predecessor), index.get(link.successor)
        if source is not None and target is not None:
            event = target + (0 if plain or link.type.gates_start else finish)
            after[source + (finish if plain or link.type.from_finish else 0)].append(event)
            waits[event] += 1
    for start in () if plain else range(count):
        after[start].append(start + finish)
    ready = [event for event, number in enumerate(waits) if not number]
    done = 0
    while ready:
        done += 1
        for event in after[ready.pop()]:
            waits[event] -= 1
            if not waits[event]:
                ready.append(event)
    return done < len(waits)


@attrs.frozen
class Retained:
    """What of a workflow could be read, for the questions that concern the whole of it."""

    placed_ids: Placed
    steps: Sequence[tuple[str, Step]]
    links: Sequence[tuple[str, Link]]
    alerts: Sequence[Notice] = ()


def problems_of(retained: Retained) -> Iterator[Problem]:
    """Everything that is wrong between steps and links, but circles."""
    ids = dict.fromkeys(id for _, id in retained.placed_ids)
    yield from check_ids(retained.placed_ids)
    yield from check_links(retained.links, ids)
    for path, step in retained.steps:
        yield from check_named_steps(path, step, ids)
        if step.body is not None:
            for problem in step.body.problems(ids):
                yield problem._replace(path=f"{path}.{problem.path}" if problem.path else path)
    yield from check_alerted_steps(retained.alerts, ids)


def require_sound(retained: Retained, further: Iterable[Problem] = ()) -> list[Link]:
    """The links of a workflow, implied ones included, if nothing is wrong between its parts.

    Args:
        retained: Its parts.
        further: Problems known already, to be told together with those found here.

    Raises:
        InvalidWorkflow: There is a problem.
        CycleError: Among them a circle.
    """
    problems = [*further, *problems_of(retained)]
    ids = [id for _, id in retained.placed_ids]
    links = all_links([step for _, step in retained.steps], [link for _, link in retained.links])
    others = [link for link in links if link.predecessor != link.successor]
    if is_circular(ids, others):
        cycle = find_cycle(ids, others)
        shown = " → ".join((*cycle, cycle[0]))
        raise CycleError([*problems, Problem("", f"the links form a circle: {shown}", "remove one of them")], cycle)
    if problems:
        raise InvalidWorkflow(problems)
    return links
