"""Item 1 at run time: four link types, three conditions, lag; FF and SF hold a finished body's result (design §7)."""

from datetime import timedelta
from itertools import product

import anyio
import pytest

import taskorch
from taskorch import CycleError, InvalidWorkflow, LinkCondition, LinkType, Outcome, Retry, Workflow, current_step
from taskorch.stores import MemoryStore, SQLiteStore
from taskorch.testing.clock import START, FakeClock
from tests.core.samples import SHARED, needs_shared
from tests.dispatchers.processes import until

FS, SS, FF, SF = LinkType
SUCCESS, FAILURE, ALWAYS = LinkCondition
DATA = SHARED / "data"

# What became of the predecessor: when it started and ended, in seconds, and whether links with success, failure and
# always are met that wait for its finish; then for its start (failure is refused there).
ENDS = {
    "completed": (2, 5, (True, False, True), (True, True)),
    "failed": (2, 5, (False, True, True), (True, True)),
    "allowed": (2, 5, (True, True, True), (True, True)),
    "skipped": (None, 2, (True, False, True), (True, True)),
    "omitted": (None, 2, (False, False, True), (False, True)),
}
CASES = [
    case for case in product(LinkType, LinkCondition, (0, 4), ENDS) if case[0].from_finish or case[1] is not FAILURE
]


class Heard:
    """An observer that knows when what happened to each step."""

    def __init__(self):
        self.moments = {}

    def __call__(self, event):
        """Note it."""
        self.moments.setdefault(event.step, []).append((event.verb.value, (event.at - START).total_seconds()))

    def verbs(self, id):
        """What happened to a step."""
        return [verb for verb, _ in self.moments[id]]

    def at(self, id, verb):
        """When it happened last, in seconds from the start."""
        return dict(self.moments[id]).get(verb)


async def lived(flow, seconds=60, clock=None, **options):
    """The result of a run on a clock that is moved by hand."""
    clock, results = clock or FakeClock(), []

    async def work():
        results.append(await taskorch.run(flow, clock=clock, **options))

    async with anyio.create_task_group() as group:
        group.start_soon(work)
        await clock.advance(seconds)
        await until(lambda: results)  # the writes of a store on disk take time of the machine
    return results[0]


def lasting(seconds, output=None, error=None):
    """A body that takes so long."""

    async def body():
        await current_step().sleep(seconds)
        if error is not None:
            raise error
        return output

    return body


def preceded(flow, end):
    """Add the predecessor ``p``: ready after two seconds, it takes three, and ends in this way."""
    flow.step(lasting(2), id="z")
    if end == "omitted":
        flow.step(lasting(0, error=ValueError("no")), id="broken")
    error = ValueError("no") if end in ("failed", "allowed") else None
    flow.step(
        lasting(3, error=error),
        id="p",
        after=["z"] if end != "omitted" else ["z", "broken"],
        allow_failure=end == "allowed",
        condition="not always" if end == "skipped" else None,
    )


@pytest.mark.parametrize(
    ("type", "condition", "lag", "end"), CASES, ids=lambda part: str(part).replace("_to_", "-").replace("start", "s")
)
async def test_four_link_types_times_three_conditions_times_lag(type, condition, lag, end):
    """FS and SS hold the start, FF and SF the finish; a lag counts from the event; unmet: omitted, or failed."""
    flow, heard = Workflow("w"), Heard()
    preceded(flow, end)
    flow.step(lasting(1, "made"), id="s", retry=Retry(max_attempts=3, initial=0))
    flow.link("p", "s", type=type, condition=condition, lag=lag)
    result = (await lived(flow, observers=[heard])).steps["s"]

    started, ended, from_finish, from_start = ENDS[end]
    if type.from_finish:
        event, is_met = ended, from_finish[[SUCCESS, FAILURE, ALWAYS].index(condition)]
    else:
        event, is_met = ended if started is None else started, from_start[[SUCCESS, ALWAYS].index(condition)]
    if type.gates_start and not is_met:
        assert (result.status, result.reason, heard.moments["s"]) == (Outcome.OMITTED, "omitted", [("cancel", event)])
    elif type.gates_start:
        assert heard.moments["s"][-2:] == [("start", event + lag), ("complete", event + lag + 1)]
        assert result.output == "made"
    elif is_met:
        assert heard.moments["s"][2:4] == [("start", 0), ("block", 1)]
        assert heard.moments["s"][4:] == [(verb, event + lag) for verb in ("unblock", "start", "complete")]
        assert result.output == "made"
    else:
        assert heard.moments["s"][4:] == [(verb, event) for verb in ("unblock", "start", "fail")]
        assert (result.status, result.reason, result.attempts) == (Outcome.FAILED, "finish_gate", 1)


@pytest.mark.parametrize("type", [SS, SF])
def test_a_link_from_a_start_cannot_ask_for_failure(type):
    """A start neither succeeds nor fails: such a link is refused when it is read."""
    flow = Workflow("w")
    flow.step(lasting(0), id="p")
    flow.step(lasting(0), id="s")
    flow.link("p", "s", type=type, condition=FAILURE)
    with pytest.raises(InvalidWorkflow, match="waits for a start, which cannot fail"):
        flow.check()


