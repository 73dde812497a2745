"""D4's workflows: every block of the page is read, and written back as it was."""

import json
from datetime import timedelta
from typing import Any

import pytest

from taskorch import Workflow
from taskorch.core.settings import Pool
from tests.core import d4
from tests.core.samples import needs_shared, ordered, round_trips

BLOCKS = dict(d4.documents()) if d4.PAGE.exists() else {}
pytestmark = needs_shared


def flow(title: str) -> Workflow:
    """The workflow of one block."""
    return Workflow.from_dict(BLOCKS[title])


def test_no_block_of_the_page_is_left_out() -> None:
    """Every JSON and TypeScript block of D4 but its two result documents is among the documents tested here."""
    page = d4.PAGE.read_text(encoding="utf-8")
    fenced = page.count("```json") + page.count("```typescript")
    titles = {title.split(" (")[0].split(":")[0] for title in BLOCKS}

    assert fenced == 16
    assert len([block for _, block in d4.blocks() if block.keys() & d4.RESULTS]) == 2
    assert len(titles) == fenced - 2


@pytest.mark.parametrize("document", BLOCKS.values(), ids=BLOCKS)
def test_a_block_is_written_as_it_is_read(document: dict[str, Any]) -> None:
    """``from_dict`` and ``to_dict``, and the texts, give back every block, key by key in its order."""
    round_trips(document)
    text = json.dumps(document, indent=2, ensure_ascii=False)
    assert Workflow.from_json(text).to_json() == text
    assert ordered(Workflow.from_json(text).to_dict()) == ordered(document)


@pytest.mark.parametrize("title", [title for title, block in BLOCKS.items() if "template" not in block])
def test_a_block_is_a_sound_workflow(title: str) -> None:
    """Every workflow of D4 passes its check, and has stages and a critical path."""
    made = flow(title)
    made.check()

    assert sorted(id for stage in made.stages() for id in stage) == sorted(step.id for step in made.steps)
    assert made.critical_path().duration == timedelta(0)


def test_the_sequential_example() -> None:
    """D4's first example: durations in milliseconds, the context beside the workflow, three stages."""
    made = flow("Simple Sequential Workflow")

    assert (made.name, made.timeout) == ("Data Processing Pipeline", timedelta(minutes=20))
    assert made.context == {"environment": "production", "priority": "high"}
    assert made.steps[0].timeout == timedelta(minutes=5)
    assert made.steps[0].argv == ("python", "extract.py")
    assert made.stages() == (("extract",), ("transform",), ("load",))


def test_the_parallel_examples() -> None:
    """Steps without a link between them stand in one stage."""
    assert flow("Parallel Workflow").stages() == (("build_frontend", "build_backend"), ("deploy",))
    assert flow("Microservices Deployment: deploymentWorkflow").stages() == (
        ("build_api", "build_worker", "build_queue"),
        ("deploy_api", "deploy_worker"),
        ("health_check",),
    )


def test_the_example_without_dependencies() -> None:
    """D4's CI/CD example has no list of dependencies: its conditions make the order."""
    stages = flow("Complex Workflow with Conditions").stages()

    assert stages == tuple(
        (id,) for id in ("test", "security_scan", "deploy_staging", "integration_tests", "deploy_production")
    )


def test_the_step_definition() -> None:
    """D4's step: 3 retries are 4 attempts, the delay is 5 s, the rest is as written."""
    step = flow("Step Definition").steps[1]
    retry = step.retry(None)

    assert (retry.max_attempts, retry.initial, retry.delay(1), retry.delay(2)) == (4, 5.0, 5.0, 5.0)
    assert step.environment == {"VAR1": "value1", "VAR2": "value2"}
    assert (step.working_directory, step.title) == ("/path/to/working/dir", "Human-readable name")


def test_the_error_handling() -> None:
    """D4's policy: three retries after 1, 2 and 4 s, never more than 5 minutes, for steps without their own."""
    handling = flow("Error Handling and Recovery").error_handling
    assert handling is not None
    assert handling.circuit_breaker is not None
    retry = flow("Error Handling and Recovery").steps[0].retry(handling.retry_policy)

    assert [retry.delay(attempt) for attempt in (1, 2, 3, 20)] == [1, 2, 4, 300]
    assert (retry.max_attempts, handling.rollback_strategy) == (4, "automatic")
    assert handling.circuit_breaker.timeout == timedelta(minutes=10)


def test_the_resources() -> None:
    """D4 shows both forms: the pool of the run, and amounts by step."""
    pool, steps = flow("Resource Management").resources, flow("Machine Learning Pipeline: mlPipeline").resources

    assert isinstance(pool, Pool)
    assert (pool.limits["memory"], pool.requests["cpu"]) == ("8Gi", "2")
    assert pool.auto_scaling is not None
    assert pool.auto_scaling.target_cpu == 70
    assert steps == {"train": {"gpu": True, "memory": "16Gi"}, "evaluate": {"cpu": "4", "memory": "8Gi"}}


def test_the_options_of_execute_workflow() -> None:
    """``monitor``, ``notifications`` and ``retryPolicy`` beside a workflow are its own."""
    made = flow("ETL Pipeline: executeWorkflow")

    assert (made.monitor, made.notifications) == (True, True)
    assert made.retry_policy is not None
    assert made.steps[0].retry(made.retry_policy).max_attempts == 4


def test_the_template() -> None:
    """A reference to a template has no steps of its own."""
    made = flow("Workflow Templates")

    assert (made.template, made.parameters["branch"], made.steps) == ("ci-cd-pipeline", "main", [])
