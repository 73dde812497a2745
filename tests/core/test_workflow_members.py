"""Every member a workflow, a step or a link may have: read, checked and written back where it was found."""

from typing import Any

import pytest

from taskorch import Workflow
from tests.core.samples import flow_of, problems, round_trips, with_step

STEP_MEMBERS: dict[str, tuple[list[Any], list[Any]]] = {
    "name": (["x", ""], [1, []]),
    "description": (["x"], [1]),
    "command": ([["python", "-c", "x; y"], "a 'b c'", ["{params.x}"]], ["", "a 'b", [], [1], 5, {}]),
    "timeout": ([1, 300_000, 0.5, 80000.0], [-1, "5", True, 10**20, [1]]),
    "retries": ([0, 3], [-1, 1.5, "3", True]),
    "retryDelay": ([0, 5000], [-1, "1"]),
    "environment": ([{"A": "b"}, {"A": {"secret": "NAME"}}], [{"A": 1}, {"A B": "x"}, {"A": {"secret": 1}}, []]),
    "workingDirectory": (["a/b", "/a"], ["", 1]),
    "condition": (["always", "steps.b.output.rows > 0"], ["", "nope(a)", 1]),
    "parallel": ([True, False], ["true", 1]),
    "resources": ([{"cpu": "500m", "gpu": True, "licences": 2}], [{"cpu": "much"}, [], {"cpu": -1}, {"cpu": None}]),
    "allowFailure": ([True, False], [1, "yes", None]),
    "estimatedDuration": ([0, 1000, 0.001], [-1, "1"]),
    "totalTimeout": ([1000], [-1, "1"]),
    "queueTimeout": ([1000], [-1, "1"]),
    "delivery": (["at_least_once", "at_most_once"], ["exactly_once", 1]),
    "rollback": (
        ["undo it", ["undo", "it"], {"id": "undo", "command": "undo it", "timeout": 5}],
        ["", "a 'b", 1, {"id": 5}],
    ),
    "cache": ([{"key": "k"}, {"key": "k", "ttl": 1000}], [{}, {"key": ""}, {"key": "k", "ttl": -1}, "k"]),
    "map": (["steps.b.output.files"], ["", 5, "for x in y"]),
    "forEach": (["environments"], ["", ["a"]]),
    "gate": (
        [{}, {"approvers": ["ann", "bob"], "quorum": 2, "expires": 86_400_000}],
        [{"approvers": "ann"}, {"quorum": 0}, {"expires": -1}, True, {"approver": ["ann"]}],
    ),
    "wait": (
        [{"for": 1000}, {"until": "2026-01-01T00:00:00Z"}, {"signal": "go"}],
        [{"for": -1}, {"until": "2026-01-01T00:00:00"}, {"until": 5}, {"signal": ""}, {"til": 1}, 5],
    ),
    "workflow": (["other.json", flow_of("inner")], ["", 5, {"name": "w", "steps": [{"id": ""}]}]),
    "assignedTo": (["ann"], [1, ["ann"]]),
    "output": (["text", "json", "none"], ["xml", 1]),
    "target": (["db"], ["", 1]),
}
LINK_MEMBERS: dict[str, tuple[list[Any], list[Any]]] = {
    "type": (
        ["finish_to_start", "start_to_start", "finish_to_finish", "start_to_finish"],
        ["finish-to-start", "FS", None, 1],
    ),
    "condition": (["success", "failure", "always"], ["succes", None, "on_success(a)"]),
    "lag": ([0, 5000, 0.5], [-1, "5", True]),
}
FLOW_MEMBERS: dict[str, tuple[list[Any], list[Any]]] = {
    "timeout": ([1_200_000], [-1, "1"]),
    "mode": (["parallel", "sequential"], ["serial", 1]),
    "parallel": ([["a"], []], ["a", [1], ["nope"]]),
    "failFast": ([True, False], [1, "true", None]),
    "errorHandling": (
        [{}, {"rollbackStrategy": "manual"}, {"retryPolicy": {"jitter": 0.5, "initialDelay": 5, "maxRetries": 0}}],
        [
            {"rollbackStrategy": "maybe"},
            {"retryPolicy": {"maxRetries": -1}},
            {"retryPolicy": {"backoffMultiplier": 0.5}},
            {"retryPolicy": {"jitter": 2}},
            {"circuitBreaker": {"failureThreshold": 0}},
            {"circuitBreaker": {"enabled": "yes"}},
            [],
        ],
    ),
    "resources": (
        [{}, {"limits": {"cpu": 4}}, {"requests": {"cpu": "1"}}, {"autoScaling": {"enabled": False}}, {"a": {"x": 1}}],
        [{"limits": {"cpu": "x"}}, {"a": {"cpu": "x"}}, {"a": 5}, {"b": {}}, [], {"autoScaling": {"minReplicas": -1}}],
    ),
    "notifications": (
        [True, False, {}, {"on_start": True, "channels": ["email"]}, {"alerts": [{"condition": "step.duration > 5"}]}],
        [
            1,
            {"webhooks": [{"url": "ftp://x"}]},
            {"webhooks": [{}]},
            {"webhooks": [{"url": "https://x", "events": ["finish"]}]},
            {"alerts": [{"condition": "step.duration >"}]},
            {"alerts": [{}]},
            {"onStart": True},
        ],
    ),
}
BESIDE: dict[str, tuple[list[Any], list[Any]]] = {
    "context": (
        [{}, {"any": [1]}, {"resources": {"cpu": "2"}}, {"notifications": {"on_start": True}}],
        [[], "x", {"resources": {"cpu": "x"}}, {"resources": 5}, {"notifications": {"on_strat": True}}],
    ),
    "parameters": ([{"x": [1, None]}], [[], 1]),
    "debug": (
        [{}, {"enabled": False, "logLevel": "verbose"}],
        [{"logLevel": "loud"}, {"enabled": 1}, {"captureOutput": True}],
    ),
    "monitor": ([True, False], [1, {}]),
    "retryPolicy": ([{"maxRetries": 3}], [{"retries": 3}, 3]),
    "template": (["t"], ["", 5]),
}


