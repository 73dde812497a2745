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
from numbers import Real
from time import monotonic
from types import CoroutineType
from typing import Any, NamedTuple, Protocol, cast

import anyio
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

from taskorch.core.json_text import described
from taskorch.engine import cancellations
from taskorch.errors import InvalidReport, StepTimeout

TURN = 0.005
"""After so many seconds without suspension a worker lets others have a turn."""


MOST_TEXT = 300
"""So many characters of what a body tells are kept."""


class Bodies(Protocol):
    """What the pool runs, and whom it tells.

    Attributes:
        is_closing: Whether the run is being cancelled, so that nothing more is started; the pool says so first.
    """

    is_closing: bool

    def body(self, step: int, attempt: int, worker: "Worker") -> tuple[Context, Callable[[], object]]:
        """What to call for the body of an attempt, which has begun; and to await, if it gives what can be awaited.

        The context is where both happen.
        """
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


class Reported(NamedTuple):
    """What a body has told of its progress.

    Attributes:
        attempt: Which try it was.
        percent: How far it has come, from 0 to 100.
        text: That in words, cut where they are many.
        rate: How fast it goes, in words, or None.
        at: When it said so, on a clock that only compares.
    """

    attempt: tuple[int, int]
    percent: float
    text: str
    rate: str | None
    at: float

    @classmethod
    def of(cls, attempt: tuple[int, int], percent: object, text: object, rate: object) -> "Reported":
        """What is told now; ``InvalidReport`` for what is no number and no text."""
        if isinstance(percent, bool) or not isinstance(percent, Real) or percent != percent:  # noqa: PLR0124 - NaN
            raise InvalidReport.because(f"expected 0 to 100, got {described(percent)}", "a number", "percent")
        for name, words in (("text", text), ("rate", "" if rate is None else rate)):
            if not isinstance(words, str):
                raise InvalidReport.because(f"expected a text, got {described(words)}", "say it in words", name)
        share = 0.0 if percent <= 0 else float(percent) if percent < 100 else 100.0
        return cls(attempt, share, _legible(str(text)), None if rate is None else _legible(str(rate)), monotonic())


def _legible(text: str) -> str:
    """As much of a text as is kept, in characters that can be written anywhere."""
    return text[:MOST_TEXT].encode("utf-8", "replace").decode()


class Worker:
    """One worker, and the ``Report`` of the job it is at.

    It works until one of its bodies is stopped. Another one takes its place then: what is left of that body, in
    a thread, reports to nobody.
    """

    __slots__ = ("_bodies", "attempt", "reported", "requests", "scope", "step", "stopped_for")

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self.requests = cancellations.Requests()
        self.scope = anyio.CancelScope()
        self.step: int | None = None
        self.attempt = 0
        self.stopped_for: BaseException | None = None
        self.reported: Reported | None = None

    @property
    def timed_out(self) -> bool:
        """Whether the body is being stopped because its time is up; for any other reason its end is waited for."""
        return isinstance(self.stopped_for, StepTimeout)

    def is_at(self, step: int, attempt: int) -> bool:
        """Whether it is at this very attempt."""
        return self.step == step and self.attempt == attempt

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
        """The body has come so far; kept until somebody asks.

        Raises:
            InvalidReport: What it tells is no number and no text.
        """
        if self.step is not None:
            self.reported = Reported.of((self.step, self.attempt), percent, text, rate)


