"""Cancelled at every await, a run leaves nothing behind and can be resumed (reliability F9, S26).

``TASKORCH_HARNESS=20`` explores so many times as many pairs of steps.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import anyio
import pytest

import taskorch
from taskorch import Workflow
from taskorch.stores import MemoryStore
from tests.harness.cancellation import Explorer
from tests.harness.catalogue import CATALOGUE, COMMANDS, FURTHER, PLAIN, SHARED, STEERED, Explored
from tests.harness.scenarios import CHAIN

PAIRS = 12 * int(os.environ.get("TASKORCH_HARNESS", "1"))


def explored(cases: Iterable[Explored]) -> pytest.MarkDecorator:
    """Test each of them, under its name."""
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


def test_there_are_twenty_scenarios_and_more() -> None:
    """At least twenty scenarios are cancelled at each await, on both event loops; none of them is there twice."""
    names = [case.name for case in CATALOGUE]
    print(f"{len(names)} scenarios: {'; '.join(names)}")
    assert len(set(names)) == len(names) >= 20
    assert len({(case.scenario.build, case.steered.carry_out) for case in CATALOGUE}) == len(names)
    assert len({case.scenario.build for case in CATALOGUE}) >= 20  # workflows alone


@pytest.mark.parametrize("store", ["none", "memory", "sqlite"])
@explored(PLAIN)
def test_a_run_may_be_cancelled_anywhere(anyio_backend: str, store: str, case: Explored, tmp_path: Path) -> None:
    """Wherever a run is cut off, nothing leaks, what was done is recorded, and a resumed run ends as it must."""
    report = Explorer(case.scenario, anyio_backend, store, tmp_path).explore(pairs=PAIRS)
    assert not report.violations, f"{report}"
    assert report.cuts > 0.75 * report.runs, f"the harness disturbs too little: {report}"


@explored(SHARED)
def test_a_run_in_a_shared_store_may_be_cancelled_anywhere(anyio_backend: str, case: Explored, tmp_path: Path) -> None:
    """The same holds where a thread keeps the lease alive: it ends with the run, wherever that is cut off."""
    report = Explorer(case.scenario, anyio_backend, "shared", tmp_path, case.steered).explore(pairs=PAIRS // 3)
    assert not report.violations, f"{report}"
    assert report.cuts > 0.5 * report.runs, f"the harness disturbs too little: {report}"


@pytest.mark.parametrize("store", ["none", "memory"])
@explored(STEERED)
def test_a_steered_run_may_be_cancelled_anywhere(
    anyio_backend: str, store: str, case: Explored, tmp_path: Path
) -> None:
    """The same holds of a run in a block, while it is paused and resumed, and while it is cancelled by its handle."""
    report = Explorer(case.scenario, anyio_backend, store, tmp_path, case.steered).explore(pairs=PAIRS // 3)
    assert not report.violations, f"{report}"
    assert report.cuts > 0.5 * report.runs, f"the harness disturbs too little: {report}"


@pytest.mark.parametrize("store", ["none", "memory"])
@explored(FURTHER)
def test_whatever_a_run_does_it_may_be_cancelled_anywhere(
    anyio_backend: str, store: str, case: Explored, tmp_path: Path
) -> None:
    """The same holds while links hold, bounds, policies, resources and targets decide, and runs begin other runs."""
    explorer = Explorer(case.scenario, anyio_backend, store, tmp_path, case.steered)
    report = explorer.explore(rest=6, pairs=PAIRS // 6)
    assert not report.violations, f"{report}"
    assert report.cuts > 0.75 * report.runs, f"the harness disturbs too little: {report}"


def test_a_store_that_is_opened_by_name_is_closed_again(anyio_backend: str, tmp_path: Path) -> None:
    """Cut off while it opens or closes the store it was given by name, a run leaves no lock and no file open."""
    report = Explorer(CHAIN, anyio_backend, "sqlite-by-name", tmp_path).explore(stride=5, pairs=3)
    assert not report.violations, f"{report}"
    assert report.cuts


@pytest.mark.parametrize("store", ["none", "sqlite"])
@explored(COMMANDS)
def test_a_run_with_commands_may_be_cancelled_anywhere(
    anyio_backend: str, store: str, case: Explored, tmp_path: Path
) -> None:
    """Wherever it is cut off, no process survives, and the command is run again."""
    report = Explorer(case.scenario, anyio_backend, store, tmp_path).explore(stride=9, pairs=2 * PAIRS // 12)
    assert not report.violations, f"{report}"
    assert report.cuts


class StopEverythingError(BaseException):
    """Like KeyboardInterrupt, no ``Exception``."""


async def test_a_body_that_stops_the_program_stops_the_run_and_leaves_it_resumable():
    """What a body raises that is no Exception and no SystemExit comes out of run(), and the run can be resumed."""
    flow = Workflow("stopped")
    calls = []

    @flow.step
    async def first():
        return 1

    @flow.step
    async def second(first):
        calls.append(first)
        if len(calls) == 1:
            raise StopEverythingError
        return first + 1

    async with MemoryStore() as store:
        with pytest.raises(StopEverythingError):
            await taskorch.run(flow, store=store, run_id="r")
        result = await taskorch.run(flow, store=store, run_id="r")
    assert result.check().outputs == {"first": 1, "second": 2}
    assert result.steps["second"].attempts == 2


async def test_a_cancelled_run_waits_for_what_is_being_recorded():
    """A run that is cancelled while its last unit is on its way is recorded as ended."""
    flow = Workflow("late")

    @flow.step
    async def only():
        scope.cancel()
        return 1

    async with MemoryStore() as store:
        with anyio.CancelScope() as scope:
            await taskorch.run(flow, store=store, run_id="r")
        assert scope.cancelled_caught
        result = await taskorch.run(flow, store=store, run_id="r")
    assert result.steps["only"].attempts == 1


@pytest.mark.parametrize("store", [None, "memory:"])
async def test_nothing_but_the_cancellation_comes_out_of_a_run(store):
    """Whatever bodies and their children raise while they are being cut off, the run is only cancelled."""
    flow = Workflow("stubborn")

    async def child():
        try:
            await anyio.sleep_forever()
        finally:
            raise ValueError("in a child")

    @flow.step
    async def with_children():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(child)
            await anyio.sleep_forever()

    flow.step(child, id="alone")

    @flow.step(inline=True)
    def cancels():
        scope.cancel()

    with anyio.CancelScope() as scope:
        await taskorch.run(flow, store=store)
    assert scope.cancelled_caught
