"""Events in words: one line for whatever a person would like to hear of a run."""

from datetime import datetime

from taskorch.cli.screen import shown
from taskorch.cli.tables import PLAIN_FAILURES, spoken
from taskorch.core.alerts import RaisedAlert
from taskorch.core.events import Event
from taskorch.core.outcomes import Outcome
from taskorch.core.states import Verb


class Words:
    """Puts the events of one run into words."""

    def __init__(self) -> None:
        self._began: dict[str, datetime] = {}

    def line(self, event: Event | RaisedAlert) -> str | None:
        """The line for *event*, or None if it is of no interest."""
        if isinstance(event, RaisedAlert):
            return f"{event.step}: {shown(event.severity, 40)}: {shown(event.undecided or event.message, 200)}"
        step = event.step
        if step is None:
            return None
        match event.verb:
            case Verb.START | Verb.RETRY:
                self._began[step] = event.at
                return f"{step}: started" + (f", attempt {event.attempt}" if event.attempt > 1 else "")
            case Verb.COMPLETE:
                return f"{step}: completed{self._after(step, event.at)}"
            case Verb.FAIL:
                return f"{step}: failed{self._after(step, event.at)}{_because(event.reason)}"
            case Verb.CANCEL if event.reason in (Outcome.SKIPPED, Outcome.OMITTED):
                return f"{step}: {event.reason}"
            case Verb.CANCEL:
                return f"{step}: cancelled{_because(event.reason)}"
        return None

    def _after(self, step: str, at: datetime) -> str:
        began = self._began.pop(step, None)
        return "" if began is None else f" after {spoken((at - began).total_seconds())}"


def _because(reason: str | None) -> str:
    return f" ({shown(reason, 200)})" if reason and reason not in PLAIN_FAILURES else ""
