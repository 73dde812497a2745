"""The standard document of a task: what is read is written back, and what may be left out."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorch import InvalidTask, Task, advance
from taskorch.core.task import Internals, Priority
from taskorch.core.times import instant, microseconds, read_milliseconds, read_time, write_milliseconds, write_time
from tests.core.samples import NOW, SHARED, after, needs_shared, new_task, objects, put, task_document

SPACE = re.compile(r'("(?:[^"\\]|\\.)*")|\s+')
TIMES = st.datetimes(timezones=st.timezones() | st.just(UTC), allow_imaginary=False)


def bare(text: str) -> str:
    """A JSON text without the white space between its tokens."""
    return SPACE.sub(lambda match: match[1] or "", text)


@needs_shared
def test_the_example_of_the_documents_is_written_as_it_is_read() -> None:
    """D0's example, read and written, is the same text but for white space."""
    pages = sorted((SHARED / "documents").glob("00[01]_*.txt"))
    examples = [o for page in pages for o in objects(page.read_text(encoding="utf-8")) if '"task": {' in o]

    assert examples
    for example in examples:
        assert bare(Task.from_json(example).to_json()) == bare(example)
        assert Task.from_dict(json.loads(example)).to_dict() == json.loads(example)


def test_a_document_like_the_example_is_written_as_it_is_read() -> None:
    """Keys, order, nesting, nulls, whole numbers and times with ``Z`` come back as they were."""
    text = json.dumps(task_document(), indent=2)

    assert Task.from_json(text).to_json() == text
    assert Task.from_json(text.encode()).to_json() == text
    assert Task.from_dict(json.loads(text)).to_dict() == json.loads(text)


def test_the_order_of_keys_is_kept() -> None:
    """A document whose keys stand in another order is written in that order."""
    document = {"task": {key: task_document()["task"][key] for key in reversed(task_document()["task"])}}

    assert json.dumps(Task.from_dict(document).to_dict()) == json.dumps(document)


def test_a_document_may_be_short() -> None:
    """What has a default may be left out; it is written."""
    task = task_document()["task"]
    document = {"task": {key: task[key] for key in ("id", "created_at", "definition", "state", "metadata")}}
    document["task"]["definition"] = {"title": "short"}
    read = Task.from_dict(document)

    assert read.to_dict()["task"].keys() == task.keys()  # type: ignore[attr-defined]
    assert Task.from_json(read.to_json()) == read


@pytest.mark.parametrize(
    "path",
    [
        "task.intake_id",
        "task.queue.name",
        "task.queue.position",
        "task.queue.entered_at",
        "task.queue.sla_deadline",
        "task.execution.started_at",
        "task.execution.assigned_to",
        "task.execution.current_step",
        "task.execution.estimated_duration_hours",
        "task.dependencies.parent_task",
    ],
)
def test_what_may_be_null_stays_null(path: str) -> None:
    """The nullable members of D0's document are read and written as null."""
    document = put(task_document(), path, None)

    assert Task.from_dict(document).to_dict() == document


@pytest.mark.parametrize(
    "path",
    ["x", "x-a", "task.x", "task.x-a", "task.x-taskorch.x-a"]
    + [f"task.{group}.x-a" for group in ("definition", "state", "queue", "priority", "execution", "dependencies")]
    + ["task.output.x-a", "task.metadata.x-a", "task.state.history.0.x-a"],
)
@pytest.mark.parametrize("value", [None, {"deep": [1, 2.5, {"": "é"}]}, []], ids=["null", "object", "array"])
def test_extensions_are_kept_everywhere(path: str, value: object) -> None:
    """Keys ``x`` and ``x-*`` are kept untouched, in every object of the document."""
    document = task_document()
    if "x-taskorch" in path:
        document["task"]["x-taskorch"] = {"attempt": 1}
    document = put(document, path, value)

    assert Task.from_dict(document).to_dict() == document
    assert Task.from_json(json.dumps(document)).to_dict() == document


def test_extensions_outlive_a_change() -> None:
    """A verb does to a task with extensions what it does to any, and leaves them in place."""
    document = put(put(task_document(), "task.x-a", 1), "task.state.history.1.x-b", 2)
    task, _ = advance(Task.from_dict(document), "complete", now=NOW, by="test")
    written: Any = task.to_dict()["task"]

    assert (written["x-a"], written["state"]["history"][1]["x-b"]) == (1, 2)


def test_context_is_free() -> None:
    """``context`` keeps whatever JSON it holds."""
    document = put(task_document(), "task.context", {"any": {"thing": [None, True, 1.5, "🦄"]}, "unknown key": {}})

    assert Task.from_dict(document).to_dict() == document


