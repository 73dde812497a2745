"""What a body is given, and what becomes of what it returns."""

import gc
import threading
import weakref
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, date, datetime

import anyio
import anyio.lowlevel
import attrs
import pytest

import taskorch
from taskorch import (
    CallerError,
    InvalidParameters,
    MissingOutput,
    NonRetryable,
    Outcome,
    Retry,
    RunFailed,
    Workflow,
    current_step,
)
from taskorch.dispatchers import LocalDispatcher


@attrs.frozen
class Point:
    x: int
    day: date


@dataclass
class Box:
    points: list[Point]
    at: datetime


@pytest.fixture(params=[None, "memory:"], ids=["no-store", "memory"])
def store(request):
    """Without a store, and with one."""
    return request.param


async def test_each_kind_of_body_runs_where_it_belongs(store):
    """Async and inline bodies run on the event loop's thread, other sync ones in another."""
    flow, here = Workflow("w"), threading.get_ident()

    async def on_loop():
        await anyio.lowlevel.checkpoint()
        return threading.get_ident()

    def in_place():
        return threading.get_ident()

    flow.step(on_loop)
    flow.step(in_place, id="inline", inline=True)
    flow.step(in_place, id="thread")
    result = (await taskorch.run(flow, store=store)).check()
    assert result[on_loop] == result["inline"] == here != result["thread"]


async def test_parameters_are_fed_by_steps_by_inputs_and_by_the_run(store):
    """A parameter takes the output of the step of its name, of the step in ``inputs=``, params or context."""
    flow = Workflow("w", parameters={"n": 1, "m": 2}, context={"user": "u"})
    flow.step(lambda: 3, id="three", inline=True)
    flow.step(lambda: 4, id="four", inline=True)

    @flow.step(inputs={"x": "four"})
    async def both(three, x, params, context, other=5):
        return [three, x, dict(params), dict(context), other]

    result = await taskorch.run(flow, params={"n": 7}, context={"more": 1}, store=store)
    assert result.check()[both] == [3, 4, {"n": 7, "m": 2}, {"user": "u", "more": 1}, 5]


async def test_a_step_named_params_comes_before_the_params():
    """A parameter ``params`` is fed by the step of that id, if there is one."""
    flow = Workflow("w")
    flow.step(lambda: "step", id="params", inline=True)
    flow.step(lambda params: params, id="takes", inline=True)
    assert (await taskorch.run(flow, params={"a": 1})).check()["takes"] == "step"


async def test_with_a_store_outputs_come_back_in_the_annotated_types():
    """With any store successors and the result get a decoded value: equal, of the annotated type, not the object."""
    flow, made, seen = Workflow("w"), [], []

    @flow.step
    async def make() -> Box:
        made.append(Box([Point(1, date(2026, 1, 2))], datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)))
        return made[0]

    @flow.step
    def take(make: Box) -> Point:
        seen.append(make)
        return make.points[0]

    result = (await taskorch.run(flow, store="memory:")).check()
    assert seen == made == [result[make]]
    assert seen[0] is not made[0] is not result[make]
    assert result[take] == Point(1, date(2026, 1, 2))


async def test_without_a_store_successors_get_the_very_object():
    """Without a store an output is handed on as the object it is, whatever it is."""
    flow, thing = Workflow("w"), object()
    flow.step(lambda: thing, id="make", inline=True)
    flow.step(lambda make: make, id="take")
    result = (await taskorch.run(flow)).check()
    assert result["make"] is result["take"] is thing


