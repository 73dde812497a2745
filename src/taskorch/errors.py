"""Every error taskorch raises: one root, grouped by who must act.

``CallerError``: the host program or the author of a document asked for something that cannot be done.
``StepError``: the author of a step must look at its body. ``OperatorError``: whoever runs the store, the
machine or a dispatcher must look. Errors carry their data as attributes, so nobody parses their text, and
they never hold environment values, argument vectors or secrets.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self


class TaskorchError(Exception):
    """The root of every error raised by taskorch. All of them can be copied and pickled."""

    def __reduce__(self) -> tuple[object, ...]:
        # The constructors take data, not the message that the default would call them with.
        return _restore, (type(self), self.args, self.__dict__)


def _restore(cls: type[TaskorchError], args: tuple[object, ...], data: dict[str, object]) -> TaskorchError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(data)
    return error


# --- the caller must act ---------------------------------------------------------------------------------


class CallerError(TaskorchError):
    """A request that cannot be carried out as it was made."""


class Problem(NamedTuple):
    """One thing that is wrong with a document.

    Attributes:
        path: Where, as ``workflow.steps[2].timeout``; empty for the document as a whole.
        message: What is wrong there.
        hint: How to mend it, or an empty string.
        line: The line in the text (1-based), where the document was read from text.
    """

    path: str
    message: str
    hint: str = ""
    line: int | None = None

    def __str__(self) -> str:
        where = self.path or "document"
        if self.line is not None:
            where += f" (line {self.line})"
        return f"{where}: {self.message}" + (f" ({self.hint})" if self.hint else "")


class InvalidDocument(CallerError):
    """A document was refused; nothing of it was taken over.

    Attributes:
        problems: Everything that is wrong, in the order of the document.
        source: The name of the file, or None.
    """

    noun = "document"

    def __init__(self, problems: Iterable[Problem], source: str | None = None) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        self.source = source
        super().__init__()

    @classmethod
    def because(cls, message: str, hint: str = "", path: str = "", source: str | None = None) -> Self:
        """The error with a single problem."""
        error = cls([Problem(path, message, hint)])
        error.source = source
        return error

    def __str__(self) -> str:
        count = len(self.problems)
        head = f"invalid {self.noun}" + (f" {self.source}" if self.source else "")
        return "\n  ".join([f"{head}: {count} problem{'s' * (count != 1)}", *map(str, self.problems)])


class InvalidTask(InvalidDocument):
    """A task's document was refused."""

    noun = "task"


class InvalidWorkflow(InvalidDocument):
    """A workflow was refused, as a document or as built in Python."""

    noun = "workflow"


class CycleError(InvalidWorkflow):
    """The links of a workflow form a circle, so that no order of its events exists.

    Attributes:
        cycle: The ids of the steps on one such circle, in order.
    """

    def __init__(self, problems: Iterable[Problem], cycle: Sequence[str], source: str | None = None) -> None:
        super().__init__(problems, source)
        self.cycle = tuple(cycle)


class UnsupportedFeature(CallerError):
    """A workflow needs what this version reads and keeps but cannot carry out.

    Attributes:
        features: The paths of the fields concerned.
    """

    def __init__(self, name: str, features: Iterable[str]) -> None:
        self.features = tuple(features)
        super().__init__(
            f"workflow {name!r} needs what this version of taskorch cannot run yet: {', '.join(self.features)}; "
            "remove these fields, or run it with a version that supports them"
        )


class IllegalTransition(CallerError):
    """A verb has no row in the transition table for the state the task is in.

    Attributes:
        id: The task's id.
        state: The state it is in.
        verb: The verb that was asked for.
        legal: The verbs that this state allows.
    """

    def __init__(self, id: str, state: str, verb: str, legal: Iterable[str]) -> None:
        self.id, self.state, self.verb = id, state, verb
        self.legal = tuple(legal)
        allowed = ", ".join(self.legal) if self.legal else "none, it is final"
        super().__init__(f"can't {verb} when {state} (task {id}; legal verbs: {allowed})")


class InvalidParameters(CallerError):
    """The values given for a run do not fit the workflow.

    Attributes:
        problems: What is wrong, one sentence each.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


class WorkflowChanged(CallerError):
    """The run id belongs to a run that was started with another definition, params or context.

    Attributes:
        run_id: The run.
        what: Which part differs: ``definition``, ``params`` or ``context``.
    """

    def __init__(self, run_id: str, what: str) -> None:
        self.run_id, self.what = run_id, what
        super().__init__(
            f"run {run_id!r} was started with another {what}; give the same one to go on with it, "
            "or another run id for a new run"
        )


class RunBusy(CallerError):
    """Another living owner holds the run, or the store it lives in.

    Attributes:
        subject: The run or the store.
        owner: Who holds it, as it named itself.
    """

    def __init__(self, subject: str, owner: str) -> None:
        self.subject, self.owner = subject, owner
        super().__init__(f"{subject} is held by {owner}; wait until it has ended, stop it, or use another store")


# --- the author of the step must act ---------------------------------------------------------------------


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


class StepTimeout(StepError):
    """An attempt took longer than the step's timeout, and was stopped.

    Attributes:
        seconds: The timeout.
    """

    def __init__(self, step: str, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(step, f"took longer than its timeout of {seconds:g} s")


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
        seconds: The wait before the next attempt; ``ValueError`` or ``TypeError`` if that is no number.
    """

    def __init__(self, seconds: float, message: str = "") -> None:
        self.seconds = float(seconds)
        super().__init__(message or f"try again in {self.seconds:g} s")


# --- the operator must act -------------------------------------------------------------------------------


class OperatorError(TaskorchError):
    """Something around the program is broken: a store, a worker, a machine."""


class StoreError(OperatorError):
    """A store could not do what it was asked; whether it did is said by the subclass.

    Attributes:
        store: The store, by the name it was opened with.
    """

    def __init__(self, store: str, message: str) -> None:
        self.store = store
        super().__init__(f"store {store}: {message}")


class StoreUnreadable(StoreError):
    """What was opened is not a store of taskorch, or of another schema version, or cannot be opened."""


class StoreUnavailable(StoreError):
    """The outcome of a call is unknown; the same call may be made again."""


class StaleLease(OperatorError):
    """Another owner has taken over the run, so this one may no longer write to it.

    Attributes:
        run_id: The run.
        epoch: The epoch that was refused.
    """

    def __init__(self, run_id: str, epoch: int) -> None:
        self.run_id, self.epoch = run_id, epoch
        super().__init__(f"run {run_id!r} was taken over by another owner; epoch {epoch} may no longer write to it")


class DispatcherLost(OperatorError):
    """A dispatcher lost the worker that ran a job; whether the body ended is unknown.

    Attributes:
        step: The id of the step.
    """

    def __init__(self, step: str, message: str) -> None:
        self.step = step
        super().__init__(f"the worker of step {step!r} was lost: {message}")
