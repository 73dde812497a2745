"""What an escalator knows, as plain data that a host keeps and gives back."""

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar

import attrs

from taskorch.core.documents import Document
from taskorch.core.escalation.records import Escalation
from taskorch.core.groups import check_count, check_id
from taskorch.core.members import member
from taskorch.errors import InvalidDocument, InvalidEscalation, Problem


@attrs.frozen
class Watched(Document):
    """What is remembered of a task.

    Attributes:
        task_id: The task.
        version: The version of it that was seen last.
        due: When a condition about it comes true or ceases to; None if it does not by itself.
    """

    task_id: str = member(check=check_id)
    version: int = member(check=check_count)
    due: datetime | None = member(None)

    invalid: ClassVar[type[InvalidDocument]] = InvalidEscalation


def _check_levels(escalations: tuple[Escalation, ...]) -> Iterator[Problem]:
    """Every ladder begins at 0 and leaves no level out; resolved is all of it, or nothing."""
    seen: dict[tuple[str, str], Escalation] = {}
    for index, record in enumerate(escalations):
        before = seen.get((record.task_id, record.reason))
        expected = 0 if before is None else before.level + 1
        if record.level != expected:
            yield Problem(f"[{index}]", f"{record.key} is level {record.level} where {expected} follows")
        elif before is not None and before.is_resolved != record.is_resolved:
            yield Problem(f"[{index}]", f"{record.key} and the level before it differ in being resolved")
        seen[record.task_id, record.reason] = record


def _check_watched(watched: tuple[Watched, ...]) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, each in enumerate(watched):
        if each.task_id in seen:
            yield Problem(f"[{index}].task_id", f"{each.task_id!r} stands there twice")
        seen.add(each.task_id)


@attrs.frozen
class Register(Document):
    """All of it.

    Attributes:
        escalations: Everything raised, by task, rule and level.
        watched: The tasks that are watched.
    """

    escalations: tuple[Escalation, ...] = member((), check=_check_levels)
    watched: tuple[Watched, ...] = member((), check=_check_watched)

    complete: ClassVar[bool] = True
    invalid: ClassVar[type[InvalidDocument]] = InvalidEscalation
