"""The circuit breakers of one run: one for each target, folded from how its steps ended."""

from taskorch.core.breaker import Breaker
from taskorch.core.settings import CircuitBreaker
from taskorch.core.times import instant, microseconds


class Breakers:
    """Whether the targets of steps may be called. Times are microseconds since 1970."""

    def __init__(self, settings: CircuitBreaker) -> None:
        """Breakers as *settings* describe them, all closed."""
        self._settings = settings
        self._by_target: dict[str, Breaker] = {}
        self.fails_when_open = settings.when_open == "fail"

    def is_open(self, target: str, now: int) -> bool:
        """Whether *target* must not be called at *now*."""
        breaker = self._by_target.get(target)
        return breaker is not None and not breaker.would_allow(instant(now))

    def available_at(self, target: str, now: int) -> int | None:
        """When *target* may be called again, or None if it may be now."""
        breaker = self._by_target.get(target)
        at = None if breaker is None else breaker.available_at(instant(now))
        return None if at is None else microseconds(at)

    def began(self, target: str, at: int) -> None:
        """*target* is being called: if it is on probation, this is a probe."""
        if target in self._by_target:
            self._by_target[target].allow(instant(at))

    def ended(self, target: str, at: int, *, well: bool | None) -> None:
        """A call of *target* has ended: well, badly, or in a way that tells nothing about it (None)."""
        breaker = self._by_target.get(target)
        if breaker is None:
            if well is not False:
                return  # a breaker that was never needed is closed
            made = self._settings.breaker()
            assert made is not None  # noqa: S101 - it is enabled; said for the type checker
            breaker = self._by_target[target] = made
        if well is None:
            breaker.record_nothing()
        elif well:
            breaker.record_success(instant(at))
        else:
            breaker.record_failure(instant(at))

    def snapshot(self) -> object:
        """What decides how the run goes on, for comparing two runs."""
        return repr(sorted(self._by_target.items()))
