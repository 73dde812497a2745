"""Several processes share a store: leases are kept alive, lost and taken over; runs are steered from elsewhere."""

import json
import os
import threading
import time
from functools import partial

import anyio
import anyio.lowlevel
import pytest

import taskorch
from taskorch import (
    InvalidParameters,
    NotSteerable,
    Outcome,
    PoisonedRun,
    RunBusy,
    StaleLease,
    State,
    StoreError,
    StoreUnavailable,
    UnknownRun,
    Workflow,
)
from taskorch.core.frontier.facts import COMPLETE
from taskorch.core.receipts import Refused
from taskorch.core.unit import Message, Unit
from taskorch.engine import keeper
from taskorch.stores import MemoryStore, SQLiteStore
from tests.harness.stores import Around, SharedMemory

pytestmark = pytest.mark.filterwarnings("ignore:SQLite .* may damage:UserWarning")  # of an old library; not here


class StoreClock:
    """The clock of a store, which can be moved ahead: on a machine that is busy a short lease proves nothing."""

    def __init__(self):
        self.ahead = 0

    def __call__(self):
        """The microseconds since 1970, as the store is to believe."""
        return time.time_ns() // 1000 + self.ahead


class Renewing(Around):
    """Counts the renewals that were answered.

    Attributes:
        renewals: How many there were.
    """

    renewals = 0

    async def renew(self, leases, ttl):
        """Hand it on, and count it."""
        answers = await self.store.renew(leases, ttl)
        self.renewals += 1
        return answers


def ages(clock, store):
    """Let twice the time of a lease pass in parts, after each of which renewals must follow; yields while they do."""
    for _ in range(6):
        clock.ahead += int(keeper.LEASE / 3 * 1e6)
        before = store.renewals
        while store.renewals < before + 2:  # one may have been under way
            yield


async def grow_old(clock, store):
    """Wait while that happens."""
    with anyio.fail_after(60):
        for _ in ages(clock, store):
            await anyio.sleep(0.005)


@pytest.fixture(autouse=True)
def frequent_renewals(monkeypatch):
    """Renewals that come often, and no thread that is left."""
    monkeypatch.setattr(keeper, "BEAT", 0.02)
    yield
    assert keepers() == []
    assert keeper._KEEPERS == {}


@pytest.fixture
def clock():
    """The clock of the store."""
    return StoreClock()


@pytest.fixture(params=["memory", "sqlite"])
async def store(request, tmp_path, clock, anyio_backend):
    """An open store of each kind that says it is shared."""
    if request.param == "memory":
        opening = SharedMemory(now=clock)
    else:
        opening = SQLiteStore(tmp_path / "s.db", shared=True, now=clock)
    async with opening as opened:
        yield opened


def keepers():
    """The threads that keep leases alive."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("taskorch leases")]


class Waiting:
    """A chain a → b whose first body waits until it is let go.

    Attributes:
        story: What has happened to its bodies.
    """

    def __init__(self):
        self.flow, self.story = Workflow("waiting"), []
        self.begun, self.gate = anyio.Event(), anyio.Event()

        @self.flow.step
        async def a():
            self.story.append("a")
            self.begun.set()
            try:
                await self.gate.wait()
            finally:
                self.story.append("a is over")
            return 1

        @self.flow.step
        async def b(a):
            self.story.append("b")
            return a + 1


async def until(question):
    """Wait until *question* is answered with yes."""
    with anyio.fail_after(20):
        while not await question():  # noqa: ASYNC110 - what is asked for happens in a store
            await anyio.sleep(0.01)


async def facts_of(store, run_id="r"):
    """What is recorded of a run."""
    return [fact for entry in await store.journal(run_id) for fact in entry.facts]


def told(run, body, id="m"):
    """A unit that tells a run something."""
    text = body if isinstance(body, str) else json.dumps(body)
    return Unit(run=run, epoch=0, number=0, messages=(Message(id=id, run=run, body=text),))


# --- leases ------------------------------------------------------------------------------------------------------


async def test_a_lease_is_kept_alive_while_the_run_goes_on(store, clock):
    """Long after its first time a run is still its owner's, by the work of one thread for all runs of a store."""
    case, renewing = Waiting(), Renewing(store)
    async with anyio.create_task_group() as group:
        group.start_soon(partial(taskorch.run, case.flow, store=renewing, run_id="r"))
        group.start_soon(partial(taskorch.run, case.flow, store=renewing, run_id="s"))
        await until(lambda: are_held(store, "r", "s"))
        await grow_old(clock, renewing)
        assert isinstance(await store.lease("another", "r", 1), Refused)
        assert isinstance(await store.lease("another", "s", 1), Refused)
        assert len(keepers()) == 1
        case.gate.set()
    assert (await store.read(["r"]))[0].epoch == 1


