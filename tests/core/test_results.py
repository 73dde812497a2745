"""The result of a run: figures from facts, and D4's document."""

import pickle
from datetime import UTC, datetime
from typing import Any

import pytest

from taskorch import MissingOutput, Outcome, RunFailed
from tests.core import d4
from tests.core.runs import Driver
from tests.core.samples import flow_of, needs_shared

KEYS = ["success", "workflowId", "name", "status", "steps", "metrics", "metadata"]
STEP_KEYS = ["id", "name", "status", "startTime", "endTime", "duration", "output", "error"]
METRICS = ["totalSteps", "completedSteps", "failedSteps", "totalDuration", "parallelEfficiency"]
METADATA = ["startTime", "endTime", "timestamp"]


def in_order(keys: list[str], found: dict[str, Any]) -> bool:
    """Whether these keys are there, in this order, whatever else is."""
    return [key for key in found if key in keys] == keys


def spans(*bodies: tuple[float, float]) -> Driver:
    """A run whose bodies ran from so many seconds to so many."""
    run = Driver(flow_of(*(f"s{number}" for number in range(len(bodies)))))
    changes = [(start, 1, number) for number, (start, _) in enumerate(bodies)]
    changes += [(end, 0 if end > bodies[number][0] else 2, number) for number, (_, end) in enumerate(bodies)]
    ids: dict[int, str] = {}
    for at, kind, number in sorted(changes):
        if kind == 1:
            ids[number] = run.take(at) or ""
        else:
            run.complete(ids[number], at)
    assert run.frontier.open == 0
    return run


@pytest.mark.parametrize(
    ("bodies", "makespan", "total", "most", "efficiency"),
    [
        ([], 0, 0, 0, None),
        ([], 5, 0, 0, None),
        ([(0, 10)], 10, 10, 1, 1.0),
        ([(0, 10), (10, 20)], 20, 20, 1, 1.0),
        ([(0, 10), (0, 10)], 10, 20, 2, 1.0),
        ([(0, 10), (5, 10)], 10, 15, 2, 0.75),
        ([(0, 4), (3, 8), (3.5, 10)], 10, 15.5, 3, 15.5 / 30),
        ([(2, 4)], 10, 2, 1, 0.2),
        ([(1, 1)], 10, 0, 1, 0.0),
        ([(0, 0), (0, 0)], 0, 0, 2, None),
    ],
)
def test_the_figures_of_a_run(
    bodies: list[tuple[float, float]], makespan: float, total: float, most: int, efficiency: float | None
) -> None:
    """Efficiency is body time over makespan times the most bodies at once, or null where that is no number.

    A body that begins as another ends does not overlap it.
    """
    metrics = spans(*bodies).result(makespan).metrics

    assert (metrics.total_duration, metrics.makespan) == pytest.approx((total, makespan))
    assert metrics.most_at_once == most
    assert metrics.parallel_efficiency == (None if efficiency is None else pytest.approx(efficiency))


def test_back_off_is_no_body_time() -> None:
    """The duration of a step is the time in its body over all attempts; waits between them do not count."""
    document = flow_of("a")
    document["steps"][0] |= {"retries": 1, "retryDelay": 10_000}
    run = Driver(document)
    run.take(1)
    run.fail("a", 3)
    run.due(13)
    run.take(13)
    run.complete("a", 14, "out")
    step = run.result(20).steps["a"]

    assert (step.duration, step.attempts) == (3.0, 2)
    assert (step.started_at, step.ended_at) == (_at(1), _at(14))
    assert (run.result(20).metrics.total_duration, run.result(20).metrics.makespan) == (3.0, 20.0)


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def mixed() -> Driver:
    """A run with a step of every outcome but cancelled."""
    document = flow_of("ok", "bad", "after", "never", links=(("bad", "after"),))
    document["steps"][0]["name"] = "Well"
    document["steps"][3]["condition"] = "not always"
    run = Driver(document)
    run.take_all(1)
    run.complete("ok", 2, {"rows": 5})
    run.fail("bad", 3.5, KeyError("x"))
    return run


