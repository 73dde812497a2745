"""Telling observers what has happened, without letting them hurt the run."""

import logging
from collections.abc import Iterable, Sequence

from taskorch.core.events import Event
from taskorch.core.frontier.facts import CANCEL, CREATED, FAIL, NEXT, STATES, VERBS, Fact
from taskorch.core.frontier.plan import Plan
from taskorch.core.runs import ACTOR
from taskorch.core.times import instant
from taskorch.protocols import Observer

_LOG = logging.getLogger("taskorch")


class Observation:
    """Turns the facts of one run into events for its observers."""

    def __init__(self, observers: Iterable[Observer], run_id: str, plan: Plan) -> None:
        self._observers = list(observers)
        self._run_id, self._plan = run_id, plan
        self._states = bytearray([CREATED]) * len(plan.steps)

    def __bool__(self) -> bool:
        return bool(self._observers)

    def skip(self, facts: Iterable[Fact]) -> None:
        """Take note of facts that were heard in an earlier life of the run."""
        for step, verb, *_ in facts:
            self._states[step] = NEXT[self._states[step]][verb]

    def publish(self, facts: Sequence[Fact]) -> None:
        """Tell what has happened to steps, in order."""
        for fact in facts if self._observers else ():
            self.tell(self._event(fact))

    def tell(self, event: Event) -> None:
        """Tell one event to all; an observer that raises is removed, and the fault is logged."""
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
