"""tenacity's own objects decide about retries: as tenacity would, and without waiting."""

import json
import re
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import tenacity
from tenacity import RetryCallState

import taskorch
from taskorch import InvalidPolicy, MissingOutput, NonRetryable, RetryAfter, Workflow
from taskorch.core.retry import LONGEST, GiveUp, RetryAt, RetryStrategy, decision
from taskorch.tenacity_retry import TenacityRetry
from tests.core.samples import SHARED, needs_shared

BACKOFF = SHARED / "data" / "retry" / "backoff.json"
ROWS: list[dict[str, Any]] = (
    json.loads(BACKOFF.read_text(encoding="utf-8"))["tenacity"]["rows"] if BACKOFF.exists() else []
)
ERROR = ConnectionError("busy")
NEVER = tenacity.stop_never
WANTED, UNWANTED, EXHAUSTED = RetryAt(1), GiveUp("non_retryable"), GiveUp("exhausted")


def is_busy(error: BaseException) -> bool:
    """A test of errors."""
    return "busy" in str(error)


def after_three(state: RetryCallState) -> bool:
    """A function of one's own in place of a stop."""
    return state.attempt_number >= 3


async def async_wait(state: RetryCallState) -> float:
    """A wait that would have to be awaited."""
    return 1.0


async def fetch() -> int:
    """A body."""
    return 1


def answers(policy: TenacityRetry, count: int) -> list[RetryAt | GiveUp]:
    """What follows the first attempts."""
    return [policy.decide(attempt, ERROR, 0.0) for attempt in range(1, count + 1)]


def slept(count: int, **parts: Any) -> list[float]:
    """The waits of tenacity itself when a function fails *count* times at once."""
    waits: list[float] = []
    tries = 0

    def body() -> None:
        nonlocal tries
        tries += 1
        if tries <= count:
            raise ERROR

    tenacity.Retrying(sleep=waits.append, reraise=True, **parts)(body)
    return waits


def printed(program: str) -> str:
    """What a program prints in an interpreter of its own."""
    source = Path(taskorch.__file__).parents[1]
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=source).stdout.strip()


def test_it_is_a_strategy() -> None:
    """It stands where a ``Retry`` may stand."""
    policy = TenacityRetry(stop=tenacity.stop_after_attempt(2))
    flow = Workflow("w")
    flow.step(fetch, retry=policy)

    assert isinstance(policy, RetryStrategy)
    assert flow.steps[0].retry(None) is policy


@needs_shared
@pytest.mark.parametrize("row", ROWS, ids=lambda row: json.dumps(row["args"]))
def test_the_waits_are_those_of_tenacity(row: dict[str, Any]) -> None:
    """Every row of ``wait_exponential`` gives its waits, those with a minimum too."""
    policy = TenacityRetry(stop=NEVER, wait=tenacity.wait_exponential(**row["args"]))

    assert answers(policy, 12) == [RetryAt(wait) for wait in row["wait_before_retry_1_to_12"]]


@pytest.mark.parametrize(
    "wait",
    [
        tenacity.wait_none(),
        tenacity.wait_fixed(2.5),
        tenacity.wait_incrementing(start=1, increment=2, max=6),
        tenacity.wait_fixed(3) + tenacity.wait_exponential(max=4),
        tenacity.wait_chain(tenacity.wait_fixed(1), tenacity.wait_fixed(timedelta(seconds=5))),
        tenacity.wait_exception(lambda error: 9.0 if is_busy(error) else 1.0),
    ],
    ids=lambda wait: type(wait).__name__,
)
def test_it_waits_as_long_as_tenacity_sleeps(wait: Any) -> None:
    """Any wait gives what tenacity sleeps when it runs the function itself."""
    policy = TenacityRetry(stop=NEVER, wait=wait)

    assert answers(policy, 6) == [RetryAt(seconds) for seconds in slept(6, wait=wait)]


@pytest.mark.parametrize(
    ("wait", "low", "high"),
    [
        (tenacity.wait_random(2, 3), 2, 3),
        (tenacity.wait_random_exponential(multiplier=1, max=60), 0, 4),
        (tenacity.wait_exponential_jitter(jitter=0.5), 4, 4.5),
    ],
    ids=["random", "random_exponential", "exponential_jitter"],
)
def test_waits_of_chance_stay_in_their_window(wait: Any, low: float, high: float) -> None:
    """A wait drawn by tenacity is one that its object may give."""
    for _ in range(20):
        answer = TenacityRetry(stop=NEVER, wait=wait).decide(3, ERROR, 0.0)

        assert isinstance(answer, RetryAt)
        assert low <= answer.delay <= high


