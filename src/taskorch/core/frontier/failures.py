"""Errors as facts: what is kept of an exception."""

from typing import TypedDict

from taskorch.errors import StepFailed

MESSAGE_LIMIT = 4096
"""The longest message that is kept, in characters."""


class Failure(TypedDict, total=False):
    """The detail of a ``fail``: what is known of an error once the exception is gone.

    ``retry_at`` (microseconds) is there only if another attempt follows; ``reason`` says why there is none,
    or that the attempt did not count.
    """

    type: str
    message: str
    reason: str
    retry_at: int
    status: int


def failure_of(error: BaseException) -> Failure:
    """What is kept of *error*: its type, its message within ``MESSAGE_LIMIT``, the exit status of a command."""
    try:
        message = _told(error)
    except Exception as fault:  # noqa: BLE001 - an exception whose text cannot be made is still a failure
        message = f"(its text cannot be shown: {type(fault).__name__})"
    if len(message) > MESSAGE_LIMIT:
        message = message[:MESSAGE_LIMIT] + f"… ({len(message) - MESSAGE_LIMIT} more characters)"
    message = message.encode("utf-8", "replace").decode()
    failure = Failure(type=type(error).__name__, message=message)
    if isinstance(error, StepFailed) and error.status is not None:
        failure["status"] = error.status
    return failure


def _told(error: BaseException) -> str:
    """The text of an error; of a group, that of all it holds."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(f"{type(inner).__name__}: {_told(inner)}" for inner in error.exceptions)
    return str(error)
