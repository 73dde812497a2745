"""What a task's document is refused for: each kind, all at once, with path, line and a hint."""

import json
from typing import Any

import pytest

from taskorch import InvalidTask, Task
from tests.core.samples import lines, problems, put, task_document

H = "task.state.history"
TYPES = {
    "a number as text": ("task.priority.score", "7"),
    "true for a number": ("task.priority.score", True),
    "true for a whole number": ("task.queue.position", True),
    "a fraction for a whole number": ("task.metadata.version", 3.0),
    "text for a whole number": ("task.metadata.version", "3"),
    "a number for text": ("task.definition.title", 5),
    "an array for text": ("task.definition.type", ["a"]),
    "a number for a time": ("task.created_at", 1705314900),
    "an object for an array": ("task.priority.factors", {}),
    "text for an array": ("task.dependencies.blocks", "T-1"),
    "a number in an array of text": ("task.priority.factors.0", 5),
    "an array for an object": ("task.queue", []),
    "text for an object": ("task.metadata", "x"),
    "an array for the context": ("task.context", []),
    "an array for a moment": (f"{H}.1", []),
    "text for a list of outputs": ("task.output.notes", "x"),
}
NULLS = [
    "task.id",
    "task.created_at",
    "task.definition",
    "task.definition.title",
    "task.definition.description",
    "task.state",
    "task.state.current",
    "task.state.changed_at",
    H,
    f"{H}.0.at",
    "task.priority.score",
    "task.priority.factors",
    "task.execution.progress_percent",
    "task.dependencies.blocked_by",
    "task.context",
    "task.output.notes",
    "task.metadata.version",
    "task.metadata.last_updated",
    "task.metadata.updated_by",
]
RANGES = [
    ("task.priority.score", -1),
    ("task.priority.score", 100.5),
    ("task.execution.progress_percent", 101),
    ("task.execution.estimated_duration_hours", -0.5),
    ("task.queue.position", -1),
    ("task.metadata.version", -1),
    ("task.priority.score", 10**400),
]
TIMES = [
    "2024-01-15T10:35:00",
    "2024-01-15",
    "yesterday",
    "",
    "2024-13-01T00:00:00Z",
    "2024-01-15T25:00:00Z",
    "9999-12-31T23:59:59-01:00",
    "0001-01-01T00:00:00+01:00",
    "9" * 100,
]
IDS = ["", "-a", ".a", "a b", "a/b", "é", "a\n", "a" * 129, "a\u0661"]
HISTORIES = {
    "an edge outside the table": (
        {f"{H}.2.state": "IN_PROGRESS", "task.state.previous": "IN_PROGRESS"},
        {f"{H}[2].state", f"{H}[3].state"},
    ),
    "a time that goes back": ({f"{H}.2.at": "2024-01-15T10:35:04Z"}, {f"{H}[2].at"}),
    "a beginning that is none": ({f"{H}.0.state": "QUEUED"}, {f"{H}[0].state", f"{H}[1].state"}),
    "no history": ({H: []}, {H}),
    "another current state": ({"task.state.current": "BLOCKED"}, {"task.state.current"}),
    "another previous state": ({"task.state.previous": "QUEUED"}, {"task.state.previous"}),
    "no previous state": ({"task.state.previous": None}, {"task.state.previous"}),
    "another time of change": ({"task.state.changed_at": "2024-01-15T11:00:01Z"}, {"task.state.changed_at"}),
    "no such state": ({f"{H}.1.state": "queued"}, {f"{H}[1].state"}),
}
UNKNOWN = {
    "task.definition.titel": "title",
    "task.queue.sla_dedline": "sla_deadline",
    "task.metadat": "metadata",
    "task.state.history.0.stat": "state",
    "task.X-a": None,
    "task.xa": None,
}


def path_of(path: str) -> str:
    """A path of ``put`` as a problem writes it."""
    return "".join(f"[{key}]" if key.isdigit() else f".{key}" for key in path.split("."))[1:]


@pytest.mark.parametrize(("path", "value"), TYPES.values(), ids=TYPES)
def test_a_wrong_type_is_refused(path: str, value: object) -> None:
    """Nothing is coerced: text is no number, true is no number, 3.0 is no whole number."""
    assert [*problems(Task.from_dict, put(task_document(), path, value))] == [path_of(path)]


@pytest.mark.parametrize("path", NULLS)
def test_null_is_refused_where_something_is_needed(path: str) -> None:
    """A member that is not nullable may be absent, if it has a default, but not null."""
    assert [*problems(Task.from_dict, put(task_document(), path, None))] == [path_of(path)]


@pytest.mark.parametrize(("path", "value"), RANGES, ids=str)
def test_a_number_out_of_range_is_refused(path: str, value: object) -> None:
    """Shares are 0 to 100, counts and durations are not negative."""
    assert [*problems(Task.from_dict, put(task_document(), path, value))] == [path]


