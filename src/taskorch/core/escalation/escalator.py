"""The escalator: looks at tasks, raises each escalation once, climbs ladders, and tells when to look again."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Self

import attrs

from taskorch.core.documents import EMPTY, JSON
from taskorch.core.escalation import ladders
from taskorch.core.escalation.conditions import Watch
from taskorch.core.escalation.ladders import Case
from taskorch.core.escalation.records import Escalation, check_actor, members_of
from taskorch.core.escalation.registers import Register, Watched
from taskorch.core.escalation.rules import DEFAULT_RULES, Rule, by_code
from taskorch.core.escalation.views import View
from taskorch.core.json_text import shown
from taskorch.core.queues import DEFAULT_QUEUES, QueueSpec, by_name
from taskorch.core.suggestions import suggestion
from taskorch.core.task import Task, utc
from taskorch.core.timetable import Timetable
from taskorch.errors import (
    InvalidEscalation,
    InvalidQueue,
    InvalidTask,
    Problem,
    UndecidableCondition,
    UnknownEscalation,
)


@attrs.frozen
class Undecided:
    """A rule that could not be decided about a task, and why; it did not keep the others from being so."""

    task_id: str
    code: str
    message: str


@attrs.frozen
class Findings:
    """What a look at a task has changed.

    Attributes:
        raised: The new escalations, in the order of the rules.
        resolved: Those whose condition no longer holds.
        undecided: The rules that could not be decided.
        is_stale: Whether nothing was judged, since a later version of the task was seen before: fetch it afresh.
    """

    raised: tuple[Escalation, ...] = ()
    resolved: tuple[Escalation, ...] = ()
    undecided: tuple[Undecided, ...] = ()
    is_stale: bool = False


class Escalator:
    """Tells who must be told of which task: each (task, rule, level) once, for ever.

    Look at a task whenever it has changed, and whenever ``due()`` names it; how often, and in which order, does
    not matter. It keeps no tasks, only what was raised and when to look again; ``state()`` gives that as plain
    data to keep, ``restored()`` takes it back, and has every task looked at again.

    * An escalation whose condition no longer holds is resolved by the next look. Resolved is for ever: a task that
      is blocked a second time, or late again in another queue, is not told of again by the same rule, unless the
      host calls ``forget()``.
    * The next level is raised when nobody has acknowledged any level in time. An acknowledgement ends the ladder,
      and is one of every level so far; so does a resolution.
    * A version of a task older than one seen before says nothing, and ``is_stale`` tells so. A clock that goes back
      takes nothing back; one that was wrong for a while does not make other rules speak.
    * While a rule cannot be decided, what it has raised stays open, and its ladder goes on.
    * What is known of a task, its records and the version seen last, is kept until ``forget()``, also when it has
      ended: a late message must not raise anything about it. Forget a task when the host removes it.

    Args:
        rules: Its rules.
        queues: The queues whose service levels count; a task of another queue keeps the deadline it carries.

    Raises:
        InvalidRule: Two rules have one code, or something is no rule.
        InvalidQueue: The queues contradict each other, or something is no queue.
    """

    def __init__(self, rules: Iterable[Rule] = DEFAULT_RULES, *, queues: Iterable[QueueSpec] = DEFAULT_QUEUES) -> None:
        self._watches = {code: Watch.of(rule) for code, rule in by_code(rules).items()}
        self._queues = by_name(queues, may_be_empty=True)
        self._cases: dict[str, dict[str, Case]] = {}
        self._versions: dict[str, int] = {}
        self._moments = Timetable()
        self._ladders = Timetable()
        self._unseen: set[str] = set()  # to be looked at whatever the time: their moments were told by other rules
        self._extensions: Mapping[str, JSON] = EMPTY

    @property
    def unforeseen(self) -> tuple[str, ...]:
        """The rules that may come true unseen, as they compare durations or the deadline with what is not quoted.

        A deadline moves where the queue stops the clock. Rules with ``every`` are not among them.
        """
        return tuple(code for code, watch in self._watches.items() if not (watch.is_foreseen or watch.rule.every))

    def look(
        self,
        task: Task,
        now: datetime,
        *,
        spec: QueueSpec | None = None,
        conflicts: Mapping[str, str] | None = None,
    ) -> Findings:
        """Judge a task by every rule.

        Args:
            task: The task as it is. An older copy is not judged, and ``due`` goes on naming the task: see ``is_stale``.
            now: The time (UTC).
            spec: The queue that promises its service level; by default the one it names.
            conflicts: What ``dependency_conflicts`` found about all tasks; None if nobody has looked, and then
                rules about ``task.conflict`` are left as they are.

        Raises:
            InvalidTask: *task* is none, or *now* has no zone.
            InvalidQueue: *spec* is no queue.
            InvalidEscalation: *conflicts* is not what ``dependency_conflicts`` gives, or *now* is too near the end
                of the calendar for an answer.
        """
        _check_question(task, spec, conflicts)
        cases, at = self._cases.get(task.id, {}), utc(now, "now")
        if task.metadata.version < self._versions.get(task.id, 0):
            return Findings(is_stale=True)
        view = View(task, spec or self._spec_of(task), conflicts)
        changed, undecided = self._judged(view, at, cases)
        cases = cases | changed
        moment = min(self._instants(view, at, cases), default=None)
        return self._noted(task, cases, changed, moment, undecided)

    def _spec_of(self, task: Task) -> QueueSpec | None:
        """The queue a task names; without one that is known here, the deadline in the document of the task counts."""
        name = task.queue.name
        if name in self._queues or (name is None and task.queue.sla_deadline is None):
            return self._queues.get(name or "")
        try:
            return QueueSpec(name or "none")
        except InvalidQueue:
            return None

    def _judged(self, view: View, now: datetime, cases: Mapping[str, Case]) -> tuple[dict[str, Case], list[Undecided]]:
        changed: dict[str, Case] = {}
        undecided: list[Undecided] = []
        for code, watch in self._watches.items():
            case = cases.get(code, ())
            at = _never_back(now, case)
            try:
                holds = watch.holds(view, at)
            except (UndecidableCondition, InvalidTask) as error:
                undecided.append(Undecided(view.task.id, code, str(error)))
                holds = None
            after = ladders.climbed(watch.rule, view, at, case, holds)
            if after != case:
                changed[code] = after
        return changed, undecided

    def _instants(self, view: View, now: datetime, cases: Mapping[str, Case]) -> Iterator[datetime]:
        """When a condition that does not hold will, or one that does will no longer, while the task stays as it is."""
        for code, watch in self._watches.items():
            case = cases.get(code, ())
            if not case or not case[0].is_resolved:
                yield from watch.turns(view, _never_back(now, case), to=not case)

    def _noted(
        self,
        task: Task,
        cases: Mapping[str, Case],
        changed: Mapping[str, Case],
        moment: datetime | None,
        undecided: list[Undecided],
    ) -> Findings:
        before = self._cases.get(task.id, {})
        if changed:
            self._cases[task.id] = dict(cases)
            self._ladders.put(task.id, self._next_level(task.id))
        self._moments.put(task.id, moment)
        self._versions[task.id] = task.metadata.version
        self._unseen.discard(task.id)
        news = [(record.detached(), code) for code, case in changed.items() for record in case]
        raised = tuple(record for record, code in news if record.level >= len(before.get(code, ())))
        resolved = tuple(record for record, _ in news if record.is_resolved)
        return Findings(raised, resolved, tuple(undecided))

    def acknowledge(self, key: str, by: str, now: datetime) -> Escalation:
        """Note that somebody has taken an escalation on: its ladder ends here, whatever level it had reached.

        The levels below it are acknowledged with it. One that is acknowledged or resolved already stays as it is.

        Args:
            key: ``Escalation.key``.
            by: Who, on one line of at most 1,000 characters.
            now: The time (UTC).

        Raises:
            UnknownEscalation: There is none of that key.
            InvalidEscalation: *by* is empty, too long, or holds control characters.
            InvalidTask: *now* has no zone.
        """
        record = self._found(key)
        _check_actor(by)
        at = utc(now, "now")
        for level in self._cases[record.task_id][record.reason][: record.level + 1]:
            if not (level.is_acknowledged or level.is_resolved):
                self._put(ladders.acknowledged(level, by, at))
        return self._found(key).detached()

    def resolve(self, key: str, by: str, now: datetime) -> Escalation:
        """Note that an escalation is settled, and with it every level of its ladder, for ever.

        One that is resolved already stays as it is. Arguments and errors are those of ``acknowledge``.
        """
        record = self._found(key)
        _check_actor(by)
        at = utc(now, "now")
        if not record.is_resolved:
            for level in self._cases[record.task_id][record.reason]:
                self._put(ladders.resolved(level, by, at))
        return self._found(key).detached()

    def get(self, key: str) -> Escalation:
        """The escalation of that key as it stands; raises ``UnknownEscalation``."""
        return self._found(key).detached()

    def escalations(self, task_id: str | None = None) -> tuple[Escalation, ...]:
        """Everything raised about a task, or about all of them, by task, rule and level; ended tasks included."""
        ids = sorted(self._cases) if task_id is None else [_id(task_id)]
        cases = (case for id in ids for _, case in sorted(self._cases.get(id, {}).items()))
        return tuple(record.detached() for case in cases for record in case)

    def due(self, now: datetime) -> tuple[str, ...]:
        """The ids of the tasks to look at now, sorted.

        A task is named until it has been looked at as it is now: with an older copy of it, the answer stays the
        same. One that no longer exists is to be forgotten.

        Raises:
            InvalidTask: *now* has no zone.
        """
        at = utc(now, "now")
        return tuple(sorted({*self._unseen, *self._moments.until(at), *self._ladders.until(at)}))

    def next_due(self, now: datetime) -> datetime | None:
        """When to look again at what ``due`` will name then: never before *now*; None for not until a task changes.

        No rule comes true earlier, and no ladder climbs, save for the rules named by ``unforeseen``.

        Raises:
            InvalidTask: *now* has no zone.
        """
        at = utc(now, "now")
        if self._unseen:
            return at
        instants = [instant for table in (self._moments, self._ladders) if (instant := table.earliest()) is not None]
        return max(at, min(instants)) if instants else None

    def forget(self, task_id: str, code: str | None = None) -> None:
        """Drop all that is known of a task, or what one rule has raised about it; looked at again, it is told anew.

        Call it when a task has been removed, or moved to another queue, or when what happens to it a second time
        is to be told a second time. Nothing else makes the books shorter. The keys begin anew as well: who sends
        each key once must forget it too.

        Args:
            task_id: The task.
            code: The rule whose records are dropped, and nothing else; the task is then due at once.

        Raises:
            InvalidTask: *task_id* is no text.
            InvalidEscalation: There is no rule of that code, and nothing was raised by one.
        """
        if code is None:
            self._cases.pop(_id(task_id), None)
            self._versions.pop(task_id, None)
            self._moments.put(task_id, None)
            self._ladders.put(task_id, None)
            self._unseen.discard(task_id)
            return
        cases = self._cases.get(_id(task_id), {})
        _check_rule(code, {**self._watches, **cases})
        if cases.pop(code, None):
            self._ladders.put(task_id, self._next_level(task_id))
            self._unseen.add(task_id)

    def state(self) -> dict[str, JSON]:
        """All that was raised and when to look again, as plain data."""
        watched = [
            Watched(task_id=id, version=version, due=self._moments.at(id))
            for id, version in sorted(self._versions.items())
        ]
        escalations, extensions = self.escalations(), members_of(self._extensions)
        return Register(escalations=escalations, watched=tuple(watched), extensions=extensions).to_dict()

    @classmethod
    def restored(
        cls,
        state: JSON,
        rules: Iterable[Rule] = DEFAULT_RULES,
        *,
        queues: Iterable[QueueSpec] = DEFAULT_QUEUES,
    ) -> Self:
        """The escalator that ``state()`` was asked of. Records of rules that are gone stay, and are left alone.

        ``due`` names every task that is watched until it has been looked at: rules, queues and calendars may be others
        than those by which the times were told, and what was not looked at since says nothing of them.

        Raises:
            InvalidEscalation: *state* is no such data; with every problem.
            InvalidRule: As in the constructor.
            InvalidQueue: Likewise.
        """
        register = Register.from_dict(state)
        self = cls(rules, queues=queues)
        self._extensions = members_of(register.extensions)
        for record in register.escalations:
            cases = self._cases.setdefault(record.task_id, {})
            cases[record.reason] = (*cases.get(record.reason, ()), record.detached())
        for id in self._cases:
            self._ladders.put(id, self._next_level(id))
        for watched in register.watched:
            self._versions[watched.task_id] = watched.version
            self._moments.put(watched.task_id, watched.due)
            self._unseen.add(watched.task_id)
        return self

    def _found(self, key: object) -> Escalation:
        id, code, level = key.split("/") if isinstance(key, str) and key.count("/") == 2 else ("", "", "")
        for record in self._cases.get(id, {}).get(code, ()):
            if str(record.level) == level:
                return record
        raise UnknownEscalation(str(key))

    def _put(self, record: Escalation) -> Escalation:
        """Put a record in the place of the one of its key."""
        cases = self._cases[record.task_id]
        case = cases[record.reason]
        cases[record.reason] = (*case[: record.level], record, *case[record.level + 1 :])
        self._ladders.put(record.task_id, self._next_level(record.task_id))
        return record

    def _next_level(self, id: str) -> datetime | None:
        """When the next level of any ladder of a task is due."""
        levels = [
            due
            for code, case in self._cases[id].items()
            if code in self._watches and (due := ladders.next_at(self._watches[code].rule, case)) is not None
        ]
        return min(levels, default=None)


def _never_back(now: datetime, case: Case) -> datetime:
    """The time for a rule: of its own records none is from the future. What others say does not matter to it."""
    return max(now, case[-1].raised_at) if case else now


def _id(task_id: object) -> str:
    if not isinstance(task_id, str):
        raise InvalidTask.because(f"expected the id of a task, got {type(task_id).__name__}", path="task_id")
    return task_id


def _check_rule(code: object, known: Collection[str]) -> None:
    if not isinstance(code, str) or code not in known:
        given = shown(code)
        raise InvalidEscalation.because(f"{given!r} is the code of no rule", suggestion(given, known), "code")


def _check_question(task: object, spec: object, conflicts: object) -> None:
    if not isinstance(task, Task):
        raise InvalidTask.because(f"expected a Task, got {type(task).__name__}", path="task")
    if spec is not None and not isinstance(spec, QueueSpec):
        raise InvalidQueue.because(f"expected a QueueSpec, got {type(spec).__name__}", path="spec")
    if conflicts is not None and not (isinstance(conflicts, Mapping) and isinstance(conflicts.get(task.id, ""), str)):
        hint = "give what dependency_conflicts found"
        raise InvalidEscalation.because("expected sentences by task id", hint, "conflicts")


def _check_actor(by: object) -> None:
    if problems := list(check_actor(by)):
        raise InvalidEscalation(Problem("by", p.message, "say who it is") for p in problems)
