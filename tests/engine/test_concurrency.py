"""How many bodies run at once, in which order they start, and what they see of one another."""

import threading
from contextvars import ContextVar

import anyio
import anyio.lowlevel
import pytest

import taskorch
from taskorch import RunBusy, Workflow, current_step
from taskorch.stores import MemoryStore, SQLiteStore


class Gauge:
    """Counts how many are inside at once."""

    def __init__(self):
        self.now = self.most = self.total = 0
        self._mutex = threading.Lock()

    def __enter__(self):
        with self._mutex:
            self.now += 1
            self.total += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *_):
        with self._mutex:
            self.now -= 1


@pytest.mark.parametrize("store", [None, "memory:"])
@pytest.mark.parametrize("limit", [1, 2, 7, 40])
@pytest.mark.parametrize("sync", [False, True], ids=["async", "sync"])
async def test_the_bound_on_bodies_holds_and_is_reached(limit, sync, store):
    """Never more than ``concurrency`` bodies run at once, and as many do where there is work enough."""
    flow, gauge, barrier = Workflow("w"), Gauge(), threading.Barrier(limit)
    reached = anyio.Event()

    async def body():
        with gauge:
            if gauge.now == limit:
                reached.set()
            await reached.wait()
            await anyio.lowlevel.checkpoint()

    def sync_body():
        with gauge:
            barrier.wait(10)

    for number in range(2 * limit):
        flow.step(sync_body if sync else body, id=f"s{number}")
    (await taskorch.run(flow, concurrency=limit, store=store)).check()
    assert (gauge.most, gauge.now, gauge.total) == (limit, 0, 2 * limit)


async def test_one_bound_counts_all_kinds_of_bodies():
    """``concurrency`` bounds async bodies and those in threads together."""
    flow, gauge = Workflow("w"), Gauge()

    async def body():
        with gauge:
            await anyio.sleep(0.002)

    def sync_body():
        with gauge:
            anyio.from_thread.run(anyio.sleep, 0.002)

    for number in range(6):
        flow.step(body, id=f"a{number}")
        flow.step(sync_body, id=f"t{number}")
    (await taskorch.run(flow, concurrency=3)).check()
    assert gauge.most == 3


async def test_a_thousand_bodies_may_wait_at_once():
    """Async bodies that wait for one another all run, up to the default bound of 1,000."""
    flow, event = Workflow("w"), anyio.Event()

    async def body():
        if current_step().id == "s999":
            event.set()
        await event.wait()

    for number in range(1000):
        flow.step(body, id=f"s{number}")
    assert (await taskorch.run(flow)).metrics.most_at_once == 1000


async def started(flow, **options):
    """The ids of the steps in the order in which their bodies began."""
    begun = []

    async def body():
        begun.append(current_step().id)
        await anyio.lowlevel.checkpoint()

    made = Workflow("w", **options)
    for id, members in flow:
        made.step(body, id=id, **members)
    await taskorch.run(made, concurrency=1)
    return begun


STEPS = (
    ("short", {"estimated_duration": 1}),
    ("equal", {"estimated_duration": 1}),
    ("long", {"estimated_duration": 9}),
    ("head", {"estimated_duration": 2}),
    ("tail", {"estimated_duration": 8, "after": ["head"]}),
)


async def test_the_longest_path_starts_first():
    """Of the ready steps that with the longest path after it starts first, its own length included; then file order."""
    assert await started([(id, dict(members)) for id, members in STEPS]) == ["head", "long", "tail", "short", "equal"]
    plain = [("a", {}), ("b", {}), ("c", {"after": ["b"]}), ("d", {"after": ["c"]})]
    assert await started(plain) == ["b", "c", "a", "d"]


async def test_sequential_mode_goes_one_at_a_time_in_file_order():
    """In sequential mode one step runs at a time, and of the ready ones that which stands first in the document."""
    found = await started([(id, dict(members)) for id, members in STEPS], mode="sequential")
    assert found == ["short", "equal", "long", "head", "tail"]
    flow, gauge = Workflow("w", mode="sequential"), Gauge()

    async def body():
        with gauge:
            await anyio.lowlevel.checkpoint()

    for number in range(5):
        flow.step(body, id=f"s{number}")
    await taskorch.run(flow, concurrency=5)
    assert gauge.most == 1


PLACE: ContextVar[str] = ContextVar("place")


