"""A run taken over: the frontier folded from facts is the live one, and goes on like it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskorch import Workflow
from taskorch.core.frontier.attempts import POISON_LIMIT
from taskorch.core.frontier.ends import End
from taskorch.core.frontier.facts import CANCEL, STATES, VERBS
from taskorch.core.frontier.frontier import Frontier
from taskorch.core.frontier.reasons import POISON
from taskorch.core.states import LIFECYCLE, State
from tests.core.runs import SECOND, Driver
from tests.core.samples import flow_of


def test_a_backoff_outlives_a_crash() -> None:
    """A step that waits for its retry does not start before its time in a run that was taken over."""
    document = flow_of("a")
    document["steps"][0] |= {"retries": 3, "retryDelay": 60_000}
    run = Driver(document)
    run.take()
    run.fail("a", 1)
    again = run.replayed()
    again.resume(2 * SECOND)

    assert again.take(2 * SECOND) is None
    assert again.due(61 * SECOND) == []
    assert again.take(61 * SECOND) == 0


def test_a_backoff_after_a_lost_attempt_is_kept() -> None:
    """An attempt lost in a crash is due again at once; when it then fails, its backoff is waited for."""
    document = flow_of("a")
    document["steps"][0] |= {"retries": 3, "retryDelay": 60_000}
    run = Driver(document)
    run.take()
    again = run.replayed()
    again.resume(SECOND)
    again.due(SECOND)
    assert again.take(SECOND) == 0
    again.fail(0, 2, ValueError("no"), 2 * SECOND)

    assert again.take(3 * SECOND) is None


def test_a_lost_attempt_does_not_count() -> None:
    """An attempt cut off by a crash is made again with the next number, and uses up no retry."""
    run = Driver(flow_of("a"))
    run.take()
    again = run.replayed()
    again.resume(SECOND)
    again.due(SECOND)
    assert again.take(SECOND) == 0
    assert again.attempt == [2]
    assert again.complete(0, 2, "x", 2 * SECOND)


def lost(run: Driver, times: int) -> Frontier:
    """The run once so many owners were lost while its first step was under way, each taken over by the next."""
    run.take()
    frontier = run.replayed()
    frontier.resume(SECOND)
    for n in range(2, times + 1):
        frontier.due(n * SECOND)
        frontier.take(n * SECOND)
        facts, frontier = frontier.facts, run.fresh()
        frontier.replay(facts)
        frontier.resume(n * SECOND)
    return frontier


def test_a_step_that_costs_processes_their_lives_is_given_up() -> None:
    """The third lost owner is the last: the step fails as ``poison`` with attempts left, and is not started again."""
    document = flow_of("a", "b")
    document["steps"][0] |= {"retries": 9}
    again = lost(Driver(document), POISON_LIMIT - 1)
    assert again.open == 2

    run = Driver(document)
    again = lost(run, POISON_LIMIT)
    assert again.details[0]["reason"] == POISON
    assert (End(again.ends[0]), again.attempt[0]) == (End.FAILED, POISON_LIMIT)
    again.due(100 * SECOND)
    assert [run.plan.steps[step].id for step in iter(lambda: again.take(100 * SECOND), None)] == ["b"]


def test_only_lost_owners_count_as_poison() -> None:
    """Attempts that were cut off by an owner who lived to tell of it never poison a step."""
    run = Driver(flow_of("a"))
    for n in range(2 * POISON_LIMIT):
        assert run.take(n) == "a"
        run.frontier.interrupt(0, n * SECOND)
        run.due(n)
    assert lost(run, POISON_LIMIT - 1).open == 1


@pytest.mark.parametrize("times", range(1, POISON_LIMIT + 1))
def test_losses_are_folded_like_everything_else(times: int) -> None:
    """At every prefix of a life with lost owners the fold of the facts is the live frontier, its losses included."""
    document = flow_of("a", "b")
    document["steps"][0] |= {"allowFailure": True}
    run = Driver(document)
    again = lost(run, times)
    live = run.fresh()
    for count, fact in enumerate(again.facts, 1):
        live.replay([fact])
        prefix = run.fresh()
        prefix.replay(again.facts[:count])
        assert prefix.snapshot() == live.snapshot()
    assert live.snapshot() == again.snapshot()


def random_flow(data: st.DataObject) -> Workflow:
    """A small workflow with links, conditions, retries and allowed failures."""
    count = data.draw(st.integers(1, 5))
    document = flow_of(*(f"s{n}" for n in range(count)), failFast=data.draw(st.booleans()))
    document["dependencies"] = [
        {"from": f"s{a}", "to": f"s{b}", "condition": data.draw(st.sampled_from(["success", "failure", "always"]))}
        for b in range(count)
        for a in range(b)
        if data.draw(st.booleans())
    ]
    for number, step in enumerate(document["steps"]):
        step |= {"retries": data.draw(st.integers(0, 2)), "retryDelay": 1000, "allowFailure": data.draw(st.booleans())}
        if number:
            before = f"s{data.draw(st.integers(0, number - 1))}"
            texts = ["always", f"on_success({before})", f"on_failure({before})", "not always", f"on_skip({before})"]
            step["condition"] = data.draw(st.sampled_from(["always", *texts]))
    return Workflow.from_dict(document)


def answers(frontier: Frontier, now: int) -> list[object]:
    """What a frontier starts and stops from now on, if every body then completes."""
    found: list[object] = []
    for _ in range(100):
        if (step := frontier.take(now)) is not None:
            found.append((step, now))
            frontier.complete(step, frontier.attempt[step], None, now)
        elif (due := frontier.next_due()) is not None:
            now = max(due, now)
            found.extend(frontier.due(now))
        else:
            break
    return [*found, frontier.snapshot()]


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_facts_folded_are_the_live_frontier(data: st.DataObject) -> None:
    """After any history the fold of the facts equals the live frontier, and answers and goes on like it."""
    run = Driver(random_flow(data), total=data.draw(st.integers(1, 3)))
    running: list[str] = []
    now = 0.0
    for _ in range(data.draw(st.integers(0, 12))):
        now += data.draw(st.sampled_from([0, 0.5, 1, 2]))
        match data.draw(st.sampled_from(["take", "complete", "fail", "due"])):
            case "take":
                running += run.take_all(now)
            case "due":
                run.due(now)
            case verb if running:
                id = running.pop(0)
                run.complete(id, now) if verb == "complete" else run.fail(id, now)
    for id in running:
        run.complete(id, now)
    folded = run.replayed()
    folded.resume(round(now * SECOND))
    run.frontier.due(round(now * SECOND))
    folded.due(round(now * SECOND))

    assert folded.facts == run.frontier.facts
    assert folded.snapshot() == run.frontier.snapshot()
    assert answers(folded, round(now * SECOND)) == answers(run.frontier, round(now * SECOND))
    _every_fact_is_legal(run)


def _every_fact_is_legal(run: Driver) -> None:
    """Facts follow the lifecycle, and every cancellation has a reason."""
    states = [State.CREATED] * len(run.plan.steps)
    for step, verb, _, _, detail in run.frontier.facts:
        states[step] = LIFECYCLE.target(states[step], VERBS[verb])
        assert verb != CANCEL or detail in ("skipped", "omitted", "fail_fast", "workflow_timeout")
    assert [STATES[state] for state in run.frontier.states] == states
