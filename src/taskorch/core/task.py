"""The standard task of D0 as frozen values, and its document.

``Task.from_json(text).to_json()`` gives back D0's example exactly. ``queue.position``,
``dependencies.blocks`` and ``subtasks`` are derived by whoever answers a question about a task; a value
merely carries what was derived. Our own facts live in the one extra group ``x-taskorch``.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import ClassVar, Self

import attrs

from taskorch.core import json_text, origin
from taskorch.core.documents import (
    EMPTY,
    JSON,
    Check,
    Document,
    Number,
    is_extension,
    member,
    problems_of,
    read_text,
    structure,
    unstructure,
)
from taskorch.core.json_text import described
from taskorch.core.states import FINAL, LIFECYCLE, State
from taskorch.errors import InvalidDocument, InvalidTask, Problem

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


def check_id(id: str) -> Iterator[Problem]:
    """What keeps *id* from being the id of a task (design §5)."""
    if not _ID.fullmatch(id):
        hint = "up to 128 letters, digits and . _ : - beginning with a letter or digit"
        yield Problem("", f"{id[:40]!r} is not a task id", hint)


def _check_ids(ids: tuple[str, ...]) -> Iterator[Problem]:
    for index, id in enumerate(ids):
        yield from (problem._replace(path=f"[{index}]") for problem in check_id(id))


def _check_optional_id(id: str | None) -> Iterator[Problem]:
    if id is not None:
        yield from check_id(id)


def _check_title(title: str) -> Iterator[Problem]:
    if not title.strip():
        yield Problem("", "is empty", "say what is to be done")


def _within(low: float, high: float | None) -> Check:
    def check(number: float | None) -> Iterator[Problem]:
        if number is not None and not (low <= number and (high is None or number <= high)):
            yield Problem("", f"{number} is out of range", f"{low} to {high}" if high is not None else f"from {low}")

    return check


@attrs.frozen
class TaskDocument(Document):
    """The base of the groups: every key is written, known or not."""

    complete: ClassVar[bool] = True
    invalid: ClassVar[type[InvalidDocument]] = InvalidTask


@attrs.frozen
class Definition(TaskDocument):
    """What is to be done, and by which skill."""

    title: str = member(check=_check_title)
    description: str = member("")
    type: str = member("")
    skill_target: str = member("")
    entry_point: str = member("")


@attrs.frozen
class Moment(TaskDocument):
    """One entry of the history: the state since *at*."""

    state: State = member(kw_only=False)
    at: datetime = member(kw_only=False)


@attrs.frozen
class TaskState(TaskDocument):
    """Where the task stands, and how it came there."""

    current: State = member()
    previous: State | None = member(None)
    changed_at: datetime = member()
    history: tuple[Moment, ...] = member()


@attrs.frozen
class QueueEntry(TaskDocument):
    """The queue it is in; all null before it entered one. Position 0 once it has started."""

    name: str | None = member(None)
    position: int | None = member(None, check=_within(0, None))
    entered_at: datetime | None = member(None)
    sla_deadline: datetime | None = member(None)


@attrs.frozen
class Priority(TaskDocument):
    """How urgent it is, 0 to 100, and why."""

    score: Number = member(50, check=_within(0, 100))
    factors: tuple[str, ...] = member(())


@attrs.frozen
class Execution(TaskDocument):
    """How its work goes."""

    started_at: datetime | None = member(None)
    estimated_duration_hours: Number | None = member(None, check=_within(0, None))
    progress_percent: Number = member(0, check=_within(0, 100))
    current_step: str | None = member(None)
    assigned_to: str | None = member(None)


@attrs.frozen
class Dependencies(TaskDocument):
    """The tasks around it, by id."""

    blocked_by: tuple[str, ...] = member((), check=_check_ids)
    blocks: tuple[str, ...] = member((), check=_check_ids)
    parent_task: str | None = member(None, check=_check_optional_id)
    subtasks: tuple[str, ...] = member((), check=_check_ids)


@attrs.frozen
class TaskOutput(TaskDocument):
    """What has come of it."""

    deliverables: tuple[JSON, ...] = member(())
    notes: tuple[JSON, ...] = member(())
    next_actions: tuple[JSON, ...] = member(())


@attrs.frozen
class Metadata(TaskDocument):
    """The version of the value, and who changed it last."""

    version: int = member(0, check=_within(0, None))
    last_updated: datetime = member()
    updated_by: str = member("taskorch")


@attrs.frozen
class Internals(Document):
    """The group ``x-taskorch``: facts D0 has no place for. Written only where there is something.

    Attributes:
        scheduled_for: When its start is due.
        retry_at: When the next attempt is due; while it is set, FAILED is not final.
        attempt: The tries so far.
        blocker: What a blocked task waits for.
        reason: Why the last change was made.
        restart_of: The finished task that this one does again.
        result: What its handler returned.
        run: What belongs to the run of a workflow: fingerprint, params, context.
    """

    scheduled_for: datetime | None = member(None)
    retry_at: datetime | None = member(None)
    attempt: int = member(0)
    blocker: str | None = member(None)
    reason: str | None = member(None)
    restart_of: str | None = member(None, check=_check_optional_id)
    result: JSON = member(None)
    run: Mapping[str, JSON] = member(EMPTY)

    invalid: ClassVar[type[InvalidDocument]] = InvalidTask


def _check_state(state: TaskState) -> Iterator[Problem]:
    """An illegal history is refused: an edge outside the table, a time going back, a summary that differs."""
    history = state.history
    if not history:
        yield Problem("history", "is empty", "it begins with CREATED")
        return
    if history[0].state is not State.CREATED:
        yield Problem("history[0].state", f"is {history[0].state}", "a history begins with CREATED")
    for index in range(1, len(history)):
        before, after = history[index - 1], history[index]
        if not LIFECYCLE.follows(before.state, after.state):
            legal = ", ".join(dict.fromkeys(LIFECYCLE.target(before.state, v) for v in LIFECYCLE.verbs(before.state)))
            message = f"{before.state} is never followed by {after.state}"
            yield Problem(f"history[{index}].state", message, f"legal: {legal or 'nothing, it is final'}")
        if after.at < before.at:
            yield Problem(f"history[{index}].at", "is before the entry above it", "times never go back")
    last, before_last = history[-1], history[-2].state if len(history) > 1 else None
    if state.current is not last.state:
        yield Problem("current", f"is {state.current}, but the history ends with {last.state}")
    if state.previous is not before_last:
        yield Problem("previous", f"is {state.previous}, but the history says {before_last}")
    if state.changed_at != last.at:
        yield Problem("changed_at", "is not the time of the last entry of the history")


def _check_context(context: JSON) -> Iterator[Problem]:
    if not isinstance(context, Mapping):
        yield Problem("", f"expected an object, got {described(context)}")
    elif context:
        yield from json_text.check(context)


@attrs.frozen
class Task(TaskDocument):
    """A unit of tracked work (D0, "Format de Tâche Standard"). Groups and keys are those of the document.

    Attributes:
        envelope: The members ``x`` and ``x-*`` beside ``task``, untouched.
    """

    id: str = member(check=check_id)
    intake_id: str | None = member(None)
    created_at: datetime = member()
    definition: Definition = member()
    state: TaskState = member(check=_check_state)
    queue: QueueEntry = member(factory=QueueEntry)
    priority: Priority = member(factory=Priority)
    execution: Execution = member(factory=Execution)
    dependencies: Dependencies = member(factory=Dependencies)
    context: Mapping[str, JSON] = member(EMPTY, check=_check_context)
    output: TaskOutput = member(factory=TaskOutput)
    metadata: Metadata = member()
    internals: Internals = member(factory=Internals, key="x-taskorch", sparse=True)
    envelope: Mapping[str, JSON] = attrs.field(default=EMPTY, kw_only=True)

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
        priority: Priority | None = None,
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
            priority: Its score and factors.
            execution: Estimates and assignment.
            dependencies: The tasks it waits for, and its parent.
            context: Anything its handler should know, as JSON data.
            internals: What goes into ``x-taskorch``.

        Raises:
            InvalidTask: Something given is not valid.
        """
        if now is None or id is None:
            present, unique = origin.ask()
            now = now or present
            id = id or f"TASK-{now.year}-{unique}"
        if now.tzinfo is None:
            raise InvalidTask.because("is a time without a zone", "give it one, such as UTC", "created_at")
        now = now.astimezone(UTC)
        return cls(
            id=id,
            intake_id=intake_id,
            created_at=now,
            definition=Definition(
                title=title, description=description, type=type, skill_target=skill_target, entry_point=entry_point
            ),
            state=TaskState(current=State.CREATED, changed_at=now, history=(Moment(State.CREATED, now),)),
            priority=priority or Priority(),
            execution=execution or Execution(),
            dependencies=dependencies or Dependencies(),
            context=context,
            metadata=Metadata(last_updated=now, updated_by=by),
            internals=internals or Internals(),
        )

    @property
    def is_final(self) -> bool:
        """Whether it is completed, cancelled, or failed with no retry pending."""
        failed = self.state.current is State.FAILED and self.internals.retry_at is None
        return failed or self.state.current in FINAL

    @classmethod
    def from_dict(cls, data: JSON) -> Self:
        """The task of D0's document ``{"task": {…}}``; raises ``InvalidTask`` with every problem."""
        if problems := json_text.check(data):
            raise InvalidTask(problems)
        if not isinstance(data, Mapping) or [key for key in data if not is_extension(key)] != ["task"]:
            raise InvalidTask.because('expected an object with the single key "task"')
        try:
            task = structure(data["task"], cls)
        except InvalidDocument as error:
            raise InvalidTask(problems_of(error, "task")) from None
        envelope = {key: value for key, value in data.items() if key != "task"}
        return attrs.evolve(task, envelope=envelope) if envelope else task

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The task of a JSON text; raises ``InvalidTask`` with every problem and its line."""
        try:
            return read_text(text, cls.from_dict)
        except InvalidTask:
            raise
        except InvalidDocument as error:
            raise InvalidTask(error.problems) from None

    def to_dict(self) -> dict[str, JSON]:
        """D0's document, as plain data."""
        return {"task": unstructure(self), **self.envelope}

    def to_json(self, indent: int | None = 2) -> str:
        """D0's document, as text."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=indent)