@pytest.mark.parametrize(
    ("stop", "attempt", "elapsed", "answer"),
    [
        (tenacity.stop_after_attempt(3), 2, 0.0, WANTED),
        (tenacity.stop_after_attempt(3), 3, 0.0, EXHAUSTED),
        (tenacity.stop_after_attempt(3), 4, 0.0, EXHAUSTED),
        (tenacity.stop_after_delay(10), 1, 9.999, WANTED),
        (tenacity.stop_after_delay(timedelta(seconds=10)), 1, 10.0, EXHAUSTED),
        (tenacity.stop_before_delay(10), 1, 8.9, WANTED),
        (tenacity.stop_before_delay(10), 1, 9.0, EXHAUSTED),
        (tenacity.stop_after_attempt(3) | tenacity.stop_after_delay(10), 1, 10.0, EXHAUSTED),
        (tenacity.stop_after_attempt(3) & tenacity.stop_after_delay(10), 1, 10.0, WANTED),
        (after_three, 2, 0.0, WANTED),
        (after_three, 3, 0.0, EXHAUSTED),
        (NEVER, 10**6, 1e9, WANTED),
    ],
)
def test_it_gives_up_when_tenacity_stops(stop: Any, attempt: int, elapsed: float, answer: RetryAt | GiveUp) -> None:
    """A stop is asked with the number of the attempt, the time since the first began, and the wait to come."""
    assert TenacityRetry(stop=stop, wait=tenacity.wait_fixed(1)).decide(attempt, ERROR, elapsed) == answer


@pytest.mark.parametrize(
    ("retry", "error", "answer"),
    [
        (tenacity.retry_always, KeyError("x"), WANTED),
        (tenacity.retry_never, KeyError("x"), UNWANTED),
        (tenacity.retry_if_exception_type(OSError), ERROR, WANTED),
        (tenacity.retry_if_exception_type(OSError), KeyError("x"), UNWANTED),
        (tenacity.retry_if_not_exception_type(OSError), ERROR, UNWANTED),
        (tenacity.retry_unless_exception_type(OSError), ERROR, UNWANTED),
        (tenacity.retry_if_exception(is_busy), ERROR, WANTED),
        (tenacity.retry_if_exception(is_busy), OSError("gone"), UNWANTED),
        (tenacity.retry_if_exception_message(match=r"bu.y"), ERROR, WANTED),
        (tenacity.retry_if_exception_cause_type(KeyError), ERROR, UNWANTED),
        (tenacity.retry_if_exception_type(KeyError) | tenacity.retry_if_exception(is_busy), ERROR, WANTED),
        (tenacity.retry_if_exception_type(KeyError) & tenacity.retry_if_exception(is_busy), ERROR, UNWANTED),
        (tenacity.retry_never, tenacity.TryAgain(), WANTED),
        (tenacity.retry_never, RetryAfter(7), RetryAt(7)),
        (tenacity.retry_always, NonRetryable("x"), UNWANTED),
        (tenacity.retry_always, MissingOutput("a", "b"), UNWANTED),
    ],
)
def test_it_tries_again_after_the_errors_tenacity_would(retry: Any, error: Exception, answer: RetryAt | GiveUp) -> None:
    """A retry object chooses the errors; what errors ask for themselves goes before it."""
    policy = TenacityRetry(retry=retry, wait=tenacity.wait_fixed(1))

    assert policy.decide(1, error, 0.0) == answer


def test_a_stop_sees_the_wait_that_an_error_asks_for() -> None:
    """``RetryAfter`` past the time of ``stop_before_delay`` is not waited for."""
    policy = TenacityRetry(stop=tenacity.stop_before_delay(10))

    assert policy.decide(1, RetryAfter(9), 0.0) == RetryAt(9)
    assert policy.decide(1, RetryAfter(10), 0.0) == EXHAUSTED


def test_by_default_it_is_as_retry_is() -> None:
    """Without parts it gives the answers of ``Retry()``."""
    found = [TenacityRetry().decide(attempt, ERROR, 0.0) for attempt in range(1, 5)]

    assert found == [taskorch.Retry().decide(attempt, ERROR, 0.0) for attempt in range(1, 5)]