def test_the_document_of_a_result() -> None:
    """D4's document: its keys in its order, times in ms, and our outcome words."""
    assert mixed().result(4).to_dict() == {
        "success": False,
        "workflowId": "R-1",
        "name": "w",
        "status": "failed",
        "steps": [
            _step("ok", "completed", 1, 2, output={"rows": 5}) | {"name": "Well"},
            _step("bad", "failed", 1, 3.5, error={"type": "KeyError", "message": "'x'"}) | {"reason": "exhausted"},
            _step("after", "omitted") | {"reason": "omitted"},
            _step("never", "skipped") | {"reason": "skipped"},
        ],
        "metrics": {
            "totalSteps": 4, "completedSteps": 1, "failedSteps": 1, "skippedSteps": 1, "omittedSteps": 1,
            "cancelledSteps": 0, "totalDuration": 3500, "makespan": 4000, "parallelEfficiency": 0.4375,
        },
        "metadata": {
            "startTime": "1970-01-01T00:00:00Z", "endTime": "1970-01-01T00:00:04Z", "timestamp": "1970-01-01T00:00:04Z",
        },
    }  # fmt: skip


def _step(
    id: str, status: str, start: float | None = None, end: float | None = None, *, output: Any = None, error: Any = None
) -> dict[str, Any]:
    def text(at: float | None) -> str | None:
        return None if at is None else f"1970-01-01T00:00:0{at:g}Z"

    return {
        "id": id,
        "name": id,
        "status": status,
        "startTime": text(start),
        "endTime": text(end),
        "duration": 0 if start is None or end is None else round((end - start) * 1000),
        "output": output,
        "error": error,
        "attempts": 0 if start is None else 1,
    }


def test_the_keys_stand_in_the_order_of_the_documents() -> None:
    """What we add stands among D4's keys without changing their order."""
    found = mixed().result(4).to_dict()

    assert list(found) == KEYS
    assert in_order(STEP_KEYS, found["steps"][0])
    assert in_order(METRICS, found["metrics"])
    assert list(found["metadata"]) == METADATA


@needs_shared
def test_the_order_is_that_of_the_page() -> None:
    """The keys that these tests call D4's are those of D4's result document."""
    (page,) = [block for title, block in d4.blocks() if title == "Workflow Execution Results"]

    assert [list(page), list(page["steps"][0]), list(page["metrics"]), list(page["metadata"])] == [
        KEYS, STEP_KEYS, METRICS, METADATA,
    ]  # fmt: skip


def test_the_example_of_the_documents() -> None:
    """Two bodies of 5 and 10 minutes, one after the other, make a total duration of 900,000 ms."""
    metrics = spans((0, 300), (300, 900)).result(1080).to_dict()["metrics"]

    assert (metrics["totalDuration"], metrics["makespan"]) == (900_000, 1_080_000)


def test_a_failed_run_raises_with_every_failure() -> None:
    """``check`` gives the result of a run that completed, and raises ``RunFailed`` for one that did not."""
    good = spans((0, 1)).result(1)
    assert good.check() is good
    with pytest.raises(RunFailed) as caught:
        mixed().result(4).check()
    assert caught.value.failures == (("bad", "KeyError: 'x'"),)


def test_outputs_are_asked_for_by_id() -> None:
    """``result[id]`` is the output of a step that completed; otherwise it is missing."""
    result = mixed().result(4)

    assert result["ok"] == {"rows": 5}
    assert result.outputs == {"ok": {"rows": 5}}
    with pytest.raises(MissingOutput):
        result["bad"]
    with pytest.raises(KeyError):
        result["nope"]


def test_an_allowed_failure_fails_no_run() -> None:
    """The step has failed, the run has completed."""
    document = flow_of("a")
    document["steps"][0]["allowFailure"] = True
    run = Driver(document)
    run.take()
    run.fail("a")
    result = run.result(1)

    assert (result.success, result.status, result.steps["a"].status) == (True, Outcome.COMPLETED, Outcome.FAILED)


def test_a_result_explains_its_steps() -> None:
    """Item 9, explanations: a result says why each step ran or did not; so does its copy in another process."""
    run = Driver(flow_of("a", "b", links=(("a", "b"),)))
    run.take()
    run.fail("a", 1)
    result = run.result(1)

    for found in (result, pickle.loads(pickle.dumps(result))):
        assert found.explain("b").reason == "a link was not met: a ended as failed (finish_to_start, success)"
        assert found.explain("a").causes[0].code == "exhausted"
        with pytest.raises(KeyError):
            found.explain("nope")
