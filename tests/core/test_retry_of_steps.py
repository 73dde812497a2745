"""Which policy of retries a step has, and what of it its document tells."""

import json
from typing import Any

import pytest

from taskorch import InvalidWorkflow, Retry, Step, Workflow
from taskorch.core.fingerprints import fingerprint
from taskorch.core.frontier.plan import Plan
from taskorch.core.retry import GiveUp, RetryAt, RetryStrategy
from taskorch.core.settings import RetryPolicy
from tests.core.samples import flow_of
from tests.naming import shown


class Twice:
    """A strategy of a host: one retry, after 7 s."""

    def decide(self, attempt: int, error: BaseException, elapsed: float, chance: float = 0.0) -> RetryAt | GiveUp:
        """One retry."""
        return RetryAt(7) if attempt == 1 else GiveUp("exhausted")


class Named(Twice):
    """A strategy that tells what is particular about it."""

    def __init__(self, name: str) -> None:
        self.reference = {"name": name}


async def fetch() -> int:
    """A body."""
    return 1


def is_busy(error: BaseException) -> bool:
    """A test of errors."""
    return "busy" in str(error)


def step_with(retry: RetryStrategy, **members: Any) -> Step:
    """The step built with a policy."""
    flow = Workflow("w")
    flow.step(fetch, retry=retry, **members)
    return flow.steps[0]


def marks(*retries: RetryStrategy) -> list[str]:
    """The fingerprints of the workflow with each of the policies."""
    flows = [Workflow("w") for _ in retries]
    for flow, retry in zip(flows, retries, strict=True):
        flow.step(fetch, retry=retry)
    return [fingerprint(flow) for flow in flows]


@pytest.mark.parametrize(
    ("step", "flow", "expected"),
    [
        ({}, {}, (1, 1.0, 1)),
        ({"retries": 3}, {}, (4, 1.0, 1)),
        ({"retries": 3, "retryDelay": 5000}, {}, (4, 5.0, 1)),
        ({}, {"maxRetries": 3, "backoffMultiplier": 2}, (4, 1.0, 2)),
        ({"retries": 0}, {"maxRetries": 3}, (1, 1.0, 1)),
        ({"retryDelay": 250}, {"maxRetries": 2, "initialDelay": 5000, "backoffMultiplier": 2}, (3, 0.25, 2)),
        ({"retries": 5}, {"maxRetries": 2, "initialDelay": 5000}, (6, 5.0, 1)),
    ],
    ids=str,
)
def test_steps_override_the_policy_of_the_workflow(
    step: dict[str, Any], flow: dict[str, Any], expected: tuple[int, float, float]
) -> None:
    """``retries`` counts retries, not attempts; what a step says goes before what the workflow says."""
    document = flow_of("a", errorHandling={"retryPolicy": flow})
    document["steps"][0] |= step
    (retry,) = Plan.of(Workflow.from_dict(document)).retries

    assert (retry.max_attempts, retry.initial, retry.multiplier) == expected


@pytest.mark.parametrize("retry", [Retry(retry_on=OSError), Retry(give_up_on=(KeyError, is_busy)), Twice()], ids=shown)
def test_a_step_keeps_what_no_document_can_hold(retry: RetryStrategy) -> None:
    """Classes and functions, and strategies of other kinds, are kept beside the body and decide for the step."""
    step = step_with(retry)

    assert step.retrying is retry
    assert step.retry(RetryPolicy(max_retries=9)) is retry


@pytest.mark.parametrize("retry", [Retry(), Retry(total_timeout=60)], ids=shown)
def test_what_a_document_can_hold_is_kept_there_alone(retry: Retry) -> None:
    """Nothing but the document's policy is needed for numbers: read back, the step has the same policy."""
    flow = Workflow("w")
    flow.step(fetch, retry=retry)
    read = Workflow.from_json(flow.to_json())

    assert flow.steps[0].retrying is None
    assert "x-retry" not in flow.steps[0].extensions
    assert read.steps[0].retry(None) == retry


@pytest.mark.parametrize(
    ("retry", "note"),
    [
        (Retry(retry_on=OSError), {"retryOn": ["builtins:OSError"]}),
        (
            Retry(retry_on=(OSError, is_busy), give_up_on=json.JSONDecodeError),
            {"retryOn": ["builtins:OSError", f"{__name__}:is_busy"], "giveUpOn": ["json.decoder:JSONDecodeError"]},
        ),
        (Retry(retry_on=()), {"retryOn": []}),
        (Twice(), f"{__name__}:Twice"),
        (Named("a"), {"name": "a"}),
    ],
    ids=shown,
)
def test_the_document_tells_of_it_by_name(retry: RetryStrategy, note: object) -> None:
    """What no document can hold is named in ``x-retry``, as a function is in ``x-function``."""
    flow = Workflow("w")
    flow.step(fetch, retry=retry)
    (step,) = flow.to_dict()["workflow"]["steps"]  # type: ignore[index]

    assert step["x-retry"] == note
    assert Workflow.from_dict(flow.to_dict()).to_dict() == flow.to_dict()


def test_another_policy_is_another_workflow() -> None:
    """Other classes, functions and strategies give another fingerprint; the same ones give the same."""
    policies = [Retry(), Retry(retry_on=OSError), Retry(give_up_on=OSError), Retry(retry_on=is_busy)]
    policies += [Retry(total_timeout=5)]
    others: list[RetryStrategy] = [*policies, Twice(), Named("a"), Named("b")]

    assert len(set(marks(*others))) == len(others)
    assert marks(Retry(retry_on=OSError), Twice()) == marks(Retry(retry_on=(OSError,)), Twice())


def test_retries_and_their_wait_override_a_policy_of_python_too() -> None:
    """``retries`` and ``retry_delay`` go before what the policy says, which keeps its classes."""
    found = step_with(Retry(max_attempts=3, initial=1, retry_on=OSError), retries=5, retry_delay=2).retry(None)

    assert found == Retry(max_attempts=6, initial=2, retry_on=OSError)


@pytest.mark.parametrize(
    ("retry", "members", "path"),
    [
        (Retry, {}, "fetch.retry"),
        (5, {}, "fetch.retry"),
        (Twice, {}, "fetch.retry"),
        (Retry(), {"retry_policy": RetryPolicy(max_retries=1)}, "fetch.retry_policy"),
        (Twice(), {"retry_policy": RetryPolicy(max_retries=1)}, "fetch.retry_policy"),
        (Twice(), {"retries": 2}, "fetch.retries"),
        (Twice(), {"retry_delay": 2}, "fetch.retry_delay"),
        (Twice(), {"retrying": Twice()}, "fetch.retrying"),
    ],
    ids=shown,
)
def test_a_step_has_one_policy(retry: Any, members: dict[str, Any], path: str) -> None:
    """What is no policy, and a second one beside it, is refused, and nothing is added."""
    flow = Workflow("w")
    with pytest.raises(InvalidWorkflow) as caught:
        flow.step(fetch, retry=retry, **members)

    assert [problem.path for problem in caught.value.problems] == [path]
    assert flow.steps == []
