"""Plans are compiled once, and never stale."""

import copy
import gc
import pickle
import weakref
from collections.abc import Callable

import attrs
import pytest

import taskorch
from taskorch import Step, UnsupportedFeature, Workflow
from taskorch.core.frontier.plans import plan_of


def one() -> int:
    """Give 1."""
    return 1


def made() -> Workflow:
    """A small workflow."""
    flow = Workflow("w")
    flow.step(one, id="a", inline=True)
    flow.step(one, id="b", inline=True, after="a")
    return flow


def test_a_workflow_is_compiled_once() -> None:
    """As long as nothing was added, and for this very workflow; its plan ends with it."""
    flow = made()
    plan = plan_of(flow)

    assert plan_of(flow) is plan
    assert plan_of(attrs.evolve(flow)) is not plan
    assert plan_of(copy.copy(flow)) is not plan
    gone = weakref.ref(plan)
    del flow, plan
    gc.collect()
    assert gone() is None


class Pipeline:
    """A class of a host whose methods are the steps of its workflow."""

    def __init__(self) -> None:
        self.flow = Workflow("w")
        self.flow.step(self.extract, inline=True)

    def extract(self) -> str:
        """Give the name of the workflow."""
        return self.flow.name


def test_a_workflow_that_its_own_bodies_hold_is_let_go() -> None:
    """Nothing keeps a workflow that was run, though its functions refer to it."""
    pipeline = Pipeline()
    taskorch.run_sync(pipeline.flow).check()
    gone = weakref.ref(pipeline)
    del pipeline
    gc.collect()
    assert gone() is None


CHANGES: dict[str, Callable[[Workflow], object]] = {
    "a step more": lambda flow: flow.step(one, id="c", inline=True),
    "a link more": lambda flow: flow.link("a", "b", type="start_to_start"),
    "no links": lambda flow: flow.links.clear(),
    "another step": lambda flow: flow.steps.__setitem__(0, attrs.evolve(flow.steps[0], timeout=5)),
    "another order": lambda flow: flow.steps.reverse(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_workflow_that_was_changed_is_compiled_anew(change: Callable[[Workflow], object]) -> None:
    """Whatever was added, replaced or taken out."""
    flow = made()
    before = plan_of(flow)
    change(flow)

    assert plan_of(flow) is not before
    assert plan_of(flow).steps == tuple(flow.steps)


def test_what_lies_in_mappings_of_the_host_is_read_anew() -> None:
    """Context, environment and limits are looked at in every run: they may have been changed in place."""
    context: dict[str, object] = {}
    flow = attrs.evolve(made(), context=context)
    taskorch.run_sync(flow).check()
    flow.context["notifications"] = {"webhooks": [{"url": "https://example.org"}]}  # type: ignore[index]
    with pytest.raises(UnsupportedFeature):
        taskorch.run_sync(flow)

    environment: dict[str, object] = {"A": "1"}
    flow = Workflow("w")
    flow.command("python -V", id="a", environment=environment)
    taskorch.run_sync(flow).check()
    flow.steps[0].environment["TOKEN"] = {"secret": "token"}  # type: ignore[index]
    with pytest.raises(UnsupportedFeature):
        taskorch.run_sync(flow)


class Call:
    """A callable that a copy of its workflow copies too."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __call__(self) -> int:
        """Give the value."""
        return self.value


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda flow: pickle.loads(pickle.dumps(flow))])
def test_a_copied_workflow_takes_no_function_for_another(copied: Callable[[Workflow], Workflow]) -> None:
    """Functions are told apart by what they are, not by where they once lay."""
    flow, call = Workflow("w"), Call(1)
    flow.step(call, id="a", inline=True)
    place = id(call)
    copy_ = copied(flow)
    del flow, call
    gc.collect()
    kept = []
    for _ in range(10_000):
        kept.append(Call(2))
        if id(kept[-1]) == place:
            break
    copy_.step(kept[-1], id="b", inline=True)

    assert taskorch.run_sync(copy_).outputs == {"a": 1, "b": 2}
    assert [copy_.id_of(kept[-1])] == ["b"]


def test_steps_share_their_bodies_and_nothing_that_could_be_changed() -> None:
    """A note on one step stands at that step alone."""
    flow = made()
    first, second = flow.steps

    assert first.body is second.body
    noted = attrs.evolve(first, extensions={"x-owner": "ann"})
    flow.steps[0] = noted
    written = flow.to_dict()["workflow"]["steps"]  # type: ignore[index, call-overload]
    assert [step.get("x-owner") for step in written] == ["ann", None]
    assert [step["x-function"].rpartition(":")[2] for step in written] == ["one", "one"]


def test_a_step_may_be_put_anywhere() -> None:
    """Functions and ids are found whatever was done to the list of steps."""
    flow = made()
    flow.steps.insert(0, Step("z", command="true"))

    assert flow.link("z", "b").predecessor == "z"
    assert flow.id_of("a") == "a"