class Pool:
    """Runs released bodies with at most *limit* workers."""

    def __init__(self, bodies: Bodies, limit: int, ask: Callable[[], None]) -> None:
        """A pool that asks for ``wake`` to be called from inside its group by calling *ask*."""
        self._bodies, self._limit, self._ask = bodies, limit, ask
        self._group: TaskGroup | None = None
        self._released: deque[tuple[int, int]] = deque()
        self._parked: list[anyio.Event] = []
        self._new_event: Callable[[], anyio.Event] = anyio.Event
        self._sentry = cancellations.Sentry()
        self._busy: dict[int, Worker] = {}  # by step: of its attempts one runs at a time
        self._hired = 0
        self._waking = False

    def open(self, group: TaskGroup) -> None:
        """Hire workers into *group* from now on."""
        self._group = group
        group.start_soon(self._sentry.stand)
        self._new_event = type(anyio.Event())  # of this event loop: it is asked for once, not for each event

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

    def stop(self, step: int, attempt: int, error: BaseException) -> bool:
        """Stop a running body: unless it returns nevertheless, it ends as failed with *error*.

        False if it has not begun; it never will then, and nobody else tells how it ended.
        """
        worker = self._worker_of(step, attempt)
        if worker is None:
            with suppress(ValueError):  # or it is not even released yet
                self._released.remove((step, attempt))
            return False
        if worker.stopped_for is None:
            worker.stopped_for = error
            worker.scope.cancel()
        return True

    def reported(self, step: int, attempt: int) -> Reported | None:
        """What the body of this attempt has told of its progress; None if it has not, or does not run."""
        worker = self._worker_of(step, attempt)
        told = None if worker is None else worker.reported
        return told if told is not None and told.attempt == (step, attempt) else None

    def _worker_of(self, step: int, attempt: int) -> Worker | None:
        worker = self._busy.get(step)
        return worker if worker is not None and worker.attempt == attempt else None

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
                    await me.requests.forget(before)
                if me.step is not None and me.stopped_for is not None:
                    self._ended(me, self._bodies.failed, me.stopped_for)
                me = Worker(self._bodies)
        finally:
            if me.step is not None and me.stopped_for is not None:  # which was decided before the run was cut off
                self._bodies.is_closing = True
                self._ended(me, self._bodies.failed, me.stopped_for)
            elif me.step is not None:
                self._ended(me, self._bodies.interrupted)

    async def _serve(self, me: Worker) -> None:
        """Run bodies as they are released, until one of them is stopped."""
        while me.stopped_for is None:
            if self._released and not self._bodies.is_closing:
                await self._run_released(me)  # what it has in hand is let go before the worker parks
            else:
                await self._park()  # where a cancellation comes

    async def _run_released(self, me: Worker) -> None:
        """Run the released bodies one after another, until there is none or one of them is stopped."""
        bodies, released, busy = self._bodies, self._released, self._busy
        before, since = me.requests.count(), monotonic()
        while released and me.stopped_for is None and not bodies.is_closing:
            step, attempt = me.step, me.attempt = released.popleft()
            busy[step] = me
            if released and not self._waking:
                self.wake(inside=True)
            try:
                context, call = bodies.body(step, attempt, me)
                output = context.run(call)
                if hasattr(type(output), "__await__"):  # the type is asked: a mock has every attribute
                    body = output if type(output) is CoroutineType else _awaiting(cast("Awaitable[object]", output))
                    try:
                        request = context.run(body.send, None)
                    except StopIteration as stop:
                        output = stop.value
                    else:
                        output = await _resumed(context, body, request)
                        since = monotonic()  # others have had a turn
            except BaseException as error:  # noqa: BLE001 - raised again if it is not the body's own
                await self._raised(me, error, before)
            else:
                me.step = None
                del busy[step]
                if self._sentry.is_alarmed():
                    bodies.is_closing = True
                bodies.completed(step, attempt, output)
            if me.requests.count() > before and not cancellations.is_cancelled():
                await me.requests.forget(before)
            if monotonic() - since > TURN:
                await checkpoint()
                since = monotonic()

    async def _raised(self, me: Worker, error: BaseException, before: int) -> None:
        """Tell what a body has raised; it is its own unless it was stopped, or the run is cancelled."""
        if me.stopped_for is not None or cancellations.ends_the_program(error):
            raise error
        if cancellations.is_cancelled():
            if cancellations.answers_cancellation(error):
                await checkpoint()  # raises the cancellation itself, not what the body made of it
                raise error
            self._bodies.is_closing = True
        await me.requests.forget(before)
        if isinstance(error, StopIteration):  # as everywhere else: no coroutine could raise it
            error, cause = RuntimeError("the body raised StopIteration"), error
            error.__cause__ = cause
        self._ended(me, self._bodies.failed, error)

    async def _park(self) -> None:
        event = self._new_event()
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
        del self._busy[step]
        tell(step, attempt, *what)


async def _awaiting(awaitable: Awaitable[object]) -> object:
    """A coroutine that does what *awaitable* does."""
    return await awaitable


@types.coroutine
def _resumed(context: Context, body: Coroutine[Any, Any, object], request: Any) -> Generator[Any, Any, object]:
    """Run *body* on to its end inside *context*, on the task that awaits this; *request* is what it waits for first.

    Any: what the event loop passes to and fro.
    """
    run = context.run
    resume: Callable[..., Any]  # Any: as above
    while True:
        try:
            value = yield request
        except BaseException as thrown:  # noqa: BLE001 - whatever comes from the loop belongs to the body
            resume, value = body.throw, thrown
        else:
            resume = body.send
        try:
            request = run(resume, value)
        except StopIteration as stop:
            return stop.value
