"""How urgent an escalation is, and how soon it is to be answered."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from taskorch.core.json_text import shown
from taskorch.core.suggestions import suggestion
from taskorch.errors import Problem


class Urgency(StrEnum):
    """How soon somebody must act."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


ANSWER_WITHIN: Final[Mapping[Urgency, timedelta]] = MappingProxyType(
    {
        Urgency.CRITICAL: timedelta(hours=1),
        Urgency.HIGH: timedelta(hours=3),
        Urgency.MEDIUM: timedelta(hours=8),
        Urgency.LOW: timedelta(hours=24),
    }
)
"""The time for an answer (design §11; 3 h are those of D0's example)."""


def as_urgency(value: object) -> object:
    """The member of the enum where *value* is one; anything else is left for ``check_urgency`` to refuse."""
    return Urgency(value) if isinstance(value, str) and value in list(Urgency) else value


def check_urgency(value: object) -> Iterator[Problem]:
    """What keeps *value* from being an urgency."""
    if not isinstance(value, Urgency):
        given = "" if value is None else shown(value)
        yield Problem("", f"{given!r} is no urgency", suggestion(given, Urgency))


def later(at: datetime, duration: timedelta) -> datetime | None:
    """The instant *duration* after *at*, or None where the calendar ends before."""
    try:
        return at + duration
    except OverflowError:
        return None
