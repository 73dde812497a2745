"""What callers give that cannot be: each is told in words, before anything is run or opened."""

from pathlib import Path
from typing import Any

import pytest

import taskorch
from taskorch import Workflow
from taskorch.dispatchers import LocalDispatcher
from taskorch.stores import MemoryStore

LONG = "y" * 200_000


def flow_of(ran: list[int] | None = None) -> Workflow:
    """A workflow of one step, which says that it ran."""
    flow = Workflow("w")

    @flow.step
    async def a() -> None:
        if ran is not None:
            ran.append(1)

    return flow


WRONG: list[tuple[str, Any, str]] = [
    ("store", 5, "store"),
    ("store", b"x", "store"),
    ("store", MemoryStore, "the class MemoryStore"),
    ("observers", 5, "observers"),
    ("observers", None, "observers"),
    ("observers", "x", "observers"),
    ("observers", [None], "observers"),
    ("observers", {"a": 1}, "observers"),
    ("dispatcher", 5, "dispatcher"),
    ("dispatcher", {}, "dispatcher"),
    ("dispatcher", LocalDispatcher, "the class LocalDispatcher"),
    ("clock", 5, "clock"),
    ("clock", 0, "clock"),
    ("params", {1: 2}, "params: the number 1 is no key"),
    ("params", [], "params"),
    ("context", {None: 2}, "context"),
    ("concurrency", True, "concurrency"),
    ("run_id", 5, "run_id"),
]


@pytest.mark.parametrize(("name", "given", "told"), WRONG, ids=range(len(WRONG)))
async def test_what_a_run_cannot_be_given_is_refused(name: str, given: Any, told: str) -> None:
    """``run`` and ``start`` look at the kind of everything they are given, and name what is wrong."""
    ran: list[int] = []
    with pytest.raises(taskorch.InvalidParameters, match=told) as caught:
        await taskorch.run(flow_of(ran), **{name: given})
    with pytest.raises(taskorch.InvalidParameters, match=told):
        async with taskorch.start(flow_of(ran), **{name: given}):
            pass
    assert len(str(caught.value)) < 200
    assert ran == []


async def test_all_that_is_wrong_is_told_at_once() -> None:
    """One error names every argument that cannot be."""
    options: dict[str, Any] = {"store": 5, "clock": 0, "params": 3}
    with pytest.raises(taskorch.InvalidParameters) as caught:
        await taskorch.run(flow_of(), **options)
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["params", "store", "clock"]


def test_observers_may_be_given_one_by_one() -> None:
    """What can be read only once is read once."""
    heard: list[object] = []
    taskorch.run_sync(flow_of(), observers=(one for one in [heard.append]))
    assert len(heard) > 3


@pytest.mark.parametrize("name", ["\0", "\ud800", LONG, "x" * 300, f"no/{LONG[:9000]}/x", f"{LONG}://x"], ids=range(6))
def test_a_name_that_no_file_can_have_is_refused_briefly(name: str, tmp_path: Path, monkeypatch: Any) -> None:
    """Of a name that is no use its beginning is quoted."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(taskorch.StoreUnreadable) as refused:
        taskorch.run_sync(flow_of(), store=name)
    with pytest.raises(taskorch.InvalidWorkflow, match="cannot be read") as unread:
        taskorch.load(name)
    for error in (refused, unread):
        text = str(error.value)
        assert len(text.replace(name, "", 1) if len(name) <= 200 else text) < 700
        text.encode()


@pytest.mark.parametrize("given", [5, None, b"x", ["x"]], ids=repr)
def test_what_is_no_path_and_no_workflow_is_refused(given: Any) -> None:
    """``load`` and ``open_store`` take paths, ``mermaid`` a workflow."""
    for call in (taskorch.load, taskorch.open_store, taskorch.mermaid):
        with pytest.raises(taskorch.InvalidParameters, match="give a"):
            call(given)


def test_an_unknown_argument_is_told_with_the_name_of_the_function() -> None:
    """The error names what was called, not what it calls; ``start`` tells it before its block."""
    start: Any = taskorch.start
    run_sync: Any = taskorch.run_sync
    with pytest.raises(TypeError, match=r"^run_sync\(\) got an unexpected keyword argument 'stor'"):
        run_sync(flow_of(), stor="x")
    with pytest.raises(TypeError, match=r"^run_sync\(\) missing a required argument: 'workflow'"):
        run_sync()
    with pytest.raises(TypeError, match=r"^start\(\) got an unexpected keyword argument 'stor'"):
        start(flow_of(), stor="x")


@pytest.mark.parametrize("given", [(5,), (None, "status"), ("r", None), ("r", 5)], ids=repr)
async def test_monitor_asks_for_texts(given: Any) -> None:
    """An id or action that is no text is no unknown one."""
    with pytest.raises(taskorch.InvalidParameters, match="expected a text"):
        await taskorch.monitor(*given)


@pytest.mark.parametrize(
    "options",
    [
        {"seed": "x"},
        {"seed": True},
        {"seed": None},
        {"seed": 10**5000},
        {"concurrency": True},
        {"durations": 0},
        {"outcomes": ""},
        {"outcomes": []},
    ],
    ids=["text", "true", "none", "huge", "one", "durations", "outcomes", "list"],
)
def test_a_simulation_is_refused_what_says_nothing(options: dict[str, Any]) -> None:
    """Nonsense is not taken for the default because it is empty."""
    with pytest.raises(taskorch.InvalidParameters, match=next(iter(options))):
        taskorch.simulate(flow_of(), **options)