async def are_held(store, *ids):
    """Whether all these runs are carried out."""
    return all(record is not None and record.owner for record in await store.read(ids))


async def test_a_body_that_blocks_the_event_loop_does_not_cost_the_lease(store, clock):
    """The lease of a run lives although nothing on its event loop gets a turn."""
    flow, renewing = Workflow("blocking"), Renewing(store)

    @flow.step
    async def blocks():
        end = time.monotonic() + 60
        for _ in ages(clock, renewing):
            assert time.monotonic() < end
            time.sleep(0.005)  # noqa: ASYNC251 - the mistake that this is about
        return "done"

    result = await taskorch.run(flow, store=renewing, run_id="r")
    assert result.check()[blocks] == "done"
    assert (await store.read(["r"]))[0].epoch == 1


async def test_a_store_of_our_own_costs_no_thread(tmp_path, anyio_backend):
    """In a store that nobody else can use leases have no time, and nothing keeps them."""
    case = Waiting()
    async with MemoryStore() as store, anyio.create_task_group() as group:
        group.start_soon(partial(taskorch.run, case.flow, store=store, run_id="r"))
        await case.begun.wait()
        assert keepers() == []
        case.gate.set()


async def outlives_its_lease(store, renewing, clock):
    """Carry a run out in *renewing* for longer than its lease would live, and look in *store* that it is held still."""
    case = Waiting()
    async with anyio.create_task_group() as group:
        group.start_soon(partial(taskorch.run, case.flow, store=renewing, run_id="r"))
        await case.begun.wait()
        await grow_old(clock, renewing)
        assert isinstance(await store.lease("another", "r", 1), Refused)
        case.gate.set()


async def test_renewals_are_made_again(store, clock):
    """A renewal that fails, in whatever way, is made again, and the run hears nothing of it."""

    class Shaky(Renewing):
        calls = 0

        async def renew(self, leases, ttl):
            self.calls += 1
            if self.calls % 3:
                raise [StoreUnavailable, StoreError][self.calls % 2](self.name, "it is away")
            return await super().renew(leases, ttl)

    shaky = Shaky(store)
    await outlives_its_lease(store, shaky, clock)
    assert shaky.calls > 3


async def test_leases_are_renewed_as_soon_as_the_thread_can_work(store, clock, monkeypatch, caplog):
    """A thread that gets no event loop, for want of file handles, tries again; the log says so once."""
    begin, tries = anyio.run, []

    def run(*args, **kwargs):
        if threading.current_thread() in keepers():
            tries.append(1)
            if len(tries) < 4:
                raise OSError(24, "Too many open files")
        return begin(*args, **kwargs)

    monkeypatch.setattr(anyio, "run", run)
    await outlives_its_lease(store, Renewing(store), clock)
    assert len(tries) == 4
    assert [record.name for record in caplog.records if "Too many open files" in record.message] == ["taskorch.store"]


async def test_a_run_ends_although_its_lease_could_never_be_renewed(store, monkeypatch):
    """Whoever waits for the thread at the end does not wait for ever, though it never got an event loop."""
    begin = anyio.run

    def run(*args, **kwargs):
        if threading.current_thread() in keepers():
            raise OSError(24, "Too many open files")
        return begin(*args, **kwargs)

    monkeypatch.setattr(anyio, "run", run)
    case = Waiting()
    case.gate.set()
    with anyio.fail_after(20):
        assert (await taskorch.run(case.flow, store=store, run_id="r")).check()["b"] == 2
    assert (await store.read(["r"]))[0].owner is None


