"""Whether a dispatcher keeps the promises of ``taskorch.protocols.Dispatcher``: checks to run on one's own.

They are plain coroutine functions without a test framework; what is broken is said by an ``AssertionError``.
The bodies are picklable and speak through files, so that they may run in another process or on a machine that
sees the same directory for temporary files.
"""

import inspect
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel

from taskorch.protocols import Dispatcher, Job

PATIENCE = 10.0  # seconds that anything here may take at most
LIMIT = 60.0  # seconds that one check may take: a dispatcher that never returns is so found
TOGETHER = 3  # bodies that must be able to run at the same time


class BodyError(Exception):
    """What the bodies here raise."""


class QuietReport:
    """A report that notes nothing; the job is not timed out."""

    timed_out = False

    def queued(self) -> None:
        """Do nothing."""

    def began(self) -> None:
        """Do nothing."""

    def heartbeat(self) -> None:
        """Do nothing."""

    def progress(self, percent: float, text: str = "", rate: str | None = None) -> None:
        """Do nothing."""


async def check_dispatcher(factory: Callable[[], Dispatcher], *, blocks: bool = True, awaits: bool = True) -> None:
    """Run every check that applies, each with a dispatcher of its own.

    Args:
        factory: Makes the dispatcher.
        blocks: Whether bodies may block: False for one that runs them on the event loop.
        awaits: Whether it awaits what a body returns: False for one that runs bodies where no event loop is.

    Raises:
        AssertionError: A promise is broken; the text says which.
        TypeError: The factory makes no dispatchers.
    """
    for blocking in (True, False) if awaits else (True,):
        checks: list[Callable[..., Awaitable[None]]] = [check_returns, check_raises, check_independence]
        if blocks or not blocking:
            checks += [check_together, check_cancellation]
        for check in checks:
            with anyio.move_on_after(LIMIT) as scope:
                await check(_made(factory), blocking=blocking)
            _expect(not scope.cancelled_caught, f"{check.__name__} did not end within {LIMIT:g} s")


def _made(factory: Callable[[], Dispatcher]) -> Dispatcher:
    """A new dispatcher; ``TypeError`` if it is none."""
    if not callable(factory):
        raise TypeError(f"check_dispatcher needs a function that makes a dispatcher, not a {type(factory).__name__}")
    made: Any = factory()  # Any: that is what is asked here
    if isinstance(made, type) or not callable(getattr(made, "dispatch", None)):
        if inspect.iscoroutine(made):
            made.close()  # nobody will await it
        name = made.__name__ if isinstance(made, type) else type(made).__name__
        raise TypeError(f"the factory gave no dispatcher ({name}); let it return one, with an async dispatch()")
    dispatcher: Dispatcher = made
    return dispatcher


async def check_returns(dispatcher: Dispatcher, *, blocking: bool) -> None:
    """The output of a body comes back as it is."""
    for value in (None, 0, "", "é\n", [1, {"a": 2.5}], False):
        found = await _dispatch(dispatcher, _bodies(blocking).give, value)
        _expect(found == value, f"the body returned {value!r}, the dispatcher {found!r}")
        _expect(type(found) is type(value), f"the body returned {value!r}, the dispatcher {found!r}")


async def check_raises(dispatcher: Dispatcher, *, blocking: bool) -> None:
    """What a body raises arrives with its own type and arguments."""
    try:
        found = await _dispatch(dispatcher, _bodies(blocking).fail, "why")
    except BodyError as error:
        arguments = error.args
    except Exception as error:
        raise AssertionError(f"the body raised BodyError, the dispatcher {type(error).__name__}") from error
    else:
        raise AssertionError(f"the body raised BodyError, the dispatcher returned {found!r}")
    _expect(arguments == ("why",), f"the error lost its arguments: {arguments!r}")


async def check_together(dispatcher: Dispatcher, *, blocking: bool) -> None:
    """Several bodies run at the same time: each waits here until all have begun."""
    results: list[object] = []

    async def one(name: str, place: str) -> None:
        results.append(await _dispatch(dispatcher, _bodies(blocking).meet, place, name))

    with _directory() as place:
        async with anyio.create_task_group() as jobs:
            for number in range(TOGETHER):
                jobs.start_soon(one, f"{number}", place)
    _expect(results == [True] * TOGETHER, f"{TOGETHER} bodies did not run at the same time")


