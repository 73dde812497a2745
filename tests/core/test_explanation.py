"""Why a step stands where it stands: structured, and in one sentence."""

import pytest

from taskorch import Outcome, State
from taskorch.core.frontier.explanation import Explanation, explain
from tests.core.runs import Driver
from tests.core.samples import flow_of


def told(run: Driver, id: str) -> Explanation:
    """The explanation of a step."""
    return explain(run.frontier, id)


def test_a_step_waits_for_those_before_it() -> None:
    """A step that has not been decided names the predecessors that have not ended, and no others."""
    run = Driver(flow_of("a", "b", "c", links=(("a", "c"), ("b", "c"))))
    run.take_all()
    run.fail("b")
    found = told(run, "c")

    assert (found.step, found.state, found.outcome) == ("c", State.CREATED, None)
    assert (found.waits_for, found.unmet) == (("a",), (("b", Outcome.FAILED),))
    assert found.reason == "it waits for a"


def test_a_step_waits_for_a_place() -> None:
    """A step that is ready says so."""
    run = Driver(flow_of("a", "b"), total=1)
    run.take()

    assert (told(run, "a").state, told(run, "a").reason) == (State.IN_PROGRESS, "its body runs")
    assert (told(run, "b").state, told(run, "b").reason) == (State.QUEUED, "it is ready and waits for a free slot")


def test_a_step_waits_for_its_next_attempt() -> None:
    """A failure with a retry pending is no end."""
    run = Driver(flow_of("a", errorHandling={"retryPolicy": {"maxRetries": 1}}))
    run.take()
    run.fail("a")

    assert (told(run, "a").state, told(run, "a").outcome) == (State.FAILED, None)
    assert told(run, "a").reason == "it waits for its next attempt"


def test_how_steps_ended() -> None:
    """Each end is told with what led to it: error, links, conditions."""
    document = flow_of("ok", "bad", "after", "never", "asked", links=(("bad", "after"),))
    document["steps"][3]["condition"] = "not always"
    document["steps"][4]["condition"] = "on_failure(ok)"
    run = Driver(document)
    run.take_all()
    run.complete("ok")
    run.fail("bad", error=ValueError("no luck"))

    assert {id: (told(run, id).outcome, told(run, id).reason) for id in run.plan.index} == {
        "ok": (Outcome.COMPLETED, "its body ended well"),
        "bad": (Outcome.FAILED, "its last attempt failed: no luck"),
        "after": (Outcome.OMITTED, "a link was not met: bad ended as failed"),
        "never": (Outcome.SKIPPED, "its own condition was false"),
        "asked": (Outcome.OMITTED, "its condition on other steps was not met"),
    }


def test_a_cancelled_step_tells_the_reason() -> None:
    """What was cut off says by what."""
    run = Driver(flow_of("a", "b", links=(("a", "b"),), failFast=True))
    run.take()
    run.fail("a")

    assert told(run, "b").outcome in (Outcome.CANCELLED, Outcome.OMITTED)
    assert told(run, "b").reason.startswith(("it was cancelled: fail_fast", "a link was not met"))


def test_a_step_that_is_not_there_has_no_explanation() -> None:
    """An unknown id raises ``KeyError``."""
    with pytest.raises(KeyError):
        told(Driver(flow_of("a")), "nope")
