"""The groups of a task's document (D0, "Format de Tâche Standard"), and what each may hold."""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar, TypeVar, get_args

import attrs

from taskorch.core import json_text
from taskorch.core.copies import maker
from taskorch.core.documents import EMPTY, JSON, Document, Number
from taskorch.core.json_text import described, join, shown
from taskorch.core.members import Check, member
from taskorch.core.queue_choice import LABELS, label_queue
from taskorch.core.states import LIFECYCLE, State
from taskorch.core.suggestions import suggestion
from taskorch.core.texts import check_optional_text, check_text, check_texts
from taskorch.core.times import in_utc
from taskorch.errors import InvalidDocument, InvalidTask, Problem

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_WITHIN_A_TASK = json_text.Limits(depth=json_text.LIMITS.depth - 2)  # a group lies so deep in the document


def check_id(id: object) -> Iterator[Problem]:
    """What keeps *id* from being the id of a task (design §5)."""
    if not isinstance(id, str):
        yield Problem("", f"expected a string, got {described(id)}")
    elif not _ID.fullmatch(id):
        hint = "up to 128 letters, digits and . _ : - beginning with a letter or digit"
        yield Problem("", f"{id[:40]!r} is not a task id", hint)


def _check_ids(ids: object) -> Iterator[Problem]:
    if not isinstance(ids, tuple | list):
        yield Problem("", f"expected an array, got {described(ids)}", "a tuple of task ids")
        return
    for index, id in enumerate(ids):
        yield from (problem._replace(path=f"[{index}]") for problem in check_id(id))


def _check_optional_id(id: object) -> Iterator[Problem]:
    if id is not None:
        yield from check_id(id)


def utc(at: object, path: str) -> datetime:
    """*at* in UTC, for a task; raises ``InvalidTask`` for what is no time there, and calls it *path*."""
    return in_utc(at, path, InvalidTask)


def check_title(title: object) -> Iterable[Problem]:
    """What keeps *title* from being the title of a task."""
    if isinstance(title, str) and not title.strip():
        return (Problem("", "is empty", "say what is to be done"),)
    return check_text(title)


def check_json(data: object) -> Iterable[Problem]:
    """What keeps *data* from being JSON data that can be read back from the group of a task."""
    return json_text.check(data, _WITHIN_A_TASK)


def check_object(data: object) -> Iterable[Problem]:
    """What keeps *data* from being a JSON object of a task, whatever it holds."""
    if not isinstance(data, Mapping):
        return (Problem("", f"expected an object, got {described(data)}"),)
    return ()


def _within(low: float, high: float | None) -> Check:
    highest = sys.float_info.max if high is None else high
    bounds = f"from {low}" if high is None else f"{low} to {high}"

    def check(number: object) -> Iterable[Problem]:
        if isinstance(number, bool) or not isinstance(number, int | float):
            return (Problem("", f"expected a number, got {described(number)}"),)
        if low <= number <= highest:  # not a number is not
            return ()
        return (Problem("", f"{shown(number)} is out of range", bounds),)

    return check


_check_amount = _within(0, None)
_check_percent = _within(0, 100)


def _check_optional_amount(number: object) -> Iterable[Problem]:
    return () if number is None else _check_amount(number)


def check_count(number: object) -> Iterable[Problem]:
    """What keeps *number* from being a whole number from 0."""
    if isinstance(number, float):
        return (Problem("", f"expected a whole number, got {described(number)}"),)
    return _check_amount(number)


def _check_optional_count(number: object) -> Iterable[Problem]:
    return () if number is None else check_count(number)


@attrs.frozen
class TaskDocument(Document):
    """The base of the groups: every key is written, known or not."""

    complete: ClassVar[bool] = True
    invalid: ClassVar[type[InvalidDocument]] = InvalidTask


@attrs.frozen
class Definition(TaskDocument):
    """What is to be done, and by which skill."""

    title: str = member(check=check_title)
    description: str = member("", check=check_text)
    type: str = member("", check=check_text)
    skill_target: str = member("", check=check_text)
    entry_point: str = member("", check=check_text)


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

    name: str | None = member(None, check=check_optional_text)
    position: int | None = member(None, check=_check_optional_count)
    entered_at: datetime | None = member(None)
    sla_deadline: datetime | None = member(None)

    @classmethod
    def of(cls, name: str | None) -> "QueueEntry":
        """The entry of a task that is meant for the queue *name* and has not entered it.

        Raises:
            InvalidTask: That is no name.
        """
        if name is None:
            return NO_QUEUE
        return maker(cls)(name=_word(name, "queue.name", "name a queue, or leave it out for one that fits"))


