"""Restarting a run (issue 4, item 7): under a new id, in the same block."""

import anyio
import anyio.lowlevel
import attrs
import pytest

import taskorch
from taskorch import NotSteerable, Outcome, State, StoreError, Task, Workflow
from taskorch.stores import MemoryStore, SQLiteStore
from tests.harness.stores import Dead


@pytest.fixture(params=[None, "memory", "sqlite"], ids=["no-store", "memory", "sqlite"])
async def store(request, tmp_path, anyio_backend):
    """Without a store, and with each kind."""
    if request.param is None:
        yield None
    else:
        async with MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "s.db") as opened:
            yield opened


class Counted:
    """A chain a → b → c and a step x beside it; b fails so many times.

    Attributes:
        flow: The workflow.
        calls: The steps whose bodies were entered, with the run's params.
    """

    def __init__(self, failures=0):
        self.flow, self.calls = Workflow("counted"), []

        @self.flow.step
        async def a(params):
            self.calls.append("a")
            return params.get("n", 1)

        @self.flow.step
        async def b(a):
            self.calls.append("b")
            if self.calls.count("b") <= failures:
                raise ValueError("not yet")
            return a * 10

        @self.flow.step
        async def c(b):
            self.calls.append("c")
            return b + 1

        @self.flow.step
        async def x():
            self.calls.append("x")
            return "x"

        self.flow = attrs.evolve(self.flow, parameters={"n": 1})


@pytest.mark.parametrize(
    ("options", "again"),
    [({}, "abcx"), ({"from_step": "b"}, "bc"), ({"from_step": "x"}, "x"), ({"failed_only": True}, "")],
)
async def test_a_run_that_has_completed_can_be_done_again(store, options, again):
    """From the start, from a step, or only what failed: the steps that are kept have their outputs, and do not run."""
    case = Counted()
    async with taskorch.start(case.flow, store=store, params={"n": 2}) as run:
        first = await run.wait()
        case.calls.clear()
        second = await run.restart(**options)
        assert second.run_id != run.run_id
        result = await second.wait()
    assert result.check().outputs == first.outputs == {"a": 2, "b": 20, "c": 21, "x": "x"}
    assert sorted(case.calls) == sorted(again)


async def test_what_failed_is_done_again(store):
    """``failed_only`` runs the failed step and what was omitted because of it; the run then completes."""
    case = Counted(failures=1)
    async with taskorch.start(case.flow, store=store) as run:
        assert (await run.wait()).status is Outcome.FAILED
        second = await run.restart(failed_only=True)
    result = await second.wait()
    assert result.check().outputs == {"a": 1, "b": 10, "c": 11, "x": "x"}
    assert sorted(case.calls) == ["a", "b", "b", "c", "x"]
    assert result.steps["b"].attempts == 1


async def test_the_task_says_what_it_does_again(store):
    """``restart_of`` names the old run, which stays as it was; steps can be named by their functions."""
    if store is None:
        pytest.skip("nothing is kept")
    case = Counted()
    async with taskorch.start(case.flow, store=store, run_id="first") as run:
        await run.wait()
        second = await run.restart(from_step=case.flow.steps[1])
        third = await second.restart(from_step=case.flow.steps[1].body.function)
    old, new, newest = [Task.from_json(r.body) for r in await store.read(["first", second.run_id, third.run_id])]
    assert (old.internals.restart_of, new.internals.restart_of) == (None, "first")
    assert (old.state.current, newest.internals.restart_of) == (State.COMPLETED, second.run_id)


async def test_a_run_that_goes_on_is_cancelled_first(store):
    """Restarted in the middle, a run ends cancelled, and what it had completed is kept if that is asked for."""
    flow, begun, tries = Workflow("endless"), anyio.Event(), []

    @flow.step
    async def before():
        return len(tries)

    @flow.step
    async def endless(before):
        tries.append(before)
        if len(tries) == 1:
            begun.set()
            await anyio.sleep_forever()
        return "at last"

    async with taskorch.start(flow, store=store) as run:
        await begun.wait()
        second = await run.restart(failed_only=True)
        assert (await run.wait()).status is Outcome.CANCELLED
    assert (await second.wait()).check().outputs == {"before": 0, "endless": "at last"}
    assert tries == [0, 0]


async def test_a_crash_right_after_loses_nothing():
    """What is kept is recorded together with the new run: a store that fails at its first unit loses nothing."""
    case = Counted(failures=1)
    async with MemoryStore() as store:
        dying = Dead(store, 99, StoreError)
        async with taskorch.start(case.flow, store=dying) as run:
            await run.wait()
            dying._after = dying.calls + 1  # the insertion, and nothing more
            second = await run.restart(failed_only=True)
            with pytest.raises(StoreError):
                await second.wait()
        # The process that had it is gone, and its lease with it.
        await store.lease("gone", second.run_id, 0, force=True)
        result = await taskorch.run(case.flow, store=store, run_id=second.run_id)
    assert result.check().outputs == {"a": 1, "b": 10, "c": 11, "x": "x"}
    assert case.calls.count("a") == 1


async def test_leaving_the_block_waits_for_restarted_runs_too(store):
    """Nothing of a restarted run outlives the block, even if it is restarted by somebody outside while it ends."""
    flow, begun, tries, found = Workflow("endless"), anyio.Event(), [], []

    @flow.step
    async def endless():
        tries.append(1)
        if len(tries) == 1:
            begun.set()
            await anyio.sleep_forever()

    async with anyio.create_task_group() as group:
        async with taskorch.start(flow, store=store) as run:
            await begun.wait()

            async def outside():
                found.append(await taskorch.monitor(run.run_id, "restart"))

            group.start_soon(outside)
        assert len(tries) == 2
    assert found[0]["workflowId"] != run.run_id
    with pytest.raises(NotSteerable, match="has ended"):
        await run.restart()


async def test_monitor_restarts_from_a_step(store):
    """D4's form takes the same options."""
    case = Counted()
    async with taskorch.start(case.flow, store=store) as run:
        await run.wait()
        case.calls.clear()
        status = await taskorch.monitor(run.run_id, "restart", from_step="c")
        assert status["workflowId"] != run.run_id
        assert status["progress"]["completed"] >= 3
    assert case.calls == ["c"]


async def test_a_restart_that_is_cancelled_leaves_nothing(store):
    """Cancelled at any turn, a restart leaves the block as it was, and a run that can be resumed or none."""
    before = len(anyio.get_running_tasks())
    for turns in range(12):
        case = Counted()
        with anyio.CancelScope() as scope:
            async with taskorch.start(case.flow, store=store) as run:
                await run.wait()
                async with anyio.create_task_group() as group:
                    group.start_soon(run.restart)
                    for _ in range(turns):
                        await anyio.lowlevel.checkpoint()
                    scope.cancel()
        assert run.status()["status"] == "completed"
        assert case.calls.count("a") <= 2
        assert len(anyio.get_running_tasks()) == before
