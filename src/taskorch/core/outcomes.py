"""How a step can end, and which links that satisfies (design §7)."""

from enum import StrEnum


class Outcome(StrEnum):
    """The end of a step."""

    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Its own data condition was false."""
    OMITTED = "omitted"
    """Its links or status functions were not met."""
    CANCELLED = "cancelled"


class LinkType(StrEnum):
    """What of the successor waits for what of the predecessor (D4)."""

    FINISH_TO_START = "finish_to_start"
    START_TO_START = "start_to_start"
    FINISH_TO_FINISH = "finish_to_finish"
    START_TO_FINISH = "start_to_finish"

    @property
    def from_finish(self) -> bool:
        """Whether it waits for the predecessor's finish, rather than its start."""
        return self in (LinkType.FINISH_TO_START, LinkType.FINISH_TO_FINISH)

    @property
    def gates_start(self) -> bool:
        """Whether the successor's start waits, rather than its finish."""
        return self in (LinkType.FINISH_TO_START, LinkType.START_TO_START)


class LinkCondition(StrEnum):
    """Which end of the predecessor satisfies a link (D4)."""

    SUCCESS = "success"
    FAILURE = "failure"
    ALWAYS = "always"


_SATISFIED_BY = {
    LinkCondition.SUCCESS: {Outcome.COMPLETED, Outcome.SKIPPED},
    LinkCondition.FAILURE: {Outcome.FAILED},
    LinkCondition.ALWAYS: set(Outcome),
}


def satisfies(outcome: Outcome, condition: LinkCondition, *, allowed: bool = False) -> bool:
    """Whether a predecessor that ended as *outcome* satisfies a finish-type link.

    *allowed* says that it was allowed to fail: its failure then satisfies ``success`` too.
    """
    if outcome is Outcome.FAILED and allowed:
        return True
    return outcome in _SATISFIED_BY[condition]
