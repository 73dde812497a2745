"""How a step can end, as its links see it."""

from enum import IntEnum

from taskorch.core.outcomes import LinkCondition, Outcome, satisfies


class End(IntEnum):
    """How a step ended, as links see it: outcomes, with an allowed failure apart."""

    COMPLETED = 0
    FAILED = 1
    ALLOWED = 2
    SKIPPED = 3
    OMITTED = 4
    CANCELLED = 5
    ABORTED = 6
    """Cancelled for a reason that fails the run: its time in the queue was up."""

    @property
    def outcome(self) -> Outcome:
        """The outcome it is."""
        return _OUTCOMES[self]


_OUTCOMES = (
    Outcome.COMPLETED,
    Outcome.FAILED,
    Outcome.FAILED,
    Outcome.SKIPPED,
    Outcome.OMITTED,
    Outcome.CANCELLED,
    Outcome.CANCELLED,
)
MASKS = {
    condition: sum(1 << end for end in End if satisfies(end.outcome, condition, allowed=end is End.ALLOWED))
    for condition in LinkCondition
}
"""For each condition of a link the ends that satisfy it, as bits."""

MASKS_UNSTARTED = {
    LinkCondition.SUCCESS: MASKS[LinkCondition.SUCCESS] | 1 << End.FAILED,
    LinkCondition.ALWAYS: MASKS[LinkCondition.ALWAYS],
}
"""The same for a link that waits for a start, of a step that ended without one."""
