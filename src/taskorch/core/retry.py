"""Whether a failed attempt is followed by another, and when: an answer, not an action."""

from collections.abc import Callable
from math import inf, isnan, log
from typing import Self

import attrs

from taskorch.errors import NonRetryable, RetryAfter, StepError

LONGEST = 366 * 86_400.0
"""The longest wait between two attempts, in seconds, whatever a policy says."""


@attrs.frozen
class RetryAt:
    """Try again.

    Attributes:
        delay: After so many seconds.
    """

    delay: float


@attrs.frozen
class GiveUp:
    """Do not try again.

    Attributes:
        reason: ``exhausted`` or ``non_retryable``.
    """

    reason: str


def _within(low: float, high: float) -> Callable[[object, "attrs.Attribute[float]", float], None]:
    """The validator of a finite number between *low* and *high*."""

    def validate(_: object, attribute: "attrs.Attribute[float]", number: float) -> None:
        if not (low <= number <= high and number < inf):
            raise ValueError(f"{attribute.name} is {number}; it must be a number from {low:g} to {high:g}")

    return validate


@attrs.frozen(kw_only=True)
class Retry:
    """A policy of retries with exponential backoff.

    The wait after the n-th attempt is ``initial * multiplier ** (n - 1)`` seconds, at most ``max_delay``.

    Attributes:
        max_attempts: How often the body is tried at most, the first time included (documents count retries:
            ``maxRetries`` = ``max_attempts`` - 1).
        initial: The wait after the first attempt, in seconds.
        multiplier: What each wait is multiplied with, 1 or more.
        max_delay: The longest wait, in seconds; None for no limit but ``LONGEST``.
        jitter: 0 to 1: by up to this share a wait is shortened, as chance will have it.
    """

    max_attempts: int = attrs.field(default=3, validator=[attrs.validators.instance_of(int), attrs.validators.ge(1)])
    initial: float = attrs.field(default=1.0, validator=_within(0, inf))
    multiplier: float = attrs.field(default=2.0, validator=_within(1, inf))
    max_delay: float | None = attrs.field(default=None, validator=attrs.validators.optional(_within(0, inf)))
    jitter: float = attrs.field(default=0.0, validator=_within(0, 1))

    @classmethod
    def never(cls) -> Self:
        """The policy of a step that has none: a single attempt."""
        return cls(max_attempts=1)

    def delay(self, attempt: int, chance: float = 0.0) -> float:
        """The wait after attempt number *attempt* (from 1), in seconds; *chance* is in [0, 1)."""
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
        """
        if isinstance(error, NonRetryable) or (isinstance(error, StepError) and not error.retryable):
            return GiveUp("non_retryable")
        if attempt >= self.max_attempts:
            return GiveUp("exhausted")
        if isinstance(error, RetryAfter) and not isnan(error.seconds):
            return RetryAt(min(max(error.seconds, 0.0), LONGEST))
        return RetryAt(self.delay(attempt, chance))
