"""The result of one step, as it is shown to people and programs."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import attrs

from taskorch.core.outcomes import Outcome
from taskorch.core.times import write_time
from taskorch.errors import OutputNotStorable


@attrs.frozen
class StepFault:
    """The last error of a step.

    Attributes:
        type: The name of the exception's class.
        message: Its text.
        exception: The error itself with its traceback; None in a result that was read from a store.
    """

    type: str
    message: str
    exception: BaseException | None = attrs.field(default=None, eq=False, repr=False)

    def __reduce__(self) -> tuple[object, ...]:
        return StepFault, (self.type, self.message)  # an exception may be anything, and goes nowhere else

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else self.type


@attrs.frozen(kw_only=True)
class StepResult:
    """What became of one step.

    Attributes:
        id: The step.
        name: What people call it.
        status: How it ended.
        output: What its body returned; None if it did not complete.
        error: Its last error, or None.
        reason: Why it was not run, or not tried again.
        attempts: How often its body was tried.
        started_at: When the first attempt began.
        ended_at: When the last one ended.
        duration: The time spent in its body over all attempts, in seconds.
    """

    id: str
    name: str
    status: Outcome
    output: Any  # Any: whatever the body returned
    error: StepFault | None
    reason: str | None
    attempts: int
    started_at: datetime | None
    ended_at: datetime | None
    duration: float
    _form: Callable[[], Any] = attrs.field(eq=False, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The step as D4's result document shows it; times in ms.

        Raises:
            OutputNotStorable: The run had no store, and the output has no JSON form.
        """
        return {
            "id": self.id,
            "name": self.name,
            "status": self.status.value,
            "startTime": self.started_at and write_time(self.started_at),
            "endTime": self.ended_at and write_time(self.ended_at),
            "duration": round(self.duration * 1000),
            "output": self._form(),
            "error": self.error and {"type": self.error.type, "message": self.error.message},
            "attempts": self.attempts,
        } | ({"reason": self.reason} if self.reason else {})


class Form:
    """The JSON form of an output, made when it is asked for; a copy in another process keeps what it was."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __call__(self) -> Any:  # Any: JSON data
        """The form; ``OutputNotStorable`` if there is none."""
        return self._make()

    def __reduce__(self) -> tuple[object, ...]:
        try:
            return _Kept, (self._make(), None)
        except OutputNotStorable as error:
            return _Kept, (None, error)


class _Kept:
    """The JSON form of an output as it was found, or why there is none."""

    def __init__(self, form: Any, error: OutputNotStorable | None) -> None:
        self._form, self._error = form, error

    def __call__(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._form
