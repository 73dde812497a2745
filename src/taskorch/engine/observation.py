"""Telling observers what has happened, without letting them hurt the run."""

import logging
from collections.abc import Iterable, Sequence

from taskorch.core.alerts import RaisedAlert
from taskorch.core.events import Event
from taskorch.core.frontier.alarms import Alarms
from taskorch.core.frontier.facts import CANCEL, CREATED, FAIL, NEXT, STATES, VERBS, Fact
from taskorch.core.frontier.plan import Plan
from taskorch.core.runs import ACTOR
from taskorch.core.times import instant
from taskorch.protocols import Observer

_LOG = logging.getLogger("taskorch")


class Observation:
    """Turns the facts of one run into events for its observers.

    Attributes:
        alarms: What raises alerts about the run, or None if it has none; whoever has made it says so here.
    """

    def __init__(self, observers: Iterable[Observer], run_id: str, plan: Plan) -> None:
        self._observers = list(observers)
        self._run_id, self._plan = run_id, plan
        self._states = bytearray([CREATED]) * len(plan.steps)
        self.alarms: Alarms | None = None

    def __bool__(self) -> bool:
        return bool(self._observers)

    def skip(self, facts: Sequence[Fact]) -> None:
        """Take note of facts that were heard in an earlier life of the run."""
        for step, verb, *_ in facts:
            self._states[step] = NEXT[self._states[step]][verb]
        if self.alarms is not None:
            self.alarms.replay(facts)

    def publish(self, facts: Sequence[Fact]) -> None:
        """Tell what has happened to steps, in order."""
        alarms = self.alarms
        for fact in facts if self._observers else ():
            if alarms is None:
                self.tell(self._event(fact))
                continue
            for raised in alarms.before(fact):
                self.tell(raised)
            self.tell(self._event(fact))
            for raised in alarms.after(fact):
                self.tell(raised)

    def look(self, now: int) -> None:
        """Tell of the alerts that time alone has raised up to *now*."""
        for raised in self.alarms.due(now) if self.alarms is not None else ():
            self.tell(raised)

    def tell(self, event: Event | RaisedAlert) -> None:
        """Tell one event, or alert, to all; an observer that raises is removed, and the fault is logged."""
        for observer in list(self._observers):
            try:
                observer(event)
            except Exception:  # noqa: BLE001 - whatever an observer raises, the run goes on
                self._observers.remove(observer)
                _LOG.exception("an observer raised and was removed")

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
