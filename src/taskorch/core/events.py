"""Events: a change of a task in full words, for people and observers, and for the folds that count."""

from datetime import datetime
from enum import StrEnum

import attrs

from taskorch.core.states import State, Verb


class Amendment(StrEnum):
    """What may be changed about a task while its state stays."""

    BUMP = "bump"
    MOVE = "move"


@attrs.frozen(kw_only=True)
class Subject:
    """What is counted about a task: enough that an event can be measured without looking the task up.

    Attributes:
        queue: The queue it is in, or None before it entered one.
        type: The kind of work; may be empty.
        skill: The skill that does it; may be empty.
        created_at: When it was created.
        entered_at: When it entered its queue, or None.
        sla_deadline: When it is due, or None.
    """

    queue: str | None = None
    type: str = ""
    skill: str = ""
    created_at: datetime
    entered_at: datetime | None = None
    sla_deadline: datetime | None = None


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
        subject: What is counted about the task; None for a step.
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
    subject: Subject | None = None
