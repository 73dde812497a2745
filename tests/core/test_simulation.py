"""A simulated run: decided as a real one, on a clock of its own, with bodies that only take time."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import taskorch
from taskorch import (
    EndlessSimulation,
    InvalidParameters,
    InvalidWorkflow,
    NonRetryable,
    Retry,
    RetryAfter,
    RunFailed,
    RunResult,
    UnsupportedFeature,
    Workflow,
    simulate,
)
from taskorch.core.chance import chance
from taskorch.core.frontier.plan import Plan
from taskorch.core.retry import RetryAt
from taskorch.core.scripts import Script
from taskorch.core.simulation import Simulation
from tests.core.samples import flow_of

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def flow(
    lengths: Mapping[str, float | None],
    *links: tuple[Any, ...],
    more: Mapping[str, Mapping[str, Any]] | None = None,
    **members: Any,
) -> Workflow:
    """A workflow of steps without bodies that take so many seconds, or nobody knows how many.

    *more* holds further members of some steps.
    """
    document = flow_of(*lengths, links=links, **members)
    for step in document["steps"]:
        del step["command"]
        step.update((more or {}).get(step["id"], {}))
        if (length := lengths[step["id"]]) is not None:
            step["estimatedDuration"] = length * 1000
    return Workflow.from_dict(document)


def one(retries: int = 0, **members: Any) -> Workflow:
    """A workflow of one step ``a`` that takes 2 s and is tried again after 1, 2, 4 … s."""
    policy = {"maxRetries": retries, "initialDelay": 1000, "backoffMultiplier": 2}
    return flow({"a": 2}, more={"a": {"retryPolicy": policy} | members})


def body() -> None:
    """A function that is made a step."""


def spans(result: RunResult) -> dict[str, tuple[float, float] | None]:
    """When each step began and ended, in seconds of the run."""

    def second(at: datetime) -> float:
        return (at - BEGINNING).total_seconds()

    return {
        id: (second(step.started_at), second(step.ended_at)) if step.started_at and step.ended_at else None
        for id, step in result.steps.items()
    }


def statuses(result: RunResult) -> dict[str, str]:
    """How each step ended."""
    return {id: step.status.value for id, step in result.steps.items()}


def test_a_run_takes_what_its_steps_take() -> None:
    """Steps start as soon as their links allow, take their estimates, and the makespan is the end of the last."""
    result = simulate(flow({"a": 2, "b": 3, "c": 1.5, "d": 1}, ("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")))

    assert result.check().metrics.makespan == 6
    assert spans(result) == {"a": (0, 2), "b": (2, 5), "c": (2, 3.5), "d": (5, 6)}
    assert (result.started_at, result.ended_at) == (BEGINNING, BEGINNING + timedelta(seconds=6))
    assert result.metrics.most_at_once == 2
    assert result.outputs == dict.fromkeys("abcd")


def test_durations_come_before_estimates() -> None:
    """A duration that is given stands for the estimate; a step of which nothing is known takes one second."""
    plain = flow({"a": 2, "b": 3, "c": None}, ("a", "b"), ("b", "c"))

    assert spans(simulate(plain, durations={"b": 0.5})) == {"a": (0, 2), "b": (2, 2.5), "c": (2.5, 3.5)}
    assert simulate(plain, durations={"a": timedelta(minutes=1), "c": 0}).metrics.makespan == 63


def test_concurrency_bounds_what_runs_at_once() -> None:
    """Of the steps that wait for a place the one with the longest way before it starts first."""
    wide = flow({"short": 1, "long": 5, "next": 5}, ("short", "next"))

    assert simulate(wide).metrics.makespan == 6
    assert spans(simulate(wide, concurrency=1)) == {"short": (0, 1), "long": (1, 6), "next": (6, 11)}


def test_steps_are_ordered_by_what_a_run_would_know() -> None:
    """Durations tell how long bodies take, and a scheduler cannot know it: its order comes from the estimates."""
    result = simulate(flow({"first": 9, "second": 1}), concurrency=1, durations={"first": 1, "second": 9})

    assert spans(result) == {"first": (0, 1), "second": (1, 10)}


def test_bodies_are_not_run() -> None:
    """Functions and commands of a workflow built in Python are left alone, whatever their kind."""
    built = Workflow("built")

    @built.step(estimated_duration=3)
    async def extract() -> int:
        raise AssertionError("it was run")

    @built.step
    def total(extract: int) -> int:
        raise AssertionError("it was run")

    built.command("no-such-program {params.x}", id="show", after=total)
    result = simulate(built)

    assert result.check().metrics.makespan == 5
    assert result[extract] is None


def test_a_failure_has_its_consequences() -> None:
    """A step that is told to fail fails the run, and links and conditions follow from it as in a run."""
    plain = flow({"a": 1, "b": 1, "mend": 1, "other": 5}, ("a", "b"), ("a", "mend", "finish_to_start", "failure"))
    result = simulate(plain, outcomes={"a": "failed", "other": "completed"})

    assert statuses(result) == {"a": "failed", "b": "omitted", "mend": "completed", "other": "completed"}
    assert result.metrics.makespan == 5
    with pytest.raises(RunFailed) as caught:
        result.check()
    assert caught.value.failures == (("a", "StepFailed: step 'a' failed, as its simulation was told"),)


def test_fail_fast_ends_what_has_not_started() -> None:
    """With fail_fast nothing starts after a failure, and the run ends with what is under way."""
    result = simulate(flow({"a": 1, "b": 3, "c": 1}, ("b", "c"), failFast=True), outcomes={"a": "failed"})

    assert statuses(result) == {"a": "failed", "b": "completed", "c": "cancelled"}
    assert (result.reason, result.metrics.makespan) == ("fail_fast", 3)


def test_a_failure_follows_its_policy_of_retries() -> None:
    """Each attempt takes its time and fails, and the waits between them are those of the policy."""
    result = simulate(one(retries=2), outcomes={"a": "failed"})

    assert (result.steps["a"].attempts, result.steps["a"].reason) == (3, "exhausted")
    assert result.metrics.makespan == 2 + 1 + 2 + 2 + 2
    assert result.metrics.total_duration == 6


def test_outcomes_may_differ_by_attempt() -> None:
    """A sequence tells the outcome of one attempt after the other, and its last counts for all that follow."""
    mended = simulate(one(retries=5), outcomes={"a": ["failed", "failed", "completed"]})
    hopeless = simulate(one(retries=3), outcomes={"a": ("completed", "failed")})

    assert (mended.success, mended.steps["a"].attempts, mended.metrics.makespan) == (True, 3, 9)
    assert (hopeless.success, hopeless.steps["a"].attempts) == (True, 1)
    assert simulate(one(retries=3), outcomes={"a": ["failed"]}).steps["a"].attempts == 4


def test_an_exception_may_be_told() -> None:
    """The policy sees the exception that is given: it may end the matter, or ask for its own wait."""
    final = simulate(one(retries=2), outcomes={"a": NonRetryable("no such file")})
    later = simulate(one(retries=1), outcomes={"a": [RetryAfter(10), taskorch.Outcome.COMPLETED]})

    assert (final.steps["a"].attempts, str(final.steps["a"].error)) == (1, "NonRetryable: no such file")
    assert later.check().metrics.makespan == 2 + 10 + 2


def test_jitter_follows_the_seed() -> None:
    """The same seed gives the same run; another one gives other waits, within the jitter of the policy."""
    built = Workflow("jittery")
    built.step(body, id="a", estimated_duration=0, retry=Retry(max_attempts=2, initial=10, jitter=0.5))
    times = [simulate(built, outcomes={"a": "failed"}, seed=seed).metrics.makespan for seed in (0, 1, 2, 0)]

    assert len(set(times)) == 3
    assert times[0] == times[3] == round(10 * (1 - 0.5 * chance("0/a/1")), 6)
    assert all(5 <= time <= 10 for time in times)


@pytest.mark.parametrize(
    ("type", "lag", "expected"),
    [
        ("finish_to_start", 4, {"a": (0, 2), "b": (6, 9)}),
        ("start_to_start", 1, {"a": (0, 2), "b": (1, 4)}),
        ("finish_to_finish", 4, {"a": (0, 2), "b": (0, 6)}),
        ("start_to_finish", 5, {"a": (0, 2), "b": (0, 5)}),
        ("start_to_finish", 0, {"a": (0, 2), "b": (0, 3)}),
    ],
)
def test_links_of_all_types_hold(type: str, lag: float, expected: dict[str, tuple[float, float]]) -> None:
    """A link holds the start or the finish of its successor until its lag is over."""
    plain = flow({"a": 2, "b": 3})
    plain.link("a", "b", type=type, lag=lag)

    assert spans(simulate(plain)) == expected


def test_resources_hold() -> None:
    """Steps that take more than there is wait for one another; a step that can never fit is refused."""
    takes = {id: {"resources": {"gpu": amount}} for id, amount in {"a": 2, "b": 1}.items()}
    plain = flow({"a": 1, "b": 2, "c": 4}, more=takes, resources={"limits": {"gpu": 2}})

    assert spans(simulate(plain)) == {"a": (2, 3), "b": (0, 2), "c": (0, 4)}
    with pytest.raises(InvalidWorkflow):
        simulate(flow({"a": 1}, more=takes, resources={"limits": {"gpu": 1}}))


def test_sequential_mode_holds() -> None:
    """In sequential mode one step runs after the other, in the order of the document."""
    assert spans(simulate(flow({"a": 1, "b": 2}, mode="sequential"))) == {"a": (0, 1), "b": (1, 3)}


def test_timeouts_hold() -> None:
    """An attempt is stopped when its time is up, and one that takes exactly its time has made it."""
    late = simulate(one(retries=1, timeout=1500), outcomes={"a": "completed"})
    exact = simulate(one(timeout=2000))

    assert (late.steps["a"].attempts, late.metrics.makespan) == (2, 1.5 + 1 + 1.5)
    assert str(late.steps["a"].error) == "StepTimeout: step 'a' took longer than its timeout of 1.5 s"
    assert exact.success


def test_the_time_of_all_attempts_has_a_bound() -> None:
    """No attempt follows that would begin after it, and one that is under way then is stopped."""
    early = simulate(one(retries=9, totalTimeout=5000), outcomes={"a": "failed"})
    first = simulate(one(totalTimeout=500))

    assert (early.steps["a"].attempts, early.steps["a"].reason, early.metrics.makespan) == (2, "total_timeout", 5)
    assert (first.steps["a"].attempts, first.metrics.makespan) == (1, 0.5)
    assert str(first.steps["a"].error) == "StepTimeout: step 'a' took longer than its timeout of 0.5 s"


def test_the_time_of_all_attempts_stops_a_later_one() -> None:
    """The attempt that is under way when the time of all is up is stopped, whichever it is."""
    result = simulate(one(retries=9, totalTimeout=4500), outcomes={"a": "failed"})

    assert (result.steps["a"].attempts, result.steps["a"].reason, result.metrics.makespan) == (2, "total_timeout", 4.5)


def test_waiting_for_a_place_has_a_bound() -> None:
    """A step that has waited too long for its start is cancelled, and the run fails."""
    result = simulate(flow({"a": 9, "b": 1}, more={"b": {"queueTimeout": 3000}}), concurrency=1)

    assert (result.steps["b"].status, result.steps["b"].reason) == ("cancelled", "queue_timeout")
    assert not result.success


def test_the_time_of_the_run_has_a_bound() -> None:
    """When the workflow's time is up, what runs has failed and what waits is cancelled."""
    result = simulate(flow({"a": 2, "b": 9, "c": 1}, ("a", "b"), ("b", "c"), timeout=5000))

    assert statuses(result) == {"a": "completed", "b": "failed", "c": "cancelled"}
    assert (result.reason, result.metrics.makespan) == ("workflow_timeout", 5)
    assert simulate(flow({"a": 2, "b": 3}, ("a", "b"), timeout=5000)).success


