"""Retries and timeouts, on a clock that is moved by hand."""

import threading
import time

import anyio
import pytest

import taskorch
from taskorch import NonRetryable, Outcome, Retry, RetryAfter, Workflow, current_step
from taskorch.testing.clock import FakeClock


@pytest.fixture(params=[None, "memory:"], ids=["no-store", "memory"])
def store(request):
    """Without a store, and with one."""
    return request.param


async def moved(flow, seconds, clock=None, **options):
    """The result of a run during which the clock is moved by each of *seconds*, and the times between."""
    clock, results = clock or FakeClock(), []

    async def work():
        results.append(await taskorch.run(flow, clock=clock, **options))

    async with anyio.create_task_group() as group:
        group.start_soon(work)
        for step in seconds:
            await clock.advance(step)
        await anyio.wait_all_tasks_blocked()
        if not results:
            group.cancel_scope.cancel()
    assert results, "the run did not end in the time given"
    return results[0]


def failing(flow, clock, error=ValueError, times=99, **options):
    """Add a step that fails so many times; the list returned tells when it was tried, in seconds."""
    tries, start = [], clock.now()

    @flow.step(id="shaky", **options)
    async def shaky():
        tries.append((clock.now() - start).total_seconds())
        if len(tries) <= times:
            raise error() if isinstance(error, type) else error
        return len(tries)

    return tries


async def test_retries_back_off_exponentially(store):
    """The n-th retry comes after initial × multiplier^(n−1), at most max_delay, and not a moment earlier."""
    flow, clock = Workflow("w"), FakeClock()
    tries = failing(flow, clock, retry=Retry(max_attempts=5, initial=2, multiplier=3, max_delay=20))
    result = await moved(flow, [0.5] * 100, clock, store=store)
    assert tries == [0, 2, 8, 26, 46]
    assert (result.steps["shaky"].reason, result.steps["shaky"].attempts) == ("exhausted", 5)


async def test_a_retry_that_succeeds_ends_the_matter(store):
    """A step that fails at first and then completes has completed."""
    flow, clock = Workflow("w"), FakeClock()
    failing(flow, clock, times=2, retry=Retry(max_attempts=3, initial=1, multiplier=1))
    result = await moved(flow, [3], clock, store=store)
    assert result.check()["shaky"] == 3


@pytest.mark.parametrize(
    ("error", "tries"), [(NonRetryable("no"), [0]), (RetryAfter(7), [0, 7, 14]), (RetryAfter(0), [0, 0, 0])]
)
async def test_an_error_may_say_what_is_to_follow(error, tries, store):
    """NonRetryable is never tried again; RetryAfter names its own wait; neither gets more attempts."""
    flow, clock = Workflow("w"), FakeClock()
    found = failing(flow, clock, error, retry=Retry(max_attempts=3, initial=1))
    await moved(flow, [30], clock, store=store)
    assert found == tries


async def test_a_waiting_retry_holds_no_slot(store):
    """While one step waits for its next attempt another one gets the only slot."""
    flow, clock = Workflow("w"), FakeClock()
    failing(flow, clock, times=1, retry=Retry(max_attempts=2, initial=10))
    flow.step(clock.now, id="other", inline=True)
    start = clock.now()
    result = await moved(flow, [10], clock, concurrency=1, store=None)
    assert result["other"] == start
    assert result["shaky"] == 2


async def test_an_async_body_is_stopped_at_its_timeout(store):
    """An attempt that takes longer than its timeout is cancelled, fails as StepTimeout, and is retried."""
    flow, story = Workflow("w"), []

    @flow.step(timeout=5, retry=Retry(max_attempts=2, initial=1))
    async def slow():
        try:
            await anyio.sleep_forever()
        except BaseException as error:
            story.append(type(error).__name__)
            raise

    result = await moved(flow, [5, 1, 5], store=store)
    assert result.steps["slow"].error.type == "StepTimeout"
    assert (len(story), result.steps["slow"].attempts) == (2, 2)


async def test_a_timeout_counts_from_the_start_of_each_attempt(store):
    """An attempt that ends in time is not stopped, however long the step takes in all."""
    flow, clock = Workflow("w"), FakeClock()

    @flow.step(timeout=5, retry=Retry(max_attempts=3, initial=100))
    async def slow():
        await current_step().sleep(4)
        if current_step().attempt < 3:
            raise ValueError("again")
        return "in time"

    assert (await moved(flow, [1] * 320, clock, store=store)).check()["slow"] == "in time"


