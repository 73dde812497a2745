"""What a report says, section by section, in words and tables; Markdown and HTML only write it down."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import attrs

from taskorch.core.loads import Load
from taskorch.core.metrics.kpis import Kpi, KpiVerdict
from taskorch.core.reports import StatusReport, TaskStanding
from taskorch.core.sla import SlaStatus
from taskorch.formats.reports.load_chart import TONES
from taskorch.formats.reports.throughput_chart import bars, days_of_a_bar
from taskorch.formats.reports.wording import count, fullness, moment, named, share, state, value

MOST_ROWS: Final = 20
"""The most rows of a table, and of a chart; how many more there are is said below."""

_TONES: Final = {
    KpiVerdict.MET: "good",
    KpiVerdict.MISSED: "bad",
    SlaStatus.BREACHED: "bad",
    SlaStatus.AT_RISK: "warn",
    SlaStatus.ON_TRACK: "good",
}
_STATUS_WORDS: Final = {
    SlaStatus.BREACHED: "breached",
    SlaStatus.AT_RISK: "at risk",
    SlaStatus.ON_TRACK: "on track",
    SlaStatus.NONE: "not judged (no deadline, or cancelled in time)",
    SlaStatus.MISSED: "ended late",
    SlaStatus.MET: "ended in time",
}


@attrs.frozen
class Row:
    """A row of a table: what stands in its cells, the first of which names it.

    Attributes:
        cells: Plain text, not escaped for anything yet.
        tone: ``good``, ``warn``, ``bad`` or nothing; the cells say the same in words.
    """

    cells: tuple[str, ...]
    tone: str = ""


@attrs.frozen
class Table:
    """A table of a section.

    Attributes:
        caption: What it shows.
        headings: What stands above each column.
        numbers: The columns whose cells are numbers, from 0.
        rows: The rows.
        more: How many rows were left out, with their noun; or nothing.
    """

    caption: str
    headings: tuple[str, ...]
    numbers: frozenset[int]
    rows: tuple[Row, ...]
    more: str = ""


@attrs.frozen
class Section:
    """A part of a report.

    Attributes:
        id: Its name in links.
        heading: Its title.
        words: Sentences above its table.
        table: The table, or None where there is nothing to show.
        is_long: Whether the table only repeats what its chart shows, and may be folded away.
    """

    id: str
    heading: str
    words: tuple[str, ...] = ()
    table: Table | None = None
    is_long: bool = False


def sections(report: StatusReport) -> tuple[Section, ...]:
    """All sections of a report, in order; those by queue, type and skill only where there are any."""
    card = report.scorecard
    groups = (("queue", card.by_queue), ("type", card.by_type), ("skill", card.by_skill))
    return (
        _figures(card.overall),
        _queues(report.loads),
        _levels(report),
        _throughput(report),
        *(_group(noun, figures) for noun, figures in groups if figures),
    )


def _figures(figures: Sequence[Kpi]) -> Section:
    rows = tuple(
        Row(
            (kpi.name, value(kpi), kpi.target.text if kpi.target else "–", kpi.verdict.value, f"{kpi.sample:,}"),
            tone(kpi),
        )
        for kpi in figures
    )
    words = () if any(kpi.value is not None for kpi in figures) else ("No data: nothing was counted in this window.",)
    headings = ("Figure", "Value", "Target", "Verdict", "Sample")
    table = Table("Key figures, over all tasks", headings, frozenset((1, 4)), rows) if rows else None
    return Section("figures", "Key figures", words, table)


def tone(kpi: Kpi) -> str:
    """Whether a figure is ``good`` or ``bad``; nothing where it has no verdict."""
    return _TONES.get(kpi.verdict, "")


def fullest(loads: Sequence[Load]) -> list[Load]:
    """The loads that are shown: all, or the fullest of many, in their order."""
    ranked = sorted(range(len(loads)), key=lambda i: (-(loads[i].utilisation or 0), -loads[i].waiting, i))
    return [loads[index] for index in sorted(ranked[:MOST_ROWS])]


def _queues(loads: Sequence[Load]) -> Section:
    if not loads:
        return Section("queues", "Queues", ("No data: the report was made without the loads of queues.",))
    rows = []
    for load in fullest(loads):
        bound = "no bound" if load.capacity is None else f"{load.capacity:,}"
        most = "no bound" if load.concurrency is None else f"{load.concurrency:,}"
        cells = (f"{load.waiting:,}", bound, _taken(load), f"{load.in_progress:,}", most)
        rows.append(Row((named(load.queue), *cells), TONES[fullness(load)] if fullness(load) else ""))
    headings = ("Queue", "Waiting", "Capacity", "Taken", "In progress", "Most in progress")
    more = _more(len(loads), "queue", "queues")
    table = Table("The queues and what they hold", headings, frozenset(range(1, 6)), tuple(rows), more)
    return Section("queues", "Queues", (), table)


def _taken(load: Load) -> str:
    word = fullness(load)
    return f"{share(load.utilisation)}, {word}" if word else share(load.utilisation)


def _levels(report: StatusReport) -> Section:
    if not report.standings:
        return Section("levels", "Service levels", ("No data: the report was made without tasks.",))
    counted = ", ".join(f"{number:,} {_STATUS_WORDS[status]}" for status, number in report.counts.items())
    words = (f"{count(len(report.standings), 'task')}: {counted}.",)
    if not report.due:
        return Section("levels", "Service levels", (*words, "No open task has a deadline."))
    rows = tuple(_row(entry) for entry in report.due[:MOST_ROWS])
    more = _more(len(report.due), "open task", "open tasks")
    table = Table("The most urgent tasks", ("Task", "Title", "Queue", "Due", "Status"), frozenset(), rows, more)
    return Section("levels", "Service levels", words, table)


def _row(entry: TaskStanding) -> Row:
    deadline = entry.standing.deadline
    queue = named(entry.queue) if entry.queue is not None else "–"
    cells = (named(entry.id), named(entry.title), queue, moment(deadline) if deadline else "–", state(entry))
    return Row(cells, _TONES.get(entry.standing.status, ""))


def _throughput(report: StatusReport) -> Section:
    heading, days = "Completed tasks", report.scorecard.completed_per_day
    total = sum(completed for _, completed in days)
    if not total:
        words = "No task was completed in this window." if days else "No data: no day of this window has begun."
        return Section("throughput", heading, (words,))
    shown = bars(days)
    rows = tuple(Row((bar.days, f"{bar.completed:,}")) for bar in shown)
    headings = ("Day" if len(shown) == len(days) else "Days", "Completed")
    table = Table("Completed tasks by day", headings, frozenset((1,)), rows)
    so_far = " so far" if report.now < report.window.end else ""
    words = f"{count(total, 'task')} completed on {count(len(days), 'day')}{so_far}"
    if len(shown) < len(days):
        words += f", shown by {days_of_a_bar(len(days))} days"
    return Section("throughput", heading, (f"{words}.",), table, is_long=True)


def _group(noun: str, groups: Mapping[str, Sequence[Kpi]]) -> Section:
    """One row for each queue, type or skill; of many those that miss the most targets, then the largest."""
    ranked = sorted(groups, key=lambda name: (-_missed(groups[name]), -_sample(groups[name]), name))
    shown = sorted(ranked[:MOST_ROWS], key=list(groups).index)
    names = tuple(kpi.name for kpi in next(iter(groups.values())))
    rows = tuple(Row((named(name), *_judged(groups[name])), "bad" if _missed(groups[name]) else "") for name in shown)
    more = _more(len(groups), noun, f"{noun}s")
    table = Table(f"Key figures by {noun}", (noun.capitalize(), *names), frozenset(), rows, more)
    return Section(f"by-{noun}", f"By {noun}", (), table)


def _missed(figures: Sequence[Kpi]) -> int:
    return sum(kpi.verdict is KpiVerdict.MISSED for kpi in figures)


def _sample(figures: Sequence[Kpi]) -> int:
    return max((kpi.sample for kpi in figures), default=0)


def _judged(figures: Sequence[Kpi]) -> Iterator[str]:
    for kpi in figures:
        has_verdict = kpi.verdict in (KpiVerdict.MET, KpiVerdict.MISSED)
        yield f"{value(kpi)} ({kpi.verdict.value})" if has_verdict else value(kpi)


def _more(total: int, noun: str, plural: str) -> str:
    """What is said below a table of which rows were left out."""
    return f"… and {count(total - MOST_ROWS, f'more {noun}', f'more {plural}')}" if total > MOST_ROWS else ""
