"""Whether a failed attempt is followed by another, and when: an answer, not an action.

``Retry`` is the policy a workflow writes down. Whatever else can ``decide`` is a ``RetryStrategy`` and may stand in
its place; ``decision`` asks any of them, and holds it to the rules that are everybody's.
"""

import inspect
from collections.abc import Callable, Mapping
from datetime import timedelta
from math import inf, isnan, log
from numbers import Real
from typing import Final, Protocol, Self, runtime_checkable

import attrs

from taskorch.core.references import reference_of
from taskorch.errors import InvalidPolicy, NonRetryable, RetryAfter, StepError

LONGEST: Final = 366 * 86_400.0
"""The longest wait between two attempts, in seconds, whatever a policy says."""

EXHAUSTED: Final = "exhausted"
NON_RETRYABLE: Final = "non_retryable"
TOTAL_TIMEOUT: Final = "total_timeout"
POLICY_FAILED: Final = "policy_failed"

_SECOND = timedelta(seconds=1)
_MOST = 10**300  # what a float can hold

ErrorTest = type[BaseException] | Callable[[BaseException], object]
"""A class of exceptions, or a function that says of one whether it is meant."""


def _number(_: object, attribute: "attrs.Attribute[float]", number: object) -> None:
    """The validator of a number that a float can hold."""
    _expect_number(attribute.name, number)


def _expect_number(name: str, number: object) -> None:
    if isinstance(number, bool) or not isinstance(number, int | float | Real):
        raise InvalidPolicy.because(f"expected a number, got {type(number).__name__}", "", name)
    if isinstance(number, int) and abs(number) > _MOST:
        raise InvalidPolicy.because("is a huge number", "a float must be able to hold it", name)


@attrs.frozen
class RetryAt:
    """Try again.

    Attributes:
        delay: After so many seconds; what is no number is refused with ``InvalidPolicy``.
    """

    delay: float = attrs.field(validator=_number)


@attrs.frozen
class GiveUp:
    """Do not try again.

    Attributes:
        reason: ``exhausted``; ``non_retryable``; ``total_timeout``, where the next attempt would begin too late; or
            ``policy_failed``, where the policy itself raised.
        cause: What the policy raised, or None.
    """

    reason: str
    cause: Exception | None = attrs.field(default=None, eq=False)


@runtime_checkable
class RetryStrategy(Protocol):
    """What decides about retries. It keeps nothing between two calls, so that a run can go on in another process.

    A property ``reference`` of plain data, where there is one, is written into the workflow's document, so that a
    stored run does not go on under another policy; without one the name of the class is.
    """

    def decide(self, attempt: int, error: BaseException, elapsed: float, chance: float = 0.0) -> RetryAt | GiveUp:
        """Whether the failure of an attempt is followed by another; the arguments are those of ``Retry.decide``."""
        ...


def is_final(error: BaseException) -> bool:
    """Whether *error* itself says that no further attempt can help, whatever the policy."""
    return isinstance(error, NonRetryable) or (isinstance(error, StepError) and not error.retryable)


def wait_asked(error: BaseException) -> float | None:
    """The wait that *error* asks for, in seconds from 0 to ``LONGEST``; None if it asks for none."""
    return bounded(error.seconds) if isinstance(error, RetryAfter) and not isnan(error.seconds) else None


def bounded(seconds: float) -> float:
    """A wait from 0 to ``LONGEST`` seconds; ``ValueError`` if it is no number."""
    if isnan(seconds):
        raise ValueError("the wait is not a number")
    return float(min(max(seconds, 0.0), LONGEST))


def decision(
    strategy: RetryStrategy, attempt: int, error: BaseException, elapsed: float, chance: float = 0.0
) -> RetryAt | GiveUp:
    """What *strategy* decides, within the rules for all: it is a host's, so it may raise and answer anything.

    An error that ``is_final`` is not shown to it; a wait is bounded; if it raises or gives no answer, that is the
    end of the matter, with the reason ``policy_failed``. The arguments are those of ``Retry.decide``.
    """
    if is_final(error):
        return GiveUp(NON_RETRYABLE)
    try:
        answer: object = strategy.decide(attempt, error, elapsed, chance)
        if isinstance(answer, GiveUp):
            return answer
        if isinstance(answer, RetryAt):
            return RetryAt(bounded(answer.delay))
    except Exception as fault:  # noqa: BLE001 - a host's code: whatever it raises, the run must go on
        return GiveUp(POLICY_FAILED, fault)
    return GiveUp(POLICY_FAILED, TypeError(f"expected RetryAt or GiveUp, got {type(answer).__name__}"))


def _seconds(given: float | timedelta) -> float:
    return given / _SECOND if isinstance(given, timedelta) else given


def _within(low: float, high: float) -> Callable[[object, "attrs.Attribute[float]", object], None]:
    """The validator of a finite number between *low* and *high*."""

    def validate(_: object, attribute: "attrs.Attribute[float]", number: object) -> None:
        known = number if isinstance(number, int | float) and not isinstance(number, bool) else inf
        if not (low <= known <= high and known < inf):
            raise InvalidPolicy.because(f"is {repr(number)[:40]}", f"a number from {low:g} to {high:g}", attribute.name)

    return validate


def at_least_one(_: object, attribute: "attrs.Attribute[int]", number: object) -> None:
    """The validator of a whole number from 1 on."""
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise InvalidPolicy.because(f"is {repr(number)[:40]}", "a whole number from 1 on", attribute.name)