@pytest.mark.parametrize("text", TIMES)
def test_a_time_without_a_zone_or_sense_is_refused(text: str) -> None:
    """A naive time, and a text that is no ISO 8601 time, are refused with a hint."""
    found = problems(Task.from_dict, put(task_document(), "task.queue.sla_deadline", text))

    assert [*found] == ["task.queue.sla_deadline"]


@pytest.mark.parametrize("id", IDS)
@pytest.mark.parametrize("path", ["task.id", "task.dependencies.blocks.0", "task.dependencies.parent_task"])
def test_a_bad_id_is_refused(path: str, id: str) -> None:
    """Ids have up to 128 ASCII letters, digits and ``. _ : -``, and begin with a letter or digit."""
    assert [*problems(Task.from_dict, put(task_document(), path, id))] == [path_of(path)]


@pytest.mark.parametrize("id", ["a", "0", "A.b_c:d-e", "x" * 128, "TASK-2024-001234"])
def test_a_good_id_is_taken(id: str) -> None:
    """Every id within the rule of design §5 is taken."""
    assert Task.from_dict(put(task_document(), "task.id", id)).id == id


@pytest.mark.parametrize(("changes", "paths"), HISTORIES.values(), ids=HISTORIES)
def test_an_illegal_history_is_refused(changes: dict[str, Any], paths: set[str]) -> None:
    """A history follows the table, its times never go back, and the summary beside it agrees with it."""
    document = task_document()
    for path, value in changes.items():
        put(document, path, value)

    assert set(problems(Task.from_dict, document)) == paths


@pytest.mark.parametrize(("path", "near"), UNKNOWN.items(), ids=UNKNOWN)
def test_an_unknown_key_is_refused_with_a_suggestion(path: str, near: str | None) -> None:
    """A key that is neither D0's nor an extension is refused; where a known one is near, it is named."""
    found = problems(Task.from_dict, put(task_document(), path, 1))

    assert path_of(path) in found
    assert near is None or f"did you mean {near!r}?" in found[path_of(path)]


@pytest.mark.parametrize("path", ["task.id", "task.definition.title", "task.state.history", "task.metadata"])
def test_what_is_missing_is_named(path: str) -> None:
    """A required member that is absent is a problem at its own path."""
    document = task_document()
    inner = document
    *parents, last = path.split(".")
    for key in parents:
        inner = inner[key]
    del inner[last]

    assert [*problems(Task.from_dict, document)] == [path]


@pytest.mark.parametrize("document", [{}, [], None, 5, "task", {"task": 1}, {"task": []}, {"tusk": {}}], ids=repr)
def test_another_document_is_refused(document: object) -> None:
    """What is no object with the key ``task`` is refused as a whole."""
    assert problems(Task.from_dict, document)


def test_all_problems_are_told_at_once_with_their_lines() -> None:
    """One error lists every problem of the document by path and line, wherever they are."""
    document = task_document()
    for path, value in {
        "task.id": "a b",
        "task.intake_id": 7,
        "task.created_at": "2024-01-15T10:35:00",
        "task.definition.titel": "x",
        "task.definition.type": None,
        "task.state.history.3.at": "2024-01-15T10:00:00Z",
        "task.state.current": "BLOCKED",
        "task.queue.position": True,
        "task.priority.factors": ["a", 1, "b", 2],
        "task.execution.progress_percent": "45",
        "task.dependencies.blocks": ["ok", "not ok"],
        "task.metadata.version": -1,
    }.items():
        put(document, path, value)
    text = json.dumps(document, indent=1)
    expected = {
        "task.id": '"id"',
        "task.intake_id": '"intake_id"',
        "task.created_at": '"created_at"',
        "task.definition.titel": '"titel"',
        "task.definition.type": '"type": null',
        "task.state.history[3].at": '"2024-01-15T10:00:00Z"',
        "task.state.current": '"current"',
        "task.state.changed_at": '"changed_at"',
        "task.queue.position": '"position"',
        "task.priority.factors[1]": "    1,",
        "task.priority.factors[3]": "    2\n",
        "task.execution.progress_percent": '"progress_percent"',
        "task.dependencies.blocks[1]": '"not ok"',
        "task.metadata.version": '"version"',
    }

    assert lines(Task.from_json, text) == {
        path: text.count("\n", 0, text.index(mark)) + 1 for path, mark in expected.items()
    }


def test_the_message_tells_where_what_and_how_to_mend_it() -> None:
    """The text of the error is one line for each problem, with path, line and hint."""
    text = json.dumps(put(task_document(), "task.definition.titel", "x"), indent=2)
    with pytest.raises(InvalidTask) as caught:
        Task.from_json(text)

    assert str(caught.value).splitlines() == [
        "invalid task: 1 problem",
        "  task.definition.titel (line 12): is not a known key (did you mean 'title'?)",
    ]
