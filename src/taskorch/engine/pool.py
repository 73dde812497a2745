"""The pool: a few workers that run bodies one after another, rather than a task for each body.

A worker that finds more to do wakes exactly one parked colleague, or hires one, before it enters its own body;
nobody is woken in vain. Each worker has one cancel scope, and is replaced once that was used; each body has its own
copy of the caller's context variables.
"""

import types
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import suppress
from contextvars import Context
from time import monotonic
from types import CoroutineType
from typing import Any, NamedTuple, Protocol

import anyio
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

from taskorch.engine import cancellations
from taskorch.errors import StepTimeout

TURN = 0.005
"""After so many seconds without suspension a worker lets others have a turn."""


class Bodies(Protocol):
    """What the pool runs, and whom it tells. Only ``body`` is asynchronous."""

    def body(self, step: int, attempt: int, worker: "Worker") -> tuple[Context, Awaitable[object]]:
        """The body of an attempt, and the context it runs in. It has begun."""
        ...

    def queued(self, step: int) -> None:
        """The body waits for a place to run."""
        ...

    def began(self, step: int) -> None:
        """The body has got its place."""
        ...

    def completed(self, step: int, attempt: int, output: object) -> None:
        """The body has returned."""
        ...

    def failed(self, step: int, attempt: int, error: BaseException) -> None:
        """The body has raised, or was stopped."""
        ...

    def interrupted(self, step: int, attempt: int) -> None:
        """The body was cut off because the whole run is being cancelled."""
        ...

    def closing(self) -> None:
        """The run is being cancelled: nothing more may be started."""
        ...


class Reported(NamedTuple):
    """What a body has told of its progress.

    Attributes:
        attempt: Which try it was.
        percent: How far it has come.
        text: That in words.
        rate: How fast it goes, in words, or None.
        at: When it said so, on a clock that only compares.
    """

    attempt: tuple[int, int]
    percent: float
    text: str
    rate: str | None
    at: float


class Worker:
    """One worker, and the ``Report`` of the job it is at.

    It works until one of its bodies is stopped. Another one takes its place then: what is left of that body, in
    a thread, reports to nobody.
    """

    __slots__ = ("_bodies", "attempt", "reported", "requests", "scope", "step", "stopped_for", "suspended")

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self.requests = cancellations.Requests()
        self.scope = anyio.CancelScope()
        self.step: int | None = None
        self.attempt = 0
        self.stopped_for: BaseException | None = None
        self.suspended = False
        self.reported: Reported | None = None

    @property
    def timed_out(self) -> bool:
        """Whether the body is being stopped because its time is up; for any other reason its end is waited for."""
        return isinstance(self.stopped_for, StepTimeout)

    def queued(self) -> None:
        """The job waits for a place to run."""
        if self.step is not None:
            self._bodies.queued(self.step)

    def began(self) -> None:
        """The job has got its place."""
        if self.step is not None:
            self._bodies.began(self.step)

    def heartbeat(self) -> None:
        """The body is alive; nobody judges that yet."""

    def progress(self, percent: float, text: str = "", rate: str | None = None) -> None:
        """The body has come so far; kept until somebody asks."""
        if self.step is not None:
            self.reported = Reported((self.step, self.attempt), percent, text, rate, monotonic())


