"""One figure with its target and its verdict."""

from enum import StrEnum
from typing import Final

import attrs

from taskorch.core.metrics.definitions import Target

_ONE: Final = {"hours": "hour", "tasks/day": "task/day"}
"""How a unit is called of which there is one."""


class KpiVerdict(StrEnum):
    """How a figure stands to its target."""

    MET = "met"
    MISSED = "missed"
    NO_TARGET = "no target"
    NO_DATA = "no data"


@attrs.frozen(kw_only=True)
class Kpi:
    """One of D0's seven metrics, measured; ``DEFINITIONS`` says what each means.

    Attributes:
        name: Its name in D0.
        value: The figure in *unit*; None where there is nothing to measure.
        unit: ``hours``, ``%`` or ``tasks/day``.
        sample: How many tasks it rests on.
        target: What it should be, or None. ``target.number`` is None for the Queue Time of several queues.
        verdict: Whether it is.
    """

    name: str
    value: float | None
    unit: str
    sample: int
    target: Target | None = None
    verdict: KpiVerdict

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.name}: {KpiVerdict.NO_DATA}"
        value = f"{self.value:.4g}"
        unit = self.unit if self.unit == "%" else f" {_ONE.get(self.unit, self.unit) if value == '1' else self.unit}"
        against = f"{self.verdict}, {self.target}" if self.target else str(self.verdict)
        return f"{self.name}: {value}{unit} ({against}; {self.sample} task{'s' * (self.sample != 1)})"


def verdict_of(value: float | None, target: Target | None) -> KpiVerdict:
    """How *value* stands to *target*, which has a number."""
    if value is None:
        return KpiVerdict.NO_DATA
    if target is None:
        return KpiVerdict.NO_TARGET
    return KpiVerdict.MET if target.is_met(value) else KpiVerdict.MISSED
