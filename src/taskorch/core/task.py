"""The standard task of D0 as frozen values, and its document.

``Task.from_json(text).to_json()`` gives back D0's example exactly. ``queue.position``,
``dependencies.blocks`` and ``subtasks`` are derived by whoever answers a question about a task; a value
merely carries what was derived. Our own facts live in the one extra group ``x-taskorch``.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import ClassVar, Final, Self

import attrs

from taskorch.core import origin
from taskorch.core.copies import changed, maker
from taskorch.core.documents import EMPTY, JSON
from taskorch.core.envelopes import EnvelopedDocument
from taskorch.core.groups import (
    INDEPENDENT,
    NO_OUTPUT,
    NO_QUEUE,
    NORMAL,
    NOTHING_NOTED,
    UNSTARTED,
    Definition,
    Dependencies,
    Execution,
    Internals,
    Metadata,
    Moment,
    Priority,
    QueueEntry,
    TaskOutput,
    TaskState,
    check_id,
    check_json,
    check_object,
    check_state,
    check_title,
    group,
    utc,
)
from taskorch.core.json_text import described, join
from taskorch.core.members import Check, member
from taskorch.core.states import FINAL, State
from taskorch.core.texts import are_plain, check_optional_text, check_text
from taskorch.errors import InvalidDocument, InvalidTask, Problem

__all__ = [
    "Definition",
    "Dependencies",
    "Execution",
    "Internals",
    "Metadata",
    "Moment",
    "Priority",
    "QueueEntry",
    "Task",
    "TaskOutput",
    "TaskState",
    "changed",
    "check_id",
    "utc",
]


def expect_task(given: object) -> None:
    """Raise ``InvalidTask`` for what is no task."""
    if not isinstance(given, Task):
        raise InvalidTask.because(f"expected a task, got {described(given)}", "make one with Task.new", "task")


_TEXTS: Final[tuple[tuple[str, Check], ...]] = (
    ("title", check_title),
    ("metadata.updated_by", check_text),
    ("definition.description", check_text),
    ("definition.type", check_text),
    ("definition.skill_target", check_text),
    ("definition.entry_point", check_text),
    ("intake_id", check_optional_text),
)
"""The texts of a new task in the order in which ``Task.new`` looks at them."""


def _check_texts(*texts: object) -> None:
    problems = [p._replace(path=path) for (path, check), text in zip(_TEXTS, texts, strict=True) for p in check(text)]
    if problems:
        raise InvalidTask(problems)


def _hold(check: Check, path: str, value: object) -> None:
    if problems := [problem._replace(path=join(path, problem.path)) for problem in check(value)]:
        raise InvalidTask(problems)


def _check_context(context: JSON) -> Iterable[Problem]:
    return check_object(context) or (check_json(context) if context else ())


@attrs.frozen
class Task(EnvelopedDocument):
    """A unit of tracked work (D0, "Format de Tâche Standard"). Groups and keys are those of the document."""

    id: str = member(check=check_id)
    intake_id: str | None = member(None, check=check_optional_text)
    created_at: datetime = member()
    definition: Definition = member()
    state: TaskState = member(check=check_state)
    queue: QueueEntry = member(NO_QUEUE)
    priority: Priority = member(NORMAL)
    execution: Execution = member(UNSTARTED)
    dependencies: Dependencies = member(INDEPENDENT)
    context: Mapping[str, JSON] = member(EMPTY, check=_check_context)
    output: TaskOutput = member(NO_OUTPUT)
    metadata: Metadata = member()
    internals: Internals = member(NOTHING_NOTED, key="x-taskorch", sparse=True)

    wrapper: ClassVar[str] = "task"
    invalid: ClassVar[type[InvalidDocument]] = InvalidTask

    @classmethod
    def new(
        cls,
        title: str,
        *,
        now: datetime | None = None,
        id: str | None = None,
        by: str = "taskorch",
        description: str = "",
        type: str = "",
        skill_target: str = "",
        entry_point: str = "",
        intake_id: str | None = None,
        queue: str | None = None,
        at: datetime | None = None,
        priority: Priority | float | str | None = None,
        execution: Execution | None = None,
        dependencies: Dependencies | None = None,
        context: Mapping[str, JSON] = EMPTY,
        internals: Internals | None = None,
    ) -> Self:
        """A task in CREATED, version 0.

        Args:
            title: What is to be done, in a few words.
            now: The time of its creation (UTC); by default that of the system's clock.
            id: Its id; by default ``TASK-<year>-<unique>``.
            by: Who creates it.
            description: What is to be done, at length.
            type: The kind of work.
            skill_target: The skill that does it.
            entry_point: Where in that skill.
            intake_id: The request it comes from.
            queue: The queue it is meant for; it enters it when it is enqueued.
            at: The date of its start.
            priority: Its score and factors; or the score alone, 0 to 100; or a label that chooses its queue, such as
                ``P1`` or ``urgent``, which is kept as its one factor.
            execution: Estimates and assignment.
            dependencies: The tasks it waits for, and its parent.
            context: Anything its handler should know, as JSON data.
            internals: What goes into ``x-taskorch``.

        Raises:
            InvalidTask: Something given is not valid.
        """
        present, unique = origin.ask() if now is None or id is None else (now, "")
        now = utc(present if now is None else now, "created_at")
        if id is None:
            id = f"TASK-{now.year}-{unique}"
        else:
            _hold(check_id, "id", id)
        told = "" if intake_id is None else intake_id
        if not are_plain((title, by, description, type, skill_target, entry_point, told)) or not title.strip():
            _check_texts(title, by, description, type, skill_target, entry_point, intake_id)
        if context is not EMPTY:
            _hold(_check_context, "context", context)
        definition = maker(Definition)(
            title=title, description=description, type=type, skill_target=skill_target, entry_point=entry_point
        )
        created = maker(Moment)(state=State.CREATED, at=now)
        return maker(cls)(
            id=id,
            intake_id=intake_id,
            created_at=now,
            definition=definition,
            state=maker(TaskState)(current=State.CREATED, changed_at=now, history=(created,)),
            queue=QueueEntry.of(queue),
            priority=Priority.of(priority),
            execution=group(execution, Execution, "execution", UNSTARTED),
            dependencies=group(dependencies, Dependencies, "dependencies", INDEPENDENT),
            context=context,
            metadata=maker(Metadata)(last_updated=now, updated_by=by),
            internals=Internals.of(internals, at),
        )

    @property
    def is_final(self) -> bool:
        """Whether it is completed, cancelled, or failed with no retry pending."""
        failed = self.state.current is State.FAILED and self.internals.retry_at is None
        return failed or self.state.current in FINAL
