"""After which errors a step is tried again, and what becomes of a policy that fails itself."""

from typing import Any

import pytest

from taskorch import InvalidPolicy, MissingOutput, NonRetryable, Retry, RetryAfter, StepTimeout
from taskorch.core.retry import LONGEST, GiveUp, RetryAt, RetryStrategy, decision
from tests.naming import shown


def is_busy(error: BaseException) -> bool:
    """A test of errors."""
    return "busy" in str(error)


def raising(error: BaseException) -> bool:
    """A test that fails itself."""
    raise LookupError("no such code")


async def later(error: BaseException) -> bool:
    """A test that would have to be awaited."""
    return True


WANTED, UNWANTED = RetryAt(1), GiveUp("non_retryable")


@pytest.mark.parametrize(
    ("members", "error", "answer"),
    [
        ({}, KeyError("x"), WANTED),
        ({"retry_on": OSError}, ConnectionError("x"), WANTED),
        ({"retry_on": OSError}, KeyError("x"), UNWANTED),
        ({"retry_on": (KeyError, OSError)}, KeyError("x"), WANTED),
        ({"retry_on": is_busy}, KeyError("busy"), WANTED),
        ({"retry_on": is_busy}, KeyError("gone"), UNWANTED),
        ({"retry_on": (OSError, is_busy)}, KeyError("busy"), WANTED),
        ({"retry_on": ()}, KeyError("x"), UNWANTED),
        ({"retry_on": StepTimeout}, StepTimeout("a", 5), WANTED),
        ({"retry_on": OSError}, StepTimeout("a", 5), UNWANTED),
        ({"give_up_on": OSError}, ConnectionError("x"), UNWANTED),
        ({"give_up_on": OSError}, KeyError("x"), WANTED),
        ({"give_up_on": is_busy}, KeyError("busy"), UNWANTED),
        ({"retry_on": OSError, "give_up_on": ConnectionError}, ConnectionError("x"), UNWANTED),
        ({"retry_on": OSError, "give_up_on": ConnectionError}, OSError("x"), WANTED),
        ({"retry_on": OSError}, RetryAfter(5), RetryAt(5)),
        ({"give_up_on": RetryAfter}, RetryAfter(5), UNWANTED),
        ({"retry_on": NonRetryable}, NonRetryable("x"), UNWANTED),
        ({"retry_on": MissingOutput}, MissingOutput("a", "b"), UNWANTED),
        ({"retry_on": KeyError, "max_attempts": 1}, OSError("x"), UNWANTED),
    ],
    ids=shown,
)
def test_which_errors_are_followed_by_another_attempt(
    members: dict[str, Any], error: Exception, answer: RetryAt | GiveUp
) -> None:
    """Classes and functions choose the errors; giving up is the stronger; ``RetryAfter`` is a wish of its own."""
    assert Retry(**members).decide(1, error, 0.0) == answer
    assert decision(Retry(**members), 1, error, 0.0) == answer


@pytest.mark.parametrize("member", ["retry_on", "give_up_on"])
@pytest.mark.parametrize("test", [5, int, "OSError", (OSError, 5), later, [OSError]], ids=shown)
def test_an_error_is_judged_by_classes_and_functions(member: str, test: Any) -> None:
    """What is neither a class of exceptions nor a plain function is refused when the policy is made."""
    with pytest.raises(InvalidPolicy) as caught:
        Retry(**{member: test})

    assert [problem.path for problem in caught.value.problems] == [member]


class Fixed:
    """A strategy that gives one answer, or raises it."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def __repr__(self) -> str:
        return f"Fixed({self.answer!r})"

    def decide(self, attempt: int, error: BaseException, elapsed: float, chance: float = 0.0) -> RetryAt | GiveUp:
        """The answer."""
        if isinstance(self.answer, BaseException):
            raise self.answer
        found: RetryAt | GiveUp = self.answer
        return found


class Wordy:
    """A strategy that answers with a text where a number belongs."""

    def decide(self, attempt: int, error: BaseException, elapsed: float, chance: float = 0.0) -> RetryAt | GiveUp:
        """Its answer, as a host may write it."""
        return RetryAt("5")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (RetryAt(5), RetryAt(5)),
        (RetryAt(-5), RetryAt(0)),
        (RetryAt(1e300), RetryAt(LONGEST)),
        (RetryAt(float("inf")), RetryAt(LONGEST)),
        (GiveUp("my own reason"), GiveUp("my own reason")),
    ],
    ids=shown,
)
def test_the_waits_of_any_strategy_are_bounded(answer: object, expected: object) -> None:
    """Whoever decides, a wait is from 0 to a year."""
    assert decision(Fixed(answer), 1, KeyError("x"), 0.0) == expected


@pytest.mark.parametrize(
    ("strategy", "fault"),
    [
        (Fixed(LookupError("x")), LookupError),
        (Fixed(None), TypeError),
        (Fixed(5.0), TypeError),
        (Fixed(RetryAt(float("nan"))), ValueError),
        (Wordy(), InvalidPolicy),
        (Retry(retry_on=raising), LookupError),
    ],
    ids=shown,
)
def test_a_policy_that_fails_is_the_end_of_the_matter(strategy: RetryStrategy, fault: type[Exception]) -> None:
    """A policy that raises, or gives no answer, takes nothing down: the step fails, and the fault can be told."""
    answer = decision(strategy, 1, KeyError("x"), 0.0)

    assert answer == GiveUp("policy_failed")
    assert isinstance(answer, GiveUp)
    assert isinstance(answer.cause, fault)


def test_what_is_final_is_final_for_every_strategy() -> None:
    """``NonRetryable`` is never tried again, whatever a host's strategy says."""
    assert decision(Fixed(RetryAt(1)), 1, NonRetryable("x"), 0.0) == UNWANTED


@pytest.mark.parametrize("given", ["x", None, True, 10**400, [1]], ids=["text", "none", "true", "huge", "list"])
def test_what_is_no_number_is_refused_in_words(given: Any) -> None:
    """Waits, attempts and chances that are none are told apart from faults of the policy."""
    policy = Retry(jitter=0.5, total_timeout=9)
    for ask in (
        lambda: RetryAt(given),
        lambda: policy.delay(given),
        lambda: policy.delay(1, given),
        lambda: policy.decide(given, KeyError("x"), 0.0),
        lambda: policy.decide(1, KeyError("x"), given),
        lambda: policy.decide(1, KeyError("x"), 0.0, given),
    ):
        with pytest.raises(InvalidPolicy) as caught:
            ask()
        assert len(str(caught.value)) < 120


@pytest.mark.parametrize("seconds", ["soon", None, 10**400, [1]], ids=["text", "none", "huge", "list"])
def test_a_wait_asked_for_is_a_number(seconds: Any) -> None:
    """``RetryAfter`` takes numbers and the texts of numbers."""
    with pytest.raises(InvalidPolicy, match="number of seconds"):
        RetryAfter(seconds)
    assert RetryAfter("30").seconds == 30  # type: ignore[arg-type]  # as a header gives it
