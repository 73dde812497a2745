"""Steering a run (issue 4, item 7): start, pause, resume, cancel, and monitor by its id."""

import threading
import time

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

import taskorch
from taskorch import (
    InvalidParameters,
    NotSteerable,
    OperatorError,
    Outcome,
    Retry,
    RunFailed,
    State,
    StoreError,
    Task,
    UnknownAction,
    UnknownRun,
    UnknownStep,
    Workflow,
    WorkflowChanged,
    current_step,
)
from taskorch.stores import MemoryStore
from taskorch.testing.clock import FakeClock
from tests.harness.stores import Around, Dead


@pytest.fixture(params=[None, "memory"], ids=["no-store", "memory"])
async def store(request, anyio_backend):
    """Without a store, and with one."""
    if request.param is None:
        yield None
    else:
        async with MemoryStore() as opened:
            yield opened


class Gated:
    """A chain a → b → c whose first body waits until it is let go.

    Attributes:
        flow: The workflow.
        begun: Set once the body of a runs.
        gate: Lets it go on.
        calls: The steps whose bodies were entered.
    """

    def __init__(self, **options):
        self.flow, self.calls = Workflow("gated", **options), []
        self.begun, self.gate = anyio.Event(), anyio.Event()

        @self.flow.step
        async def a():
            self.calls.append("a")
            self.begun.set()
            await self.gate.wait()
            return 1

        @self.flow.step
        async def b(a):
            self.calls.append("b")
            return a + 1

        @self.flow.step
        async def c(b):
            self.calls.append("c")
            return b + 1


async def task_of(store, run_id):
    """The task of a run as the store has it."""
    [record] = await store.read([run_id])
    return Task.from_json(record.body)


def states(task):
    """The states a task went through."""
    return [moment.state for moment in task.state.history]


# --- the block ----------------------------------------------------------------------------------------------


async def test_a_block_gives_a_handle_and_waits_for_the_end(store):
    """Leaving the block of ``start`` waits for the run; its handle then gives the result at once."""
    case = Gated()
    async with taskorch.start(case.flow, store=store, run_id="r") as run:
        assert run.run_id == "r"
        case.gate.set()
    assert run.status()["status"] == "completed"
    assert (await run.wait()).check().outputs == {"a": 1, "b": 2, "c": 3}


async def test_the_result_can_be_waited_for_in_the_block(store):
    """``wait`` returns what ``run`` would return, as often as it is asked."""
    case = Gated()
    case.gate.set()
    async with taskorch.start(case.flow, store=store) as run:
        result = await run.wait()
        assert result.check().outputs == {"a": 1, "b": 2, "c": 3}
        assert await run.wait() is result


async def test_an_error_of_the_block_interrupts_the_run():
    """What the block raises comes out as it is; the run is interrupted, and goes on when it is run again."""
    case, runs = Gated(), []

    async def block():
        async with taskorch.start(case.flow, store=store, run_id="r") as run:
            runs.append(run)
            await case.begun.wait()
            raise ZeroDivisionError

    async with MemoryStore() as store:
        with pytest.raises(ZeroDivisionError):
            await block()
        with pytest.raises(OperatorError, match="interrupted"):
            await runs[0].wait()
        case.gate.set()
        result = await taskorch.run(case.flow, store=store, run_id="r")
    assert result.check().steps["a"].attempts == 2


async def test_a_group_that_the_block_raises_comes_out_as_it_is():
    """A group of exceptions is not taken apart."""
    case = Gated()
    with pytest.raises(ExceptionGroup) as caught:
        async with taskorch.start(case.flow):
            raise ExceptionGroup("ours", [ValueError("one")])
    assert caught.value.message == "ours"


async def test_cancelling_the_scope_around_interrupts_the_run():
    """A cancelled block is cancelled, and its run can be resumed."""
    case = Gated()
    async with MemoryStore() as store:
        with anyio.CancelScope() as scope:
            async with taskorch.start(case.flow, store=store, run_id="r"):
                await case.begun.wait()
                scope.cancel()
        assert scope.cancelled_caught
        assert (await task_of(store, "r")).state.current is State.IN_PROGRESS
        case.gate.set()
        assert (await taskorch.run(case.flow, store=store, run_id="r")).success


