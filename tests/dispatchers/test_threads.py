"""``ThreadDispatcher``."""

import asyncio
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar

import anyio
import anyio.lowlevel
import pytest
from anyio import from_thread

from taskorch.dispatchers import ThreadDispatcher
from taskorch.errors import StepFailed
from taskorch.testing.dispatchers import check_dispatcher, check_together
from tests.dispatchers.jobs import Late, QuietReport, body, command
from tests.dispatchers.processes import until

colour: ContextVar[str] = ContextVar("colour", default="none")


class Door:
    """A body that waits until it is let go, and says when it has begun and ended."""

    def __init__(self) -> None:
        self.begun, self.open, self.ended = threading.Event(), threading.Event(), threading.Event()

    def __call__(self) -> str:
        """Wait to be let go."""
        self.begun.set()
        assert self.open.wait(20)
        self.ended.set()
        return "through"


async def test_it_keeps_the_promises() -> None:
    """A thread dispatcher passes the conformance checks, for bodies that block and that are awaited."""
    await check_dispatcher(ThreadDispatcher)


async def test_it_refuses_commands() -> None:
    """A command is refused with a typed error."""
    with pytest.raises(StepFailed, match="it is a command"):
        await ThreadDispatcher().dispatch(command("true"), QuietReport())


def test_it_needs_a_thread() -> None:
    """A dispatcher without a thread could never run anything, and is refused."""
    with pytest.raises(ValueError, match="at least 1"):
        ThreadDispatcher(0)


async def test_a_body_runs_in_another_thread_and_sees_the_context_of_the_caller() -> None:
    """Context variables of the caller are visible in the thread; changes there do not come back."""
    colour.set("green")

    def look() -> tuple[str, int]:
        seen = colour.get()
        colour.set("red")
        return seen, threading.get_ident()

    seen, thread = await ThreadDispatcher().dispatch(body(look), QuietReport())  # type: ignore[misc]

    assert seen == "green"
    assert thread != threading.get_ident()
    assert colour.get() == "green"


async def test_a_timed_out_body_is_abandoned_and_keeps_its_place() -> None:
    """On timeout the call ends at once; the thread counts until it ends, so that threads stay bounded."""
    dispatcher, door = ThreadDispatcher(threads=1), Door()
    async with anyio.create_task_group() as jobs:
        jobs.start_soon(dispatcher.dispatch, body(door), Late())
        await until(door.begun.is_set)
        jobs.cancel_scope.cancel()
    assert not door.ended.is_set()
    begun: list[object] = []

    async with anyio.create_task_group() as jobs:
        jobs.start_soon(dispatcher.dispatch, body(lambda: begun.append(door.ended.is_set())), QuietReport())
        await anyio.sleep(0.05)
        assert begun == []
        door.open.set()

    assert begun == [True]


async def test_a_body_cancelled_by_the_host_ends_and_its_result_comes_back() -> None:
    """On any other cancellation the end is waited for, the result returned, and the cancellation kept."""
    dispatcher, door = ThreadDispatcher(), Door()
    results: list[object] = []

    async def record() -> None:
        results.append(await dispatcher.dispatch(body(door), QuietReport()))
        await anyio.lowlevel.checkpoint()
        results.append("not cancelled")

    async with anyio.create_task_group() as jobs:
        jobs.start_soon(record)
        await until(door.begun.is_set)
        jobs.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await anyio.sleep(0.02)
            assert results == []
            door.open.set()

    assert results == ["through"]


async def test_the_error_of_a_body_cancelled_by_the_host_comes_back() -> None:
    """What the body raises after the cancellation is raised too: it has happened and must be recorded."""
    door, errors = Door(), []

    def fail() -> None:
        door()
        raise LookupError("late")

    async def record() -> None:
        try:
            await ThreadDispatcher().dispatch(body(fail), QuietReport())
        except LookupError as error:
            errors.append(str(error))

    async with anyio.create_task_group() as jobs:
        jobs.start_soon(record)
        await until(door.begun.is_set)
        jobs.cancel_scope.cancel()
        door.open.set()

    assert errors == ["late"]


