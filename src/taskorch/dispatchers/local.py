"""The dispatcher of one machine: each job goes where its kind of body belongs."""

from collections.abc import Awaitable
from os import PathLike

from taskorch.dispatchers.commands import CommandDispatcher
from taskorch.dispatchers.inline import InlineDispatcher
from taskorch.dispatchers.threads import ThreadDispatcher
from taskorch.protocols import Job, Report


class LocalDispatcher:
    """Runs commands as processes, blocking functions in threads, and all others on the event loop."""

    def __init__(
        self,
        *,
        threads: int = 32,
        directory: str | PathLike[str] | None = None,
        root: str | PathLike[str] | None = None,
        work_root: str | PathLike[str] | None = None,
    ) -> None:
        """A dispatcher for this machine.

        Args:
            threads: The most threads at once.
            directory: Where commands run; by default the working directory.
            root: What the working directories of commands may not leave; by default *directory*.
            work_root: Where each run gets a folder for its files, told to commands as ``TASKORCH_WORK_DIR``.
        """
        self._inline = InlineDispatcher()
        self._threads = ThreadDispatcher(threads=threads)
        self._commands = CommandDispatcher(directory=directory, root=root, work_root=work_root)

    def dispatch(self, job: Job, report: Report) -> Awaitable[object]:
        """Run the job; see ``taskorch.protocols.Dispatcher``."""
        if job.command is not None:
            return self._commands.dispatch(job, report)
        if job.blocking:
            return self._threads.dispatch(job, report)
        return self._inline.dispatch(job, report)