@pytest.mark.parametrize("inline", [True, False], ids=["inline", "thread"])
@pytest.mark.parametrize("value", [object(), {1: 2}, float("nan"), {"a": {1, 2}}], ids=["object", "key", "nan", "set"])
async def test_what_cannot_be_stored_fails_its_step_without_retry(value, inline):
    """An output that cannot be written down is a non-retryable failure, OutputNotStorable, of the step itself."""
    flow, calls = Workflow("w"), []

    def odd():
        calls.append(1)
        return value

    flow.step(odd, retry=Retry(max_attempts=5, initial=0), inline=inline)
    flow.step(lambda odd: odd, id="after", inline=True)
    result = await taskorch.run(flow, store="memory:")
    assert result.steps["odd"].status is Outcome.FAILED
    assert (result.steps["odd"].error.type, result.steps["odd"].reason) == ("OutputNotStorable", "non_retryable")
    assert result.steps["after"].status is Outcome.OMITTED
    assert calls == [1]


async def test_an_absent_output_is_the_default_or_an_error(store):
    """What a step that did not complete would have given is the parameter's default, or MissingOutput, not retried."""
    flow = Workflow("w")

    @flow.step(allow_failure=True)
    async def broken():
        raise ValueError("no")

    @flow.step
    async def lenient(broken="default"):
        return broken

    @flow.step(retry=Retry(max_attempts=3, initial=0))
    async def strict(broken):
        return broken

    result = await taskorch.run(flow, store=store)
    assert result[lenient] == "default"
    assert result.steps["strict"].error.type == "MissingOutput"
    assert "'broken'" in result.steps["strict"].error.message
    assert (result.steps["strict"].reason, result.steps["strict"].attempts) == ("non_retryable", 1)
    with pytest.raises(MissingOutput):
        result[strict]


async def test_a_failed_run_says_everything_when_checked(store):
    """``check()`` raises RunFailed with every failure that was not forgiven by the run's end."""
    flow = Workflow("w")

    async def bad():
        raise NonRetryable("because")

    flow.step(bad, id="one", retry=Retry(max_attempts=3))
    flow.step(bad, id="two")
    result = await taskorch.run(flow, store=store)
    with pytest.raises(RunFailed) as caught:
        result.check()
    assert caught.value.failures == (("one", "NonRetryable: because"), ("two", "NonRetryable: because"))
    assert result.steps["one"].attempts == 1


@pytest.mark.parametrize("error", [SystemExit(3), StopIteration(1), StopAsyncIteration(), TimeoutError()])
@pytest.mark.parametrize("kind", ["async", "inline", "thread"])
async def test_an_odd_exception_fails_its_step_only(error, kind, store):
    """A body that raises SystemExit, or what iterators use, fails its step; the rest of the run goes on."""
    flow = Workflow("w")

    async def leave():
        raise error

    def leave_sync():
        raise error

    flow.step(leave if kind == "async" else leave_sync, id="leave", inline=kind == "inline")
    flow.step(lambda: "on", id="beside")
    result = await taskorch.run(flow, store=store)
    assert result.steps["leave"].status is Outcome.FAILED
    assert result["beside"] == "on"


async def test_an_error_whose_text_cannot_be_made_is_a_failure_all_the_same(store):
    """An exception that cannot show itself, or says too much, is kept as far as it can be."""

    class MuteError(Exception):
        def __str__(self):
            raise RuntimeError("mute")

    async def mute():
        raise MuteError

    async def verbose():
        raise ValueError("x" * 100_000 + "\udc80")

    flow = Workflow("w")
    flow.step(mute)
    flow.step(verbose)
    steps = (await taskorch.run(flow, store=store)).steps
    assert steps["mute"].error.type == "MuteError"
    assert len(steps["verbose"].error.message) < 5000


async def test_a_command_gets_params_and_outputs_and_gives_its_output(store):
    """``{params.x}`` and ``{steps.x.output}`` are filled into the arguments; what is printed is the output."""
    flow = Workflow("w")
    flow.step(lambda: "a b; $HOME", id="word", inline=True)
    flow.command("python -c 'import sys; print(sys.argv[1:])' {params.n} {steps.word.output}", id="show")
    flow.command(("echo", '{"rows": 3}'), id="count", output="json")
    result = (await taskorch.run(flow, params={"n": 5}, store=store)).check()
    assert result["show"] == "['5', 'a b; $HOME']"
    assert result["count"] == {"rows": 3}


