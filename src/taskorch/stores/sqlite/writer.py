"""The one thread that owns the connection, and how a task of any event loop has work done in it.

A thread of our own rather than anyio's: SQLite wants one writer, a transaction wants one thread, and a commit
is so short that the way there and back must be short too.
"""

import os
import threading
import warnings
import weakref
from collections.abc import Callable
from typing import TypeVar

import anyio

from taskorch.errors import StoreError
from taskorch.event_loops import EventLoop
from taskorch.stores.sqlite.service import AnyJob, Desk, Job, Opened, Service

T = TypeVar("T")
_SECONDS_TO_STOP = 5.0


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
        self._service: Service | None = None
        self._thread: threading.Thread | None = None
        self._finalizer: weakref.finalize[..., Writer] | None = None
        self._loop: EventLoop | None = None

    async def call(
        self,
        work: Callable[[Desk], T],
        undo: Callable[[Desk, T], None] | None = None,
        *,
        is_change: bool = False,
        is_query: bool = False,
    ) -> T:
        """Have *work* done: on the connection, or if it *is_change* on the tables, within a transaction.

        A caller that is cancelled is let go at once: work that waits is dropped, a query under way is broken off,
        other work goes on to its end, and its result is lost.

        Args:
            work: What to do. It must not refer to the store, which could then never be
                collected while the work waits.
            is_change: Whether it is done on tables.
            is_query: Whether it is done on the connection and changes nothing.
            undo: How to take the work back if it was done but its caller was cancelled. Best effort: its own
                errors are not seen by anybody.

        Returns:
            What *work* returned.

        Raises:
            StoreError: The store is closed, or was opened by the process this one was forked from.
            Exception: What the opening or *work* raised.
        """
        event, wake = self._alarm()
        job = Job(work, wake, is_change, is_query)
        service = self._submit(job)
        try:
            await event.wait()
        except BaseException:
            job.abandoned = True  # by which a query is broken off
            if undo is not None:
                service.jobs.put(job.undone(undo))
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
        """Raise ``StoreError`` if it is closed, or was opened by the process this one was forked from."""
        if self._forked():
            raise StoreError(
                self._name,
                f"was opened by process {self._pid}, and process {os.getpid()} was forked from it; "
                "spawn a process instead, or fork before the store is opened",
            )
        if self._closed:
            raise StoreError(self._name, "is closed; open it again")

    def _submit(self, job: AnyJob) -> Service:
        self.require_open()
        with self._mutex:
            self.require_open()
            service = self._service or self._start()
            service.jobs.put(job)
        return service

    def _alarm(self) -> tuple[anyio.Event, Callable[[], object]]:
        """An event of the event loop that runs now, and what sets it; the loop is mostly the same as before."""
        loop = self._loop
        if loop is None or not loop.runs_here:
            loop = self._loop = EventLoop()
        event = loop.new_event()
        return event, loop.bell(event.set)

    def _start(self) -> Service:
        service = Service(self._opening)
        # A daemon: who forgets to close must not hang at exit. The finalizer closes for him, then too.
        thread = threading.Thread(target=service.run, name=f"taskorch store {self._name}", daemon=True)
        thread.start()
        self._pid = os.getpid()
        self._service, self._thread = service, thread
        self._finalizer = weakref.finalize(self, _forgotten, service, thread, self._name, self._pid)
        return service

    def _forked(self) -> bool:
        return self._service is not None and os.getpid() != self._pid


def _forgotten(service: Service, thread: threading.Thread, name: str, pid: int) -> None:
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
