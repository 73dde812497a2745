"""What a running body can ask and tell: ``current_step()``."""

from collections.abc import Mapping
from contextvars import ContextVar
from copy import deepcopy
from datetime import timedelta
from typing import NamedTuple

import anyio

from taskorch.core.documents import JSON
from taskorch.core.json_text import shown
from taskorch.core.runs import idempotency_key
from taskorch.core.times import LONGEST
from taskorch.engine.pool import Worker
from taskorch.errors import InvalidParameters, NotInStep
from taskorch.protocols import Clock


class Here(NamedTuple):
    """What is the same for all steps of a run.

    Attributes:
        run_id: The run.
        params: Its params.
        context: Its context.
        clock: Its time.
        caller: The step whose body has begun the run, or None.
    """

    run_id: str
    params: Mapping[str, JSON]
    context: Mapping[str, JSON]
    clock: Clock
    caller: "StepContext | None" = None


class StepContext:
    """The step whose body is running.

    Attributes:
        id: Its id.
        attempt: Which try this is, from 1.
    """

    __slots__ = ("_here", "_number", "_worker", "attempt", "id")

    def __init__(self, here: Here, id: str, number: int, attempt: int, worker: Worker) -> None:
        self._here, self.id, self._number, self.attempt, self._worker = here, id, number, attempt, worker

    @property
    def run_id(self) -> str:
        """The run."""
        return self._here.run_id

    def is_within(self, run_id: str) -> bool:
        """Whether it is a step of the run *run_id*, or of a run that such a step has begun."""
        caller = self._here.caller
        return self.run_id == run_id or (caller is not None and caller.is_within(run_id))

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt of this step in this run, and no other."""
        return idempotency_key(self._here.run_id, self.id)

    @property
    def params(self) -> dict[str, JSON]:
        """The params of the run: a copy, as other bodies must not see what this one does to it."""
        return deepcopy(dict(self._here.params))

    @property
    def context(self) -> dict[str, JSON]:
        """The context of the run, a copy likewise."""
        return deepcopy(dict(self._here.context))

    def progress(self, percent: float, text: str = "", rate: str | None = None) -> None:
        """Tell how far the body has come, for whoever asks for the status of the run.

        Args:
            percent: 0 to 100.
            text: What it is at, in words.
            rate: How fast it goes, with its unit: ``"1000 records/second"``.

        Long texts are cut, and what is below 0 or above 100 counts as that.

        Raises:
            InvalidReport: *percent* is no number, or *text* or *rate* no text.
        """
        if self._worker.is_at(self._number, self.attempt):  # a task that outlives its body tells nothing any more
            self._worker.progress(percent, text, rate)

    def heartbeat(self) -> None:
        """Tell that the body is alive."""
        self._worker.heartbeat()

    async def sleep(self, seconds: float) -> None:
        """Wait on the run's clock, which a test may move by hand. Even ``sleep(0)`` lets others have a turn.

        Raises:
            InvalidParameters: *seconds* is no number, or more than a century.
        """
        number: object = seconds
        if not isinstance(number, int | float) or not abs(number) <= LONGEST.total_seconds():
            raise InvalidParameters([f"can't sleep for {shown(repr(number))}; give seconds, at most 100 years of them"])
        clock = self._here.clock
        await clock.wait(anyio.Event(), clock.now() + timedelta(seconds=seconds))


CURRENT: ContextVar[StepContext] = ContextVar("taskorch_current_step")


def current_step() -> StepContext:
    """The step whose body is running.

    Raises:
        NotInStep: No body of a step asks; it is a ``LookupError`` as well.
    """
    try:
        return CURRENT.get()
    except LookupError:
        raise NotInStep from None
