"""The ways to disturb a run at a given step.

``cancel`` cancels the scope around the run; ``native`` is asyncio's own ``Task.cancel()``, as Ctrl-C and
``asyncio.timeout`` use it, and ``native-again`` does so twice; ``sibling`` lets a task beside the run raise what is
no ``Exception``; ``again`` cancels a second, outer scope while the run is still being cancelled; ``twice`` also
cancels the resumed run.
"""

import asyncio
from typing import Any

import anyio
import attrs

from tests.harness.steps import Steps


class InterruptionError(BaseException):
    """Raised by a sibling of the run; like KeyboardInterrupt it is no Exception."""


@attrs.frozen
class Point:
    """Where and how a run is disturbed: before its *first* step, and perhaps before a *second*."""

    kind: str
    first: int
    second: int = 0


class Disturbed:
    """Runs something and disturbs it; the disturbance itself does not get out."""

    def __init__(self, counter: Steps, point: Point) -> None:
        self._steps, self._point = counter, point

    async def __call__(self, start: Any) -> Any:  # Any: the run, and its result or None
        """Run *start*: its result, or None if it was cut off."""
        match self._point.kind:
            case "native" | "native-again":
                return await self._natively(start)
            case "sibling":
                return await self._beside(start)
        first, second = self._point.first, self._point.second
        with anyio.CancelScope() as outer, anyio.CancelScope() as inner:
            self._steps.arm({first: inner.cancel, second: outer.cancel})
            return await start()
        return None

    async def _natively(self, start: Any) -> Any:  # Any: as above
        task = asyncio.current_task()
        assert task is not None
        result = None
        self._steps.arm({self._point.first: task.cancel, self._point.second: task.cancel})
        try:
            result = await start()
            self._steps.disarm()
            await asyncio.sleep(0)  # a request that came with the last step
        except asyncio.CancelledError:
            self._steps.disarm()
        while task.cancelling():
            task.uncancel()
        return result

    async def _beside(self, start: Any) -> Any:  # Any: as above
        result = None

        async def sibling() -> None:
            await event.wait()
            raise InterruptionError

        event = anyio.Event()
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(sibling)
                self._steps.arm({self._point.first: event.set})
                result = await start()
                self._steps.disarm()
                group.cancel_scope.cancel()
        except BaseExceptionGroup as error:
            if error.split(InterruptionError)[1] is not None:
                raise
        return result