async def check_independence(dispatcher: Dispatcher, *, blocking: bool) -> None:
    """A body that fails does no harm to the others, and the dispatcher goes on."""
    results: list[object] = []

    async def one(number: int) -> None:
        try:
            body = _bodies(blocking).fail if number % 2 else _bodies(blocking).give
            results.append(await _dispatch(dispatcher, body, number))
        except BodyError as error:
            results.append(repr(error))

    async with anyio.create_task_group() as jobs:
        for number in range(2 * TOGETHER):
            jobs.start_soon(one, number)
    expected = [repr(BodyError(number)) if number % 2 else number for number in range(2 * TOGETHER)]
    _expect(sorted(map(str, results)) == sorted(map(str, expected)), f"of {expected} came {results}")


async def check_cancellation(dispatcher: Dispatcher, *, blocking: bool) -> None:
    """When a cancelled call has ended, its body does nothing more; and the dispatcher goes on."""
    with _directory() as place:
        trace = Path(place, "trace")
        async with anyio.create_task_group() as jobs:
            jobs.start_soon(_dispatch, dispatcher, _bodies(blocking).tick, str(trace))
            with anyio.fail_after(PATIENCE):
                while not _size(trace):  # noqa: ASYNC110  # it is a file, of perhaps another process
                    await anyio.sleep(0.01)
            jobs.cancel_scope.cancel()
        size = _size(trace)
        await anyio.sleep(0.1)
        _expect(_size(trace) == size, "the body went on after the cancelled call had ended")
    await check_returns(dispatcher, blocking=blocking)


async def _dispatch(dispatcher: Dispatcher, body: Callable[..., object], *arguments: object) -> object:
    job = Job(
        run_id="check",
        step_id="body",
        attempt=1,
        call=partial(body, *arguments),
    )
    return await dispatcher.dispatch(job, QuietReport())


class _Blocking:
    """Bodies that return when they are done."""

    @staticmethod
    def give(value: object) -> object:
        return value

    @staticmethod
    def fail(value: object) -> object:
        raise BodyError(value)

    @staticmethod
    def meet(place: str, name: str) -> bool:
        limit = _join(place, name)
        while not (met := _is_full(place)) and time.monotonic() < limit:
            time.sleep(0.01)
        return met

    @staticmethod
    def tick(trace: str) -> None:
        for _ in range(50):  # it may be that it cannot be stopped; then its end is waited for
            _leave(trace)
            time.sleep(0.01)


class _Awaiting:
    """The same bodies, to be awaited."""

    @staticmethod
    async def give(value: object) -> object:
        await anyio.lowlevel.checkpoint()
        return value

    @staticmethod
    async def fail(value: object) -> object:
        await anyio.lowlevel.checkpoint()
        raise BodyError(value)

    @staticmethod
    async def meet(place: str, name: str) -> bool:
        limit = _join(place, name)
        while not (met := _is_full(place)) and time.monotonic() < limit:  # noqa: ASYNC110  # see above
            await anyio.sleep(0.01)
        return met

    @staticmethod
    async def tick(trace: str) -> None:
        for _ in range(500):
            _leave(trace)
            await anyio.sleep(0.01)


def _expect(condition: bool, otherwise: str) -> None:
    if not condition:  # an `assert` would be silent under `python -O`
        raise AssertionError(otherwise)


def _bodies(blocking: bool) -> type[_Blocking] | type[_Awaiting]:
    return _Blocking if blocking else _Awaiting


@contextmanager
def _directory() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="taskorch-check-") as place:
        yield place


def _join(place: str, name: str) -> float:
    Path(place, name).touch()
    return time.monotonic() + PATIENCE


def _is_full(place: str) -> bool:
    return len(list(Path(place).iterdir())) == TOGETHER


def _leave(trace: str) -> None:
    with Path(trace).open("ab") as file:
        file.write(b".")


def _size(trace: Path) -> int:
    return trace.stat().st_size if trace.exists() else 0
