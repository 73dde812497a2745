"""How the command line ends: its exit codes, and which error leads to which."""

import signal
from enum import IntEnum

from taskorch.errors import OperatorError, StoreUnreadable, TaskorchError


class Exit(IntEnum):
    """What the shell is told."""

    COMPLETED = 0
    """What was asked for is done; the run has completed."""
    FAILED = 1
    """The run has ended, and failed."""
    INVALID = 2
    """What was asked for cannot be done as it was asked; nothing was run."""
    BROKEN = 3
    """The store or the machine failed; the run can be resumed."""
    INTERRUPTED = 128 + signal.SIGINT
    """Ctrl-C (SIGINT): everything was stopped, and the run can be resumed."""
    TERMINATED = 128 + signal.SIGTERM
    """SIGTERM: likewise."""


class Interrupted(Exception):
    """A signal asked for the end before the run had come to its own.

    Attributes:
        signum: The signal.
    """

    def __init__(self, signum: int) -> None:
        self.signum = signum
        super().__init__(f"interrupted by {signal.Signals(signum).name}")


def exit_of(error: TaskorchError) -> Exit:
    """The exit code for *error*.

    A store that was never opened is a matter of what was asked for; one that fails in the middle is not.
    """
    if isinstance(error, OperatorError) and not isinstance(error, StoreUnreadable):
        return Exit.BROKEN
    return Exit.INVALID
