"""What is left of a run whose store has failed for good, and what one hears of a store that is away for a while."""

import signal
from functools import partial

import anyio
import pytest

import taskorch
from taskorch import RunBusy, StoreError, StoreUnavailable, Workflow
from taskorch.engine import committer
from taskorch.stores import MemoryStore, SQLiteStore
from tests.harness.clocks import JumpingClock
from tests.harness.stores import Around


@pytest.fixture(params=["memory", "sqlite"])
async def store(request, tmp_path, anyio_backend):
    """An open store of each kind that is not shared."""
    async with MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "s.db") as opened:
        yield opened


@pytest.fixture(autouse=True)
def few_repeats(monkeypatch):
    """A store is asked a few times only."""
    monkeypatch.setattr(committer, "REPEATS", 3)
    monkeypatch.setattr(committer, "REPEATS_WHEN_CLOSING", 2)


class Failing(Around):
    """Fails while it is told to.

    Attributes:
        error: What it raises, if anything.
        is_done: Whether what it is asked is done all the same.
        verbs: What fails.
    """

    def __init__(self, store):
        super().__init__(store)
        self.error, self.is_done, self.verbs = None, False, ("apply",)

    async def apply(self, units):
        """Hand it on, or fail."""
        return await self._do("apply", partial(self.store.apply, units))

    async def lease(self, owner, id, ttl=None, *, force=False):
        """Hand it on, or fail."""
        return await self._do("lease", partial(self.store.lease, owner, id, ttl, force=force))

    async def _do(self, verb, call):
        if self.error is None or verb not in self.verbs:
            return await call()
        if self.is_done:
            await call()
        raise self.error(self.name, "it has failed")


def failing_flow(store, error):
    """A workflow whose first run makes the store fail while its body is at work."""
    flow, calls = Workflow("w"), []

    @flow.step
    async def body():
        calls.append(1)
        if len(calls) == 1:
            store.error = error

    return flow, calls


# --- the lease of who could not give it back -----------------------------------------------------------------------


@pytest.mark.parametrize("error", [StoreError, StoreUnavailable])
async def test_a_run_whose_store_had_failed_can_be_resumed_in_the_same_process(store, error):
    """Its lease could not be given back, and its store is still open: the same call takes it up again."""
    failing = Failing(store)
    flow, calls = failing_flow(failing, error)
    run = partial(taskorch.run, flow, store=failing, run_id="r", clock=JumpingClock())
    with pytest.raises(error):
        await run()
    assert (await store.read(["r"]))[0].owner is not None
    failing.error = None
    assert (await run()).success
    assert calls == [1, 1]
    assert (await store.read(["r"]))[0].owner is None


@pytest.mark.parametrize("is_done", [True, False])
async def test_a_lease_that_was_perhaps_given_can_be_asked_for_again(store, is_done):
    """If it stays unknown whether the lease was given, the next call gets it."""
    failing = Failing(store)
    failing.error, failing.is_done, failing.verbs = StoreUnavailable, is_done, ("lease",)
    flow = Workflow("w")
    flow.step(lambda: 1, id="only", inline=True)
    run = partial(taskorch.run, flow, store=failing, run_id="r")
    with pytest.raises(StoreUnavailable):
        await run()
    assert ((await store.read(["r"]))[0].owner is not None) is is_done
    failing.error = None
    assert (await run()).success


async def test_a_lease_that_could_not_be_given_back_when_nothing_had_begun_can_be_taken(store):
    """Who fails while it reads where the run stands, and then to give the lease back, stands in nobody's way."""

    class Torn(Failing):
        async def journal(self, run, after=0, n=1000):
            if self.error is not None:
                raise StoreError(self.name, "it cannot be read")
            return await self.store.journal(run, after, n)

    torn, flow = Torn(store), Workflow("w")
    begun, gate = anyio.Event(), anyio.Event()

    @flow.step
    async def body():
        begun.set()
        await gate.wait()

    async with anyio.create_task_group() as group:  # it is begun, and interrupted
        group.start_soon(partial(taskorch.run, flow, store=store, run_id="r"))
        await begun.wait()
        group.cancel_scope.cancel()
    gate.set()
    torn.error = StoreUnavailable
    with pytest.raises(StoreError, match="cannot be read") as caught:
        await taskorch.run(flow, store=torn, run_id="r")
    assert any("could not be given back" in note for note in caught.value.__notes__)
    assert (await store.read(["r"]))[0].owner is not None
    torn.error = None
    assert (await taskorch.run(flow, store=torn, run_id="r")).success
    assert (await store.read(["r"]))[0].owner is None


