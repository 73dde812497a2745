"""What several tests of the ground floor use: the shared folder, times, small documents, problems as a table."""

import copy
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from taskorch import InvalidDocument, Task, Workflow

SHARED = Path(__file__).parents[3] / "shared"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the folder ../shared is not there")

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)

# D0's example in facts: its keys, nesting and kinds of values, with contents of our own.
TASK: dict[str, Any] = {
    "task": {
        "id": "TASK-2024-000001",
        "intake_id": "INK-2024-000001",
        "created_at": "2024-01-15T10:35:00Z",
        "definition": {
            "title": "weigh the brief",
            "description": "weigh the brief of the shop",
            "type": "analysis",
            "skill_target": "planning",
            "entry_point": "early/brief",
        },
        "state": {
            "current": "IN_PROGRESS",
            "previous": "SCHEDULED",
            "changed_at": "2024-01-15T11:00:00Z",
            "history": [
                {"state": "CREATED", "at": "2024-01-15T10:35:00Z"},
                {"state": "QUEUED", "at": "2024-01-15T10:35:05Z"},
                {"state": "SCHEDULED", "at": "2024-01-15T10:45:00Z"},
                {"state": "IN_PROGRESS", "at": "2024-01-15T11:00:00Z"},
            ],
        },
        "queue": {
            "name": "high_priority",
            "position": 0,
            "entered_at": "2024-01-15T10:35:05Z",
            "sla_deadline": "2024-01-15T18:35:00Z",
        },
        "priority": {"score": 78, "factors": ["known", "soon"]},
        "execution": {
            "started_at": "2024-01-15T11:00:00Z",
            "estimated_duration_hours": 2,
            "progress_percent": 45,
            "current_step": "reading",
            "assigned_to": "us",
        },
        "dependencies": {"blocked_by": [], "blocks": ["TASK-2024-000002"], "parent_task": None, "subtasks": []},
        "context": {"client": {"name": "N"}},
        "output": {"deliverables": [], "notes": [], "next_actions": []},
        "metadata": {"version": 3, "last_updated": "2024-01-15T11:30:00Z", "updated_by": "us/execution"},
    }
}


def task_document() -> dict[str, Any]:
    """A task document of one's own to spoil."""
    return copy.deepcopy(TASK)


def put(document: Any, path: str, value: object) -> Any:
    """The document with the value at a path such as ``task.state.history.1.at`` replaced."""
    *parents, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    inner = document
    for key in parents:
        inner = inner[key]
    inner[last] = value
    return document


def new_task(**members: Any) -> Task:
    """A new task."""
    return Task.new("a task", now=NOW, id="T-1", **members)


def after(seconds: float) -> datetime:
    """So much after ``NOW``."""
    return NOW + timedelta(seconds=seconds)


def flow_of(*ids: str, links: tuple[tuple[Any, ...], ...] = (), **members: Any) -> dict[str, Any]:
    """The bare document of a workflow of commands; links as (from, to, type, condition)."""
    keys = ("from", "to", "type", "condition")
    dependencies = [dict(zip(keys, link, strict=False)) for link in links]
    steps = [{"id": id, "command": "true"} for id in ids]
    return {"name": "w", "steps": steps} | ({"dependencies": dependencies} if dependencies else {}) | members


def load(*ids: str, links: tuple[tuple[Any, ...], ...] = (), **members: Any) -> Workflow:
    """The workflow that ``flow_of`` describes."""
    return Workflow.from_dict(flow_of(*ids, links=links, **members))


def with_step(**members: Any) -> dict[str, Any]:
    """The document of a workflow whose one step ``a`` has these members."""
    return {"name": "w", "steps": [{"id": "a", "command": "true"} | members]}


def problems(read: Callable[[Any], object], document: object) -> dict[str, str]:
    """What is wrong with a document, by path: the message and the hint."""
    with pytest.raises(InvalidDocument) as caught:
        read(document)
    return {problem.path: f"{problem.message} ({problem.hint})" for problem in caught.value.problems}


def lines(read: Callable[[str], object], text: str) -> dict[str, int | None]:
    """The line of each problem of a text, by path."""
    with pytest.raises(InvalidDocument) as caught:
        read(text)
    return {problem.path: problem.line for problem in caught.value.problems}


def ordered(value: object) -> str:
    """The text of JSON data, in which the order of keys shows; 2.0 is written like 2."""

    def plain(item: Any) -> Any:
        if isinstance(item, dict):
            return {key: plain(member) for key, member in item.items()}
        if isinstance(item, list | tuple):
            return [plain(member) for member in item]
        return int(item) if isinstance(item, float) and item.is_integer() else item

    return json.dumps(plain(value))


def round_trips(document: dict[str, Any]) -> None:
    """Assert that a workflow's document is written back as it was, key by key in its order."""
    written = Workflow.from_dict(document).to_dict()

    assert written == document
    assert ordered(written) == ordered(document)


def objects(text: str) -> Iterator[str]:
    """Every fenced or bare ``{…}`` of a page that begins and ends at the start of a line."""
    depth, begun = 0, 0
    kept = text.splitlines(keepends=True)
    for number, line in enumerate(kept):
        if depth == 0 and line.rstrip() == "{":
            begun = number
        elif depth == 0:
            continue
        depth += line.count("{") - line.count("}")
        if depth == 0:
            yield "".join(kept[begun : number + 1])
