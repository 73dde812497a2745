"""Nothing of a command survives its end, its cancellation, or the death of its host."""

import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Literal

import anyio
import pytest

from taskorch.dispatchers import CommandDispatcher, containment
from taskorch.errors import DispatcherLost, StepFailed
from taskorch.protocols import Job
from tests.dispatchers import wild
from tests.dispatchers.jobs import Late, QuietReport, command, python
from tests.dispatchers.processes import descriptors, tagged, until, zombies

pytestmark = pytest.mark.skipif(not containment.has_trees(), reason="no process trees on this system")

HERE = Path(__file__).parent
KINDS = sorted(wild.COUNT)


@pytest.fixture
def tag() -> str:
    """A word that only the processes of this test have on their command line."""
    return f"taskorch-test-{uuid.uuid4().hex}"


def wild_job(kind: str, tag: str) -> Job:
    """A command that does not want to end."""
    return command("python", str(HERE / "wild.py"), kind, tag, run_id=tag)


def commands(tag: str) -> list[int]:
    """The processes of the command itself: not its supervisor, nor a copy of that before ``exec``."""
    return [pid for pid in tagged(tag) if b"supervisor" not in _command_line(pid)]


def is_up(kind: str, tag: str) -> bool:
    """Whether all processes of the command are there."""
    return len(commands(tag)) >= wild.COUNT[kind]


@pytest.mark.parametrize("report", [QuietReport(), Late()], ids=["cancelled", "timed out"])
@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_survives_being_stopped(kind: str, report: QuietReport, tag: str) -> None:
    """When a cancelled or timed-out call has ended, no process, zombie or pipe of it is left."""
    before = descriptors()
    async with anyio.create_task_group() as jobs:
        jobs.start_soon(CommandDispatcher(grace=0.1).dispatch, wild_job(kind, tag), report)
        await until(lambda: is_up(kind, tag))
        jobs.cancel_scope.cancel()

    assert tagged(tag) == []
    assert zombies() == []
    assert descriptors() <= before + 3  # what the event loop itself has opened by now


@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_survives_the_host(kind: str, tag: str, anyio_backend: str) -> None:
    """When the host is killed by force, on whichever event loop, its commands end within the grace."""
    host = _start_host(anyio_backend, kind, tag)
    await until(lambda: len(commands(tag)) >= wild.COUNT[kind] + 1)  # with the host
    host.kill()
    host.wait()

    await until(lambda: not tagged(tag))


async def test_a_forked_host_holds_nothing_up(tag: str, anyio_backend: str) -> None:
    """Even if the host has forked and the copy holds its pipes open, its death is seen."""
    host = _start_host(anyio_backend, "deaf", tag, "fork")
    await until(lambda: len(commands(tag)) >= 3)  # with host and copy
    host.kill()
    host.wait()

    try:
        await until(lambda: len(tagged(tag)) == 1)
    finally:
        for copy in tagged(tag):
            os.kill(copy, signal.SIGKILL)


async def test_what_a_command_leaves_behind_is_ended_with_it(tag: str) -> None:
    """A command that ends well takes its daemons with it; their hold on its output delays nothing."""
    code = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(120)
    os._exit(0)
os.wait()
print("done")
"""
    started = time.monotonic()

    assert await CommandDispatcher().dispatch(python(code, tag, run_id=tag), QuietReport()) == "done"
    assert tagged(tag) == []
    assert time.monotonic() - started < 10


async def test_a_command_is_asked_before_it_is_killed(tmp_path: Path, tag: str) -> None:
    """TERM comes first, to every process, and what they write while they end is still read."""
    code = """
import os, signal, sys, time, pathlib
def end(*_):
    sys.stderr.write("x" * 1000000)
    pathlib.Path(sys.argv[2], f"{os.getpid()}.ended").touch()
    os._exit(0)
signal.signal(signal.SIGTERM, end)
if os.fork() == 0:
    os.setsid()
