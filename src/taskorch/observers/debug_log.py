"""What a workflow in debug mode tells of its run (D4, "Debug Mode")."""

import logging
from collections.abc import Callable
from reprlib import Repr
from typing import Any, Final

from taskorch.core.events import Event
from taskorch.core.frontier.explanation import Explanation
from taskorch.core.settings import Debug
from taskorch.core.states import Verb
from taskorch.core.visible_text import visible

VERBOSE: Final = 5
"""The level below DEBUG at which every small move is told."""
OUTPUT_TOLD: Final = 2000
"""So many characters of an output are told."""

_THRESHOLDS = {
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "verbose": VERBOSE,
}
_LEVELS: dict[str, int] = {
    Verb.ENQUEUE: logging.DEBUG,
    Verb.START: logging.DEBUG,
    Verb.RETRY: logging.DEBUG,
    Verb.UNBLOCK: logging.DEBUG,
    Verb.SCHEDULE: VERBOSE,
    Verb.FAIL: logging.ERROR,
}
"""How serious what happened is; anything else is INFO."""
_DECISIONS = frozenset({Verb.ENQUEUE, Verb.CANCEL, Verb.BLOCK, Verb.FAIL, Verb.COMPLETE})
"""What is explained."""


class DebugLog:
    """Writes what happens in one run to a logger, as its workflow's ``debug`` asks for.

    How much is told is for this run alone: neither the logger's level nor any other is looked at or changed.
    The host's handlers and filters have their say, and so has ``logging.disable``.
    """

    def __init__(self, debug: Debug, logger: logging.Logger | None = None) -> None:
        """A log for a run; *logger* is the one named ``taskorch`` by default."""
        self._logger = logger or logging.getLogger("taskorch")
        self._threshold = _THRESHOLDS[debug.log_level or "debug"]
        self._explains, self._shows = bool(debug.trace_dependencies), bool(debug.capture_outputs)
        self._repr = Repr()
        self._repr.maxstring = self._repr.maxother = OUTPUT_TOLD

    def __call__(self, event: Event, output: Any, explain: Callable[[], Explanation]) -> None:
        """Tell what has happened.

        Args:
            event: What.
            output: What the body returned, or the text that is kept of it, if the event tells of a completion.
                Any: whatever a body returns.
            explain: Makes the explanation of the step, if it is about one, as it stands after the event.
        """
        level = _level(event)
        if level < self._threshold or self._logger.disabled or self._logger.manager.disable >= level:
            return
        told = f"{event.verb}, now {event.state}{f' ({event.reason})' if event.reason else ''}"
        if self._explains and event.step is not None and event.verb in _DECISIONS:
            told += f": {explain().reason}"
        if self._shows and event.step is not None and event.verb is Verb.COMPLETE:
            told += f"; output: {self._shown(output)}"
        subject = event.task_id if event.step is None else f"{event.task_id}/{event.step}"
        extra = {
            "task_id": event.task_id,
            "step": event.step,
            "verb": event.verb.value,
            "state": event.state.value,
            "attempt": event.attempt,
        }
        arguments = (subject, visible(told))
        self._logger.handle(
            self._logger.makeRecord(self._logger.name, level, __file__, 0, "%s: %s", arguments, None, "DebugLog", extra)
        )

    def _shown(self, output: Any) -> str:  # Any: whatever a body returns
        text = output if isinstance(output, str) else self._repr.repr(output)
        return (
            text if len(text) <= OUTPUT_TOLD else f"{text[:OUTPUT_TOLD]}… ({len(text) - OUTPUT_TOLD} more characters)"
        )


def _level(event: Event) -> int:
    """How serious it is: a failure that is tried again, and a step that is cut off, are warnings."""
    if event.verb is Verb.FAIL and event.retry_at is not None:
        return logging.WARNING
    if event.verb is Verb.CANCEL and event.reason not in ("skipped", "omitted"):
        return logging.WARNING
    return _LEVELS.get(str(event.verb), logging.INFO)
