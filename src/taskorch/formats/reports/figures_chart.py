"""The chart of the key figures: each value beside its target, and what that means."""

from collections.abc import Sequence
from math import isfinite
from typing import Final

from taskorch.core.metrics.kpis import Kpi, KpiVerdict
from taskorch.formats.reports import svg
from taskorch.formats.reports.wording import count, figure, judged

ROW: Final = 52
"""The height of one figure: a line of text, its bar, and where its scale ends."""

_BAR_TOP, _BAR = 20, 12
_LEFT, _RIGHT = 8.0, svg.WIDTH - 8.0
_KINDS: Final = {KpiVerdict.MET: "good", KpiVerdict.MISSED: "bad"}


def figures_chart(figures: Sequence[Kpi]) -> str:
    """A bar for each figure, its target marked and its verdict written, as SVG.

    Percentages are drawn from 0 to 100; each other figure has a scale of its own from 0, as they cannot be compared.
    """
    parts = [part for index, kpi in enumerate(figures) for part in _row(index * ROW, kpi)]
    missed = sum(kpi.verdict is KpiVerdict.MISSED for kpi in figures)
    description = f"{count(len(figures), 'key figure')}, {missed} of them missed. " + "; ".join(
        f"{kpi.name}: {judged(kpi)}" for kpi in figures
    )
    return svg.chart("verdicts", "Key figures and their targets", description, len(figures) * ROW, parts)


def _row(y: float, kpi: Kpi) -> list[str]:
    kind = _KINDS.get(kpi.verdict, "plain")
    parts = [svg.heading(y + 13, kpi.name, judged(kpi), kind)]
    y += _BAR_TOP
    if kpi.value is None or not isfinite(kpi.value):
        return [*parts, svg.line(_LEFT, y + _BAR / 2, _RIGHT, y + _BAR / 2, "unbounded")]
    bound = kpi.target.number if kpi.target else None
    top = 100.0 if kpi.unit == "%" else svg.axis_end(max(kpi.value, 2 * (bound or 0)))
    unit = (_RIGHT - _LEFT) / top
    parts.append(svg.bar(_LEFT, y, _RIGHT - _LEFT, _BAR, "track"))
    parts.append(svg.bar(_LEFT, y, kpi.value * unit, _BAR, f"bar {kind}", note=judged(kpi)))
    parts.append(svg.label(_LEFT, y + _BAR + 13, "0", "tick"))
    parts.append(svg.label(_RIGHT, y + _BAR + 13, figure(top, kpi.unit), "tick", "end"))
    if bound is not None:
        x = _LEFT + bound * unit
        parts.append(svg.line(x, y - 3, x, y + _BAR + 3, "mark"))
    return parts
