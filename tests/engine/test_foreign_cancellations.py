"""Cancellations that nobody asked for, and what a cancelled run still does."""

import asyncio
import subprocess
import sys
import threading
import time
from contextlib import suppress

import anyio
import pytest

import taskorch
from taskorch import Outcome, Workflow
from taskorch.core.frontier.facts import FAIL, START, VERBS
from taskorch.stores import MemoryStore

STORES = [None, "memory:"]


async def of_a_future() -> None:
    """Await something that was cancelled by others."""
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


def in_a_thread() -> None:
    """Raise it where there is no event loop."""
    raise asyncio.CancelledError


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # trio has no cancellation that a body could raise
@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("body", [of_a_future, in_a_thread])
async def test_a_cancellation_nobody_asked_for_fails_its_step_only(body, store):
    """A body that ends in somebody else's cancellation has failed; the others go on, and the run has failed."""
    flow = Workflow("w")
    flow.step(body, id="cut")

    @flow.step
    async def pay():
        await anyio.sleep(0.01)
        return "paid"

    flow.step(lambda pay: pay, id="ship", inline=True)
    result = await taskorch.run(flow, store=store)

    assert [step.status for step in result.steps.values()] == [Outcome.FAILED, Outcome.COMPLETED, Outcome.COMPLETED]
    assert result.steps["cut"].error.type == "CancelledError"
    assert not result.success


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("is_suspended", [True, False])
async def test_a_body_that_cancels_its_own_task_harms_nobody_else(store, is_suspended):
    """What a body does to the task it runs in ends with the body; the next one there does not inherit it."""
    flow = Workflow("w")

    @flow.step
    async def odd():
        asyncio.current_task().cancel()
        if is_suspended:
            with suppress(asyncio.CancelledError):
                await anyio.sleep(1)

    @flow.step
    async def after(odd):
        await anyio.sleep(0.01)
        return asyncio.current_task().cancelling()

    @flow.step
    async def beside():
        await anyio.sleep(0.02)

    assert (await taskorch.run(flow, store=store)).check()["after"] == 0


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("kind", ["suspended", "async", "inline"])
async def test_nothing_begins_in_the_tick_of_a_cancellation(store, kind):
    """Neither in the tick in which a body cancels what is around its run, nor after one that swallows the cut."""
    ran: list[str] = []
    flow = Workflow("w")

    async def cuts():
        if kind == "suspended":
            await anyio.lowlevel.checkpoint()
        cuts_inline()

    def cuts_inline():
        scope.cancel()
        ran.append("cuts")

    async def swallows():
        with suppress(anyio.get_cancelled_exc_class()):
            await anyio.sleep_forever()
        ran.append("swallows")

    flow.step(swallows)
    flow.step(cuts_inline if kind == "inline" else cuts, id="cuts", inline=kind == "inline")
    flow.step(lambda: ran.append("after cuts"), id="b", after="cuts", inline=True)
    flow.step(lambda: ran.append("after swallows"), id="d", after="swallows", inline=True)
    with anyio.CancelScope() as scope:
        await taskorch.run(flow, store=store)

    assert scope.cancelled_caught
    assert {"cuts"} <= set(ran) <= {"cuts", "swallows"}


@pytest.mark.parametrize("store", STORES)
async def test_what_was_released_does_not_begin_after_a_cancellation(store):
    """Of many bodies that are ready at once, those do not begin any more that had not when one cut the run off."""
    ran: list[int] = []
    flow = Workflow("w")

    def body(number):
        ran.append(number)
        if number == 2:
            scope.cancel()

    for number in range(20):
        flow.step(lambda number=number: body(number), id=f"s{number}", inline=True)
    with anyio.CancelScope() as scope:
        await taskorch.run(flow, store=store)

    assert scope.cancelled_caught
    assert ran == [0, 1, 2]


@pytest.mark.parametrize("store", STORES)
async def test_a_run_in_a_scope_that_is_cancelled_begins_nothing(store):
    """Who is cancelled already has nothing carried out."""
    ran: list[str] = []
    flow = Workflow("w")
    flow.step(lambda: ran.append("a"), id="a", inline=True)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await taskorch.run(flow, store=store)

    assert scope.cancelled_caught
    assert ran == []


