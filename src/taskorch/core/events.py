"""Events: a change of a task in full words, for people and observers, and for the folds that count."""

from datetime import datetime
from enum import StrEnum

import attrs

from taskorch.core.copies import maker
from taskorch.core.states import State, Verb
from taskorch.core.task import Task


class Amendment(StrEnum):
    """What may be changed about a task while its state stays."""

    BUMP = "bump"
    MOVE = "move"


@attrs.frozen(kw_only=True)
class Event:
    """Something has happened to a task, or to a step of its run.

    Attributes:
        task_id: The task; the run of a step.
        step: The id of the step, or None for the task itself.
        verb: What was done.
        previous: The state before.
        state: The state since.
        at: When, as the history says it: never before the entry it follows.
        observed_at: When, as the clock said it.
        by: Who did it.
        reason: Why, or None.
        attempt: Which try of the body it belongs to; 0 if none.
        version: The version of the task it led to; 0 for a step.
        retry_at: For a failure that will be tried again: when. None for one that is final.
        task: The task after it, by which events are measured and grouped; None for a step.
    """

    task_id: str
    verb: Verb | Amendment
    previous: State
    state: State
    at: datetime
    observed_at: datetime
    by: str
    reason: str | None = None
    step: str | None = None
    attempt: int = 0
    version: int = 0
    retry_at: datetime | None = None
    task: Task | None = attrs.field(default=None, repr=False)


def told(
    before: Task, after: Task, verb: Verb | Amendment, *, at: datetime, now: datetime, by: str, reason: str | None
) -> Event:
    """The event that tells how a task has changed.

    Args:
        before: The task as it was.
        after: The task as it is since.
        verb: What was done.
        at: When, as the history says it.
        now: When, as the clock said it (UTC).
        by: Who did it.
        reason: Why.
    """
    return maker(Event)(
        task_id=after.id,
        verb=verb,
        previous=before.state.current,
        state=after.state.current,
        at=at,
        observed_at=now,
        by=by,
        reason=reason,
        attempt=after.internals.attempt,
        version=after.metadata.version,
        retry_at=after.internals.retry_at,
        task=after,
    )
