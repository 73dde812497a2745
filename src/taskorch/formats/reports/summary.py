"""What a reader in a hurry must know of a report: its window, and what is wrong."""

from collections.abc import Iterator
from datetime import timedelta

from taskorch.core.metrics.kpis import KpiVerdict
from taskorch.core.metrics.window import Window
from taskorch.core.reports import StatusReport
from taskorch.core.sla import SlaStatus
from taskorch.formats.reports.wording import count, date, fullness, moment, named

_MOST_NAMES = 5


def period(window: Window) -> str:
    """A window in words: ``2026-11-20 (one day)``, ``2026-11-16 to 2026-11-22 (7 days)``, or its two ends."""
    start, end = window.start, window.end
    days, rest = divmod(end - start, timedelta(days=1))
    if rest or start != start.replace(hour=0, minute=0, second=0, microsecond=0):
        return f"{moment(start)} to {moment(end)}"
    if days == 1:
        return f"{date(start)} (one day)"
    return f"{date(start)} to {date(end - timedelta(days=1))} ({days:,} days)"


def summary(report: StatusReport) -> tuple[str, ...]:
    """The missed targets, the full queues, and the tasks that are late or soon will be: one sentence each."""
    return (_targets(report), *_queues(report), *_tasks(report))


def _targets(report: StatusReport) -> str:
    judged = [kpi for kpi in report.scorecard.overall if kpi.verdict in (KpiVerdict.MET, KpiVerdict.MISSED)]
    missed = ", ".join(kpi.name for kpi in report.missed)
    if missed:
        return f"{len(report.missed)} of {count(len(judged), 'key figure')} missed the target: {missed}."
    if judged:
        return f"{count(len(judged), 'key figure')} met the target, none missed it."
    return "No key figure can be judged: there is no data, or no target."


def _queues(report: StatusReport) -> Iterator[str]:
    full = [named(load.queue, 60) for load in report.loads if fullness(load)]
    if full:
        names, more = ", ".join(full[:_MOST_NAMES]), len(full) - _MOST_NAMES
        yield f"{count(len(full), 'queue is', 'queues are')} full: {names}{f' and {more:,} more' if more > 0 else ''}."


def _tasks(report: StatusReport) -> Iterator[str]:
    if breached := report.counts.get(SlaStatus.BREACHED):
        yield f"{count(breached, 'open task is past its deadline', 'open tasks are past their deadlines')}."
    if at_risk := report.counts.get(SlaStatus.AT_RISK):
        yield f"{count(at_risk, 'open task is', 'open tasks are')} at risk."
