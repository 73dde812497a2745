"""Bodies in worker threads, whose number is bounded even when some of them are given up."""

import math
from collections.abc import Callable
from threading import Lock
from types import CoroutineType
from typing import Any, NamedTuple, cast

from anyio import (
    CancelScope,
    CapacityLimiter,
    Event,
    WouldBlock,
    current_effective_deadline,
    get_cancelled_exc_class,
    to_thread,
)
from anyio.lowlevel import RunVar

from taskorch.dispatchers.bodies import body_of, is_awaitable
from taskorch.event_loops import EventLoop
from taskorch.protocols import Job, Report


class _Limiters(NamedTuple):
    """The bound on threads is our own: anyio's is given back by the waiter while an abandoned thread still runs."""

    places: CapacityLimiter
    unbounded: CapacityLimiter


class ThreadDispatcher:
    """Runs bodies in worker threads, for functions that compute or block.

    **Limit.** A thread cannot be stopped from outside. When the run is cancelled, the call therefore waits
    for the body's end and returns its outcome, so that nothing is done but unrecorded; the cancellation
    comes again at the caller's next ``await``. When the step's *timeout* stops it, the thread is abandoned:
    it runs on, its late outcome is dropped, and it keeps its place among ``threads`` until it ends. On
    asyncio the interpreter waits at exit for abandoned threads. A body that may take long should call
    ``anyio.from_thread.check_cancelled`` now and then, which raises in both cases; work that must be
    stopped at any time belongs in a command.

    The body sees the context variables of the caller. If it returns an awaitable, that is awaited on the
    event loop.

    Args:
        threads: How many bodies may run at the same time on one event loop, abandoned ones included.
    """

    def __init__(self, threads: int = 32) -> None:
        if threads < 1:
            raise ValueError(f"threads must be at least 1, not {threads}")
        self._threads = threads
        # A limiter belongs to the event loop it was first used on; a dispatcher may outlive that loop.
        self._limiters: RunVar[_Limiters] = RunVar("taskorch.dispatchers.threads.limiters")

    async def dispatch(self, job: Job, report: Report) -> object:
        """Call the body in a thread and return its outcome.

        Args:
            job: A job with a Python body.
            report: Asked, on cancellation, whether the outcome is still wanted.

        Returns:
            What the body returned.

        Raises:
            StepFailed: The job is a command.
        """
        try:
            places, unbounded = self._limiters.get()
        except LookupError:
            places, unbounded = _Limiters(CapacityLimiter(self._threads), CapacityLimiter(math.inf))
            self._limiters.set(_Limiters(places, unbounded))
        call = _Call(body_of(job), places)
        try:
            places.acquire_on_behalf_of_nowait(call)
        except WouldBlock:  # abandoned threads may hold places for long
            report.queued()
            await places.acquire_on_behalf_of(call)
            report.began()
        try:
            await to_thread.run_sync(call.run, abandon_on_cancel=True, limiter=unbounded)
        except get_cancelled_exc_class():
            if call.withdraw():
                raise
            if report.timed_out:
                call.leave(abandon=True)
                raise
            with CancelScope(shield=True):
                await call.wait()
            _keep_cancellation()
        except BaseException:
            call.withdraw()  # no thread could be started
            raise
        else:
            call.end()
        result = call.outcome()
        return await cast("Any", result) if is_awaitable(result) else result


class _Call:
    """One body in one thread: begun by the thread or withdrawn by the waiter, never both.

    It is ended, and its place given back, on the event loop: by whoever waits for the thread, or by the thread through
    the loop if nobody does any more.
    """

    def __init__(self, body: Callable[[], object], places: CapacityLimiter) -> None:
        self._body, self._places = body, places
        self._lock = Lock()  # held while thread and waiter agree on who does what
        self._value: object = None
        self._error: BaseException | None = None
        self._begun = self._withdrawn = self._finished = self._ended = self._abandoned = False
        self._waiter: Event | None = None
        self._loop: EventLoop | None = None  # once nobody waits for the thread any more

    def run(self) -> None:
        """In the thread: run the body, unless the waiter was faster to withdraw it."""
        with self._lock:
            if self._withdrawn:
                return
            self._begun = True
        try:
            self._value = self._body()
        except BaseException as error:  # noqa: BLE001  # raised again where it is waited for
            self._error = error
        with self._lock:
            self._finished, loop = True, self._loop
        # Without a loop somebody waits, who will end it. The loop may be gone, and with it everybody who waited.
        if loop is not None and not loop.soon(self.end):
            self._drop()

    def withdraw(self) -> bool:
        """Keep the body from starting; True if it will not start, and its place is free again."""
        with self._lock:
            if self._begun:
                return False
            self._withdrawn = True
        self._places.release_on_behalf_of(self)
        return True

    def leave(self, *, abandon: bool = False) -> None:
        """Nobody waits for the thread any more; nor does anybody want the outcome, if it is to be abandoned."""
        loop = EventLoop()
        with self._lock:
            self._loop, self._abandoned = loop, abandon
            is_finished = self._finished
        if is_finished:
            self.end()

    async def wait(self) -> None:
        """Wait until the thread, which nobody waits for otherwise, has run the body to its end."""
        self.leave()
        if not self._ended:
            self._waiter = Event()
            await self._waiter.wait()

    def end(self) -> None:
        """The body has ended: give its place back."""
        self._ended = True
        self._places.release_on_behalf_of(self)
        if self._waiter is not None:
            self._waiter.set()
        if self._abandoned:
            self._drop()

    def outcome(self) -> object:
        """What the body returned, or raise what it raised."""
        error, self._error = self._error, None
        if error is None:
            return self._value
        try:
            raise error
        finally:
            del error  # an error that its own traceback refers to would keep every frame alive

    def _drop(self) -> None:
        if isinstance(self._value, CoroutineType):
            self._value.close()  # or Python warns that it was never awaited
        self._value = self._error = None


def _keep_cancellation() -> None:
    """Make sure that a cancellation that was caught comes again at the caller's next ``await``.

    A cancel scope sees to that itself; ``asyncio.Task.cancel()`` is delivered once only.
    """
    if current_effective_deadline() == -math.inf:
        return
    import asyncio

    task = asyncio.current_task()
    if task is not None and task.cancelling():
        task.uncancel()  # the same request again, not a second one: asyncio.timeout() counts them
        task.cancel()
