"""The operator must act: a store, a machine or a dispatcher is in trouble."""

from taskorch.errors.root import OperatorError, quoted


class StoreError(OperatorError):
    """A store could not do what it was asked; whether it did is said by the subclass.

    Attributes:
        store: The store, by the name it was opened with.
    """

    def __init__(self, store: str, message: str) -> None:
        self.store = store
        super().__init__(f"store {quoted(store).removesuffix(':')}: {message}")  # memory: has a colon of its own


class StoreUnreadable(StoreError):
    """What was opened is not a store of taskorch, or of another schema version, or cannot be opened."""


class StoreUnavailable(StoreError):
    """The outcome of a call is unknown; the same call may be made again, and has the effect of one.

    A disk that is full or fails, a server that is away. A run bears it for four to five minutes before it raises this;
    nothing that was recorded is lost then, and the same call with the same ``run_id`` goes on.
    """


class StaleLease(OperatorError):
    """Another owner has taken over the run, so this one may no longer write to it.

    Its bodies were stopped; what it had recorded before is kept. Nothing has to be mended: the other one carries the
    run on. If that happens often, something stops this process for longer than a lease lives (30 s).

    Attributes:
        run_id: The run.
        epoch: The epoch that was refused.
    """

    def __init__(self, run_id: str, epoch: int) -> None:
        self.run_id, self.epoch = run_id, epoch
        super().__init__(
            f"run {run_id!r} was taken over by another owner, so epoch {epoch} may no longer write to it; what was "
            "recorded is kept, and the same call with the same run_id gives its result once the other one has ended"
        )


class PoisonedRun(OperatorError):
    """A run is not begun: one process after the other was lost that had taken it up and recorded nothing.

    Attributes:
        run_id: The run.
        losses: How many were lost in a row.
    """

    def __init__(self, run_id: str, losses: int) -> None:
        self.run_id, self.losses = run_id, losses
        super().__init__(
            f"run {run_id!r} was not begun: {losses} processes in a row were lost that had taken it up and recorded "
            "nothing; find out what ends them, then run it again"
        )


class DispatcherLost(OperatorError):
    """A dispatcher lost the worker that ran a job; whether the body ended is unknown.

    Attributes:
        step: The id of the step.
    """

    def __init__(self, step: str, message: str) -> None:
        self.step = step
        super().__init__(f"the worker of step {step!r} was lost: {message}")


class AuditError(OperatorError):
    """The audit trail cannot be read or written as it should.

    Attributes:
        path: The file.
    """

    def __init__(self, path: str, message: str) -> None:
        self.path = path
        super().__init__(f"audit file {quoted(path)}: {message}")


class AuditBusy(AuditError):
    """Another writer holds the file; two of them would break its chain."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "is written by another AuditLog; close that one, share it, or use another file")


class AuditDamaged(AuditError):
    """The file is not the chain that was written; nothing is appended to it.

    Attributes:
        line: The first line that is wrong, counted from 1; 0 for the last one where lines were not counted.
        fault: The kind of fault, a word of ``taskorch.core.audit.Fault``.
    """

    def __init__(self, path: str, line: int, fault: str, message: str) -> None:
        self.line, self.fault = line, fault
        where = f"line {line}" if line else "its last line"
        is_key = fault == "key"  # a mistake of whoever opens the file, and no damage
        advice = "open it as it was written" if is_key else "keep the file as evidence, and begin another"
        super().__init__(path, f"{where} {message}; {advice}")
