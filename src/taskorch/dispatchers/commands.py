"""Commands: programs run without a shell, of which nothing survives their end."""

import math
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Literal

from anyio import CancelScope, create_task_group, get_cancelled_exc_class
from anyio.lowlevel import checkpoint_if_cancelled

from taskorch.dispatchers.containment import Containment, GroupContainment, TreeContainment, has_trees
from taskorch.dispatchers.environment import DEFAULT_ENVIRONMENT, environment_of
from taskorch.dispatchers.outputs import STDERR_KEPT, Stream, failure_of, output_of
from taskorch.dispatchers.programs import Program, directory_of, not_started, program_of
from taskorch.errors import DispatcherLost, StepFailed
from taskorch.protocols import Command, Job, Report

DRAIN = 1.0  # seconds for the rest of the output after the end; only an escaped process makes it take so long


class CommandDispatcher:
    """Runs commands as processes of this machine. For POSIX systems.

    *The program* is looked up on the PATH that the child will have; ``python`` and ``python3`` are the
    running interpreter. There is no shell, and standard input is empty.

    *The environment* holds the host's variables that are in ``allow``, then those the step gives, then
    ``TASKORCH_RUN_ID``, ``TASKORCH_STEP_ID``, ``TASKORCH_ATTEMPT``, ``TASKORCH_IDEMPOTENCY_KEY`` and, with
    a ``work_root``, ``TASKORCH_WORK_DIR``: a directory of the run's own, made when it is first needed and
    never removed.

    *What is written* is read all the time and kept within ``output_limit``; more is thrown away, which a
    line at the end of a text says. Of standard error the last 2 kB go into the error of a failed command.

    *Its end.* With ``containment="tree"`` a small supervisor process ends every process that came of the
    command, whatever it did to hide: when the command ends, when it is cancelled or timed out (TERM, then
    after ``grace`` KILL), and when the host dies, by ``kill -9`` too. Beyond it are programs this user may
    not signal (setuid), and what is left when somebody kills the supervisor itself, which is reported as
    ``DispatcherLost``. With ``"group"`` commands start faster, but a child that calls ``setsid`` is not
    ended, and nothing is when the host is killed by force. Where ``"tree"`` is not possible (not Linux),
    ``"group"`` is used.

    Args:
        root: The directory that working directories may not leave; by default *directory*.
        directory: What working directories are relative to, and where commands run that name none; by
            default the working directory of the host.
        allow: Names of the host's variables that commands may see; ``*`` stands for any characters.
        grace: Seconds between asking a process to end and killing it.
        output_limit: How many bytes of standard output are kept.
        containment: ``"tree"`` or ``"group"``.
        work_root: Where the work directories of runs are made; without it there are none.
    """

    def __init__(
        self,
        *,
        root: str | PathLike[str] | None = None,
        directory: str | PathLike[str] | None = None,
        allow: Iterable[str] = DEFAULT_ENVIRONMENT,
        grace: float = 2.0,
        output_limit: int = 1024 * 1024,
        containment: Literal["tree", "group"] = "tree",
        work_root: str | PathLike[str] | None = None,
    ) -> None:
        if not (0 <= grace < math.inf):
            raise ValueError(f"grace must be a number of seconds, 0 or more, not {grace}")
        if output_limit < 0:
            raise ValueError(f"output_limit must be a number of bytes, 0 or more, not {output_limit}")
        if containment not in ("tree", "group"):
            raise ValueError(f"containment must be 'tree' or 'group', not {containment!r}")
        self._directory = Path.cwd() if directory is None else Path(directory)
        self._root = self._directory if root is None else Path(root)
        self._allow = (allow,) if isinstance(allow, str) else tuple(allow)
        self._grace, self._limit = grace, output_limit
        self._containment = containment if has_trees() else "group"
        self._work_root = None if work_root is None else Path(work_root)

    @property
    def containment(self) -> str:
        """How commands are contained on this system: ``tree`` or ``group``."""
        return self._containment

    async def dispatch(self, job: Job, report: Report) -> object:  # cancelled is cancelled
        """Run the command to its end.

        Args:
            job: A job with a command.
            report: Not used.

        Returns:
            Its standard output without the last newline, the JSON value in it, or None, as the command says.

        Raises:
            StepFailed: It could not be started, exited with another status than 0 or was ended by a signal.
            OutputNotStorable: It should have written JSON and did not.
            DispatcherLost: The supervisor was killed; whether the command did its work is not known.
        """
        await checkpoint_if_cancelled()
        command = job.command
        if command is None:
            raise StepFailed(job.step_id, "cannot start: it is Python, and this dispatcher runs commands")
        program = self._program(job, command)
        stdout = Stream(first=0 if command.output == "none" else self._limit)
        stderr = Stream(last=STDERR_KEPT)
        contained = self._contain(job)
        try:
            ended = await _run(contained, program, stdout, stderr)
        finally:
            for held in (contained, stdout.pipe, stderr.pipe):
                held.close()
        if isinstance(ended, OSError):
            raise not_started(job.step_id, command, ended.errno)
        if ended is None:
            raise DispatcherLost(job.step_id, "its supervisor was killed")
        if ended != 0:
            raise failure_of(job.step_id, ended, stderr)
        return output_of(job.step_id, command.output, stdout)

    def _program(self, job: Job, command: Command) -> Program:
        directory = directory_of(job.step_id, command, self._directory, self._root)
        environment = environment_of(job, command, self._allow, self._work_root)
        return program_of(job.step_id, command, environment, directory)

    def _contain(self, job: Job) -> Containment:
        if self._containment == "group":
            return GroupContainment(self._grace)
        return TreeContainment(self._grace, f"{job.run_id}/{job.step_id}")


async def _run(contained: Containment, program: Program, stdout: Stream, stderr: Stream) -> int | OSError | None:
    """Run the program and read what it writes; how it ended, or why it did not start.

    An error comes back as a value, because it would leave the task group wrapped in another.
    """
    ended: int | OSError | None
    try:
        with CancelScope(shield=True):  # once there is a process, there is somebody who ends it
            await contained.start(program, stdout.pipe.theirs, stderr.pipe.theirs)
    except OSError as error:
        return error
    async with create_task_group() as readers:
        for stream in (stdout, stderr):
            stream.pipe.hand_over()
            readers.start_soon(stream.read)
        try:
            ended = await contained.wait()
        except OSError as error:
            ended = error
        except get_cancelled_exc_class():
            with CancelScope(shield=True):
                await contained.stop()
            raise
        finally:
            stdout.finish(DRAIN)
            stderr.finish(DRAIN)
    return ended
