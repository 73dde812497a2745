"""Retries: whether and when, as a table of numbers."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorch import (
    InvalidPolicy,
    MissingOutput,
    NonRetryable,
    OutputNotStorable,
    Retry,
    RetryAfter,
    StepFailed,
    StepTimeout,
)
from taskorch.core.retry import LONGEST, GiveUp, RetryAt
from tests.core.samples import SHARED, needs_shared

BACKOFF = SHARED / "data" / "retry" / "backoff.json"
PEERS: dict[str, Any] = json.loads(BACKOFF.read_text(encoding="utf-8")) if BACKOFF.exists() else {}
ERROR = ValueError("x")


def delays(count: int, **members: Any) -> list[float]:
    """The waits after the first attempts."""
    retry = Retry(**members)
    return [retry.delay(attempt) for attempt in range(1, count + 1)]


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, [1, 2, 4, 8, 16]),
        ({"initial": 0.5, "multiplier": 3}, [0.5, 1.5, 4.5, 13.5]),
        ({"initial": 5, "multiplier": 1}, [5, 5, 5]),
        ({"initial": 0}, [0, 0, 0]),
        ({"max_delay": 0}, [0, 0, 0]),
        ({"max_delay": 3}, [1, 2, 3, 3]),
        ({"initial": 10, "max_delay": 3}, [3, 3]),
        ({"initial": 1e9}, [LONGEST, LONGEST]),
        ({"max_delay": 1e12, "multiplier": 1e6}, [1, 1e6, LONGEST]),
    ],
)
def test_the_waits_of_a_policy(members: dict[str, Any], expected: list[float]) -> None:
    """The n-th wait is ``initial * multiplier ** (n - 1)``, at most ``max_delay`` and a year."""
    assert delays(len(expected), **members) == pytest.approx(expected)


@needs_shared
@pytest.mark.parametrize("row", PEERS.get("tenacity", {}).get("rows", []), ids=lambda row: json.dumps(row["args"]))
def test_the_waits_are_those_of_tenacity(row: dict[str, Any]) -> None:
    """Rows of ``wait_exponential`` without a minimum give the same waits."""
    args = row["args"]
    if "min" in args:
        pytest.skip("a policy has no minimum")
    found = delays(12, initial=args.get("multiplier", 1), multiplier=args.get("exp_base", 2), max_delay=args.get("max"))

    assert found == pytest.approx(row["wait_before_retry_1_to_12"])


@needs_shared
@pytest.mark.parametrize(
    "row",
    [row for row in PEERS.get("temporal", {}).get("rows", []) if row.keys() & {"expected_s", "expected_ms"}],
    ids=lambda row: row["test"],
)
def test_the_waits_are_those_of_temporal(row: dict[str, Any]) -> None:
    """Rows of Temporal's intervals give the same waits, before its expiration or jitter cuts in."""
    unit = "s" if "expected_s" in row else "ms"
    scale = 1 if unit == "s" else 1000
    longest = row[f"max_{unit}"]
    expected = [wait / scale for wait in row[f"expected_{unit}"] if wait != "done"]
    # What is shorter than a wait before it was cut by an expiration.
    expected = [wait for number, wait in enumerate(expected) if wait == max(expected[: number + 1])]
    found = delays(
        len(expected),
        initial=row[f"initial_{unit}"] / scale,
        multiplier=row["coefficient"],
        max_delay=None if longest is None else longest / scale,
    )

    assert found == pytest.approx(expected)


@needs_shared
def test_it_ends_where_temporal_ends() -> None:
    """After as many failures, and after as long a time, as Temporal's policy says "done", a step is not tried again."""
    rows = {row["test"]: row for row in PEERS["temporal"]["rows"]}
    most, late = rows["TestNumberOfAttempts"]["maximum_attempts"], rows["TestExpirationInterval"]
    retry = Retry(max_attempts=most + 1)  # the peer counts the waits
    expiring = Retry(max_attempts=100, initial=late["initial_s"], total_timeout=late["expiration_s"])

    assert [type(retry.decide(attempt, ERROR, 0)) for attempt in (most, most + 1)] == [RetryAt, GiveUp]
    assert expiring.decide(1, ERROR, late["elapsed_s"]) == GiveUp("total_timeout")


@given(
    st.integers(1, 60),
    st.floats(0.001, 1e4),
    st.floats(0.001, 1e6),
    st.floats(0, 1, exclude_max=True),
    st.sampled_from([("full", 1.0, 0.0), ("equal", 0.5, 0.5), ("temporal", 0.2, 0.8)]),
)
def test_jitter_stays_within_the_windows_of_the_peers(
    attempt: int, base: float, cap: float, chance: float, peer: tuple[str, float, float]
) -> None:
    """AWS's full and equal jitter and Temporal's are a jitter of 1, 0.5 and 0.2: the wait lies in the same window."""
    _, jitter, least = peer
    whole = min(cap, base * 2.0 ** (attempt - 1))  # AWS counts attempts from 0
    wait = Retry(initial=base, max_delay=cap, jitter=jitter).delay(attempt, chance)

    assert whole * least * (1 - 1e-9) <= wait <= whole * (1 + 1e-9)


