"""Telling cancellations apart: that of the run, that of one body, and those a body brings along.

The only room of the engine that knows asyncio by name, because asyncio remembers a cancellation longer than the
task that was cancelled, and lets it through shields.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from math import inf
from typing import TypeVar

import anyio

T = TypeVar("T")


def is_cancelled() -> bool:
    """Whether a scope around the running code is cancelled."""
    return anyio.current_effective_deadline() == -inf


def ends_the_program(error: BaseException) -> bool:
    """Whether an error that came out of a body, or one in a group of them, is for nobody below the program."""
    harmless = (Exception, SystemExit, asyncio.CancelledError, anyio.get_cancelled_exc_class())
    return any(not isinstance(leaf, harmless) for leaf in _leaves(error))


def leaves_the_loop(error: BaseException) -> bool:
    """Whether an error has left the event loop already, at the instant it was raised.

    Those who wait for its task must not raise it once more: asyncio could not clean up then, and its threads would
    keep the program from ending.
    """
    return isinstance(error, KeyboardInterrupt | SystemExit) and Requests().is_kept


def answers_cancellation(error: BaseException) -> bool:
    """Whether an error is a cancellation, or was raised while one was being handled."""
    cancelled = anyio.get_cancelled_exc_class()
    pending, seen = [error], set[int]()
    while pending:
        for leaf in _leaves(pending.pop()):
            if isinstance(leaf, cancelled):
                return True
            if id(leaf) not in seen:
                seen.add(id(leaf))
                pending.extend(inner for inner in (leaf.__context__, leaf.__cause__) if inner is not None)
    return False


class Requests:
    """The cancellations of the running task that asyncio remembers; on trio there is no such thing."""

    def __init__(self) -> None:
        """Those of the task that makes this."""
        try:
            self._task = asyncio.current_task()
        except RuntimeError:
            self._task = None

    @property
    def is_kept(self) -> bool:
        """Whether this is asyncio, which remembers."""
        return self._task is not None

    def count(self) -> int:
        """How many there are."""
        return 0 if self._task is None else self._task.cancelling()

    async def forget(self, before: int) -> None:
        """Have asyncio forget what a body left behind, down to *before*, so that the next one does not inherit it."""
        if self._task is None or self._task.cancelling() <= before:
            return
        while self._task.cancelling() > before:
            self._task.uncancel()
        with suppress(asyncio.CancelledError):  # one that is still to be delivered; that of a scope comes again
            await asyncio.sleep(0)


class Sentry:
    """Knows at once, and at little cost, that something around a task group was cancelled.

    On asyncio a cancellation reaches every task that waits at the instant it is made, so a task that does nothing else
    has heard of it; elsewhere the scopes are asked.

    Attributes:
        is_alarmed: Whether something around it is cancelled.
    """

    def __init__(self) -> None:
        """One that is not on its post yet."""
        self.is_alarmed: Callable[[], object] = is_cancelled

    async def stand(self) -> None:
        """Wait in a task of the group until that is cancelled."""
        with suppress(RuntimeError):
            if (task := asyncio.current_task()) is not None:
                self.is_alarmed = task.cancelling
        await anyio.sleep_forever()


async def uncut(call: Callable[[], Awaitable[T]]) -> T:
    """What *call* answers; it is carried to its end however often, and by whatever means, the caller is cancelled.

    A shield alone does not stop ``Task.cancel()``; a task of its own under a shield does. The cancellation is
    raised afterwards, so whoever must know the answer notes it in *call*.
    """
    outcome: list[T] = []
    failure: list[BaseException] = []

    async def work() -> None:
        with anyio.CancelScope(shield=True):
            try:
                outcome.append(await call())
            except Exception as error:  # noqa: BLE001 - raised again below, without the group around it
                failure.append(error)

    async with anyio.create_task_group() as group:
        group.start_soon(work)
    if failure:
        raise failure[0]
    return outcome[0]


def sole(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The exception a group is about, if it is only one."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error
