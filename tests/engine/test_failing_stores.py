"""What a run does when its store fails, is taken away, or answers late."""

from functools import partial

import anyio
import anyio.lowlevel
import pytest

import taskorch
from taskorch import Outcome, StaleLease, StoreError, StoreUnavailable, Workflow
from taskorch.core.frontier.facts import COMPLETE, START
from taskorch.core.frontier.plan import Plan
from taskorch.engine import committer
from taskorch.stores import MemoryStore
from taskorch.testing.clock import FakeClock
from tests.harness import invariants
from tests.harness.clocks import JumpingClock
from tests.harness.effects import Effects
from tests.harness.scenarios import CHAIN, FAN, RETRIED, THREADS
from tests.harness.stores import Around, Dead, Held, Unreliable


@pytest.mark.parametrize("scenario", [CHAIN, FAN, RETRIED, THREADS], ids=lambda scenario: scenario.name)
@pytest.mark.parametrize("every", [2, 3, 4, 5])
@pytest.mark.parametrize("applies", [True, False], ids=["done", "not-done"])
async def test_a_commit_of_unknown_outcome_takes_effect_once(scenario, every, applies):
    """When each n-th answer of the store is lost, the run is the same: each body runs once, each fact is kept once."""
    effects = Effects()
    flow = scenario.build(effects)
    async with MemoryStore() as inner:
        store = Unreliable(inner, every, applies=applies)
        result = await taskorch.run(flow, store=store, run_id="r", clock=JumpingClock())
        facts = [fact for entry in await inner.journal("r") for fact in entry.facts]
        record = (await inner.read(["r"]))[0]
    assert store.faults or store.calls < every
    plan = Plan.of(flow)
    assert [
        *invariants.check_result(scenario, result),
        *invariants.check_journal(plan, facts),
        *invariants.check_effects(plan, facts, effects),
        *invariants.check_record(record, facts),
        *invariants.check_end(record, effects),
    ] == []
    assert len([fact for fact in facts if fact[1] == COMPLETE]) == len(plan.steps)


@pytest.mark.parametrize("applies", [True, False], ids=["done", "not-done"])
@pytest.mark.parametrize("verb", ["apply", "lease"])
async def test_an_opening_of_unknown_outcome_may_be_made_again(verb, applies):
    """When the answer to the first write or about the lease is lost, the same call goes on, at once or made again."""
    calls = []

    class Forgetful(Around):
        lost = False

        async def _once(self, name, *arguments):
            if name == verb and not self.lost:
                self.lost = True
                if applies:
                    await getattr(self.store, name)(*arguments)
                raise StoreUnavailable(self.name, "the answer was lost")
            return await getattr(self.store, name)(*arguments)

        async def apply(self, units):
            return await self._once("apply", units)

        async def lease(self, owner, id, ttl=None, *, force=False):
            return await self._once("lease", owner, id, ttl)

    flow = Workflow("w")
    flow.step(lambda: calls.append(1), id="only", inline=True)
    async with MemoryStore() as inner:
        run = partial(taskorch.run, flow, store=Forgetful(inner), run_id="r", clock=JumpingClock())
        try:
            result = await run()
        except StoreUnavailable:
            result = await run()
    assert result.success
    assert calls == [1]


@pytest.mark.parametrize("ended", [True, False], ids=["ended", "left"])
async def test_a_journal_that_cannot_be_read_just_now_is_read_again(ended):
    """A run is taken up, or its result read, although its store is away for a moment while the journal is read."""

    class Away(Around):
        faults = 0

        async def journal(self, run, after=0, n=1000):
            self.faults += 1
            if self.faults < 3:
                raise StoreUnavailable(self.name, "is away")
            return await self.store.journal(run, after, n)

    flow = Workflow("w")
    begun, is_first = anyio.Event(), not ended

    @flow.step
    async def only():
        begun.set()
        if is_first:
            await anyio.sleep_forever()

    async with MemoryStore() as inner:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(taskorch.run, flow, store=inner, run_id="r"))
            await begun.wait()
            if is_first:
                tasks.cancel_scope.cancel()
        is_first = False
        store = Away(inner)
        assert (await taskorch.run(flow, store=store, run_id="r")).success
    assert store.faults > 2


