"""The lives of tasks as the events that ``advance`` and ``amend`` made: written down, or random and legal."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import attrs
from hypothesis import strategies as st

from taskorch import LIFECYCLE, Amendment, Event, State, Task, Verb, advance
from taskorch.core.amendments import amend
from taskorch.core.task import QueueEntry
from tests.core.samples import NOW

QUEUES = ("critical", "high_priority", "normal", "backlog", "scheduled", None)


def queued(id: str = "T-1", *, queue: str | None = "normal", due: float | None = None, **members: Any) -> Task:
    """A task made at ``NOW`` that may be enqueued; *due* is its deadline in hours from then."""
    deadline = None if due is None else NOW + timedelta(hours=due)
    return attrs.evolve(
        Task.new("a task", now=NOW, id=id, **members), queue=QueueEntry(name=queue, sla_deadline=deadline)
    )


def lived(task: Task, *words: str | tuple[str, float] | tuple[str, float, dict[str, Any]]) -> tuple[Task, list[Event]]:
    """A task after some verbs, and its events; each verb with the hour after ``NOW``, and more for ``advance``."""
    events, hour = [], 0.0
    for word in words:
        verb, hour, more = (word, hour, {}) if isinstance(word, str) else (*word, {})[:3]
        task, event = advance(task, verb, now=NOW + timedelta(hours=hour), by="t", **more)
        events.append(event)
    return task, events


def live(task: Task, *words: str | tuple[str, float] | tuple[str, float, dict[str, Any]]) -> list[Event]:
    """The events of such a life."""
    return lived(task, *words)[1]


@st.composite
def lives(draw: st.DrawFn, id: str = "T-1") -> list[Event]:
    """The events of one task, up to any point of its life; times repeat now and then."""
    task = queued(
        id,
        queue=draw(st.sampled_from(QUEUES)),
        due=draw(st.none() | st.integers(1, 60)),
        type=draw(st.sampled_from(["", "analysis"])),
        skill_target=draw(st.sampled_from(["", "planning", "review"])),
    )
    events: list[Event] = []
    now = NOW
    for _ in range(draw(st.integers(0, 12))):
        if task.is_final:
            break
        now += timedelta(hours=draw(st.sampled_from([0, 0, 1, 3, 9])))
        change = amended if draw(st.integers(0, 5)) == 0 else advanced
        task, event = change(draw, task, now)
        events.append(event)
    return events


def advanced(draw: st.DrawFn, task: Task, now: datetime) -> tuple[Task, Event]:
    """A legal verb, done; rarely a cancel, so that lives are long."""
    verbs = LIFECYCLE.verbs(task.state.current)
    verb = draw(st.sampled_from([v for v in verbs if v is not Verb.CANCEL] * 3 + list(verbs)))
    retry_at = now + timedelta(hours=1) if verb is Verb.FAIL and draw(st.booleans()) else None
    reason = draw(st.sampled_from([None, "paused", "gate"])) if verb is Verb.BLOCK else None
    return advance(task, verb, now=now, by="t", reason=reason, retry_at=retry_at)


def amended(draw: st.DrawFn, task: Task, now: datetime) -> tuple[Task, Event]:
    """A bump, or a move into another queue with another deadline while it waits."""
    waits = task.state.current in (State.QUEUED, State.SCHEDULED, State.ON_HOLD)
    if not waits or draw(st.booleans()):
        return amend(task, Amendment.BUMP, now=now, by="t")
    entry = attrs.evolve(
        task.queue,
        name=draw(st.sampled_from(QUEUES)),
        entered_at=task.queue.entered_at or now,
        sla_deadline=NOW + timedelta(hours=draw(st.integers(1, 60))),
    )
    return amend(task, Amendment.MOVE, now=now, by="t", queue=entry)


@st.composite
def teams(draw: st.DrawFn, most: int = 6) -> list[list[Event]]:
    """The lives of several tasks."""
    return [draw(lives(f"T-{number}")) for number in range(draw(st.integers(0, most)))]


def merged(streams: Sequence[Sequence[Event]]) -> list[Event]:
    """All events in order of time, each task's in its own order."""
    return sorted((event for stream in streams for event in stream), key=lambda event: event.at)
