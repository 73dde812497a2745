"""Policies of retries made of tenacity's parts: they reckon, and the time is kept elsewhere."""

import inspect
from collections.abc import Mapping
from datetime import timedelta
from math import isfinite
from re import Pattern
from typing import Any

import attrs
from tenacity import Future, RetryCallState, Retrying, TryAgain
from tenacity.retry import (
    RetryBaseT,
    retry_all,
    retry_any,
    retry_if_exception_type,
    retry_if_not_result,
    retry_if_result,
)
from tenacity.stop import StopBaseT, stop_after_attempt
from tenacity.wait import WaitBaseT, wait_exponential

from taskorch.core.references import reference_of
from taskorch.core.retry import EXHAUSTED, NON_RETRYABLE, GiveUp, RetryAt, bounded, is_final, wait_asked
from taskorch.errors import InvalidPolicy

_DEEPEST = 8  # of parts within parts that are described


def _plain(_: object, attribute: "attrs.Attribute[Any]", part: Any) -> None:  # Any: it is looked at here first
    """Refuse what cannot be called, and what would have to be awaited."""
    call = getattr(part, "__call__", None)  # noqa: B004 - of an object with __call__, it is that which is async
    if call is None or isinstance(part, type):
        raise InvalidPolicy.because(f"can't ask {repr(part)[:80]}", "an object of tenacity", attribute.name)
    if inspect.iscoroutinefunction(part) or inspect.iscoroutinefunction(call):
        raise InvalidPolicy.because("would have to be awaited", "a policy answers at once", attribute.name)


def _of_errors(_: object, attribute: "attrs.Attribute[Any]", part: object) -> None:
    """Refuse what judges results: only failures are retried here, so it would never be asked."""
    parts = [part]
    for one in parts:
        if isinstance(one, retry_if_result | retry_if_not_result):
            message = f"{type(one).__name__} judges what was returned, and only failures are tried again"
            raise InvalidPolicy.because(message, "raise an error in the body instead", attribute.name)
        parts.extend(one.retries if isinstance(one, retry_any | retry_all) else ())


@attrs.frozen(kw_only=True)
class TenacityRetry:
    """A policy of retries out of tenacity's ``stop``, ``wait`` and ``retry`` objects.

    They are used as calculators: nothing sleeps here, and nothing is kept between two calls, so that a stored run goes
    on in another process. Each is shown the number of the attempt, its error and the seconds since the first attempt
    began (``seconds_since_start``; the timestamps count from then). All of those seconds count as ``idle_for``, since
    how many of them were waits is not known here. ``fn``, ``args`` and ``kwargs`` are empty.

    As everywhere, ``NonRetryable`` ends the matter and ``RetryAfter`` names its own wait, which *stop* is shown.
    tenacity's ``TryAgain`` asks for a retry whatever *retry* says.

    The chance in ``wait_random`` and its kin is tenacity's own, from ``random``: it is drawn anew each time, and no
    seed of a run governs it.

    Attributes:
        stop: When to give up; by default after three attempts, as ``Retry`` does.
        wait: The wait after a failure; by default 1 s, 2 s, 4 s, and so on.
        retry: After which errors; by default after all. What judges results (``retry_if_result``) is refused.
    """

    stop: StopBaseT = attrs.field(factory=lambda: stop_after_attempt(3), validator=_plain)
    wait: WaitBaseT = attrs.field(factory=wait_exponential, validator=_plain)
    retry: RetryBaseT = attrs.field(factory=retry_if_exception_type, validator=[_plain, _of_errors])

    @property
    def reference(self) -> Mapping[str, object]:
        """Its parts by name, with their numbers and texts, the same in every process."""
        return {name: _described(getattr(self, name)) for name in ("stop", "wait", "retry")}

    def decide(self, attempt: int, error: BaseException, elapsed: float, chance: float = 0.0) -> RetryAt | GiveUp:
        """Whether the failure of an attempt is followed by another.

        Args:
            attempt: Which attempt failed, from 1.
            error: What it raised.
            elapsed: Seconds since the first attempt began.
            chance: Not used.

        Raises:
            Exception: What a part raises of its own.
        """
        if is_final(error):
            return GiveUp(NON_RETRYABLE)
        state = self._state(attempt, error, elapsed)
        asked = wait_asked(error)
        # In tenacity's own order; some of `stop` look at the wait.
        if asked is None and not isinstance(error, TryAgain) and not self.retry(state):
            return GiveUp(NON_RETRYABLE)
        state.upcoming_sleep = bounded(self.wait(state)) if asked is None else asked
        return GiveUp(EXHAUSTED) if self.stop(state) else RetryAt(state.upcoming_sleep)

    def _state(self, attempt: int, error: BaseException, elapsed: float) -> RetryCallState:
        owner = Retrying(stop=self.stop, wait=self.wait, retry=self.retry)
        state = RetryCallState(owner, fn=None, args=(), kwargs={})
        state.attempt_number = attempt
        state.outcome = Future.construct(attempt, error, has_exception=True)
        state.start_time, state.outcome_timestamp, state.idle_for = 0.0, elapsed, elapsed
        return state


def _described(part: object, depth: int = 0) -> object:
    """Plain data that tells one part from another; what is not tenacity's is told by its class alone."""
    if part is None or isinstance(part, str | bool | int) or (isinstance(part, float) and isfinite(part)):
        return part
    if isinstance(part, float | timedelta):
        return str(part)
    if isinstance(part, Pattern):
        return str(part.pattern)
    if isinstance(part, tuple | list):
        return [_described(item, depth + 1) for item in part] if depth < _DEEPEST else []
    if hasattr(part, "__qualname__") or depth >= _DEEPEST or not type(part).__module__.startswith("tenacity."):
        return reference_of(part)
    return {"type": reference_of(type(part))} | {
        name: _described(v, depth + 1) for name, v in sorted(vars(part).items())
    }