class Away(Renewing):
    """A store that cannot be reached for a while, by renewals.

    Attributes:
        is_away: Whether it is.
        missed: How many renewals did not reach it.
        refused: How many were refused.
    """

    is_away, missed, refused = False, 0, 0

    async def renew(self, leases, ttl):
        """Hand it on, unless it is away."""
        if self.is_away:
            self.missed += 1
            raise StoreUnavailable(self.name, "it is away")
        answers = await super().renew(leases, ttl)
        self.refused += any(isinstance(answer, Refused) for answer in answers)
        return answers


async def outlast(case, away, clock):
    """Wait until a run has begun, and its lease is over because its store was away, and was refused since."""
    await case.begun.wait()
    away.is_away = True

    async def is_missed():
        return away.missed > 2

    async def is_refused():
        return away.refused > 2

    await until(is_missed)
    clock.ahead += int(2 * keeper.LEASE * 1e6)
    away.is_away = False
    await until(is_refused)


async def test_a_run_whose_lease_has_run_out_goes_on_while_nobody_has_taken_over(store, clock):
    """A store that was away for longer than a lease costs no run: what it does since is recorded, and it ends well."""
    case, away = Waiting(), Away(store)
    async with anyio.create_task_group() as group:

        async def call():
            assert (await taskorch.run(case.flow, store=away, run_id="r")).check()["b"] == 2

        group.start_soon(call)
        await outlast(case, away, clock)
        assert (await store.read(["r"]))[0].owner is None
        assert case.story == ["a"]
        case.gate.set()
    record = (await store.read(["r"]))[0]
    assert (record.epoch, record.owner) == (1, None)
    assert len([fact for fact in await facts_of(store) if fact[1] == COMPLETE]) == 2
    assert (await (await taskorch.find_run(store, "r")).status()).task.state.current is State.COMPLETED


async def test_a_run_whose_lease_has_run_out_stops_once_somebody_has_taken_over(store, clock):
    """It hears of that while a body waits, and stops with StaleLease."""
    case, away = Waiting(), Away(store)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:

            async def call():
                with pytest.raises(StaleLease):
                    await taskorch.run(case.flow, store=away, run_id="r")

            group.start_soon(call)
            await outlast(case, away, clock)
            assert case.story == ["a"]
            before = await facts_of(store)
            await store.lease("another", "r", 60)
    assert case.story == ["a", "a is over"]
    assert await facts_of(store) == before
    assert (await store.read(["r"]))[0].owner == "another"


async def test_a_run_that_was_taken_over_stops_at_once(store):
    """Who has lost its lease hears of it while a body waits: it stops with StaleLease, and records nothing."""
    case = Waiting()
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:

            async def call():
                with pytest.raises(StaleLease) as caught:
                    await taskorch.run(case.flow, store=store, run_id="r")
                assert (caught.value.run_id, caught.value.epoch) == ("r", 1)

            group.start_soon(call)
            await case.begun.wait()
            before = await facts_of(store)
            await store.lease("another", "r", 60, force=True)
    assert case.story == ["a", "a is over"]
    assert await facts_of(store) == before
    assert (await store.read(["r"]))[0].owner == "another"


async def test_a_run_that_is_taken_over_before_its_first_body_stops(store):
    """Who loses its lease while it reads where the run stands raises StaleLease, and begins nothing."""

    class Slow(Renewing):
        async def journal(self, run, after=0, n=1000):
            if (await self.store.read([run]))[0].epoch == 1:
                await self.store.lease("another", run, 60, force=True)
                before = self.renewals

                async def is_told():
                    return self.renewals > before + 2

                await until(is_told)
            return await self.store.journal(run, after, n)

    case = Waiting()
    with anyio.fail_after(20), pytest.raises(StaleLease) as caught:
        await taskorch.run(case.flow, store=Slow(store), run_id="r")
    assert (caught.value.run_id, caught.value.epoch) == ("r", 1)
    assert case.story == []
    assert await facts_of(store) == []
    assert (await store.read(["r"]))[0].owner == "another"


