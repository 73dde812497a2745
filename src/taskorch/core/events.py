"""Events: a change of state in full words, for people and observers."""

from datetime import datetime

import attrs

from taskorch.core.states import State, Verb


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
    """

    task_id: str
    verb: Verb
    previous: State
    state: State
    at: datetime
    observed_at: datetime
    by: str
    reason: str | None = None
    step: str | None = None
    attempt: int = 0
    version: int = 0
