"""A task as rules see it: its facts at an instant, and when these turn."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache

import attrs

from taskorch.core import calendars, json_text, sla
from taskorch.core.deadlines import last_moment, moves_on
from taskorch.core.documents import JSON, unstructure
from taskorch.core.escalation.facts import CONFLICT, CONTEXT, DEADLINE, VOCABULARY
from taskorch.core.escalation.records import own
from taskorch.core.escalation.urgencies import later
from taskorch.core.expressions import Condition, parse
from taskorch.core.json_text import LIMITS, Limits
from taskorch.core.queues import QueueSpec
from taskorch.core.states import PAUSED, State
from taskorch.core.task import Task
from taskorch.core.times import MICROSECOND
from taskorch.errors import InvalidCalendar, InvalidCondition, InvalidTask, Problem

_SLA = frozenset({DEADLINE, "remaining", "sla_status"})
_WAITING = frozenset({State.QUEUED, State.SCHEDULED, State.ON_HOLD})
_WITHIN_A_RECORD = Limits(depth=LIMITS.depth - 5)


@lru_cache(maxsize=256)
def read_when(text: str) -> Condition:
    """The condition of a rule; raises ``InvalidCondition``. It is asked for when a rule is made and when it is used."""
    return parse(text, VOCABULARY)


def check_when(text: object) -> Iterator[Problem]:
    """What keeps *text* from being the condition of a rule."""
    if not isinstance(text, str):
        yield Problem("", "is no text", 'write it as "task.age > \\"24h\\""')
        return
    try:
        read_when(text)
    except InvalidCondition as error:
        yield from error.problems


@attrs.frozen
class Bounds:
    """What the facts that move with time are compared with.

    Attributes:
        spans: Durations, each with the name of the fact.
        times: What the deadline is compared with.
    """

    spans: tuple[tuple[str, timedelta], ...] = ()
    times: tuple[datetime, ...] = ()


@attrs.frozen(eq=False)
class View:
    """A task as rules see it.

    Attributes:
        task: The task.
        spec: The queue that promises its service level, or None for none.
        conflicts: What is wrong with the waits of tasks, or None where nobody has looked.
    """

    task: Task
    spec: QueueSpec | None = None
    conflicts: Mapping[str, str] | None = None
    _facts: dict[datetime, dict[str, object]] = attrs.field(factory=dict, init=False)  # several rules ask the same
    _standings: dict[datetime, sla.Standing] = attrs.field(factory=dict, init=False)

    def knows(self, names: Collection[str]) -> bool:
        """Whether the facts of these names have been looked up."""
        return self.conflicts is not None or CONFLICT.isdisjoint(names)

    def supposed(self) -> "tuple[View, ...]":
        """This view; where nobody has looked for conflicts, one for each answer that there could be."""
        if self.conflicts is not None:
            return (self,)
        return tuple(View(self.task, self.spec, found) for found in ({}, {self.task.id: ""}))

    def facts(self, at: datetime, names: Collection[str]) -> dict[str, object]:
        """The facts at an instant, at least those of these names; absent ones are left out.

        Raises:
            InvalidTask: The service level is asked for, and its times lie beyond the calendar.
        """
        facts = self._facts.get(at)
        if facts is None:
            lasting = next(iter(self._facts.values()), None) or _present(self._lasting())
            facts = self._facts[at] = lasting | self._timed(at)
        if _SLA.isdisjoint(names) or (standing := self._standing(at)) is None:
            return facts
        promised = {DEADLINE: standing.deadline, "remaining": standing.remaining, "sla_status": standing.status}
        return facts | _present(promised)

    def _lasting(self) -> dict[str, object]:
        """The facts that stay while the task stays as it is."""
        task, notes, state = self.task, self.task.internals, self.task.state
        is_blocked = state.current is State.BLOCKED
        conflict = None if self.conflicts is None else self.conflicts.get(task.id)
        return {
            "id": task.id,
            "title": task.definition.title,
            "type": task.definition.type,
            "skill": task.definition.skill_target,
            "entry_point": task.definition.entry_point,
            "state": state.current,
            "previous": state.previous,
            "final": task.is_final,
            "queue": task.queue.name,
            "score": task.priority.score,
            "factors": task.priority.factors,
            "progress": task.execution.progress_percent,
            "current_step": task.execution.current_step,
            "assigned_to": task.execution.assigned_to,
            "parent": task.dependencies.parent_task,
            "attempts": notes.attempt,
            "retries": max(notes.attempt - 1, 0),
            "reason": notes.reason,
            "blocker": notes.blocker if is_blocked else None,
            "blocked_since": state.changed_at if is_blocked else None,
            "blocked_by": task.dependencies.blocked_by,
            "in_conflict": None if self.conflicts is None else conflict is not None,
            "conflict": conflict,
            CONTEXT: task.context,
        }

    def _origins(self) -> dict[str, datetime]:
        """Since when the durations that grow do so."""
        task, state = self.task, self.task.state
        origins = {"age": task.created_at, "in_state_for": state.changed_at}
        if state.current is State.BLOCKED and task.internals.blocker != PAUSED:
            origins["blocked_for"] = state.changed_at
        if state.current in _WAITING:
            origins["waiting_for"] = task.queue.entered_at or state.changed_at
        return origins

    def _timed(self, at: datetime) -> dict[str, object]:
        end = {"age": self.task.state.changed_at} if self.task.is_final else {}
        none = timedelta(0)
        return {name: max(end.get(name, at) - since, none) for name, since in self._origins().items()}

    def _standing(self, at: datetime) -> sla.Standing | None:
        if self.spec is not None and at not in self._standings:
            self._standings[at] = sla.standing(self.task, self.spec, at)
        return self._standings.get(at)

    def turns(self, at: datetime, names: Collection[str], bounds: Bounds) -> set[datetime]:
        """The instants at which the answer may turn while the task stays as it is.

        Args:
            at: Now; what has passed before does not matter.
            names: The facts that are asked for.
            bounds: What facts are compared with.

        Raises:
            InvalidTask: As for ``facts``.
        """
        origins = self._origins()
        if self.task.is_final:
            del origins["age"]
        found = [later(origins[name], span) for name, span in bounds.spans if name in origins]
        if not _SLA.isdisjoint(names) and not self.task.is_final:
            found += self._thresholds(at, bounds)
        exact = [instant for instant in found if instant is not None]
        turned = (later(instant, MICROSECOND) for instant in exact)  # `>` turns so much after `>=`
        return {*exact, *(instant for instant in turned if instant is not None)}

    def _thresholds(self, at: datetime, bounds: Bounds) -> Iterator[datetime | None]:
        standing = self._standing(at)
        if standing is None or self.spec is None or standing.deadline is None or standing.remaining is None:
            return
        if moves_on(self.task, self.spec, standing.deadline):
            for time in bounds.times:
                yield self._worked(time, -standing.remaining)
                yield self._worked(time, -standing.remaining - MICROSECOND)  # where the hours begin there
            return
        yield standing.deadline
        yield last_moment(standing.deadline, self.spec)
        yield sla.warning(standing.deadline, self.spec)
        start = max(at, standing.since or at)
        for bound in {span for name, span in bounds.spans if name == "remaining"}:
            if (left := standing.remaining - bound) >= timedelta(0):
                yield self._worked(start, left)
                yield self._worked(start, left + MICROSECOND)  # later than an instant, where the hours end there

    def _worked(self, start: datetime, duration: timedelta) -> datetime | None:
        """The instant at which so much time has passed that counts; before *start* where it is below zero."""
        calendar = None if self.spec is None else self.spec.calendar
        if calendar is None:
            return later(start, duration)
        try:
            if duration < timedelta(0):
                return calendars.subtract(calendar, start, -duration)
            return calendar.add(start, duration)
        except (InvalidCalendar, OverflowError):
            return None

    def told(self, names: Collection[str], at: datetime) -> dict[str, JSON]:
        """The context of a record: D0's three, and the facts of these names, as JSON; what is absent is left out."""
        try:
            facts = self.facts(at, names)
        except InvalidTask:
            facts = self.facts(at, ())
        context: dict[str, JSON] = {"current_state": facts["state"]}
        if facts["state"] is State.BLOCKED:
            context |= {"blocker": facts.get("blocker"), "blocked_since": facts["blocked_since"]}
        for name in names:
            value: object = facts
            for part in name.split("."):
                value = value.get(part) if isinstance(value, Mapping) else None
            if value is not None:
                context[name] = value
        plain = {name: unstructure(value) for name, value in context.items()}
        return {name: own(value) for name, value in plain.items() if not json_text.check(value, _WITHIN_A_RECORD)}


def _present(facts: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in facts.items() if value is not None}
