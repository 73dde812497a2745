"""Item 6, timeouts: of an attempt, of all attempts, of the wait for a place, of the workflow; for each kind of body.

An async body is cancelled, one in a thread is abandoned and its late result fenced, a command is ended with its
process.
"""

import threading
import time
import uuid

import anyio
import pytest

import taskorch
from taskorch import Outcome, Retry, Workflow, current_step
from taskorch.stores import MemoryStore
from taskorch.testing.clock import START, FakeClock
from tests.dispatchers.processes import tagged, until

BODIES = ("async", "thread", "command")
PATIENCE = 30  # seconds of the machine; a test that waits so long has failed


@pytest.fixture(params=[None, "memory:"], ids=["no-store", "memory"])
def store(request):
    """Without a store, and with one."""
    return request.param


@pytest.fixture(params=[None, "sqlite"], ids=["no-store", "sqlite"])
def kept(request, tmp_path):
    """Without a store, and with one on disk."""
    return request.param and tmp_path / "s.db"


class Endless:
    """A step whose body does not end by itself, of each kind."""

    def __init__(self, flow, body, id="s", **options):
        self.stopped, self.calls = [], 0
        self._began, self._gate, self.returned = threading.Event(), threading.Event(), threading.Event()
        self._body, self._time = body, f"600.{uuid.uuid4().int}"  # a time that no other process sleeps
        if body == "command":
            flow.command(("sleep", self._time), id=id, **options)
        else:
            flow.step({"async": self._sleep, "thread": self._block}[body], id=id, **options)

    async def _sleep(self):
        self.calls += 1
        self._began.set()
        try:
            await anyio.sleep_forever()
        except BaseException as error:
            self.stopped.append(type(error).__name__)
            raise

    def _block(self):
        self.calls += 1
        self._began.set()
        self._gate.wait(PATIENCE)
        self.returned.set()
        return "too late"

    async def begun(self):
        """Wait until the body runs."""
        await until(lambda: tagged(self._time) if self._body == "command" else self._began.is_set())

    async def let_go(self):
        """Let a body in a thread return, and wait for that."""
        self._gate.set()
        if self._body == "thread":
            assert await anyio.to_thread.run_sync(self.returned.wait, PATIENCE)

    @property
    def is_alive(self):
        """Whether something of it is left but a thread, which nobody can end."""
        if self._body == "command":
            return bool(tagged(self._time))
        return self._body == "async" and not self.stopped


async def timed(flow, seconds, begun=None, **options):
    """The result of a run on a clock that is moved by each of *seconds*, once *begun* has returned."""
    clock, results = FakeClock(), []

    async def work():
        results.append(await taskorch.run(flow, clock=clock, **options))

    async with anyio.create_task_group() as group:
        group.start_soon(work)
        if begun is not None:
            await begun()
        for some in seconds:
            assert not results, "the run ended too early"
            await clock.advance(some)
        await until(lambda: results)
    return results[0]


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("bound", ["attempt", "total", "workflow"])
async def test_timeouts_stop_a_body_of_every_kind(bound, body, kept):
    """At its time, and not before, the body is stopped; the step has failed, and nothing of it is left."""
    flow = Workflow("w", timeout=5 if bound == "workflow" else None)
    options = {
        "attempt": {"timeout": 5},
        "total": {"total_timeout": 5, "retries": 8, "retry_delay": 0},
        "workflow": {"retries": 8},
    }[bound]
    step = Endless(flow, body, **options)
    result = await timed(flow, [4.9, 0.2], step.begun, store=kept, run_id="r")
    found = result.steps["s"]

    assert (found.status, found.attempts, found.output) == (Outcome.FAILED, 1, None)
    assert found.reason == {"attempt": "exhausted", "total": "total_timeout", "workflow": "workflow_timeout"}[bound]
    assert found.error.type == ("WorkflowTimeout" if bound == "workflow" else "StepTimeout")
    assert (result.success, result.reason) == (False, "workflow_timeout" if bound == "workflow" else None)
    assert 5 <= (found.ended_at - START).total_seconds() <= 5.1  # the end of a process takes its time
    assert not step.is_alive
    await step.let_go()
    if kept is not None:  # the late result has changed nothing
        again = await taskorch.run(flow, store=kept, run_id="r")
        assert (again.steps["s"].status, again.steps["s"].output, again.steps["s"].attempts) == (
            Outcome.FAILED,
            None,
            1,
        )