def test_breakers_hold() -> None:
    """A target that keeps failing is left alone for a while, then tried with care."""
    plain = flow(
        dict.fromkeys("abcd", 1),
        more={id: {"target": "billing"} for id in "abcd"},
        mode="sequential",
        errorHandling={"circuitBreaker": {"failureThreshold": 2, "timeout": 60_000}},
    )
    result = simulate(plain, outcomes={"a": "failed", "b": "failed"})

    assert spans(result) == {"a": (0, 1), "b": (1, 2), "c": (62, 63), "d": (63, 64)}


def test_nothing_takes_no_time() -> None:
    """A workflow without steps has ended where it began."""
    assert simulate(flow({})).check().metrics.makespan == 0


def test_large_workflows_need_no_recursion() -> None:
    """A chain and a fan of many steps are simulated, also where every step takes no time."""
    ids = [f"s{number}" for number in range(2000)]
    chain = flow(dict.fromkeys(ids, 1), *pairwise(ids))

    assert simulate(chain).metrics.makespan == 2000
    assert simulate(chain, durations=dict.fromkeys(ids, 0)).metrics.makespan == 0
    assert simulate(flow(dict.fromkeys(ids, 1)), concurrency=7).metrics.makespan == -(-2000 // 7)


class Stubborn:
    """A policy that never gives up."""

    def __init__(self, wait: float) -> None:
        self.wait = wait

    def decide(self, attempt: int, error: BaseException, elapsed: float, chance: float = 0.0) -> RetryAt:
        """Try again."""
        return RetryAt(self.wait)


@pytest.mark.parametrize(("wait", "why"), [(0, "tried again too often"), (366 * 86_400, "beyond the year 9999")])
def test_a_step_that_is_tried_for_ever_is_told(wait: float, why: str) -> None:
    """A simulation whose steps are tried again without end is refused, whether its time goes on or stands still."""
    built = Workflow("stubborn")
    built.step(body, id="a", estimated_duration=0, retry=Stubborn(wait))
    built.step(body, id="b", after="a")

    with pytest.raises(EndlessSimulation, match=why) as caught:
        simulate(built, outcomes={"a": "failed"})
    assert caught.value.steps == ("a", "b")
    assert caught.value.seconds >= wait


def test_a_run_that_cannot_go_on_is_told() -> None:
    """If nothing runs and nothing is due while steps are open, that is an error and no endless wait."""
    plan = Plan.of(flow({"a": 1}), needs_bodies=False)
    simulation = Simulation(plan, Script.of(plan.steps, {}, {}))
    simulation.frontier.paused = True

    with pytest.raises(EndlessSimulation, match="nothing runs, nothing is due") as caught:
        simulation.run()
    assert (caught.value.steps, caught.value.seconds) == (("a",), 0)
    assert caught.value.why in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"concurrency": 0}, "a concurrency of '0' is none"),
        ({"concurrency": "two"}, "a concurrency of 'two' is none"),
        ({"durations": {"b": 1}}, "durations name 'b', and there is no such step; one of a"),
        ({"durations": {"a": -1}}, r"durations\['a'\]: .* is out of range"),
        ({"durations": {"a": float("nan")}}, r"durations\['a'\]: nan s is out of range"),
        ({"durations": {"a": None}}, r"durations\['a'\]: expected seconds or a timedelta, got None"),
        ({"durations": {"a": "1h"}}, r"durations\['a'\]: expected seconds or a timedelta, got a string"),
        ({"outcomes": {"b": "failed"}}, "outcomes name 'b', and there is no such step"),
        ({"outcomes": {"a": "fialed"}}, r"outcomes\['a'\]: 'fialed' is no outcome of a body"),
        ({"outcomes": {"a": "skipped"}}, r"outcomes\['a'\]: 'skipped' is no outcome of a body"),
        ({"outcomes": {"a": []}}, r"outcomes\['a'\]: an empty sequence says nothing"),
        ({"outcomes": {"a": [1]}}, r"outcomes\['a'\]: '1' is no outcome of a body"),
    ],
)
def test_what_cannot_be_is_refused(arguments: dict[str, Any], message: str) -> None:
    """Arguments that name no step or say nothing that can be are refused, each with its place."""
    with pytest.raises(InvalidParameters, match=message):
        simulate(flow({"a": 1}), **arguments)


