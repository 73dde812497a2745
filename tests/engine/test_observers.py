"""Observers hear what has happened, once it is safe, and cannot hurt the run."""

import logging

import anyio
import pytest

import taskorch
from taskorch import LIFECYCLE, Event, Retry, State, Workflow
from taskorch.core.frontier.facts import START
from taskorch.stores import MemoryStore
from tests.harness.clocks import JumpingClock
from tests.harness.stores import Held, Recording


@pytest.fixture
def flow():
    """A workflow in which something happens."""
    made, tries = Workflow("w"), []

    @made.step(retry=Retry(max_attempts=2, initial=1))
    async def shaky():
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("not yet")

    made.step(lambda: 1, id="after", after=shaky, inline=True)
    made.step(lambda: 1, id="omitted", condition="on_failure(shaky)", inline=True)
    return made


@pytest.mark.parametrize("store", [None, "memory:"])
async def test_events_come_in_order_and_each_follows_from_the_last(flow, store):
    """An observer hears every change of every step and of the run itself, in order, along the lifecycle table."""
    heard: list[Event] = []
    await taskorch.run(flow, store=store, run_id="r", observers=[heard.append], clock=JumpingClock())
    steps: dict[str | None, list[Event]] = {}
    for event in heard:
        assert event.task_id == "r"
        steps.setdefault(event.step, []).append(event)
    for id, events in steps.items():
        if id is None:
            continue
        assert events[0].previous is State.CREATED
        for event, next in zip(events, [*events[1:], None], strict=True):
            assert LIFECYCLE.target(event.previous, event.verb) is event.state
            assert next is None or next.previous is event.state
    verbs = [event.verb.value for event in steps["shaky"]]
    assert verbs == ["enqueue", "schedule", "start", "fail", "retry", "complete"]
    failed, retried = steps["shaky"][3:5]
    assert failed.reason == "not yet"
    assert failed.retry_at is not None
    assert failed.at < failed.retry_at <= retried.at
    assert (steps["omitted"][-1].verb.value, steps["omitted"][-1].reason) == ("cancel", "omitted")
    times = [event.at for event in heard if event.step is not None]
    assert times == sorted(times)


async def test_an_event_is_told_only_after_it_is_recorded(flow):
    """No observer hears of a start that the store has not answered for."""
    async with MemoryStore() as store:
        recording = Recording(store, [step.id for step in flow.steps])

        def observer(event):
            if event.step is not None and event.verb in ("start", "retry"):
                assert (event.step, event.attempt) in recording.started
                heard.append(event)

        heard = []
        await taskorch.run(flow, store=recording, observers=[observer], clock=JumpingClock())
        assert len(heard) == 3


async def test_nobody_hears_of_what_was_never_recorded():
    """While the store does not answer, no body begins and no observer hears of a start."""
    flow, begun, heard = Workflow("w"), [], []
    flow.step(lambda: begun.append(1), id="only", inline=True)
    async with MemoryStore() as inner, anyio.create_task_group() as group:
        store = Held(inner, passing=1)
        group.start_soon(lambda: taskorch.run(flow, store=store, run_id="r", observers=[heard.append]))
        await anyio.wait_all_tasks_blocked()
        assert (store.waiting, begun, heard) == (1, [], [])
        store.gate.set()
        await anyio.wait_all_tasks_blocked()
        facts = [fact for entry in await inner.journal("r") for fact in entry.facts]
        assert START in [fact[1] for fact in facts]
        assert begun == [1]


async def test_an_observer_that_raises_is_removed_and_logged(flow, caplog):
    """An observer that raises is removed, the fault is logged, and run and other observers go on."""
    before, after, calls = [], [], []

    def bad(event):
        calls.append(event)
        if len(calls) == 3:
            raise ValueError("a bad observer")

    with caplog.at_level(logging.ERROR, "taskorch"):
        result = await taskorch.run(
            flow, store="memory:", observers=[before.append, bad, after.append], clock=JumpingClock()
        )
    assert result.success
    assert len(calls) == 3
    assert before == after
    assert len(before) > 9
    assert "a bad observer" in caplog.text


async def test_a_resumed_run_tells_only_what_is_new(flow):
    """Who observes a resumed run hears of what happens from now on; who observes a finished one hears nothing."""
    async with MemoryStore() as store:
        heard = []

        def stop(event):
            if event.verb == "fail":
                scope.cancel()

        with anyio.CancelScope() as scope:
            await taskorch.run(flow, store=store, run_id="r", observers=[stop], clock=JumpingClock())
        assert scope.cancelled_caught
        await taskorch.run(flow, store=store, run_id="r", observers=[heard.append], clock=JumpingClock())
        shaky = [event for event in heard if event.step == "shaky"]
        assert [(event.previous.value, event.verb.value) for event in shaky] == [
            ("FAILED", "retry"),
            ("IN_PROGRESS", "complete"),
        ]
        heard.clear()
        await taskorch.run(flow, store=store, run_id="r", observers=[heard.append])
        assert heard == []