async def test_a_dead_owner_is_taken_over_and_a_living_one_is_not(store):
    """RunBusy names the living owner; once its time is over the same call goes on from the last recorded fact."""
    case = Waiting()
    async with taskorch.start(case.flow, store=store, run_id="r") as run:
        await case.begun.wait()
        with pytest.raises(RunBusy, match=f"process {os.getpid()} on "):
            await taskorch.run(case.flow, store=store, run_id="r")
        await store.lease("a process that lives", "r", 60, force=True)
        with pytest.raises(StaleLease):
            await run.wait()
    with pytest.raises(RunBusy, match="a process that lives"):
        await taskorch.run(case.flow, store=store, run_id="r")
    await store.lease("a process that dies", "r", 0, force=True)
    case.gate.set()
    result = await taskorch.run(case.flow, store=store, run_id="r")
    assert result.check()["b"] == 2
    assert result.steps["a"].attempts == 2


async def test_a_run_that_is_interrupted_is_handed_back_at_once(store):
    """Who takes up a run that was cancelled from outside need not wait for the end of a lease."""
    case = Waiting()
    async with anyio.create_task_group() as group:
        group.start_soon(partial(taskorch.run, case.flow, store=store, run_id="r"))
        await case.begun.wait()
        group.cancel_scope.cancel()
    assert (await store.read(["r"]))[0].owner is None
    case.gate.set()
    assert (await taskorch.run(case.flow, store=store, run_id="r")).check()["b"] == 2


async def test_a_lease_is_kept_alive_until_it_is_given_back(store, clock):
    """While the last units of an interrupted run wait for their store its lease lives."""
    leave = anyio.Event()

    class Late(Renewing):
        is_late = False

        async def apply(self, units):
            if self.is_late:
                await leave.wait()
            return await self.store.apply(units)

    case, late = Waiting(), Late(store)
    async with anyio.create_task_group() as outer, anyio.create_task_group() as group:
        group.start_soon(partial(taskorch.run, case.flow, store=late, run_id="r"))
        await case.begun.wait()
        late.is_late = True

        async def look():
            await grow_old(clock, late)
            assert isinstance(await store.lease("another", "r", 1), Refused)
            leave.set()

        outer.start_soon(look)
        group.cancel_scope.cancel()
    assert (await store.read(["r"]))[0].owner is None


async def test_the_lease_of_an_ambiguous_answer_is_adopted(store):
    """If the answer about a lease is lost, the second call finds it given to ourselves."""

    class Forgetful(Around):
        asked = 0

        async def lease(self, owner, id, ttl=None, *, force=False):
            self.asked += 1
            answer = await self.store.lease(owner, id, ttl, force=force)
            if self.asked == 1:
                raise StoreUnavailable(self.name, "the answer was lost")
            return answer

    case = Waiting()
    case.gate.set()
    forgetful = Forgetful(store)
    assert (await taskorch.run(case.flow, store=forgetful, run_id="r")).check()["b"] == 2
    assert forgetful.asked == 2
    assert (await store.read(["r"]))[0].epoch == 1


async def test_what_ends_one_process_after_the_other_is_not_begun(store):
    """After three owners that were lost before they recorded anything a call is refused once, and may be made again."""
    case = Waiting()
    async with taskorch.start(case.flow, store=store, run_id="r") as run:
        await case.begun.wait()
        case.gate.set()
        await run.wait()
    case.story.clear()
    async with anyio.create_task_group() as group:
        fresh = Waiting()
        group.start_soon(partial(taskorch.run, fresh.flow, store=store, run_id="s"))
        await fresh.begun.wait()
        group.cancel_scope.cancel()
    for n in range(4):
        await store.lease(f"victim {n}", "s", 0, force=True)
        await anyio.sleep(0.001)
    with pytest.raises(PoisonedRun, match="4 processes in a row") as caught:
        await taskorch.run(fresh.flow, store=store, run_id="s")
    assert (caught.value.run_id, caught.value.losses) == ("s", 4)
    assert (await store.read(["s"]))[0].owner is None
    fresh.gate.set()
    assert (await taskorch.run(fresh.flow, store=store, run_id="s")).success