@pytest.mark.parametrize("bound", ["timeout", "total_timeout"])
async def test_a_late_result_of_a_thread_is_fenced_while_the_run_goes_on(bound, store):
    """A thread that was abandoned may return while the run goes on: the step stays failed, what follows saw that."""
    flow = Workflow("w")
    step = Endless(flow, "thread", allow_failure=True, **{bound: 5})

    @flow.step(after="s")
    async def after(s=None):
        await step.let_go()
        for _ in range(20):
            await anyio.sleep(0.001)
        return s

    result = (await timed(flow, [5], step.begun, store=store)).check()
    assert (result.steps["s"].status, result.steps["s"].output, result[after]) == (Outcome.FAILED, None, None)


async def test_a_late_result_is_not_that_of_the_next_attempt(store):
    """While the next attempt runs, what the abandoned thread of the one before returns is dropped."""
    flow, first, returned, second = Workflow("w"), threading.Event(), threading.Event(), threading.Event()
    begun = threading.Event()

    @flow.step(timeout=5, retry=Retry(max_attempts=2, initial=0))
    def s():
        if current_step().attempt == 1:
            begun.set()
            first.wait(PATIENCE)
            returned.set()
            return "late"
        first.set()
        returned.wait(PATIENCE)
        second.wait(0.05)  # time for the late result to come in
        return "in time"

    async def is_begun():
        assert await anyio.to_thread.run_sync(begun.wait, PATIENCE)

    result = (await timed(flow, [5], is_begun, store=store)).check()
    assert (result["s"], result.steps["s"].attempts) == ("in time", 2)


@pytest.mark.parametrize("body", BODIES)
async def test_a_queue_timeout_cancels_a_step_that_waits_too_long_for_its_place(body, store):
    """A ready step of any kind whose start does not come in time is cancelled unstarted, and the run has failed."""
    flow = Workflow("w")

    @flow.step
    async def busy():
        await current_step().sleep(7)

    step = Endless(flow, body, queue_timeout=5)
    flow.step(lambda: 1, id="after", after="s", inline=True)
    flow.step(lambda: 1, id="anyway", condition="always and on_complete(s)", inline=True)
    flow.link("busy", "after", condition="always")
    result = await timed(flow, [4.9, 0.2, 2], store=store, concurrency=1)
    found = result.steps["s"]

    assert (found.status, found.reason, found.attempts) == (Outcome.CANCELLED, "queue_timeout", 0)
    assert (result.success, result.steps["after"].status, result["anyway"]) == (False, Outcome.OMITTED, 1)
    assert result.explain("s").reason == "it waited too long for its start"
    assert (step.calls, step.stopped) == (0, [])


async def test_a_queue_timeout_is_over_with_the_start(store):
    """A step that got its place in time may take as long as it likes, and so may the wait for its links."""
    flow = Workflow("w")

    @flow.step
    async def busy():
        await current_step().sleep(20)

    @flow.step(queue_timeout=5, after=busy)
    async def s():
        await current_step().sleep(20)
        return "done"

    assert (await timed(flow, [20, 20], store=store, concurrency=1)).check()["s"] == "done"


