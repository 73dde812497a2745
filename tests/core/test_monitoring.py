"""The monitoring document (issue 4, item 7; D4, "Monitoring Results")."""

from typing import Any

import pytest

from taskorch import State
from taskorch.core.monitoring import Told, Usage, monitored
from tests.core.d4 import blocks
from tests.core.runs import SECOND, Driver
from tests.core.samples import flow_of, needs_shared

CHAIN = [{"from": a, "to": b} for a, b in ("ab", "bc", "cd", "de")]
MINUTE = 60.0


def chain(**step: Any) -> Driver:
    """A run of a → b → c → d → e; what is given is said of step c."""
    document = flow_of(*"abcde", dependencies=CHAIN)
    document["steps"][2] |= step
    document["steps"][2]["name"] = "Transform Data"
    run = Driver(document)
    for id, at in (("a", 10), ("b", 20)):
        run.take(at - 10)
        run.complete(id, at)
    run.take(20)
    return run


def status(run: Driver, at: float = 80, told: dict[int, Told] | None = None, **options: Any) -> dict[str, Any]:
    """The document of a run at a second."""
    options = {"state": State.IN_PROGRESS, "usage": Usage(), **options}
    return monitored(
        run.frontier, run_id="workflow-12345", started_at=0, now=round(at * SECOND), told=told or {}, **options
    )


def shape(data: Any) -> Any:
    """The keys of a document, in order, and the kinds of its values; of lists the first item."""
    if isinstance(data, dict):
        return {key: shape(value) for key, value in data.items()}, list(data)
    return [shape(item) for item in data[:1]] if isinstance(data, list) else type(data)


@needs_shared
def test_it_is_the_document_of_d4() -> None:
    """In the situation of D4's example the document has its keys, their order, and its kinds of values."""
    [example] = [block for title, block in blocks() if title == "Monitoring Results"]
    told = {2: Told(75.4, "Processing batch 3 of 4", "1000 records/second")}
    found = status(chain(), told=told, usage=Usage(cpu=44.6, memory=60.2))

    assert shape(found) == shape(example)
    assert {**found, "activeSteps": None, "nextSteps": None} == {**example, "activeSteps": None, "nextSteps": None}
    assert found["activeSteps"][0]["progress"] == example["activeSteps"][0]["progress"]
    assert [step["id"] for step in found["nextSteps"]] == ["d"]


def test_what_is_not_known_is_null() -> None:
    """Without reports, estimates and measures the places stay, and hold null."""
    found = status(chain(), at=20)

    assert found["activeSteps"][0]["progress"] == {"percentage": None, "currentTask": None}
    assert found["nextSteps"] == [{"id": "d", "name": "d", "estimatedStart": None}]
    assert found["metrics"] == {"throughput": "0.1 steps/second", "cpuUsage": None, "memoryUsage": None}
    assert status(chain(), at=0)["metrics"]["throughput"] == "0.1 steps/second"  # its clock is not behind its facts


@pytest.mark.parametrize(
    ("step", "told", "starts"),
    [
        ({"estimatedDuration": 100_000}, None, "1970-01-01T00:02:00Z"),
        ({"estimatedDuration": 30_000}, None, "1970-01-01T00:01:20Z"),  # it is late already: now
        ({}, Told(50, ""), "1970-01-01T00:02:20Z"),
        ({"estimatedDuration": 100_000}, Told(50, ""), "1970-01-01T00:02:20Z"),
        ({"estimatedDuration": 100_000}, Told(0, ""), "1970-01-01T00:02:00Z"),
        ({}, Told(100, ""), "1970-01-01T00:01:20Z"),
        ({}, Told(float("nan"), ""), None),
    ],
)
def test_the_next_start_is_estimated(step: dict[str, Any], told: Told | None, starts: str | None) -> None:
    """From what the running body has told, else from its estimate, else it is not known."""
    found = status(chain(**step), told={} if told is None else {2: told})

    assert found["nextSteps"][0]["estimatedStart"] == starts


@pytest.mark.parametrize(
    ("percent", "shown"), [(-5, 0), (0, 0), (99.9, 99), (250, 100), (float("nan"), None), ("half", None), (True, None)]
)
def test_percentages_are_whole(percent: Any, shown: int | None) -> None:
    """Whatever a body tells, a percentage is an integer from 0 to 100, or null."""
    found = status(chain(), told={2: Told(percent, "")})

    assert found["activeSteps"][0]["progress"]["percentage"] == shown


