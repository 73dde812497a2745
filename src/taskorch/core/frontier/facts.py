"""Facts: what happened to the steps of a run, as compact as a journal of many steps needs.

A fact is the plain tuple ``(step, verb, attempt, at, detail)``:

- ``step``: the index of the step in its plan,
- ``verb``: an index into ``VERBS``,
- ``attempt``: which try of the body it belongs to, 0 before the first,
- ``at``: the instant, in microseconds since 1970 (UTC),
- ``detail``: for ``complete`` the output (its stored text, when there is a store), for ``fail`` a dictionary
  with ``type``, ``message`` and perhaps ``reason`` and ``retry_at``, for ``cancel`` the reason, for ``block`` a
  dictionary with the ``reason`` and, of a step that may not finish yet, its ``output``; otherwise None.

Verbs and states are those of the lifecycle, compiled to integers; ``NEXT[state][verb]`` is the table, with -1
where it has no row. Dates, enums and events are made when somebody reads.
"""

from typing import Any

from taskorch.core.states import LIFECYCLE, State, Verb

# Any: what a fact carries beside its numbers depends on the verb (see above), and is JSON or, without a store,
# the very object a body returned.
Fact = tuple[int, int, int, int, Any]

VERBS: tuple[Verb, ...] = tuple(Verb)
STATES: tuple[State, ...] = tuple(State)

ENQUEUE, SCHEDULE, START, COMPLETE, FAIL, RETRY, CANCEL, BLOCK, UNBLOCK = (
    VERBS.index(verb)
    for verb in (
        Verb.ENQUEUE,
        Verb.SCHEDULE,
        Verb.START,
        Verb.COMPLETE,
        Verb.FAIL,
        Verb.RETRY,
        Verb.CANCEL,
        Verb.BLOCK,
        Verb.UNBLOCK,
    )
)
CREATED, QUEUED, SCHEDULED, IN_PROGRESS, BLOCKED, UNBLOCKED, COMPLETED, FAILED, CANCELLED = (
    STATES.index(state)
    for state in (
        State.CREATED,
        State.QUEUED,
        State.SCHEDULED,
        State.IN_PROGRESS,
        State.BLOCKED,
        State.UNBLOCKED,
        State.COMPLETED,
        State.FAILED,
        State.CANCELLED,
    )
)

NEXT: tuple[tuple[int, ...], ...] = tuple(
    tuple(STATES.index(LIFECYCLE.target(state, verb)) if LIFECYCLE.allows(state, verb) else -1 for verb in VERBS)
    for state in STATES
)
