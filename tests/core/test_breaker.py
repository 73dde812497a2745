"""The circuit breaker: when calls go through, and when they are refused."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from taskorch import InvalidPolicy, InvalidWorkflow
from taskorch.core.breaker import Breaker, BreakerState
from taskorch.core.settings import CircuitBreaker
from tests.core.samples import NOW, SHARED, needs_shared

SCRIPTS = SHARED / "data" / "retry" / "circuit_breakers.json"
PEERS: dict[str, Any] = json.loads(SCRIPTS.read_text(encoding="utf-8")) if SCRIPTS.exists() else {}
CLOSED, OPEN, HALF_OPEN = BreakerState


def at(seconds: float) -> datetime:
    """The time so many seconds after ``NOW``."""
    return NOW + timedelta(seconds=seconds)


def opened(**members: Any) -> Breaker:
    """A breaker that opened at ``at(0)``, for 10 s unless *members* say otherwise."""
    breaker = Breaker(**{"failure_threshold": 1, "reset_timeout": 10} | members)
    breaker.record_failure(at(0))
    return breaker


@needs_shared
@pytest.mark.parametrize("probes", [1, 3])
def test_it_behaves_as_two_libraries_agree(probes: int) -> None:
    """After each call of every script of the peers it has let through the same calls, and is in the same state."""
    for script in PEERS["scripts"]:
        breaker = Breaker(script["failure_threshold"], reset_timeout=10, half_open_max=probes)
        now, calls = NOW, iter(script["states"])
        for call in script["script"]:
            if call == "W":
                now += timedelta(seconds=10, microseconds=1)
                continue
            expected = next(calls)
            executed = breaker.allow(now)
            if executed:
                (breaker.record_success if call == "S" else breaker.record_failure)(now)
            found = {"call": call, "executed": executed, "state": str(breaker.state(now))}
            assert found == expected, script["script"]
        assert next(calls, None) is None


def test_the_peers_are_many() -> None:
    """The table of scripts holds both outcomes, and calls that were refused."""
    if not PEERS:
        pytest.skip("the folder ../shared is not there")
    states = [state for script in PEERS["scripts"] for state in script["states"]]

    assert len(PEERS["scripts"]) == 400
    assert {(state["executed"], state["state"]) for state in states} == {
        (True, "closed"), (True, "open"), (False, "open"),
    }  # fmt: skip


def test_the_failures_must_follow_one_another() -> None:
    """It opens after so many failures in a row; a success in between begins the count anew."""
    breaker = Breaker(failure_threshold=3)
    for record in (breaker.record_failure, breaker.record_failure, breaker.record_success, breaker.record_failure):
        record(NOW)
    assert breaker.state(NOW) is CLOSED

    breaker.record_failure(NOW)
    breaker.record_failure(NOW)
    assert breaker.state(NOW) is OPEN


def test_it_is_half_open_when_its_time_is_up() -> None:
    """It is open until ``reset_timeout`` has passed, and half open from that very instant."""
    breaker = opened()
    times = (0, 9.999999, 10, 1e9)

    assert [breaker.state(at(time)) for time in times] == [OPEN, OPEN, HALF_OPEN, HALF_OPEN]
    assert [breaker.would_allow(at(time)) for time in times] == [False, False, True, True]
    assert [breaker.available_at(at(time)) for time in times] == [at(10), at(10), None, None]


def test_so_many_probes_at_the_same_time() -> None:
    """Half open, it lets ``half_open_max`` calls through, and no more until one of them ended."""
    breaker = opened(half_open_max=2)

    assert [breaker.allow(at(10 + second)) for second in range(4)] == [True, True, False, False]
    assert breaker.state(at(13)) is HALF_OPEN
    breaker.record_success(at(14))
    assert breaker.state(at(14)) is CLOSED
    assert breaker.allow(at(14))


def test_a_probe_that_fails_opens_it_anew() -> None:
    """After a failed probe it is open for the whole ``reset_timeout`` again."""
    breaker = opened()
    assert breaker.allow(at(12))
    breaker.record_failure(at(15))

    assert [breaker.state(at(time)) for time in (15, 24, 25)] == [OPEN, OPEN, HALF_OPEN]
    assert breaker.allow(at(25))


def test_one_success_closes_it_whatever_its_threshold() -> None:
    """The count of failures begins anew when it has closed."""
    breaker = Breaker(failure_threshold=2, reset_timeout=10)
    breaker.record_failure(at(0))
    breaker.record_failure(at(0))
    assert breaker.allow(at(10))
    breaker.record_success(at(10))
    breaker.record_failure(at(10))

    assert breaker.state(at(10)) is CLOSED


def test_a_lost_probe_frees_its_place() -> None:
    """A probe whose end is never recorded counts for ``reset_timeout``, and no longer."""
    breaker = opened(half_open_max=2)
    assert breaker.allow(at(10))
    assert breaker.allow(at(13))
    assert breaker.available_at(at(15)) == at(20)
    assert not breaker.allow(at(19.999999))

    assert breaker.allow(at(20))
    assert not breaker.allow(at(20))
    assert breaker.available_at(at(20)) == at(23)


def test_asking_takes_no_place() -> None:
    """``would_allow``, ``available_at`` and ``state`` change nothing."""
    breaker = opened()
    for _ in range(3):
        assert breaker.would_allow(at(10))
        assert breaker.available_at(at(10)) is None
        assert breaker.state(at(10)) is HALF_OPEN

    assert breaker.allow(at(10))
    assert not breaker.would_allow(at(10))


def test_calls_from_before_tell_nothing_while_it_is_open() -> None:
    """What ends while it is open began before: it neither closes it nor makes it wait longer."""
    breaker = opened()
    breaker.record_success(at(5))
    assert breaker.state(at(5)) is OPEN
    breaker.record_failure(at(8))

    assert breaker.state(at(10)) is HALF_OPEN


def test_a_lost_probe_may_still_tell_how_it_ended() -> None:
    """The end of a probe that counted as lost is news all the same: it closes the breaker, or opens it anew."""
    well, badly = opened(), opened()
    assert well.allow(at(10))
    assert badly.allow(at(10))
    well.record_success(at(25))
    badly.record_failure(at(25))

    assert well.state(at(25)) is CLOSED
    assert badly.state(at(25)) is OPEN
    assert badly.available_at(at(25)) == at(35)


def test_a_clock_that_goes_back_costs_no_more_than_its_time() -> None:
    """Put back by a year, it waits ``reset_timeout`` from there and is not shut for the year."""
    breaker, year = opened(), 366 * 86_400
    assert breaker.available_at(at(-year)) == at(10 - year)
    assert not breaker.allow(at(-year))
    assert not breaker.allow(at(9 - year))

    assert breaker.allow(at(10 - year))


def test_a_probe_survives_a_clock_that_goes_back() -> None:
    """A probe under way when the clock is put back keeps its place, counts when it ends, and is lost in time."""
    ended, lost = opened(), opened()
    for breaker in (ended, lost):
        assert breaker.allow(at(10))
        assert not breaker.allow(at(-100))
        assert breaker.state(at(-100)) is HALF_OPEN
    ended.record_success(at(-99))

    assert ended.state(at(-99)) is CLOSED
    assert not lost.allow(at(-91))
    assert lost.allow(at(-90))


def test_the_end_of_time_is_no_trap() -> None:
    """Near the last instant there is, it answers with that instant."""
    last = datetime.max.replace(tzinfo=UTC)
    breaker = Breaker(failure_threshold=1, reset_timeout=10)
    breaker.record_failure(last)

    assert breaker.available_at(last) == last
    assert not breaker.allow(last)


def test_zones_make_no_difference() -> None:
    """A time is the same time in any zone."""
    far = timezone(timedelta(hours=14))
    breaker = Breaker(failure_threshold=1, reset_timeout=10)
    breaker.record_failure(at(0).astimezone(far))

    assert breaker.available_at(at(5).astimezone(far)) == at(10)
    assert breaker.allow(at(10).astimezone(far))


@pytest.mark.parametrize("now", [NOW.replace(tzinfo=None), "2026-11-20T10:00:00Z", 5.0, None], ids=repr)
@pytest.mark.parametrize("breaker", [Breaker(), opened()], ids=["closed", "open"])
def test_a_time_has_a_zone(breaker: Breaker, now: Any) -> None:
    """What is no time, or has no zone, is refused whatever is asked, and changes nothing."""
    questions = (breaker.allow, breaker.would_allow, breaker.available_at, breaker.state)
    before = repr(breaker)
    for ask in (*questions, breaker.record_success, breaker.record_failure):
        with pytest.raises(InvalidPolicy, match="now"):
            ask(now)

    assert repr(breaker) == before


@pytest.mark.parametrize(
    "members",
    [
        {"failure_threshold": 0}, {"failure_threshold": 1.5}, {"failure_threshold": True}, {"half_open_max": 0},
        {"half_open_max": None}, {"reset_timeout": 0}, {"reset_timeout": -1}, {"reset_timeout": float("nan")},
        {"reset_timeout": float("inf")}, {"reset_timeout": "5"}, {"reset_timeout": None},
    ],
    ids=str,
)  # fmt: skip
def test_a_breaker_that_is_none_is_refused(members: dict[str, Any]) -> None:
    """Counts begin at 1, and it is open for some time."""
    with pytest.raises(InvalidPolicy) as caught:
        Breaker(**members)

    assert [problem.path for problem in caught.value.problems] == list(members)


def test_its_settings_stay() -> None:
    """A breaker that is in use cannot be given other settings."""
    breaker = Breaker(3, timedelta(seconds=10), 2)

    assert (breaker.failure_threshold, breaker.reset_timeout, breaker.half_open_max) == (3, timedelta(seconds=10), 2)
    with pytest.raises(AttributeError):
        breaker.failure_threshold = 5


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({}, (5, 60, 1)),
        ({"enabled": True, "failureThreshold": 5, "timeout": 600_000}, (5, 600, 1)),
        ({"failureThreshold": 2, "timeout": 1500, "halfOpenMax": 3, "whenOpen": "fail"}, (2, 1.5, 3)),
        ({"enabled": False, "failureThreshold": 5}, None),
    ],
    ids=str,
)
def test_the_breaker_of_a_document(document: dict[str, Any], expected: tuple[float, ...] | None) -> None:
    """D4's ``circuitBreaker`` describes a breaker; what it leaves out is 5 failures, a minute, one probe."""
    settings = CircuitBreaker.from_dict(document)
    breaker = settings.breaker()
    found = breaker and (breaker.failure_threshold, breaker.reset_timeout.total_seconds(), breaker.half_open_max)

    assert found == expected
    assert settings.to_dict() == document
    assert settings.when_open == document.get("whenOpen", "wait")


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"whenOpen": "hope"}, "whenOpen"),
        ({"whenOpen": None}, "whenOpen"),
        ({"halfOpenMax": 0}, "halfOpenMax"),
        ({"timeout": 0}, "timeout"),
        ({"failureThreshold": 0}, "failureThreshold"),
    ],
    ids=str,
)
def test_a_document_of_no_breaker_is_refused(document: dict[str, Any], path: str) -> None:
    """Words that are not known, counts below 1 and no time at all are refused, with their path."""
    with pytest.raises(InvalidWorkflow) as caught:
        CircuitBreaker.from_dict(document)

    assert [problem.path for problem in caught.value.problems] == [path]
