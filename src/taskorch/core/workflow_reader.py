"""Reading a workflow's document: which form it has, its members one by one, then the whole."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeVar

import attrs

from taskorch.core import json_text
from taskorch.core.documents import JSON, is_extension, problems_of, read_text, structure
from taskorch.core.json_text import copied, described, shown
from taskorch.core.layout import BESIDE, BODY, EITHER, Layout
from taskorch.core.resources import resource_problems
from taskorch.core.settings import WorkflowDocument, notifications_in
from taskorch.core.soundness import Parts, Retained, placed_alerts, require_sound
from taskorch.core.step import Link, Step
from taskorch.core.suggestions import few_suggestions, suggestion
from taskorch.errors import InvalidDocument, InvalidWorkflow, Problem

W = TypeVar("W", bound=WorkflowDocument)
P = TypeVar("P", bound=WorkflowDocument)


def read_json(text: str | bytes, cls: type[W]) -> W:
    """The workflow of a JSON text; ``InvalidWorkflow`` with every problem and its line."""
    try:
        return read_text(text, lambda data: read(data, cls))
    except InvalidWorkflow:
        raise
    except InvalidDocument as error:
        raise InvalidWorkflow(error.problems) from None


def read(data: JSON, cls: type[W]) -> W:
    """The workflow of plain data in any form D4 shows.

    Args:
        data: The document.
        cls: The class of workflows.

    Raises:
        InvalidWorkflow: With every problem of its members and between them.
        CycleError: If, among them, the links form a circle.
    """
    if problems := json_text.check(data):
        raise InvalidWorkflow(problems)
    with few_suggestions():
        return _read(data, cls)


def _read(data: JSON, cls: type[W]) -> W:
    if not isinstance(data, Mapping):
        raise InvalidWorkflow.because(f"expected an object, got {described(data)}")
    members, layout, problems = _split(data, cls)
    steps = _Parts(members.pop("steps", []), layout.path_of("steps"), problems)
    links = _Parts(members.pop("dependencies", []), layout.path_of("dependencies"), problems)
    rest: W | None = None
    try:
        rest = structure(members, cls)
    except InvalidDocument as error:
        problems.extend(p._replace(path=layout.path_of(p.path)) for p in error.problems)
    problems.extend(context_problems(members.get("context"), layout.path_of("context")))
    read_steps = steps.read(Step, problems)
    read_links = links.read(Link, problems)
    for path, step in read_steps:
        problems.extend(_sub_workflow_problems(step.workflow, f"{path}.workflow", cls))
    ids = dict.fromkeys(steps.ids().items)
    problems.extend(parallel_problems(members.get("parallel"), layout.path_of("parallel"), ids))
    problems.extend(resource_problems(read_steps, ids, members, layout.path_of))
    alerts = list(placed_alerts(members, layout.path_of))
    require_sound(Retained(steps.ids(), read_steps, read_links, alerts), problems)
    assert rest is not None  # noqa: S101 - without problems it was read; said for the type checker
    written = tuple(key for key in _order(data, layout) if key in cls.members() or key in rest.extensions)
    parts: dict[str, Any] = {  # Any: the attributes of cls that were read apart
        "steps": list(read_steps.items),
        "links": list(read_links.items),
        "layout": layout,
    }
    return attrs.evolve(rest, written=written, **parts)


def _order(data: Mapping[str, JSON], layout: Layout) -> Iterator[str]:
    """The keys of the members as they come in the document."""
    for key, value in data.items():
        if key == BODY and not layout.bare and isinstance(value, Mapping):
            yield from value
        else:
            yield key


def _split(data: Mapping[str, JSON], cls: type[W]) -> tuple[dict[str, JSON], Layout, list[Problem]]:
    """The members of a workflow from one or two objects, the form they had, and what was wrong with it."""
    outer = _extensions(data)
    if BODY not in data:
        if "template" in data and not {"name", "steps"} & set(data):
            layout = Layout(has_body=False, beside=tuple(data), extensions=outer)
            members = {key: value for key, value in data.items() if key not in outer}
            return {**members, "name": members["template"]}, layout, _misplaced(members, BESIDE | EITHER, "", cls)
        return dict(data), Layout(bare=True), []
    body = data[BODY]
    if not isinstance(body, Mapping):
        raise InvalidWorkflow.because(f"expected an object, got {described(body)}", path=BODY)
    beside = {key: value for key, value in data.items() if key != BODY and key not in outer}
    layout = Layout(beside=tuple(data), inside=frozenset(body), extensions=outer)
    problems = _misplaced(beside, BESIDE | EITHER, "", cls)
    inner = {key: value for key, value in body.items() if not is_extension(key)}
    problems += _misplaced(inner, frozenset(cls.members()) - BESIDE, BODY, cls)
    for key in beside:
        if key in body and key in EITHER:
            problems.append(Problem(key, "stands in `workflow` and beside it", "keep one of them"))
    known = {problem.path.removeprefix(f"{BODY}.") for problem in problems}
    merged = {key: value for key, value in {**beside, **body}.items() if key not in known}
    return merged, layout, problems


def _extensions(data: Mapping[str, JSON]) -> dict[str, JSON]:
    return {key: copied(value) for key, value in data.items() if is_extension(key)}


def _misplaced(members: Mapping[str, JSON], allowed: frozenset[str], parent: str, cls: type[W]) -> list[Problem]:
    """Unknown keys, and known ones that belong into the other object."""
    found, known, near = [], cls.members(), sorted(allowed)
    for key in members:
        if key not in allowed:
            path = json_text.child(parent, key)
            if key in known:
                where = f"beside `{BODY}`, not in it" if parent else f"in `{BODY}`, not beside it"
                found.append(Problem(path, "is in the wrong place", f"it stands {where}"))
            else:
                found.append(Problem(path, "is not a known key", suggestion(key, near)))
    return found


class _Parts:
    """The steps or the links of a document, read one by one so that a bad one does not hide the others."""

    def __init__(self, raw: JSON, path: str, problems: list[Problem]) -> None:
        self.path = path
        self.raw: list[JSON] = list(raw) if isinstance(raw, list | tuple) else []
        if not isinstance(raw, list | tuple):
            problems.append(Problem(path, f"expected an array, got {described(raw)}"))

    def read(self, kind: type[P], problems: list[Problem]) -> Parts[P]:
        """Those that can be read; what is wrong with the others goes to *problems*."""
        items, numbers = [], []
        for number, item in enumerate(self.raw):
            try:
                items.append(structure(item, kind))
            except InvalidDocument as error:
                problems.extend(problems_of(error, f"{self.path}[{number}]"))
            else:
                numbers.append(number)
        return Parts(self.path, items, numbers)

    def ids(self) -> Parts[str]:
        """The ids, also of those that could not be read otherwise."""
        found = [item.get("id") if isinstance(item, Mapping) else None for item in self.raw]
        ids = {number: id for number, id in enumerate(found) if isinstance(id, str)}
        return Parts(self.path, list(ids.values()), list(ids))


def context_problems(context: JSON, path: str) -> Iterator[Problem]:
    """What is wrong with the notifications in ``context``."""
    try:
        notifications_in(context)
    except InvalidDocument as error:
        yield from problems_of(error, path)


def _sub_workflow_problems(workflow: JSON, path: str, cls: type[W]) -> Iterator[Problem]:
    if isinstance(workflow, Mapping):
        try:
            read(workflow, cls)
        except InvalidDocument as error:
            yield from problems_of(error, path)


def parallel_problems(parallel: JSON, path: str, ids: Collection[str]) -> Iterator[Problem]:
    """Ids that the workflow's list of parallel steps, which stands at *path*, names and that no step has."""
    for index, id in enumerate(parallel if isinstance(parallel, list | tuple) else ()):
        if isinstance(id, str) and id not in ids:
            yield Problem(f"{path}[{index}]", f"there is no step {shown(id)!r}", suggestion(id, ids))
