"""The one thread that owns the connection, and how a task of any event loop has work done in it.

A thread of our own rather than anyio's: SQLite wants one writer, a transaction wants one thread, and a commit
is so short that the way there and back must be short too.
"""

import os
import sqlite3
import threading
import warnings
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from typing import Generic, Protocol, TypeVar, cast

import anyio
import attrs
from anyio.lowlevel import current_token

from taskorch.errors import StoreError

T = TypeVar("T")
_SECONDS_TO_STOP = 5.0


class Opened(Protocol):
    """What an opening gives: a connection, and a way to give back all that belongs to it."""

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection."""
        ...

    def close(self) -> None:
        """Give everything back; raises nothing."""
        ...


class _Request(Protocol):
    """A job of whatever result, as the thread sees it."""

    wake: Callable[[], None]
    error: BaseException | None
    abandoned: bool

    def run(self, connection: sqlite3.Connection) -> None: ...


@attrs.define(eq=False)
class _Job(Generic[T]):
    """Something to be done in the thread, and what came of it."""

    work: Callable[[sqlite3.Connection], T]
    wake: Callable[[], None]
    result: T = attrs.field(init=False)
    done: bool = False
    error: BaseException | None = None
    abandoned: bool = False

    def run(self, connection: sqlite3.Connection) -> None:
        self.result = self.work(connection)
        self.done = True

    def undo(self, undo: Callable[[sqlite3.Connection, T], None]) -> "_Job[None]":
        """The job that takes this one back. It is queued behind it, when it is known what to take back."""

        def work(connection: sqlite3.Connection) -> None:
            if self.done:
                undo(connection, self.result)

        return _Job(work, wake=_nobody)


def _nobody() -> None:
    """Wake nobody: nobody waits."""


class _Service:
    """The side of the thread. It knows nothing of the writer, so that a forgotten writer can be collected."""

    def __init__(self, opening: Callable[[], Opened]) -> None:
        self.jobs: SimpleQueue[_Request | None] = SimpleQueue()
        self.ended: Future[None] = Future()
        self.holding = False
        self._opening = opening
        self._switching = threading.Lock()
        self._current: tuple[_Request, sqlite3.Connection] | None = None

    def interrupt(self, job: _Request) -> None:
        """Break off the query of *job*, if it is the one under way."""
        with self._switching:
            if self._current is not None and self._current[0] is job:
                self._current[1].interrupt()

    def run(self) -> None:
        """Work until None comes.

        The connection is a local name: in a forked child nobody reaches it, so nobody closes it there.
        """
        opened: Opened | None = None
        while (job := self.jobs.get()) is not None:
            try:
                if not job.abandoned:
                    if opened is None:
                        opened = self._opening()
                        self.holding = True
                    self._begin(job, opened.connection)
                    job.run(opened.connection)
            except BaseException as error:  # noqa: BLE001 - it belongs to who waits, whatever it is
                job.error = error
            self._end()
            job.wake()
            del job  # holds things of the caller's, which must not live on while nothing is to be done
        if opened is not None:
            opened.close()
            self.holding = False
        self.ended.set_result(None)

    def _begin(self, job: _Request, connection: sqlite3.Connection) -> None:
        with self._switching:
            self._current = job, connection

    def _end(self) -> None:
        with self._switching:
            self._current = None


class Writer:
    """Has work done on one connection, in order, one after the other.

    Nothing is opened or started before the first call; an opening that failed is tried again by the next.

    Args:
        name: The name of the store, for messages.
        opening: Opens the connection; called in the thread.
    """

    def __init__(self, name: str, opening: Callable[[], Opened]) -> None:
        self._name = name
        self._opening = opening
        self._mutex = threading.Lock()
        self._closed = False
        self._pid = 0
        self._service: _Service | None = None
        self._thread: threading.Thread | None = None
        self._finalizer: weakref.finalize[..., Writer] | None = None
        self._loop: _Loop | None = None

    async def call(
        self,
        work: Callable[[sqlite3.Connection], T],
        undo: Callable[[sqlite3.Connection, T], None] | None = None,
        *,
        is_query: bool = False,
    ) -> T:
        """Have *work* done.

        A caller that is cancelled is let go at once: work that waits is dropped, a query under way is broken off,
        other work goes on to its end, and its result is lost.

        Args:
            work: What to do with the connection. It must not refer to the store, which could then never be
                collected while the work waits.
            is_query: Whether it changes nothing.
            undo: How to take the work back if it was done but its caller was cancelled. Best effort: its own
                errors are not seen by anybody.

        Returns:
            What *work* returned.

        Raises:
            StoreError: The store is closed, or was opened by the process this one was forked from.
            Exception: What the opening or *work* raised.
        """
        event, wake = self._alarm()
        job = _Job(work, wake)
        service = self._submit(job)
        try:
            await event.wait()
        except BaseException:
            job.abandoned = True
            if is_query:
                service.interrupt(job)
            if undo is not None:
                service.jobs.put(job.undo(undo))
            raise
        if job.error is None:
            return job.result
        try:
            raise job.error
        finally:
            del job  # the error knows this frame: without this the two would keep each other alive

    async def aclose(self) -> None:
        """Do what was asked for before, then give everything back and end the thread.

        Waits even if the caller is cancelled. In a forked child it does nothing, as nothing there is its own.
        """
        if self._forked():
            return
        with self._mutex:
            if self._finalizer is not None:
                self._finalizer.detach()
            if self._service is not None and not self._closed:
                self._service.jobs.put(None)
            self._closed = True
        if self._service is None or self._thread is None:
            await anyio.lowlevel.checkpoint()
            return
        event, wake = self._alarm()
        with anyio.CancelScope(shield=True):
            self._service.ended.add_done_callback(lambda _: wake())
            await event.wait()
        self._thread.join()
        self._loop = None

    def require_open(self) -> None:
        """Raise ``StoreError`` if it is closed."""
        if self._closed:
            raise StoreError(self._name, "is closed; open it again")

    def _submit(self, job: _Job[T]) -> _Service:
        if self._forked():
            raise StoreError(
                self._name,
                f"was opened by process {self._pid}, and process {os.getpid()} was forked from it; "
                "spawn a process instead, or fork before the store is opened",
            )
        with self._mutex:
            self.require_open()
            service = self._service or self._start()
            service.jobs.put(job)
        return service

    def _alarm(self) -> tuple[anyio.Event, Callable[[], None]]:
        """An event of the event loop that runs now, and what sets it; the loop is mostly the same as before."""
        loop, token = self._loop, current_token().native_token
        if loop is None or loop.token is not token:
            loop = self._loop = _Loop(token)
        return loop.alarm()

    def _start(self) -> _Service:
        service = _Service(self._opening)
        # A daemon: who forgets to close must not hang at exit. The finalizer closes for him, then too.
        thread = threading.Thread(target=service.run, name=f"taskorch store {self._name}", daemon=True)
        thread.start()
        self._pid = os.getpid()
        self._service, self._thread = service, thread
        self._finalizer = weakref.finalize(self, _forgotten, service, thread, self._name, self._pid)
        return service

    def _forked(self) -> bool:
        return self._service is not None and os.getpid() != self._pid


class _Loop:
    """An event loop, as far as a thread has to know it: its kind of event, and how to have it do something soon."""

    def __init__(self, token: object) -> None:
        self.token = token
        self.event = type(anyio.Event())  # asked for once: ``anyio.Event`` would ask which loop it is each time
        # asyncio and trio each have such a function, under another name.
        self._soon = cast(
            Callable[[Callable[[], None]], object],
            getattr(token, "call_soon_threadsafe", None) or getattr(token, "run_sync_soon", None),
        )

    def alarm(self) -> tuple[anyio.Event, Callable[[], None]]:
        """An event of this event loop, and a function that sets it from any thread without waiting for the loop.

        (``anyio.from_thread.run_sync`` waits until the loop has run the function: for ever, if the loop ends.)
        """
        event = self.event()
        return event, partial(self._call, event.set)

    def _call(self, function: Callable[[], None]) -> None:
        try:  # noqa: SIM105 - of every call; suppress() would cost more
            self._soon(function)
        except RuntimeError:  # the loop has ended, and whoever waited with it
            pass


def _forgotten(service: _Service, thread: threading.Thread, name: str, pid: int) -> None:
    """Close what was never closed: its writer was collected, or the interpreter ends."""
    if os.getpid() != pid:
        return
    held = service.holding
    service.jobs.put(None)
    if threading.current_thread() is not thread:
        thread.join(_SECONDS_TO_STOP)
    if held:
        warnings.warn(
            f"store {name} was not closed; use it in an 'async with' block, or await its aclose()",
            ResourceWarning,
            stacklevel=2,
        )
