"""The runner: one run of a workflow, carried out.

Decide, commit, act: the frontier decides at once and in memory; what it decided is recorded; only then do
bodies begin and observers hear of it. Nothing outside ever sees what the disk does not know.
"""

import hashlib
from collections.abc import Coroutine, Mapping, Sequence
from contextvars import Context, copy_context
from typing import Any

import anyio
import attrs

from taskorch.core import runs
from taskorch.core.documents import JSON
from taskorch.core.frontier.facts import Fact
from taskorch.core.frontier.frontier import Frontier
from taskorch.core.times import microseconds
from taskorch.engine.committer import Committer
from taskorch.engine.current import CURRENT, StepContext
from taskorch.engine.jobs import Jobs
from taskorch.engine.leases import Lease
from taskorch.engine.observation import Observation
from taskorch.engine.pool import Pool, Worker
from taskorch.engine.timers import Timers
from taskorch.errors import StepTimeout, TaskorchError
from taskorch.protocols import Clock, Dispatcher


@attrs.frozen(kw_only=True, eq=False)
class Surroundings:
    """What a run is given from outside.

    Attributes:
        run_id: Its id.
        params: Its params.
        context: Its context.
        dispatcher: Who runs the bodies.
        clock: Its time.
        observation: Who hears of it.
        workers: The most bodies at once.
    """

    run_id: str
    params: Mapping[str, JSON]
    context: Mapping[str, JSON]
    dispatcher: Dispatcher
    clock: Clock
    observation: Observation
    workers: int


