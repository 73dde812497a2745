"""Bodies in worker threads, whose number is bounded even when some of them are given up."""

import math
from collections.abc import Callable
from threading import Lock
from types import CoroutineType
from typing import Any, cast

from anyio import (
    CancelScope,
    CapacityLimiter,
    Event,
    current_effective_deadline,
    get_cancelled_exc_class,
    to_thread,
)
from anyio.lowlevel import RunVar, current_token

from taskorch.dispatchers.bodies import body_of, is_awaitable
from taskorch.protocols import Job, Report

# The bound is our own; anyio's would be given back by the waiter while an abandoned thread still runs.
_unbounded: RunVar[CapacityLimiter] = RunVar("taskorch.dispatchers.threads.unbounded")


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
        self._places: RunVar[CapacityLimiter] = RunVar("taskorch.dispatchers.threads.places")

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
        places = _limiter(self._places, self._threads)
        call = _Call(body_of(job), places)
        if places.available_tokens < 1:  # abandoned threads may hold places for long
            report.queued()
            await places.acquire_on_behalf_of(call)
            report.began()
        else:
            await places.acquire_on_behalf_of(call)
        try:
            await to_thread.run_sync(call.run, abandon_on_cancel=True, limiter=_limiter(_unbounded, math.inf))
        except get_cancelled_exc_class():
            if call.withdraw() or report.timed_out:
                call.abandon()
                raise
            with CancelScope(shield=True):
                await call.wait()
            _keep_cancellation()
        except BaseException:
            call.withdraw()  # no thread could be started
            raise
        result = call.outcome()
        return await cast("Any", result) if is_awaitable(result) else result


class _Call:
    """One body in one thread: begun by the thread or withdrawn by the waiter, never both.

    The thread notes the outcome and gives the place back through the event loop, whoever still waits.
    """

    def __init__(self, body: Callable[[], object], places: CapacityLimiter) -> None:
        self._body, self._places = body, places
        self._loop = current_token().native_token
        self._claim = Lock()  # taken once, for good, by whoever comes first
        self._value: object = None
        self._error: BaseException | None = None
        self._ended = self._abandoned = False
        self._waiter: Event | None = None

    def run(self) -> None:
        """In the thread: run the body, unless the waiter was faster to withdraw it."""
        if not self._claim.acquire(blocking=False):
            return
        try:
            self._value = self._body()
        except BaseException as error:  # noqa: BLE001  # raised again where it is waited for
            self._error = error
        # asyncio's and trio's own words for "call this soon, from another thread": it must not wait for the
        # loop, which may be ending and would never answer.
        soon = getattr(self._loop, "call_soon_threadsafe", None) or cast("Any", self._loop).run_sync_soon
        try:
            soon(self._end)
        except RuntimeError:
            self._drop()  # the event loop is gone, and everybody who waited with it

    def withdraw(self) -> bool:
        """Keep the body from starting; True if it will not start, and its place is free again."""
        if not self._claim.acquire(blocking=False):
            return False
        self._places.release_on_behalf_of(self)
        return True

    def abandon(self) -> None:
        """Nobody wants the outcome any more."""
        self._abandoned = True
        if self._ended:
            self._drop()

    async def wait(self) -> None:
        """Wait until the thread has run the body to its end."""
        if not self._ended:
            self._waiter = Event()
            await self._waiter.wait()

    def outcome(self) -> object:
        """What the body returned, or raise what it raised."""
        error, self._error = self._error, None
        if error is None:
            return self._value
        try:
            raise error
        finally:
            del error  # an error that its own traceback refers to would keep every frame alive

    def _end(self) -> None:
        self._ended = True
        self._places.release_on_behalf_of(self)
        if self._waiter is not None:
            self._waiter.set()
        if self._abandoned:
            self._drop()

    def _drop(self) -> None:
        if isinstance(self._value, CoroutineType):
            self._value.close()  # or Python warns that it was never awaited
        self._value = self._error = None


def _limiter(variable: RunVar[CapacityLimiter], tokens: float) -> CapacityLimiter:
    try:
        return variable.get()
    except LookupError:
        limiter = CapacityLimiter(tokens)
        variable.set(limiter)
        return limiter


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
