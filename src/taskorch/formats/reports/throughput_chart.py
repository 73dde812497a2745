"""The chart of the throughput: how many tasks were completed on each day."""

from collections.abc import Sequence
from datetime import datetime
from math import ceil
from typing import Final

import attrs

from taskorch.formats.reports import svg
from taskorch.formats.reports.wording import count, date, day_and_month

MOST_BARS: Final = 92
"""The most bars that can be told apart: a quarter of a year of days. Longer windows have several days to a bar."""

_LEFT, _TOP, _HIGH = 40, 18, 130


@attrs.frozen
class Bar:
    """The completed tasks of one day, or of several.

    Attributes:
        first: The first day.
        last: The last one.
        completed: The tasks that were completed on them.
    """

    first: datetime
    last: datetime
    completed: int

    @property
    def days(self) -> str:
        """The day or days in words."""
        return date(self.first) if self.first == self.last else f"{date(self.first)} to {date(self.last)}"


def days_of_a_bar(days: int) -> int:
    """How many days share a bar, so that so many days have no more than ``MOST_BARS``."""
    return max(ceil(days / MOST_BARS), 1)


def bars(days: Sequence[tuple[datetime, int]]) -> list[Bar]:
    """The days, several to a bar where there are more than ``MOST_BARS``; the last bar may have fewer days."""
    size = days_of_a_bar(len(days))
    groups = [days[index : index + size] for index in range(0, len(days), size)]
    return [Bar(group[0][0], group[-1][0], sum(completed for _, completed in group)) for group in groups]


def throughput_chart(days: Sequence[tuple[datetime, int]]) -> str:
    """A bar for each day, as SVG."""
    shown = bars(days)
    top = max(round(svg.axis_end(max((bar.completed for bar in shown), default=0))), 2)
    pitch = (svg.WIDTH - _LEFT) / max(len(shown), 1)
    parts = [part for share in (0, 0.5, 1) for part in _level(top, share)]
    for index, bar in enumerate(shown):
        high = bar.completed / top * _HIGH
        x, wide = _LEFT + index * pitch + pitch * 0.1, pitch * 0.8
        y = _TOP + _HIGH - high
        parts.append(svg.bar(x, y, wide, high, "bar plain", note=f"{bar.days}: {bar.completed:,}"))
        if svg.width(f"{bar.completed:,}") <= pitch and len(shown) <= 14:
            parts.append(svg.label(x + wide / 2, y - 4, f"{bar.completed:,}", "tick", "middle"))
    parts += _dates(shown, pitch)
    total = sum(bar.completed for bar in shown)
    description = f"{count(total, 'task')} completed on {count(len(days), 'day')}; the axis ends at {top:,}."
    if len(shown) < len(days):
        description += f" Each bar stands for {days_of_a_bar(len(days))} days."
    return svg.chart("throughput", "Completed tasks", description, _TOP + _HIGH + 40, parts)


def _level(top: int, share: float) -> list[str]:
    y = _TOP + _HIGH - share * _HIGH
    text = f"{top * share:,.1f}".removesuffix(".0") if top < 1e6 else f"{top * share:.2g}"
    kind = "axis" if share == 0 else "grid"
    return [svg.line(_LEFT, y, svg.WIDTH, y, kind), svg.label(_LEFT - 4, y + 4, text, "tick", "end")]


def _dates(shown: Sequence[Bar], pitch: float) -> list[str]:
    """The first day of every so many bars, so that dates do not run into each other."""
    if not shown:
        return []
    is_one_year = shown[0].first.year == shown[-1].last.year
    words = [day_and_month(bar.first) if is_one_year else date(bar.first) for bar in shown]
    room = max(map(svg.width, words)) + 4
    y, parts = _TOP + _HIGH, []
    for index in range(0, len(shown), max(ceil(room / pitch), 1)):
        x = max(_LEFT + (index + 0.5) * pitch, room / 2)
        if x + room / 2 <= svg.WIDTH or index == 0:
            parts += [svg.line(x, y, x, y + 4, "axis"), svg.label(x, y + 17, words[index], "tick", "middle")]
    return parts