# --- messages ----------------------------------------------------------------------------------------------------


async def test_a_run_is_steered_through_its_store(store):
    """It pauses, goes on and is cancelled by its id alone; what was asked is read once it is done."""
    case = Waiting()
    async with taskorch.start(case.flow, store=store, run_id="r") as run:
        await case.begun.wait()
        remote = await taskorch.find_run(store, "r")
        assert (await remote.status()).task.state.current is State.IN_PROGRESS
        assert (await remote.status()).owner is not None
        await remote.pause()
        await until(lambda: stands(run, "paused"))
        assert (await remote.status()).asked == ("pause",)  # a body is in flight: it is not paused yet
        case.gate.set()
        await until(lambda: is_in(remote, State.BLOCKED))
        assert (await remote.status()).asked == ()
        assert case.story == ["a", "a is over"]
        await remote.resume()
        assert (await run.wait()).check()["b"] == 2
        with pytest.raises(NotSteerable, match="has ended"):
            await remote.cancel()
    assert await store.messages("r") == []


async def stands(run, status):
    """Whether a handle says so."""
    return run.status()["status"] == status


async def is_in(remote, state):
    """Whether a run is in a state."""
    return (await remote.status()).task.state.current is state


async def test_a_run_is_cancelled_through_its_store(store):
    """What runs is stopped, and the run ends as cancelled, in the unit in which the message is consumed."""
    case = Waiting()
    async with taskorch.start(case.flow, store=store, run_id="r") as run:
        await case.begun.wait()
        await (await taskorch.find_run(store, "r")).cancel()
        with anyio.fail_after(20):
            result = await run.wait()
    assert result.status is Outcome.CANCELLED
    assert case.story == ["a", "a is over"]
    assert await store.messages("r") == []


@pytest.mark.parametrize("verb", ["cancel", "pause"])
async def test_what_nobody_hears_waits_for_the_next_owner(store, verb):
    """A message to a run that nobody carries out is heeded by whoever takes it up, before a body begins."""
    case = Waiting()
    with anyio.CancelScope() as scope:
        async with taskorch.start(case.flow, store=store, run_id="r"):
            await case.begun.wait()
            scope.cancel()
    case.story.clear()
    remote = await taskorch.find_run(store, "r")
    await getattr(remote, verb)()
    assert (await remote.status()).asked == (verb,)
    assert (await remote.status()).owner is None
    async with taskorch.start(case.flow, store=store, run_id="r") as run:
        if verb == "pause":
            await until(lambda: is_in(remote, State.BLOCKED))
            await remote.cancel()
        assert (await run.wait()).status is Outcome.CANCELLED
    assert case.story == []
    assert await store.messages("r") == []


async def test_a_pause_outlives_an_owner_that_dies_before_it_has_come_about(store):
    """A pause that was acted on and not recorded is not consumed: the next owner pauses."""
    case = Waiting()
    async with taskorch.start(case.flow, store=store, run_id="r") as run:
        await case.begun.wait()
        remote = await taskorch.find_run(store, "r")
        await remote.pause()
        await until(lambda: stands(run, "paused"))
        await store.lease("a process that dies", "r", 0, force=True)
        with pytest.raises(StaleLease):
            await run.wait()
    case.story.clear()
    async with taskorch.start(case.flow, store=store, run_id="r") as run:
        await until(lambda: is_in(remote, State.BLOCKED))
        assert case.story == []
        assert await store.messages("r") == []
        case.gate.set()
        await remote.resume()
        assert (await run.wait()).success


