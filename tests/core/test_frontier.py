"""The frontier: which steps may start, when, and what follows when one ends; live, and folded from facts."""

from typing import Any

import pytest

from taskorch import MissingOutput, NonRetryable, OutputNotStorable
from tests.core.runs import SECOND, Driver
from tests.core.samples import flow_of

# The end of a, then whether b runs after a link of success, failure and always.
JOINS = """
completed  completed omitted   completed
failed     omitted   completed completed
allowed    completed completed completed
skipped    completed omitted   completed
omitted    omitted   omitted   completed
"""


def ended_as(end: str, condition: str) -> Driver:
    """A run in which ``a`` has ended so, and ``b`` is linked to it."""
    document = flow_of("z", "a", "b", links=(("a", "b", "finish_to_start", condition),))
    a: dict[str, Any] = document["steps"][1]
    a["allowFailure"] = end == "allowed"
    a |= {"skipped": {"condition": "not always"}, "omitted": {"condition": "on_failure(z)"}}.get(end, {})
    run = Driver(document)
    while (id := run.take()) is not None:
        run.fail(id) if id == "a" and end in ("failed", "allowed") else run.complete(id)
    return run


@pytest.mark.parametrize("row", JOINS.strip().splitlines(), ids=lambda row: row.split()[0])
@pytest.mark.parametrize("condition", ["success", "failure", "always"])
def test_a_link_is_met_as_the_table_says(row: str, condition: str) -> None:
    """A step runs if the end of its predecessor satisfies the link, and is omitted if not."""
    end, *expected = row.split()
    run = ended_as(end, condition)

    assert run.ends()["a"] == ("failed" if end == "allowed" else end)
    assert run.ends()["b"] == expected[["success", "failure", "always"].index(condition)]
    assert run.frontier.has_failed is (end == "failed")


def test_a_join_waits_for_every_link() -> None:
    """A step is decided when all its links are settled, never before, even if one can no longer be met."""
    run = Driver(flow_of("a", "b", "c", links=(("a", "c"), ("b", "c"))))
    assert run.take_all() == ["a", "b"]
    run.fail("a", 1)
    assert run.state("c") == "CREATED"
    run.complete("b", 2)
    assert (run.state("c"), run.ends()["c"]) == ("CANCELLED", "omitted")


def test_always_overrides_the_conditions_of_links() -> None:
    """A step whose condition says ``always`` runs although a link of success was not met."""
    document = flow_of("a", "b", links=(("a", "b"),))
    document["steps"][1]["condition"] = "always"
    run = Driver(document)
    run.take()
    run.fail("a")

    assert run.take() == "b"


def test_a_step_takes_the_documented_way() -> None:
    """A step is enqueued, scheduled, started and completed; a failure is retried with the next attempt."""
    document = flow_of("a")
    document["steps"][0] |= {"retries": 1, "retryDelay": 5000}
    run = Driver(document)
    run.take(1)
    run.fail("a", 2)
    assert run.take_all(6.9) == []
    assert run.frontier.next_due() == 7 * SECOND
    assert run.due(7) == []
    assert run.take(7) == "a"
    run.complete("a", 8)

    assert run.told("a") == ["enqueue", "schedule", "start", "fail", "retry", "complete"]
    assert [attempt for _, _, attempt, _, _ in run.frontier.facts] == [0, 0, 1, 1, 2, 2]


def test_attempts_are_exhausted() -> None:
    """After the last retry a step has failed, and a late end of an old attempt is refused."""
    document = flow_of("a")
    document["steps"][0] |= {"retries": 1, "retryDelay": 0}
    run = Driver(document)
    for _ in range(2):
        assert run.take() == "a"
        run.fail("a")
        run.due(0)

    assert run.take() is None
    assert run.ends() == {"a": "failed"}
    assert run.frontier.details[0]["reason"] == "exhausted"
    assert not run.frontier.complete(0, 1, None, 0)
    assert not run.frontier.fail(0, 2, ValueError(), 0)


def test_some_errors_are_not_retried() -> None:
    """``NonRetryable`` fails the step at its first attempt."""
    run = Driver(flow_of("a", errorHandling={"retryPolicy": {"maxRetries": 5}}))
    run.take()
    run.fail("a", error=NonRetryable("no use"))

    assert (run.ends(), run.frontier.details[0]["reason"]) == ({"a": "failed"}, "non_retryable")


