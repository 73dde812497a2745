"""Clocks that jump, places that are waited for, and what counts as body time."""

import threading
import time
from datetime import UTC, datetime, timedelta

import anyio
import pytest

import taskorch
from taskorch import Outcome, Retry, Workflow
from taskorch.engine import clocks
from taskorch.engine.clocks import SystemClock
from taskorch.stores import MemoryStore
from taskorch.testing import FakeClock

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


async def cut(flow: Workflow, store: MemoryStore, clock: FakeClock) -> None:
    """Begin the run *r* and cut it off once everybody waits."""
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: taskorch.run(flow, store=store, run_id="r", clock=clock))
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()


def test_a_machine_set_back_does_not_set_back_the_clock(monkeypatch):
    """The system's clock never goes back: set back by an hour it goes on at its pace, set forward it follows."""
    offset = timedelta(0)
    true = time.time_ns
    monkeypatch.setattr(clocks, "time_ns", lambda: true() + offset // timedelta(microseconds=1) * 1000)
    clock = SystemClock()
    before = clock.now()
    offset = timedelta(hours=-1)
    assert timedelta(0) <= clock.now() - before < timedelta(minutes=1)
    offset = timedelta(hours=1)
    assert clock.now() - before >= timedelta(hours=1)


async def test_a_run_goes_on_where_the_clock_is_behind_its_journal():
    """On a machine whose clock is a day behind, attempts are not timed out at once and retries not a day late."""
    tries: list[int] = []
    flow = Workflow("w")

    @flow.step(timeout=10, retry=Retry(max_attempts=2, initial=5))
    async def flaky():
        tries.append(taskorch.current_step().attempt)
        if len(tries) == 1:
            await anyio.sleep_forever()
        if len(tries) == 2:
            raise ValueError
        return len(tries)

    async with MemoryStore() as store:
        await cut(flow, store, FakeClock(NOON))
        clock = FakeClock(NOON - timedelta(days=1))
        async with anyio.create_task_group() as group:
            run = group.start_soon(lambda: taskorch.run(flow, store=store, run_id="r", clock=clock))
            await clock.advance(6)

    assert tries == [1, 2, 3]
    assert run.return_value.success


async def test_a_run_that_is_resumed_too_late_starts_nothing():
    """Once the workflow's time is up, what has not started is cancelled without having begun."""
    ran: list[str] = []
    flow = Workflow("w", timeout=60)

    @flow.step
    async def a():
        await anyio.sleep_forever()

    flow.step(lambda: ran.append("b"), id="b", after="a", inline=True)
    async with MemoryStore() as store:
        await cut(flow, store, FakeClock(NOON))
        result = await taskorch.run(flow, store=store, run_id="r", clock=FakeClock(NOON + timedelta(hours=1)))
        with pytest.raises(taskorch.RunFailed, match="workflow_timeout"):
            result.check()

    assert ran == []
    assert [step.status for step in result.steps.values()] == [Outcome.CANCELLED, Outcome.CANCELLED]
    assert result.reason == "workflow_timeout"


async def test_a_dead_process_spent_no_time_in_its_bodies():
    """Between the last sign of a process and the resumption of its run nobody worked."""
    flow = Workflow("w")
    tries: list[int] = []

    @flow.step
    async def work():
        tries.append(1)
        if len(tries) == 1:
            await anyio.sleep_forever()

    async with MemoryStore() as kept:
        journal = kept.journal

        async def without_the_cut(run: str, after: int = 0, n: int = 1000):
            return (await journal(run, after, n))[:1] if after == 0 else []

        await cut(flow, kept, FakeClock(NOON))
        kept.journal = without_the_cut  # as if the process had been killed
        result = await taskorch.run(flow, store=kept, run_id="r", clock=FakeClock(NOON + timedelta(hours=10)))

    assert (result.steps["work"].attempts, result.steps["work"].duration) == (2, 0)


async def test_the_wait_for_a_thread_is_no_part_of_the_timeout():
    """While hung threads hold the places, the time of a body that waits for one does not count."""
    release = threading.Event()
    ran: list[str] = []
    flow = Workflow("w")
    flow.step(lambda: release.wait(5), id="hung", timeout=0.05, allow_failure=True)
    flow.step(lambda: ran.append("quick"), id="quick", timeout=0.1, condition="always", after="hung")

    async def let_go():
        await anyio.sleep(0.4)
        release.set()

    async with anyio.create_task_group() as group:
        group.start_soon(let_go)
        result = await taskorch.run(flow, concurrency=1)

    assert result.steps["hung"].error.type == "StepTimeout"
    assert (result.steps["quick"].status, ran) == (Outcome.COMPLETED, ["quick"])


async def test_even_a_sleep_of_nothing_lets_others_have_a_turn():
    """A body that sleeps for no time in a loop can be timed out."""
    flow = Workflow("w")

    @flow.step(timeout=0.05)
    async def greedy():
        end = time.monotonic() + 5
        while time.monotonic() < end:
            await taskorch.current_step().sleep(0)

    result = await taskorch.run(flow)

    assert result.steps["greedy"].error.type == "StepTimeout"
    assert result.steps["greedy"].duration < 4
