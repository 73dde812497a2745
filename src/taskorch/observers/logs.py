"""Events as records of the standard logging."""

import logging

from taskorch.core.events import Event
from taskorch.core.states import State

_LEVELS = {State.FAILED: logging.WARNING, State.BLOCKED: logging.WARNING}


class LogObserver:
    """Logs each event; failures and blocks as warnings, everything else as info.

    The facts are attributes of the record too (``task_id``, ``step``, ``verb``, ``state``, ``attempt``), so
    that a host may render them as it likes.
    """

    def __init__(self, logger: logging.Logger | None = None) -> None:
        """An observer that writes to *logger*, by default the one named ``taskorch.events``."""
        self._logger = logger or logging.getLogger("taskorch.events")

    def __call__(self, event: Event) -> None:
        """Log *event*."""
        subject = event.task_id if event.step is None else f"{event.task_id}/{event.step}"
        self._logger.log(
            _LEVELS.get(event.state, logging.INFO),
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
