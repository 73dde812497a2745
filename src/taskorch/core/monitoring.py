"""How a run stands at a moment: D4's "Monitoring Results"."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import attrs

from taskorch.core.frontier.couplings import START as START_GATE
from taskorch.core.frontier.facts import BLOCKED, CREATED, FAILED, IN_PROGRESS, QUEUED, RETRY, START
from taskorch.core.frontier.fold import OPEN
from taskorch.core.frontier.frontier import Frontier
from taskorch.core.states import State
from taskorch.core.times import MICROSECOND, instant, write_time

_SECOND = 1_000_000
_STATUSES = {State.COMPLETED: "completed", State.FAILED: "failed", State.CANCELLED: "cancelled"}


class Told(NamedTuple):
    """What a running body has told of its progress.

    Attributes:
        percent: How far it has come, 0 to 100.
        text: What it is at.
        rate: How fast it goes, with its unit; None if it did not say.
        at: When it said so; it only tells the later of two.
    """

    percent: float
    text: str
    rate: str | None = None
    at: float = 0.0


@attrs.frozen
class Usage:
    """What the processes of a run use of the machine, in percent; None where that is not known.

    Attributes:
        cpu: Of all its processors.
        memory: Of its memory.
    """

    cpu: float | None = None
    memory: float | None = None


def monitored(
    frontier: Frontier,
    *,
    run_id: str,
    state: State,
    started_at: int,
    now: int,
    told: Mapping[int, Told],
    usage: Usage,
    is_interrupted: bool = False,
) -> dict[str, Any]:
    """D4's monitoring document of a run. Any: JSON data.

    ``progress`` counts the steps that have ended, in whatever way. ``nextSteps`` are those that nothing but running
    steps, time or a free place keeps from starting; when each may start is estimated from what running bodies have
    told, else from ``estimatedDuration``, and null where neither is known, or the run is paused.

    Args:
        frontier: Where its steps stand.
        run_id: The run.
        state: Where its task stands.
        started_at: When it began, in microseconds.
        now: The time, in microseconds.
        told: What running bodies have told, by step.
        usage: What it uses of the machine.
        is_interrupted: Whether nobody carries it out any more although it has not ended.
    """
    now = max(now, frontier.latest)
    total, ended = len(frontier.ends), len(frontier.ends) - frontier.open
    status = _STATUSES.get(state, "interrupted" if is_interrupted else "paused" if frontier.paused else "running")
    is_over = is_interrupted or state in _STATUSES
    return {
        "workflowId": run_id,
        "status": status,
        "progress": {"completed": ended, "total": total, "percentage": 100 * ended // total if total else 100},
        "activeSteps": [] if is_over else [_active(frontier, step, told.get(step)) for step in _active_steps(frontier)],
        "nextSteps": [] if is_over or frontier.halted else list(_next(frontier, now, told)),
        "metrics": {
            "throughput": _throughput(told, ended, (now - started_at) / _SECOND),
            "cpuUsage": _percent(usage.cpu),
            "memoryUsage": _percent(usage.memory),
        },
    }


def _active_steps(frontier: Frontier) -> list[int]:
    return [step for step, state in enumerate(frontier.states) if state in (IN_PROGRESS, BLOCKED)]


def _active(frontier: Frontier, step: int, told: Told | None) -> dict[str, Any]:
    is_held = frontier.states[step] == BLOCKED  # its body has ended, and a link keeps it from finishing
    percentage = None if told is None else _percentage(told.percent)
    return {
        "id": frontier.plan.steps[step].id,
        "name": frontier.plan.steps[step].title,
        "status": "blocked" if is_held else "running",
        "progress": {
            "percentage": 100 if is_held else percentage,
            "currentTask": None if told is None else told.text or None,
        },
    }


def _percentage(percent: object) -> int | None:
    """A percentage as a whole number; None for what a body has told that is none."""
    if isinstance(percent, bool) or not isinstance(percent, int | float) or math.isnan(percent):
        return None
    return int(min(100, max(0, percent)))


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{round(min(100, max(0, share)))}%"


def _throughput(told: Mapping[int, Told], ended: int, seconds: float) -> str | None:
    """What a body has told last of its rate, else how many steps have ended in each second."""
    rates = [(one.at, one.rate) for one in told.values() if one.rate is not None]
    if rates:
        return str(max(rates)[1])
    return f"{Decimal(f'{ended / seconds:.3g}'):f} steps/second" if seconds > 0 else None


def _next(frontier: Frontier, now: int, told: Mapping[int, Told]) -> Iterator[dict[str, Any]]:
    """The steps that come next, the earliest first; those of which nobody knows when come last."""
    starts = _Estimates(frontier, now, told).starts()
    rank = frontier.plan.rank
    for step in sorted(starts, key=lambda step: (starts[step] is None, starts[step], rank[step])):
        at = None if frontier.paused else starts[step]
        yield {
            "id": frontier.plan.steps[step].id,
            "name": frontier.plan.steps[step].title,
            "estimatedStart": None if at is None else write_time(instant(-(-at // _SECOND) * _SECOND)),
        }


class _Estimates:
    """When the next steps may start, if running bodies take as long as they are expected to."""

    def __init__(self, frontier: Frontier, now: int, told: Mapping[int, Told]) -> None:
        self._frontier, self._now, self._told = frontier, now, told
        self._began = _beginnings(frontier)

    def starts(self) -> dict[int, int | None]:
        """For each step that comes next when it may start, None where that is not known."""
        frontier, now = self._frontier, self._now
        found: dict[int, int | None] = {}
        for step, state in enumerate(frontier.states):
            if state in (CREATED, QUEUED):
                found[step] = now
            elif state == FAILED and frontier.ends[step] == OPEN:
                found[step] = max(now, frontier.details[step]["retry_at"])
        for lag in frontier.gates.lags:
            if lag.gate == START_GATE:
                _put_off(found, lag.target, lag.at)
        for source in range(len(frontier.states)):
            if frontier.ends[source] == OPEN:
                self._hold_back(found, source)
        return found

    def _hold_back(self, found: dict[int, int | None], source: int) -> None:
        """Put off, or take out of *found*, what waits for *source*."""
        frontier = self._frontier
        is_active = frontier.states[source] in (IN_PROGRESS, BLOCKED)
        end = self._end(source) if is_active else None
        for target, lag, is_finish in frontier.plan.couplings.gated_starts(source):
            if frontier.states[target] != CREATED or (not is_finish and frontier.attempt[source]):
                continue
            if is_active:
                _put_off(found, target, None if end is None else end + lag)
            else:
                found.pop(target, None)

    def _end(self, step: int) -> int | None:
        """When a running body will end: by what it has told, else by its estimate."""
        began = self._began.get(step)
        if began is None:
            return None
        percent = self._told[step].percent if step in self._told else None
        share = _percentage(percent)
        if share and isinstance(percent, int | float):
            return self._now + round((self._now - began) * (100 - min(100, percent)) / percent)
        estimate: timedelta | None = self._frontier.plan.steps[step].estimated_duration
        return None if estimate is None else max(self._now, began + estimate // MICROSECOND)


def _put_off(found: dict[int, int | None], step: int, at: int | None) -> None:
    """Have *step* start no earlier than *at*; unknown stays unknown."""
    if (before := found.get(step)) is not None:
        found[step] = None if at is None else max(before, at)


def _beginnings(frontier: Frontier) -> dict[int, int]:
    """When the body of each running attempt began."""
    missing = {step: frontier.attempt[step] for step in frontier.running()}
    found: dict[int, int] = {}
    facts: Sequence[tuple[int, int, int, int, Any]] = frontier.facts  # Any: as in a fact
    for step, verb, attempt, at, _ in reversed(facts):
        if not missing:
            break
        if verb in (START, RETRY) and missing.get(step) == attempt:
            found[step] = at
            del missing[step]
    return found