def test_it_keeps_nothing_between_two_calls() -> None:
    """The answer depends on what is asked and not on what was asked before, and nothing sleeps."""
    policy = TenacityRetry(stop=tenacity.stop_after_attempt(9), wait=tenacity.wait_exponential(max=3600))
    late, early = policy.decide(8, ERROR, 500.0), policy.decide(1, ERROR, 0.0)

    assert (late, early) == (RetryAt(128), RetryAt(1))
    assert policy.decide(8, ERROR, 500.0) == late


@pytest.mark.parametrize(("seconds", "expected"), [(1e300, LONGEST), (float("inf"), LONGEST), (-5.0, 0.0)], ids=repr)
def test_its_waits_are_bounded(seconds: float, expected: float) -> None:
    """A wait is from 0 to a year, whatever a function of a host gives."""
    assert TenacityRetry(wait=lambda state: seconds).decide(1, ERROR, 0.0) == RetryAt(expected)


def test_what_a_part_raises_is_the_end_of_the_matter() -> None:
    """The run is told that the policy failed, and by what."""

    def wait(state: RetryCallState) -> float:
        raise LookupError("no such code")

    answer = decision(TenacityRetry(wait=wait), 1, ERROR, 0.0)

    assert isinstance(answer, GiveUp)
    assert (answer.reason, type(answer.cause)) == ("policy_failed", LookupError)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("wait", async_wait),
        ("wait", 5),
        ("stop", tenacity.stop_after_attempt),
        ("stop", None),
        ("retry", tenacity.asyncio.retry_if_exception(is_busy)),
    ],
)
def test_a_part_answers_at_once(part: str, value: Any) -> None:
    """What cannot be asked, or would have to be awaited, is refused when the policy is made."""
    with pytest.raises(InvalidPolicy) as caught:
        TenacityRetry(**{part: value})

    assert [problem.path for problem in caught.value.problems] == [part]


def test_its_parts_can_be_told_apart() -> None:
    """Its reference is plain data that holds the numbers, so that other numbers are another workflow."""
    policies = [
        TenacityRetry(),
        TenacityRetry(stop=tenacity.stop_after_attempt(4)),
        TenacityRetry(stop=after_three),
        TenacityRetry(stop=tenacity.stop_when_event_set(threading.Event())),
        TenacityRetry(wait=tenacity.wait_fixed(1)),
        TenacityRetry(wait=tenacity.wait_fixed(1) + tenacity.wait_fixed(2)),
        TenacityRetry(retry=tenacity.retry_if_exception_type(OSError)),
        TenacityRetry(retry=tenacity.retry_if_exception_type((OSError, KeyError))),
        TenacityRetry(retry=tenacity.retry_if_exception_message(match=re.compile("busy"))),
    ]
    texts = [json.dumps(policy.reference, allow_nan=False) for policy in policies]

    assert len(set(texts)) == len(policies)
    assert "0x" not in "".join(texts)  # no address, which would differ in the next process


REFERENCE = """
import json, tenacity
from taskorch.tenacity_retry import TenacityRetry
policy = TenacityRetry(stop=tenacity.stop_after_attempt(4) | tenacity.stop_after_delay(60),
                       wait=tenacity.wait_random_exponential(max=60),
                       retry=tenacity.retry_if_exception_type((OSError, KeyError)))
print(json.dumps(policy.reference))
"""


def test_its_reference_is_the_same_in_every_process() -> None:
    """A stored run that goes on in another process has the same policy there."""
    first, second = printed(REFERENCE), printed(REFERENCE)

    assert first == second
    assert "stop_after_delay" in first


def test_the_core_does_without_tenacity() -> None:
    """A policy of the core decides without loading tenacity."""
    program = "import sys, taskorch; taskorch.Retry().decide(1, ValueError(), 0); print('tenacity' in sys.modules)"

    assert printed(program) == "False"


@pytest.mark.parametrize(
    "retry",
    [
        tenacity.retry_if_result(bool),
        tenacity.retry_if_not_result(bool),
        tenacity.retry_if_exception_type(OSError) | tenacity.retry_if_result(bool),
        tenacity.retry_all(tenacity.retry_any(tenacity.retry_if_not_result(bool))),
    ],
    ids=["result", "not-result", "any", "nested"],
)
def test_what_judges_results_is_refused(retry: Any) -> None:
    """Only failures are tried again, so it would never be asked."""
    with pytest.raises(InvalidPolicy, match="judges what was returned"):
        TenacityRetry(retry=retry)
