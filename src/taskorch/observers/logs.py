"""Events as records of the standard logging."""

import logging

from taskorch.core.alerts import RaisedAlert
from taskorch.core.events import Event
from taskorch.core.states import State

_LEVEL_OF_STATE = {State.FAILED: logging.WARNING, State.BLOCKED: logging.WARNING}
_LEVEL_OF_SEVERITY = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}
"""Severities are words of the workflow; any other is as bad as an error, as somebody took care to name it."""


class LogObserver:
    """Logs each event; failures and blocks as warnings, everything else as info, alerts by their severity.

    The facts are attributes of the record too (``task_id``, ``step``, ``verb``, ``state``, ``attempt``), so
    that a host may render them as it likes.
    """

    def __init__(self, logger: logging.Logger | None = None) -> None:
        """An observer that writes to *logger*, by default the one named ``taskorch.events``."""
        self._logger = logger or logging.getLogger("taskorch.events")

    def __call__(self, event: Event | RaisedAlert) -> None:
        """Log *event*."""
        if isinstance(event, RaisedAlert):
            self._log_alert(event)
            return
        subject = event.task_id if event.step is None else f"{event.task_id}/{event.step}"
        self._logger.log(
            _LEVEL_OF_STATE.get(event.state, logging.INFO),
            "%s: %s, now %s%s",
            subject,
            event.verb,
            event.state,
            f" ({event.reason})" if event.reason else "",
            extra={
                "task_id": event.task_id,
                "step": event.step,
                "verb": event.verb.value,
                "state": event.state.value,
                "attempt": event.attempt,
            },
        )

    def _log_alert(self, raised: RaisedAlert) -> None:
        self._logger.log(
            _LEVEL_OF_SEVERITY.get(raised.severity.lower(), logging.ERROR),
            "%s/%s: alert (%s): %s%s",
            raised.task_id,
            raised.step,
            raised.severity,
            raised.message,
            f" (undecided: {raised.undecided})" if raised.undecided else "",
            extra={"task_id": raised.task_id, "step": raised.step, "severity": raised.severity},
        )