def test_slots_and_order() -> None:
    """No more bodies run than there are places; the longest path goes first, then the document's order."""
    run = Driver(flow_of("a", "b", "c", "d", links=(("c", "d"),)), total=2)
    assert run.take_all() == ["c", "a"]
    run.complete("c", 1)
    assert run.take_all(1) == ["b"]
    run.complete("a", 2)
    assert run.take_all(2) == ["d"]


def test_sequential_keeps_the_order_of_the_document() -> None:
    """In sequential mode ready steps start in the order of the document."""
    run = Driver(flow_of("a", "b", "c", "d", links=(("c", "d"),), mode="sequential"), total=1)
    seen = []
    while (id := run.take()) is not None:
        seen.append(id)
        assert run.take() is None
        run.complete(id)
    assert seen == ["a", "b", "c", "d"]


def test_fail_fast_starts_nothing_more() -> None:
    """After a failure that was not allowed, bodies under way end, and what could still have run is cancelled."""
    run = Driver(flow_of("a", "b", "c", "d", links=(("a", "c"), ("b", "d")), failFast=True))
    run.take_all()
    run.fail("a", 1)
    run.complete("b", 2)

    assert run.ends() == {"a": "failed", "b": "completed", "c": "omitted", "d": "cancelled"}


def test_the_time_of_a_workflow_is_up() -> None:
    """Then bodies under way are to be stopped and have failed, the rest is cancelled, and the run has failed."""
    run = Driver(flow_of("a", "b", links=(("a", "b"),), timeout=5000))
    run.take()
    assert run.due(4.9) == []
    assert run.due(5) == [("a", "workflow_timeout")]

    assert run.ends() == {"a": "failed", "b": "cancelled"}
    assert run.frontier.has_failed
    assert run.frontier.next_due() is None


def test_the_time_of_an_attempt_is_up() -> None:
    """Its timeout counts from the body's beginning, and asks for the body to be stopped."""
    document = flow_of("a")
    document["steps"][0]["timeout"] = 1000
    run = Driver(document)
    run.take(0)
    run.frontier.began(0, 3 * SECOND)

    assert (run.due(3.9), run.due(4), run.due(9)) == ([], [("a", "timeout")], [])


def test_times_never_go_back() -> None:
    """Facts carry a time that never falls, whatever the clock does."""
    run = Driver(flow_of("a", "b"))
    run.take(10)
    run.complete("a", 5)
    run.take(-3)
    at = [fact[3] for fact in run.frontier.facts]

    assert at == sorted(at)


def test_fail_fast_lets_go_what_is_held() -> None:
    """A body that waits for the finish of a step which fail_fast cancels ends at once; the run does not hang."""
    run = Driver(flow_of("b", "x", "c", links=(("c", "b", "finish_to_finish"),), failFast=True), total=1)
    run.take()
    run.complete("b", 1)
    run.take(1)
    run.fail("x", 2)

    assert run.ends() == {"b": "failed", "x": "failed", "c": "cancelled"}


BREAKER = {"circuitBreaker": {"failureThreshold": 1, "timeout": 10_000}}


def probing(*, links: tuple[tuple[str, ...], ...] = ()) -> Driver:
    """A run in which the circuit of the common target is open after ``a``, and ``b`` probes it at 10 s."""
    document = flow_of("a", "b", "c", links=links, errorHandling=BREAKER)
    for step in document["steps"]:
        step["target"] = "db"
    run = Driver(document, total=1)
    assert run.take() == "a"
    run.fail("a", 0)
    assert run.take_all(5) == []
    assert run.take(10) == "b"
    return run


def test_a_body_that_ended_well_closes_the_circuit_though_it_is_held() -> None:
    """The target was called well, whatever the finish of the step still waits for."""
    run = probing(links=(("c", "b", "finish_to_finish"),))
    run.complete("b", 11)

    assert run.state("b") == "BLOCKED"
    assert run.take(11) == "c"


def test_a_probe_that_tells_nothing_makes_way_for_the_next() -> None:
    """An attempt that was cut off, or whose output cannot be kept, says nothing about the target."""
    for error in (OutputNotStorable("b", "returned what cannot be stored"), MissingOutput("b", "a")):
        run = probing()
        run.fail("b", 11, error)
        assert run.take(11) == "c"
    run = probing()
    again = run.replayed()
    again.resume(11 * SECOND)
    again.due(11 * SECOND)
    assert again.take(11 * SECOND) == run.plan.index["b"]
