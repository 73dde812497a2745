"""The conformance checks find what is broken."""

from collections.abc import Callable
from typing import Any, cast

import anyio
import pytest

from taskorch.dispatchers import ThreadDispatcher
from taskorch.protocols import Job, Report
from taskorch.testing import dispatchers as checks


class Broken:
    """A dispatcher that breaks one promise."""

    def __init__(self, break_it: Callable[[Any, Job, Report], Any]) -> None:
        self._break, self._inner, self._turn = break_it, ThreadDispatcher(), anyio.Lock()

    async def dispatch(self, job: Job, report: Report) -> object:
        """Break the promise."""
        return await self._break(self, job, report)


async def wraps_results(self: Broken, job: Job, report: Report) -> object:
    """Does not return what the body returned."""
    return [await self._inner.dispatch(job, report)]


async def wraps_errors(self: Broken, job: Job, report: Report) -> object:
    """Loses the type of an error."""
    try:
        return await self._inner.dispatch(job, report)
    except checks.BodyError as error:
        raise ValueError("remote error") from error


async def swallows_errors(self: Broken, job: Job, report: Report) -> object:
    """Loses an error."""
    try:
        return await self._inner.dispatch(job, report)
    except checks.BodyError:
        return None


async def one_at_a_time(self: Broken, job: Job, report: Report) -> object:
    """Has room for one."""
    async with self._turn:
        return await self._inner.dispatch(job, report)


async def abandons(self: Broken, job: Job, report: Report) -> object:
    """Leaves a cancelled body running."""
    return await anyio.to_thread.run_sync(cast("Any", job.call), abandon_on_cancel=True)


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (wraps_results, "the body returned"),
        (wraps_errors, "the dispatcher ValueError"),
        (swallows_errors, "the dispatcher returned None"),
        (one_at_a_time, "did not run at the same time"),
        (abandons, "went on after the cancelled call"),
    ],
)
async def test_a_broken_promise_is_found(fault: Callable[..., Any], text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each planted fault is found, and the error says what is wrong."""
    monkeypatch.setattr(checks, "PATIENCE", 0.2)

    with pytest.raises(AssertionError, match=text):
        await checks.check_dispatcher(lambda: Broken(fault), awaits=False)


async def _an_async_factory() -> ThreadDispatcher:
    return ThreadDispatcher()


@pytest.mark.parametrize(
    "factory", [None, ThreadDispatcher(), lambda: None, lambda: ThreadDispatcher, _an_async_factory], ids="abcde"
)
async def test_nonsense_for_a_factory_is_told(factory: Any) -> None:
    """What makes no dispatchers is a TypeError before the first check."""
    with pytest.raises(TypeError, match="dispatcher"):
        await checks.check_dispatcher(factory)


async def test_a_dispatcher_that_never_returns_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check ends within its bound."""

    async def waits(self: Broken, job: Job, report: Report) -> object:
        return await anyio.sleep_forever()

    monkeypatch.setattr(checks, "LIMIT", 0.05)
    with pytest.raises(AssertionError, match="check_returns did not end within"):
        await checks.check_dispatcher(lambda: Broken(waits))
