"""The chart of the service levels: each open task from its beginning to its deadline, and where now is."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from statistics import median
from typing import Final

import attrs

from taskorch.core.reports import TaskStanding
from taskorch.core.sla import SlaStatus
from taskorch.core.times import instant, microseconds
from taskorch.formats.reports import svg
from taskorch.formats.reports.wording import count, date, day_and_month, moment, named, state

ROW: Final = 36
"""The height of one task: a line of text and its bar."""

KINDS: Final = {SlaStatus.BREACHED: "bad", SlaStatus.AT_RISK: "warn", SlaStatus.ON_TRACK: "good"}
"""The class of what is drawn for each status."""

_HEAD, _BAR_TOP, _BAR = 20, 20, 8
_LEFT, _RIGHT = 12.0, svg.WIDTH - 12.0  # room for the arrows of what goes on beyond the ends
_REACH = 6  # how many times the median distance from now is shown before what is farther is cut
_MINUTE = 60_000_000
_HOUR, _DAY = 60 * _MINUTE, 24 * 60 * _MINUTE
_STEPS: Final = (
    *(n * _MINUTE for n in (1, 5, 15, 30)),
    *(n * _HOUR for n in (1, 2, 3, 6, 12)),
    *(n * _DAY for n in (1, 2, 7, 14, 30, 90, 365, 3650, 36500, 182500, 365000, 730000)),
)


@attrs.frozen
class Axis:
    """The part of time that is shown, in microseconds after 1970.

    Attributes:
        start: Where it begins.
        end: Where it ends, which is later.
    """

    start: int
    end: int

    def x(self, at: int) -> float:
        """Where an instant stands; beyond the ends for one that is not shown."""
        return _LEFT + (at - self.start) / (self.end - self.start) * (_RIGHT - _LEFT)

    def ticks(self) -> tuple[int, range]:
        """The step between marks, and the marks: at most seven, at round times."""
        step = next((step for step in _STEPS if (self.end - self.start) // step <= 6), _STEPS[-1])
        return step, range(-(-self.start // step) * step, self.end + 1, step)


def axis(entries: Sequence[TaskStanding], now: datetime) -> Axis:
    """The time around *now* in which the tasks lie, but for a few that lie much farther off than the others."""
    at = microseconds(now)
    before = [at - microseconds(time) for entry in entries for time in (entry.since, entry.standing.deadline) if time]
    past, future = [d for d in before if d > 0], [-d for d in before if d < 0]
    start, end = at - _reach(past), at + _reach(future)
    margin = max((end - start) // 50, _MINUTE)
    return Axis(start - margin, end + margin)


def _reach(distances: Sequence[int]) -> int:
    return min(max(distances), int(_REACH * median(distances))) if distances else 0


def timeline(entries: Sequence[TaskStanding], now: datetime) -> str:
    """A bar for each task, ended by its deadline, as SVG.

    The status is written at each bar; its deadline is a circle, a triangle where it is at risk and a cross where it
    is breached, and what has passed since is dashed. An arrow stands where a bar goes on beyond the end.

    Args:
        entries: Open tasks with deadlines, in the order in which they are to be shown.
        now: The instant to be marked.
    """
    shown = axis(entries, now)
    end = _HEAD + len(entries) * ROW
    x = shown.x(microseconds(now))
    anchor = "start" if x < 30 else "end" if x > svg.WIDTH - 30 else "middle"
    parts = [*_scale(shown, end), svg.label(x, 12, "now", "tick", anchor)]
    for index, entry in enumerate(entries):
        y = _HEAD + index * ROW
        parts += _row(y, entry, shown, now)
        # Beside the bars only: a line from top to bottom would cross out what is written between them.
        parts.append(svg.line(x, y + _BAR_TOP - 4, x, y + ROW - 4, "now"))
    description = f"{count(len(entries), 'open task')} with a deadline, seen at {moment(now)}. " + "; ".join(
        f"{named(entry.title, 60)}: {state(entry)}" for entry in entries[:8]
    )
    return svg.chart("timeline", "Service levels of open tasks", description, end + 40, parts)


def _row(y: float, entry: TaskStanding, shown: Axis, now: datetime) -> list[str]:
    status, deadline = entry.standing.status, entry.standing.deadline or now
    kind = KINDS.get(status, "plain")
    parts = [svg.heading(y + 13, named(entry.title), state(entry), kind)]
    y += _BAR_TOP
    first, last = shown.x(microseconds(entry.since)), shown.x(microseconds(deadline))
    start, end = _within(min(first, last)), _within(max(first, last))
    note = f"{moment(entry.since)} to {moment(deadline)}"
    parts.append(svg.bar(start, y, end - start, _BAR, f"bar {kind}", note=note))
    middle = y + _BAR / 2
    if deadline < now:
        parts.append(svg.line(_within(last), middle, shown.x(microseconds(now)), middle, f"over {kind}"))
    if min(first, last) < _LEFT:
        parts.append(svg.arrow(_LEFT - 10, middle, -1, kind))
    if last > _RIGHT:
        parts.append(svg.arrow(_RIGHT + 10, middle, 1, kind))
    elif last >= _LEFT:
        parts.append(_deadline(last, middle, status, kind))
    return parts


def _within(x: float) -> float:
    return min(max(x, _LEFT), _RIGHT)


def _deadline(x: float, y: float, status: SlaStatus, kind: str) -> str:
    if status is SlaStatus.BREACHED:
        strokes = svg.line(x - 5, y - 5, x + 5, y + 5, kind) + svg.line(x - 5, y + 5, x + 5, y - 5, kind)
        return svg.element("g", strokes, class_="cross")
    if status is SlaStatus.AT_RISK:
        points = " ".join(f"{svg.number(a)},{svg.number(b)}" for a, b in ((x, y - 7), (x + 6, y + 5), (x - 6, y + 5)))
        return svg.element("polygon", points=points, class_=kind)
    return svg.element("circle", cx=x, cy=y, r=5.0, class_=kind)


def _scale(shown: Axis, end: float) -> Iterator[str]:
    """The marks of the axis with their times, each left out where it would run into the one before it."""
    step, ticks = shown.ticks()
    yield svg.line(0, end, svg.WIDTH, end, "axis")
    taken, day = 0.0, ""
    for tick in ticks:
        try:
            at = instant(tick)
        except OverflowError:  # the margin reaches beyond the calendar
            continue
        x = shown.x(tick)
        yield svg.line(x, _HEAD, x, end + 4, "grid")
        text = _tick(at, step)
        half = max(svg.width(text), svg.width(day_and_month(at))) / 2
        if x - half < taken or x + half > svg.WIDTH:
            continue
        yield svg.label(x, end + 17, text, "tick", "middle")
        taken = x + half + 4
        if step < _DAY and day_and_month(at) != day:
            day = day_and_month(at)
            yield svg.label(x, end + 33, day, "tick", "middle")


def _tick(at: datetime, step: int) -> str:
    if step < _DAY:
        return f"{at.hour:02}:{at.minute:02}"
    return day_and_month(at) if step < 30 * _DAY else date(at)
