"""What each of D0's seven metrics means, word by word, and what D0 asks of it."""

from collections.abc import Iterator, Mapping
from math import isfinite
from types import MappingProxyType
from typing import Final, Literal

import attrs

from taskorch.core.json_text import described
from taskorch.errors import InvalidTarget, Problem

QUEUE_TIME: Final = "Queue Time"
CYCLE_TIME: Final = "Cycle Time"
SLA_COMPLIANCE: Final = "SLA Compliance"
THROUGHPUT: Final = "Throughput"
ERROR_RATE: Final = "Error Rate"
RETRY_RATE: Final = "Retry Rate"
BLOCKED_RATE: Final = "Blocked Rate"


@attrs.frozen
class Target:
    """What a value should be.

    Attributes:
        comparison: ``<`` or ``>``; the number itself does not meet it.
        number: The bound, in the unit of the metric; None for the targets of several queues together.
        text: As D0 writes it.

    Raises:
        InvalidTarget: The comparison is another, the bound is no finite number, or the text is none.
    """

    comparison: Literal["<", ">"]
    number: float | None
    text: str

    def __attrs_post_init__(self) -> None:
        if problems := list(_faults(self.comparison, self.number, self.text)):
            raise InvalidTarget(problems)

    def is_met(self, value: float) -> bool:
        """Whether *value* meets it; ``ValueError`` for the targets of several queues together."""
        if self.number is None:
            raise ValueError(f"{self.text!r} holds for each queue by itself")
        return value < self.number if self.comparison == "<" else value > self.number

    def __str__(self) -> str:
        return self.text


@attrs.frozen(kw_only=True)
class Definition:
    """What a metric is.

    Attributes:
        name: Its name in D0.
        description: What D0 says it is.
        wish: The target as D0 writes it, be it a number or not.
        unit: What its value is counted in.
        target: What D0 asks of it, or None.
        value: How its value is found.
        sample: What the size of its sample counts.
    """

    name: str
    description: str
    wish: str
    unit: str
    target: Target | None = None
    value: str
    sample: str


def _faults(comparison: object, number: object, text: object) -> Iterator[Problem]:
    """What is wrong with a target."""
    if comparison not in ("<", ">"):
        yield Problem("comparison", f"expected < or >, got {comparison!r:.20}", "the number itself meets neither")
    if number is not None and not _is_bound(number):
        yield Problem("number", f"expected a finite number, got {described(number):.60}", "None for several queues")
    if not isinstance(text, str):
        yield Problem("text", f"expected a text, got {described(text):.60}", 'such as "< 5%"')


def _is_bound(number: object) -> bool:
    """Whether a value can be held against it."""
    try:
        return isinstance(number, int | float) and not isinstance(number, bool) and isfinite(number)
    except OverflowError:  # an int beyond every float
        return False


_HIGH: Final = Target("<", 2, "< 2h (high)")
_NORMAL: Final = Target("<", 8, "< 8h (normal)")

QUEUE_TARGETS: Final[Mapping[str, Target]] = MappingProxyType(
    {"critical": _HIGH, "urgent": _HIGH, "high_priority": _HIGH, "normal": _NORMAL}
)
"""D0's targets of the Queue Time, by queue. What is more urgent than high may wait no longer than high may."""

DEFINITIONS: Final = (
    Definition(
        name=QUEUE_TIME,
        description="Temps moyen en queue",
        wish="< 2h (high), < 8h (normal)",
        unit="hours",
        target=Target("<", None, "< 2h (high), < 8h (normal)"),
        value=(
            "Mean time from entering the queue to the first start, holding and waiting for a date included. "
            "Critical, urgent and high_priority queues have the target of high; other queues but normal have none. "
            "Where several queues are taken together, it is met when each queue that has a target meets its own."
        ),
        sample="Tasks that were started for the first time within the window, having been in a queue.",
    ),
    Definition(
        name=CYCLE_TIME,
        description="Temps total création → completion",
        wish="Variable selon complexité",
        unit="hours",
        value="Mean time from creation to completion, everything between included.",
        sample="Tasks completed within the window.",
    ),
    Definition(
        name=SLA_COMPLIANCE,
        description="% tâches dans les SLA",
        wish="> 95%",
        unit="%",
        target=Target(">", 95, "> 95%"),
        value=(
            "Share of the sample that was completed by its deadline, the very instant included. Ended later in "
            "whatever way, failed for good, or open past the deadline: not compliant. In a queue by date it is the "
            "first start that must come by the deadline, and nothing after it counts."
        ),
        sample=(
            "Tasks with a deadline that were completed, failed for good, or cancelled too late within the window, or "
            "are open past their deadline at its end (now, if that is earlier); so a late task counts in each window "
            "until it ends. Open ones not yet due and those cancelled in time are left out."
        ),
    ),
    Definition(
        name=THROUGHPUT,
        description="Tâches complétées / jour",
        wish="Selon capacité",
        unit="tasks/day",
        value=(
            "Tasks completed within the window, by the days of it that have passed (24 h each, in fractions), by one "
            "day where less than one has: what was completed so far. 0 where tasks were at work and none was completed."
        ),
        sample="Tasks at work within the window, as for the Retry Rate.",
    ),
    Definition(
        name=ERROR_RATE,
        description="% tâches en erreur",
        wish="< 5%",
        unit="%",
        target=Target("<", 5, "< 5%"),
        value="Share of the sample that failed for good. A failure that will be retried is none yet.",
        sample="Tasks completed or failed for good within the window. Cancelled ones are neither.",
    ),
    Definition(
        name=RETRY_RATE,
        description="% tâches avec retry",
        wish="< 10%",
        unit="%",
        target=Target("<", 10, "< 10%"),
        value="Share of the sample that was tried again within the window, for whatever reason; however often, once.",
        sample=(
            "Tasks at work within the window: started, tried again, blocked, failed, completed, or cancelled while in "
            "progress."
        ),
    ),
    Definition(
        name=BLOCKED_RATE,
        description="% tâches bloquées",
        wish="< 15%",
        unit="%",
        target=Target("<", 15, "< 15%"),
        value=(
            "Share of the sample that became blocked within the window; however often, once. Gates and missing "
            "handlers count, a pause does not."
        ),
        sample="Tasks at work within the window, as for the Retry Rate.",
    ),
)
"""D0's table "Métriques Clés", row by row, with what it leaves open decided."""
