"""What changes about a task while its state stays: a recorded fact with an actor, like any other change."""

from datetime import datetime
from typing import Any

from taskorch.core.copies import changed
from taskorch.core.events import Amendment, Event, told
from taskorch.core.task import Task, utc
from taskorch.core.texts import are_plain, refuse
from taskorch.errors import IllegalTransition


def amend(
    task: Task,
    amendment: Amendment,
    *,
    now: datetime,
    by: str,
    reason: str | None = None,
    **groups: Any,  # Any: groups of several classes
) -> tuple[Task, Event]:
    """*task* with other *groups*, one version on, and the event that tells it.

    Args:
        task: The task as it is; it stays as it is.
        amendment: What is done.
        now: The time (UTC).
        by: Who does it.
        reason: Why.
        groups: The groups that change, by name, valid ones: ``priority=``, ``queue=``.

    Raises:
        IllegalTransition: The task is final.
        InvalidTask: *now* has no zone, or is beyond the calendar; or *by* or *reason* is no text that can be
            read back.
    """
    if task.is_final:
        raise IllegalTransition(task.id, task.state.current, amendment, ())
    now = utc(now, "now")
    if not are_plain((by,) if reason is None else (by, reason)):
        refuse(by, reason)
    at = max(now, task.state.changed_at)
    metadata = changed(
        task.metadata,
        version=task.metadata.version + 1,
        last_updated=max(at, task.metadata.last_updated),
        updated_by=by,
    )
    amended = changed(task, metadata=metadata, **groups)
    return amended, told(task, amended, amendment, at=at, now=now, by=by, reason=reason)