async def test_a_body_that_raises_while_it_is_stopped_has_timed_out(store):
    """Whatever a body does about being stopped, it has timed out, and the rest of the run goes on."""
    flow = Workflow("w")

    @flow.step(timeout=5)
    async def stubborn():
        try:
            await anyio.sleep_forever()
        finally:
            raise RuntimeError("in the cleanup")

    @flow.step(timeout=5)
    async def group():
        async def child():
            try:
                await anyio.sleep_forever()
            finally:
                raise RuntimeError("in a child")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(child)
            await anyio.sleep_forever()

    flow.step(lambda: 1, id="after", condition="always and on_complete(group, stubborn)", inline=True)
    result = await moved(flow, [5], store=store)
    assert {id: result.steps[id].error.type for id in ("stubborn", "group")} == dict.fromkeys(
        ("stubborn", "group"), "StepTimeout"
    )
    assert result["after"] == 1


async def test_a_thread_is_abandoned_at_its_timeout_and_its_late_result_is_dropped(store):
    """A body in a thread goes on after its timeout, but the step has failed and what it returns changes nothing."""
    flow, gate, ended = Workflow("w"), threading.Event(), threading.Event()

    @flow.step(timeout=0.05, allow_failure=True)
    def slow():
        gate.wait(5)
        ended.set()
        return "too late"

    @flow.step(condition="on_failure(slow)")
    async def after():
        gate.set()
        await anyio.to_thread.run_sync(ended.wait)
        for _ in range(20):
            await anyio.sleep(0.001)
        return "went on"

    result = (await taskorch.run(flow, store=store)).check()
    assert result.steps["slow"].error.type == "StepTimeout"
    assert (result.steps["slow"].output, result[after]) == (None, "went on")


async def test_a_command_is_ended_at_its_timeout(store):
    """A command that takes too long is ended, and so is all that came of it."""
    flow = Workflow("w")
    flow.command(("sleep", "60"), id="slow", timeout=0.3)
    before = time.monotonic()
    result = await taskorch.run(flow, store=store)
    assert result.steps["slow"].error.type == "StepTimeout"
    assert time.monotonic() - before < 10


async def test_the_workflow_timeout_ends_the_run(store):
    """At the workflow's timeout running steps fail, waiting and unstarted ones are cancelled, the run has failed."""
    flow, clock = Workflow("w", timeout=10), FakeClock()
    failing(flow, clock, retry=Retry(max_attempts=9, initial=60))
    flow.step(lambda: 1, id="done", inline=True)
    flow.step(anyio.sleep_forever, id="running", retry=Retry(max_attempts=9, initial=0), allow_failure=True)
    flow.step(lambda: 1, id="later", after="running", inline=True)
    flow.step(lambda: 1, id="cleanup", condition="always and on_complete(running)", inline=True)
    result = await moved(flow, [9.9, 0.2], clock, store=store)
    assert not result.success
    found = {id: (step.status.value, step.reason) for id, step in result.steps.items()}
    assert found == {
        "shaky": ("cancelled", "workflow_timeout"),
        "done": ("completed", None),
        "running": ("failed", "workflow_timeout"),
        "later": ("cancelled", "workflow_timeout"),
        "cleanup": ("cancelled", "workflow_timeout"),
    }


async def test_fail_fast_starts_nothing_more(store):
    """With failFast nothing is started after a failure that was not allowed; what runs may end."""
    flow, clock = Workflow("w", fail_fast=True), FakeClock()
    flow.step(lambda: current_step().sleep(5), id="running", inline=True)
    failing(flow, clock)
    flow.step(lambda: 1, id="later", after="running", inline=True)
    flow.step(lambda: 1, id="always", condition="always and on_complete(shaky)", inline=True)
    result = await moved(flow, [5], clock, store=store)
    statuses = {id: step.status for id, step in result.steps.items()}
    assert statuses == {
        "running": Outcome.COMPLETED,
        "shaky": Outcome.FAILED,
        "later": Outcome.CANCELLED,
        "always": Outcome.CANCELLED,
    }


async def test_an_allowed_failure_is_no_reason_to_fail_fast(store):
    """With failFast a failure that was allowed stops nothing."""
    flow, clock = Workflow("w", fail_fast=True), FakeClock()
    failing(flow, clock, allow_failure=True)
    flow.step(lambda: 1, id="after", after="shaky", inline=True)
    assert (await moved(flow, [], clock, store=store)).check()["after"] == 1
