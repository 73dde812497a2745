"""The test of the tests: the harness reports, by name, what is broken on purpose."""

from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from taskorch.core.frontier.alarms import Alarms
from taskorch.core.frontier.facts import RETRY, START
from taskorch.core.frontier.slots import Slots
from taskorch.core.receipts import Claimed
from taskorch.dispatchers.threads import ThreadDispatcher
from taskorch.engine import committer as committer_module
from taskorch.engine.cancellations import is_cancelled
from taskorch.engine.committer import Committer
from taskorch.engine.pool import Pool
from taskorch.engine.runner import Runner
from taskorch.stores import MemoryStore
from tests.harness.cancellation import Explorer
from tests.harness.policy_scenarios import ALERTS, TOTAL_TIMEOUT
from tests.harness.scenarios import CHAIN, FAN, RETRIED, THREADS, Scenario
from tests.harness.waiting_scenarios import RESOURCES

Patch = pytest.MonkeyPatch
Bug = Callable[[Patch], None]


def an_unshielded_committer(patch: Patch) -> None:
    """The cancellation of the run reaches the committer."""

    class Anyio:
        Event = anyio.Event

        @staticmethod
        def CancelScope(*, shield: bool) -> Any:  # noqa: N802 - it stands for anyio's
            return nullcontext()

    patch.setattr(committer_module, "anyio", Anyio)


def nothing_is_handed_back(patch: Patch) -> None:
    """A run that is cut off records nothing, and keeps its lease."""
    patch.setattr(Runner, "_hand_back", lambda self: None)


def bodies_begin_before_the_receipt(patch: Patch) -> None:
    """Acting comes before committing, and the store is not so quick that it makes no difference."""
    apply, release = MemoryStore.apply, Pool.release

    async def slow(self: Any, units: Any) -> Any:
        for _ in range(3):
            await anyio.lowlevel.checkpoint()
        return await apply(self, units)

    def decide(self: Any, *arguments: Any) -> None:
        told = len(self._frontier.facts)
        decided(self, *arguments)
        for fact in self._frontier.facts[told:]:
            if fact[1] in (START, RETRY):
                release(self._pool, fact[0], fact[2])
        self._pool.wake(inside=True)

    decided = Runner._decided
    patch.setattr(Runner, "_decided", decide)
    patch.setattr(Pool, "release", lambda self, step, attempt: None)
    patch.setattr(MemoryStore, "apply", slow)


def threads_are_left_behind(patch: Patch) -> None:
    """A body in a thread is not waited for when its run is cancelled."""

    async def dispatch(self: Any, job: Any, report: Any) -> object:
        return await anyio.to_thread.run_sync(job.call, abandon_on_cancel=True)

    patch.setattr(ThreadDispatcher, "dispatch", dispatch)


def a_claim_can_be_lost(patch: Patch) -> None:
    """The store waits between giving a lease and answering, and nobody shields that."""
    lease = MemoryStore.lease

    async def slow(self: Any, *args: Any, **options: Any) -> Any:
        answer = await lease(self, *args, **options)
        if isinstance(answer, Claimed):
            await anyio.lowlevel.checkpoint()
        return answer

    async def cut(call: Any) -> Any:
        return await call()

    patch.setattr(MemoryStore, "lease", slow)
    patch.setattr("taskorch.engine.leases.uncut", cut)


def a_cancellation_counts_as_a_failure(patch: Patch) -> None:
    """A body that is cut off with its run uses up an attempt, and fails."""

    def interrupted(self: Any, step: int, attempt: int) -> None:
        self._frontier.fail(step, attempt, ValueError("cancelled"), self._now())

    patch.setattr(Runner, "interrupted", interrupted)


def a_completion_is_forgotten(patch: Patch) -> None:
    """While the run is being cancelled, what a body returned is thrown away."""
    completed = Runner.completed

    def forget(self: Any, step: int, attempt: int, output: object) -> None:
        if self._group.cancel_scope.cancel_called:
            self.interrupted(step, attempt)
        else:
            completed(self, step, attempt, output)

    patch.setattr(Runner, "completed", forget)


