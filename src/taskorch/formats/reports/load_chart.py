"""The chart of the queues: how much of its capacity each one has taken."""

from collections.abc import Sequence
from math import ceil
from typing import Final

from taskorch.core.loads import Load
from taskorch.formats.reports import svg
from taskorch.formats.reports.wording import count, fullness, named, taken

ROW: Final = 40
"""The height of one queue: a line of text and its bar."""

_BAR_TOP, _BAR = 20, 12
_RIGHT = svg.WIDTH - 12
TONES: Final = {"": "good", "full": "warn", "over capacity": "bad"}
"""The class of what is drawn for each fullness."""

_MOST = 2.0  # twice the capacity; what is above it is cut, and marked with an arrow


def load_chart(loads: Sequence[Load]) -> str:
    """A bar for each queue, its capacity marked, as SVG. A queue without bound has a dashed line and its number."""
    top = _scale(loads)
    parts = [part for index, load in enumerate(loads) for part in _row(index * ROW, load, top)]
    end = len(loads) * ROW
    for step in range(ceil(top * 2) + 1):
        x, text = step / 2 / top * _RIGHT, f"{step * 50} %"
        anchor = "start" if step == 0 else "end" if step / 2 == top else "middle"
        parts.append(svg.line(x, end, x, end + 4, "axis"))
        parts.append(svg.label(x, end + 17, text, "tick", anchor))
    parts.append(svg.line(0, end, _RIGHT, end, "axis"))
    parts.append(svg.label(svg.WIDTH / 2, end + 33, "waiting tasks, as a share of the capacity", "tick", "middle"))
    full = [load for load in loads if (load.utilisation or 0) >= 1]
    description = f"{count(len(loads), 'queue')}, {len(full)} of them full. " + "; ".join(
        f"{named(load.queue, 40)}: {taken(load)}" for load in loads[:8]
    )
    return svg.chart("load", "Queue load", description, end + 40, parts)


def _scale(loads: Sequence[Load]) -> float:
    """Where the axis ends, in capacities: 1, or as far in halves as the fullest queue needs, and at most 2."""
    fullest = max((load.utilisation or 0 for load in loads), default=0)
    return min(max(ceil(fullest * 2) / 2, 1.0), _MOST)


def _row(y: float, load: Load, top: float) -> list[str]:
    kind = TONES[fullness(load)]
    parts = [svg.heading(y + 13, named(load.queue), taken(load), kind)]
    y += _BAR_TOP
    if load.utilisation is None:
        return [*parts, svg.line(0, y + _BAR / 2, _RIGHT, y + _BAR / 2, "unbounded")]
    parts.append(svg.bar(0, y, _RIGHT / top, _BAR, "track"))
    parts.append(svg.bar(0, y, min(load.utilisation, top) / top * _RIGHT, _BAR, f"bar {kind}", note=taken(load)))
    if load.utilisation > top:
        parts.append(svg.arrow(_RIGHT + 10, y + _BAR / 2, 1, kind))
    parts.append(svg.line(_RIGHT / top, y - 3, _RIGHT / top, y + _BAR + 3, "mark"))
    return parts
