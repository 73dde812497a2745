"""The operator must act: a store, a machine or a dispatcher is in trouble."""

from taskorch.errors.root import OperatorError


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