def an_error_comes_out_of_the_cleanup(patch: Patch) -> None:
    """What is done at the end of a cancelled run raises."""
    close = Committer.close

    def fail(self: Any) -> None:
        close(self)
        if self._pending:
            raise RuntimeError("cannot be closed")

    patch.setattr(Committer, "close", fail)


def a_task_stays_behind(patch: Patch) -> None:
    """Somebody starts a task outside of every group."""
    hand_back = Runner._hand_back
    kept: list[object] = []

    def leak(self: Any) -> None:
        import asyncio

        hand_back(self)
        forgotten: Coroutine[Any, Any, object] = asyncio.sleep(0.05)
        kept.append(asyncio.ensure_future(forgotten))

    patch.setattr(Runner, "_hand_back", leak)


def nobody_hears_of_what_is_handed_back(patch: Patch) -> None:
    """Observers are not told how the attempts of a cancelled run ended."""
    hand_back = Runner._hand_back

    def silent(self: Any) -> None:
        self._around.observation._observers.clear()
        hand_back(self)

    patch.setattr(Runner, "_hand_back", silent)


def alerts_are_forgotten(patch: Patch) -> None:
    """What was raised before a run is resumed is raised again."""
    patch.setattr(Alarms, "replay", lambda self, facts: self._fold.replay(facts))


def everything_fits(patch: Patch) -> None:
    """Nobody counts resources."""
    patch.setattr(Slots, "fits", lambda self, line: True)


def stopped_is_interrupted(patch: Patch) -> None:
    """A body whose time was up while the run was cut off counts as cut off with it."""
    ended = Pool._ended

    def forget(self: Any, worker: Any, tell: Any, *what: object) -> None:
        if worker.stopped_for is not None and is_cancelled():
            tell, what = self._bodies.interrupted, ()
        ended(self, worker, tell, *what)

    patch.setattr(Pool, "_ended", forget)


@pytest.mark.parametrize(
    ("bug", "name", "scenario"),
    [
        (an_unshielded_committer, "the lease is released", FAN),
        (an_unshielded_committer, "what returned is recorded", FAN),
        (nothing_is_handed_back, "the lease is released", CHAIN),
        (nothing_is_handed_back, "an interruption is recorded", CHAIN),
        (bodies_begin_before_the_receipt, "recorded before it begins", CHAIN),
        # Whether the thread still runs when one looks, or has returned by then, is a matter of the machine's load.
        (threads_are_left_behind, "no body runs on|what returned is recorded", THREADS),
        (a_claim_can_be_lost, "the lease is released", CHAIN),
        (a_cancellation_counts_as_a_failure, "the right result", RETRIED),
        (a_completion_is_forgotten, "what returned is recorded", THREADS),
        (an_error_comes_out_of_the_cleanup, "no foreign exception", CHAIN),
        (a_task_stays_behind, "no task survives", CHAIN),
        (nobody_hears_of_what_is_handed_back, "what is recorded is told", ALERTS),
        (alerts_are_forgotten, "alerts are raised once", ALERTS),
        (everything_fits, "no more at once than fits", RESOURCES),
        (stopped_is_interrupted, "the right result", TOTAL_TIMEOUT),
    ],
    ids=lambda value: getattr(value, "__name__", getattr(value, "name", value)),
)
def test_a_planted_bug_is_reported_by_name(
    bug: Bug, name: str, scenario: Scenario, monkeypatch: Patch, tmp_path: Path
) -> None:
    """Whoever breaks a promise of the runner about cancellation learns which one."""
    bug(monkeypatch)
    report = Explorer(scenario, "asyncio", "memory", tmp_path).explore(("cancel",))
    assert report.names & {*name.split("|")}, f"{report}"