@pytest.mark.parametrize("anyio_backend", ["asyncio"], scope="session")
async def test_the_cancellation_of_an_asyncio_task_is_kept_as_well() -> None:
    """``asyncio.Task.cancel()`` is delivered once only, so it is asked for again after the body's end."""
    door, results = Door(), []

    async def record() -> None:
        results.append(await ThreadDispatcher().dispatch(body(door), QuietReport()))
        await asyncio.sleep(0)
        results.append("not cancelled")

    task = asyncio.create_task(record())
    await until(door.begun.is_set)
    task.cancel()
    await asyncio.sleep(0.02)
    door.open.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert results == ["through"]
    assert task.cancelling() == 1


@pytest.mark.parametrize("report", [QuietReport(), Late()], ids=["cancelled", "timed out"])
async def test_a_body_can_look_whether_it_is_cancelled(report: QuietReport) -> None:
    """``from_thread.check_cancelled()`` raises in the body, so that it can end early."""
    begun, ended = threading.Event(), threading.Event()

    def look() -> None:
        begun.set()
        limit = time.monotonic() + 10
        try:
            while time.monotonic() < limit:
                from_thread.check_cancelled()
                time.sleep(0.005)
        finally:
            ended.set()

    started = time.monotonic()
    async with anyio.create_task_group() as jobs:
        jobs.start_soon(ThreadDispatcher().dispatch, body(look), report)
        await until(begun.is_set)
        jobs.cancel_scope.cancel()
    await until(ended.is_set)

    assert time.monotonic() - started < 5


@pytest.mark.parametrize("report", [QuietReport(), Late()], ids=["cancelled", "timed out"])
async def test_no_place_is_lost_wherever_the_cancellation_falls(report: QuietReport) -> None:
    """Cancelled before, while or after its thread begins, a call gives its place back in the end."""
    dispatcher = ThreadDispatcher(threads=3)
    for number in range(150):
        with anyio.move_on_after(number * 4e-6):
            await dispatcher.dispatch(body(lambda: None), report)

    await check_together(dispatcher, blocking=True)


@pytest.mark.parametrize("wanted", [True, False])
async def test_a_late_awaitable_is_awaited_or_closed(wanted: bool) -> None:
    """An awaitable that comes late is cancelled, or closed if nobody wants it; there is no warning."""
    door, ran = Door(), []

    async def after() -> None:
        try:
            await anyio.sleep(10)
        finally:
            ran.append(True)

    def give() -> object:
        door()
        return after()

    async with anyio.create_task_group() as jobs:
        jobs.start_soon(ThreadDispatcher().dispatch, body(give), QuietReport() if wanted else Late())
        await until(door.begun.is_set)
        jobs.cancel_scope.cancel()
        door.open.set()
    await until(door.ended.is_set)

    assert ran == [True] * wanted


async def test_a_body_that_raises_stop_iteration_ends() -> None:
    """StopIteration cannot leave a coroutine; it arrives as Python's RuntimeError and hangs nothing."""
    with pytest.raises(RuntimeError, match="StopIteration"):
        await ThreadDispatcher().dispatch(body(lambda: next(iter(()))), QuietReport())


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_dispatcher_outlives_event_loops(backend: str) -> None:
    """A dispatcher can be used on one event loop after the other, even if a thread was abandoned there."""
    dispatcher, door = ThreadDispatcher(threads=1), Door()

    async def abandon() -> None:
        async with anyio.create_task_group() as jobs:
            jobs.start_soon(dispatcher.dispatch, body(door), Late())
            await until(door.begun.is_set)
            jobs.cancel_scope.cancel()

    async def use() -> object:
        return await dispatcher.dispatch(body(lambda: "used"), QuietReport())

    anyio.run(abandon, backend=backend)
    assert anyio.run(use, backend=backend) == "used"
    door.open.set()
    assert door.ended.wait(20)


async def test_more_bodies_than_threads_wait_their_turn() -> None:
    """At no time do more bodies run than there are threads."""
    dispatcher, lock = ThreadDispatcher(threads=2), threading.Lock()
    now = most = 0

    def work() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.01)
        with lock:
            now -= 1

    async with anyio.create_task_group() as jobs:
        call: Callable[[], object] = work
        for _ in range(10):
            jobs.start_soon(dispatcher.dispatch, body(call), QuietReport())

    assert most == 2