def cases(members: dict[str, tuple[list[Any], list[Any]]], which: int) -> list[Any]:
    """Each member with each of its values."""
    return [
        pytest.param(key, value, id=f"{key}-{i}") for key, row in members.items() for i, value in enumerate(row[which])
    ]


@pytest.mark.parametrize(("key", "value"), cases(STEP_MEMBERS, 0))
def test_a_member_of_a_step_round_trips(key: str, value: object) -> None:
    """Every member of design §5 is read and written back as it was, first or last among the keys."""
    document = flow_of("b", "a")
    document["steps"][1] = {"id": "a", "command": "true", key: value}
    round_trips(document)
    document["steps"][1] = {key: value, "id": "a"}
    round_trips(document)


@pytest.mark.parametrize(("key", "value"), cases(STEP_MEMBERS, 1))
def test_a_bad_member_of_a_step_is_refused_at_its_path(key: str, value: object) -> None:
    """A wrong value of a step's member is refused, and only there."""
    found = problems(Workflow.from_dict, with_step(**{key: value}))

    assert found
    assert all(path.startswith(f"steps[0].{key}") for path in found)


@pytest.mark.parametrize(("key", "value"), cases(LINK_MEMBERS, 0))
def test_a_member_of_a_link_round_trips(key: str, value: object) -> None:
    """Type, condition and lag of a link are written back as they were."""
    round_trips(flow_of("a", "b") | {"dependencies": [{key: value, "from": "a", "to": "b", "x-why": None}]})


@pytest.mark.parametrize(("key", "value"), cases(LINK_MEMBERS, 1))
def test_a_bad_member_of_a_link_is_refused_at_its_path(key: str, value: object) -> None:
    """A wrong value of a link's member is refused, and only there."""
    document = flow_of("a", "b") | {"dependencies": [{"from": "a", "to": "b", key: value}]}

    assert [*problems(Workflow.from_dict, document)] == [f"dependencies[0].{key}"]


@pytest.mark.parametrize(("key", "value"), cases(FLOW_MEMBERS, 0))
def test_a_member_of_a_workflow_round_trips(key: str, value: object) -> None:
    """Every member is written back inside the workflow, in both forms of the document."""
    round_trips(flow_of("a", **{key: value}))
    round_trips({"x-a": 1, "workflow": {key: value} | flow_of("a"), "context": {}})


@pytest.mark.parametrize(("key", "value"), cases(FLOW_MEMBERS, 1))
def test_a_bad_member_of_a_workflow_is_refused_at_its_path(key: str, value: object) -> None:
    """A wrong value is refused with its path in the form of the document at hand."""
    bare = problems(Workflow.from_dict, flow_of("a", **{key: value}))
    inside = problems(Workflow.from_dict, {"workflow": flow_of("a", **{key: value})})

    assert bare
    assert all(path.startswith(key) for path in bare)
    assert inside == {f"workflow.{path}": message for path, message in bare.items()}


@pytest.mark.parametrize(("key", "value"), cases(BESIDE, 0))
def test_a_member_beside_a_workflow_round_trips(key: str, value: object) -> None:
    """What stands beside ``workflow`` is written there, before or after it as it was."""
    round_trips({key: value, "workflow": flow_of("a")})
    round_trips({"workflow": flow_of("a"), "x-b": [], key: value})


@pytest.mark.parametrize(("key", "value"), cases(BESIDE, 1))
def test_a_bad_member_beside_a_workflow_is_refused_at_its_path(key: str, value: object) -> None:
    """A wrong value beside the workflow is refused at its own path."""
    found = problems(Workflow.from_dict, {"workflow": flow_of("a"), key: value})

    assert found
    assert all(path.startswith(key) for path in found)