@attrs.frozen
class Priority(TaskDocument):
    """How urgent it is, 0 to 100, and why."""

    score: Number = member(50, check=_check_percent)
    factors: tuple[str, ...] = member((), check=check_texts)

    @classmethod
    def of(cls, given: "Priority | float | str | None") -> "Priority":
        """The priority that is meant by itself, by a score of 0 to 100, or by a label such as ``P1``.

        A label is kept as the one factor beside the usual score. Factors of one's own, which choose no queue, are given
        as ``Priority(factors=…)``: a word in place of a score is meant to choose.

        Raises:
            InvalidTask: It is none of these, or no label that ``QUEUE_CHOICE`` knows.
        """
        if given is None:
            return NORMAL
        if isinstance(given, Priority):
            return group(given, cls, "priority", NORMAL)
        if isinstance(given, str):
            label = _word(given, "priority.factors[0]", "a label such as P1, or a score of 0 to 100")
            if label_queue(label) is None:
                near = suggestion(label.strip().lower(), LABELS) or "P1 to P4, or the name of a queue such as urgent;"
                hint = f"{near} a factor of your own is Priority(factors=[{label[:40]!r}])"
                raise InvalidTask.because(f"{label[:40]!r} is no label", hint, "priority.factors[0]")
            return maker(cls)(factors=(label.strip(),))
        if problems := list(_check_percent(given)):
            raise InvalidTask(problem._replace(path="priority.score") for problem in problems)
        return maker(cls)(score=given)


@attrs.frozen
class Execution(TaskDocument):
    """How its work goes."""

    started_at: datetime | None = member(None)
    estimated_duration_hours: Number | None = member(None, check=_check_optional_amount)
    progress_percent: Number = member(0, check=_check_percent)
    current_step: str | None = member(None, check=check_optional_text)
    assigned_to: str | None = member(None, check=check_optional_text)


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

    version: int = member(0, check=check_count)
    last_updated: datetime = member()
    updated_by: str = member("taskorch", check=check_text)


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
    attempt: int = member(0, check=check_count)
    blocker: str | None = member(None, check=check_optional_text)
    reason: str | None = member(None, check=check_optional_text)
    restart_of: str | None = member(None, check=_check_optional_id)
    result: JSON = member(None)
    run: Mapping[str, JSON] = member(EMPTY, check=check_object)

    invalid: ClassVar[type[InvalidDocument]] = InvalidTask

    @classmethod
    def of(cls, given: "Internals | None", at: datetime | None) -> "Internals":
        """What is noted of a new task for which *given* is said, and the date *at* for its start.

        Raises:
            InvalidTask: The date is said twice, or is none; or *given* could not be read back.
        """
        if given is None:
            return NOTHING_NOTED if at is None else maker(cls)(scheduled_for=utc(at, "at"))
        notes = group(given, cls, "x-taskorch", NOTHING_NOTED)
        if at is None:
            return notes
        if notes.scheduled_for is not None:
            raise InvalidTask.because("the date is given twice", "leave out at, or internals.scheduled_for", "at")
        return attrs.evolve(notes, scheduled_for=utc(at, "at"))


def check_state(state: TaskState) -> Iterator[Problem]:
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


def _word(word: str, path: str, hint: str) -> str:
    if not isinstance(word, str):
        raise InvalidTask.because(f"expected a string, got {described(word)}", hint, path)
    if not word.strip():
        raise InvalidTask.because("is empty", hint, path)
    if problems := list(check_text(word)):
        raise InvalidTask(problem._replace(path=path) for problem in problems)
    return word


G = TypeVar("G", bound=Document)


def group(given: G | None, cls: type[G], path: str, usual: G) -> G:
    """The group of a new task that somebody has made by hand, its times in UTC.

    What its constructor has not asked is asked here: what could not be read back is refused on its way in.

    Args:
        given: The group; None for the *usual* one.
        cls: Its class.
        path: Where it lies in the document.
        usual: What is said where nothing is.

    Raises:
        InvalidTask: It is no such group, or holds what is no time or no JSON data.
    """
    if given is None or given is usual:
        return usual
    if not isinstance(given, cls):
        raise InvalidTask.because(f"expected {cls.__name__}, got {described(given)}", path=path)
    data: dict[str, object] = {}
    times: dict[str, Any] = {}  # Any: attrs.evolve is checked by one type for all members
    for key, attribute in given.members().items():
        value = getattr(given, attribute.name)
        if not _is_time(attribute):
            data[key] = value
        elif value is not None:
            times[attribute.name] = utc(value, join(path, key))
    if problems := list(check_json({**data, **given.extensions})):
        raise InvalidTask(problem._replace(path=join(path, problem.path)) for problem in problems)
    return attrs.evolve(given, **times) if times else given


def _is_time(attribute: "attrs.Attribute[Any]") -> bool:  # Any: a member may have any type
    return attribute.type is datetime or datetime in get_args(attribute.type)


# Values that are shared by all tasks of which nothing else is said: they are frozen, and a task stays small.
NO_QUEUE = QueueEntry()
NORMAL = Priority()
UNSTARTED = Execution()
INDEPENDENT = Dependencies()
NO_OUTPUT = TaskOutput()
NOTHING_NOTED = Internals()
