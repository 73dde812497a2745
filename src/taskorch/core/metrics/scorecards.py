"""The scorecard: the seven figures of all tasks and of each kind of them."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import attrs

from taskorch.core.metrics.definitions import Target
from taskorch.core.metrics.figures import Sums, figures
from taskorch.core.metrics.kpis import Kpi
from taskorch.core.metrics.window import Window
from taskorch.core.times import MICROSECOND

TaskKind = tuple[str, str, str]
"""A queue, a type and a skill; empty for none."""

_Slices = Mapping[str, Mapping[str, Sums]]


@attrs.frozen(kw_only=True)
class Scorecard:
    """The seven figures within a window: of all tasks, and of each kind of them that has any.

    Attributes:
        window: What they are about.
        now: The time of asking.
        overall: The seven in D0's order.
        by_queue: The same of each queue, names in order; ``""`` for tasks in no queue.
        by_type: The same of each type; ``""`` for none.
        by_skill: The same of each skill; ``""`` for none.
        completed_per_day: The start of each day (UTC) that has begun, and the tasks completed in it.
    """

    window: Window
    now: datetime
    overall: tuple[Kpi, ...]
    by_queue: Mapping[str, tuple[Kpi, ...]]
    by_type: Mapping[str, tuple[Kpi, ...]]
    by_skill: Mapping[str, tuple[Kpi, ...]]
    completed_per_day: tuple[tuple[datetime, int], ...]


def scorecard_of(
    kinds: Mapping[TaskKind, Sums],
    completed: Mapping[int, int],
    targets: Mapping[str, Target],
    *,
    window: Window,
    now: datetime,
    until: datetime,
) -> Scorecard:
    """The scorecard of what was counted.

    Args:
        kinds: The sums of each kind of tasks.
        completed: How many were completed on each day, by its ordinal.
        targets: The target of the Queue Time by queue.
        window: What the figures are about.
        now: The time of asking (UTC).
        until: Up to when the window has passed.
    """
    elapsed = (until - window.start) // MICROSECOND
    filled = [(kind, sums) for kind, sums in kinds.items() if not sums.is_empty]

    def table(slices: _Slices, *, is_queue: bool = False) -> dict[str, tuple[Kpi, ...]]:
        rows = sorted(slices.items())
        return {name: figures(queues, elapsed, targets, is_queue=is_queue) for name, queues in rows}

    by_queue, by_type, by_skill = (_slices(filled, place) for place in range(3))
    queues = {name: found[name] for name, found in by_queue.items()}
    return Scorecard(
        window=window,
        now=now,
        overall=figures(queues, elapsed, targets),
        by_queue=table(by_queue, is_queue=True),
        by_type=table(by_type),
        by_skill=table(by_skill),
        completed_per_day=tuple((day, completed.get(day.toordinal(), 0)) for day in window.days(until)),
    )


def _slices(kinds: Iterable[tuple[TaskKind, Sums]], place: int) -> _Slices:
    """The sums by the member of their kind at *place*, and then by queue."""
    parts: dict[str, dict[str, list[Sums]]] = {}
    for kind, sums in kinds:
        parts.setdefault(kind[place], {}).setdefault(kind[0], []).append(sums)
    return {name: {queue: Sums.of(found) for queue, found in queues.items()} for name, queues in parts.items()}