async def test_what_is_wrong_is_said_when_the_block_is_entered(store):
    """Errors that ``run`` raises before it begins are raised by ``start``, bare."""
    with pytest.raises(InvalidParameters):
        async with taskorch.start(Gated().flow, store=store, concurrency=0):
            pass
    if store is not None:
        case = Gated()
        case.gate.set()
        await taskorch.run(case.flow, store=store, run_id="r")
        with pytest.raises(WorkflowChanged):
            async with taskorch.start(Workflow("other"), store=store, run_id="r"):
                pass


async def test_a_run_that_has_ended_has_its_recorded_result():
    """``start`` with the id of an ended run gives a handle on its result, and runs nothing."""
    case = Gated()
    case.gate.set()
    async with MemoryStore() as store:
        before = await taskorch.run(case.flow, store=store, run_id="r")
        async with taskorch.start(case.flow, store=store, run_id="r") as run:
            assert run.status()["status"] == "completed"
            await run.pause()
            await run.resume()
            await run.cancel()
            assert (await run.wait()).outputs == before.outputs
    assert case.calls == ["a", "b", "c"]


@pytest.mark.parametrize("asks", [True, False])
async def test_the_error_of_a_run_is_told_once(asks):
    """A store that fails is told by ``wait``, or else when the block is left."""
    case = Gated()
    case.gate.set()
    async with MemoryStore() as store:
        dead = Dead(store, 2, StoreError)
        if asks:
            async with taskorch.start(case.flow, store=dead) as run:
                with pytest.raises(StoreError):
                    await run.wait()
        else:
            with pytest.raises(StoreError):
                async with taskorch.start(case.flow, store=dead):
                    pass


# --- pause and resume ---------------------------------------------------------------------------------------


async def test_a_paused_run_starts_nothing_until_it_is_resumed(store):
    """Bodies in flight finish, nothing new starts, and the task is BLOCKED (paused) until it is resumed."""
    case = Gated()
    async with taskorch.start(case.flow, store=store, run_id="r") as run, anyio.create_task_group() as group:
        await case.begun.wait()
        group.start_soon(run.pause)
        await anyio.wait_all_tasks_blocked()
        assert run.status()["status"] == "paused"
        assert [step["id"] for step in run.status()["activeSteps"]] == ["a"]
        case.gate.set()
        await anyio.wait_all_tasks_blocked()
        assert case.calls == ["a"]
        assert run.status()["activeSteps"] == []
        if store is not None:
            task = await task_of(store, "r")
            assert (task.state.current, task.internals.blocker) == (State.BLOCKED, "paused")
        await run.resume()
        assert (await run.wait()).check().outputs == {"a": 1, "b": 2, "c": 3}
    if store is not None:
        assert states(await task_of(store, "r"))[-4:] == ["BLOCKED", "UNBLOCKED", "IN_PROGRESS", "COMPLETED"]


async def test_a_pause_that_comes_with_the_end_has_no_effect(store):
    """A run whose last body was in flight ends; it was never blocked."""
    flow, begun, gate = Workflow("one"), anyio.Event(), anyio.Event()

    @flow.step
    async def only():
        begun.set()
        await gate.wait()

    async with taskorch.start(flow, store=store, run_id="r") as run, anyio.create_task_group() as group:
        await begun.wait()
        group.start_soon(run.pause)
        await anyio.wait_all_tasks_blocked()
        gate.set()
        assert (await run.wait()).success
        await run.pause()
    if store is not None:
        assert State.BLOCKED not in states(await task_of(store, "r"))


async def test_pausing_and_resuming_again_and_again_loses_nothing(store):
    """Whatever the order of pauses and resumes, each call returns, and the run comes to its end once resumed."""
    case = Gated()
    case.gate.set()
    async with taskorch.start(case.flow, store=store) as run:
        for _ in range(3):
            await run.pause()
            await run.resume()
            await run.resume()
            await run.pause()
            await run.pause()
        assert run.status()["status"] in ("paused", "completed")
        await run.resume()
        assert (await run.wait()).success
    assert case.calls == ["a", "b", "c"]


