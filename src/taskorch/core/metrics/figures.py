"""The sums that are kept of tasks, and the seven figures they make."""

from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from taskorch.core.metrics.definitions import DEFINITIONS, QUEUE_TIME, Target
from taskorch.core.metrics.kpis import Kpi, KpiVerdict, verdict_of
from taskorch.core.times import HOUR, MICROSECOND

_MICROSECONDS_AN_HOUR: Final = HOUR // MICROSECOND
_MICROSECONDS_A_DAY: Final = 24 * _MICROSECONDS_AN_HOUR


@attrs.define(eq=False)
class Sums:
    """What is counted of the tasks of one queue, type and skill; times in microseconds.

    Attributes:
        waits: Tasks whose wait has ended.
        waited: Their waits together.
        completed: Tasks completed.
        cycled: Their times from creation together.
        failed: Tasks that failed for good.
        met: Tasks completed by their deadline.
        missed: Tasks that have missed theirs.
        worked: Tasks that were at work.
        retried: Tasks that were tried again.
        blocked: Tasks that became blocked.
    """

    waits: int = 0
    waited: int = 0
    completed: int = 0
    cycled: int = 0
    failed: int = 0
    met: int = 0
    missed: int = 0
    worked: int = 0
    retried: int = 0
    blocked: int = 0

    @classmethod
    def of(cls, parts: Iterable["Sums"]) -> "Sums":
        """All *parts* together."""
        return cls(*map(sum, zip(*map(attrs.astuple, parts), strict=True)))

    @property
    def is_empty(self) -> bool:
        """Whether there is no figure in it."""
        return not any(attrs.astuple(self))


def figures(
    queues: Mapping[str, Sums], elapsed: int, targets: Mapping[str, Target], *, is_queue: bool = False
) -> tuple[Kpi, ...]:
    """The seven figures of some tasks, in D0's order.

    Args:
        queues: What was counted, by queue.
        elapsed: The microseconds of the window that have passed; not negative.
        targets: The target of the Queue Time by queue.
        is_queue: Whether they are the tasks of one queue as such, which has its own target or none.
    """
    total = Sums.of(queues.values())
    ended, decided = total.completed + total.failed, total.met + total.missed
    # In the order of DEFINITIONS: numerator, denominator, and the size of the sample.
    table = (
        (total.waited, total.waits * _MICROSECONDS_AN_HOUR, total.waits),
        (total.cycled, total.completed * _MICROSECONDS_AN_HOUR, total.completed),
        (100 * total.met, decided, decided),
        # No rate is made up from a part of a day: by the evening it would be another.
        (total.completed * _MICROSECONDS_A_DAY, max(elapsed, _MICROSECONDS_A_DAY), total.worked if elapsed else 0),
        (100 * total.failed, ended, ended),
        (100 * total.retried, total.worked, total.worked),
        (100 * total.blocked, total.worked, total.worked),
    )
    found = []
    for definition, (numerator, denominator, sample) in zip(DEFINITIONS, table, strict=True):
        value, target = numerator / denominator if sample else None, definition.target
        verdict = verdict_of(value, target) if definition.name != QUEUE_TIME else None
        if verdict is None:
            target, verdict = _judged(queues, targets, is_queue=is_queue)
        kpi = Kpi(
            name=definition.name, value=value, unit=definition.unit, sample=sample, target=target, verdict=verdict
        )
        found.append(kpi)
    return tuple(found)


def _judged(
    queues: Mapping[str, Sums], targets: Mapping[str, Target], *, is_queue: bool
) -> tuple[Target | None, KpiVerdict]:
    """The target of a Queue Time, and its verdict: of several queues with a target, the worst."""
    target: Target | None
    waited = {name: sums.waited / (sums.waits * _MICROSECONDS_AN_HOUR) for name, sums in queues.items() if sums.waits}
    verdicts = {verdict_of(value, targets.get(name)) for name, value in waited.items()}
    if is_queue:
        target = next((targets.get(name) for name in queues), None)
    else:
        whole = ", ".join(dict.fromkeys(target.text for target in targets.values()))
        target = Target("<", None, whole) if whole and verdicts != {KpiVerdict.NO_TARGET} else None
    if not verdicts:
        return target, KpiVerdict.NO_DATA
    return target, next(v for v in (KpiVerdict.MISSED, KpiVerdict.MET, KpiVerdict.NO_TARGET) if v in verdicts)