@pytest.mark.parametrize("error", [StoreError, StoreUnavailable])
@pytest.mark.parametrize("after", [2, 3, 4, 5])
async def test_a_store_that_stays_dead_ends_the_run(error, after, monkeypatch):
    """A store that stays dead ends the run with its error, and nothing is released after the failure."""
    monkeypatch.setattr(committer, "REPEATS", 4)
    flow, begun = Workflow("w"), []

    async def body():
        begun.append(store.calls)
        await anyio.lowlevel.checkpoint()

    for number in range(5):
        flow.step(body, id=f"s{number}", after=[f"s{number - 1}"] if number else [])
    async with MemoryStore() as inner:
        store = Dead(inner, after, error)
        with pytest.raises(error) as caught:
            await taskorch.run(flow, store=store, run_id="r", clock=JumpingClock())
        assert type(caught.value) is error
        facts = [fact for entry in await inner.journal("r") for fact in entry.facts]
    assert len(begun) == len([fact for fact in facts if fact[1] == START]) == after - 1
    assert max(begun) <= after
    assert store.calls == after + 1 + (committer.REPEATS if error is StoreUnavailable else 0)


async def test_bodies_are_stopped_when_the_store_is_lost(monkeypatch):
    """When the store is lost, bodies that still run are stopped before the error comes out."""
    monkeypatch.setattr(committer, "REPEATS", 2)
    flow, story = Workflow("w"), []

    @flow.step
    async def endless():
        try:
            await anyio.sleep_forever()
        finally:
            story.append("stopped")

    flow.step(lambda: 1, id="quick", inline=True)
    async with MemoryStore() as inner:
        with pytest.raises(StoreUnavailable):
            await taskorch.run(flow, store=Dead(inner, 2, StoreUnavailable), clock=JumpingClock())
        story.append("raised")
    assert story == ["stopped", "raised"]


@pytest.mark.parametrize("at", ["a", "b"])
async def test_an_owner_that_was_replaced_stops(at):
    """When another owner has taken the run over, StaleLease comes out, and nothing more is started or recorded."""
    flow, begun = Workflow("w"), []

    async def body(id):
        begun.append(id)
        if id == at:
            await take_over()
        await anyio.lowlevel.checkpoint()

    async def take_over():
        await store.lease("another", "r", force=True)  # its owner is believed to be dead

    flow.step(partial(body, "a"), id="a")
    flow.step(partial(body, "b"), id="b", after="a")
    flow.step(partial(body, "c"), id="c", after="b")
    async with MemoryStore() as store:
        with pytest.raises(StaleLease) as caught:
            await taskorch.run(flow, store=store, run_id="r")
        assert (caught.value.run_id, caught.value.epoch) == ("r", 1)
        assert begun == ["a", "b"][: 1 + (at == "b")]
        record = (await store.read(["r"]))[0]
        assert (record.owner, record.epoch) == ("another", 2)
        facts = [fact for entry in await store.journal("r") for fact in entry.facts]
        assert len([fact for fact in facts if fact[1] == COMPLETE]) == begun.index(at)


async def test_nothing_begins_until_the_store_has_answered():
    """While a unit is under way no body of it begins, and further units wait and go together."""
    flow, begun = Workflow("w"), []
    flow.step(lambda: begun.append("a"), id="a", inline=True)
    flow.step(lambda: begun.append("b"), id="b", after="a", inline=True)
    async with MemoryStore() as inner, anyio.create_task_group() as group:
        store = Held(inner, passing=2)  # the insertion and the start of "a"
        group.start_soon(lambda: taskorch.run(flow, store=store, run_id="r"))
        await anyio.wait_all_tasks_blocked()
        assert begun == ["a"]
        store.gate.set()
        await anyio.wait_all_tasks_blocked()
        assert begun == ["a", "b"]


async def test_a_body_that_was_timed_out_before_it_began_does_not_begin():
    """A body whose start is recorded only after the workflow's timeout never begins."""
    flow, begun, results = Workflow("w", timeout=5), [], []
    clock = FakeClock()
    flow.step(lambda: begun.append("a"), id="a", inline=True)
    flow.step(lambda: begun.append("b"), id="b", after="a", inline=True)

    async def work():
        results.append(await taskorch.run(flow, store=store, run_id="r", clock=clock))

    async with MemoryStore() as inner, anyio.create_task_group() as group:
        store = Held(inner, passing=2)  # what follows waits: the end of "a", the start of "b"
        group.start_soon(work)
        await anyio.wait_all_tasks_blocked()
        await clock.advance(6)
        store.gate.set()
    assert results[0].steps["b"].status is Outcome.FAILED
    assert results[0].steps["b"].reason == "workflow_timeout"
    assert begun == ["a"]