_Tests = tuple[ErrorTest, ...] | None


def _tests(given: ErrorTest | _Tests) -> _Tests:
    return given if given is None or isinstance(given, tuple) else (given,)


def _judging(_: object, attribute: "attrs.Attribute[_Tests]", tests: "_Tests") -> None:
    for test in tests or ():
        wrong = not issubclass(test, BaseException) if isinstance(test, type) else not callable(test)
        if wrong or inspect.iscoroutinefunction(test):
            message = f"can't judge an error by {repr(test)[:80]}"
            raise InvalidPolicy.because(message, "classes of exceptions, or plain functions of one", attribute.name)


def _is_meant(error: BaseException, tests: tuple[ErrorTest, ...]) -> bool:
    return any(isinstance(error, test) if isinstance(test, type) else test(error) for test in tests)


@attrs.frozen(kw_only=True)
class Retry:
    """A policy of retries with exponential backoff.

    The wait after the n-th attempt is ``initial * multiplier ** (n - 1)`` seconds, at most ``max_delay``. Times are
    given in seconds or as timedelta. What is outside its range is refused with ``InvalidPolicy``.

    Attributes:
        max_attempts: How often the body is tried at most, the first time included (documents count retries:
            ``maxRetries`` = ``max_attempts`` - 1).
        initial: The wait after the first attempt, in seconds.
        multiplier: What each wait is multiplied with, 1 or more.
        max_delay: The longest wait, in seconds; None for no limit but ``LONGEST``.
        jitter: 0 to 1: by up to this share a wait is shortened, as chance will have it.
        retry_on: The errors after which it is tried again: a class of exceptions, a function that is called with one,
            or several of these in a tuple; None for all. ``RetryAfter`` asks for a retry and gets it all the same.
        give_up_on: The errors after which it is not, as for *retry_on*, and stronger than that.
        total_timeout: Seconds from the beginning of the first attempt, by which the last one must have begun. An
            attempt that has begun by then may end later.
    """

    max_attempts: int = attrs.field(default=3, validator=at_least_one)
    initial: float = attrs.field(default=1.0, converter=_seconds, validator=_within(0, inf))
    multiplier: float = attrs.field(default=2.0, validator=_within(1, inf))
    max_delay: float | None = attrs.field(
        default=None,
        converter=attrs.converters.optional(_seconds),
        validator=attrs.validators.optional(_within(0, inf)),
    )
    jitter: float = attrs.field(default=0.0, validator=_within(0, 1))
    retry_on: tuple[ErrorTest, ...] | None = attrs.field(default=None, converter=_tests, validator=_judging)
    give_up_on: tuple[ErrorTest, ...] | None = attrs.field(default=None, converter=_tests, validator=_judging)
    total_timeout: float | None = attrs.field(
        default=None,
        converter=attrs.converters.optional(_seconds),
        validator=attrs.validators.optional(_within(0, inf)),
    )

    @classmethod
    def never(cls) -> Self:
        """The policy of a step that has none: a single attempt."""
        return cls(max_attempts=1)

    @property
    def reference(self) -> Mapping[str, list[str]]:
        """What of it no document can hold, by the names of the classes and functions; empty if there is nothing."""
        parts = {"retryOn": self.retry_on, "giveUpOn": self.give_up_on}
        return {key: [reference_of(test) for test in tests] for key, tests in parts.items() if tests is not None}

    def delay(self, attempt: int, chance: float = 0.0) -> float:
        """The wait after attempt number *attempt* (from 1), in seconds; *chance* is in [0, 1).

        Raises:
            InvalidPolicy: One of them is none.
        """
        _expect_number("chance", chance)
        _expect_number("attempt", attempt)
        ceiling = LONGEST if self.max_delay is None else min(self.max_delay, LONGEST)
        wait = ceiling
        if self.initial <= 0 or ceiling <= 0:
            wait = 0.0
        elif log(self.initial) + (attempt - 1) * log(self.multiplier) < log(ceiling):
            # Only below the ceiling is the power computed: it cannot overflow there, whatever the attempt.
            wait = min(self.initial * self.multiplier ** (attempt - 1), ceiling)
        return wait * (1 - self.jitter * chance)

    def decide(self, attempt: int, error: BaseException, elapsed: float, chance: float = 0.0) -> RetryAt | GiveUp:
        """Whether the failure of an attempt is followed by another.

        Args:
            attempt: Which attempt failed, from 1.
            error: What it raised. ``NonRetryable`` and errors that say so themselves end the matter;
                ``RetryAfter`` names its own wait.
            elapsed: Seconds since the first attempt began.
            chance: A number in [0, 1), for jitter.

        Raises:
            InvalidPolicy: An argument is no number.
        """
        for name, number in (("attempt", attempt), ("elapsed", elapsed), ("chance", chance)):
            _expect_number(name, number)
        if is_final(error) or not self._is_wanted(error):
            return GiveUp(NON_RETRYABLE)
        if attempt >= self.max_attempts:
            return GiveUp(EXHAUSTED)
        asked = wait_asked(error)
        wait = self.delay(attempt, chance) if asked is None else asked
        if self.total_timeout is not None and elapsed + wait >= self.total_timeout:
            return GiveUp(TOTAL_TIMEOUT)
        return RetryAt(wait)

    def _is_wanted(self, error: BaseException) -> bool:
        if self.give_up_on is not None and _is_meant(error, self.give_up_on):
            return False
        return self.retry_on is None or isinstance(error, RetryAfter) or _is_meant(error, self.retry_on)