async def test_a_missing_param_is_refused_before_anything_starts(store):
    """A command that asks for a param that is not given, and a concurrency of 0, are refused."""
    flow = Workflow("w")
    flow.command("echo {params.n}", id="show")
    with pytest.raises(InvalidParameters, match="'n'"):
        await taskorch.run(flow, store=store)
    with pytest.raises(InvalidParameters):
        await taskorch.run(flow, params={"n": 1}, concurrency=0, store=store)


@pytest.mark.parametrize(
    "options",
    [{"concurrency": "x"}, {"concurrency": float("inf")}, {"concurrency": True}, {"params": [1]}, {"context": "x"}],
    ids=str,
)
async def test_what_is_no_option_of_a_run_is_refused(options):
    """Options of a wrong kind are refused as such, before anything starts."""
    with pytest.raises(InvalidParameters):
        await taskorch.run(Workflow("w"), **options)


def test_run_sync_runs_without_an_event_loop():
    """``run_sync`` is ``run`` for a program without an event loop."""
    flow = Workflow("w")
    flow.step(lambda: 1, id="one")
    assert taskorch.run_sync(flow, store="memory:").check()["one"] == 1


async def test_run_sync_inside_a_loop_says_what_to_do():
    """``run_sync`` inside an event loop would block it, and says ``await taskorch.run``."""
    with pytest.raises(CallerError, match=r"await taskorch\.run"):
        taskorch.run_sync(Workflow("w"))


async def test_what_a_body_has_held_is_let_go_when_it_has_ended(store):
    """Neither its arguments nor what it put into context variables live on while the run waits for others."""
    variable, kept = ContextVar("variable"), []
    flow = Workflow("w")

    class Session:
        pass

    @flow.step
    async def opens():
        session = Session()
        kept.append(weakref.ref(session))
        variable.set(session)
        await anyio.lowlevel.checkpoint()

    @flow.step
    async def waits():
        await anyio.sleep(0.05)
        gc.collect()
        return kept[0]() is None

    assert (await taskorch.run(flow, store=store)).check()["waits"] is True


@pytest.mark.parametrize("dispatcher", [None, LocalDispatcher()], ids=["none", "local"])
@pytest.mark.parametrize("inline", [True, False])
async def test_a_body_that_raises_stop_iteration_has_failed(dispatcher, inline):
    """As no coroutine can raise it, it is told as an error with another name, wherever the body ran."""
    flow = Workflow("w")

    @flow.step(inline=inline)
    def empty():
        return next(iter(()))

    result = await taskorch.run(flow, dispatcher=dispatcher)
    assert result.steps["empty"].error.type == "RuntimeError"


async def test_a_task_that_outlives_its_body_tells_no_progress_of_another():
    """Progress is that of the attempt it was told by."""
    flow, told = Workflow("w"), []

    @flow.step
    async def leaves(params):
        told.append(current_step())

    @flow.step(after=leaves)
    async def next_one():
        told[0].progress(77, "not mine")
        current_step().progress(10, "mine")
        (active,) = (await taskorch.monitor("r"))["activeSteps"]
        return active["progress"]

    found = (await taskorch.run(flow, run_id="r")).check()["next_one"]
    assert (found["percentage"], found["currentTask"]) == (10, "mine")


async def test_methods_of_an_object_may_be_steps(store):
    """They are named by themselves, as functions are; those of another object are others."""

    class Counter:
        def __init__(self, start):
            self.start = start

        async def first(self):
            return self.start

        async def second(self, params):
            return self.start + 1

    one, other = Counter(1), Counter(10)
    flow = Workflow("w")
    flow.step(one.first)
    flow.step(one.second, after=one.first)
    flow.step(other.first, id="others", after=one.second)
    result = (await taskorch.run(flow, store=store)).check()

    assert (result[one.first], result[one.second], result[other.first]) == (1, 2, 10)
    assert [link.predecessor for link in flow.links] == ["first", "second"]
