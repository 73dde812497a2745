"""Telling observers what has happened, without letting them hurt the run."""

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

from taskorch.core.alerts import RaisedAlert
from taskorch.core.events import Event
from taskorch.core.frontier.alarms import Alarms
from taskorch.core.frontier.explanation import Explanation, explain
from taskorch.core.frontier.facts import CANCEL, COMPLETE, CREATED, FAIL, NEXT, STATES, VERBS, Fact
from taskorch.core.frontier.fold import Fold
from taskorch.core.frontier.plan import Plan
from taskorch.core.runs import ACTOR
from taskorch.core.times import instant
from taskorch.protocols import Observer

_LOG = logging.getLogger("taskorch")


# Called with an event, the output if it tells of a completion, and what makes the explanation of its step.
Trace = Callable[[Event, Any, Callable[[], Explanation]], object]  # Any: whatever a body returns


class Traced(NamedTuple):
    """Somebody who is told explanations, and a fold that has come exactly as far as what was told.

    The frontier itself may be ahead of it: what is told is safe before.
    """

    trace: Trace
    fold: Fold


class Observation:
    """Turns the facts of one run into events for its observers.

    Attributes:
        alarms: What raises alerts about the run, or None if it has none; whoever has made it says so here.
    """

    def __init__(self, observers: Iterable[Observer], run_id: str, plan: Plan, traced: Traced | None = None) -> None:
        self._observers = list(observers)
        self._run_id, self._plan, self._traced = run_id, plan, traced
        self._states = bytearray([CREATED]) * len(plan.steps)
        self.alarms: Alarms | None = None

    def __bool__(self) -> bool:
        return bool(self._observers) or self._traced is not None

    def skip(self, facts: Sequence[Fact]) -> None:
        """Take note of facts that were heard in an earlier life of the run."""
        for step, verb, _, _, _ in facts if self else ():
            self._states[step] = NEXT[self._states[step]][verb]
        if self.alarms is not None:
            self.alarms.replay(facts)
        if self._traced is not None:
            self._traced.fold.replay(facts)

    def publish(self, facts: Sequence[Fact]) -> None:
        """Tell what has happened to steps, in order."""
        alarms = self.alarms
        for fact in facts if self else ():
            for raised in alarms.before(fact) if alarms is not None else ():
                self.tell(raised)
            self.tell(self._event(fact), fact)
            for raised in alarms.after(fact) if alarms is not None else ():
                self.tell(raised)

    def look(self, now: int) -> None:
        """Tell of the alerts that time alone has raised up to *now*."""
        for raised in self.alarms.due(now) if self.alarms is not None else ():
            self.tell(raised)

    def tell(self, event: Event | RaisedAlert, fact: Fact | None = None) -> None:
        """Tell one event, or alert, to all; an observer that raises is removed, and the fault is logged."""
        if self._traced is not None and isinstance(event, Event):
            self._tell_explained(self._traced, event, fact)
        for observer in list(self._observers):
            try:
                observer(event)
            except Exception:  # noqa: BLE001 - whatever an observer raises, the run goes on
                self._observers.remove(observer)
                _LOG.exception("an observer raised and was removed")

    def _tell_explained(self, traced: Traced, event: Event, fact: Fact | None) -> None:
        try:
            if fact is not None:
                traced.fold.replay((fact,))
            output = fact[4] if fact is not None and fact[1] == COMPLETE else None
            traced.trace(event, output, partial(explain, traced.fold, event.step or ""))
        except Exception:  # noqa: BLE001 - as for observers
            self._traced = None
            _LOG.exception("the log of a run in debug mode raised and was ended")

    def _event(self, fact: Fact) -> Event:
        step, verb, attempt, at, detail = fact
        previous = self._states[step]
        self._states[step] = NEXT[previous][verb]
        reason, retry_at = (detail if verb == CANCEL else None), None
        if verb == FAIL:
            retry_at = detail.get("retry_at")
            code = detail.get("reason")
            reason = detail.get("message") if code in (None, "exhausted", "non_retryable") else code
        return Event(
            task_id=self._run_id,
            step=self._plan.steps[step].id,
            verb=VERBS[verb],
            previous=STATES[previous],
            state=STATES[self._states[step]],
            at=instant(at),
            observed_at=instant(at),
            by=ACTOR,
            reason=reason,
            attempt=attempt,
            retry_at=None if retry_at is None else instant(retry_at),
        )
