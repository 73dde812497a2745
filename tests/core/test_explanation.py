"""Item 9, explanations: why a step stands where it stands, at any time; structured, and in one sentence."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskorch import NonRetryable, Outcome, State, Workflow
from taskorch.core.frontier.causes import Cause, Why
from taskorch.core.frontier.explanation import TOLD, Explanation, explain
from taskorch.core.frontier.facts import ENQUEUE, SCHEDULE, START
from taskorch.core.frontier.fold import OPEN
from taskorch.core.frontier.frontier import Frontier
from taskorch.core.frontier.plan import Plan
from taskorch.core.times import instant
from tests.core.runs import SECOND, Driver
from tests.core.samples import flow_of
from tests.harness.graphs import Life, fresh, workflows

NO_STEP = "it had to wait for no step"


def told(run: Driver, id: str) -> Explanation:
    """The explanation of a step."""
    return explain(run.frontier, id)


def cause(run: Driver, id: str) -> Cause:
    """The most important cause of a step."""
    return told(run, id).causes[0]


def flow(*ids: str, links: tuple[tuple[str, ...], ...] = (), of: Mapping[str, Any] | None = None, **rest: Any) -> Any:
    """A workflow's document; *of* gives members of steps by id."""
    document = flow_of(*ids, links=links, **rest)
    for step in document["steps"]:
        step.update((of or {}).get(step["id"], {}))
    return document


# --- what an open step waits for -------------------------------------------------------------------------


def test_a_step_waits_for_those_before_it() -> None:
    """A step that has not been decided names the links that are open, and no others; those not met are known too."""
    run = Driver(flow("a", "b", "c", links=(("a", "c"), ("b", "c"))))
    run.take_all()
    run.fail("b")
    found = told(run, "c")

    assert (found.step, found.state, found.outcome, found.waits_for) == ("c", State.CREATED, None, ("a",))
    assert [(link.predecessor, link.outcome) for link in found.unmet] == [("b", Outcome.FAILED)]
    assert found.reason == "it waits: a has not ended (finish_to_start, success)"
    link = cause(run, "c").link
    assert cause(run, "c").code == Why.LINK
    assert link is not None
    assert (link.predecessor, link.gate, link.is_met) == ("a", "start", None)


@pytest.mark.parametrize(
    ("type", "event"), [("finish_to_start", "ended"), ("start_to_start", "started")], ids=["FS", "SS"]
)
def test_a_start_gate_names_its_links(type: str, event: str) -> None:
    """A link that holds the start says so until its predecessor has come so far."""
    run = Driver(flow("z", "a", "b", links=(("z", "a"), ("a", "b", type))))
    run.take_all()

    assert told(run, "b").reason == f"it waits: a has not {event} ({type}, success)"
    run.complete("z")
    assert run.take() == "a"
    if event == "ended":
        assert told(run, "b").waits_for == ("a",)
        run.complete("a")
    assert (told(run, "b").waits_for, run.take()) == ((), "b")


@pytest.mark.parametrize(
    ("type", "event"), [("finish_to_finish", "ended"), ("start_to_finish", "started")], ids=["FF", "SF"]
)
def test_a_finish_gate_names_its_links(type: str, event: str) -> None:
    """A step whose body has ended says which links hold its finish."""
    run = Driver(flow("z", "a", "b", links=(("z", "a"), ("a", "b", type))))
    run.take_all()
    assert cause(run, "b").code == Why.BODY
    run.complete("b")

    assert told(run, "b").state is State.BLOCKED
    assert told(run, "b").reason == f"its body has ended, its finish waits: a has not {event} ({type}, success)"
    run.complete("z")
    assert run.take_all() == ["a"]
    assert told(run, "b").outcome is (Outcome.COMPLETED if event == "started" else None)


