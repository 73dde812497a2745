"""The gates of every step: which of its links are still open, and whether those that are settled were met.

A step has a gate before its start (finish_to_start, start_to_start) and one before its finish (finish_to_finish,
start_to_finish). A gate is settled once its last link is; a link with a lag is settled that much later.
"""

from heapq import heappop, heappush

from taskorch.core.frontier.couplings import FINISH, Coupling
from taskorch.core.frontier.plan import Plan


class Gates:
    """The gates of one run.

    Attributes:
        settled: The steps whose start gate has been settled since somebody looked.
        released: The steps whose finish gate has been.
        lags: The links that were met and are settled later: when, the successor, its gate; a heap.
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
        self._broken = bytearray(len(plan.steps))
        self._finish_waits = dict(couplings.finish_waits)
        self._finish_broken: set[int] = set()
        self.lags: list[tuple[int, int, int]] = []
        self.settled = [step for step, waits in enumerate(self._waits) if not waits]
        self.released: list[int] = []

    def may_start(self, step: int) -> bool:
        """Whether all links before the start of *step* that are settled were met."""
        return not self._broken[step]

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
            self._meet(coupling, True, at)

    def ended(self, step: int, end: int, at: int, *, has_started: bool) -> None:
        """*step* has ended as *end*."""
        waits, broken = self._waits, self._broken
        for target, mask in self._plain[step]:
            waits[target] -= 1
            if not mask >> end & 1:
                broken[target] = 1
            if not waits[target]:
                self.settled.append(target)
        if self._on_finish:
            for coupling in self._on_finish.get(step, ()):
                self._meet(coupling, bool(coupling.mask >> end & 1), at)
        if self._on_start and not has_started:  # the start that these wait for will never come
            for coupling in self._on_start.get(step, ()):
                self._meet(coupling, bool(coupling.mask >> end & 1), at)

    def lapse(self, now: int) -> None:
        """Settle the links whose lag is over at *now*."""
        while self.lags and self.lags[0][0] <= now:
            _, target, gate = heappop(self.lags)
            self._settle(target, gate, True)

    def next_lapse(self) -> int | None:
        """When the next lag is over, or None."""
        return self.lags[0][0] if self.lags else None

    def lags_of(self, step: int) -> list[int]:
        """When the lags are over that *step* still waits for."""
        return sorted(at for at, target, _ in self.lags if target == step)

    def snapshot(self) -> tuple[object, ...]:
        """What decides how the run goes on, for comparing two runs."""
        return (
            bytes(self._broken), tuple(self._waits), dict(self._finish_waits), frozenset(self._finish_broken),
            sorted(self.lags),
        )  # fmt: skip

    def _meet(self, coupling: Coupling, is_met: bool, at: int) -> None:
        if coupling.lag and is_met:
            heappush(self.lags, (at + coupling.lag, coupling.target, coupling.gate))
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
            self._broken[target] = 1
        if not self._waits[target]:
            self.settled.append(target)
