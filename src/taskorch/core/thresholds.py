"""The two thresholds of a service level, each told once per task for ever, and when to look again."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

import attrs

from taskorch.core.deadlines import deadline, last_moment, moves_on, settled_at, warning
from taskorch.core.predictions import Prediction
from taskorch.core.queues import QueueSpec, expect_spec
from taskorch.core.sla import SlaStatus, foreseen
from taskorch.core.task import Task, expect_task
from taskorch.core.times import MICROSECOND, in_utc
from taskorch.core.timetable import Timetable
from taskorch.errors import InvalidDocument, InvalidTask

THRESHOLDS: Final = (SlaStatus.AT_RISK, SlaStatus.BREACHED)
"""In the order in which a task crosses them."""

_LAST: Final = datetime.max.replace(tzinfo=UTC)


@attrs.frozen
class Crossing:
    """A task has crossed a threshold of its service level.

    Attributes:
        task_id: The task.
        threshold: ``at_risk`` or ``breached``.
        at: The last instant before it: the warning, or the end of the grace; for a forecast, when that was told.
        deadline: The deadline that it belongs to.
    """

    task_id: str
    threshold: SlaStatus
    at: datetime
    deadline: datetime


class _Timer(NamedTuple):
    """What a task is to cross next."""

    at: datetime
    level: int
    id: str
    deadline: datetime
    last: datetime

    def crossing(self) -> Crossing:
        return Crossing(self.id, THRESHOLDS[self.level], self.at, self.deadline)


class SlaWatch:
    """Watches deadlines without polling: ``next_due`` says when to ask ``due`` again (design §6, §8).

    A threshold fires once per task for ever, also when the task is watched again, changes, moves, or its deadline
    does. It fires when it is crossed, which is when ``standing`` says so: *after* its instant. What was crossed before
    a task was watched fires at once, at risk before breached. Watch a task again whenever it changes: an old deadline
    that had passed when it changed still fires. A deadline ahead when a pause began moves on with the time, so nothing
    more is crossed until it ends. ``watch`` and ``due`` are O(log n) per task, counted over many.
    """

    def __init__(self, fired: Mapping[str, Iterable[str]] | None = None) -> None:
        """A watch that watches nothing yet.

        Args:
            fired: What has fired before, as ``fired`` gave it.

        Raises:
            InvalidDocument: It is not what ``fired`` gives, or names a threshold that does not exist.
        """
        self._timers: dict[str, _Timer] = {}
        self._moments = Timetable()  # the first instant after each of them
        self._crossed: dict[tuple[str, int], Crossing] = {}  # crossed, but not told yet
        self._fired = _read_fired({} if fired is None else fired)

    def __len__(self) -> int:
        """The tasks of which something is yet to fire."""
        return len(self._timers.keys() | {id for id, _ in self._crossed}) if self._crossed else len(self._timers)

    @property
    def fired(self) -> dict[str, list[str]]:
        """What ``due`` has told of each task, as plain data to keep and give back; ``{"T-1": ["at_risk"]}``."""
        return {
            id: [word.value for level, word in enumerate(THRESHOLDS) if levels >> level & 1]
            for id, levels in self._fired.items()
        }

    def watch(
        self, task: Task, spec: QueueSpec, now: datetime, *, expected: datetime | Prediction | None = None
    ) -> None:
        """Watch *task*, or take note that it, its queue or its deadline has changed.

        Of a task that has ended only what it crossed before its end will fire.

        Args:
            task: The task as it is now.
            spec: The queue that it is in.
            now: The time (UTC).
            expected: What a forecast says of it, as for ``standing``: it is at risk now if that is after its deadline.

        Raises:
            InvalidTask: A time has no zone, or the deadline is beyond the calendar; *task* is none, or *expected*
                tells of another. Then nothing has changed.
            InvalidQueue: *spec* is no queue.
        """
        expect_task(task)
        expect_spec(spec)
        now = in_utc(now, "now", InvalidTask)
        expected = foreseen(task, spec, expected)
        due, until = deadline(task, spec, now), settled_at(task, spec)
        alarm = None if due is None else warning(due, spec)
        changed = until or task.metadata.last_updated
        if until is None:
            is_late = expected is not None and due is not None and expected > last_moment(due, spec)
            if due is not None and moves_on(task, spec, due):
                changed, until = task.state.changed_at, now
        else:
            is_late = False  # whatever was foreseen: it has ended
        self._settle(task.id, min(now, changed))
        if due is None or alarm is None:
            self._wait(task.id, None)
            return
        last = last_moment(due, spec)
        if is_late:
            self._cross(_Timer(min(now, due), 0, task.id, due, last))
        timers = [_Timer(alarm, 0, task.id, due, last), _Timer(last, 1, task.id, due, last)]
        self._wait(task.id, self._first(timers, until))

    def forget(self, id: str, *, for_good: bool = False) -> None:
        """Stop watching a task; nothing happens if it is not watched.

        Args:
            id: The task.
            for_good: Also forget what has fired, for a task that will never be watched again.
        """
        self._wait(id, None)
        for level in range(len(THRESHOLDS)):
            self._crossed.pop((id, level), None)
        if for_good:
            self._fired.pop(id, None)

    def due(self, now: datetime) -> list[Crossing]:
        """What has been crossed by *now* (UTC) and was not told before: the earliest first, then by task.

        Raises:
            InvalidTask: *now* has no zone.
        """
        now = in_utc(now, "now", InvalidTask)
        for id in self._moments.until(now):
            self._settle(id, now)
        found = sorted(self._crossed.items(), key=lambda item: (item[1].at, item[0][1], item[0][0]))
        self._crossed.clear()
        for (id, level), _ in found:
            self._fired[id] = self._fired.get(id, 0) | 1 << level
        return [crossing for _, crossing in found]

    def next_due(self, now: datetime) -> datetime | None:
        """When ``due`` will next have something to tell, never before *now* (UTC); None if it never will.

        Raises:
            InvalidTask: *now* has no zone.
        """
        now = in_utc(now, "now", InvalidTask)
        if self._crossed:
            return now
        moment = self._moments.earliest()
        return None if moment is None else max(now, moment)

    def _settle(self, id: str, at: datetime) -> None:
        """What a task had crossed at that instant is crossed, whatever becomes of its deadline."""
        while (timer := self._timers.get(id)) is not None and timer.at < at:
            self._cross(timer)
            after = [timer._replace(at=timer.last, level=1)] if timer.level == 0 else []
            self._wait(id, self._first(after, None))

    def _wait(self, id: str, timer: _Timer | None) -> None:
        """Wait for *timer* in place of what the task waited for; None for nothing."""
        if timer is None:
            self._timers.pop(id, None)
        else:
            self._timers[id] = timer
        self._moments.put(id, None if timer is None or timer.at >= _LAST else timer.at + MICROSECOND)

    def _first(self, timers: Iterable[_Timer], until: datetime | None) -> _Timer | None:
        """The first of *timers* to wait for; where time stands still since *until*, none: they are crossed or not."""
        for timer in timers:
            if self._has_fired(timer):
                continue
            if until is None:
                return timer
            if timer.at < until:
                self._cross(timer)
        return None

    def _has_fired(self, timer: _Timer) -> bool:
        return bool(self._fired.get(timer.id, 0) >> timer.level & 1) or (timer.id, timer.level) in self._crossed

    def _cross(self, timer: _Timer) -> None:
        if not self._has_fired(timer):
            self._crossed[timer.id, timer.level] = timer.crossing()


def _read_fired(fired: object) -> dict[str, int]:
    if not isinstance(fired, Mapping):
        hint = 'give back what fired gave, such as {"T-1": ["at_risk"]}'
        raise InvalidDocument.because(f"expected thresholds by task, got {type(fired).__name__}", hint, "fired")
    if odd := [id for id in fired if not isinstance(id, str)]:
        raise InvalidDocument.because(f"expected the id of a task, got {type(odd[0]).__name__}", "a string", "fired")
    return {id: _levels(id, thresholds) for id, thresholds in fired.items()}


def _levels(id: str, thresholds: object) -> int:
    levels, words = 0, [thresholds] if isinstance(thresholds, str) else thresholds
    if not isinstance(words, Iterable):
        hint = "a list of " + ", ".join(THRESHOLDS)
        raise InvalidDocument.because(f"expected thresholds, got {type(words).__name__}", hint, f"fired[{id!r}]")
    for word in words:
        if word not in THRESHOLDS:
            hint = "one of " + ", ".join(THRESHOLDS)
            what = repr(word[:40]) if isinstance(word, str) else f"a value of type {type(word).__name__}"
            raise InvalidDocument.because(f"{what} is no threshold", hint, f"fired[{id!r}]")
        levels |= 1 << THRESHOLDS.index(SlaStatus(word))
    return levels