async def test_a_step_may_pause_its_own_run(store):
    """Called by one of its steps, ``pause`` does not wait for that very step."""
    flow, runs, ready = Workflow("self"), [], anyio.Event()

    @flow.step
    async def first():
        await ready.wait()
        await runs[0].pause()
        return "paused"

    @flow.step
    async def second(first):
        return first

    async with taskorch.start(flow, store=store) as run:
        runs.append(run)
        ready.set()
        await anyio.wait_all_tasks_blocked()
        assert run.status()["progress"]["completed"] == 1
        await run.resume()
        assert (await run.wait())[second] == "paused"


async def test_a_step_cannot_wait_for_its_own_run():
    """That would never end, and is refused; so is a restart."""
    flow, runs, refused = Workflow("self"), [], []
    ready = anyio.Event()

    @flow.step
    async def only():
        await ready.wait()
        for ask in (runs[0].wait, runs[0].restart):
            with pytest.raises(NotSteerable) as caught:
                await ask()
            refused.append(caught.value.run_id)

    async with taskorch.start(flow, run_id="r") as run:
        runs.append(run)
        ready.set()
    assert refused == ["r", "r"]


async def test_another_process_goes_on_with_a_paused_run():
    """``run`` with the id of a run that was paused, and whose process has gone, goes on with it."""
    case = Gated()
    case.gate.set()
    async with MemoryStore() as store:
        with anyio.CancelScope() as scope:
            async with taskorch.start(case.flow, store=store, run_id="r") as run:
                await run.pause()
                scope.cancel()
        assert (await task_of(store, "r")).state.current is State.BLOCKED
        assert (await taskorch.run(case.flow, store=store, run_id="r")).check().outputs == {"a": 1, "b": 2, "c": 3}
        assert (await task_of(store, "r")).state.current is State.COMPLETED


async def test_a_retry_that_is_due_in_a_pause_waits_for_its_end(store):
    """Timers fire during a pause, but nothing starts."""
    flow, clock, tries = Workflow("w"), FakeClock(), []

    @flow.step(retry=Retry(max_attempts=2, initial=10))
    async def shaky():
        tries.append(current_step().attempt)
        if len(tries) == 1:
            raise ValueError

    async with taskorch.start(flow, store=store, clock=clock) as run:
        await clock.advance(1)
        await run.pause()
        await clock.advance(60)
        assert tries == [1]
        await run.resume()
        await run.wait()
    assert tries == [1, 2]


async def test_the_time_of_a_run_goes_on_during_a_pause(store):
    """A workflow's timeout is not put off: a paused run fails when it is up."""
    case, clock = Gated(timeout=60), FakeClock()
    case.gate.set()
    async with taskorch.start(case.flow, store=store, clock=clock, run_id="r") as run:
        await run.pause()
        await clock.advance(61)
        result = await run.wait()
    assert (result.status, result.reason) == (Outcome.FAILED, "workflow_timeout")
    if store is not None:
        assert states(await task_of(store, "r"))[-4:] == ["BLOCKED", "UNBLOCKED", "IN_PROGRESS", "FAILED"]


async def test_observers_hear_of_a_pause(store):
    """A pause and its end are events of the run's task, with their reason."""
    case, heard = Gated(), []
    case.gate.set()
    async with taskorch.start(case.flow, store=store, observers=[heard.append]) as run:
        await run.pause()
        await run.resume()
    own = [(str(event.verb), event.reason) for event in heard if event.step is None]
    assert own[-4:] == [("block", "paused"), ("unblock", None), ("start", None), ("complete", None)]


# --- cancel -------------------------------------------------------------------------------------------------


async def test_a_cancelled_run_ends_at_once_for_good(store):
    """Running bodies are stopped, everything open is cancelled, and so is the task; ``check`` raises."""
    case = Gated()
    async with taskorch.start(case.flow, store=store, run_id="r") as run:
        await case.begun.wait()
        await run.cancel()
        await run.cancel()
        result = await run.wait()
    assert (result.status, result.reason) == (Outcome.CANCELLED, "cancelled")
    assert {step.status for step in result.steps.values()} == {Outcome.CANCELLED}
    with pytest.raises(RunFailed, match="cancelled"):
        result.check()
    if store is not None:
        assert (await task_of(store, "r")).state.current is State.CANCELLED
        again = await taskorch.run(case.flow, store=store, run_id="r")
        assert again.status is Outcome.CANCELLED
    assert case.calls == ["a"]