def test_a_ready_step_may_start_now_and_a_retry_when_it_is_due() -> None:
    """A step that waits for a place could start now, one that is tried again at its time; the earliest comes first."""
    document = flow_of("shaky", "waits", "last", dependencies=[{"from": "shaky", "to": "last"}])
    document["steps"][0] |= {"retries": 1, "retryDelay": 60_000}
    run = Driver(document, total=1)
    run.take(0)
    run.fail("shaky", 10)
    found = status(run, at=15)

    assert [(step["id"], step["estimatedStart"]) for step in found["nextSteps"]] == [
        ("waits", "1970-01-01T00:00:15Z"),
        ("shaky", "1970-01-01T00:01:10Z"),
    ]


def test_a_lag_counts() -> None:
    """A link with a lag puts the start off, whether its predecessor still runs or has ended."""
    links = [{"from": "a", "to": "b", "lag": 30_000}]
    document = flow_of("a", "b", dependencies=links)
    document["steps"][0] |= {"estimatedDuration": 20_000}
    run = Driver(document)
    run.take(0)
    assert status(run, at=5)["nextSteps"][0]["estimatedStart"] == "1970-01-01T00:00:50Z"
    run.complete("a", 10)
    assert status(run, at=15)["nextSteps"][0]["estimatedStart"] == "1970-01-01T00:00:40Z"


def test_a_held_step_is_blocked() -> None:
    """A body that has ended, whose finish waits for a link, is active still, and blocked."""
    run = Driver(flow_of("a", "b", dependencies=[{"from": "a", "to": "b", "type": "finish_to_finish"}]))
    run.take_all()
    run.complete("b", 5)
    found = {step["id"]: step for step in status(run, at=6)["activeSteps"]}

    assert (found["a"]["status"], found["b"]["status"]) == ("running", "blocked")
    assert found["b"]["progress"]["percentage"] == 100


def test_a_pause_is_told() -> None:
    """Of a paused run nobody knows when it goes on."""
    run = chain(estimatedDuration=100_000)
    run.frontier.paused = True
    found = status(run)

    assert found["status"] == "paused"
    assert found["nextSteps"][0]["estimatedStart"] is None


@pytest.mark.parametrize(
    ("state", "word"),
    [(State.COMPLETED, "completed"), (State.FAILED, "failed"), (State.CANCELLED, "cancelled")],
)
def test_the_end_is_told(state: State, word: str) -> None:
    """Of a run that has ended nothing is active, and nothing comes next."""
    run = chain()
    for at, id in enumerate("cde"):
        run.complete(id, 30 + at)
        run.take(30 + at)
    found = status(run, state=state)

    assert (found["status"], found["activeSteps"], found["nextSteps"]) == (word, [], [])
    assert found["progress"] == {"completed": 5, "total": 5, "percentage": 100}


def test_the_rate_that_was_told_last_is_the_throughput() -> None:
    """Of several running bodies the one counts that spoke last."""
    run = Driver(flow_of("a", "b"))
    run.take_all()
    told = {0: Told(1, "", "7 rows/second", 2.0), 1: Told(1, "", "9 files/second", 1.0)}

    assert status(run, told=told)["metrics"]["throughput"] == "7 rows/second"


@pytest.mark.parametrize(
    ("microseconds", "expected"),
    [
        (162, "12300 steps/second"),
        (2, "1000000 steps/second"),
        (2_000_000, "1 steps/second"),
        (3_000_000, "0.667 steps/second"),
        (1e12, "0.000002 steps/second"),
        (1.234e12, "0.00000162 steps/second"),
    ],
)
def test_a_throughput_is_written_with_plain_digits(microseconds: float, expected: str) -> None:
    """However fast or slow a run is, its throughput is no power of ten."""
    found = monitored(
        chain().frontier,
        run_id="r",
        state=State.IN_PROGRESS,
        started_at=-round(microseconds) + 20 * SECOND,
        now=20 * SECOND,
        told={},
        usage=Usage(),
    )
    assert found["metrics"]["throughput"] == expected


def test_an_interrupted_run_neither_runs_nor_goes_on() -> None:
    """Nobody carries it out: it has no active steps and no next ones; a run that has ended is no such."""
    found = status(chain(), is_interrupted=True)
    assert (found["status"], found["activeSteps"], found["nextSteps"]) == ("interrupted", [], [])
    assert status(chain(), is_interrupted=True, state=State.FAILED)["status"] == "failed"
