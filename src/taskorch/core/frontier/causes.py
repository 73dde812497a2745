"""What an explanation is made of: causes, each with a code for programs and a text for people."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import attrs

from taskorch.core.documents import EMPTY, JSON
from taskorch.core.outcomes import LinkCondition, LinkType, Outcome
from taskorch.core.times import write_time


class Why(StrEnum):
    """The codes of causes; beside them are the reasons that facts give, such as ``exhausted`` or ``fail_fast``."""

    # what an open step waits for
    LINK = "link"
    """A link is open, as its predecessor has not started, or not ended."""
    LAG = "lag"
    """A link was met, and its lag is not over."""
    SLOT = "slot"
    """Every place for bodies of its kind is taken."""
    RESOURCE = "resource"
    """Less of a resource is free than it takes."""
    TURN = "turn"
    """In sequential mode another step has its turn."""
    BREAKER = "breaker"
    """The circuit of its target is open."""
    RETRY = "retry"
    """Its next attempt has a date."""
    PAUSE = "pause"
    """The run is paused."""
    BODY = "body"
    """Its body runs."""
    READY = "ready"
    """Nothing keeps it; it goes on when the run is looked at next."""
    HALT = "halt"
    """Nothing more is started; what is open ends, or is cancelled when the run is looked at next."""
    # why it ran
    NO_LINKS = "no_links"
    LINKS_MET = "links_met"
    ALWAYS = "always"
    """Its condition mentions ``always``, whatever its links say."""
    CONDITION_MET = "condition_met"
    COMPLETED = "completed"
    # why it did not, or not to its end
    LINK_UNMET = "link_unmet"
    CONDITION_FALSE = "condition_false"
    """Its own condition was false by its data."""
    CONDITION_UNMET = "condition_unmet"
    """Its condition was false because of how other steps ended."""
    FAILED = "failed"


@attrs.frozen
class LinkStanding:
    """How a link into a step stands.

    Attributes:
        predecessor: The id of the step it comes from.
        type: What of the successor waits for what of the predecessor.
        condition: Which end of the predecessor it asks for.
        outcome: How the predecessor ended, or None.
        is_met: Whether the link was met; None while that is open.
        until: When its lag is over, as long as it is not.
    """

    predecessor: str
    type: LinkType
    condition: LinkCondition
    outcome: Outcome | None
    is_met: bool | None
    until: datetime | None = None

    @property
    def gate(self) -> str:
        """The gate of the step that it holds, ``start`` or ``finish``."""
        return "start" if self.type.gates_start else "finish"

    @property
    def is_settled(self) -> bool:
        """Whether it holds the gate no longer."""
        return self.is_met is not None and self.until is None

    def __str__(self) -> str:
        what = f"({self.type}, {self.condition})"
        event = "ended" if self.type.from_finish else "started"
        if self.is_met is None:
            return f"{self.predecessor} has not {event} {what}"
        told = (
            f"{self.predecessor} has started" if self.outcome is None else f"{self.predecessor} ended as {self.outcome}"
        )
        return f"{told}, and the lag is over at {write_time(self.until)} {what}" if self.until else f"{told} {what}"

    def to_dict(self) -> dict[str, JSON]:
        """The same as JSON data."""
        return {
            "from": self.predecessor,
            "type": self.type.value,
            "condition": self.condition.value,
            "gate": self.gate,
            "outcome": None if self.outcome is None else self.outcome.value,
            "met": self.is_met,
            "until": None if self.until is None else write_time(self.until),
        }


@attrs.frozen
class Cause:
    """One reason why a step stands where it stands.

    Attributes:
        code: A ``Why``, or the reason that a fact gave.
        text: The same for people.
        link: The link it is about, or None.
        until: When it is over, where that is known.
        data: What else belongs to it: of a resource ``resource``, ``demand``, ``free``, ``limit`` and ``heldBy``;
            of a slot ``kind`` and ``heldBy``; of a breaker ``target``; of a condition ``condition`` and how the
            ``steps`` it names ended; of a body and of failures ``attempt``; of failures ``type`` and ``message``.
    """

    code: str
    text: str
    link: LinkStanding | None = None
    until: datetime | None = None
    data: Mapping[str, JSON] = EMPTY

    def to_dict(self) -> dict[str, JSON]:
        """The same as JSON data."""
        found: dict[str, JSON] = {"code": str(self.code), "text": self.text}
        if self.link is not None:
            found["link"] = self.link.to_dict()
        if self.until is not None:
            found["until"] = write_time(self.until)
        return found | dict(self.data)
