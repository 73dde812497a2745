"""The thread behind a store: does what it is asked for, one after the other, changes that wait together."""

import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

import attrs

from taskorch.stores.sqlite.tables import Tables

T = TypeVar("T")
Desk = TypeVar("Desk")
"""What work is done on: a connection, or the tables within a transaction."""

_MOST_TOGETHER = 100
_STEPS = 10_000
"""After so many steps of SQLite's machine it asks whether to go on: less than a millisecond."""


class Opened(Protocol):
    """What an opening gives: a connection, and a way to give back all that belongs to it."""

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection."""
        ...

    def transact(self, works: Sequence[Callable[[Tables], object]]) -> Sequence[object]:
        """Do *works* in one transaction; what came of each, which may be an exception."""
        ...

    def close(self) -> None:
        """Give everything back; raises nothing."""
        ...


@attrs.define(eq=False)
class Job(Generic[Desk, T]):
    """Something to be done in the thread, and what came of it.

    Attributes:
        work: What is to be done.
        wake: Wakes who waits for it.
        is_change: Whether it is done on tables within a transaction, rather than on the connection.
        is_query: Whether it changes nothing, and may be broken off once it is abandoned.
        result: What *work* returned.
        done: Whether it has.
        error: What it raised.
        abandoned: Whether nobody waits any more.
        is_owed: Whether it is to be tried until it is done, with whatever comes next.
    """

    work: Callable[[Desk], T]
    wake: Callable[[], object]
    is_change: bool = False
    is_query: bool = False
    result: T = attrs.field(init=False)
    done: bool = False
    error: BaseException | None = None
    abandoned: bool = False
    is_owed: bool = False

    def settle(self, outcome: T | Exception) -> None:
        """Note what came of it."""
        if isinstance(outcome, Exception):
            self.error = outcome
        else:
            self.result, self.done = outcome, True

    def undone(self, undo: Callable[[Desk, T], None]) -> "Job[Desk, None]":
        """The job that takes this one back. It is queued behind it, when it is known what to take back."""

        def work(desk: Desk) -> None:
            if self.done:
                undo(desk, self.result)

        return Job(work, _nobody, self.is_change, is_owed=True)


# Any: jobs of whatever desk and result, as the thread sees them.
AnyJob = Job[Any, Any]


class Service:
    """The side of the thread. It knows nothing of the writer, so that a forgotten writer can be collected.

    Args:
        opening: Opens the connection; called in the thread.

    Attributes:
        jobs: What is to be done; None for the end.
        ended: Done when the thread is.
        holding: Whether something is open.
    """

    def __init__(self, opening: Callable[[], Opened]) -> None:
        self.jobs: SimpleQueue[AnyJob | None] = SimpleQueue()
        self.ended: Future[None] = Future()
        self.holding = False
        self._opening = opening
        self._query: AnyJob | None = None  # the one under way
        self._owed: list[AnyJob] = []

    def run(self) -> None:
        """Work until None comes.

        The connection is a local name: in a forked child nobody reaches it, so nobody closes it there.
        """
        opened: Opened | None = None
        ahead: list[AnyJob | None] = []
        while (jobs := self._next(ahead)) is not None:
            try:
                if opened is None and not all(job.abandoned or job.is_owed for job in jobs):
                    opened = self._opening()
                    self.holding = True
                    opened.connection.set_progress_handler(self._is_in_vain, _STEPS)
                if opened is not None:
                    self._do([job for job in jobs if not job.abandoned], opened)
            except BaseException as error:  # noqa: BLE001 - it belongs to who waits, whatever it is
                for job in jobs:
                    job.error = error
            for job in jobs:
                job.wake()
            # They hold things of the callers', which must not live on while nothing is to be done.
            jobs.clear()
            job = None  # type: ignore[assignment]  # likewise
        try:
            if opened is not None:
                opened.close()
        finally:  # whoever closes waits for it
            self.holding = False
            self.ended.set_result(None)

    def _next(self, ahead: list[AnyJob | None]) -> list[AnyJob] | None:
        """The next job, or several changes that wait; None at the end. What was taken too far is put into *ahead*."""
        job = ahead.pop() if ahead else self.jobs.get()
        if job is None:
            return None
        jobs = [job]
        while job.is_change and len(jobs) < _MOST_TOGETHER:
            try:
                job = self.jobs.get_nowait()
            except Empty:
                break
            if job is None or not job.is_change:
                ahead.append(job)
                break
            jobs.append(job)
        return jobs

    def _do(self, jobs: Sequence[AnyJob], opened: Opened) -> None:
        if not jobs:
            return
        if jobs[0].is_change:
            jobs = [*self._owed, *jobs]
            for job, outcome in zip(jobs, opened.transact([job.work for job in jobs]), strict=True):
                job.settle(outcome)
            self._owed = [job for job in jobs if job.is_owed and not job.done]
            return
        (job,) = jobs
        self._query = job if job.is_query else None
        try:
            job.settle(job.work(opened.connection))
        finally:
            self._query = None

    def _is_in_vain(self) -> bool:
        """Whether SQLite is to break off what it is at: a query for which nobody waits any more."""
        return self._query is not None and self._query.abandoned


def _nobody() -> None:
    """Wake nobody: nobody waits."""
