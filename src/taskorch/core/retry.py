"""Whether a failed attempt is followed by another, and when: an answer, not an action."""

from math import log
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

    max_attempts: int = attrs.field(default=3, validator=attrs.validators.ge(1))
    initial: float = attrs.field(default=1.0, validator=attrs.validators.ge(0))
    multiplier: float = attrs.field(default=2.0, validator=attrs.validators.ge(1))
    max_delay: float | None = attrs.field(default=None, validator=attrs.validators.optional(attrs.validators.ge(0)))
    jitter: float = attrs.field(
        default=0.0, validator=attrs.validators.and_(attrs.validators.ge(0), attrs.validators.le(1))
    )

    @classmethod
    def never(cls) -> Self:
        """The policy of a step that has none: a single attempt."""
        return cls(max_attempts=1)

    def delay(self, attempt: int, chance: float = 0.0) -> float:
        """The wait after attempt number *attempt* (from 1), in seconds; *chance* is in [0, 1)."""
        ceiling = LONGEST if self.max_delay is None else min(self.max_delay, LONGEST)
        exponent = float(attempt - 1)
        if self.multiplier > 1 and self.initial > 0 and ceiling > 0:
            # Clamping the exponent rather than the power keeps huge attempts from overflowing.
            exponent = min(exponent, max(0.0, log(ceiling / self.initial) / log(self.multiplier)) + 1)
        wait: float = min(self.initial * self.multiplier**exponent, ceiling)
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
        if isinstance(error, RetryAfter):
            return RetryAt(min(max(error.seconds, 0.0), LONGEST))
        return RetryAt(self.delay(attempt, chance))
