"""What Python gives to a workflow is held to the kinds that documents are held to, and refused with its place."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taskorch import InvalidWorkflow, Link, Step, Workflow
from taskorch.core.settings import (
    Alert,
    AutoScaling,
    Cache,
    Notifications,
    RetryPolicy,
    Wait,
    Webhook,
)


def body() -> None:
    """Nothing."""


def flow() -> Workflow:
    """A workflow of two steps."""
    made = Workflow("w")
    made.step(body, id="a")
    made.step(body, id="b")
    return made


def refused(make: Callable[[], object]) -> InvalidWorkflow:
    """The error by which it is refused, which is never long."""
    with pytest.raises(InvalidWorkflow) as caught:
        make()
    assert len(str(caught.value)) < 2000
    return caught.value


STEP: list[tuple[dict[str, Any], str]] = [
    ({"name": 5}, "name"),
    ({"name": "\ud800"}, "name"),
    ({"name": "a\0"}, "name"),
    ({"description": 5}, "description"),
    ({"assigned_to": 5}, "assignedTo"),
    ({"parallel": 5}, "parallel"),
    ({"allow_failure": None}, "allowFailure"),
    *(({"retries": value}, "retries") for value in (True, float("nan"), 2.5, "x", 10**5000)),
    ({"delivery": 5}, "delivery"),
    ({"output": 5}, "output"),
    ({"working_directory": 5}, "workingDirectory"),
    ({"target": 5}, "target"),
    ({"for_each": 5}, "forEach"),
    ({"condition": 5}, "condition"),
    ({"map": 5}, "map"),
    ({"command": 5}, "command"),
    ({"command": ["x", 5]}, "command[1]"),
    ({"command": ["x", "\ud800"]}, "command[1]"),
    ({"cache": 5}, "cache"),
    ({"cache": {"key": 5}}, "cache.key"),
    ({"gate": "x"}, "gate"),
    ({"wait": []}, "wait"),
    ({"environment": 5}, "environment"),
    ({"environment": {1: "x"}}, "environment"),
    ({"environment": {"A": "\ud800"}}, "environment.A"),
    ({"resources": 5}, "resources"),
    ({"rollback": 5}, "rollback"),
    ({"rollback": "\ud800"}, "rollback"),
    ({"workflow": 5}, "workflow"),
    ({"timeout": "x"}, "timeout"),
    ({"timeout": timedelta.max}, "timeout"),
    ({"timeout": float("nan")}, "timeout"),
    ({"body": 5}, "body"),
    ({"retrying": 5}, "retrying"),
    ({"retry_policy": {"maxRetries": "x"}}, "retryPolicy.maxRetries"),
    ({"extensions": 5}, "extensions"),
]


@pytest.mark.parametrize(("members", "path"), STEP, ids=[f"{n}-{path}" for n, (_, path) in enumerate(STEP)])
def test_a_member_of_a_step_is_of_its_kind(members: dict[str, Any], path: str) -> None:
    """Nothing of another kind comes into a step, and what is told is where it would stand in a document."""
    assert [problem.path for problem in refused(lambda: Step("a", **members)).problems] == [path]


WORKFLOW: list[tuple[dict[str, Any], str]] = [
    ({"name": 5}, "name"),
    ({"parallel": "ab"}, "parallel"),
    ({"mode": 5}, "mode"),
    ({"template": 5}, "template"),
    ({"steps": 5}, "steps"),
    ({"steps": [5]}, "steps[0]"),
    ({"links": 5}, "dependencies"),
    ({"debug": True}, "debug"),
    ({"context": 5}, "context"),
    ({"context": {1: 2}}, "context"),
    ({"parameters": 5}, "parameters"),
    ({"parameters": []}, "parameters"),
    ({"monitor": 5}, "monitor"),
    ({"fail_fast": None}, "failFast"),
    ({"notifications": 5}, "notifications"),
    ({"resources": 5}, "resources"),
    ({"resources": {"limits": {"cpu": -1}}}, "resources.limits.cpu"),
    ({"timeout": timedelta.max}, "timeout"),
    ({"timeout": "x"}, "timeout"),
    ({"error_handling": {"retryPolicy": {"maxRetries": "x"}}}, "errorHandling.retryPolicy.maxRetries"),
    ({"directory": 5}, "directory"),
    ({"bogus": 5}, "bogus"),
]


@pytest.mark.parametrize(("members", "path"), WORKFLOW, ids=[f"{n}-{path}" for n, (_, path) in enumerate(WORKFLOW)])
def test_a_member_of_a_workflow_is_of_its_kind(members: dict[str, Any], path: str) -> None:
    """The same of a workflow."""
    error = refused(lambda: Workflow(**({"name": "w"} | members)))
    assert [problem.path for problem in error.problems] == [path]


PARTS: list[tuple[Callable[[Any], object], Any, str]] = [
    (lambda value: Link(value, "b"), 5, "from"),
    (lambda value: Link("a", value), None, "to"),
    (lambda value: Link("a", value), "y" * 200_000, "to"),
    (lambda value: Link("a", "b", type=value), 5, "type"),
    (lambda value: Link("a", "b", type=value), "y" * 200_000, "type"),
    (lambda value: Link("a", "b", lag=value), "x", "lag"),
    (lambda value: AutoScaling(min_replicas=value, max_replicas=2), 3, "minReplicas"),
    (lambda value: AutoScaling(target_cpu=value), 101, "targetCPU"),
    (lambda value: RetryPolicy(backoff_multiplier=value), float("nan"), "backoffMultiplier"),
    (lambda value: RetryPolicy(jitter=value), float("nan"), "jitter"),
    (lambda value: Wait(until=value), datetime(2026, 1, 1), "until"),  # noqa: DTZ001 - that is what is refused
    (lambda value: Webhook(url=value), 5, "url"),
    (lambda value: Webhook(url="https://x", events=value), 5, "events"),
    (lambda value: Webhook(url="https://x", events=value), ["nope"], "events"),
    (lambda value: Notifications(alerts=value), [5], "alerts[0]"),
    (lambda value: Alert(condition=value), 5, "condition"),
    (lambda value: flow().step(value, id="q"), 5, ""),
    (lambda value: flow().step(body, id=value), 5, "id"),
    (lambda value: flow().step(body, id=value), "", "id"),
    *((lambda value: flow().step(body, id="c", inputs=value), value, "inputs") for value in (None, [], "x", {5: "a"})),
    *((lambda value: flow().step(body, id="c", after=value), value, "after") for value in (5, None)),
    (lambda value: flow().step(body, id="c", after=value), [5], ""),
    (lambda value: flow().step(body, id="c", inline=value), [], "inline"),
    (lambda value: flow().step(body, id="c", retry=value), "y" * 200_000, "c.retry"),
    (lambda value: flow().step(body, id="c", after=value), "y" * 200_000, "y" * 128 + "…"),
    (lambda value: flow().command(value, id="c"), 5, "command"),
    (lambda value: flow().command("x", id=value), 5, "id"),
    (lambda value: flow().add(value), 5, "step"),
    (lambda value: flow().link("a", "b", bogus=value), 1, "bogus"),
]


@pytest.mark.parametrize(
    ("make", "value", "path"), PARTS, ids=[f"{n}-{path[:12]}" for n, (*_, path) in enumerate(PARTS)]
)
def test_what_is_given_to_a_part_or_a_call_is_of_its_kind(make: Callable[[Any], object], value: Any, path: str) -> None:
    """Parts and calls refuse with a typed error too, and quote within bounds."""
    assert [problem.path for problem in refused(lambda: make(value)).problems] == [path]


def test_the_message_names_both_kinds() -> None:
    """What was expected, and what came."""
    (problem,) = refused(lambda: Step("a", name=5)).problems  # type: ignore[arg-type]

    assert problem.message == "expected a string, got the number 5"


def test_parallel_steps_are_there() -> None:
    """A workflow built in Python names as parallel only steps it has, as its document would."""
    made = Workflow("w", parallel=("nope",))

    (problem,) = refused(made.check).problems
    assert problem.path == "workflow.parallel[0]"


def test_documents_may_be_given_as_objects() -> None:
    """Where a document belongs, Python may give what it would be read from: camel case, milliseconds."""
    made = Workflow(
        "w",
        error_handling={"retryPolicy": {"maxRetries": 3, "initialDelay": 100}},
        retry_policy={"maxRetries": 2},
        debug={"logLevel": "info"},
        notifications={"alerts": [{"condition": "step.duration > 5"}]},
        steps=(
            Step(
                "a",
                cache={"key": "k", "ttl": 1500},
                gate={"approvers": ["x"]},
                wait={"for": 1000, "until": "2026-01-01T00:00:00Z"},
                command=["x"],
            ),
        ),
    )

    assert made.error_handling is not None
    assert made.error_handling.retry_policy == RetryPolicy(max_retries=3, initial_delay=0.1)
    assert made.retry_policy == RetryPolicy(max_retries=2)
    assert made.debug is not None
    assert made.debug.log_level == "info"
    assert made.notifications == Notifications(alerts=[Alert(condition="step.duration > 5")])
    assert made.steps[0].cache == Cache(key="k", ttl=1.5)
    assert made.steps[0].wait == Wait(for_=1, until=datetime(2026, 1, 1, tzinfo=UTC))
    assert Workflow.from_dict(made.to_dict()).steps == made.steps


def test_a_list_of_steps_is_not_shared() -> None:
    """What is added to a workflow is not added to the list it was made from."""
    steps = [Step("a", command="x")]
    made = Workflow("w", steps=steps)
    made.add(Step("b", command="x"))

    assert len(steps) == 1
    assert len(made.steps) == 2


def test_a_document_is_not_shared() -> None:
    """What a caller does to plain data afterwards does not reach the workflow, nor the other way round."""
    data: dict[str, Any] = {
        "workflow": {
            "name": "w",
            "steps": [{"id": "a", "environment": {"A": "1"}, "x-a": {"b": [1]}, "command": ["x"]}],
            "x-w": {"b": [1]},
        },
        "context": {"a": {"b": [1]}},
        "resources": {"a": {"cpu": 1}},
        "x-d": {"b": [1]},
    }
    made = Workflow.from_dict(data)
    before = made.to_json()
    data["context"]["a"]["b"].append(object())
    data["resources"]["a"]["cpu"] = -1
    data["x-d"]["b"].clear()
    data["workflow"]["x-w"]["b"].clear()
    data["workflow"]["steps"][0]["x-a"]["b"].clear()
    data["workflow"]["steps"][0]["environment"][5] = 5
    assert made.to_json() == before

    written: Any = made.to_dict()
    written["context"]["a"]["b"].clear()
    written["resources"]["a"]["cpu"] = -1
    written["workflow"]["x-w"]["b"].clear()
    assert made.to_json() == before


@pytest.mark.parametrize("switch", [True, False])
def test_notifications_of_a_context_may_be_a_switch(switch: bool) -> None:
    """``context.notifications`` is read as ``notifications`` is."""
    made = Workflow.from_dict({"workflow": {"name": "w", "steps": []}, "context": {"notifications": switch}})

    assert made.context == {"notifications": switch}
    assert made.unsupported() == (["context.notifications"] if switch else [])


@pytest.mark.parametrize("scaling", [{"minReplicas": 3, "maxReplicas": 2}, {"targetCPU": 101}])
def test_a_hint_of_scaling_makes_sense(scaling: dict[str, int]) -> None:
    """No fewer replicas at most than at least, and no more than all of a processor."""
    document = {"name": "w", "steps": [], "resources": {"limits": {"cpu": 1}, "autoScaling": scaling}}

    (problem,) = refused(lambda: Workflow.from_dict(document)).problems
    assert problem.path == f"resources.autoScaling.{next(iter(scaling))}"
