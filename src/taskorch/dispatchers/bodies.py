"""What is asked of a job by every dispatcher that runs Python."""

from collections.abc import Callable

from taskorch.errors import StepFailed
from taskorch.protocols import Job


def body_of(job: Job) -> Callable[[], object]:
    """The Python body of a job.

    Raises:
        StepFailed: The job is a command, which only ``CommandDispatcher`` runs.
    """
    if job.call is None:
        raise StepFailed(job.step_id, "cannot start: it is a command, and this dispatcher runs Python")
    return job.call


def is_awaitable(value: object) -> bool:
    """Whether a body's result is still to be awaited (the type is asked: a mock has every attribute)."""
    return hasattr(type(value), "__await__")
