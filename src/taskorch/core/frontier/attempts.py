"""The attempts of every step: how many there were, when they began, and whether another follows a failure."""

from taskorch.core.frontier.failures import Failure, failure_of
from taskorch.core.frontier.plan import Plan
from taskorch.core.frontier.reasons import LEASE_EXPIRED, POISON, TOTAL_TIMEOUT, UNCOUNTED
from taskorch.core.retry import RetryAt, decision

POISON_LIMIT = 3
"""So many processes may be lost with an attempt of a step under way; then it has failed, and is not tried again."""


class Attempts:
    """The attempts of one run.

    Attributes:
        number: The number of tries of each step so far.
        began: When the first of them began.
    """

    def __init__(self, plan: Plan) -> None:
        """Nothing was tried yet."""
        self._plan = plan
        self.number = [0] * len(plan.steps)
        self.began = [0] * len(plan.steps)
        self._uncounted: dict[int, int] = {}
        self._lost: dict[int, int] = {}

    def failed(self, step: int, reason: str | None) -> None:
        """The running attempt has failed."""
        if reason in UNCOUNTED:
            self._uncounted[step] = self._uncounted.get(step, 0) + 1
        if reason == LEASE_EXPIRED:
            self._lost[step] = self._lost.get(step, 0) + 1

    def lost(self, step: int, now: int) -> Failure:
        """What is recorded of the running attempt, whose process was lost; it is due again at once, within limits."""
        losses = self._lost.get(step, 0) + 1
        if losses < POISON_LIMIT:
            return Failure(type="Interrupted", message="the attempt was cut off", reason=LEASE_EXPIRED, retry_at=now)
        return Failure(type="Poison", message=f"{losses} processes were lost while it ran", reason=POISON)

    def failure(self, step: int, error: BaseException, now: int, chance: float, halted: str | None) -> Failure:
        """What is recorded of the running attempt, which ended with *error*, and when another follows.

        Args:
            step: The step.
            error: What its body raised.
            now: The time.
            chance: A number in [0, 1), for jitter.
            halted: Why no attempt follows in any case, or None.
        """
        failure = failure_of(error)
        if halted is not None:
            failure["reason"] = halted
            return failure
        counted, elapsed = self.number[step] - self._uncounted.get(step, 0), now - self.began[step]
        total = self._plan.total_timeouts.get(step)
        if total is not None and elapsed >= total:
            failure["reason"] = TOTAL_TIMEOUT
            return failure
        answer = decision(self._plan.retries[step], counted, error, elapsed / 1e6, chance)
        if not isinstance(answer, RetryAt):
            failure["reason"] = answer.reason
            if answer.cause is not None:  # the policy itself failed
                failure["message"] += f" (and its retry policy failed: {failure_of(answer.cause)['message']})"
        elif total is not None and elapsed + answer.delay * 1e6 >= total:
            failure["reason"] = TOTAL_TIMEOUT
        else:
            failure["retry_at"] = now + round(answer.delay * 1e6)
        return failure

    def snapshot(self) -> tuple[object, ...]:
        """What decides how the run goes on, for comparing two runs."""
        return tuple(self.number), tuple(self.began), dict(self._uncounted), dict(self._lost)
