"""A report as JSON: every value it holds, nothing rounded, nothing left out."""

import json
from datetime import datetime, timedelta
from math import isfinite

from taskorch.core.documents import JSON
from taskorch.core.metrics.kpis import Kpi
from taskorch.core.reports import StatusReport, TaskStanding
from taskorch.core.times import write_milliseconds, write_time
from taskorch.core.waiting_line import Load
from taskorch.formats.reports.wording import encodable


def to_dict(report: StatusReport) -> dict[str, JSON]:
    """The report as plain JSON data: times in ISO 8601 with ``Z``, durations in milliseconds, null for no data.

    Args:
        report: What to say; unlike in the other renderings, no list is cut.
    """
    card = report.scorecard
    groups = {"queue": card.by_queue, "type": card.by_type, "skill": card.by_skill}
    return {
        "title": encodable(report.title),
        "window": {"start": write_time(card.window.start), "end": write_time(card.window.end)},
        "now": write_time(card.now),
        "kpis": {
            "overall": [_kpi(kpi) for kpi in card.overall],
            **{
                f"by_{noun}": {encodable(name): [_kpi(kpi) for kpi in kpis] for name, kpis in group.items()}
                for noun, group in groups.items()
            },
        },
        "completed_per_day": [{"day": write_time(day), "completed": number} for day, number in card.completed_per_day],
        "queues": [_load(load) for load in report.loads],
        "tasks": [_task(entry) for entry in report.standings],
    }


def to_json(report: StatusReport, indent: int | None = 2) -> str:
    """The report as JSON text; ``json.loads`` gives back what ``to_dict`` gives.

    Args:
        report: What to say.
        indent: The spaces by which a level is set in; None for one line.
    """
    return json.dumps(to_dict(report), ensure_ascii=False, allow_nan=False, indent=indent) + "\n" * (indent is not None)


def _kpi(kpi: Kpi) -> dict[str, JSON]:
    return {
        "name": kpi.name,
        "value": _number(kpi.value),
        "unit": kpi.unit,
        "sample": kpi.sample,
        "target": kpi.target.text if kpi.target else None,
        "verdict": kpi.verdict.value,
    }


def _load(load: Load) -> dict[str, JSON]:
    return {
        "queue": encodable(load.queue),
        "waiting": load.waiting,
        "in_progress": load.in_progress,
        "capacity": load.capacity,
        "concurrency": load.concurrency,
        "utilisation": _number(load.utilisation),
    }


def _task(entry: TaskStanding) -> dict[str, JSON]:
    standing = entry.standing
    return {
        "id": encodable(entry.id),
        "title": encodable(entry.title),
        "queue": None if entry.queue is None else encodable(entry.queue),
        "since": write_time(entry.since),
        "status": standing.status.value,
        "deadline": _time(standing.deadline),
        "elapsed_ms": _milliseconds(standing.elapsed),
        "remaining_ms": _milliseconds(standing.remaining),
        "slack_ms": _milliseconds(standing.slack),
        "used": _number(standing.used),
        "paused": standing.paused,
        "expected": _time(standing.expected),
    }


def _number(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None


def _time(at: datetime | None) -> str | None:
    return None if at is None else write_time(at)


def _milliseconds(span: timedelta | None) -> int | float | None:
    return None if span is None else write_milliseconds(span)
