"""A handle on a run that is alive: watching it, and steering it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import Any

import anyio
from anyio.abc import TaskGroup, TaskStatus
from anyio.lowlevel import RunVar

from taskorch.core.frontier.explanation import Explanation
from taskorch.core.frontier.facts import Fact
from taskorch.core.references import identity
from taskorch.core.results import RunResult
from taskorch.core.step import Step
from taskorch.core.suggestions import suggestion
from taskorch.core.times import microseconds
from taskorch.engine.current import CURRENT
from taskorch.engine.execution import Execution, LiveRun
from taskorch.errors import InvalidParameters, NotSteerable, OperatorError, UnknownRun, UnknownStep
from taskorch.protocols import Store

AnyStep = str | Step | Callable[..., Any]
"""A step by its id, by itself or by its function. Any: its body's parameters and output are its own."""

_ALIVE: RunVar[dict["RunHandle", None]] = RunVar("taskorch.engine.handle.alive")
"""The handles of this event loop, the oldest first: runs of another loop could not be steered from here."""


class RunHandle:
    """A run that is alive in the block of ``taskorch.start``, to be watched and steered while it goes on.

    All of it belongs to the event loop the run lives on.
    """

    def __init__(self, live: LiveRun, block: "Block | None" = None) -> None:
        """A handle on *live*; a run that lives in a *block* can be restarted there."""
        self._live, self._block = live, block
        self._over = anyio.Event()
        self._result: RunResult | None = None
        self._meter: Any = None  # Any: a Meter, whose room is entered when it is first asked for
        self.error: Exception | None = None  # why it has no result
        self.is_error_told = False

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self._live.run_id

    async def wait(self) -> RunResult:
        """Wait for the end of the run, and return its result.

        Raises:
            NotSteerable: A step of the run asks, and would wait for itself.
            OperatorError: The run was interrupted before its end.
            StaleLease: Another owner has taken the run over.
            StoreError: The store failed; the run can be resumed.
        """
        if self._is_inside():
            raise NotSteerable(self.run_id, "cannot be waited for by one of its own steps: neither would ever end")
        await self._over.wait()
        if self.error is not None:
            self.is_error_told = True
            raise self.error
        if self._result is None:
            raise OperatorError(f"run {self.run_id!r} was interrupted before its end; with a store it can be resumed")
        return self._result

    def status(self) -> dict[str, Any]:
        """How the run stands: D4's monitoring document. Any: JSON data.

        Its ``status`` is ``running``, ``paused``, ``completed``, ``failed`` or ``cancelled``; or ``interrupted`` if its
        block was left before its end, or its store failed: with a store it can be resumed.

        ``cpuUsage`` and ``memoryUsage`` are of this process and its children; the first is measured from one call
        to the next.
        """
        from taskorch.core.monitoring import Told, monitored
        from taskorch.engine.usage import Meter

        frontier, runner = self._live.frontier, self._live.runner
        told = {
            step: Told(found.percent, found.text, found.rate, found.at)
            for step in frontier.running()
            if (found := runner.reported(step, frontier.attempt[step])) is not None
        }
        self._meter = self._meter or Meter()
        return monitored(
            frontier,
            run_id=self.run_id,
            state=runner.task.state.current,
            started_at=microseconds(self._live.started_at),
            now=microseconds(self._live.clock.now()),
            told=told,
            usage=self._meter.read(),
            is_interrupted=self._over.is_set(),
        )

    def explain(self, step: AnyStep) -> Explanation:
        """Why a step stands where it stands.

        Raises:
            UnknownStep: The run has no such step.
        """
        from taskorch.core.frontier.explanation import explain

        return explain(self._live.frontier, self._id_of(step))

    async def pause(self) -> None:
        """Start nothing more; return once the bodies in flight have ended and, with a store, that is recorded.

        What was asked for stands although the wait for it is cancelled. Called by a step of the run it does not
        wait. Time goes on: bounds on the time of the run, of steps and of their waiting are not put off. A run that
        has ended stays as it is.
        """
        if not self._over.is_set():
            quiet = self._live.runner.pause()
            if not self._is_inside():
                await quiet.wait()

    async def resume(self) -> None:
        """Go on after a pause; a run that is not paused stays as it is."""
        await anyio.lowlevel.checkpoint()
        if not self._over.is_set():
            self._live.runner.go_on()

    async def cancel(self) -> None:
        """End the run for good, as ``cancelled``: what runs is stopped, and nothing of it is alive on return.

        A body in a thread cannot be stopped: it is waited for, and what it returns is dropped.

        One that has ended stays as it is.
        """
        if not self._over.is_set():
            self._live.runner.cancel()
        await self._over.wait()

    async def restart(self, from_step: AnyStep | None = None, *, failed_only: bool = False) -> "RunHandle":
        """Run it again under a new id, in the same block, with the same params; it is cancelled first if it goes on.

        Args:
            from_step: The step to begin with. It, whatever did not end well, and all that comes after either of
                them run again; the other steps keep what they have given.
            failed_only: Run only that again which did not end well, and what comes after it.

        Returns:
            The handle of the new run, whose task says ``restart_of``.

        Raises:
            UnknownStep: The run has no such step.
            InvalidParameters: Both were asked for.
            NotSteerable: It does not live in a block of ``taskorch.start``, or that has ended; or one of its steps
                asks.
        """
        if self._block is None:
            raise NotSteerable(self.run_id, "cannot be restarted: only a run in a block of taskorch.start() can")
        if self._is_inside():
            raise NotSteerable(self.run_id, "cannot be restarted by one of its own steps, which would be stopped first")
        if from_step is not None and failed_only:
            raise InvalidParameters(["from_step and failed_only exclude each other; give one of them"])
        id = None if from_step is None else self._id_of(from_step)
        return await self._block.open(partial(self._again, id, failed_only=failed_only), self.run_id)

    async def carry_out(self) -> RunResult:
        """Carry the run out to its end: for who has made the handle, and once."""
        try:
            self._result = await self._live.carry_out()
        except Exception as error:
            self.error = error
            raise
        finally:
            self._over.set()
        return self._result

    async def _again(self, from_step: str | None, *, failed_only: bool) -> Execution:
        from taskorch.core.restarts import carried, kept_steps

        await self.cancel()
        await self.wait()
        frontier = self._live.frontier
        first = None if from_step is None else frontier.plan.index[from_step]
        facts: list[Fact] = carried(frontier, kept_steps(frontier, first, failed_only=failed_only))
        assert self._block is not None  # noqa: S101 - said for the type checker
        return self._live.again(self._block.new_id(), facts)

    def _id_of(self, step: AnyStep) -> str:
        plan = self._live.frontier.plan
        if callable(step):
            asked = identity(step)
            ids = [one.id for one in plan.steps if one.body is not None and identity(one.body.function) == asked]
            id = ids[0] if len(ids) == 1 else getattr(step, "__name__", repr(step))
        else:
            id = step.id if isinstance(step, Step) else str(step)
        if id not in plan.index:
            raise UnknownStep(self.run_id, id, suggestion(id, plan.index))
        return id

    def _is_inside(self) -> bool:
        """Whether a step of this very run asks, or one of a run within it."""
        current = CURRENT.get(None)
        return current is not None and current.is_within(self.run_id)


