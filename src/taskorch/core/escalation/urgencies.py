"""How urgent an escalation is, and how soon it is to be answered."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final


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


def later(at: datetime, duration: timedelta) -> datetime | None:
    """The instant *duration* after *at*, or None where the calendar ends before."""
    try:
        return at + duration
    except OverflowError:
        return None