def test_all_that_is_wrong_is_told_at_once() -> None:
    """Every problem of durations and outcomes is told, not only the first."""
    with pytest.raises(InvalidParameters) as caught:
        simulate(flow({"a": 1}), durations={"a": -1, "b": 1}, outcomes={"a": "odd", "c": "failed"})
    assert len(caught.value.problems) == 4


def test_what_a_run_refuses_is_refused() -> None:
    """What is no workflow, or needs what no run can do, is not simulated."""
    with pytest.raises(InvalidParameters, match="a str is no workflow"):
        simulate("flow.json")  # type: ignore[arg-type]  # on purpose
    with pytest.raises(UnsupportedFeature):
        simulate(Workflow.from_dict({"name": "w", "steps": [{"id": "a", "gate": {"approvers": ["ann"]}}]}))


def test_the_simulator_is_among_the_tools_of_testers() -> None:
    """It is the same at the front door and among what testers need."""
    assert taskorch.simulate is taskorch.testing.simulate is simulate


@given(st.data())
def test_any_simulation_ends_alike_every_time(data: st.DataObject) -> None:
    """Any graph with any outcomes and concurrency ends, twice the same, and never sooner than its longest body."""
    lengths = data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=8))
    ids = [f"s{number}" for number in range(len(lengths))]
    pairs = [(a, b) for b in ids for a in ids if a < b]
    chosen = data.draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    types = st.sampled_from(["finish_to_start", "start_to_start", "finish_to_finish", "start_to_finish"])
    conditions = {
        True: st.sampled_from(["success", "always"]),
        False: st.sampled_from(["success", "failure", "always"]),
    }
    kinds = [(a, b, data.draw(types)) for a, b in chosen]
    links = [(*link, data.draw(conditions[link[2].startswith("start")])) for link in kinds]
    plain = flow(dict(zip(ids, lengths, strict=True)), *links, failFast=data.draw(st.booleans()))
    outcomes = data.draw(st.dictionaries(st.sampled_from(ids), st.sampled_from(["completed", "failed"])))
    concurrency = data.draw(st.none() | st.integers(1, 3))

    results = [simulate(plain, concurrency=concurrency, outcomes=outcomes) for _ in range(2)]

    assert results[0].to_dict() == results[1].to_dict()
    metrics = results[0].metrics
    assert metrics.makespan <= sum(lengths)
    assert metrics.makespan >= max((step.duration for step in results[0].steps.values()), default=0)
