"""A run that was cut off goes on where it was; one that has ended is not run again."""

from datetime import timedelta

import anyio
import anyio.lowlevel
import pytest

import taskorch
from taskorch import Outcome, Retry, RunBusy, State, Task, Workflow, WorkflowChanged
from taskorch.core.frontier.facts import START
from taskorch.core.unit import LeaseAction, Unit
from taskorch.stores import MemoryStore, SQLiteStore
from taskorch.testing.clock import FakeClock
from tests.harness.stores import Around


@pytest.fixture(params=["memory", "sqlite"])
async def store(request, tmp_path, anyio_backend):
    """An open store of each kind."""
    async with MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "s.db") as opened:
        yield opened


def counting(calls, cut_at=None, scope=None):
    """A chain of three steps that count their calls; in the first call of *cut_at* the scope is cancelled."""
    flow = Workflow("w")

    async def body(id, *before):
        calls.append(id)
        if id == cut_at and calls.count(id) == 1:
            scope().cancel()
        await anyio.lowlevel.checkpoint()
        return "-".join((*before, id))

    @flow.step
    async def a():
        return await body("a")

    @flow.step
    async def b(a):
        return await body("b", a)

    @flow.step
    async def c(b):
        return await body("c", b)

    return flow


@pytest.mark.parametrize("cut_at", ["a", "b", "c"])
async def test_recorded_steps_are_not_run_again(store, cut_at):
    """Resumed, a run goes on: recorded steps keep their outputs, the one in flight runs again as the next attempt."""
    calls = []
    flow = counting(calls, cut_at, lambda: scope)
    with anyio.CancelScope() as scope:
        await taskorch.run(flow, store=store, run_id="r")
    assert scope.cancelled_caught
    result = await taskorch.run(flow, store=store, run_id="r")
    assert result.check()["c"] == "a-b-c"
    assert {id: calls.count(id) for id in "abc"} == {id: 1 + (id == cut_at) for id in "abc"}
    assert {id: step.attempts for id, step in result.steps.items()} == {id: 1 + (id == cut_at) for id in "abc"}
    assert (await store.read(["r"]))[0].epoch == 2


async def test_an_interruption_uses_up_no_attempt(store):
    """A step of a single attempt that was cut off, however often, has its attempt still before it."""
    flow, calls = Workflow("w"), []

    @flow.step
    async def only():
        calls.append(1)
        if len(calls) < 4:
            scope.cancel()
            await anyio.lowlevel.checkpoint()
        return "done"

    for _ in range(4):
        with anyio.CancelScope() as scope:
            result = await taskorch.run(flow, store=store, run_id="r")
    assert result.check()[only] == "done"
    assert result.steps["only"].attempts == 4


async def test_a_finished_run_returns_its_recorded_result(store):
    """A run that has ended is not run again: its recorded result comes back, the times included."""
    calls = []
    flow = counting(calls)
    first = await taskorch.run(flow, store=store, run_id="r")
    again = await taskorch.run(flow, store=store, run_id="r")
    assert len(calls) == 3
    assert again.to_dict() == first.to_dict()


async def test_a_failed_run_returns_its_recorded_result_too(store):
    """A run that failed has ended."""
    flow, calls = Workflow("w"), []

    @flow.step
    async def bad():
        calls.append(1)
        raise ValueError("no")

    first = await taskorch.run(flow, store=store, run_id="r")
    again = await taskorch.run(flow, store=store, run_id="r")
    assert (again.status, len(calls)) == (Outcome.FAILED, 1)
    assert again.to_dict() == first.to_dict()