class Block:
    """The block of code that runs live in: none of them outlives it."""

    def __init__(self, group: TaskGroup, store: Store | None, owner: str, new_id: Callable[[], str]) -> None:
        """A block for runs kept in *store* by *owner*; *new_id* gives those their ids that do others again."""
        self._group, self._store, self._owner, self.new_id = group, store, owner, new_id
        self.handles: list[RunHandle] = []
        self.is_over = False

    async def open(self, execution: Callable[[], Awaitable[Execution]], run_id: str) -> RunHandle:
        """Have a run carried out: its handle, once it is ready.

        Raises:
            NotSteerable: The block has ended.
        """
        if self.is_over:
            raise NotSteerable(run_id, "cannot be restarted: the block of its taskorch.start() has ended")
        found: RunHandle = await self._group.start(self._carry_out, execution)
        return found

    async def _carry_out(
        self, prepared: Callable[[], Awaitable[Execution]], *, task_status: TaskStatus[RunHandle]
    ) -> None:
        execution = await prepared()
        handle = RunHandle(await execution.opened(self._store, self._owner), self)
        self.handles.append(handle)
        _alive()[handle] = None
        task_status.started(handle)
        with suppress(Exception):  # it belongs to whoever waits for the run, or leaves the block
            await handle.carry_out()


@asynccontextmanager
async def block(
    execution: Execution, store: Store | None, owner: str, new_id: Callable[[], str]
) -> AsyncIterator[RunHandle]:
    """The block of a run and of those that do it again; it ends when they have ended."""

    async def prepared() -> Execution:
        return execution

    group = anyio.create_task_group()
    around = Block(group, store, owner, new_id)
    try:
        async with group:
            yield await around.open(prepared, execution.run_id)
    except BaseExceptionGroup as error:
        if len(error.exceptions) > 1:
            raise
        raise error.exceptions[0] from error.exceptions[0].__cause__
    finally:
        around.is_over = True
        for handle in around.handles:
            _alive().pop(handle, None)
    for handle in around.handles:
        if handle.error is not None and not handle.is_error_told:
            raise handle.error


@contextmanager
def alive(handle: RunHandle) -> Iterator[None]:
    """The time during which a run can be found by its id."""
    handles = _alive()
    handles[handle] = None
    try:
        yield
    finally:
        del handles[handle]


def find(run_id: str) -> RunHandle:
    """The handle of the run *run_id* on this event loop; of several with that id, the last one that was begun.

    Raises:
        UnknownRun: There is none.
    """
    ids = [handle.run_id for handle in _alive()]
    for handle in reversed(_alive()):
        if handle.run_id == run_id:
            return handle
    raise UnknownRun(run_id, suggestion(run_id, ids) if ids else "")


def _alive() -> dict[RunHandle, None]:
    with suppress(LookupError):
        return _ALIVE.get()
    handles: dict[RunHandle, None] = {}
    _ALIVE.set(handles)
    return handles