class Pool:
    """Runs released bodies with at most *limit* workers."""

    def __init__(self, bodies: Bodies, limit: int, ask: Callable[[], None]) -> None:
        """A pool that asks for ``wake`` to be called from inside its group by calling *ask*."""
        self._bodies, self._limit, self._ask = bodies, limit, ask
        self._group: TaskGroup | None = None
        self._released: deque[tuple[int, int]] = deque()
        self._parked: list[anyio.Event] = []
        self._busy: dict[tuple[int, int], Worker] = {}
        self._hired = 0
        self._waking = False

    def open(self, group: TaskGroup) -> None:
        """Hire workers into *group* from now on."""
        self._group = group

    def release(self, step: int, attempt: int) -> None:
        """Let this attempt begin as soon as a worker is free; call ``wake`` when all are released."""
        self._released.append((step, attempt))

    def wake(self, *, inside: bool) -> None:
        """See to it that somebody is on the way to what was released.

        Only a task *inside* the group may hire into it: from elsewhere it could be closing at this moment.
        """
        if self._waking or not self._released:
            return
        if self._parked:
            self._waking = True
            self._parked.pop().set()
        elif self._hired < self._limit and not inside:
            self._ask()
        elif self._hired < self._limit and self._group is not None:
            self._waking = True
            self._hired += 1
            self._group.start_soon(self._work)

    def stop(self, step: int, attempt: int, error: BaseException) -> None:
        """Stop a running body; it ends as failed with *error*."""
        worker = self._busy.get((step, attempt))
        if worker is None:
            with suppress(ValueError):  # what has not begun never will
                self._released.remove((step, attempt))
        elif worker.stopped_for is None:
            worker.stopped_for = error
            worker.scope.cancel()

    def reported(self, step: int, attempt: int) -> Reported | None:
        """What the body of this attempt has told of its progress; None if it has not, or does not run."""
        worker = self._busy.get((step, attempt))
        told = None if worker is None else worker.reported
        return told if told is not None and told.attempt == (step, attempt) else None

    async def _work(self) -> None:
        me = Worker(self._bodies)
        self._waking = False
        try:
            while True:
                before = me.requests.count()
                try:
                    with me.scope:
                        await self._serve(me)
                except BaseException as error:
                    # Outside of its own scope: a body that was stopped may have answered with anything.
                    outside = me.stopped_for is None or cancellations.is_cancelled()
                    if outside or cancellations.ends_the_program(error):
                        raise
                    me.requests.forget(before)
                if me.step is not None and me.stopped_for is not None:
                    self._ended(me, self._bodies.failed, me.stopped_for)
                me = Worker(self._bodies)
        finally:
            if me.step is not None:
                self._ended(me, self._bodies.interrupted)

    async def _serve(self, me: Worker) -> None:
        scope, released = me.scope, self._released
        since = monotonic()
        while not scope.cancel_called:
            if not released:
                await self._park()
                since = monotonic()
                continue
            me.step, me.attempt = released.popleft()
            self._busy[me.step, me.attempt] = me
            if released and not self._waking:
                self.wake(inside=True)
            await self._attempt(me)
            if monotonic() - since > TURN:
                await checkpoint()
                since = monotonic()

    async def _attempt(self, me: Worker) -> None:
        """Run one body to its end, and tell how it ended; what it raised is its own unless the run is cancelled."""
        assert me.step is not None  # noqa: S101 - said for the type checker
        before = me.requests.count()
        me.suspended = False
        try:
            context, body = self._bodies.body(me.step, me.attempt, me)
            output = await isolated(context, body if isinstance(body, CoroutineType) else _awaiting(body), me)
        except BaseException as error:
            if me.stopped_for is not None or cancellations.ends_the_program(error):
                raise
            if cancellations.is_cancelled() and cancellations.answers_cancellation(error):
                await checkpoint()  # raises the cancellation itself, not what the body made of it
                raise
            me.requests.forget(before)
            self._ended(me, self._bodies.failed, error)
        else:
            if me.suspended and not cancellations.is_cancelled():
                me.requests.forget(before)
            self._ended(me, self._bodies.completed, output)

    async def _park(self) -> None:
        event = anyio.Event()
        self._parked.append(event)
        try:
            await event.wait()
        finally:
            if event.is_set():
                self._waking = False
            else:
                self._parked.remove(event)

    def _ended(self, me: Worker, tell: Callable[..., None], *what: object) -> None:
        step, attempt = me.step, me.attempt
        assert step is not None  # noqa: S101 - said for the type checker
        me.step = None
        # A cancellation that came meanwhile is delivered at the next await; what is decided now must know of it.
        if me.suspended and not me.stopped_for and cancellations.is_cancelled():
            self._bodies.closing()
        del self._busy[step, attempt]
        tell(step, attempt, *what)


async def _awaiting(awaitable: Awaitable[object]) -> object:
    """A coroutine that does what *awaitable* does."""
    return await awaitable


@types.coroutine
def isolated(context: Context, body: Coroutine[Any, Any, object], worker: Worker) -> Generator[Any, Any, object]:
    """Run *body* to its end inside *context*, on the task that awaits this; note whether it was suspended."""
    run, send, throw = context.run, body.send, body.throw
    value: Any = None  # Any: what the event loop passes to and fro
    error: BaseException | None = None
    while True:
        try:
            request = run(send, value) if error is None else run(throw, error)
        except StopIteration as stop:
            return stop.value
        worker.suspended = True
        try:
            value, error = (yield request), None
        except BaseException as thrown:  # noqa: BLE001 - whatever comes from the loop belongs to the body
            error = thrown