def test_a_lag_says_until_when() -> None:
    """A link that was met and has a lag is told with the end of the lag; two between one pair are told apart."""
    document = flow("a", "b", links=(("a", "b"), ("a", "b", "start_to_start")))
    for link, lag in zip(document["dependencies"], (5000, 20000), strict=True):
        link["lag"] = lag
    run = Driver(document)
    run.take()
    assert [c.code for c in told(run, "b").causes] == [Why.LAG, Why.LINK]  # links from starts come first
    run.complete("a", 2)

    assert {c.link and str(c.link.type): c.until for c in told(run, "b").causes} == {
        "finish_to_start": instant(7 * SECOND),
        "start_to_start": instant(20 * SECOND),
    }
    run.due(7)
    assert cause(run, "b").text == (
        "a ended as completed, and the lag is over at 1970-01-01T00:00:20Z (start_to_start, success)"
    )


def test_a_step_waits_for_a_place() -> None:
    """A ready step that finds no place says for what kind of body, and who has the places."""
    run = Driver(flow("a", "b"), total=1)
    run.take()

    assert (told(run, "a").state, told(run, "a").reason) == (State.IN_PROGRESS, "its body runs (attempt 1); " + NO_STEP)
    assert (
        told(run, "b").reason == "it is ready and waits: no place is free for any body, while these run: a; " + NO_STEP
    )
    assert (cause(run, "b").code, cause(run, "b").data) == (Why.SLOT, {"kind": "command", "heldBy": ["a"]})
    run.complete("a")
    assert cause(run, "b").code == Why.READY


def test_a_step_waits_for_a_resource() -> None:
    """A resource that is lacking is told with what is taken, free and there, and who holds it."""
    takes = {"a": {"resources": {"cpu": "1500m"}}, "b": {"resources": {"cpu": 1}}}
    run = Driver(flow("a", "b", of=takes, resources={"limits": {"cpu": 2}}))
    run.take_all()

    assert (
        told(run, "b").reason
        == "it is ready and waits: it takes 1 of cpu, and 500m of 2 is free, while these run: a; " + NO_STEP
    )
    data = {"resource": "cpu", "demand": "1", "free": "500m", "limit": "2", "heldBy": ["a"]}
    assert (cause(run, "b").code, cause(run, "b").data) == (Why.RESOURCE, data)


def test_a_step_waits_for_its_turn() -> None:
    """In sequential mode a ready step names the one that runs."""
    run = Driver(flow("a", "b", mode="sequential"))
    run.take_all()

    assert (
        told(run, "b").reason == "it is ready and waits: steps run one after the other, while these run: a; " + NO_STEP
    )
    assert cause(run, "b").code == Why.TURN


def test_a_step_waits_for_a_circuit() -> None:
    """A step whose target is left alone says until when."""
    breaker = {"circuitBreaker": {"enabled": True, "failureThreshold": 1, "timeout": 60000}}
    targets = {id: {"target": "db"} for id in "ab"}
    run = Driver(flow("a", "b", of=targets, errorHandling=breaker), total=1)
    run.take()
    run.fail("a", 1)
    assert run.take(1) is None

    assert (
        told(run, "b").reason
        == "it is ready and waits: the circuit of db is open until 1970-01-01T00:01:01Z; " + NO_STEP
    )
    found = cause(run, "b")
    assert (found.code, found.until, found.data) == (Why.BREAKER, instant(61 * SECOND), {"target": "db"})


def test_a_step_waits_for_its_next_attempt() -> None:
    """A failure with a retry pending is no end: the date is told; once it has come, the step is ready."""
    run = Driver(flow("a", errorHandling={"retryPolicy": {"maxRetries": 1, "initialDelay": 5000}}))
    run.take()
    run.fail("a", 1)

    assert (told(run, "a").state, told(run, "a").outcome) == (State.FAILED, None)
    assert told(run, "a").reason == "attempt 1 failed (ValueError), the next is due at 1970-01-01T00:00:06Z"
    assert (cause(run, "a").code, cause(run, "a").until) == (Why.RETRY, instant(6 * SECOND))
    run.due(6)
    assert cause(run, "a").code == Why.READY


def test_a_paused_run_is_named() -> None:
    """What could start says that the run is paused; what waits for others names them."""
    run = Driver(flow("a", "b", links=(("a", "b"),)))
    run.frontier.paused = True

    assert told(run, "a").reason == "it is ready and waits: the run is paused; " + NO_STEP
    assert (cause(run, "a").code, cause(run, "b").code) == (Why.PAUSE, Why.LINK)


