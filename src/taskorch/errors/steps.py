"""The author of a step must look at its body; and what a body may raise to say how to go on."""

from collections.abc import Sequence

from taskorch.errors.documents import InvalidPolicy
from taskorch.errors.root import TaskorchError


class StepError(TaskorchError):
    """Something is wrong with a step or its body.

    Attributes:
        step: The id of the step.
        retryable: Whether another attempt could help.
    """

    retryable = True

    def __init__(self, step: str, message: str) -> None:
        self.step = step
        super().__init__(f"step {step!r} {message}")


class StepFailed(StepError):
    """A command ended badly, or could not be started.

    Attributes:
        status: The exit status; negative for the signal that ended it; None if it never started, and then
            another attempt would not start either.
        stderr: The end of what it wrote to its standard error.
    """

    def __init__(self, step: str, message: str, status: int | None = None, stderr: str = "") -> None:
        self.status, self.stderr = status, stderr
        self.retryable = status is not None
        super().__init__(step, message + (f"; it said: {stderr}" if stderr else ""))


class StepCancelled(StepError):
    """A body was stopped because its run was cancelled."""

    retryable = False

    def __init__(self, step: str) -> None:
        super().__init__(step, "was stopped: its run was cancelled")


class StepTimeout(StepError):
    """An attempt took longer than the step's timeout, and was stopped.

    Attributes:
        seconds: The timeout.
    """

    def __init__(self, step: str, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(step, f"took longer than its timeout of {seconds:g} s")


class CircuitOpen(StepError):
    """The target of a step has failed so often that it is left alone for a while.

    Attributes:
        target: The target, as the step or its program names it.
    """

    retryable = False

    def __init__(self, step: str, target: str) -> None:
        self.target = target
        super().__init__(step, f"was not tried: the circuit of its target {target!r} is open; see whether it is up")


class MissingOutput(StepError):
    """A step needs the output of one that did not complete, and has no default for it.

    Attributes:
        source: The step whose output is absent.
    """

    retryable = False

    def __init__(self, step: str, source: str, message: str = "") -> None:
        self.source = source
        wanted = f"needs the output of {source!r}, which did not complete; give the parameter a default"
        super().__init__(step, message or wanted)


class OutputNotStorable(StepError):
    """What a body returned cannot be written down, so nothing may depend on it."""

    retryable = False


class RunFailed(TaskorchError):
    """A run did not complete; raised by ``RunResult.check()``.

    Attributes:
        run_id: The run.
        failures: The id of each failed step with the message of its last error.
        reason: Why the run was cut short, or None.
    """

    def __init__(
        self, run_id: str, status: str, failures: Sequence[tuple[str, str]], reason: str | None = None
    ) -> None:
        self.run_id, self.failures, self.reason = run_id, tuple(failures), reason
        head = f"run {run_id!r} ended as {status}" + (f" ({reason})" if reason else "")
        lines = [head, *(f"{step}: {message}" for step, message in self.failures)]
        super().__init__("\n  ".join(lines))


class NonRetryable(TaskorchError):
    """Raised by a body (or wrapped around a cause) to say that no further attempt can help."""


class RetryAfter(TaskorchError):
    """Raised by a body to ask for the next attempt after a time of its own choosing.

    Attributes:
        seconds: The wait before the next attempt.

    Raises:
        InvalidPolicy: *seconds* is no number, nor the text of one; it is a ``ValueError`` as well.
    """

    def __init__(self, seconds: float, message: str = "") -> None:
        try:
            self.seconds = float(seconds)
        except (TypeError, ValueError, OverflowError):
            raise InvalidPolicy.because("is no number of seconds", "give one such as 30", "seconds") from None
        super().__init__(message or f"try again in {self.seconds:g} s")