pathlib.Path(sys.argv[2], f"{os.getpid()}.begun").touch()
time.sleep(120)
"""
    job = python(code, tag, str(tmp_path), run_id=tag)
    started = time.monotonic()
    async with anyio.create_task_group() as jobs:
        jobs.start_soon(CommandDispatcher(grace=20).dispatch, job, QuietReport())
        await until(lambda: len(list(tmp_path.glob("*.begun"))) == 2)
        jobs.cancel_scope.cancel()

    assert len(list(tmp_path.glob("*.ended"))) == 2  # noqa: ASYNC240  # nothing else runs
    assert time.monotonic() - started < 15  # nobody waits for the grace to pass when all have ended


async def test_a_command_that_kills_its_group_does_not_reach_its_supervisor(tag: str) -> None:
    """A command leads a session of its own, so a signal to its whole group stays below the supervisor."""
    with pytest.raises(StepFailed, match="SIGKILL") as caught:
        await CommandDispatcher().dispatch(command("sh", "-c", "kill -KILL 0"), QuietReport())

    assert caught.value.status == -signal.SIGKILL


async def test_a_stopped_process_is_killed(tag: str) -> None:
    """A process that is stopped, and would never handle TERM, is killed after the grace."""
    async with anyio.create_task_group() as jobs:
        job = python("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", tag, run_id=tag)
        jobs.start_soon(CommandDispatcher(grace=0.1).dispatch, job, QuietReport())
        await until(lambda: any(_state(pid) == "T" for pid in tagged(tag)))
        jobs.cancel_scope.cancel()

    assert tagged(tag) == []


@pytest.mark.parametrize("kind", ["tree", "group"])
async def test_no_process_is_lost_wherever_the_cancellation_falls(kind: Literal["tree", "group"], tag: str) -> None:
    """Cancelled before, while or after its process is made, a call leaves nothing behind."""
    dispatcher = CommandDispatcher(grace=0.1, containment=kind)
    before = descriptors()
    for number in range(60):
        with anyio.move_on_after(number * 3e-4):
            await dispatcher.dispatch(command("sleep", "120", run_id=tag), QuietReport())
            pytest.fail("it cannot have ended")
        assert tagged(tag) == []

    assert zombies() == []
    assert descriptors() <= before + 3


@pytest.mark.parametrize("kind", ["tree", "group"])
async def test_a_cancelled_call_starts_nothing(kind: Literal["tree", "group"], tmp_path: Path) -> None:
    """In a scope that is cancelled already, no process is made."""
    with anyio.CancelScope() as scope:
        scope.cancel()
        await CommandDispatcher(containment=kind).dispatch(command("touch", str(tmp_path / "made")), QuietReport())

    assert not (tmp_path / "made").exists()


async def test_a_killed_supervisor_is_a_lost_worker(tag: str) -> None:
    """If somebody kills the supervisor, its command dies too, and nobody claims to know how it ended."""
    errors: list[BaseException] = []

    async def run() -> None:
        try:
            await CommandDispatcher().dispatch(wild_job("deaf", tag), QuietReport())
        except DispatcherLost as error:
            errors.append(error)

    async with anyio.create_task_group() as jobs:
        jobs.start_soon(run)
        await until(lambda: is_up("deaf", tag))
        os.kill(_supervisor(tag), signal.SIGKILL)

    assert [type(error) for error in errors] == [DispatcherLost]
    await until(lambda: not tagged(tag))


async def test_a_supervisor_that_is_asked_to_end_ends_its_command(tag: str) -> None:
    """A TERM for the supervisor is a TERM for its command, and is reported as that."""
    errors: list[StepFailed] = []

    async def run() -> None:
        try:
            await CommandDispatcher().dispatch(wild_job("session", tag), QuietReport())
        except StepFailed as error:
            errors.append(error)

    async with anyio.create_task_group() as jobs:
        jobs.start_soon(run)
        await until(lambda: is_up("session", tag))
        os.kill(_supervisor(tag), signal.SIGTERM)

    assert [error.status for error in errors] == [-signal.SIGTERM]
    assert tagged(tag) == []


async def test_a_supervisor_that_does_not_answer_is_killed(tag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait for a supervisor is bounded: one that is stopped is killed, and its command with it."""
    monkeypatch.setattr(containment, "STUBBORN", 0.2)
    async with anyio.create_task_group() as jobs:
        jobs.start_soon(CommandDispatcher(grace=0.1).dispatch, wild_job("deaf", tag), QuietReport())
        await until(lambda: is_up("deaf", tag))
        os.kill(_supervisor(tag), signal.SIGSTOP)
        jobs.cancel_scope.cancel()

    await until(lambda: not tagged(tag))


@pytest.mark.parametrize("kind", ["plain", "deaf", "closed"])
async def test_a_group_is_ended_as_one(kind: str, tag: str) -> None:
    """With ``containment="group"`` every process that stays in its group is ended on cancellation."""
    dispatcher = CommandDispatcher(grace=0.1, containment="group")
    async with anyio.create_task_group() as jobs:
        jobs.start_soon(dispatcher.dispatch, wild_job(kind, tag), QuietReport())
        await until(lambda: is_up(kind, tag))
        jobs.cancel_scope.cancel()

    assert zombies() == []
    await until(lambda: not tagged(tag))  # those that are not our children are reaped by another


async def test_the_limit_of_a_group(tag: str) -> None:
    """A child that starts a session of its own leaves the group; it delays the result by a second at most."""
    code = """
import os, time
if os.fork() == 0:
    os.setsid()
    time.sleep(120)
time.sleep(0.2)
print("done")
"""
    dispatcher = CommandDispatcher(containment="group")
    try:
        assert await dispatcher.dispatch(python(code, tag, run_id=tag), QuietReport()) == "done"
        assert len(tagged(tag)) == 1
    finally:
        for pid in tagged(tag):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def test_group_is_used_where_trees_are_not_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a system without ``/proc`` or ``prctl`` the dispatcher says that it uses groups."""
    assert CommandDispatcher().containment == "tree"
    monkeypatch.setattr(sys, "platform", "darwin")

    assert CommandDispatcher().containment == "group"


def test_the_supervisor_without_a_host(tmp_path: Path) -> None:
    """A supervisor whose host is gone before the order is complete does nothing and ends."""
    for order in (b"", b"10", b"100\n0"):
        script = Path(containment.__file__).with_name("supervisor.py")
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-E", script, "1"], input=order, capture_output=True, check=True
        )
        assert (done.stdout, done.stderr) == (b"", b"")


def _start_host(backend: str, kind: str, tag: str, *more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, str(HERE / "host.py"), backend, kind, tag, *more])


def _supervisor(tag: str) -> int:
    (found,) = [pid for pid in tagged(tag) if b"supervisor" in _command_line(pid)]
    return found


def _command_line(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b"supervisor"  # it has just gone: nobody counts it


def _state(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return ""