async def test_a_run_may_be_cancelled_before_it_has_begun(store):
    """Cancelled at once, nothing of it runs."""
    case = Gated()
    async with taskorch.start(case.flow, store=store) as run:
        await run.cancel()
        assert run.status()["status"] == "cancelled"
    assert (await run.wait()).status is Outcome.CANCELLED


async def test_a_paused_run_can_be_cancelled(store):
    """From a pause a run is cancelled without going on."""
    case = Gated()
    case.gate.set()
    async with taskorch.start(case.flow, store=store, run_id="r") as run:
        await run.pause()
        await run.cancel()
    if store is not None:
        assert states(await task_of(store, "r"))[-2:] == ["BLOCKED", "CANCELLED"]
    assert (await run.wait()).status is Outcome.CANCELLED


async def test_a_thread_cannot_be_stopped_and_is_waited_for(store):
    """``cancel`` returns once a body in a thread has ended by itself; what it returned is dropped."""
    flow, begun, ended = Workflow("threads"), threading.Event(), []

    @flow.step
    def slow():
        begun.set()
        time.sleep(0.1)
        ended.append(1)
        return 1

    async with taskorch.start(flow, store=store) as run:
        assert await anyio.to_thread.run_sync(begun.wait, 10)
        await run.cancel()
        assert ended
    assert (await run.wait()).steps["slow"].status is Outcome.CANCELLED


async def test_a_command_that_is_cancelled_dies():
    """No process of a cancelled run survives."""
    flow = Workflow("commands")
    flow.command(("python", "-c", "import time; print(1, flush=True); time.sleep(600)"), id="long")
    with anyio.fail_after(30):
        async with taskorch.start(flow) as run:
            await anyio.sleep(0.3)
            await run.cancel()
    assert (await run.wait()).status is Outcome.CANCELLED


async def test_a_step_may_cancel_its_own_run(store):
    """The body that asks is stopped with the others."""
    flow, runs, reached = Workflow("self"), [], []
    ready = anyio.Event()

    @flow.step
    async def only():
        await ready.wait()
        await runs[0].cancel()
        reached.append(1)

    async with taskorch.start(flow, store=store) as run:
        runs.append(run)
        ready.set()
    assert (await run.wait()).status is Outcome.CANCELLED
    assert not reached


async def test_a_run_that_is_failing_already_can_be_cancelled(store):
    """Cancelled while it waits for its last bodies and for what is held, a run that fails fast ends at once."""
    flow, begun = Workflow("fast", fail_fast=True), anyio.Event()
    for id in ("early", "held"):
        flow.step(lambda: 1, id=id, inline=True)
    flow.link("early", "held", type="finish_to_finish", lag=1000)

    @flow.step
    async def broken():
        await begun.wait()
        raise ValueError("no")

    @flow.step
    async def endless():
        begun.set()
        await anyio.sleep_forever()

    with anyio.fail_after(60):
        async with taskorch.start(flow, store=store) as run:
            await begun.wait()
            await anyio.wait_all_tasks_blocked()
            await run.cancel()
            result = await run.wait()
    ends = {id: str(step.status) for id, step in result.steps.items()}
    assert (result.status, result.reason) == (Outcome.CANCELLED, "cancelled")
    assert ends == {"early": "completed", "held": "cancelled", "broken": "failed", "endless": "cancelled"}


async def test_a_step_of_a_run_within_cannot_wait_for_the_outer_one(store):
    """A step of a run that a step has begun would wait for itself as well, and is told so."""
    outer, inner, handles = Workflow("outer"), Workflow("inner"), []

    @inner.step
    async def asks():
        await handles[0].pause()  # which only asks, from here
        await handles[0].resume()
        await handles[0].wait()

    @outer.step
    async def begins():
        return (await taskorch.run(inner, store=store, run_id="inner")).steps["asks"].error.type

    with anyio.fail_after(60):
        async with taskorch.start(outer, store=store) as run:
            handles.append(run)
            result = await run.wait()
    assert result[begins] == "NotSteerable"


async def test_everybody_who_waits_learns_why_a_run_has_no_result():
    """Several tasks that wait for a run whose store fails are all told of that."""
    gated, told = Gated(), []

    async def waits(run):
        try:
            await run.wait()
        except StoreError as error:
            told.append(type(error))

    async with (
        MemoryStore() as memory,
        taskorch.start(gated.flow, store=Dead(memory, 2, StoreError)) as run,
        anyio.create_task_group() as group,
    ):
        for _ in range(2):
            group.start_soon(waits, run)
        gated.gate.set()
    assert told == [StoreError, StoreError]


