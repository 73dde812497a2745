"""What conditions and messages see of a run: steps that have ended, the step at hand, params, context, the workflow."""

from collections.abc import Mapping
from typing import Any

import pytest

from taskorch import Outcome
from taskorch.core.expressions import ALERTS, STEPS, parse
from taskorch.core.expressions.kinds import ABSENT
from taskorch.core.expressions.vocabulary import EACH, MESSAGES
from taskorch.core.run_data import RunView, milliseconds
from tests.core.stages import Stage


def seen(stage: Stage, step: str | None = None, now: int = 0) -> Any:
    """What there is to see of a run."""
    run = RunView(stage, params={"least": 2}, context={"env": "prod"}, id="run-1", name="nightly", began=1_000_000)
    return run.at(now, step)


def test_steps_are_seen_once_they_have_ended() -> None:
    """A step under way has an id and nothing else to others; one that is not there is absent."""
    stage = Stage()
    stage.start("count", 0)
    data = seen(stage)

    assert "count" in data["steps"]
    assert dict(data["steps"]["count"]) == {}
    stage.end("count", 2_500, output={"rows": 3})
    assert dict(data["steps"]["count"]) == {
        "output": {"rows": 3}, "status": "completed", "duration": 2.5, "attempts": 1,
    }  # fmt: skip
    assert data["steps"].get("nobody", ABSENT) is ABSENT


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.COMPLETED])
def test_the_output_of_what_did_not_complete_is_absent(outcome: Outcome) -> None:
    """Whatever a step that failed, was skipped, omitted or cancelled has left, its output is not there."""
    stage = Stage()
    stage.end("count", 5, outcome, output={"rows": 3})
    data = seen(stage)

    assert "output" not in data["steps"]["count"]
    for text in ("steps.count.output.rows > 0", "steps.count.output.rows != 3", '"rows" in steps.count.output'):
        assert not parse(text).is_met(stage.outcome_of, data)
    assert parse(f'steps.count.status == "{outcome}"').is_met(stage.outcome_of, data)


def test_an_output_is_read_once_and_only_if_it_is_asked_for() -> None:
    """To read an output back may cost much: conditions about other things do not."""
    stage = Stage()
    stage.end("count", 5, output={"rows": 3})
    run = RunView(stage)

    assert parse("steps.count.attempts < 3").is_met(stage.outcome_of, run.at(0))
    assert stage.read == 0
    assert all(parse("steps.count.output.rows > 0").is_met(stage.outcome_of, run.at(now)) for now in range(5))
    assert stage.read == 1


def test_the_step_at_hand() -> None:
    """A running step tells its attempt and what its body has taken until now, in milliseconds."""
    stage = Stage()
    stage.start("count", 1_000)
    running = seen(stage, "count", now=3_000)["step"]

    assert dict(running) == {
        "id": "count", "name": "The count", "status": "running", "duration": 2, "attempt": 1, "attempts": 1,
    }  # fmt: skip
    assert "step" not in seen(stage)
    assert dict(seen(stage, "other")["step"]) == {
        "id": "other", "name": "The other", "status": "running", "attempt": 0, "attempts": 0,
    }  # fmt: skip


def test_the_workflow_and_what_it_was_given() -> None:
    """The name, id, status and duration of the run; params and context are handed on as they are."""
    data = seen(Stage(), now=1_500_500)

    assert dict(data["workflow"]) == {"id": "run-1", "name": "nightly", "status": "running", "duration": 500.5}
    assert (data["params"], data["context"]) == ({"least": 2}, {"env": "prod"})
    assert set(data) == {"steps", "params", "context", "workflow"}


def test_the_data_has_what_the_vocabularies_promise() -> None:
    """Every field that a condition or message may name is there once everything is known, and no other."""
    stage = Stage()
    stage.start("count", 0)
    stage.end("count", 1, output=7)
    data = seen(stage, "count")

    for vocabulary in (ALERTS, STEPS, MESSAGES):
        for root, shape in vocabulary.roots.items():
            if isinstance(shape, Mapping):
                fields = shape.get(EACH, shape)
                found = data[root]["count"] if root == "steps" else data[root]
                assert isinstance(fields, Mapping)
                assert set(fields) <= set(found)


@pytest.mark.parametrize(("span", "expected"), [(None, None), (0, 0), (1, 0.001), (600_000_000, 600_000), (1500, 1.5)])
def test_spans_are_milliseconds(span: int | None, expected: float | None) -> None:
    """Whole milliseconds are ints, as documents write them."""
    found = milliseconds(span)

    assert found == expected
    assert type(found) is type(expected)


def test_alerts_ask_of_what_has_not_ended() -> None:
    """Where a step has not ended, no status function about it is true, on_complete neither."""
    stage = Stage()
    for name in ("on_success", "on_failure", "on_skip", "on_complete"):
        condition = parse(f"{name}(count)", ALERTS)
        assert not condition.is_met(stage.outcome_of)
    stage.end("count", 1)
    assert parse("on_complete(count)", ALERTS).is_met(stage.outcome_of)
