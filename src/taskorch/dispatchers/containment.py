"""Two ways to run a program so that all of it can be ended: its whole tree, or its process group."""

import errno
import os
import signal
import sys
from contextlib import suppress
from functools import cache
from importlib.machinery import SourceFileLoader
from importlib.util import cache_from_source, find_spec
from pathlib import Path
from subprocess import DEVNULL
from typing import Protocol

import anyio
from anyio.abc import Process

from taskorch.dispatchers.outputs import Pipe
from taskorch.dispatchers.programs import Program

STUBBORN = 30.0  # seconds that a supervisor may need, beside the grace, until it is killed itself


class Containment(Protocol):
    """One program, started and ended once."""

    async def start(self, program: Program, stdout: int, stderr: int) -> None:
        """Create the process. To be called shielded.

        Raises:
            OSError: It could not be created.
        """
        ...

    async def wait(self) -> int | None:
        """Wait for the program's end, and end what it has left behind.

        Returns:
            The exit status, negative for a signal; None if the supervisor was killed and it is not known.

        Raises:
            OSError: The program could not be started.
        """
        ...

    async def stop(self) -> None:
        """Ask the program to end, then force it to. To be called shielded; at most once."""
        ...

    def close(self) -> None:
        """Close the pipes that belong to the containment."""
        ...


def has_trees() -> bool:
    """Whether a supervisor can run: it needs Linux's ``/proc`` and ``prctl``, an interpreter, and its file."""
    return (
        sys.platform == "linux"
        and bool(sys.executable)
        and not getattr(sys, "frozen", False)  # a frozen program has no interpreter to start
        and Path(__file__).with_name("supervisor.py").exists()  # not from inside an archive
        and Path("/proc/self/stat").exists()
        and _is_found("_ctypes")
    )


@cache
def _is_found(module: str) -> bool:
    return find_spec(module) is not None


class GroupContainment:
    """The program leads a process group, which is ended as one.

    **Limit.** A child that starts a session or a group of its own is not ended, and nothing is when the
    host is killed by force.
    """

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._process: Process

    async def start(self, program: Program, stdout: int, stderr: int) -> None:
        """Create the process at the head of a session of its own."""
        self._process = await anyio.open_process(
            list(program.argv),
            stdin=DEVNULL,
            stdout=stdout,
            stderr=stderr,
            cwd=program.directory,
            env=program.environment,  # type: ignore[arg-type]  # bytes, as the system takes them
            start_new_session=True,
        )

    async def wait(self) -> int | None:
        """Wait for the program's end, and kill what is left of its group."""
        status = await self._process.wait()
        self._signal(signal.SIGKILL)
        return status

    async def stop(self) -> None:
        """TERM to the group; after the grace, or when the program has ended, KILL."""
        self._signal(signal.SIGTERM)
        with anyio.move_on_after(self._grace):
            await self._process.wait()
        self._signal(signal.SIGKILL)
        await self._process.wait()

    def close(self) -> None:
        """Nothing is held."""

    def _signal(self, signum: int) -> None:
        # PermissionError: macOS says so of a group whose last process is a zombie.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signum)


class TreeContainment:
    """The program runs under a small supervisor, which ends all that came of it and sees the host's death."""

    def __init__(self, grace: float, name: str) -> None:
        self._grace, self._name = grace, name
        self._control, self._report = Pipe(to_child=True), Pipe()
        self._process: Process
        self._order = b""

    async def start(self, program: Program, stdout: int, stderr: int) -> None:
        """Create the supervisor, in a session of its own: a Ctrl-C at the terminal is for the host."""
        self._order = self._order_for(program)
        # What the interpreter itself may need to start, and nothing else.
        environment = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
        self._process = await anyio.open_process(
            [sys.executable, "-I", "-S", "-E", _script(), str(self._report.theirs), self._name],
            stdin=self._control.theirs,
            stdout=stdout,
            stderr=stderr,
            cwd="/",
            env=environment,
            start_new_session=True,
            pass_fds=[self._report.theirs],
        )
        self._control.hand_over()
        self._report.hand_over()

    async def wait(self) -> int | None:
        """Give the supervisor its order, wait for its end, and read its report."""
        await self._send()
        await self._process.wait()
        try:
            kind, _, number = os.read(self._report.ours, 64).partition(b" ")
        except BlockingIOError:  # killed between fork and exec: the child has the pipe for a moment longer
            return None
        match kind:
            case b"exit":
                return int(number)
            case b"signal":
                return -int(number)
            case b"errno":
                raise OSError(int(number), os.strerror(int(number)))
            case b"unable":
                raise OSError(errno.ENOTSUP, "containment='tree' is not possible here")
        return None

    async def stop(self) -> None:
        """Close the supervisor's input, which tells it to end everything, and wait until it has."""
        self._control.close()
        with anyio.move_on_after(self._grace + STUBBORN):
            await self._process.wait()
            return
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    def close(self) -> None:
        """Close the control and the report pipe."""
        self._control.close()
        self._report.close()

    def _order_for(self, program: Program) -> bytes:
        environment = [key + b"=" + value for key, value in program.environment.items()]
        head = [b"%d" % os.getpid(), b"%f" % self._grace, program.directory, program.path]
        body = b"\0".join([*head, b"%d" % len(program.argv), *program.argv, *environment])
        return b"%d\n%s" % (len(body), body)

    async def _send(self) -> None:
        rest = memoryview(self._order)
        while rest:
            try:
                rest = rest[os.write(self._control.ours, rest) :]
            except BlockingIOError:
                await anyio.wait_writable(self._control.ours)
            except BrokenPipeError:
                return  # it is dead; its missing report will say so


@cache
def _script() -> str:
    """The file of the supervisor: compiled where Python keeps such files, because compiling takes 3 ms."""
    source = Path(__file__).with_name("supervisor.py")
    with suppress(OSError, NotImplementedError):
        SourceFileLoader("supervisor", str(source)).get_code("supervisor")  # makes or renews the compiled file
        compiled = Path(cache_from_source(str(source)))
        if compiled.stat().st_mtime >= source.stat().st_mtime:  # it may not have been allowed to renew it
            return str(compiled)
    return str(source)
