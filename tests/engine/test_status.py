"""The status of a run that goes on (issue 4, item 7): what its bodies tell, and what it uses."""

import json
import re
import threading
import time
from contextlib import suppress
from math import inf, nan
from typing import Any

import anyio
import anyio.to_thread
import pytest

import taskorch
from taskorch import Retry, Workflow, current_step
from taskorch.engine.usage import Meter
from taskorch.testing.clock import FakeClock
from tests.naming import shown


@pytest.mark.parametrize("store", [None, "memory:"])
async def test_what_a_body_tells_of_its_progress_is_in_the_status(store):
    """The last report of a running body is shown while it runs, and its rate is the throughput."""
    flow, told, gate = Workflow("telling"), anyio.Event(), anyio.Event()

    @flow.step
    async def first():
        current_step().progress(99, "another step")

    @flow.step(after=first, name="Transform Data")
    async def transform():
        current_step().progress(10, "Processing batch 1 of 4")
        current_step().progress(75, "Processing batch 3 of 4", rate="1000 records/second")
        told.set()
        await gate.wait()

    @flow.step(after=transform)
    async def load():
        return

    async with taskorch.start(flow, store=store) as run:
        await told.wait()
        status = run.status()
        gate.set()
    assert status["workflowId"] == run.run_id
    assert status["progress"] == {"completed": 1, "total": 3, "percentage": 33}
    [active] = status["activeSteps"]
    assert active == {
        "id": "transform",
        "name": "Transform Data",
        "status": "running",
        "progress": {"percentage": 75, "currentTask": "Processing batch 3 of 4"},
    }
    assert [step["id"] for step in status["nextSteps"]] == ["load"]
    assert status["nextSteps"][0]["estimatedStart"].endswith("Z")
    assert status["metrics"]["throughput"] == "1000 records/second"
    assert run.status()["progress"]["percentage"] == 100
    assert run.status()["activeSteps"] == []


async def test_a_new_attempt_has_told_nothing():
    """What an attempt told is gone with it."""
    flow, clock, seen = Workflow("again"), FakeClock(), []

    @flow.step(retry=Retry(max_attempts=2, initial=1))
    async def shaky():
        seen.append(runs[0].status()["activeSteps"][0]["progress"]["percentage"])
        current_step().progress(50)
        if current_step().attempt == 1:
            raise ValueError

    runs = []
    gate = anyio.Event()

    async def wait():
        await gate.wait()

    flow.step(wait, id="gate")
    flow.link("gate", "shaky")
    async with taskorch.start(flow, clock=clock) as run:
        runs.append(run)
        gate.set()
        await clock.advance(5)
    assert seen == [None, None]


async def test_a_thread_that_was_abandoned_tells_nothing_of_another_step():
    """A body in a thread whose time was up reports to nobody, though its worker has another one now."""
    flow, clock = Workflow("threads"), FakeClock()
    go_on, has_told, gate = threading.Event(), threading.Event(), anyio.Event()

    @flow.step(timeout=5, allow_failure=True)
    def slow():
        go_on.wait(10)
        current_step().progress(80, "too late")
        has_told.set()

    @flow.step(condition="always", after=slow)
    async def other():
        await gate.wait()

    async with taskorch.start(flow, clock=clock, concurrency=1) as run:
        await anyio.sleep(0.05)
        await clock.advance(6)
        go_on.set()
        assert await anyio.to_thread.run_sync(has_told.wait, 10)
        [active] = run.status()["activeSteps"]
        gate.set()
    assert active["id"] == "other"
    assert active["progress"] == {"percentage": None, "currentTask": None}


def test_what_the_process_uses_is_a_share_of_the_machine():
    """Processor and memory are percentages, or None where the system does not tell."""
    meter = Meter()
    until = time.monotonic() + 0.05
    while time.monotonic() < until:
        pass
    usage = meter.read()
    assert usage.cpu is not None
    assert 0 < usage.cpu <= 110
    assert usage.memory is None or 0 < usage.memory < 100


