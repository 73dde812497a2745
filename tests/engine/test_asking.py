"""What is asked of a run in a store of our own, while it is being taken up and later, is heard."""

from functools import partial

import anyio
import pytest

import taskorch
from taskorch import NotSteerable, Outcome, State, StoreUnavailable, Workflow
from taskorch.engine import committer
from taskorch.stores import MemoryStore, SQLiteStore
from tests.harness.stores import Around


@pytest.fixture(params=["memory", "sqlite"])
async def store(request, tmp_path, anyio_backend):
    """An open store of each kind that is not shared."""
    async with MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "s.db") as opened:
        yield opened


class Long:
    """A workflow of one body that waits until it is let go.

    Attributes:
        story: What has happened to it.
    """

    def __init__(self):
        self.flow, self.story = Workflow("long"), []
        self.begun, self.gate = anyio.Event(), anyio.Event()

        @self.flow.step
        async def body():
            self.story.append("begun")
            self.begun.set()
            try:
                await self.gate.wait()
            finally:
                self.story.append("over")


class Asking(Around):
    """Has something asked of a run just before one of its verbs is done for the first time."""

    def __init__(self, store, verb, ask):
        super().__init__(store)
        self._verb, self._ask = verb, ask

    async def lease(self, owner, id, ttl=None, *, force=False):
        """Hand it on."""
        await self._before("lease")
        return await self.store.lease(owner, id, ttl, force=force)

    async def messages(self, run, n=1000):
        """Hand it on, and ask only when that is answered."""
        answer = await self.store.messages(run, n)
        await self._before("messages")
        return answer

    async def _before(self, verb):
        if verb == self._verb:
            self._verb = None
            await self._ask()


async def test_what_is_asked_before_anybody_carries_a_new_run_out_is_heard(store):
    """A cancel between the first record of a run and its lease is obeyed before anything begins."""

    async def ask():
        await (await taskorch.find_run(store, "r")).cancel()

    case = Long()
    result = await taskorch.run(case.flow, store=Asking(store, "lease", ask), run_id="r")
    assert result.status is Outcome.CANCELLED
    assert case.story == []
    assert await store.messages("r") == []


class Slow(Around):
    """Keeps what is written through it waiting until it is let go.

    Attributes:
        waits: Set once something waits.
        gate: Lets it go.
    """

    def __init__(self, store):
        super().__init__(store)
        self.waits, self.gate = anyio.Event(), anyio.Event()

    async def apply(self, units):
        """Hand it on, late."""
        self.waits.set()
        await self.gate.wait()
        return await self.store.apply(units)


@pytest.fixture
async def left(store):
    """A run "r" that was interrupted, and its case."""
    case = Long()
    async with anyio.create_task_group() as group:
        group.start_soon(partial(taskorch.run, case.flow, store=store, run_id="r"))
        await case.begun.wait()
        group.cancel_scope.cancel()
    return Long()


async def cancelled_late(own, slow, left, meanwhile=None):
    """The result of the run *left*, carried out in the store *own*; a cancel asked before comes through *slow* later.

    *meanwhile* is awaited with the one who asks, once the run is carried out and before the cancel is kept.
    """
    results = []

    async def call():
        results.append(await taskorch.run(left.flow, store=own, run_id="r"))

    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            remote = await taskorch.find_run(slow, "r")
            group.start_soon(remote.cancel)
            await slow.waits.wait()
            group.start_soon(call)
            await left.begun.wait()
            if meanwhile is not None:
                await meanwhile(remote)
            slow.gate.set()
    return results[0]


async def test_what_was_on_its_way_while_the_run_was_taken_up_is_heard(store, left):
    """A cancel that was asked while nobody carried the run out, and reaches the store later, ends the run."""

    async def ask_too(remote):
        with pytest.raises(NotSteerable):
            await remote.pause()  # who asks now hears that there is a handle

    result = await cancelled_late(store, Slow(store), left, ask_too)
    assert result.status is Outcome.CANCELLED
    assert left.story == ["begun", "over"]
    assert await store.messages("r") == []


async def test_what_comes_between_the_answer_of_the_store_and_the_run_is_heard(store, left):
    """A cancel that is kept after the run has looked for messages, but before it has begun, ends it."""
    slow = Slow(store)
    results = []

    async def ask():
        slow.gate.set()
        await answered.wait()

    async def cancel():
        await remote.cancel()
        answered.set()

    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            answered, remote = anyio.Event(), await taskorch.find_run(slow, "r")
            group.start_soon(cancel)
            await slow.waits.wait()
            results.append(await taskorch.run(left.flow, store=Asking(store, "messages", ask), run_id="r"))
    assert results[0].status is Outcome.CANCELLED
    assert await store.messages("r") == []


async def test_a_store_that_cannot_be_asked_for_messages_is_asked_again(store, left, monkeypatch):
    """What was asked is heard although the store is away when the run looks for it."""

    class Away(Around):
        calls = 0

        async def messages(self, run, n=1000):
            if left.begun.is_set():
                self.calls += 1
                if self.calls < 6:
                    raise StoreUnavailable(self.name, "it is away")
            return await self.store.messages(run, n)

    monkeypatch.setattr(committer, "REPEATS", 2)
    away = Away(store)
    result = await cancelled_late(away, Slow(store), left)
    assert result.status is Outcome.CANCELLED
    assert away.calls == 6
    assert (await (await taskorch.find_run(store, "r")).status()).task.state.current is State.CANCELLED
