"""The alerts of a run (D4, "Notifications and Alerts"): what they watch, when to look again, and what was raised.

Nobody polls. While a step runs, nothing but ``step.duration`` changes by itself, and a condition can only change its
answer where that passes what it is compared with. So a condition is asked when an attempt begins, at those instants,
and when a step ends; each time as of that very instant, however late whoever holds the timer comes.

An alert whose condition says something of ``step`` is raised once for each step it holds for. Any other tells of the
whole run, and is raised once.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from heapq import heappop, heappush
from math import floor

import attrs

from taskorch.core.expressions import ALERTS, Condition, parse
from taskorch.core.messages import fill_message
from taskorch.core.run_data import RunView
from taskorch.core.settings import Alert
from taskorch.core.times import LONGEST, MICROSECOND, instant
from taskorch.errors import UndecidableCondition

_DURATION = ("step", "duration")
_LONGEST = LONGEST // MICROSECOND


@attrs.frozen(kw_only=True)
class RaisedAlert:
    """An alert that was raised.

    Attributes:
        task_id: The run.
        alert: Its number among the alerts of the workflow, from 0.
        step: The id of the step it tells of; of the one that ran or ended where it tells of the whole run.
        severity: How bad it is, in the workflow's word.
        message: What is said, filled in; the condition where the alert has no message.
        condition: What came true.
        at: When.
        undecided: Why the condition could not be decided, in which case it did not come true; None if it did.
    """

    task_id: str
    alert: int
    step: str
    severity: str
    message: str
    condition: str
    at: datetime
    undecided: str | None = None


@attrs.frozen
class _Watched:
    """An alert with its condition compiled."""

    number: int
    alert: Alert
    condition: Condition
    is_of_step: bool
    is_timed: bool

    @classmethod
    def of(cls, number: int, alert: Alert) -> "_Watched":
        condition = parse(alert.condition, ALERTS)
        paths = condition.fields
        return cls(number, alert, condition, any(path[0] == "step" for path in paths), _DURATION in paths)

    def turns(self, run: RunView, step: str, now: int) -> Iterator[int]:
        """The durations of *step*, in microseconds, at which its condition may change its answer, as seen *now*."""
        for bound in self.condition.bounds(_DURATION, run.at(now, step)):
            if -1 <= bound <= _LONGEST / 1000:
                turn = floor(bound * 1000)
                yield turn
                yield turn + 1  # for what asks for more


class AlertWatch:
    """Which alerts of a run are raised, and when to look again. Times are microseconds since 1970."""

    def __init__(self, alerts: Sequence[Alert], run: RunView) -> None:
        """A watch for *alerts*, of which none was raised yet, over what there is to see of *run*."""
        self._run = run
        self._watched = [_Watched.of(number, alert) for number, alert in enumerate(alerts)]
        self._done: set[tuple[int, str | None]] = set()  # what was raised: alerts, and of which step
        self._undecided: set[int] = set()
        self._running: set[str] = set()
        self._has_begun = False
        self._next: dict[tuple[str, int], int] = {}  # when to ask each alert about each step
        self._timers: list[tuple[int, str, int]] = []  # a heap of those, some of them outdated

    def remember(self, raised: RaisedAlert) -> None:
        """Take over what was raised before the run was resumed; it is not raised again."""
        if raised.undecided is not None:
            self._undecided.add(raised.alert)
        elif raised.alert < len(self._watched):
            self._done.add(self._key(self._watched[raised.alert], raised.step))

    def started(self, step: str, at: int) -> list[RaisedAlert]:
        """An attempt of *step* began, as can be seen by now: what is raised by that."""
        self._running.add(step)
        asked = [watched for watched in self._watched if watched.is_of_step or not self._has_begun]
        self._has_begun = True
        return [raised for watched in asked for raised in self._look(watched, step, at)]

    def ended(self, step: str, at: int) -> list[RaisedAlert]:
        """An attempt of *step* ended, or it will never run, as can be seen by now: what is raised by that."""
        has_run = step in self._running
        self._running.discard(step)
        raised: list[RaisedAlert] = []
        for watched in self._watched:
            self._next.pop((step, watched.number), None)
            is_named = step in watched.condition.steps
            if has_run if watched.is_of_step else is_named:
                raised += self._look(watched, step, at)
            if watched.is_of_step and is_named:
                for other in sorted(self._running):
                    raised += self._look(watched, other, at)
        return raised

    def due(self, now: int) -> list[RaisedAlert]:
        """What time alone has raised up to *now*, each as of its own instant."""
        raised: list[RaisedAlert] = []
        while (at := self.next_due()) is not None and at <= now:
            _, step, number = heappop(self._timers)
            del self._next[step, number]
            raised += self._look(self._watched[number], step, at)
        return raised

    def next_due(self) -> int | None:
        """When ``due`` should be asked next, or None."""
        timers = self._timers
        while timers and self._next.get(timers[0][1:]) != timers[0][0]:
            heappop(timers)
        return timers[0][0] if timers else None

    def _key(self, watched: _Watched, step: str) -> tuple[int, str | None]:
        return watched.number, step if watched.is_of_step else None

    def _look(self, watched: _Watched, step: str, at: int) -> Iterator[RaisedAlert]:
        """Ask the condition of an alert about a step as of *at*; if it does not hold, set the timer anew."""
        if self._key(watched, step) in self._done:
            return
        try:
            holds = watched.condition.is_met(self._run.steps.outcome_of, self._run.at(at, step))
        except UndecidableCondition as error:
            holds = False
            if watched.number not in self._undecided:
                self._undecided.add(watched.number)
                yield self._raised(watched, step, at, str(error))
        if holds:
            self._done.add(self._key(watched, step))
            self._next.pop((step, watched.number), None)
            yield self._raised(watched, step, at)
        elif watched.is_timed and step in self._running:
            self._set_timer(watched, step, at)

    def _set_timer(self, watched: _Watched, step: str, at: int) -> None:
        spent = self._run.steps.duration_of(step, at) or 0
        turn = min((turn for turn in watched.turns(self._run, step, at) if turn > spent), default=None)
        if turn is None:
            self._next.pop((step, watched.number), None)
        elif self._next.get((step, watched.number)) != at + turn - spent:
            self._next[step, watched.number] = at + turn - spent
            heappush(self._timers, (at + turn - spent, step, watched.number))

    def _raised(self, watched: _Watched, step: str, at: int, undecided: str | None = None) -> RaisedAlert:
        alert = watched.alert
        return RaisedAlert(
            task_id=self._run.id,
            alert=watched.number,
            step=step,
            severity=alert.severity,
            message=fill_message(alert.message, self._run.at(at, step)) or watched.condition.text,
            condition=watched.condition.text,
            at=instant(at),
            undecided=undecided,
        )