async def test_the_status_shows_what_is_used():
    """They are texts with their unit."""
    flow = Workflow("one")

    @flow.step
    async def only():
        await anyio.sleep(0.01)

    async with taskorch.start(flow) as run:
        run.status()
        await run.wait()
        metrics = run.status()["metrics"]
    assert re.fullmatch(r"\d+%", metrics["cpuUsage"])
    assert metrics["memoryUsage"] is None or re.fullmatch(r"\d+%", metrics["memoryUsage"])
    assert metrics["throughput"].endswith(" steps/second")


@pytest.mark.parametrize(
    "given",
    [
        ("50",),
        (None,),
        (True,),
        (nan,),
        (1j,),
        (50, b"x"),
        (50, None),
        (50, object()),
        (50, "x", 5),
    ],
    ids=shown,
)
@pytest.mark.parametrize("threaded", [False, True])
async def test_a_body_tells_numbers_and_texts(given: Any, threaded: bool) -> None:
    """What is neither is refused where it is told, in the body."""
    flow = Workflow("telling")

    def tell() -> None:
        current_step().progress(*given)

    async def tell_later() -> None:
        tell()

    flow.step(tell if threaded else tell_later, id="a")
    result = await taskorch.run(flow)
    assert result.steps["a"].error.type == "InvalidReport"


@pytest.mark.parametrize(
    ("percent", "shown"), [(10**400, 100), (-5, 0), (inf, 100), (-inf, 0), (1e-300, 0), (12.7, 12)], ids=repr
)
async def test_whatever_a_body_tells_the_status_can_be_written(percent: Any, shown: int) -> None:
    """Percentages are bounded and texts cut, so that a watcher always gets a document."""
    flow, told, gate = Workflow("telling"), anyio.Event(), anyio.Event()

    @flow.step
    async def a():
        current_step().progress(percent, "x" * 10**6 + "\ud800", rate="\ud800" * 10**6)
        told.set()
        await gate.wait()

    async with taskorch.start(flow) as run:
        await told.wait()
        document = json.dumps(run.status(), ensure_ascii=False)
        gate.set()
    assert len(document.encode()) < 1500
    assert json.loads(document)["activeSteps"][0]["progress"]["percentage"] == shown


@pytest.mark.parametrize(
    "seconds", ["x", None, nan, inf, -inf, 10**400], ids=["text", "none", "nan", "inf", "past", "huge"]
)
async def test_a_sleep_is_a_number_of_seconds(seconds: Any) -> None:
    """Other waits are refused in words."""
    flow = Workflow("sleepy")

    @flow.step
    async def a():
        await current_step().sleep(seconds)

    result = await taskorch.run(flow)
    assert result.steps["a"].error.type == "InvalidParameters"
    assert "give seconds" in result.steps["a"].error.message


def test_outside_of_a_body_there_is_no_step() -> None:
    """It is an error of taskorch, and still the LookupError of old."""
    with pytest.raises(taskorch.NotInStep) as caught:
        current_step()
    assert isinstance(caught.value, taskorch.CallerError)
    assert isinstance(caught.value, LookupError)


@pytest.mark.parametrize("store", [None, "memory:"])
async def test_a_run_whose_block_was_left_is_interrupted(store) -> None:
    """Nobody carries it out any more, so it does not run, and nothing comes next."""
    flow = Workflow("left")

    @flow.step
    async def a():
        await anyio.sleep_forever()

    flow.step(nothing, id="b", after=a)
    seen = []
    with suppress(KeyError):
        async with taskorch.start(flow, store=store) as run:
            seen.append(run)
            await anyio.sleep(0.02)
            assert run.status()["status"] == "running"
            raise KeyError("mine")
    status = seen[0].status()
    assert status["status"] == "interrupted"
    assert (status["activeSteps"], status["nextSteps"]) == ([], [])


async def nothing() -> None:
    """Do nothing."""
