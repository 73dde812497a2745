"""What cannot be a step in Python: refused at once, or by the check, and nothing is left behind."""

import functools
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from taskorch import CycleError, Step, Workflow
from taskorch.core.frontier.plan import Plan
from tests.core.bodies import extract, flow_with, refusal, transform


def test_a_lambda_needs_an_id() -> None:
    """What has no name of its own is refused without ``id=``, and nothing is added."""
    flow = Workflow("w")
    for function in (lambda: None, functools.partial(transform, [1])):
        refusal(lambda function=function: flow.step(function))

    assert flow.steps == []
    flow.step(functools.partial(transform, [1]), id="a")
    flow.check()


def test_generators_are_refused() -> None:
    """A generator's output is none that can be stored; async ones and wrapped ones are generators too."""

    def one() -> Iterator[int]:
        yield 1

    async def two() -> AsyncIterator[int]:
        yield 1

    class Three:
        def __call__(self):  # type: ignore[no-untyped-def]  # an annotation would be refused for itself
            yield 1

    for function in (one, two, functools.partial(one), Three(), Three().__call__):
        message = refusal(lambda function=function: Workflow("w").step(function, id="a"))
        assert "generator" in message
        assert "a" in message


def test_what_cannot_be_called_by_name_is_refused() -> None:
    """A positional-only parameter without a default is refused; one with a default is left to it."""

    def needs(rows: object, /) -> None: ...
    def may(rows: object = 1, /) -> None: ...

    assert "positional-only" in refusal(lambda: Workflow("w").step(needs))
    flow_with(may).check()


def test_a_return_type_that_cannot_be_stored_is_refused() -> None:
    """An annotation no codec knows is refused when the step is defined, not after its body has run."""

    def opened() -> complex:
        return 1j

    assert "cannot be stored" in refusal(lambda: Workflow("w").step(opened))


@pytest.mark.parametrize(
    "make",
    [
        lambda flow: flow.step(lambda: None, id="b", inputs={"nope": "extract"}),
        lambda flow: flow.step(lambda x: None, id="b", inputs={"x": "nope"}),
        lambda flow: flow.step(lambda: None, id="b", after="nope"),
        lambda flow: flow.step(lambda: None, id="b", after=transform),
        lambda flow: flow.step(lambda: None, id="extract"),
        lambda flow: flow.step(lambda: None, id="b", timeout=-1),
        lambda flow: flow.step(lambda: None, id="b", condition="on_sucess(extract)"),
        lambda flow: flow.step(lambda: None, id="b", retries=-1),
        lambda flow: flow.command("", id="b"),
        lambda flow: flow.command("a 'b", id="b"),
        lambda flow: flow.command("true", id="b", working_directory=""),
        lambda flow: flow.link("extract", "nope"),
        lambda flow: flow.link("extract", "extract", lag=-1),
    ],
    ids=[
        *(
            "no-parameter",
            "no-source",
            "after-nothing",
            "after-no-step",
            "id-taken",
            "negative",
            "condition",
            "retries",
        ),
        *("no-command", "open-quote", "no-directory", "link-to-nothing", "negative-lag"),
    ],
)
def test_a_step_that_cannot_be_is_not_added(make: Callable[[Workflow], object]) -> None:
    """What is wrong with a step is said at once, and neither step nor link is left behind."""
    flow = flow_with(extract)
    refusal(lambda: make(flow))

    assert [step.id for step in flow.steps] == ["extract"]
    assert flow.links == []


def test_a_parameter_that_nothing_feeds_is_told() -> None:
    """A required parameter without a step is a problem of the check, at the path of its step."""
    flow = flow_with(extract)
    flow.step(lambda rows: None, id="a")

    message = refusal(flow.check)
    assert "steps[1]" in message
    assert "'rows'" in message


def test_a_step_does_not_feed_itself() -> None:
    """A parameter named like its own step would wait for itself: that is refused, with or without a default."""

    def a(a: object) -> object:
        return a

    def b(b: object = None) -> object:
        return b

    for function in (a, b):
        message = refusal(flow_with(function).check)
        assert function.__name__ in message


def test_circles_of_parameters_are_refused() -> None:
    """Parameters make links, and their circles are circles."""
    flow = Workflow("w")
    flow.step(lambda b=None: None, id="a")
    flow.step(lambda a=None: None, id="b")

    with pytest.raises(CycleError) as caught:
        flow.check()
    assert set(caught.value.cycle) == {"a", "b"}


@pytest.mark.parametrize(
    "step",
    [Step("a"), Step("a", command="x", body=flow_with(extract).steps[0].body)],
    ids=["nothing", "both"],
)
def test_a_step_has_one_thing_to_run(step: Step) -> None:
    """A step with neither command nor function, or with both, has no plan."""
    flow = Workflow("w")
    flow.add(step)

    assert "a" in refusal(lambda: Plan.of(flow))
