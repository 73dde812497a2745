"""Figures, spans, times and names as a report says them; the same words in every rendering."""

from datetime import UTC, datetime, timedelta
from math import isfinite

from taskorch.core import visible_text
from taskorch.core.loads import Load
from taskorch.core.metrics.kpis import Kpi, KpiVerdict
from taskorch.core.reports import TaskStanding
from taskorch.core.sla import SlaStatus

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_OPEN = frozenset((SlaStatus.BREACHED, SlaStatus.AT_RISK, SlaStatus.ON_TRACK))
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def visible(text: str, limit: int = 200) -> str:
    """*text* as one line in which nothing is hidden: what acts on a display is written as its code.

    Args:
        text: Any text, from wherever it may come.
        limit: How many characters are enough; the end is cut.
    """
    shown = visible_text.visible(text[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def count(number: float, noun: str, plural: str = "") -> str:
    """A number with its noun: ``1 task``, ``1,200 tasks``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def figure(value: float | None, unit: str, bound: float | None = None) -> str:
    """A value with its unit, or ``no data``.

    Args:
        value: The value, or None.
        unit: ``hours``, ``%``, or what follows the number as it is.
        bound: A target in the same unit; as many digits are shown as it takes not to hide on which side it lies.
    """
    if value is None or not isfinite(value):
        return "no data"
    if unit != "hours":
        return f"{_number(value, bound)} {unit}".rstrip()
    if abs(value) < 1 and value != 0 and bound is None:
        return spoken(timedelta(hours=value))
    return f"{_number(value, bound)} h"


def _number(value: float, bound: float | None = None) -> str:
    if abs(value) >= 1e12:
        return f"{value:.3g}"
    digits = 0 if float(value).is_integer() else 2 if abs(value) < 10 else 1
    while bound is not None and digits < 9 and not _is_told_apart(value, round(value, digits), bound):
        digits += 1
    text = f"{value:,.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _is_told_apart(value: float, rounded: float, bound: float) -> bool:
    return (value < bound, value > bound) == (rounded < bound, rounded > bound)


def share(part: float | None) -> str:
    """A fraction as a percentage, or ``–``."""
    return "–" if part is None or not isfinite(part) else f"{_number(part * 100)} %"


def spoken(span: timedelta) -> str:
    """A span of time in its two largest units: ``45 s``, ``12 min``, ``2 h 05 min``, ``3 d 4 h``; without its sign."""
    span = abs(span) if span > timedelta.min else timedelta.max
    if span < _MINUTE:
        return f"{span // timedelta(seconds=1)} s"
    if span < _HOUR:
        return f"{span // _MINUTE} min"
    if span < _DAY:
        return f"{span // _HOUR} h {span % _HOUR // _MINUTE:02} min"
    hours = span % _DAY // _HOUR
    return f"{span // _DAY:,} d" + (f" {hours} h" if hours else "")


def moment(at: datetime) -> str:
    """A time to the minute: ``2026-11-20 10:00 UTC``."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "minutes") + " UTC"


def date(at: datetime) -> str:
    """The UTC day of a time: ``2026-11-20``."""
    return at.astimezone(UTC).date().isoformat()


def day_and_month(at: datetime) -> str:
    """The UTC day of a time without its year: ``20 Nov``."""
    utc = at.astimezone(UTC)
    return f"{utc.day} {_MONTHS[utc.month - 1]}"


def named(name: str, limit: int = 200) -> str:
    """A name that can be seen, even where it is blank."""
    return visible(name, limit) if name.strip() else "(none)"


def value(kpi: Kpi) -> str:
    """The value of a figure in words, on the right side of its target."""
    return figure(kpi.value, kpi.unit, kpi.target.number if kpi.target else None)


def judged(kpi: Kpi) -> str:
    """A figure in words: ``met: 1.5 h, target < 2h``."""
    if kpi.value is None or not isfinite(kpi.value):
        return str(KpiVerdict.NO_DATA)
    target = f", target {kpi.target.text}" if kpi.target else ""
    if kpi.target and kpi.target.number is None:
        target = ", targets by queue"
    return f"{kpi.verdict.value}: {value(kpi)}{target}"


def fullness(load: Load) -> str:
    """``full``, ``over capacity``, or nothing while there is room."""
    if load.capacity is None or load.waiting < load.capacity:
        return ""
    return "full" if load.waiting == load.capacity else "over capacity"


def taken(load: Load) -> str:
    """How much a queue holds, in words: ``3 of 20 waiting (15 %)``, ``7 waiting, no bound``."""
    if load.capacity is None:
        return f"{load.waiting:,} waiting, no bound"
    word = f", {fullness(load)}" if fullness(load) else ""
    return f"{load.waiting:,} of {load.capacity:,} waiting ({share(load.utilisation)}{word})"


def state(entry: TaskStanding) -> str:
    """How a task stands, in words: ``at risk, 40 min left``."""
    standing = entry.standing
    word = standing.status.value.replace("_", " ")
    if standing.deadline is None or standing.remaining is None or standing.status not in _OPEN:
        return word if standing.deadline else "no deadline"
    paused = ", paused" if standing.paused else ""
    return f"{word}, {spoken(standing.remaining)} {'left' if standing.remaining >= timedelta(0) else 'over'}{paused}"
