"""Which end of a step lets which other steps start: links, conditions, joins (design §7)."""

import anyio
import anyio.lowlevel
import pytest

import taskorch
from taskorch import LinkCondition, Outcome, Workflow

# outcome of the predecessor: whether links with success, failure, always are satisfied (design §7)
TABLE = {
    "completed": (True, False, True),
    "failed": (False, True, True),
    "allowed": (True, True, True),
    "skipped": (True, False, True),
    "omitted": (False, False, True),
}


async def fails():
    """End badly."""
    raise ValueError("no")


async def works():
    """End well."""
    await anyio.lowlevel.checkpoint()


def ending(flow, end, id="p"):
    """Add a step to *flow* that ends in this way."""
    if end in ("failed", "allowed"):
        flow.step(fails, id=id, allow_failure=end == "allowed")
    elif end == "skipped":
        flow.step(works, id=id, condition="not always")
    elif end == "omitted":
        flow.step(fails, id=f"{id}-before")
        flow.step(works, id=id, after=f"{id}-before")
    else:
        flow.step(works, id=id)


async def ends(flow, **options):
    """How the steps of *flow* end."""
    return {id: step.status.value for id, step in (await taskorch.run(flow, **options)).steps.items()}


@pytest.mark.parametrize("end", TABLE)
async def test_a_link_is_satisfied_as_the_table_says(end):
    """Each condition of a link is satisfied by the outcomes of the table and no others; unmet is omitted."""
    flow = Workflow("w")
    ending(flow, end)
    for condition in LinkCondition:
        flow.step(works, id=condition.value)
        flow.link("p", condition.value, condition=condition)
    found = await ends(flow)
    assert found["p"] == ("failed" if end == "allowed" else end)
    met = tuple(found[condition.value] for condition in LinkCondition)
    assert met == tuple("completed" if satisfied else "omitted" for satisfied in TABLE[end])


@pytest.mark.parametrize(
    ("condition", "satisfied"),
    [
        ("on_success(p)", {"completed"}),
        ("on_failure(p)", {"failed", "allowed"}),
        ("on_skip(p)", {"skipped"}),
        ("on_complete(p)", set(TABLE)),
        ("always", set(TABLE)),
        ('on_success("p") or on_skip(p)', {"completed", "skipped"}),
        ("on_failure(p) and always", {"failed", "allowed"}),
    ],
)
@pytest.mark.parametrize("end", TABLE)
async def test_a_condition_holds_for_the_outcomes_it_names(condition, satisfied, end):
    """A condition makes an implied link that waits for the end of the step; a false one omits its step."""
    flow = Workflow("w")
    flow.step(works, id="conditional", condition=condition)  # before the step it names: the order is no matter
    ending(flow, end)
    assert (await ends(flow))["conditional"] == ("completed" if end in satisfied else "omitted")


async def test_a_condition_that_is_false_by_itself_skips():
    """A condition that would be false although every status function were true skips its step; else it is omitted."""
    flow = Workflow("w")
    ending(flow, "completed")
    flow.step(works, id="by-itself", condition="not on_success(p)")
    flow.step(works, id="by-others", condition="on_failure(p)")
    found = await ends(flow)
    assert (found["by-itself"], found["by-others"]) == ("skipped", "omitted")


@pytest.mark.parametrize("end", TABLE)
async def test_always_overrides_the_conditions_of_links(end):
    """A step that runs always does so whatever its links say, once all of them are settled."""
    flow = Workflow("w")
    ending(flow, end)
    flow.step(works, id="report", after="p", condition="always")
    assert (await ends(flow))["report"] == "completed"


async def test_omission_goes_on_through_links():
    """What waits for an omitted step is omitted, and a run fails only for what failed."""
    flow = Workflow("w")
    ending(flow, "allowed")
    flow.step(works, id="a", condition="on_success(p)")
    flow.step(works, id="b", after="a")
    flow.step(works, id="c", after="b")
    result = await taskorch.run(flow)
    assert result.success
    assert [result.steps[id].status for id in "abc"] == [Outcome.OMITTED] * 3


@pytest.mark.parametrize("condition", [None, "on_failure(quick)", "always"])
async def test_a_join_is_never_decided_eagerly(condition):
    """A join is decided only when all its links are settled, although one of them has decided the matter before."""
    flow, story = Workflow("w"), []
    release = anyio.Event()

    @flow.step
    async def quick():
        story.append("quick")
        raise ValueError("no")

    @flow.step
    async def slow():
        await release.wait()
        story.append("slow")

    @flow.step(after=["quick", "slow"], condition=condition)
    async def join():
        story.append("join")

    @flow.step(condition="on_failure(quick)")
    async def opener():
        for _ in range(10):
            await anyio.lowlevel.checkpoint()
        story.append("opened")
        release.set()

    events = []
    await taskorch.run(flow, observers=[events.append])
    settled = [event.step for event in events if event.state in ("COMPLETED", "FAILED", "CANCELLED")]
    assert settled.index("join") == 3
    assert story[:3] == ["quick", "opened", "slow"]


async def test_a_parameter_makes_a_link_and_a_written_one_overrides_it():
    """A parameter implies a success link, unless one is written between the two steps."""
    flow = Workflow("w")
    ending(flow, "failed")
    flow.step(lambda p=1: p, id="implied", inline=True)
    flow.step(lambda p=1: p, id="written", inline=True)
    flow.link("p", "written", condition=LinkCondition.ALWAYS)
    result = await taskorch.run(flow)
    assert result.steps["implied"].status is Outcome.OMITTED
    assert result["written"] == 1


async def test_independent_branches_go_on_after_a_failure():
    """A failure does not keep a branch that does not depend on it from ending."""
    flow = Workflow("w")
    ending(flow, "failed")
    flow.step(works, id="a")
    flow.step(works, id="b", after="a")
    found = await ends(flow)
    assert (found["a"], found["b"]) == ("completed", "completed")


async def test_a_workflow_without_steps_completes():
    """There is nothing to do, and it is done."""
    assert (await taskorch.run(Workflow("w"), store="memory:")).success
    assert (await taskorch.run(Workflow("w"))).success


async def test_a_long_chain_and_a_wide_fan_end():
    """Neither depth nor width is bounded by the stack."""
    chain, fan = Workflow("chain"), Workflow("fan")
    for number in range(2000):
        chain.step(works, id=f"s{number}", after=[f"s{number - 1}"] if number else [])
        fan.step(works, id=f"s{number}")
    fan.step(works, id="join", after=[f"s{number}" for number in range(2000)])
    assert (await taskorch.run(chain, store="memory:")).success
    assert (await taskorch.run(fan, store="memory:")).success
