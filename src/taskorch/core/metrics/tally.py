"""The tally: events in, one at a time or many, and a scorecard out whenever it is asked for."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

import attrs

from taskorch.core.alerts import RaisedAlert
from taskorch.core.deadlines import deadline, is_of_start, last_moment, moves_on, promised, settled_at
from taskorch.core.events import Event
from taskorch.core.json_text import described
from taskorch.core.metrics.definitions import QUEUE_TARGETS, Target
from taskorch.core.metrics.figures import Sums
from taskorch.core.metrics.scorecards import Scorecard, TaskKind, scorecard_of
from taskorch.core.metrics.window import Window
from taskorch.core.queues import DEFAULT_QUEUES, QueueSpec, by_name
from taskorch.core.states import PAUSED, State, Verb
from taskorch.core.task import Task
from taskorch.core.times import MICROSECOND, in_utc
from taskorch.errors import InvalidDocument, InvalidEvent, InvalidTarget, InvalidTask, InvalidWindow

# Members looked up once: by way of its class each would cost as much as the rest of a comparison, for every event.
_START, _RETRY, _BLOCK, _FAIL = Verb.START, Verb.RETRY, Verb.BLOCK, Verb.FAIL
_COMPLETE, _CANCEL = Verb.COMPLETE, Verb.CANCEL
_UNBLOCKED, _IN_PROGRESS = State.UNBLOCKED, State.IN_PROGRESS

# What has become of a task within the window; it adds to the sums once, however often it is told.
_WORKED, _RETRIED, _BLOCKED, _STARTED, _ENDED = 1, 2, 4, 8, 16
_MARKS: Final[Mapping[str, int]] = {
    _START: _WORKED | _STARTED,
    _RETRY: _WORKED | _RETRIED,
    _BLOCK: _WORKED | _BLOCKED,
    _FAIL: _WORKED | _ENDED,
    _COMPLETE: _WORKED | _ENDED,
    _CANCEL: _WORKED | _ENDED,
}
"""What each verb tells at most; the others, amendments among them, tell nothing that is counted."""


class _Known:
    """What is remembered of one task."""

    __slots__ = ("due", "marks", "sums", "version")

    def __init__(self, sums: Sums) -> None:
        self.version, self.marks = -1, 0
        self.sums = sums  # of the kind it belongs to
        self.due: datetime | None = None  # its deadline while that may still be missed

    def renew(self, version: int, due: datetime | None, sums: Sums) -> None:
        """Take over what a later event says of it; *due* is the deadline while that may still be missed."""
        self.version, self.due = version, due
        if self.sums is not sums:
            _enter(self.sums, self.marks, -1)
            _enter(sums, self.marks, 1)
            self.sums = sums

    def mark(self, marks: int) -> None:
        """Note what has become of it, and add it to the sums."""
        self.marks |= marks
        _enter(self.sums, marks, 1)


class Tally:
    """The figures of a window, kept up to date event by event.

    Events may come in any order and any number of times: what a task adds is added once, and its latest version
    says which queue, type and skill it belongs to. Events before the window count for nothing in it, but tell
    of tasks that are still open; those after it are passed over, and so are the events of steps. Of each task
    that was heard of its id, its deadline and about 110 B are kept, and nothing of its events; begin a new tally
    for a new window.

    Deadlines are worked out from the task and its queue, as ``standing`` does: through anchors, pauses and
    calendars. In a queue that is not known they are what the task's document says.
    """

    def __init__(
        self,
        window: Window,
        *,
        queue_targets: Mapping[str, Target] = QUEUE_TARGETS,
        queues: Iterable[QueueSpec] = DEFAULT_QUEUES,
    ) -> None:
        """A tally of nothing yet.

        Args:
            window: What the figures are about.
            queue_targets: The target of the Queue Time by queue, in hours; by default D0's.
            queues: The queues, by which deadlines are worked out; by default D0's.

        Raises:
            InvalidWindow: *window* is none.
            InvalidTarget: A target is none.
            InvalidQueue: The queues do not fit together.
        """
        _expect(window, Window, InvalidWindow, "such as Window.week(now)")
        self.window = window
        self._start, self._end, self._latest = window.start, window.end, window.start
        targets: object = queue_targets
        if not isinstance(targets, Mapping):
            message = f"expected a mapping, got {described(targets)}"
            raise InvalidTarget.because(message, "a Target for each queue", "queue_targets")
        self._targets = dict(queue_targets)
        if wrong := [f"queue_targets.{name}" for name, target in self._targets.items() if not _is_bound(target)]:
            raise InvalidTarget.because("is no target with a number", "Target('<', 2, '< 2h')", wrong[0])
        self._queues = by_name(queues, may_be_empty=True)
        self._tasks: dict[str, _Known] = {}
        self._sums: dict[TaskKind, Sums] = {}
        self._completed: dict[int, int] = {}  # by the ordinal of the day

    def add(self, event: Event | RaisedAlert) -> None:
        """Count one event; what is told of a step, or raised about one, is passed over.

        Raises:
            InvalidEvent: It is no event, or it is a task's and does not carry it, or a time is none or has no zone;
                nothing was changed.
        """
        if isinstance(event, RaisedAlert) or _event(event).step is not None:
            return
        at, task = _checked(event)
        if at >= self._end:
            return
        spec = self._queues.get(task.queue.name or "")
        try:  # whatever may be refused is asked before anything is changed
            due, open_due = _deadlines(task, spec)
        except InvalidTask as error:
            raise InvalidEvent(error.problems, source=event.task_id) from None
        sums = self._sums_of(task)
        known = self._tasks.get(event.task_id)
        if known is None:
            known = self._tasks[event.task_id] = _Known(sums)
        if event.version > known.version:
            known.renew(event.version, open_due, sums)
        if at < self._start:
            return
        if at > self._latest:  # noqa: PLR1730 - calling max() would cost more than the rest of this
            self._latest = at
        marks = _MARKS.get(event.verb)
        if marks is not None and (marks := _told(event, marks) & ~known.marks):
            known.mark(marks)
            if marks & _ENDED:
                self._count_end(event, at, task, due, is_open=not _has_kept_date(task, spec), sums=sums)
            elif marks & _STARTED:
                self._count_start(at, task, due if _has_kept_date(task, spec) else None, sums)

    def extend(self, events: Iterable[Event | RaisedAlert]) -> None:
        """Count many events, one after the other; raises as ``add`` does, those before it being counted."""
        add = self.add
        _expect(events, Iterable, InvalidEvent, "a list of events")
        for event in events:
            add(event)

    def scorecard(self, now: datetime) -> Scorecard:
        """The figures as they stand; takes a look at every task that is remembered.

        Args:
            now: The time (UTC). A window that is open has passed up to then, or up to its latest event if that
                is later.

        Raises:
            InvalidWindow: *now* has no zone.
        """
        now = in_utc(now, "now", InvalidWindow)
        until = min(self._end, max(now, self._latest))
        late = Counter(id(t.sums) for t in self._tasks.values() if t.due is not None and t.due < until)
        kinds = {k: attrs.evolve(sums, missed=sums.missed + late[id(sums)]) for k, sums in self._sums.items()}
        return scorecard_of(kinds, self._completed, self._targets, window=self.window, now=now, until=until)

    def _sums_of(self, task: Task) -> Sums:
        kind = (task.queue.name or "", task.definition.type, task.definition.skill_target)
        sums = self._sums.get(kind)
        if sums is None:
            sums = self._sums[kind] = Sums()
        return sums

    def _count_start(self, at: datetime, task: Task, date: datetime | None, sums: Sums) -> None:
        entered = task.queue.entered_at
        if entered is not None:
            sums.waits += 1
            sums.waited += _between(entered, at)
        if date is not None:
            sums.met += at <= date
            sums.missed += at > date

    def _count_end(
        self, event: Event, at: datetime, task: Task, due: datetime | None, *, is_open: bool, sums: Sums
    ) -> None:
        verb = event.verb
        if verb == _COMPLETE:
            sums.completed += 1
            sums.cycled += _between(task.created_at, at)
            day = at.toordinal()
            self._completed[day] = self._completed.get(day, 0) + 1
        elif verb == _FAIL:
            sums.failed += 1
        if due is None or not is_open:
            return
        if verb == _COMPLETE and at <= due:
            sums.met += 1
        elif verb != _CANCEL or at > due:
            sums.missed += 1


def measure(
    events: Iterable[Event],
    window: Window,
    now: datetime,
    *,
    queue_targets: Mapping[str, Target] = QUEUE_TARGETS,
    queues: Iterable[QueueSpec] = DEFAULT_QUEUES,
) -> Scorecard:
    """The figures of *events* within *window*, from scratch.

    Args:
        events: What happened to tasks; ``Tally`` says what may be among them.
        window: What the figures are about.
        now: The time (UTC).
        queue_targets: The target of the Queue Time by queue, in hours; by default D0's.
        queues: The queues, by which deadlines are worked out; by default D0's.

    Raises:
        InvalidEvent: One is no event, or is a task's and does not carry it, or a time has no zone.
        InvalidTarget: A target is none.
        InvalidQueue: The queues do not fit together.
        InvalidWindow: *window* is none, or *now* has no zone.
    """
    tally = Tally(window, queue_targets=queue_targets, queues=queues)
    tally.extend(events)
    return tally.scorecard(now)


def _expect(given: object, cls: type, refuse: type[InvalidDocument], hint: str) -> None:
    if not isinstance(given, cls):
        raise refuse.because(f"expected {cls.__name__}, got {described(given)}", hint)


def _told(event: Event, marks: int) -> int:
    """Which of the *marks* of its verb an event tells of."""
    verb, previous = event.verb, event.previous
    if verb == _START and previous is _UNBLOCKED:
        return _WORKED  # it goes on; it did not wait in its queue
    if verb == _BLOCK and event.reason == PAUSED:
        return _WORKED
    if verb == _FAIL and event.retry_at is not None:
        return _WORKED
    if verb == _CANCEL and previous is not _IN_PROGRESS:
        return _ENDED
    return marks


def _enter(sums: Sums, marks: int, count: int) -> None:
    """Add *count* tasks with *marks* to the sums."""
    if marks & _WORKED:
        sums.worked += count
    if marks & _RETRIED:
        sums.retried += count
    if marks & _BLOCKED:
        sums.blocked += count


def _between(start: datetime, end: datetime) -> int:
    """The microseconds from *start* to *end*; 0 if they are the other way round, as with times made by hand."""
    return max(0, (end - start) // MICROSECOND)


def _event(event: Event) -> Event:
    """*event*; ``InvalidEvent`` if it is none."""
    if event.__class__ is not Event:
        _expect(event, Event, InvalidEvent, "those that advance returns, or that an observer hears")
    return event


def _checked(event: Event) -> tuple[datetime, Task]:
    """The time of an event in UTC, and its task; raises ``InvalidEvent`` where one of their times is none."""
    at, task = event.at, event.task
    if task is None:
        message = f"the event {event.verb!s} of task {event.task_id} does not carry the task"
        raise InvalidEvent.because(message, "take the event that advance() returns", "task")
    queue = task.queue
    if at.__class__ is datetime and at.tzinfo is task.created_at.tzinfo is UTC:  # spelt out: asked of every event
        entered, due = queue.entered_at, queue.sla_deadline
        if (entered is None or entered.tzinfo is UTC) and (due is None or due.tzinfo is UTC):
            return at, task
    times = {
        "at": at,
        "task.created_at": task.created_at,
        "task.queue.entered_at": queue.entered_at,
        "task.queue.sla_deadline": queue.sla_deadline,
    }
    try:
        found = {name: in_utc(time, name, InvalidEvent) for name, time in times.items() if time is not None}
    except InvalidEvent as error:
        raise InvalidEvent(error.problems, source=event.task_id) from None
    return found["at"], task


def _deadlines(task: Task, spec: QueueSpec | None) -> tuple[datetime | None, datetime | None]:
    """The deadline of a task, and the same while the task may still miss it.

    While its clock stands still a task misses no deadline that was still ahead when it stopped.
    """
    if spec is None:
        return task.queue.sla_deadline, None if task.is_final else task.queue.sla_deadline
    due = deadline(task, spec, task.state.changed_at)
    if due is None:
        return None, None
    last = last_moment(due, spec)
    if settled_at(task, spec) is not None:
        return last, None
    return last, None if moves_on(task, spec, due) else last


def _has_kept_date(task: Task, spec: QueueSpec | None) -> bool:
    """Whether its start has settled whether it is in time, as in a queue by date."""
    if spec is None or not spec.by_date or task.execution.started_at is None:
        return False
    return is_of_start(promised(task, spec)[0], spec)


def _is_bound(target: object) -> bool:
    return isinstance(target, Target) and target.number is not None
