"""What a running body can ask and tell: ``current_step()``."""

from collections.abc import Mapping
from contextvars import ContextVar
from copy import deepcopy
from datetime import timedelta

import anyio

from taskorch.core.documents import JSON
from taskorch.protocols import Clock, Report


class StepContext:
    """The step whose body is running.

    Attributes:
        id: Its id.
        run_id: The run.
        attempt: Which try this is, from 1.
        idempotency_key: The same for every attempt of this step in this run, and no other.
    """

    __slots__ = ("_clock", "_context", "_params", "_report", "attempt", "id", "idempotency_key", "run_id")

    def __init__(
        self,
        *,
        id: str,
        run_id: str,
        attempt: int,
        idempotency_key: str,
        params: Mapping[str, JSON],
        context: Mapping[str, JSON],
        report: Report,
        clock: Clock,
    ) -> None:
        self.id, self.run_id, self.attempt, self.idempotency_key = id, run_id, attempt, idempotency_key
        self._params, self._context = params, context
        self._report, self._clock = report, clock

    @property
    def params(self) -> dict[str, JSON]:
        """The params of the run: a copy, as other bodies must not see what this one does to it."""
        return deepcopy(dict(self._params))

    @property
    def context(self) -> dict[str, JSON]:
        """The context of the run, a copy likewise."""
        return deepcopy(dict(self._context))

    def progress(self, percent: float, text: str = "") -> None:
        """Tell how far the body has come: 0 to 100, and in words."""
        self._report.progress(percent, text)

    def heartbeat(self) -> None:
        """Tell that the body is alive."""
        self._report.heartbeat()

    async def sleep(self, seconds: float) -> None:
        """Wait on the run's clock, which a test may move by hand. Even ``sleep(0)`` lets others have a turn."""
        await self._clock.wait(anyio.Event(), self._clock.now() + timedelta(seconds=seconds))


CURRENT: ContextVar[StepContext] = ContextVar("taskorch_current_step")


def current_step() -> StepContext:
    """The step whose body is running; ``LookupError`` outside of one."""
    try:
        return CURRENT.get()
    except LookupError:
        raise LookupError("current_step() means something only in the body of a step") from None