async def test_a_total_timeout_counts_attempts_and_the_waits_between(store):
    """No attempt begins that would come too late, and one that is under way is stopped when all time is up."""
    flow, tries, clock = Workflow("w"), {"early": 0, "late": 0}, []
    retry = Retry(max_attempts=9, initial=2, multiplier=1)

    @flow.step(total_timeout=5, retry=retry, allow_failure=True)
    async def early():
        tries["early"] += 1
        raise ValueError("no")

    @flow.step(total_timeout=5, retry=retry, allow_failure=True)
    async def late():
        tries["late"] += 1
        await current_step().sleep(2)
        clock.append(1)
        raise ValueError("no")

    result = await timed(flow, [4.5, 1], store=store)
    ends = {id: (result.steps[id].ended_at - START).total_seconds() for id in tries}
    assert (tries, ends) == ({"early": 3, "late": 2}, {"early": 4, "late": 5})
    assert {result.steps[id].reason for id in tries} == {"total_timeout"}
    assert (result.steps["early"].error.type, result.steps["late"].error.type) == ("ValueError", "StepTimeout")
    assert len(clock) == 1  # the second attempt was stopped


async def test_a_workflow_timeout_ends_what_runs_waits_and_is_held(store):
    """At the time of the workflow running and held steps have failed, waiting ones are cancelled, in one moment."""
    flow = Workflow("w", timeout=5)
    steps = [Endless(flow, body, id=body) for body in BODIES]
    flow.step(lambda: 1, id="held", inline=True)
    flow.link("async", "held", type="finish_to_finish")
    flow.step(lambda: 1 / 0, id="retried", inline=True, retry=Retry(max_attempts=2, initial=60))
    flow.step(lambda: 1, id="later", after="async", inline=True)

    async def begun():
        for step in steps:
            await step.begun()

    result = await timed(flow, [4.9, 0.2], begun, store=store)
    for step in steps:
        assert not step.is_alive
        await step.let_go()
    assert {id: step.status.value for id, step in result.steps.items()} == {
        **dict.fromkeys((*BODIES, "held"), "failed"),
        **dict.fromkeys(("retried", "later"), "cancelled"),
    }
    assert {step.reason for step in result.steps.values()} == {result.reason} == {"workflow_timeout"}
    assert {(step.ended_at - START).total_seconds() for step in result.steps.values() if step.attempts} == {5}


@pytest.mark.parametrize("body", ["async", "inline", "thread"])
async def test_a_total_timeout_may_be_over_before_the_body_began(body, store):
    """A body that holds up the event loop takes the time of others: their step fails, and the run goes on."""
    flow, begun = Workflow("w"), []

    @flow.step(inline=True)
    def crunch():
        time.sleep(0.05)

    async def quick():
        begun.append(body)

    def quick_sync():
        begun.append(body)

    options = {"id": "quick", "total_timeout": 0.01, "allow_failure": True}
    flow.step(quick if body == "async" else quick_sync, inline=body == "inline", **options)
    with anyio.fail_after(PATIENCE):
        result = await taskorch.run(flow, store=store, concurrency=2)

    assert result.success
    step = result.steps["quick"]
    assert (step.status, step.reason, step.error.type) == (Outcome.FAILED, "total_timeout", "StepTimeout")
    assert begun == []


async def test_a_total_timeout_holds_while_a_store_takes_its_time():
    """What is decided and not yet recorded has no body to be stopped; it never begins."""

    class Slow(MemoryStore):
        async def apply(self, units):
            await anyio.sleep(0.05)
            return await super().apply(units)

    flow, begun = Workflow("w"), []

    @flow.step(total_timeout=0.02)
    async def quick():
        begun.append(1)

    async with Slow() as store:
        with anyio.fail_after(PATIENCE):
            result = await taskorch.run(flow, store=store)

    assert (result.steps["quick"].status, result.steps["quick"].reason) == (Outcome.FAILED, "total_timeout")
    assert begun == []


async def test_a_step_without_retries_says_that_its_total_time_was_up(store):
    """The reason is that of the bound that stopped it, not that no try is left."""
    flow = Workflow("w")

    @flow.step(total_timeout=5)
    async def slow():
        await current_step().sleep(20)

    result = await timed(flow, [5], store=store)
    assert (result.steps["slow"].reason, result.steps["slow"].error.type) == ("total_timeout", "StepTimeout")