INTERRUPTED = """
import taskorch
flow = taskorch.Workflow("w")
flow.step(lambda: 1, id="thread")

@flow.step(after="thread")
async def interrupted():
    raise KeyboardInterrupt

try:
    taskorch.run_sync(flow)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_a_program_ends_after_an_interrupt() -> None:
    """What a body raises to end the program does not keep its threads from ending."""
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "interrupted\n"


@pytest.mark.parametrize("store", STORES)
async def test_a_cancelled_run_starts_nothing_more(store):
    """A body in a thread is waited for when its run is cancelled; what it would have caused is not begun."""
    ran: list[str] = []
    begun = threading.Event()
    flow = Workflow("w")

    @flow.step
    def slow():
        begun.set()
        time.sleep(0.1)
        ran.append("slow")

    for number in range(3):
        flow.step(lambda number=number: ran.append(f"s{number}"), id=f"s{number}", after="slow", inline=True)
    with anyio.move_on_after(5) as patience:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: taskorch.run(flow, store=store))
            await anyio.to_thread.run_sync(begun.wait, 5)
            group.cancel_scope.cancel()

    assert not patience.cancelled_caught
    assert ran == ["slow"]


async def test_what_was_decided_but_never_begun_is_recorded_as_cut_off():
    """The journal of a run that was cancelled has no attempt under way, and its observers hear of the cut."""
    heard: list[tuple[str | None, str]] = []
    flow = Workflow("w")
    for id in ("a", "b", "c"):
        flow.step(anyio.sleep_forever, id=id)
    async with MemoryStore() as store:
        async with anyio.create_task_group() as group:
            group.start_soon(
                lambda: taskorch.run(
                    flow, store=store, run_id="r", observers=[lambda event: heard.append((event.step, event.verb))]
                )
            )
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()
        facts = [fact for entry in await store.journal("r") for fact in entry.facts]

    begun = [step for step, verb, *_ in facts if verb == START]
    cut = [step for step, verb, *_ in facts if verb == FAIL]
    assert sorted(begun) == sorted(cut) == [0, 1, 2]
    assert sorted(step for step, verb in heard if verb == VERBS[FAIL]) == ["a", "b", "c"]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("store", STORES)
async def test_a_group_with_a_cancellation_nobody_asked_for_fails_its_step_only(store):
    """What a body gathered and raised together is its own, even if a cancellation is among it."""
    flow = Workflow("w")

    @flow.step
    async def gather():
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        found = await asyncio.gather(future, return_exceptions=True)
        raise BaseExceptionGroup("failed", [*found, ValueError("too")])

    @flow.step
    async def beside():
        await anyio.sleep(0.01)

    result = await taskorch.run(flow, store=store)

    assert [step.status for step in result.steps.values()] == [Outcome.FAILED, Outcome.COMPLETED]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_body_that_answers_its_timeout_with_a_cancellation_has_timed_out():
    """An attempt whose time is up has timed out, whatever the body makes of it, and is tried again."""
    flow = Workflow("w")
    tries: list[int] = []

    @flow.step(timeout=0.05, retry=taskorch.Retry(max_attempts=2, initial=0))
    async def stubborn():
        tries.append(1)
        try:
            await anyio.sleep(10)
        except asyncio.CancelledError:
            raise asyncio.CancelledError from None

    result = await taskorch.run(flow, store="memory:")

    assert result.steps["stubborn"].error.type == "StepTimeout"
    assert len(tries) == 2


async def test_a_body_that_stumbles_while_it_is_cut_off_is_resumed():
    """An error of the clean-up of a body that is cancelled with its run is no failure of the step."""
    flow = Workflow("w")
    tries: list[int] = []

    @flow.step
    async def upload() -> int:
        tries.append(1)
        try:
            await anyio.sleep(10 if len(tries) == 1 else 0)
        finally:
            if len(tries) == 1:
                raise ConnectionError("closing failed")
        return len(tries)

    async with MemoryStore() as store:
        with anyio.move_on_after(0.05) as cut:
            await taskorch.run(flow, store=store, run_id="r")
        result = await taskorch.run(flow, store=store, run_id="r")

    assert cut.cancelled_caught
    assert result.check()["upload"] == 2


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_a_thread_may_use_another_event_loop():
    """On trio a cancellation of asyncio's is an error like any other."""
    flow = Workflow("w")
    flow.step(in_a_thread, id="cut")
    result = await taskorch.run(flow)

    assert result.steps["cut"].error.type == "CancelledError"


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("steps", range(1, 12))
async def test_two_cancellations_leak_no_lease(steps):
    """However early a task is cancelled, and again, the run can be had by the next caller."""
    flow = Workflow("w")

    @flow.step
    async def quick() -> int:
        return 1

    async with MemoryStore() as store:
        task = asyncio.create_task(taskorch.run(flow, store=store, run_id="r"))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert (await taskorch.run(flow, store=store, run_id="r")).check()["quick"] == 1


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_body_inherits_no_cancellation_of_another():
    """What asyncio remembers of one body's task group the next body on the same worker does not see."""
    flow = Workflow("w", mode="sequential")
    left: list[int] = []

    @flow.step(allow_failure=True)
    async def first():
        async def bad():
            raise ValueError

        async with asyncio.TaskGroup() as group:
            group.create_task(bad())
            group.create_task(asyncio.sleep(0.05))

    @flow.step(condition="on_complete(first)")
    async def second():
        left.append(asyncio.current_task().cancelling())

    assert (await taskorch.run(flow)).success
    assert left == [0]