def test_our_own_facts_stand_in_one_group() -> None:
    """``x-taskorch`` holds what D0 has no place for, and is absent while there is nothing."""
    group: Any = Task.from_json(new_task(internals=Internals(attempt=2)).to_json()).to_dict()["task"]

    assert "x-taskorch" not in new_task().to_dict()["task"]  # type: ignore[operator]
    assert group["x-taskorch"] == {"attempt": 2}


def test_our_own_group_goes_when_it_is_empty_again() -> None:
    """A task read with a pending reason drops ``x-taskorch`` once nothing is left in it."""
    document = task_document()
    document["task"]["x-taskorch"] = {"reason": "because"}
    task, _ = advance(Task.from_dict(document), "complete", now=NOW, by="test")

    assert task.internals == Internals()
    assert "x-taskorch" not in task.to_dict()["task"]  # type: ignore[operator]


def test_a_new_task_stands_at_the_beginning() -> None:
    """``Task.new`` gives CREATED, version 0, a history of one entry, and the maker's name."""
    task = Task.new("x", now=NOW, id="T-1", by="ann", priority=Priority(score=3))

    assert (task.state.current, task.state.previous, task.metadata.version) == ("CREATED", None, 0)
    assert [(moment.state, moment.at) for moment in task.state.history] == [("CREATED", NOW)]
    assert (task.metadata.updated_by, task.priority.score) == ("ann", 3)
    assert Task.from_json(task.to_json()) == task


def test_a_task_gets_an_id_in_the_shape_of_the_documents() -> None:
    """Without an id a task is called ``TASK-<year>-<unique>``, each another."""
    ids = {Task.new("x").id for _ in range(100)}

    assert len(ids) == 100
    assert all(re.fullmatch(r"TASK-\d{4}-[A-Za-z0-9._:-]+", id) for id in ids)


@pytest.mark.parametrize("members", [{"title": " "}, {"id": "a b"}, {"id": "ü"}, {"now": datetime(2026, 1, 1)}])  # noqa: DTZ001 - it must be refused
def test_a_bad_new_task_is_refused(members: dict[str, Any]) -> None:
    """An empty title, a bad id and a naive time raise ``InvalidTask``."""
    with pytest.raises(InvalidTask):
        Task.new(**({"title": "x", "id": "T-1", "now": NOW} | members))


def test_a_context_that_is_no_json_is_refused_at_once() -> None:
    """What cannot be written into the document is refused when the task is made, not when it is written."""
    with pytest.raises(InvalidTask):
        new_task(context={"numbers": {1, 2}})


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2024-01-15T10:35:00Z", "2024-01-15T10:35:00Z"),
        ("2024-01-15T10:35:00.000Z", "2024-01-15T10:35:00Z"),
        ("2024-01-15T10:35:00.500Z", "2024-01-15T10:35:00.5Z"),
        ("2024-01-15T10:35:00.000001Z", "2024-01-15T10:35:00.000001Z"),
        ("2024-01-15T12:35:00+02:00", "2024-01-15T10:35:00Z"),
    ],
)
def test_times_are_written_in_utc(text: str, written: str) -> None:
    """A time is written in UTC with ``Z``, with a fraction only where there is one."""
    assert write_time(read_time(text)) == written


@given(TIMES)
def test_every_time_is_read_as_it_is_written(time: datetime) -> None:
    """An instant with a zone survives its text, and its count of microseconds."""
    try:
        utc = time.astimezone(UTC)  # a local time that occurs twice equals no time of another zone
    except OverflowError:
        return
    assert read_time(write_time(time)) == utc
    assert instant(microseconds(time)) == utc


def test_microseconds_need_a_zone() -> None:
    """A naive time has no place in time."""
    with pytest.raises(ValueError, match="zone"):
        microseconds(datetime(2026, 1, 1))  # noqa: DTZ001 - it must be refused
    assert microseconds(datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))) == 0


@given(st.integers(0, 10**12).map(lambda number: number / 1000) | st.integers(0, 3 * 10**12))
def test_every_duration_is_read_as_it_is_written(milliseconds: float) -> None:
    """Milliseconds with up to three decimals survive; whole ones are written as ints."""
    written = write_milliseconds(read_milliseconds(milliseconds))

    assert written == milliseconds
    assert isinstance(written, int) == float(milliseconds).is_integer()


def test_a_task_is_a_value() -> None:
    """Two tasks of the same document are equal, and a change leaves the old value as it was."""
    task = Task.from_dict(task_document())
    changed, _ = advance(task, "complete", now=after(1), by="test")

    assert task == Task.from_dict(task_document())
    assert changed != task
    assert task.to_dict() == task_document()
