"""The gates of every step: which of its links are still open, and whether those that are settled were met.

A step has a gate before its start (finish_to_start, start_to_start) and one before its finish (finish_to_finish,
start_to_finish). A gate is settled once its last link is; a link with a lag is settled that much later.
"""

from heapq import heappop, heappush
from typing import NamedTuple

from taskorch.core.frontier.couplings import FINISH, Coupling
from taskorch.core.frontier.plan import Plan


class Lag(NamedTuple):
    """A link that was met and is not settled yet.

    Attributes:
        at: When it is.
        target: The successor.
        gate: Which of its gates the link holds.
        source: The predecessor.
        from_finish: Whether the link waited for its finish, rather than its start.
    """

    at: int
    target: int
    gate: int
    source: int
    from_finish: bool


class Gates:
    """The gates of one run.

    Attributes:
        settled: The steps whose start gate has been settled since somebody looked.
        released: The steps whose finish gate has been.
        broken: Whether a link before the start of each step was not met.
        lags: The links that were met and are settled later; a heap.
    """

    def __init__(self, plan: Plan) -> None:
        """All gates of *plan*, with nothing settled but what waits for nothing."""
        couplings = plan.couplings
        self._plain, self._on_start, self._on_finish = (
            couplings.on_finish,
            couplings.typed_on_start,
            couplings.typed_on_finish,
        )
        self._waits = list(couplings.waits)
        self.broken = bytearray(len(plan.steps))
        self._finish_waits = dict(couplings.finish_waits)
        self._finish_broken: set[int] = set()
        self.lags: list[Lag] = []
        self.settled = [step for step, waits in enumerate(self._waits) if not waits]
        self.released: list[int] = []

    def may_start(self, step: int) -> bool:
        """Whether all links before the start of *step* that are settled were met."""
        return not self.broken[step]

    def holds(self, step: int) -> bool:
        """Whether the finish of *step* must wait, or can no longer come."""
        return self._finish_waits.get(step, 0) > 0 or step in self._finish_broken

    def may_finish(self, step: int) -> bool | None:
        """Whether *step* may finish; None while that is open."""
        if step in self._finish_broken:
            return False
        return None if self._finish_waits.get(step, 0) else True

    def started(self, step: int, at: int) -> None:
        """*step* has started for the first time."""
        for coupling in self._on_start.get(step, ()):
            self._meet(coupling, True, at, (step, False))

    def ended(self, step: int, end: int, at: int, *, has_started: bool) -> None:
        """*step* has ended as *end*."""
        waits, ended = self._waits, 1 << end
        for target, mask in self._plain[step]:
            left = waits[target] = waits[target] - 1
            if not mask & ended:
                self.broken[target] = 1
            if not left:
                self.settled.append(target)
        if self._on_finish:
            for coupling in self._on_finish.get(step, ()):
                self._meet(coupling, bool(coupling.mask & ended), at, (step, True))
        if self._on_start and not has_started:  # the start that these wait for will never come
            for coupling in self._on_start.get(step, ()):
                self._meet(coupling, bool(coupling.mask & ended), at, (step, False))

    def lapse(self, now: int) -> None:
        """Settle the links whose lag is over at *now*."""
        while self.lags and self.lags[0][0] <= now:
            lag = heappop(self.lags)
            self._settle(lag.target, lag.gate, True)

    def next_lapse(self) -> int | None:
        """When the next lag is over, or None."""
        return self.lags[0][0] if self.lags else None

    def settled_at(self, source: int, target: int, *, from_finish: bool, gate: int) -> int | None:
        """When the link between two steps is settled that was met and has a lag; None if it is."""
        same = (target, gate, source, from_finish)
        return next((lag.at for lag in self.lags if lag[1:] == same), None)

    def snapshot(self) -> tuple[object, ...]:
        """What decides how the run goes on, for comparing two runs."""
        return (
            bytes(self.broken), tuple(self._waits), dict(self._finish_waits), frozenset(self._finish_broken),
            sorted(self.lags),
        )  # fmt: skip

    def _meet(self, coupling: Coupling, is_met: bool, at: int, event: tuple[int, bool]) -> None:
        if coupling.lag and is_met:
            heappush(self.lags, Lag(at + coupling.lag, coupling.target, coupling.gate, *event))
        else:
            self._settle(coupling.target, coupling.gate, is_met)

    def _settle(self, target: int, gate: int, is_met: bool) -> None:
        if gate == FINISH:
            self._finish_waits[target] -= 1
            if not is_met:
                self._finish_broken.add(target)
            if not self._finish_waits[target]:
                self.released.append(target)
            return
        self._waits[target] -= 1
        if not is_met:
            self.broken[target] = 1
        if not self._waits[target]:
            self.settled.append(target)
