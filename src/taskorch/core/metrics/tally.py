"""The tally: events in, one at a time or many, and a scorecard out whenever it is asked for."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import attrs

from taskorch.core.events import Event, Subject
from taskorch.core.metrics.definitions import BY_DATE, PAUSED, QUEUE_TARGETS, Target
from taskorch.core.metrics.figures import Sums
from taskorch.core.metrics.scorecards import Kind, Scorecard, scorecard_of
from taskorch.core.metrics.window import Window
from taskorch.core.states import FINAL, State, Verb
from taskorch.core.times import in_utc
from taskorch.errors import InvalidEvent, InvalidWindow

_MICROSECOND: Final = timedelta(microseconds=1)

# Members looked up once: by way of its class each would cost as much as the rest of a comparison, for every event.
_START, _RETRY, _BLOCK, _FAIL = Verb.START, Verb.RETRY, Verb.BLOCK, Verb.FAIL
_COMPLETE, _CANCEL = Verb.COMPLETE, Verb.CANCEL
_FAILED, _UNBLOCKED, _IN_PROGRESS = State.FAILED, State.UNBLOCKED, State.IN_PROGRESS
_UNSTARTED: Final = frozenset((State.CREATED, State.QUEUED, State.ON_HOLD, State.SCHEDULED))

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

    def renew(self, event: Event, due: datetime | None, sums: Sums) -> None:
        """Take over what a later event says of it; *due* is the deadline unless its start has settled that."""
        state = event.state
        is_final = state in FINAL or (state is _FAILED and event.retry_at is None)
        self.version = event.version
        self.due = None if is_final else due
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
    """

    def __init__(
        self,
        window: Window,
        *,
        queue_targets: Mapping[str, Target] = QUEUE_TARGETS,
        by_date: Collection[str] = BY_DATE,
    ) -> None:
        """A tally of nothing yet.

        Args:
            window: What the figures are about.
            queue_targets: The target of the Queue Time by queue, in hours; by default D0's.
            by_date: The queues whose deadline is that of the start; by default ``scheduled``.
        """
        self.window = window
        self._start, self._end, self._latest = window.start, window.end, window.start
        self._targets, self._by_date = dict(queue_targets), frozenset(by_date)
        self._tasks: dict[str, _Known] = {}
        self._sums: dict[Kind, Sums] = {}
        self._completed: dict[int, int] = {}  # by the ordinal of the day

    def add(self, event: Event) -> None:
        """Count one event.

        Raises:
            InvalidEvent: It is a task's and has no subject, or a time without a zone; nothing was changed.
        """
        if event.step is not None:
            return
        at, subject = event.at, event.subject
        if (  # spelt out, because it is asked of every event
            subject is None
            or not (at.tzinfo is subject.created_at.tzinfo is UTC)
            or ((entered := subject.entered_at) is not None and entered.tzinfo is not UTC)
            or ((due := subject.sla_deadline) is not None and due.tzinfo is not UTC)
        ):
            at, subject = _in_utc(event)
        if at >= self._end:
            return
        kind = (subject.queue or "", subject.type, subject.skill)
        sums = self._sums.get(kind)
        if sums is None:
            sums = self._sums[kind] = Sums()
        task = self._tasks.get(event.task_id)
        if task is None:
            task = self._tasks[event.task_id] = _Known(sums)
        if event.version > task.version:
            is_settled = subject.queue in self._by_date and event.state not in _UNSTARTED
            task.renew(event, None if is_settled else subject.sla_deadline, sums)
        if at < self._start:
            return
        if at > self._latest:  # noqa: PLR1730 - calling max() would cost more than the rest of this
            self._latest = at
        marks = _MARKS.get(event.verb)
        if marks is not None and (marks := _told(event, marks) & ~task.marks):
            task.mark(marks)
            if marks & _ENDED:
                self._count_end(event, at, subject, sums)
            elif marks & _STARTED:
                self._count_start(at, subject, sums)

    def extend(self, events: Iterable[Event]) -> None:
        """Count many events, one after the other; raises as ``add`` does, those before it being counted."""
        add = self.add
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

    def _count_start(self, at: datetime, subject: Subject, sums: Sums) -> None:
        entered, due = subject.entered_at, subject.sla_deadline
        if entered is not None:
            sums.waits += 1
            sums.waited += _between(entered, at)
        if due is not None and subject.queue in self._by_date:
            sums.met += at <= due
            sums.missed += at > due

    def _count_end(self, event: Event, at: datetime, subject: Subject, sums: Sums) -> None:
        verb, due = event.verb, subject.sla_deadline
        if verb == _COMPLETE:
            sums.completed += 1
            sums.cycled += _between(subject.created_at, at)
            day = at.toordinal()
            self._completed[day] = self._completed.get(day, 0) + 1
        elif verb == _FAIL:
            sums.failed += 1
        if due is None or (subject.queue in self._by_date and event.previous not in _UNSTARTED):
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
    by_date: Collection[str] = BY_DATE,
) -> Scorecard:
    """The figures of *events* within *window*, from scratch.

    Args:
        events: What happened to tasks; ``Tally`` says what may be among them.
        window: What the figures are about.
        now: The time (UTC).
        queue_targets: The target of the Queue Time by queue, in hours; by default D0's.
        by_date: The queues whose deadline is that of the start; by default ``scheduled``.

    Raises:
        InvalidEvent: An event is a task's and has no subject, or a time without a zone.
        InvalidWindow: *now* has no zone.
    """
    tally = Tally(window, queue_targets=queue_targets, by_date=by_date)
    tally.extend(events)
    return tally.scorecard(now)


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
    return max(0, (end - start) // _MICROSECOND)


def _in_utc(event: Event) -> tuple[datetime, Subject]:
    """The time and the subject of an event with every time in UTC."""
    subject = event.subject
    if subject is None:
        message = f"the event {event.verb!s} of task {event.task_id} says nothing of its subject"
        raise InvalidEvent.because(message, "take the event that advance() returns", "subject")
    entered, due = subject.entered_at, subject.sla_deadline
    try:
        return in_utc(event.at, "at", InvalidEvent), attrs.evolve(
            subject,
            created_at=in_utc(subject.created_at, "subject.created_at", InvalidEvent),
            entered_at=entered if entered is None else in_utc(entered, "subject.entered_at", InvalidEvent),
            sla_deadline=due if due is None else in_utc(due, "subject.sla_deadline", InvalidEvent),
        )
    except InvalidEvent as error:
        raise InvalidEvent(error.problems, source=event.task_id) from None
