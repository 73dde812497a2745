"""What the tests of queues share: tasks that wait, and engines without bounds."""

from datetime import UTC, datetime, timedelta
from typing import Any

from taskorch import Priority, QueueEngine, QueueSpec, Task

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


def waiting(id: str, score: float = 50, *, now: datetime = NOW, factors: tuple[str, ...] = (), **rest: Any) -> Task:
    """A task that may be pushed."""
    return Task.new("t", id=id, now=now, priority=Priority(score=score, factors=factors), **rest)


def one_queue(**wishes: Any) -> QueueEngine:
    """An engine with the single queue ``q``."""
    return QueueEngine([QueueSpec("q", **wishes)])


def drained(engine: QueueEngine, now: datetime = NOW) -> list[str]:
    """The ids of all that it hands out at *now*, in order."""
    ids = []
    while (task := engine.pop(now)) is not None:
        ids.append(task.id)
    return ids
