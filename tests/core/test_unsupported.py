"""What is read and kept but cannot be carried out yet: listed field by field, and never run."""

import json
from typing import Any

import pytest

from taskorch import InvalidWorkflow, UnsupportedFeature, Workflow
from taskorch.core.frontier.plan import Plan
from tests.core import d4
from tests.core.samples import flow_of, needs_shared, with_step

STEP: dict[str, Any] = {
    "rollback": "undo",
    "cache": {"key": "k"},
    "map": "steps.b.output",
    "forEach": "xs",
    "gate": {},
    "wait": {"for": 5},
    "workflow": "other.json",
    "delivery": "at_most_once",
}
FLOW: dict[str, Any] = {
    "errorHandling.rollbackStrategy": "automatic",
    "notifications": True,
    "notifications.channels": ["x"],
    "notifications.on_start": True,
    "notifications.webhooks": [{"url": "https://x"}],
}
BESIDE: dict[str, Any] = {
    "template": "t",
    "monitor": True,
    "context.notifications.on_start": True,
    "context.notifications.channels": ["x"],
    "context.notifications.webhooks": [{"url": "https://x"}],
}
HARMLESS: list[dict[str, Any]] = [
    {},
    {"steps": [{"id": "a", "command": "x", "allowFailure": True, "estimatedDuration": 5, "assignedTo": "ann"}]},
    {"steps": [{"id": "a", "command": "x", "delivery": "at_least_once", "output": "json", "retries": 3, "timeout": 5}]},
    {"steps": [{"id": "a", "command": "x", "environment": {"A": "b"}, "workingDirectory": "d", "retryDelay": 5}]},
    {"steps": [{"id": "a", "command": "x", "parallel": True}], "parallel": ["a"]},
    {"mode": "sequential"},
    {"mode": "sequential", "steps": [{"id": "a", "command": "x", "parallel": False}]},
    {"failFast": True, "timeout": 5, "context": {"any": 1}, "parameters": {"x": 1}},
    {"errorHandling": {"rollbackStrategy": "none", "circuitBreaker": {"enabled": False}, "retryPolicy": {}}},
    {"notifications": False},
    {"notifications": {"on_start": False, "channels": []}},
    {"debug": {"enabled": True, "logLevel": "verbose", "captureOutputs": True, "traceDependencies": True}},
    {"debug": {"enabled": False}, "monitor": False, "retryPolicy": {"maxRetries": 2, "jitter": 0.5}},
    {"resources": {}, "x-a": {"gate": 1}},
    {
        "steps": [
            {"id": "a", "command": "x", "totalTimeout": 0, "queueTimeout": 0, "target": "db", "resources": {"cpu": 1}}
        ]
    },
    {"steps": [{"id": "a", "command": "x", "condition": "params.x > 0"}], "parameters": {"x": 1}},
    {"parallel": ["a"], "mode": "sequential", "steps": [{"id": "a", "command": "x", "parallel": True}]},
    {"resources": {"limits": {"cpu": 1}}, "context": {"resources": {"memory": "1Gi"}}},
    {"errorHandling": {"circuitBreaker": {"enabled": True}}},
    {"notifications": {"alerts": [{"condition": "step.duration > 5"}]}},
    {"context": {"notifications": {"alerts": [{"condition": "on_failure(a)"}], "on_start": False}}},
]


def nested(path: str, value: object) -> dict[str, Any]:
    """The object in which *value* stands at a path."""
    for key in reversed(path.split(".")):
        value = {key: value}
    assert isinstance(value, dict)
    return value


def refused(flow: Workflow, features: list[str]) -> None:
    """Assert that exactly these features are listed, and that running the workflow is refused naming them."""
    assert flow.unsupported() == features
    with pytest.raises(UnsupportedFeature) as caught:
        Plan.of(flow)
    assert caught.value.features == tuple(features)
    assert all(feature in str(caught.value) for feature in features)


@pytest.mark.parametrize(("key", "value"), STEP.items(), ids=STEP)
def test_a_member_of_a_step_is_listed(key: str, value: object) -> None:
    """Each member of a step that cannot be carried out is listed by its path, alone, in both forms."""
    document = flow_of("a", "b")
    document["steps"][0][key] = value

    refused(Workflow.from_dict(document), [f"steps[0].{key}"])
    refused(Workflow.from_dict({"workflow": document}), [f"workflow.steps[0].{key}"])