async def test_a_message_never_acts_twice(store):
    """One that is read again while its effect is on its way to the store has none."""
    case = Waiting()

    class Slow(Around):
        async def apply(self, units):
            await anyio.sleep(0.2)  # several renewals
            return await self.store.apply(units)

    async with taskorch.start(case.flow, store=Slow(store), run_id="r") as run:
        await case.begun.wait()
        remote = await taskorch.find_run(store, "r")
        await remote.pause()
        await until(lambda: stands(run, "paused"))
        await run.resume()
        await anyio.sleep(0.5)
        assert run.status()["status"] == "running"
        case.gate.set()
        assert (await run.wait()).success
    assert await store.messages("r") == []


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "[" * 100_000, {}, {"verb": 1}, {"verb": "explode"}, {"verb": "cancel", "when": "later"}]
)
async def test_what_cannot_be_understood_is_set_aside(store, body, caplog):
    """Such a message is consumed and logged, and the run goes on."""
    case = Waiting()
    async with taskorch.start(case.flow, store=store, run_id="r") as run:
        await case.begun.wait()
        await store.apply([told("r", body)])
        await until(lambda: is_read(store))
        case.gate.set()
        assert (await run.wait()).success
    assert "does not understand (message m)" in caplog.text


async def is_read(store):
    """Whether the run has no unread messages."""
    return not await store.messages("r")


@pytest.mark.parametrize("verb", ["signal", "decision"])
async def test_signals_are_kept_for_who_will_want_them(store, verb):
    """They stay unread, and keep nobody from hearing what was asked after them."""
    case = Waiting()
    async with taskorch.start(case.flow, store=store, run_id="r") as run:
        await case.begun.wait()
        await store.apply([told("r", {"verb": verb, "name": "paid", "value": 3})])
        remote = await taskorch.find_run(store, "r")
        assert (await remote.status()).asked == ()
        await remote.cancel()
        assert (await run.wait()).status is Outcome.CANCELLED
    assert [message.id for message in await store.messages("r")] == ["m"]


async def test_asking_again_after_an_unknown_outcome_has_the_effect_of_one(store, monkeypatch):
    """The message has the same id until its outcome is known; a later one has another."""
    monkeypatch.setattr("taskorch.engine.committer.REPEATS_WHEN_CLOSING", 1)

    class Forgetful(Around):
        lost = 2

        async def apply(self, units):
            receipts = await self.store.apply(units)
            if self.lost:
                self.lost -= 1
                raise StoreUnavailable(self.name, "the answer was lost")
            return receipts

    case = Waiting()
    with anyio.CancelScope() as scope:
        async with taskorch.start(case.flow, store=store, run_id="r"):
            await case.begun.wait()
            scope.cancel()
    remote = await taskorch.find_run(Forgetful(store), "r")
    with pytest.raises(StoreUnavailable):
        await remote.pause()
    await remote.pause()
    assert len(await store.messages("r")) == 1
    await remote.pause()
    assert len(await store.messages("r")) == 2


async def test_what_is_no_run_there_cannot_be_steered(store):
    """Runs that are unknown, and what is no store or no id, are told apart by their errors."""
    with pytest.raises(UnknownRun, match="has no run 'r'"):
        await taskorch.find_run(store, "r")
    with pytest.raises(InvalidParameters, match="open store"):
        await taskorch.find_run("runs.db", "r")
    with pytest.raises(InvalidParameters, match="store"):
        await taskorch.find_run(None, "r")
    with pytest.raises(InvalidParameters, match="run_id"):
        await taskorch.find_run(store, 3)


async def test_a_run_of_this_process_has_a_handle(anyio_backend):
    """In a store of our own a message to a run that is carried out would be heard by nobody: it is refused."""
    case = Waiting()
    async with MemoryStore() as store:
        async with taskorch.start(case.flow, store=store, run_id="r") as run:
            await case.begun.wait()
            with pytest.raises(NotSteerable, match="its handle"):
                await (await taskorch.find_run(store, "r")).cancel()
            await run.cancel()
        assert len([fact for fact in await facts_of(store) if fact[1] == COMPLETE]) == 0
