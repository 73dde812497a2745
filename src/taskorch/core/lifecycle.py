"""How a task changes its state: the one function that reads the table and writes the history."""

from datetime import datetime

from taskorch.core.copies import copier, maker
from taskorch.core.events import Event, told
from taskorch.core.json_text import described
from taskorch.core.states import LIFECYCLE, State, TransitionTable, Verb
from taskorch.core.suggestions import suggestion
from taskorch.core.task import Execution, Internals, Metadata, Moment, QueueEntry, Task, TaskState, expect_task, utc
from taskorch.core.texts import are_plain, refuse
from taskorch.errors import IllegalTransition, InvalidParameters, InvalidTask, UnknownVerb


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
        InvalidTask: *task* is none; or *now* or *retry_at* has no zone or is too far away, or *retry_at* is given
            for another verb than ``fail``; or *by* or *reason* is no text that can be read back.
        InvalidParameters: *table* is no table.
        UnknownVerb: *verb* is no verb; it is a ``ValueError`` as well.
    """
    try:
        verb = Verb(verb)
    except ValueError:
        known = [item.value for item in Verb]
        raise UnknownVerb(str(verb), known, suggestion(str(verb), known)) from None
    try:
        current = task.state.current
        is_legal = table.allows(current, verb) and not task.is_final
    except AttributeError:
        _expect(task, table)
        raise
    if not is_legal:
        legal = () if task.is_final else table.verbs(current)
        raise IllegalTransition(task.id, current, verb, legal)
    now = utc(now, "now")  # in one zone of two clocks, times compare by what the clock on the wall shows
    if retry_at is not None:
        retry_at = utc(retry_at, "retry_at")
        if verb is not Verb.FAIL:
            raise InvalidTask.because(f"has no meaning for {verb}", "only a failure is retried", "retry_at")
    if not are_plain((by,) if reason is None else (by, reason)):
        refuse(by, reason)
    at = max(now, task.state.changed_at)
    target = table.target(current, verb)
    # What follows from a task that is valid, along a row, is valid: nothing is checked again.
    changed = copier(type(task))(
        task,
        state=_entered(task.state, target, at),
        internals=_noted(task.internals, verb, reason, retry_at),
        metadata=_told(task.metadata, at, by),
        queue=_queued(task.queue, verb, at),
        execution=_worked(task.execution, verb, at),
    )
    return changed, told(task, changed, verb, at=at, now=now, by=by, reason=reason)


def _expect(task: object, table: object) -> None:
    """Raise the error of ``advance`` for what is no task or no table; asked only where something has failed."""
    expect_task(task)
    if not isinstance(table, TransitionTable):
        raise InvalidParameters([f"table: expected LIFECYCLE or another TransitionTable, got {described(table)}"])


def _entered(state: TaskState, target: State, at: datetime) -> TaskState:
    moment = maker(Moment)(state=target, at=at)
    return copier(TaskState)(
        state, current=target, previous=state.current, changed_at=at, history=(*state.history, moment)
    )


def _noted(notes: Internals, verb: Verb, reason: str | None, retry_at: datetime | None) -> Internals:
    attempt = notes.attempt + (verb is Verb.RETRY or (verb is Verb.START and notes.attempt == 0))
    blocker = reason if verb is Verb.BLOCK else None
    if (reason, retry_at, attempt, blocker) == (notes.reason, notes.retry_at, notes.attempt, notes.blocker):
        return notes
    return copier(Internals)(notes, reason=reason, retry_at=retry_at, attempt=attempt, blocker=blocker)


def _told(metadata: Metadata, at: datetime, by: str) -> Metadata:
    return copier(Metadata)(
        metadata, version=metadata.version + 1, last_updated=max(at, metadata.last_updated), updated_by=by
    )


def _queued(queue: QueueEntry, verb: Verb, at: datetime) -> QueueEntry:
    if queue.name is None:
        return queue
    if verb in (Verb.ENQUEUE, Verb.RELEASE) and queue.entered_at is None:
        return copier(QueueEntry)(queue, entered_at=at)
    if verb is Verb.START and queue.position != 0:
        return copier(QueueEntry)(queue, position=0)
    return queue


def _worked(execution: Execution, verb: Verb, at: datetime) -> Execution:
    if verb is Verb.START and execution.started_at is None:
        return copier(Execution)(execution, started_at=at)
    if verb is Verb.COMPLETE:
        return copier(Execution)(execution, progress_percent=100, current_step=None)
    return execution