def test_a_secret_is_listed() -> None:
    """Secrets in an environment are listed; plain values are not."""
    document = with_step(environment={"A": "b", "KEY": {"secret": "NAME"}})

    refused(Workflow.from_dict(document), ["steps[0].environment.KEY"])


@pytest.mark.parametrize("type", ["start_to_start", "finish_to_finish", "start_to_finish"])
def test_no_link_is_listed(type: str) -> None:
    """Links of every type are carried out, and so are lags."""
    document = flow_of("a", "b", links=(("a", "b", type),))
    document["dependencies"][0]["lag"] = 5

    assert Workflow.from_dict(document).unsupported() == []


@pytest.mark.parametrize(("path", "value"), FLOW.items(), ids=FLOW)
def test_a_member_of_a_workflow_is_listed(path: str, value: object) -> None:
    """Each member of the workflow that cannot be carried out is listed where it stands: inside or beside."""
    member = nested(path, value)

    refused(Workflow.from_dict(flow_of("a") | member), [path])
    refused(Workflow.from_dict({"workflow": flow_of("a") | member}), [f"workflow.{path}"])
    refused(Workflow.from_dict({"workflow": flow_of("a")} | member), [path])


@pytest.mark.parametrize(("path", "value"), BESIDE.items(), ids=BESIDE)
def test_a_member_beside_a_workflow_is_listed(path: str, value: object) -> None:
    """Each member beside the workflow that cannot be carried out is listed."""
    refused(Workflow.from_dict({"workflow": flow_of("a")} | nested(path, value)), [path])


def test_the_context_of_a_workflow_built_in_python_is_checked() -> None:
    """Notifications in a context that are none are refused before anything is listed, as in a document."""
    flow = Workflow("w", context={"notifications": {"alerts": [{"condition": "step.duration >"}]}})
    flow.command("true", id="a")

    with pytest.raises(InvalidWorkflow) as caught:
        flow.check()
    assert [problem.path for problem in caught.value.problems] == ["context.notifications.alerts[0].condition"]


@pytest.mark.parametrize("members", HARMLESS, ids=lambda members: json.dumps(members)[:60])
def test_what_can_be_carried_out_is_not_listed(members: dict[str, Any]) -> None:
    """Nothing else keeps a workflow from being run, neither defaults nor switches that are off."""
    flow = Workflow.from_dict(flow_of("a") | members)

    assert flow.unsupported() == []
    Plan.of(flow)


def test_everything_is_listed_at_once() -> None:
    """All features are told together, in the order of steps and the rest."""
    document = flow_of("a", "b", links=(("a", "b"),), notifications=True)
    document["steps"][0] |= {"gate": {}, "delivery": "at_most_once"}
    document["steps"][1] |= {"cache": {"key": "k"}}

    refused(
        Workflow.from_dict(document),
        ["steps[0].gate", "steps[0].delivery", "steps[1].cache", "notifications"],
    )


@needs_shared
@pytest.mark.parametrize(
    ("title", "features"),
    [
        ("Simple Sequential Workflow", []),
        ("Parallel Workflow", []),
        ("Complex Workflow with Conditions", []),
        ("Step Definition", []),
        ("ETL Pipeline: etlWorkflow", []),
        ("Microservices Deployment: deploymentWorkflow", []),
        ("Machine Learning Pipeline: mlPipeline", []),
        ("ETL Pipeline: executeWorkflow", ["notifications", "monitor"]),
        (
            "Environment Configuration",
            [f"context.notifications.{key}" for key in ("channels", "on_start", "on_completion", "on_failure")],
        ),
        ("Error Handling and Recovery", ["errorHandling.rollbackStrategy"]),
        ("Resource Management", []),
        ("Notifications and Alerts", ["notifications.webhooks"]),
        ("Debug Mode", []),
        ("Workflow Templates", ["template"]),
    ],
)
def test_the_blocks_of_the_documents_that_can_run(title: str, features: list[str]) -> None:
    """D4's plain workflows can be run; the others name what they need."""
    flow = Workflow.from_dict(dict(d4.documents())[title])

    assert flow.unsupported() == features
    if not features:
        Plan.of(flow)
