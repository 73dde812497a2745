"""``amend``: what changes while the state stays, what is written down of it, and what is refused."""

from typing import Any

import pytest

from taskorch import IllegalTransition, InvalidTask, Priority, QueueEngine, Task, advance
from taskorch.core.amendments import amend
from taskorch.core.events import Amendment
from taskorch.core.groups import QueueEntry
from tests.core.samples import NOW, after, new_task

WAYS = {"completed": "enqueue schedule start complete", "failed": "enqueue schedule start fail", "cancelled": "cancel"}


def do(task: Task, verbs: str) -> Task:
    """The task after some verbs, ten seconds after ``NOW``."""
    for verb in verbs.split():
        task, _ = advance(task, verb, now=after(10), by="test")
    return task


@pytest.mark.parametrize("amendment", list(Amendment))
def test_an_amendment_is_a_recorded_change(amendment: Amendment) -> None:
    """The group changes, the state and its history stay; version, actor and event tell of it."""
    task = do(new_task(), "enqueue")
    entry = QueueEntry(name="urgent", entered_at=after(10))
    amended, event = amend(task, amendment, now=after(20), by="ann", reason="so", queue=entry)

    assert (amended.queue, amended.state, amended.priority) == (entry, task.state, task.priority)
    assert (amended.metadata.version, amended.metadata.updated_by) == (task.metadata.version + 1, "ann")
    assert amended.metadata.last_updated == after(20)
    assert (event.verb, event.previous, event.state) == (amendment, task.state.current, task.state.current)
    assert (event.task_id, event.by, event.reason, event.version) == ("T-1", "ann", "so", 2)
    assert (event.at, event.observed_at) == (after(20), after(20))
    assert event.task is amended
    assert Task.from_json(amended.to_json()) == amended


def test_an_amendment_is_never_before_the_change_it_follows() -> None:
    """When the clock goes back, the amendment is dated like the last change, and the event tells both times."""
    task = do(new_task(), "enqueue")
    amended, event = amend(task, Amendment.BUMP, now=after(5), by="ann", priority=Priority(score=60))

    assert (event.at, event.observed_at) == (after(10), after(5))
    assert amended.metadata.last_updated == after(10)


def test_the_last_update_never_goes_back() -> None:
    """An amendment by a slower clock leaves the time of the last update where a faster one has put it."""
    task = do(new_task(), "enqueue")
    task, _ = amend(task, Amendment.BUMP, now=after(30), by="ann", priority=Priority(score=60))
    again, event = amend(task, Amendment.BUMP, now=after(20), by="ann", priority=Priority(score=70))

    assert again.metadata.last_updated == after(30)
    assert again.metadata.version == 3
    assert event.at == after(20)


@pytest.mark.parametrize("verbs", WAYS.values(), ids=WAYS)
def test_a_final_task_is_not_amended(verbs: str) -> None:
    """Nothing is changed about a task that is completed, cancelled or has failed for good."""
    task = do(new_task(), verbs)
    before = task.to_json()

    with pytest.raises(IllegalTransition) as caught:
        amend(task, Amendment.MOVE, now=after(20), by="ann", queue=QueueEntry(name="urgent"))

    error = caught.value
    assert (error.id, error.state, error.verb, error.legal) == ("T-1", task.state.current, "move", ())
    assert task.to_json() == before


BAD_TEXTS: list[tuple[dict[str, Any], list[str]]] = [
    ({"by": None}, ["by"]),
    ({"by": 5}, ["by"]),
    ({"by": "a\0"}, ["by"]),
    ({"by": "ann", "reason": 5}, ["reason"]),
    ({"by": "ann", "reason": "\ud800"}, ["reason"]),
    ({"by": b"ann", "reason": ["so"]}, ["by", "reason"]),
]


@pytest.mark.parametrize(("texts", "paths"), BAD_TEXTS, ids=str)
def test_who_and_why_are_texts(texts: dict[str, Any], paths: list[str]) -> None:
    """What could not be read back is refused before anything is changed, in a queue engine too."""
    engine, task = QueueEngine(), do(new_task(), "enqueue")
    engine.push(task, after(10))
    before = engine.task("T-1")

    for change in (
        lambda: amend(task, Amendment.BUMP, now=NOW, **texts),
        lambda: engine.bump("T-1", 5, **texts),
        lambda: engine.move("T-1", "urgent", **texts),
    ):
        with pytest.raises(InvalidTask) as caught:
            change()
        assert [problem.path for problem in caught.value.problems] == paths
    assert engine.task("T-1") == before
    assert Task.from_json(before.to_json()) == before