class Runner:
    """Carries out what a frontier decides, until the run has ended."""

    def __init__(self, frontier: Frontier, jobs: Jobs, around: Surroundings) -> None:
        self._frontier, self._jobs, self._around = frontier, jobs, around
        self._lease: Lease | None = None
        self._told = len(frontier.facts)
        self._caller = copy_context()
        self._timers = Timers(around.clock, self._fire, frontier.next_due)
        self._pool = Pool(self, around.workers, self._timers.ring)
        self._group: anyio.abc.TaskGroup | None = None
        self._is_last = False
        self._error: TaskorchError | None = None

    async def run(self, committer: Committer | None = None, lease: Lease | None = None) -> None:
        """Run to the end; with a lease, every decision is recorded before it is acted on.

        When this returns or raises nothing of the run is alive. Cancelled, it stops all bodies and records
        that their attempts were cut off, so that the run can be resumed.

        Raises:
            StaleLease: Another owner has taken the run over.
            StoreError: A decision could not be recorded.
        """
        self._lease = lease
        try:
            if committer is None:
                await self._run_bodies()
            else:
                async with anyio.create_task_group() as group:
                    group.start_soon(committer.run)
                    try:
                        await self._run_bodies()
                    finally:
                        self._hand_back()
                        committer.close()
        except BaseExceptionGroup as group_error:
            raise _sole(group_error) from None
        if self._error is not None:
            raise self._error

    def lose(self, error: TaskorchError) -> None:
        """The run is no longer ours: stop everything, and raise *error*."""
        self._error = error
        self._close()

    async def _run_bodies(self) -> None:
        async with anyio.create_task_group() as self._group:
            self._pool.open(self._group)
            self._frontier.resume(self._now())
            self._group.start_soon(self._timers.run)
            self._decided(opening=True)

    # --- deciding and recording --------------------------------------------------------------------------

    def _decided(self, *, opening: bool = False) -> None:
        """Start what can be started, and have everything recorded that was decided since the last time."""
        frontier, lease = self._frontier, self._lease
        if self._is_last:
            return
        now = self._now()
        started = []
        while (step := frontier.take(now)) is not None:
            started.append((step, frontier.attempt[step]))
        facts: Sequence[Fact] = ()
        if lease is not None or self._around.observation:
            facts = frontier.facts[self._told :]
        self._told = len(frontier.facts)
        self._is_last = not frontier.open
        if lease is None:
            self._act(started, facts, inside=True, is_last=self._is_last)
        elif facts or opening:
            self._record(lease, started, facts)
        self._timers.look()

    def _record(self, lease: Lease, started: Sequence[tuple[int, int]], facts: Sequence[Fact]) -> None:
        is_last, now = self._is_last, self._around.clock.now()
        task = runs.begun(lease.task, now)
        if is_last:
            task = runs.ended(task, failed=self._frontier.has_failed, now=now)
        lease.write(
            facts,
            lambda: self._act(started, facts, inside=False, is_last=is_last),
            task=None if task is lease.task else task,
            release=is_last,
        )

    def _act(self, started: Sequence[tuple[int, int]], facts: Sequence[Fact], *, inside: bool, is_last: bool) -> None:
        """What was decided is safe: let bodies begin, tell observers, end the run."""
        if self._around.observation:
            self._around.observation.publish(facts)
        for step, attempt in started:
            self._pool.release(step, attempt)
        self._pool.wake(inside=inside)
        if is_last:
            self._close()

    def _hand_back(self) -> None:
        """The run was cut off before its end: record that, and let somebody else have it."""
        lease = self._lease
        if lease is not None and not lease.is_lost and not self._is_last:
            lease.write(self._frontier.facts[self._told :], lambda: None, release=True)

    def _close(self) -> None:
        if self._group is not None:
            self._group.cancel_scope.cancel()

    def _fire(self) -> None:
        """Timers: what is due, and whoever asked for a new worker."""
        for step, attempt, reason in self._frontier.due(self._now()):
            limit = self._frontier.plan.timeouts[step] if reason == "timeout" else self._frontier.plan.timeout or 0
            id = self._frontier.plan.steps[step].id
            self._pool.stop(step, attempt, StepTimeout(id, limit / 1e6))
        if self._frontier.facts[self._told :] or self._frontier.has_ready:
            self._decided()
        self._pool.wake(inside=True)

    def _now(self) -> int:
        return microseconds(self._around.clock.now())

    # --- what the pool asks and tells --------------------------------------------------------------------

    def body(self, step: int, attempt: int, worker: Worker) -> tuple[Context, Coroutine[Any, Any, object]]:
        """The body of an attempt; its timeout counts from now."""
        if step in self._frontier.plan.timeouts:
            self._frontier.began(step, self._now())
            self._timers.look()
        around, id = self._around, self._frontier.plan.steps[step].id
        context = self._caller.copy()
        context.run(
            CURRENT.set,
            StepContext(
                id=id,
                run_id=around.run_id,
                attempt=attempt,
                idempotency_key=f"{around.run_id}/{id}",
                params=around.params,
                context=around.context,
                report=worker,
                clock=around.clock,
            ),
        )
        return context, self._body(step, attempt, worker)

    async def _body(self, step: int, attempt: int, worker: Worker) -> object:
        job = self._jobs.job(step, attempt)
        output = await self._around.dispatcher.dispatch(job, worker)
        return self._jobs.encoded(step, output)

    def completed(self, step: int, attempt: int, output: object) -> None:
        """A body has returned."""
        if self._frontier.complete(step, attempt, output, self._now()):
            self._decided()

    def failed(self, step: int, attempt: int, error: BaseException) -> None:
        """A body has raised, or was stopped."""
        id = self._frontier.plan.steps[step].id
        chance = _chance(f"{self._around.run_id}/{id}/{attempt}")
        if self._frontier.fail(step, attempt, error, self._now(), chance):
            self._decided()

    def interrupted(self, step: int, attempt: int) -> None:
        """A body was cut off by the cancellation of the run; ``_hand_back`` records it."""
        if self._frontier.is_running(step, attempt):
            self._frontier.interrupt(step, self._now())


def _chance(key: str) -> float:
    """A number in [0, 1) that is the same for the same key: jitter that a test can repeat."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest()) / 2**64


def _sole(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The exception a group is about, if it is only one."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