# --- by its id ----------------------------------------------------------------------------------------------


async def test_monitor_steers_a_run_by_its_id(store):
    """D4's form: ``monitor(workflowId, action)`` answers with the status after the action."""
    case = Gated()
    case.gate.set()
    async with taskorch.start(case.flow, store=store) as run:
        assert (await taskorch.monitor(run.run_id, "pause"))["status"] == "paused"
        assert (await taskorch.monitor(run.run_id))["workflowId"] == run.run_id
        assert (await taskorch.monitor(run.run_id, "resume"))["status"] == "running"
        await run.wait()
        assert (await taskorch.monitor(run.run_id, "cancel"))["status"] == "completed"
    with pytest.raises(UnknownRun):
        await taskorch.monitor(run.run_id)


async def test_monitor_finds_what_run_carries_out(store):
    """A run of ``taskorch.run`` can be steered by its id, but not restarted."""
    case, results = Gated(), []

    async def work():
        results.append(await taskorch.run(case.flow, store=store, run_id="plain"))

    async with anyio.create_task_group() as group:
        group.start_soon(work)
        await case.begun.wait()
        assert (await taskorch.monitor("plain", "status"))["status"] == "running"
        with pytest.raises(NotSteerable, match=r"taskorch\.start"):
            await taskorch.monitor("plain", "restart")
        assert (await taskorch.monitor("plain", "cancel"))["status"] == "cancelled"
    assert results[0].status is Outcome.CANCELLED


async def test_mistakes_of_a_caller_are_told():
    """An unknown id, action or step, and options that mean nothing, are typed errors with a suggestion."""
    case = Gated()
    with pytest.raises(UnknownRun, match="no run 'RUN-1'") as unknown:
        await taskorch.monitor("RUN-1")
    assert unknown.value.run_id == "RUN-1"
    async with taskorch.start(case.flow, run_id="RUN-2026-a") as run:
        with pytest.raises(UnknownRun, match="did you mean 'RUN-2026-a'"):
            await taskorch.monitor("RUN-2026-b")
        with pytest.raises(UnknownAction, match="did you mean 'pause'") as action:
            await taskorch.monitor("RUN-2026-a", "pouse")
        assert action.value.known == ("status", "pause", "resume", "cancel", "restart")
        with pytest.raises(InvalidParameters, match="restart only"):
            await taskorch.monitor("RUN-2026-a", "cancel", failed_only=True)
        with pytest.raises(InvalidParameters, match="exclude each other"):
            await run.restart("a", failed_only=True)
        with pytest.raises(UnknownStep, match="did you mean 'a'"):
            await run.restart("aa")
        with pytest.raises(UnknownStep):
            run.explain("nothing")
        assert run.explain("b").waits_for == ("a",)
        case.gate.set()


async def test_of_several_runs_of_one_id_the_last_is_found():
    """Ids are unique in a store only; without one the run begun last answers."""
    first, second = Gated(), Gated()
    async with taskorch.start(first.flow, run_id="same") as one, taskorch.start(second.flow, run_id="same") as two:
        await taskorch.monitor("same", "cancel")
        assert (one.status()["status"], two.status()["status"]) == ("running", "cancelled")
        first.gate.set()


class Slow(Around):
    """A store whose answers take a turn or two."""

    async def apply(self, units):
        """Hand it on, late."""
        for _ in range(3):
            await anyio.lowlevel.checkpoint()
        return await self.store.apply(units)


@pytest.mark.parametrize("turns", range(0, 40, 3))
async def test_a_body_whose_start_was_not_recorded_when_it_was_cancelled_never_begins(turns):
    """Cancelled at any turn, a run ends cancelled or completed, and says the same in the store."""
    case = Gated()
    case.gate.set()
    async with MemoryStore() as store:
        async with taskorch.start(case.flow, store=Slow(store), run_id="r") as run:
            for _ in range(turns):
                await anyio.lowlevel.checkpoint()
            await run.cancel()
            result = await run.wait()
        again = await taskorch.run(case.flow, store=store, run_id="r")
    assert again.status is result.status
    assert {id for id, step in result.steps.items() if step.status is Outcome.COMPLETED} <= set(case.calls)