async def test_each_body_has_its_own_copy_of_the_callers_context():
    """A body sees the caller's context variables; what it sets is seen by no other body and not by the caller."""
    flow, seen = Workflow("w"), []

    async def body():
        seen.append(PLACE.get())
        PLACE.set(current_step().id)
        await anyio.lowlevel.checkpoint()
        assert PLACE.get() == current_step().id

    def sync_body():
        seen.append(PLACE.get())
        PLACE.set("changed")

    for number in range(5):
        flow.step(body, id=f"a{number}")
        flow.step(sync_body, id=f"t{number}")
        flow.step(sync_body, id=f"i{number}", inline=True)
    PLACE.set("caller")
    (await taskorch.run(flow, concurrency=2)).check()
    assert seen == ["caller"] * 15
    assert PLACE.get() == "caller"


async def test_a_body_knows_its_step():
    """``current_step()`` tells a body its step, run, attempt and key, in a thread as well; outside it is an error."""
    flow, seen = Workflow("w", parameters={"n": 1}), {}

    def look():
        step = current_step()
        step.heartbeat()
        step.progress(50, "half")
        seen[step.id] = (step.run_id, step.attempt, step.idempotency_key, dict(step.params), dict(step.context))

    async def look_async():
        look()

    flow.step(look, id="thread")
    flow.step(look_async, id="async")
    (await taskorch.run(flow, run_id="r", context={"c": 2})).check()
    assert seen == {id: ("r", 1, f"r/{id}", {"n": 1}, {"c": 2}) for id in ("thread", "async")}
    with pytest.raises(LookupError):
        current_step()


async def test_a_run_may_run_inside_a_body():
    """A body may run a workflow of its own; each sees its own step."""
    inner, outer = Workflow("inner"), Workflow("outer")

    async def name():
        return f"{current_step().run_id}.{current_step().id}"

    inner.step(name, id="in")

    @outer.step
    async def out():
        nested = (await taskorch.run(inner, run_id="r2")).check()
        return [nested["in"], await name()]

    assert (await taskorch.run(outer, run_id="r1")).check()[out] == ["r2.in", "r1.out"]


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_of_many_calls_with_one_run_id_one_runs(kind, tmp_path):
    """Of 50 calls at once one runs; the others are refused as RunBusy, or get the recorded result; never two bodies."""
    flow, gauge, answers = Workflow("w"), Gauge(), []

    @flow.step
    async def only():
        with gauge:
            await anyio.sleep(0.01)
        return 1

    async def call(number):
        if number >= 40:  # the last ones come when it has ended
            await ended.wait()
        try:
            answers.append((await taskorch.run(flow, store=store, run_id="r")).check()[only])
            ended.set()
        except RunBusy as error:
            answers.append("busy" if error.owner else "by nobody")

    ended = anyio.Event()
    store = MemoryStore() if kind == "memory" else SQLiteStore(tmp_path / "s.db")
    async with store, anyio.create_task_group() as group:
        for number in range(50):
            group.start_soon(call, number)
    assert gauge.total == 1
    assert answers.count(1) >= 11
    assert len(answers) == 50
    assert set(answers) == {1, "busy"}


@pytest.mark.parametrize("is_enabled", [True, False])
async def test_a_dispatcher_is_offered_what_a_step_takes_and_the_hint_of_auto_scaling(is_enabled):
    """Whoever runs bodies elsewhere knows how much they need, and how many workers the workflow would like (D4)."""
    scaling = {"enabled": is_enabled, "minReplicas": 1, "maxReplicas": 10, "targetCPU": 70}
    resources = {"limits": {"cpu": 4}, "requests": {"cpu": "500m", "memory": "1Gi"}, "autoScaling": scaling}
    flow = Workflow("w", resources=resources)
    flow.step(lambda: 1, id="a", inline=True)
    given = []

    class Elsewhere:
        async def dispatch(self, job, report):
            given.append(job)
            return job.call()

    assert (await taskorch.run(flow, dispatcher=Elsewhere())).check()["a"] == 1
    (job,) = given
    assert job.resources == {"cpu": 500, "memory": 1024**3 * 1000}
    hint = job.auto_scaling
    assert (hint and (hint.min_replicas, hint.max_replicas, hint.target_cpu)) == ((1, 10, 70) if is_enabled else None)