async def test_another_workflow_under_the_same_id_is_refused(store):
    """Another definition, params or context under a run's id is WorkflowChanged, which says so; None is "as before"."""
    calls = []
    flow = counting(calls)
    await taskorch.run(flow, store=store, run_id="r", params={"n": 1}, context={"c": 1})
    other = counting(calls)
    other.step(lambda: 1, id="more")
    for what, workflow, options in (
        ("definition", other, {}),
        ("params", flow, {"params": {"n": 2}}),
        ("context", flow, {"context": {}}),
    ):
        with pytest.raises(WorkflowChanged) as caught:
            await taskorch.run(workflow, store=store, run_id="r", **options)
        assert caught.value.what == what
    await taskorch.run(counting(calls), store=store, run_id="r")
    await taskorch.run(flow, store=store, run_id="r", params={"n": 1}, context={"c": 1})
    assert len(calls) == 3


async def test_a_run_that_is_running_is_busy(store):
    """While one call runs it, another one for the same run id is refused and does no harm."""
    flow, began, release, answers = Workflow("w"), anyio.Event(), anyio.Event(), []

    @flow.step
    async def waits():
        began.set()
        await release.wait()
        return 1

    async def call():
        answers.append((await taskorch.run(flow, store=store, run_id="r")).check()[waits])

    async with anyio.create_task_group() as group:
        group.start_soon(call)
        await began.wait()
        with pytest.raises(RunBusy) as caught:
            await taskorch.run(flow, store=store, run_id="r")
        release.set()
    assert "'r'" in str(caught.value)
    assert answers == [1]


async def test_a_pending_retry_keeps_its_date_over_a_resumption(store):
    """A run that was cut off while a step waited for its next attempt does not try it before its time."""
    flow, clock, tries = Workflow("w"), FakeClock(), []
    start = clock.now()

    @flow.step(retry=Retry(max_attempts=3, initial=60))
    async def shaky():
        tries.append((clock.now() - start) / timedelta(seconds=1))
        if len(tries) == 1:
            raise ValueError("no")
        return len(tries)

    async with anyio.create_task_group() as group:
        group.start_soon(lambda: taskorch.run(flow, store=store, run_id="r", clock=clock))
        with anyio.fail_after(5):
            while not any(fact[1] == 6 for entry in await store.journal("r") for fact in entry.facts):  # noqa: ASYNC110
                await anyio.sleep(0.01)
        group.cancel_scope.cancel()
    results = []

    async def resume():
        results.append(await taskorch.run(flow, store=store, run_id="r", clock=clock))

    async with anyio.create_task_group() as group:
        group.start_soon(resume)
        for seconds in (10, 20, 29):
            await anyio.sleep(0.05)
            await clock.advance(seconds)
            await anyio.sleep(0.02)
        assert tries == [0]
        await clock.advance(1)
    assert tries == [0, 60]
    assert results[0].success


@pytest.mark.parametrize("options", [{"concurrency": 1}, {"concurrency": 2}])
@pytest.mark.parametrize("mode", ["parallel", "sequential"])
async def test_attempts_that_died_with_their_process_leave_their_places(store, options, mode):
    """What was in flight when a process was killed takes no place from the run that is resumed."""
    flow = Workflow("w", mode=mode)
    for id in ("a", "b"):
        flow.step(lambda: 1, id=id, inline=True)

    class Killed(Around):
        """Behind the unit that starts bodies the process ends, in so far as nothing more is written."""

        async def apply(self, units):
            if any(fact[1] != START and fact[2] for unit in units for fact in unit.facts):
                raise MemoryError("killed")
            return await self.store.apply(units)

    with pytest.raises(MemoryError):
        await taskorch.run(flow, store=Killed(store), run_id="r", **options)
    record = (await store.read(["r"]))[0]
    assert Task.from_json(record.body).state.current is State.IN_PROGRESS
    await store.apply([Unit(run="r", epoch=1, number=99, lease=LeaseAction.RELEASE)])
    with anyio.fail_after(2):
        result = await taskorch.run(flow, store=store, run_id="r", **options)
    assert result.check().outputs == {"a": 1, "b": 1}
    assert result.steps["a"].attempts == 2
