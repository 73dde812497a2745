"""What callers, journals and numbers get wrong, and what they are told."""

import json
import pickle
from dataclasses import dataclass
from datetime import date
from math import inf, nan
from pathlib import Path

import anyio
import attrs
import pytest

import taskorch
from taskorch import Retry, RetryAfter, Workflow
from taskorch.core.frontier.facts import COMPLETE
from taskorch.stores import MemoryStore


@pytest.fixture(params=[None, "memory:"], ids=["no-store", "memory"])
def store(request):
    """What ``run`` is given as its store."""
    return request.param


def flow_of(body, **options) -> Workflow:
    """A workflow of one step."""
    flow = Workflow("w")
    flow.step(body, id="a", **options)
    return flow


async def nothing() -> None:
    """Do nothing."""


@pytest.mark.parametrize("timeout", [inf, nan, 1e300, "3", True, -1])
def test_a_timeout_that_is_none_is_refused(timeout):
    """Seconds that are no number, negative, or beyond a century are refused when the step is defined."""
    with pytest.raises(taskorch.InvalidWorkflow):
        flow_of(nothing, timeout=timeout)


def test_an_option_that_is_none_is_refused_with_a_suggestion():
    """A misspelt option is named, with the one that was meant."""
    with pytest.raises(taskorch.InvalidWorkflow, match=r"timeot.*did you mean 'timeout'"):
        flow_of(nothing, timeot=3)
    with pytest.raises(taskorch.InvalidWorkflow, match="expected a Retry"):
        flow_of(nothing, retry=3)
    with pytest.raises(taskorch.InvalidWorkflow, match="did you mean 'success'"):
        taskorch.Link("a", "b", condition="sucess")
    with pytest.raises(taskorch.InvalidWorkflow, match="give id="):
        Workflow("w").step(lambda: 1)


async def test_a_run_is_refused_what_is_none(tmp_path):
    """An empty run id, no number of bodies, what is no workflow and no store are refused before anything runs."""
    for options in ({"run_id": ""}, {"concurrency": 0}, {"concurrency": 1.5}):
        with pytest.raises(taskorch.InvalidParameters):
            await taskorch.run(flow_of(nothing), **options)
    with pytest.raises(taskorch.InvalidParameters, match="load"):
        await taskorch.run("file.json")
    for store in ("", ":memory:"):
        with pytest.raises(taskorch.StoreUnreadable, match="memory:"):
            await taskorch.run(flow_of(nothing), store=store)


async def test_a_store_may_be_given_as_a_path(tmp_path):
    """``store=`` takes a ``Path`` as ``load`` does."""
    await taskorch.run(flow_of(nothing), store=tmp_path / "runs.db")
    assert (tmp_path / "runs.db").is_file()


@pytest.mark.parametrize("seconds", ["0", 0, nan, -5], ids=["text", "none", "nan", "past"])
async def test_a_body_may_ask_for_its_wait_as_it_got_it(seconds, store):
    """``RetryAfter`` takes the text of a header; what is no wait falls back on the policy, or is none at all."""
    tries: list[int] = []

    async def body() -> int:
        tries.append(1)
        if len(tries) == 1:
            raise RetryAfter(seconds, "busy")
        return len(tries)

    result = await taskorch.run(flow_of(body, retry=Retry(max_attempts=2, initial=0)), store=store)
    assert result.check().outputs == {"a": 2}


async def test_a_wait_that_is_no_number_fails_the_step():
    """``RetryAfter`` with words is the body's mistake, not the run's."""

    async def body() -> None:
        raise RetryAfter("soon")

    result = await taskorch.run(flow_of(body))
    assert result.steps["a"].error.type == "InvalidPolicy"


@pytest.mark.parametrize("fact", [(7, COMPLETE, 1, 0, "1"), (0, COMPLETE, 1, 0, "1"), None])
async def test_a_journal_that_makes_no_sense_is_the_stores_fault(fact):
    """Facts of other steps, facts that do not follow one another, and an end without facts: StoreError each."""
    flow = flow_of(nothing)
    async with MemoryStore() as store:
        await taskorch.run(flow, store=store, run_id="r")
        entries = await store.journal("r")

        async def journal(run: str, after: int = 0, n: int = 1000):
            return [] if after or fact is None else [attrs.evolve(entries[0], facts=(fact,))]

        store.journal = journal
        with pytest.raises(taskorch.StoreError, match="journal"):
            await taskorch.run(flow, store=store, run_id="r")


@dataclass
class Row:
    """A typed output."""

    day: date
    amount: int


async def test_the_result_document_is_json_whatever_the_outputs(store):
    """``to_dict`` shows typed outputs in the form a store keeps them in."""

    async def body() -> Row:
        return Row(date(2026, 11, 20), 3)

    result = await taskorch.run(flow_of(body), store=store)
    document = json.loads(json.dumps(result.to_dict()))
    assert document["steps"][0]["output"] == {"day": "2026-11-20", "amount": 3}
    assert result["a"] == Row(date(2026, 11, 20), 3)


