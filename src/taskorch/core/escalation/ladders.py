"""The ladder of a rule about a task: what is raised first, what next and when, and how it ends."""

from collections.abc import Mapping
from datetime import datetime

import attrs

from taskorch.core.documents import JSON
from taskorch.core.escalation.records import AUTOMATIC, Escalation, Marks
from taskorch.core.escalation.rules import Rule
from taskorch.core.escalation.urgencies import later
from taskorch.core.escalation.views import View
from taskorch.errors import InvalidEscalation

Case = tuple[Escalation, ...]
"""The records of one rule about one task, by level."""


def climbed(rule: Rule, view: View, at: datetime, case: Case, holds: bool | None) -> Case:
    """The records after a look at the task.

    Args:
        rule: The rule.
        view: The task.
        at: The time (UTC), never before the last record was raised.
        case: The records before.
        holds: Whether its condition holds; None where that could not be decided.

    Raises:
        InvalidEscalation: There is no time left for an answer before the calendar ends.
    """
    if not case:
        return (_raised(rule, view, at, 0, view.told(rule.context, at)),) if holds else ()
    if case[0].is_resolved:
        return case
    if holds is False:
        return tuple(resolved(record, AUTOMATIC, at) for record in case)
    due = next_at(rule, case)
    if due is None or at < due:
        return case
    context = case[-1].context if holds is None else view.told(rule.context, at)
    return (*case, _raised(rule, view, at, len(case), context))


def next_at(rule: Rule, case: Case) -> datetime | None:
    """When the next level is to be raised if nobody answers; None if there is none."""
    if len(case) > len(rule.ladder) or any(record.is_acknowledged or record.is_resolved for record in case):
        return None
    return later(case[-1].raised_at, rule.notice(len(case)).after)


def acknowledged(record: Escalation, by: str, at: datetime) -> Escalation:
    """The record once somebody has taken it on; never before it was raised."""
    at = max(at, record.raised_at)
    return attrs.evolve(record, marks=attrs.evolve(record.marks, acknowledged_at=at, acknowledged_by=by))


def resolved(record: Escalation, by: str, at: datetime) -> Escalation:
    """The record once it is settled; never before it was raised."""
    at = max(at, record.raised_at)
    return attrs.evolve(record, marks=attrs.evolve(record.marks, resolved_at=at, resolved_by=by))


def _raised(rule: Rule, view: View, at: datetime, level: int, context: Mapping[str, JSON]) -> Escalation:
    notice = rule.notice(level)
    deadline = later(at, notice.within)
    if deadline is None:
        raise InvalidEscalation.because("is too near the end of the calendar", "give a time of today", "now")
    return Escalation(
        task_id=view.task.id,
        reason=rule.code,
        urgency=notice.urgency,
        context=context,
        suggested_action=notice.suggested_action,
        escalated_to=notice.escalated_to,
        deadline=deadline,
        marks=Marks(level=level),
    ).as_raised(at)
