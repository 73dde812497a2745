"""What is read and kept but cannot be carried out yet: listed field by field, and never run."""

import json
from typing import Any

import pytest

from taskorch import UnsupportedFeature, Workflow
from taskorch.core.frontier.plan import Plan
from tests.core import d4
from tests.core.samples import flow_of, load, needs_shared, with_step

STEP: dict[str, Any] = {
    "resources": {"cpu": 1},
    "totalTimeout": 1000,
    "queueTimeout": 1000,
    "rollback": "undo",
    "cache": {"key": "k"},
    "map": "steps.b.output",
    "forEach": "xs",
    "gate": {},
    "wait": {"for": 5},
    "workflow": "other.json",
    "target": "db",
    "delivery": "at_most_once",
    "condition": "steps.b.output > 0",
}
FLOW: dict[str, Any] = {
    "resources": {"limits": {"cpu": 1}},
    "errorHandling.rollbackStrategy": "automatic",
    "errorHandling.circuitBreaker": {"enabled": True},
    "notifications": True,
    "notifications.channels": ["x"],
    "notifications.on_start": True,
    "notifications.webhooks": [{"url": "https://x"}],
    "notifications.alerts": [{"condition": "step.duration > 5"}],
}
BESIDE: dict[str, Any] = {
    "template": "t",
    "monitor": True,
    "context.resources": {"cpu": 1},
    "context.notifications": {"on_start": True},
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


@pytest.mark.parametrize(
    ("key", "value"), [("totalTimeout", 0), ("queueTimeout", 0)], ids=["total-timeout", "queue-timeout"]
)
def test_a_limit_of_nothing_is_a_limit(key: str, value: object) -> None:
    """A timeout of 0 is no absent timeout: it is listed like any other."""
    refused(Workflow.from_dict(with_step(**{key: value})), [f"steps[0].{key}"])


def test_a_secret_is_listed() -> None:
    """Secrets in an environment are listed; plain values are not."""
    document = with_step(environment={"A": "b", "KEY": {"secret": "NAME"}})

    refused(Workflow.from_dict(document), ["steps[0].environment.KEY"])


@pytest.mark.parametrize("type", ["start_to_start", "finish_to_finish", "start_to_finish"])
def test_a_typed_link_is_listed(type: str) -> None:
    """Links of another type than finish_to_start are listed."""
    refused(load("a", "b", links=(("a", "b", type),)), ["dependencies[0].type"])


def test_a_lag_is_listed() -> None:
    """A lag is listed, a lag of nothing is not."""
    document = flow_of("a", "b", "c", links=(("a", "b"), ("b", "c")))
    document["dependencies"][0]["lag"], document["dependencies"][1]["lag"] = 0, 5

    refused(Workflow.from_dict(document), ["dependencies[1].lag"])


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


def test_overlapping_in_sequential_mode_is_listed_where_it_is_asked_for() -> None:
    """``parallel`` matters in sequential mode only; the flag of a step is listed at the step."""
    refused(load("a", mode="sequential", parallel=["a"]), ["parallel"])
    flagged = flow_of("a", "b", mode="sequential")
    flagged["steps"][1]["parallel"] = True
    refused(Workflow.from_dict(flagged), ["steps[1].parallel"])


@pytest.mark.parametrize("members", HARMLESS, ids=lambda members: json.dumps(members)[:60])
def test_what_can_be_carried_out_is_not_listed(members: dict[str, Any]) -> None:
    """Nothing else keeps a workflow from being run, neither defaults nor switches that are off."""
    flow = Workflow.from_dict(flow_of("a") | members)

    assert flow.unsupported() == []
    Plan.of(flow)


def test_everything_is_listed_at_once() -> None:
    """All features are told together, in the order of steps, links and the rest."""
    document = flow_of("a", "b", links=(("a", "b", "start_to_start"),), notifications=True)
    document["steps"][0] |= {"gate": {}, "target": "db"}
    document["steps"][1] |= {"cache": {"key": "k"}}

    refused(
        Workflow.from_dict(document),
        ["steps[0].gate", "steps[0].target", "steps[1].cache", "dependencies[0].type", "notifications"],
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
        ("Machine Learning Pipeline: mlPipeline", ["resources"]),
        ("ETL Pipeline: executeWorkflow", ["notifications", "monitor"]),
        ("Environment Configuration", ["context.resources", "context.notifications"]),
        ("Error Handling and Recovery", ["errorHandling.rollbackStrategy", "errorHandling.circuitBreaker"]),
        ("Resource Management", ["resources"]),
        ("Notifications and Alerts", ["notifications.webhooks", "notifications.alerts"]),
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
