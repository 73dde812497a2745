"""The critical path of a workflow: its longest chain, by estimates, link types and lags.

The arithmetic is that of project planning: a step runs from its start for as long as it is estimated, without a
pause, so that a finish that is held up (``finish_to_finish``, ``start_to_finish``) puts off the start.
"""

from collections.abc import Sequence
from datetime import timedelta
from operator import itemgetter

import attrs

from taskorch.core.graph import Wiring, groups
from taskorch.core.step import Step
from taskorch.core.times import MICROSECOND, NOTHING

_NONE = -1
Arrival = tuple[int, int, bool]
"""A link as its successor sees it: the event it waits for, the lag, whether it is the finish that waits."""


@attrs.frozen
class CriticalPath:
    """The longest chain of a workflow, which no plan is shorter than, however many workers there are.

    Attributes:
        duration: Its length, from the estimates of its steps (steps without one count as nothing).
        steps: The ids of the steps on it, in order.
    """

    duration: timedelta
    steps: tuple[str, ...]


def critical_path(steps: Sequence[Step], wiring: Wiring) -> CriticalPath:
    """The longest chain of steps, weighted with estimates and lags.

    Every start is put off as its links demand, a late finish by putting off the start. Where links lead back and
    forth that may have no answer: "B starts after A" and "A finishes after B" cannot both hold for a B that takes
    longer than an A that never pauses. Steps of such a group, which wait for one another, may then pause: what they
    wait for puts off a start or a finish each by itself, as a run does it. Between other steps nothing changes.

    Args:
        steps: The steps; their estimates are taken to the microsecond.
        wiring: The links of a sound workflow of these steps.
    """
    schedule = _Schedule.of(steps, wiring)
    rank: dict[int, int] = {}
    for group in groups(wiring):
        if len(group) == 1:
            schedule.place(group[0], 1)
        elif not schedule.place_together(group):
            rank = rank or {event: number for number, event in enumerate(wiring.event_order())}
            events = [*group, *(step + len(steps) for step in group)]
            schedule.place_apart(sorted(events, key=rank.__getitem__))
    return schedule.longest(list(wiring.place))


@attrs.define(eq=False)
class _Schedule:
    """When each event may come: of step x the start is event x, the finish *count* more.

    Times are microseconds times *scale*, plus the number of steps that led there: of chains of one length the one
    over more steps counts, so that steps without an estimate are not left out.
    """

    count: int
    scale: int
    lengths: list[int]
    arrivals: list[list[Arrival]]
    at: list[int]
    reason: list[int]
    """For each event the one that holds it up longest."""

    @classmethod
    def of(cls, steps: Sequence[Step], wiring: Wiring) -> "_Schedule":
        count, scale = len(steps), len(steps) + 1
        estimates = [step.estimated_duration for step in steps]
        lengths = [estimate // MICROSECOND * scale if estimate else 0 for estimate in estimates]
        arrivals: list[list[Arrival]] = [[] for _ in steps]
        for source, event, link in zip(*wiring.events(), wiring.links, strict=True):
            lag = link.lag // MICROSECOND * scale if link.lag is not NOTHING else 0
            arrivals[event % count].append((source, lag, event >= count))
        return cls(count, scale, lengths, arrivals, [0] * 2 * count, [_NONE] * count + list(range(count)))

    def place(self, step: int, counted: int) -> bool:
        """Put off the start of *step* as far as its links demand, its finish with it; False if nothing changed."""
        length, at = self.lengths[step], self.at
        latest, reason = at[step], self.reason[step]
        for source, lag, holds_finish in self.arrivals[step]:
            demanded = at[source] + lag + counted
            if holds_finish:
                demanded -= length
            if demanded > latest:
                latest, reason = demanded, source
        changed = latest > at[step]
        at[step], at[step + self.count] = latest, latest + length
        self.reason[step] = reason
        return changed

    def place_together(self, group: list[int]) -> bool:
        """Place steps that wait for one another, until nothing changes; False if that would never be.

        It would never be where an event puts off itself. The steps are not counted: that would do so too.
        """
        for step in group:
            self.at[step + self.count] = self.lengths[step]
        while sum(self.place(step, 0) for step in group):
            if self._puts_off_itself(group):
                return False
        return True

    def place_apart(self, events: list[int]) -> None:
        """Place starts and finishes each by itself; *events* come after those they wait for."""
        for event in events:
            step, finish = event % self.count, event >= self.count
            reached = [(self.at[step] + self.lengths[step], step) if finish else (0, _NONE)]
            reached += [(self.at[s] + lag, s) for s, lag, gates in self.arrivals[step] if gates == finish]
            self.at[event], self.reason[event] = max(reached, key=itemgetter(0))

    def _puts_off_itself(self, group: list[int]) -> bool:
        seen: dict[int, int] = {}
        for begun in group:
            step = begun
            while step != _NONE and step not in seen:
                seen[step] = begun
                reason = self.reason[step]
                step = reason % self.count if reason != _NONE else _NONE
            if step != _NONE and seen[step] == begun:
                return True
        return False

    def longest(self, ids: Sequence[str]) -> CriticalPath:
        """The chain that ends with the latest finish."""
        if not ids:
            return CriticalPath(NOTHING, ())
        event = max(range(self.count, 2 * self.count), key=self.at.__getitem__)
        duration = self.at[event] // self.scale * MICROSECOND
        chain = []
        while event != _NONE:
            chain.append(ids[event % self.count])
            event = self.reason[event]
        return CriticalPath(duration, tuple(dict.fromkeys(reversed(chain))))