async def test_a_finish_that_may_come_is_not_held():
    """A body that ends after its finish gate has been settled completes at once, without being blocked."""
    flow, heard = Workflow("w"), Heard()
    flow.step(lasting(1), id="p")
    flow.step(lasting(3), id="s")
    flow.link("p", "s", type=FF)
    await lived(flow, observers=[heard])
    assert heard.moments["s"][2:] == [("start", 0), ("complete", 3)]


async def test_a_gate_that_is_broken_before_the_body_ends_fails_it_then():
    """A finish that can no longer come fails the step when its body has ended, not earlier, and without a retry."""
    flow, heard = Workflow("w"), Heard()
    flow.step(lasting(1), id="p")
    flow.step(lasting(3), id="s", retry=Retry(max_attempts=3, initial=0), allow_failure=True)
    flow.step(lasting(0, "after"), id="after", after="s")
    flow.link("p", "s", type=FF, condition=FAILURE)
    result = await lived(flow, observers=[heard])

    assert heard.moments["s"][3:] == [(verb, 3) for verb in ("block", "unblock", "start", "fail")]
    assert (result.steps["s"].attempts, result.steps["s"].error.type) == (1, "LinkNotMet")
    assert result.explain("s").causes[1].code == "link_unmet"
    assert (result.success, result["after"]) == (True, "after")


async def test_a_held_step_gives_its_place_and_its_resources_back():
    """Between the end of its body and its finish a step occupies nothing: the only place goes to the other."""
    flow, heard = Workflow("w", resources={"limits": {"cpu": 1}}), Heard()
    flow.step(lasting(1, "made"), id="s", resources={"cpu": 1})
    flow.step(lasting(1), id="p", resources={"cpu": 1})
    flow.step(lasting(0), id="after", after="s")
    flow.link("p", "s", type=FF)
    result = await lived(flow, observers=[heard], concurrency=1)

    assert result["s"] == "made"
    assert (heard.at("s", "block"), heard.at("p", "start")) == (1, 1)
    assert heard.at("after", "start") == heard.at("s", "complete") == heard.at("p", "complete") == 2


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_a_held_result_is_not_run_again_after_a_resume(kind, tmp_path):
    """A body whose result was held when the run was cut off is not run again; its output is what it was."""
    calls = []

    def build():
        flow = Workflow("w")
        flow.step(lasting(3), id="q")

        @flow.step
        async def s():
            calls.append("s")
            return {"n": len(calls)}

        @flow.step(after="q")
        async def p():
            calls.append("p")
            if calls.count("p") == 1:
                scope.cancel()
                await anyio.lowlevel.checkpoint()

        flow.step(lambda s: s["n"], id="after", inline=True)
        flow.link("p", "s", type=FF)
        return flow

    clock, heard = FakeClock(), Heard()
    async with MemoryStore() if kind == "memory" else SQLiteStore(tmp_path / "s.db") as store:
        async with anyio.create_task_group() as group:
            scope = anyio.CancelScope()

            async def cut():
                with scope:
                    await taskorch.run(build(), clock=clock, store=store, run_id="r")

            group.start_soon(cut)
            await until(lambda: "s" in calls and clock.next_due)  # q sleeps
            await clock.advance(3)
        assert scope.cancelled_caught
        result = await lived(build(), clock=clock, store=store, run_id="r", observers=[heard])

    assert calls == ["s", "p", "p"]
    assert (result["s"], result["after"], result.steps["s"].attempts) == ({"n": 1}, 1, 1)
    assert heard.verbs("s") == ["unblock", "start", "complete"]


async def test_start_to_start_is_satisfied_by_the_first_start():
    """SS asks for the first start alone: neither the failure of that attempt nor later ones make a difference."""
    flow, heard = Workflow("w"), Heard()
    flow.step(lasting(2, error=ValueError("no")), id="p", retry=Retry(max_attempts=3, initial=1, multiplier=1))
    flow.step(lasting(1), id="s")
    flow.link("p", "s", type=SS, lag=1)
    result = await lived(flow, observers=[heard])

    assert heard.at("s", "start") == 1
    assert (result.steps["p"].attempts, result.steps["s"].status) == (3, Outcome.COMPLETED)


@pytest.mark.parametrize("condition", [SUCCESS, ALWAYS])
async def test_skipped_satisfies_start_to_start_and_omitted_does_not(condition):
    """A predecessor that never starts: skipped satisfies SS and SF, omitted and cancelled satisfy ``always`` alone."""
    flow = Workflow("w")
    flow.step(lasting(5), id="busy")
    flow.step(lasting(0), id="skipped", condition="not always")
    flow.step(lasting(0), id="omitted", condition="on_failure(busy)")
    flow.step(lasting(0), id="cancelled", queue_timeout=1)
    for end, type in product(("skipped", "omitted", "cancelled"), (SS, SF)):
        flow.step(lambda: 1, id=f"{end}-{type}", inline=True)
        flow.link(end, f"{end}-{type}", type=type, condition=condition)
    result = await lived(flow, concurrency=1)

    assert [result.steps[id].status.value for id in ("skipped", "omitted", "cancelled")] == [
        "skipped",
        "omitted",
        "cancelled",
    ]
    unmet = {SS: Outcome.OMITTED, SF: Outcome.FAILED}
    assert {id: result.steps[id].status for id in result.steps if "-" in id} == {
        f"{end}-{type}": Outcome.COMPLETED if end == "skipped" or condition is ALWAYS else unmet[type]
        for end, type in product(("skipped", "omitted", "cancelled"), (SS, SF))
    }


