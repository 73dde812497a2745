"""How a task changes its state: the one function that reads the table and writes the history."""

from datetime import UTC, datetime
from typing import Any

import attrs

from taskorch.core.events import Event, Subject
from taskorch.core.states import LIFECYCLE, State, TransitionTable, Verb
from taskorch.core.task import Internals, Moment, Task, TaskState
from taskorch.errors import IllegalTransition, InvalidTask


def advance(
    task: Task,
    verb: Verb | str,
    *,
    now: datetime,
    by: str,
    reason: str | None = None,
    retry_at: datetime | None = None,
    table: TransitionTable = LIFECYCLE,
) -> tuple[Task, Event]:
    """Do *verb* to a task: the task after it, and the event that tells it.

    Args:
        task: The task as it is; it stays as it is.
        verb: What to do.
        now: The time (UTC). The history records a time that never goes back, the event both.
        by: Who does it.
        reason: Why; for ``block`` what the task waits for.
        retry_at: For ``fail`` only: when the next attempt is due. Without it the task has failed for good.
        table: The rows that are legal; ``DOCUMENTED`` for the bare diagram of D0.

    Raises:
        IllegalTransition: There is no such row, or the task is final.
        InvalidTask: *now* or *retry_at* has no zone, or *retry_at* is given for another verb than ``fail``.
        ValueError: *verb* is no verb.
    """
    verb = Verb(verb)
    current = task.state.current
    if not table.allows(current, verb) or task.is_final:
        legal = () if task.is_final else table.verbs(current)
        raise IllegalTransition(task.id, current, verb, legal)
    for name, time in (("now", now), ("retry_at", retry_at)):
        if time is not None and time.tzinfo is None:
            raise InvalidTask.because("is a time without a zone", "give it one, such as UTC", name)
    if retry_at is not None and verb is not Verb.FAIL:
        raise InvalidTask.because(f"has no meaning for {verb}", "only a failure is retried", "retry_at")
    now = now.astimezone(UTC)  # in one zone of two clocks, times compare by what the clock on the wall shows
    at = max(now, task.state.changed_at)
    target = table.target(current, verb)
    changed = attrs.evolve(
        task,
        state=_entered(task.state, target, at),
        internals=_noted(task.internals, verb, reason, retry_at and retry_at.astimezone(UTC)),
        metadata=attrs.evolve(
            task.metadata,
            version=task.metadata.version + 1,
            last_updated=max(at, task.metadata.last_updated),
            updated_by=by,
        ),
        **_groups(task, verb, at),
    )
    return changed, Event(
        task_id=task.id,
        verb=verb,
        previous=current,
        state=target,
        at=at,
        observed_at=now,
        by=by,
        reason=reason,
        attempt=changed.internals.attempt,
        version=changed.metadata.version,
        retry_at=changed.internals.retry_at,
        subject=subject_of(changed),
    )


def subject_of(task: Task) -> Subject:
    """What is counted about *task*."""
    return Subject(
        queue=task.queue.name,
        type=task.definition.type,
        skill=task.definition.skill_target,
        created_at=task.created_at,
        entered_at=task.queue.entered_at,
        sla_deadline=task.queue.sla_deadline,
    )


def _entered(state: TaskState, target: State, at: datetime) -> TaskState:
    return attrs.evolve(
        state,
        current=target,
        previous=state.current,
        changed_at=at,
        history=(*state.history, Moment(target, at)),
    )


def _noted(notes: Internals, verb: Verb, reason: str | None, retry_at: datetime | None) -> Internals:
    attempt = notes.attempt + (verb is Verb.RETRY or (verb is Verb.START and notes.attempt == 0))
    blocker = reason if verb is Verb.BLOCK else None
    return attrs.evolve(notes, reason=reason, retry_at=retry_at, attempt=attempt, blocker=blocker)


def _groups(task: Task, verb: Verb, at: datetime) -> dict[str, Any]:  # Any: groups of several classes
    """The groups that a verb touches beside state and metadata."""
    if verb in (Verb.ENQUEUE, Verb.RELEASE) and task.queue.name is not None:
        return {"queue": attrs.evolve(task.queue, entered_at=task.queue.entered_at or at)}
    if verb is Verb.START:
        changes: dict[str, Any] = {}  # Any: as above
        if task.execution.started_at is None:
            changes["execution"] = attrs.evolve(task.execution, started_at=at)
        if task.queue.name is not None:
            changes["queue"] = attrs.evolve(task.queue, position=0)
        return changes
    if verb is Verb.COMPLETE:
        return {"execution": attrs.evolve(task.execution, progress_percent=100, current_step=None)}
    return {}
