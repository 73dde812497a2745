"""The circuit breaker: a target that keeps failing is left alone for a while, then tried with care.

Closed, calls go through. After so many failures in a row it opens, and calls are refused. When its time is up it is
half open: a few calls, the probes, may find out how the target is. The first success closes it, the first failure
opens it anew (M. Nygard, *Release It!*, "Circuit Breaker").
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

import attrs

from taskorch.core.retry import at_least_one
from taskorch.core.times import LAST_INSTANT, MICROSECOND, duration, in_utc
from taskorch.errors import InvalidPolicy

_MINUTE = timedelta(minutes=1)


class BreakerState(StrEnum):
    """Whether calls go through."""

    CLOSED = "closed"
    """They do."""
    OPEN = "open"
    """They do not."""
    HALF_OPEN = "half_open"
    """A few may, to find out."""


def _reset_timeout(given: float | timedelta) -> timedelta:
    found = duration(given, "reset_timeout", InvalidPolicy, least=MICROSECOND)
    if found is None:
        raise InvalidPolicy.because("is missing", "seconds or a timedelta", "reset_timeout")
    return found


@attrs.define(eq=False)
class Breaker:
    """Whether a target may be called now.

    Ask ``allow`` before each call, and record how it ended. A call that was allowed and never recorded costs at most
    ``reset_timeout``: then its place is free again. What is recorded while it is open tells of calls from before, and
    changes nothing.

    Times have a zone (``InvalidPolicy`` if not). Where the clock goes back, an open breaker waits ``reset_timeout``
    from there: it never opens the way too early, and never stays shut for longer than that. It may not be used by two
    threads at once.

    Attributes:
        failure_threshold: After so many failures in a row it opens.
        reset_timeout: How long it is open, and how long a probe may take; seconds or a timedelta, more than 0.
        half_open_max: How many probes there may be at the same time.
    """

    failure_threshold: int = attrs.field(default=5, validator=at_least_one, on_setattr=attrs.setters.frozen)
    reset_timeout: timedelta = attrs.field(default=_MINUTE, converter=_reset_timeout, on_setattr=attrs.setters.frozen)
    half_open_max: int = attrs.field(default=1, validator=at_least_one, on_setattr=attrs.setters.frozen)
    _failures: int = attrs.field(default=0, init=False)  # in a row, while it is closed
    _opened_at: datetime | None = attrs.field(default=None, init=False)
    _probes: list[datetime] = attrs.field(factory=list, init=False)  # when each that is under way began

    def state(self, now: datetime) -> BreakerState:
        """Whether it is closed, open or half open at *now*."""
        now = _utc(now)
        if self._opened_at is None:
            return BreakerState.CLOSED
        return BreakerState.HALF_OPEN if self._is_half_open(self._opened_at, now) else BreakerState.OPEN

    def allow(self, now: datetime) -> bool:
        """Whether a call may begin at *now*. If it is half open, the call is a probe and takes one of its places."""
        now = _utc(now)
        if self._opened_at is None:
            return True
        self._opened_at = min(self._opened_at, now)  # the clock may have been put back
        if not self._is_half_open(self._opened_at, now):
            return False
        # A probe that is older was lost. One that begins later than now began before the clock was put back.
        self._probes = [min(began, now) for began in self._probes if now - began < self.reset_timeout]
        if len(self._probes) >= self.half_open_max:
            return False
        self._probes.append(now)
        return True

    def would_allow(self, now: datetime) -> bool:
        """Whether ``allow`` would say yes; this takes no place."""
        return self.available_at(now) is None

    def available_at(self, now: datetime) -> datetime | None:
        """When a call that is refused at *now* should ask again; None if it would not be refused.

        While probes are under way that is the time at which the oldest counts as lost. What is recorded before may
        let calls through sooner, so ask again after that as well.
        """
        now = _utc(now)
        if self._opened_at is None:
            return None
        since = min(self._opened_at, now)
        if self._is_half_open(self._opened_at, now):
            probes = [min(began, now) for began in self._probes if now - began < self.reset_timeout]
            if len(probes) < self.half_open_max:
                return None
            since = min(probes)
        return since + self.reset_timeout if LAST_INSTANT - since >= self.reset_timeout else LAST_INSTANT

    def record_success(self, now: datetime) -> None:
        """A call has ended well at *now*."""
        now = _utc(now)
        if self._opened_at is None:
            self._failures = 0
        elif self._is_half_open(self._opened_at, now):
            self._failures, self._opened_at, self._probes = 0, None, []

    def record_failure(self, now: datetime) -> None:
        """A call has failed at *now*."""
        now = _utc(now)
        if self._opened_at is None:
            self._failures += 1
            if self._failures < self.failure_threshold:
                return
        elif not self._is_half_open(self._opened_at, now):
            return
        # Probes that are still under way are forgotten: when the next may begin, these are lost in any case.
        self._failures, self._opened_at, self._probes = 0, now, []

    def record_nothing(self) -> None:
        """A call has ended that tells nothing about the target: if it was a probe, its place is free again."""
        if self._probes:
            self._probes.pop()

    def _is_half_open(self, opened_at: datetime, now: datetime) -> bool:
        return bool(self._probes) or now - opened_at >= self.reset_timeout


def _utc(now: datetime) -> datetime:
    # Most times are in UTC already; that is told without a call.
    return now if now.__class__ is datetime and now.tzinfo is UTC else in_utc(now, "now", InvalidPolicy)
