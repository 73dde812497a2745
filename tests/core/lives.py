"""Tasks that somebody must be told of, and rules of one's own, for the tests of escalation."""

from datetime import datetime
from typing import Any

from taskorch import Rule, Task, advance
from taskorch.core.task import Dependencies
from tests.core.samples import NOW, after

HOUR = 3600
DAY = 24 * HOUR


def doing(task: Task, *steps: tuple[str, datetime] | tuple[str, datetime, str]) -> Task:
    """The task after some verbs, each at its time and for its reason."""
    for verb, at, *reason in steps:
        task, _ = advance(task, verb, now=at, by="test", reason=reason[0] if reason else None)
    return task


def started(at: datetime = NOW, **members: Any) -> Task:
    """A task in progress since *at*."""
    return doing(
        Task.new("a task", now=at, **({"id": "T-1"} | members)), ("enqueue", at), ("schedule", at), ("start", at)
    )


def blocked(at: datetime = NOW, why: str = "the client", **members: Any) -> Task:
    """A task blocked since *at*."""
    return doing(started(at, **members), ("block", at, why))


def failed(retries: int, reason: str = "it broke", pending: bool = False) -> Task:
    """A task that has failed after so many retries; for good, unless another is pending."""
    task = started()
    for n in range(retries):
        task, _ = advance(task, "fail", now=after(n), by="test", reason=reason, retry_at=after(n + 1))
        task, _ = advance(task, "retry", now=after(n + 1), by="test")
    task, _ = advance(task, "fail", now=after(60), by="test", reason=reason, retry_at=after(90) if pending else None)
    return task


def waiting(id: str, *others: str) -> Task:
    """A task that waits for others."""
    return Task.new("a task", now=NOW, id=id, dependencies=Dependencies(blocked_by=others))


def rule(when: str = 'task.state == "CREATED"', **members: Any) -> Rule:
    """A rule of one's own."""
    defaults: dict[str, Any] = {"urgency": "low", "suggested_action": "look", "escalated_to": "ann"}
    return Rule("mine", when, **(defaults | members))