# --- how a step ended ------------------------------------------------------------------------------------


def test_how_steps_ended() -> None:
    """Each end is told with what led to it: error, links, conditions; and why it ran, if it did."""
    conditions = {"never": "not always", "asked": "on_failure(ok)", "always": "always", "held": "on_success(ok)"}
    document = flow(
        *("ok", "bad", "after", "never", "asked", "always", "held", "then"),
        links=(("bad", "after"), ("bad", "always"), ("ok", "then")),
        of={id: {"condition": text} for id, text in conditions.items()},
    )
    run = Driver(document)
    run.take_all()
    run.complete("ok")
    run.fail("bad", error=ValueError("no luck"))
    for id in run.take_all():
        run.complete(id)

    assert {id: ([str(c.code) for c in told(run, id).causes], told(run, id).reason) for id in run.plan.index} == {
        "ok": (["completed", "no_links"], "its body ended well; it had to wait for no step"),
        "bad": (
            ["exhausted", "no_links"],
            "attempt 1 failed: ValueError: no luck (exhausted); it had to wait for no step",
        ),
        "after": (["link_unmet"], "a link was not met: bad ended as failed (finish_to_start, success)"),
        "never": (["condition_false"], "its own condition was false: not always"),
        "asked": (
            ["condition_unmet"],
            "its condition on other steps was not met: on_failure(ok) (ok ended as completed)",
        ),
        "always": (
            ["completed", "always"],
            "its body ended well; its condition mentions always: always",
        ),
        "held": (
            ["completed", "condition_met"],
            "its body ended well; its condition held: on_success(ok)",
        ),
        "then": (
            ["completed", "links_met"],
            "its body ended well; its links were met: ok ended as completed (finish_to_start, success)",
        ),
    }


def test_a_failure_tells_why_no_attempt_followed() -> None:
    """The reason of the last failure is the code of its cause; its message is cut in the sentence only."""
    run = Driver(flow("a", errorHandling={"retryPolicy": {"maxRetries": 3}}))
    run.take()
    run.fail("a", error=NonRetryable("x" * 1000))

    first, _ = told(run, "a").causes
    assert (first.code, first.data["type"], first.data["attempt"]) == ("non_retryable", "NonRetryable", 1)
    assert first.data["message"] == "x" * 1000
    assert len(told(run, "a").reason) < 400


def test_a_finish_that_can_no_longer_come_is_a_failure_with_its_link() -> None:
    """A held step whose link broke names it."""
    run = Driver(flow("a", "b", links=(("a", "b", "finish_to_finish"),)))
    run.take_all()
    run.complete("b")
    run.fail("a")

    gate, link, _ = told(run, "b").causes
    assert (gate.code, link.code) == ("finish_gate", Why.LINK_UNMET)
    assert "a ended as failed (finish_to_finish, success)" in told(run, "b").reason


CUTS: dict[str, tuple[dict[str, Any], Callable[[Driver], object], str, str]] = {
    "fail_fast": (
        flow("a", "b", of={"b": {"condition": "always and on_complete(a)"}}, failFast=True),
        lambda run: run.fail("a"),
        "b",
        "nothing more was started after the failure of a",
    ),
    "workflow_timeout": (
        flow("a", "b", links=(("a", "b"),), timeout=1000),
        lambda run: run.due(1),
        "b",
        "the time of the run was up",
    ),
    "queue_timeout": (
        flow("a", "b", of={"b": {"queueTimeout": 1000}}),
        lambda run: run.due(1),
        "b",
        "it waited too long for its start",
    ),
    "cancelled": (
        flow("a", "b", links=(("a", "b"),)),
        lambda run: run.frontier.cancel(SECOND),
        "b",
        "the run was cancelled",
    ),
    "total_timeout": (
        flow("a", "b", of={"a": {"totalTimeout": 3000, "retries": 9, "retryDelay": 2000}}),
        lambda run: (run.fail("a"), run.take(), run.due(2), run.due(3)),
        "a",
        "the time of all its attempts was up",
    ),
}