@pytest.mark.parametrize("type", LinkType)
async def test_a_lag_counts_from_the_event_across_a_resume(type):
    """A lag that was under way when the run was cut off ends when it would have ended."""
    flow, clock, heard = Workflow("w"), FakeClock(), Heard()
    flow.step(lambda: 1, id="p", inline=True)
    flow.step(lambda: 2, id="s", inline=True)
    flow.link("p", "s", type=type, lag=10)
    async with MemoryStore() as store:
        async with anyio.create_task_group() as group:
            scope = anyio.CancelScope()

            async def cut():
                with scope:
                    await taskorch.run(flow, clock=clock, store=store, run_id="r")

            group.start_soon(cut)
            await clock.advance(4)
            scope.cancel()
        await clock.advance(2)
        result = await lived(flow, clock=clock, store=store, run_id="r", observers=[heard])

    assert result.steps["s"].ended_at - START == timedelta(seconds=10)
    assert {heard.at("s", verb) for verb in heard.verbs("s")} == {10}


async def test_two_links_of_different_type_between_one_pair():
    """Each of them holds its gate: the start waits for one, the finish for the other."""
    flow, heard = Workflow("w"), Heard()
    flow.step(lasting(4), id="p")
    flow.step(lasting(1), id="s")
    flow.link("p", "s", type=SS, lag=1)
    flow.link("p", "s", type=FF, lag=2)
    await lived(flow, observers=[heard])
    assert [at for _, at in heard.moments["s"]] == [1, 1, 1, 2, 6, 6, 6]


@needs_shared
async def test_the_pair_with_two_links_of_a_real_project():
    """The sample of a project planner, with an FS and an FF link between one pair, runs as it is."""
    flow, heard = taskorch.load(DATA / "pipelines" / "p6-sample.workflow.json"), []
    (await taskorch.run(flow, observers=[heard.append])).check()
    ended = [event.step for event in heard if event.verb == "complete" and event.step]
    assert {link.type for link in flow.all_links() if (link.predecessor, link.successor) == ("A1030", "A1050")} == {
        FS,
        FF,
    }
    for link in flow.all_links():
        assert ended.index(link.predecessor) < ended.index(link.successor)


async def test_a_start_before_a_start_and_a_finish_before_a_finish_back_is_legal():
    """A SS B with B FF A is a circle of steps, not of events: A starts first and finishes last."""
    flow, heard = Workflow("w"), Heard()
    flow.step(lasting(1, "a"), id="a")
    flow.step(lasting(3, "b"), id="b")
    flow.link("a", "b", type=SS)
    flow.link("b", "a", type=FF)
    result = (await lived(flow, observers=[heard])).check()

    assert (result["a"], result["b"]) == ("a", "b")
    assert (heard.at("b", "start"), heard.at("a", "block"), heard.at("a", "complete")) == (0, 1, 3)


@pytest.mark.parametrize(("there", "back"), [(FS, FS), (SS, SS), (FF, FF), (FS, FF), (SS, FS), (FF, FS), (FS, SF)])
async def test_a_circle_of_events_is_refused(there, back):
    """Links whose events wait for each other are refused before anything starts."""
    flow, calls = Workflow("w"), []
    for id in "ab":
        flow.step(lambda: calls.append(1), id=id, inline=True)
    flow.link("a", "b", type=there)
    flow.link("b", "a", type=back)
    with pytest.raises(CycleError):
        await taskorch.run(flow)
    assert calls == []


@needs_shared
@pytest.mark.parametrize(
    "path", sorted((DATA / "psplib" / "max_ubo10").glob("CYCLIC_*")), ids=lambda path: path.name.split(".")[0]
)
async def test_the_circular_projects_are_refused(path):
    """Each published instance that cannot be scheduled at all is refused, with the circle, before anything starts."""
    heard = []
    with pytest.raises(CycleError) as caught:
        await taskorch.run(taskorch.load(path), observers=[heard.append])
    assert len(caught.value.cycle) > 1
    assert heard == []


async def test_a_start_lets_another_start_at_once_though_nobody_watches():
    """Without a store and observers too, a body may wait for what a step does that starts when it has started."""
    flow, done = Workflow("w"), anyio.Event()

    async def wait():
        with anyio.fail_after(5):
            await done.wait()

    async def release():
        done.set()

    flow.step(wait, id="a")
    flow.step(release, id="b")
    flow.link("a", "b", type=SS)
    (await taskorch.run(flow)).check()
