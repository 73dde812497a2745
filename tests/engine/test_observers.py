"""Observers hear what has happened, once it is safe, and cannot hurt the run."""

import logging
from datetime import UTC, datetime

import anyio
import attrs
import pytest

import taskorch
from taskorch import LIFECYCLE, Event, QueueEngine, Retry, State, StoreError, Task, Workflow, advance
from taskorch.cli.display import Lines
from taskorch.cli.screen import Screen
from taskorch.core.frontier.facts import START
from taskorch.observers import LogObserver
from taskorch.stores import MemoryStore
from tests.harness.clocks import JumpingClock
from tests.harness.stores import Around, Dead, Held, Recording, Unreliable


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
    for events in steps.values():
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


@pytest.mark.parametrize("store", [None, "memory:", "sqlite"])
async def test_every_change_of_the_run_is_heard(flow, store, tmp_path):
    """The first event of a run is that of its creation; from there no version, no entry of its history is left out."""
    heard: list[Event] = []
    where = tmp_path / "runs.db" if store == "sqlite" else store
    await taskorch.run(flow, store=where, run_id="r", observers=[heard.append], clock=JumpingClock())
    own = [event for event in heard if event.step is None]

    assert heard[0] is own[0]
    assert heard[-1] is own[-1]
    assert [(event.verb.value, event.version) for event in own] == [
        ("enqueue", 1),
        ("schedule", 2),
        ("start", 3),
        ("complete", 4),
    ]
    told = [event.task for event in own if event.task is not None]
    assert [task.metadata.version for task in told] == [1, 2, 3, 4]
    assert [moment.state for moment in told[-1].state.history[1:]] == [event.state for event in own]
    assert len({event.by for event in own}) == 1


async def test_nobody_hears_of_a_run_that_was_never_created(flow):
    """A run whose creation is not recorded is not told of, nor is one that another has created."""
    heard = []
    async with MemoryStore() as inner:
        with pytest.raises(StoreError):
            await taskorch.run(flow, store=Dead(inner, 0, StoreError), run_id="r", observers=[heard.append])
        assert heard == []

        async def other(units):
            await inner.apply([attrs.evolve(units[0], puts=(attrs.evolve(units[0].puts[0], body=created),))])
            return await inner.apply(units)

        created = await recorded_by_another(flow)
        store = Around(inner)
        store.apply = once(other, inner.apply)
        await taskorch.run(flow, store=store, run_id="r", observers=[heard.append], clock=JumpingClock())
        own = [event.verb.value for event in heard if event.step is None]
        assert own == ["schedule", "start", "complete"]


@pytest.mark.parametrize("applies", [False, True])
async def test_a_lost_answer_loses_no_event(flow, applies):
    """If the store's answer about the creation is lost, it is told once, when the store has answered again."""
    heard = []
    async with MemoryStore() as inner:
        store = Unreliable(inner, 1, applies=applies)
        store.apply = once(store.apply, inner.apply)
        await taskorch.run(flow, store=store, run_id="r", observers=[heard.append], clock=JumpingClock())
    assert store.faults == 1
    assert [event.verb.value for event in heard if event.step is None] == ["enqueue", "schedule", "start", "complete"]


async def recorded_by_another(flow):
    """The document of the run as another process would create it, a moment before."""
    async with MemoryStore() as store:
        begun = Dead(store, 1, StoreError)
        with pytest.raises(StoreError):
            await taskorch.run(flow, store=begun, run_id="r")
        record = (await store.read(["r"]))[0]
        return record.body


def once(first, rest):
    """An ``apply`` that is *first* at the first call and *rest* from then on."""
    calls = []

    async def apply(units):
        calls.append(units)
        return await (first if len(calls) == 1 else rest)(units)

    return apply


async def test_an_event_is_told_only_after_it_is_recorded(flow):
    """No observer hears of a start that the store has not answered for."""
    async with MemoryStore() as store:
        recording = Recording(store, [step.id for step in flow.steps])

        def observer(event):
            if event.step is not None and event.verb in ("start", "retry"):
                assert (event.step, event.attempt) in recording.started(event.task_id)
                heard.append(event)

        heard = []
        await taskorch.run(flow, store=recording, observers=[observer], clock=JumpingClock())
        assert len(heard) == 3


async def test_nobody_hears_of_what_was_never_recorded():
    """While the store does not answer, no body begins and no observer hears of more than what it has answered for."""
    flow, begun, heard = Workflow("w"), [], []
    flow.step(lambda: begun.append(1), id="only", inline=True)
    async with MemoryStore() as inner, anyio.create_task_group() as group:
        store = Held(inner, passing=1)
        group.start_soon(lambda: taskorch.run(flow, store=store, run_id="r", observers=[heard.append]))
        await anyio.wait_all_tasks_blocked()
        before = store.waiting, [*begun], [(event.step, event.verb.value) for event in heard]
        store.gate.set()
        await anyio.wait_all_tasks_blocked()
        facts = [fact for entry in await inner.journal("r") for fact in entry.facts]
        assert before == (1, [], [(None, "enqueue")])
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
        heard, earlier = [], []

        def stop(event):
            earlier.append(event)
            if event.verb == "fail":
                scope.cancel()

        with anyio.CancelScope() as scope:
            await taskorch.run(flow, store=store, run_id="r", observers=[stop], clock=JumpingClock())
        assert scope.cancelled_caught
        assert [event.verb for event in earlier if event.step is None] == ["enqueue", "schedule", "start"]
        await taskorch.run(flow, store=store, run_id="r", observers=[heard.append], clock=JumpingClock())
        assert [event.verb for event in heard if event.step is None] == ["complete"]
        shaky = [event for event in heard if event.step == "shaky"]
        assert [(event.previous.value, event.verb.value) for event in shaky] == [
            ("FAILED", "retry"),
            ("IN_PROGRESS", "complete"),
        ]
        heard.clear()
        await taskorch.run(flow, store=store, run_id="r", observers=[heard.append])
        assert heard == []


def test_amendments_are_logged_and_shown_like_any_event(caplog, capsys):
    """A bump and a move go through the log and the display of the command line without an error."""
    now = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
    engine, lines = QueueEngine(), Lines(Screen())
    engine.push(advance(Task.new("a task", now=now, id="T-1"), "enqueue", now=now, by="ann")[0], now)
    events = [engine.bump("T-1", 10, "ann", now=now, reason="asked for"), engine.move("T-1", "urgent", "ann", now=now)]

    with caplog.at_level(logging.INFO, "taskorch.events"):
        for event in events:
            LogObserver()(event)
            lines(event)

    assert caplog.messages == ["T-1: bump, now QUEUED (asked for)", "T-1: move, now QUEUED"]
    assert [record.verb for record in caplog.records] == ["bump", "move"]
    assert capsys.readouterr() == ("", "")