@pytest.mark.parametrize("reason", CUTS)
def test_a_step_that_was_cut_off_says_by_what(reason: str) -> None:
    """Fail fast, the timeouts and the host's wish are told apart, by code and in words."""
    document, cut, id, text = CUTS[reason]
    run = Driver(document, total=1)
    run.take()
    cut(run)

    assert told(run, id).outcome is not None
    assert told(run, id).causes[0].code == reason
    assert text in told(run, id).reason


# --- what holds for all ----------------------------------------------------------------------------------


def test_a_sentence_is_short_however_many_causes_there_are() -> None:
    """A step behind a thousand others names the first, and how many more there are; the causes are all there."""
    ids = [f"s{number}" for number in range(1000)]
    run = Driver(flow(*ids, "join", links=tuple((id, "join") for id in ids)), total=1)
    found = told(run, "join")

    assert len(found.causes) == len(found.links) == 1000
    assert found.reason.endswith(f"; and {1000 - TOLD} more")
    assert len(found.reason) < 400


def test_an_explanation_is_json_data() -> None:
    """It can be written down as it is."""
    document = flow("a", "b", links=(("a", "b"),))
    document["dependencies"][0]["lag"] = 5000
    run = Driver(document)
    run.take()
    run.complete("a")
    data = told(run, "b").to_dict()

    assert json.loads(json.dumps(data)) == data
    assert data["causes"][0]["until"] == data["links"][0]["until"] == "1970-01-01T00:00:05Z"
    assert str(told(run, "b")).startswith("b: it waits: a ended as completed, and the lag")


def test_a_step_that_is_not_there_has_no_explanation() -> None:
    """An unknown id raises ``KeyError``."""
    with pytest.raises(KeyError):
        told(Driver(flow("a")), "nope")


def require_explained(frontier: Frontier) -> None:
    """Assert that every step is explained, and that what is named does keep it."""
    for number, step in enumerate(frontier.plan.steps):
        found = explain(frontier, step.id)
        assert found.causes
        assert found.reason
        assert json.dumps(found.to_dict())
        assert (found.outcome is None) == (frontier.ends[number] == OPEN)
        if found.outcome is None:
            codes = {cause.code for cause in found.causes}
            assert codes <= set(Why)
            assert (Why.BODY in codes) == frontier.has_place(number)
            assert all(cause.until is None or cause.until >= instant(0) for cause in found.causes)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), workflows(equipped=True))
def test_nothing_waits_without_a_named_blocker(data: st.DataObject, flow: Workflow) -> None:
    """At any time of any life every step is explained; an open one waits for a date, a body or a named blocker.

    In a run that is left alone nothing is merely ready, either: whatever could go on has gone on.
    """
    life = Life(
        Plan.of(flow),
        data.draw(st.integers(1, 4)),
        lambda count: data.draw(st.integers(0, count - 1)) if count > 1 else 0,
    )
    life.start()
    for _ in range(400):
        require_explained(life.frontier)
        for step in life.plan.steps:
            codes = {cause.code for cause in explain(life.frontier, step.id).causes}
            assert not codes & {Why.READY, Why.HALT}, f"{step.id}: {explain(life.frontier, step.id).reason}"
        if not life.step():
            break


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), workflows(equipped=True))
def test_every_fold_of_a_prefix_is_explained(data: st.DataObject, flow: Workflow) -> None:
    """Whatever part of the facts is known, in the middle of a unit too, every step is explained."""
    plan = Plan.of(flow)
    choose = data.draw(st.randoms(use_true_random=False)).randrange
    life = Life(plan, data.draw(st.integers(1, 4)), choose)
    life.start()
    for _ in range(60):
        if not life.step():
            break
    folded = fresh(plan, life.places)
    for fact in life.frontier.facts:
        folded.replay([fact])
        require_explained(folded)
        if fact[1] in (ENQUEUE, SCHEDULE, START):
            assert explain(folded, plan.steps[fact[0]].id).outcome is None
