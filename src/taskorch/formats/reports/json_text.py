"""A report as JSON: every value it holds, nothing rounded, nothing left out."""

import json
import re
from datetime import datetime, timedelta
from math import isfinite

from taskorch.core.documents import JSON
from taskorch.core.loads import Load
from taskorch.core.metrics.definitions import Target
from taskorch.core.metrics.kpis import Kpi
from taskorch.core.reports import StatusReport, TaskStanding, as_report
from taskorch.core.sla import Standing
from taskorch.core.times import write_milliseconds, write_time

# Half a character, which no encoding has, or what reads like the code it is written as; with backslashes before it.
_HALVES = re.compile(r"(?<!\\)(\\*)(?:([\ud800-\udfff])|(ud[89a-f][0-9a-f]{2}))")


def to_dict(report: StatusReport) -> dict[str, JSON]:
    """The report as plain JSON data: times in ISO 8601 with ``Z``, durations in milliseconds, null for no data.

    Text stays as it is, but for halves of characters, which are written as their codes; two texts never become one.

    Args:
        report: What to say; unlike in the other renderings, no list is cut.

    Raises:
        InvalidReport: It is no report.
    """
    report = as_report(report)
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

    Raises:
        InvalidReport: It is no report.
    """
    return json.dumps(to_dict(report), ensure_ascii=False, allow_nan=False, indent=indent) + "\n" * (indent is not None)


def _kpi(kpi: Kpi) -> dict[str, JSON]:
    return {
        "name": kpi.name,
        "value": _number(kpi.value),
        "unit": kpi.unit,
        "sample": kpi.sample,
        "target": None if kpi.target is None else _target(kpi.target),
        "verdict": kpi.verdict.value,
    }


def _target(target: Target) -> dict[str, JSON]:
    return {"comparison": target.comparison, "number": target.number, "text": encodable(target.text)}


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
    return {
        "id": encodable(entry.id),
        "title": encodable(entry.title),
        "queue": None if entry.queue is None else encodable(entry.queue),
        "since": write_time(entry.since),
        "standing": _standing(entry.standing),
    }


def _standing(standing: Standing) -> dict[str, JSON]:
    return {
        "task_id": encodable(standing.task_id),
        "queue": encodable(standing.queue),
        "now": _time(standing.now),
        "status": standing.status.value,
        "basis": standing.basis.value,
        "deadline": _time(standing.deadline),
        "since": _time(standing.since),
        "allowed_ms": _milliseconds(standing.allowed),
        "elapsed_ms": _milliseconds(standing.elapsed),
        "remaining_ms": _milliseconds(standing.remaining),
        "slack_ms": _milliseconds(standing.slack),
        "used": _number(standing.used),
        "paused": standing.paused,
        "pauses_ms": write_milliseconds(standing.pauses),
        "lead_ms": _milliseconds(standing.lead),
        "grace_ms": _milliseconds(standing.grace),
        "expected": _time(standing.expected),
    }


def encodable(text: str) -> str:
    r"""*text* with halves of characters written out as ``\ud800``: everything else stays as it is.

    A backslash is doubled where one or more stand before such a half, or before what reads like its code: so no other
    text comes out the same.
    """
    return _HALVES.sub(_written_out, text)


def _written_out(match: re.Match[str]) -> str:
    backslashes, half, code = match.groups()
    return backslashes * 2 + (code if half is None else f"\\u{ord(half):x}")


def _number(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None


def _time(at: datetime | None) -> str | None:
    return None if at is None else write_time(at)


def _milliseconds(span: timedelta | None) -> int | float | None:
    return None if span is None else write_milliseconds(span)