async def test_an_output_without_a_json_form_is_told_when_the_document_is_asked_for():
    """Without a store an output may be anything; only the document cannot show it."""

    async def body():
        return object()

    result = await taskorch.run(flow_of(body))
    assert result.success
    with pytest.raises(taskorch.OutputNotStorable):
        result.to_dict()


async def test_a_failure_keeps_its_traceback(store):
    """``check`` raises from the very error of the body, and names its type; of a group all members are told."""

    async def body():
        async with anyio.create_task_group() as group:
            group.start_soon(lookup)

    async def lookup():
        return {}["k"]

    result = await taskorch.run(flow_of(body), store=store)
    with pytest.raises(taskorch.RunFailed, match="KeyError: 'k'") as caught:
        result.check()
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    assert caught.value.__cause__.exceptions[0].__traceback__ is not None


async def test_a_step_may_ask_the_result_for_itself():
    """What ``flow.command`` returns, and a function, give the output; a function of two steps is ambiguous."""
    flow = Workflow("w")
    said = flow.command("echo hi", id="said")
    flow.step(nothing, id="one")
    flow.step(nothing, id="two")
    result = await taskorch.run(flow)
    assert result[said] == "hi"
    with pytest.raises(KeyError, match="one, two"):
        result[nothing]


async def test_what_one_body_does_to_the_params_no_other_sees(store):
    """Each body gets its own copy, so that a resumed run and a fresh one see the same."""
    flow = Workflow("w")
    given = {"rows": [1]}

    @flow.step
    async def a(params):
        params["rows"].append(9)

    @flow.step
    async def b(a, params) -> int:
        return len(params["rows"])

    assert (await taskorch.run(flow, params=given, store=store))[b] == 1
    assert given == {"rows": [1]}


def test_what_looks_like_a_placeholder_is_one_or_refused():
    """A misspelt placeholder would be passed on as it stands, and its order lost: it is refused when loaded."""
    for text in ("{param.x}", "{steps.a.outputs}", "{steps.a.output.}", "{step.a.output}"):
        with pytest.raises(taskorch.InvalidWorkflow, match="no placeholder"):
            taskorch.Step("s", command=("echo", text))
    taskorch.Step("s", command=("awk", "{print $1}", '{"params": 1}', "{params.x}", '{steps["a.b"].output}'))


def test_commands_have_a_work_directory_of_the_run(tmp_path):
    """``run()`` gives commands a folder beside the store's file, the same when the run is resumed."""
    flow = Workflow("w")
    flow.command(("python", "-c", "import os; print(os.environ['TASKORCH_WORK_DIR'])"), id="a")
    kept = taskorch.run_sync(flow, store=tmp_path / "runs.db", run_id="r")
    loose = taskorch.run_sync(flow)
    assert Path(kept["a"]).parent == (tmp_path / "runs.db.work").resolve()
    assert Path(loose["a"]).is_dir()
    assert not Path(loose["a"]).is_relative_to(Path.cwd())


async def test_a_result_can_be_sent_to_another_process(store):
    """A pickled result has the same steps, outputs and document; what was raised stays at home."""

    async def bad():
        raise ValueError("because")

    flow = flow_of(nothing)
    flow.step(bad, id="b")
    result = attrs.evolve(await taskorch.run(flow, store=store), functions=())
    copy = pickle.loads(pickle.dumps(result))
    assert copy.to_dict() == result.to_dict()
    assert copy.steps["b"].error == result.steps["b"].error
    assert "'a': StepResult(" in repr(result.steps)


async def test_a_step_that_the_workflow_ran_out_of_time_for_tells_that_error():
    """The error of an earlier attempt is not that of the last one."""
    flow = Workflow("w", timeout=0.2)

    @flow.step(retry=Retry(max_attempts=3, initial=0.01))
    async def a():
        if taskorch.current_step().attempt == 1:
            raise ValueError("first")
        await anyio.sleep(5)

    result = await taskorch.run(flow)
    assert isinstance(result.steps["a"].error.exception, taskorch.StepTimeout)


def nested(levels: int) -> list:
    """A list within a list, and so on."""
    inner: list = []
    for _ in range(levels):
        inner = [inner]
    return inner


@pytest.mark.parametrize(
    "value", [nested(96), nested(5000), "\ud800", "a\0b", nan], ids=["deep", "deeper", "half", "nul", "nan"]
)
async def test_params_that_could_not_be_read_back_are_refused(value):
    """What a store could not give back again is no param; nothing is written, and the run id stays free."""
    async with MemoryStore() as store:
        with pytest.raises(taskorch.InvalidParameters, match="params"):
            await taskorch.run(flow_of(nothing), params={"a": value}, store=store, run_id="r")
        assert await store.read(["r"]) == [None]
        await taskorch.run(flow_of(nothing), params={"a": nested(80)}, store=store, run_id="r")
        assert (await taskorch.run(flow_of(nothing), store=store, run_id="r")).success
