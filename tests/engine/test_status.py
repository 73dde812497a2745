"""The status of a run that goes on (issue 4, item 7): what its bodies tell, and what it uses."""

import re
import threading
import time

import anyio
import anyio.to_thread
import pytest

import taskorch
from taskorch import Retry, Workflow, current_step
from taskorch.engine.usage import Meter
from taskorch.testing.clock import FakeClock


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