async def test_only_one_of_many_takes_what_was_left(store):
    """When several calls want what was left one of them gets it, and the others find it held."""
    failing = Failing(store)
    flow, calls = Workflow("w"), []
    gate, outcomes = anyio.Event(), []

    @flow.step
    async def body():
        calls.append(1)
        if len(calls) == 1:
            failing.error = StoreUnavailable
        else:
            await gate.wait()

    with pytest.raises(StoreUnavailable):
        await taskorch.run(flow, store=failing, run_id="r", clock=JumpingClock())
    failing.error = None

    async def call():
        try:
            outcomes.append((await taskorch.run(flow, store=failing, run_id="r")).success)
        except RunBusy:
            outcomes.append(RunBusy)
            if len(outcomes) == 3:
                gate.set()

    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(call)
    assert outcomes == [RunBusy] * 3 + [True]
    assert calls == [1, 1]


async def test_who_lives_is_not_taken_over(store):
    """A run that is carried out in this process stays its owner's."""
    flow, begun = Workflow("w"), anyio.Event()

    @flow.step
    async def body():
        begun.set()
        await anyio.sleep_forever()

    async with anyio.create_task_group() as group:
        group.start_soon(partial(taskorch.run, flow, store=store, run_id="r"))
        await begun.wait()
        for _ in range(2):
            with pytest.raises(RunBusy):
                await taskorch.run(flow, store=store, run_id="r")
        group.cancel_scope.cancel()
    assert (await store.read(["r"]))[0].epoch == 1


# --- what one hears of it ------------------------------------------------------------------------------------------


def heard(caplog):
    """What the log of stores has said, with its levels."""
    return [(record.levelname, record.message) for record in caplog.records if record.name == "taskorch.store"]


async def test_a_wait_for_the_store_is_logged_once_and_so_is_its_end(store, caplog):
    """A run that waits does not do so in silence."""

    class Away(Around):
        calls = 0

        async def apply(self, units):
            self.calls += 1
            if self.calls in (2, 3, 4):
                raise StoreUnavailable("the disk", "cannot be reached")
            return await self.store.apply(units)

    flow = Workflow("w")
    flow.step(lambda: 1, id="only", inline=True)
    caplog.set_level("INFO", "taskorch.store")
    assert (await taskorch.run(flow, store=Away(store), clock=JumpingClock())).success
    warning = "store the disk: cannot be reached; waiting, and trying again for up to about 1 s"
    assert heard(caplog) == [("WARNING", warning), ("INFO", "store the disk: works again")]


@pytest.mark.parametrize(("limit", "told"), [(60, "4 minutes"), (6, "2 s"), (1, "1 s")])
def test_the_log_says_how_long_a_wait_may_be(limit, told):
    """It is what the waits between so many tries add up to."""
    assert committer._patience(limit) == told


async def test_a_store_that_stays_away_is_logged_once_and_the_error_says_what_to_do(store, caplog):
    """The error that ends the run tells how to resume it, with the id that it has been given."""
    failing = Failing(store)
    flow, _ = failing_flow(failing, StoreUnavailable)
    with pytest.raises(StoreUnavailable) as caught:
        await taskorch.run(flow, store=failing, run_id="r", clock=JumpingClock())
    advice = "the run can be resumed: mend the store, then make the same call with run_id='r'"
    assert caught.value.__notes__ == [advice]
    assert [level for level, _ in heard(caplog)] == ["WARNING"]


async def test_the_error_of_a_store_that_is_away_at_the_beginning_says_what_to_do(store):
    """Perhaps the run is in the store, so the same call with the same id is right."""
    failing = Failing(store)
    failing.error = StoreUnavailable
    flow, _ = failing_flow(failing, None)
    with pytest.raises(StoreUnavailable) as caught:
        await taskorch.run(flow, store=failing, run_id="r")
    assert ["run_id='r'" in note for note in caught.value.__notes__] == [True]


@pytest.mark.parametrize("error", [StoreError, StoreUnavailable])
def test_ctrl_c_interrupts_the_program_although_the_store_fails(error):
    """run_sync raises KeyboardInterrupt, and what the store has failed with is in its context."""
    flow = Workflow("w")

    @flow.step
    async def body():
        failing.error = error
        signal.raise_signal(signal.SIGINT)
        await anyio.sleep_forever()

    failing = Failing(MemoryStore())
    with pytest.raises(KeyboardInterrupt) as caught:
        taskorch.run_sync(flow, store=failing, run_id="r")
    contexts, found = [], caught.value
    while found is not None:
        contexts.append(type(found))
        found = found.__cause__ or found.__context__
    assert error in contexts


def test_a_store_that_fails_by_itself_is_no_interrupt():
    """Without Ctrl-C run_sync raises the error of the store."""
    failing = Failing(MemoryStore())
    flow, _ = failing_flow(failing, StoreError)
    with pytest.raises(StoreError):
        taskorch.run_sync(flow, store=failing, run_id="r")