@pytest.mark.parametrize(
    ("members", "elapsed", "error", "answer"),
    [
        ({"total_timeout": 10}, 8.5, ERROR, RetryAt(1)),
        ({"total_timeout": 10}, 9.0, ERROR, GiveUp("total_timeout")),
        ({"total_timeout": 10}, 99.0, ERROR, GiveUp("total_timeout")),
        ({"total_timeout": 0, "initial": 0}, 0.0, ERROR, GiveUp("total_timeout")),
        ({"total_timeout": 10}, 0.0, RetryAfter(9.5), RetryAt(9.5)),
        ({"total_timeout": 10}, 0.0, RetryAfter(10), GiveUp("total_timeout")),
        ({"total_timeout": 10, "max_attempts": 1}, 99.0, ERROR, GiveUp("exhausted")),
        ({"total_timeout": 10}, 99.0, NonRetryable("x"), GiveUp("non_retryable")),
        ({"total_timeout": None}, 1e300, ERROR, RetryAt(1)),
    ],
    ids=str,
)
def test_the_last_attempt_begins_before_the_total_timeout(
    members: dict[str, Any], elapsed: float, error: Exception, answer: object
) -> None:
    """An attempt that could only begin at ``total_timeout`` or after it is not made."""
    assert Retry(**members).decide(1, error, elapsed) == answer


def test_times_may_be_timedeltas() -> None:
    """Times are given in seconds or as timedelta; they are kept in seconds."""
    given = Retry(initial=timedelta(milliseconds=500), max_delay=timedelta(minutes=1), total_timeout=timedelta(hours=1))

    assert given == Retry(initial=0.5, max_delay=60, total_timeout=3600)


@given(
    attempt=st.integers(1, 10**6) | st.just(10**9),
    initial=st.floats(0, 1e308),
    multiplier=st.floats(1, 1e308),
    max_delay=st.none() | st.floats(0, 1e308),
    jitter=st.floats(0, 1),
    chance=st.floats(0, 1, exclude_max=True),
)
def test_no_attempt_overflows(
    attempt: int, initial: float, multiplier: float, max_delay: float | None, *, jitter: float, chance: float
) -> None:
    """Whatever the policy and however high the attempt, the wait is a number from 0 to its bound."""
    retry = Retry(initial=initial, multiplier=multiplier, max_delay=max_delay, jitter=jitter)
    wait = retry.delay(attempt, chance)

    assert 0 <= wait <= min(LONGEST if max_delay is None else max_delay, LONGEST)


@given(st.integers(1, 10**6), st.floats(0.001, 1e6), st.floats(1, 100), st.floats(0, 1e6))
def test_waits_never_shrink(attempt: int, initial: float, multiplier: float, max_delay: float) -> None:
    """A later wait is as long as an earlier one, or longer."""
    retry = Retry(initial=initial, multiplier=multiplier, max_delay=max_delay)

    assert retry.delay(attempt) <= retry.delay(attempt + 1) * (1 + 1e-9)


def test_jitter_shortens_by_its_share() -> None:
    """With jitter 0.25 a wait is between three quarters and the whole, as chance will have it."""
    retry = Retry(initial=8, jitter=0.25)

    assert [retry.delay(1, chance) for chance in (0, 0.5, 0.999999)] == pytest.approx([8, 7, 6], rel=1e-5)
    assert Retry(initial=8).delay(1, 0.5) == 8


@pytest.mark.parametrize(
    ("attempt", "error", "answer"),
    [
        (1, ERROR, RetryAt(1)),
        (2, ERROR, RetryAt(2)),
        (3, ERROR, GiveUp("exhausted")),
        (4, ERROR, GiveUp("exhausted")),
        (1, NonRetryable("x"), GiveUp("non_retryable")),
        (3, NonRetryable("x"), GiveUp("non_retryable")),
        (1, MissingOutput("a", "b"), GiveUp("non_retryable")),
        (1, OutputNotStorable("a", "x"), GiveUp("non_retryable")),
        (1, StepFailed("a", "x", 1), RetryAt(1)),
        (1, StepTimeout("a", 5), RetryAt(1)),
        (1, RetryAfter(7.5), RetryAt(7.5)),
        (2, RetryAfter(0), RetryAt(0)),
        (1, RetryAfter(-5), RetryAt(0)),
        (1, RetryAfter(1e12), RetryAt(LONGEST)),
        (1, RetryAfter(float("inf")), RetryAt(LONGEST)),
        (3, RetryAfter(7), GiveUp("exhausted")),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_follows_a_failure(attempt: int, error: Exception, answer: object) -> None:
    """Attempts are counted with the first; ``NonRetryable`` ends the matter, ``RetryAfter`` names its wait."""
    assert Retry(max_attempts=3).decide(attempt, error, 0.0) == answer


def test_a_body_may_not_ask_for_no_number() -> None:
    """``RetryAfter(nan)`` gives a wait that is a number, because the instant of the retry is computed from it."""
    answer = Retry().decide(1, RetryAfter(float("nan")), 0.0)

    assert isinstance(answer, GiveUp) or 0 <= answer.delay <= LONGEST


def test_never_is_one_attempt() -> None:
    """A step without a policy is tried once."""
    assert Retry.never().decide(1, ERROR, 0.0) == GiveUp("exhausted")


@pytest.mark.parametrize(
    "members",
    [
        {"max_attempts": 0}, {"initial": -1}, {"multiplier": 0.5}, {"max_delay": -1}, {"jitter": -0.1}, {"jitter": 1.1},
        {"initial": float("nan")}, {"initial": float("inf")}, {"multiplier": float("inf")}, {"max_attempts": 2.5},
        {"max_attempts": True}, {"initial": "1"}, {"initial": None}, {"jitter": True}, {"initial": timedelta(-1)},
        {"total_timeout": -1}, {"total_timeout": float("nan")}, {"total_timeout": float("inf")}, {"max_delay": "5"},
    ],
    ids=str,
)  # fmt: skip
def test_a_policy_that_is_none_is_refused(members: dict[str, Any]) -> None:
    """Numbers outside their range, and what is no finite number, are refused when the policy is made, by name."""
    with pytest.raises(InvalidPolicy) as caught:
        Retry(**members)

    assert [problem.path for problem in caught.value.problems] == list(members)
