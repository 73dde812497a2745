"""The lifecycle of a task as literal tables: which verb leads from which state to which.

Everything that decides about a change of state reads these tables; there is no other place. ``DOCUMENTED`` is
the diagram of D0/D1, row by row. ``LIFECYCLE`` adds the rows that D2's *park, continue, discard* and D4's
*pause, resume, cancel* need and the diagram leaves undrawn.
"""

from collections.abc import Iterable
from enum import StrEnum

import attrs

from taskorch.errors import InvalidParameters


class State(StrEnum):
    """Where a task stands (D0, "États des Tâches")."""

    CREATED = "CREATED"
    QUEUED = "QUEUED"
    ON_HOLD = "ON_HOLD"
    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    BLOCKED = "BLOCKED"
    UNBLOCKED = "UNBLOCKED"
    CANCELLED = "CANCELLED"


class Verb(StrEnum):
    """What may be asked of a task."""

    ENQUEUE = "enqueue"
    HOLD = "hold"
    RELEASE = "release"
    SCHEDULE = "schedule"
    START = "start"
    COMPLETE = "complete"
    FAIL = "fail"
    RETRY = "retry"
    BLOCK = "block"
    UNBLOCK = "unblock"
    CANCEL = "cancel"


Edge = tuple[State, Verb, State]


@attrs.frozen
class Row:
    """One row of a table: an edge, and why it exists."""

    state: State
    verb: Verb
    next: State
    reason: str


def _in_order(rows: Iterable[Row]) -> tuple[Row, ...]:
    return tuple(rows)


@attrs.frozen(eq=False)
class TransitionTable:
    """A set of rows, with the questions one asks of it.

    A state without rows is final. Two rows for the same state and verb are refused with ``ValueError``, and what is
    no state with ``InvalidParameters``.
    """

    rows: tuple[Row, ...] = attrs.field(converter=_in_order)
    _targets: dict[State, dict[Verb, State]] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        targets: dict[State, dict[Verb, State]] = {state: {} for state in State}
        for row in self.rows:
            if row.verb in targets[row.state]:
                raise ValueError(f"two rows for {row.verb} when {row.state}")
            targets[row.state][row.verb] = row.next
        object.__setattr__(self, "_targets", targets)

    @property
    def edges(self) -> frozenset[Edge]:
        """The rows without their reasons."""
        return frozenset((row.state, row.verb, row.next) for row in self.rows)

    def allows(self, state: State, verb: Verb) -> bool:
        """Whether *verb* has a row for *state*."""
        try:
            return verb in self._targets[state]
        except (KeyError, TypeError):
            raise _no_state(state) from None

    def verbs(self, state: State) -> tuple[Verb, ...]:
        """The verbs that have a row for *state*, in the order of the table."""
        try:
            return tuple(self._targets[state])
        except (KeyError, TypeError):
            raise _no_state(state) from None

    def target(self, state: State, verb: Verb) -> State:
        """Where *verb* leads from *state*; ``KeyError`` if there is no row."""
        try:
            return self._targets[state][verb]
        except (KeyError, TypeError):
            self.verbs(state)
            raise

    def follows(self, state: State, next: State) -> bool:
        """Whether some verb leads from *state* to *next*."""
        try:
            return next in self._targets[state].values()
        except (KeyError, TypeError):
            raise _no_state(state) from None

    def extended(self, rows: Iterable[Row]) -> "TransitionTable":
        """The table with further rows."""
        return TransitionTable((*self.rows, *rows))


def _no_state(given: object) -> InvalidParameters:
    told = repr(given[:40]) if isinstance(given, str) else f"a value of type {type(given).__name__}"
    return InvalidParameters([f"{told} is no state; one of {', '.join(State)}"])


DOCUMENTED = TransitionTable(
    (
        Row(State.CREATED, Verb.ENQUEUE, State.QUEUED, "the task enters its queue"),
        Row(State.QUEUED, Verb.HOLD, State.ON_HOLD, "its start is put off until somebody releases it"),
        Row(State.QUEUED, Verb.SCHEDULE, State.SCHEDULED, "its start is decided: a date, or now"),
        Row(State.QUEUED, Verb.CANCEL, State.CANCELLED, "it is no longer wanted"),
        Row(State.ON_HOLD, Verb.START, State.IN_PROGRESS, "somebody starts it by hand"),
        Row(State.SCHEDULED, Verb.START, State.IN_PROGRESS, "its work begins"),
        Row(State.IN_PROGRESS, Verb.COMPLETE, State.COMPLETED, "its work is done"),
        Row(State.IN_PROGRESS, Verb.FAIL, State.FAILED, "its work went wrong"),
        Row(State.IN_PROGRESS, Verb.BLOCK, State.BLOCKED, "it waits for somebody or something it names"),
        Row(State.FAILED, Verb.RETRY, State.IN_PROGRESS, "another attempt begins"),
        Row(State.BLOCKED, Verb.UNBLOCK, State.UNBLOCKED, "what it waited for has come"),
        Row(State.UNBLOCKED, Verb.START, State.IN_PROGRESS, "its work goes on"),
    )
)

LIFECYCLE = DOCUMENTED.extended(
    (
        Row(State.CREATED, Verb.CANCEL, State.CANCELLED, "discarded before it entered a queue"),
        Row(State.ON_HOLD, Verb.CANCEL, State.CANCELLED, "discarded while it was parked (D2: discard)"),
        Row(State.SCHEDULED, Verb.CANCEL, State.CANCELLED, "discarded before its date"),
        Row(State.IN_PROGRESS, Verb.CANCEL, State.CANCELLED, "stopped while it ran (D4: cancel)"),
        Row(State.BLOCKED, Verb.CANCEL, State.CANCELLED, "discarded while it waited"),
        Row(State.UNBLOCKED, Verb.CANCEL, State.CANCELLED, "discarded before it went on"),
        Row(State.FAILED, Verb.CANCEL, State.CANCELLED, "discarded while a retry was pending"),
        Row(State.ON_HOLD, Verb.RELEASE, State.QUEUED, "back into its queue (D2: continue; D4: resume)"),
        Row(State.SCHEDULED, Verb.HOLD, State.ON_HOLD, "parked before its date (D2: park; D4: pause)"),
    )
)

FINAL = frozenset({State.COMPLETED, State.CANCELLED})
"""States that nothing leaves. FAILED is final as well once no retry is pending."""

PAUSED = "paused"
"""The reason of a block that is a pause: nobody is waited for, so it is not counted and nobody is told (design §4)."""
