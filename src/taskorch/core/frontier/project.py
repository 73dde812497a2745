"""A workflow as project scheduling sees it: durations, arcs, demands and limits, all of them whole numbers.

The problem is the resource-constrained project scheduling problem with minimal time lags; a step is what the
papers call an activity.
"""

from collections.abc import Sequence

import attrs

Demand = tuple[tuple[int, int], ...]
"""What a step holds while its body runs: pairs of a resource's index and an amount above 0."""
Arcs = tuple[tuple[tuple[int, int], ...], ...]
"""For each step: pairs of a later step and the least time from start to start."""


@attrs.frozen
class Project:
    """What is to be scheduled; steps and resources are indices, steps in document order.

    Attributes:
        durations: How long each step takes, in any unit, 0 or more.
        arcs: The links that gate a start. After a mirror image is taken, a distance may be negative.
        demands: What each step holds while it runs; each of them fits the limits by itself.
        limits: How much there is of each resource.
        waits: For each step, how many arcs lead to it.
    """

    durations: tuple[int, ...]
    arcs: Arcs
    demands: tuple[Demand, ...]
    limits: tuple[int, ...]
    waits: tuple[int, ...] = attrs.field(init=False)

    @waits.default
    def _count(self) -> tuple[int, ...]:
        waits = [0] * len(self.durations)
        for arcs in self.arcs:
            for target, _ in arcs:
                waits[target] += 1
        return tuple(waits)

    @classmethod
    def of(
        cls,
        durations: Sequence[int],
        on_finish: Sequence[Sequence[tuple[int, int]]],
        on_start: Sequence[Sequence[tuple[int, int]]],
        demands: Sequence[Demand],
        limits: Sequence[int],
    ) -> "Project":
        """A project from links as a plan has them.

        Args:
            durations: How long each step takes, in any unit.
            on_finish: For each step, the steps that may start only when it has finished, with the lag.
            on_start: For each step, the steps that may start only when it has started, with the lag.
            demands: What each step holds while it runs.
            limits: How much there is of each resource.
        """
        arcs = tuple(
            (*((target, duration + lag) for target, lag in finish), *start)
            for duration, finish, start in zip(durations, on_finish, on_start, strict=True)
        )
        return cls(tuple(durations), arcs, tuple(demands), tuple(limits))

    def topological(self) -> list[int]:
        """The steps, each after all those it waits for."""
        waits = list(self.waits)
        order = [step for step, count in enumerate(waits) if not count]
        for step in order:
            for target, _ in self.arcs[step]:
                waits[target] -= 1
                if not waits[target]:
                    order.append(target)
        return order

    def tails(self) -> list[int]:
        """For each step, the longest path from its start to the end of everything (Hu's level, with lags)."""
        tails = list(self.durations)
        for step in reversed(self.topological()):
            for target, distance in self.arcs[step]:
                tails[step] = max(tails[step], distance + tails[target])
        return tails

    def contended(self) -> "Project":
        """The same project without the demands on resources of which there is enough for all steps at once."""
        asked = [0] * len(self.limits)
        for demand in self.demands:
            for resource, amount in demand:
                asked[resource] += amount
        scarce = {resource for resource, limit in enumerate(self.limits) if asked[resource] > limit}
        kept = {demand: tuple(want for want in demand if want[0] in scarce) for demand in set(self.demands)}
        return attrs.evolve(self, demands=tuple(kept[demand] for demand in self.demands))

    def bound(self) -> int:
        """A makespan that no schedule is below: the critical path, or the work that one resource has to do."""
        work = [0] * len(self.limits)
        for duration, demand in zip(self.durations, self.demands, strict=True):
            for resource, amount in demand:
                work[resource] += duration * amount
        rates = (-(-amount // limit) for amount, limit in zip(work, self.limits, strict=True) if limit)
        return max(max(self.tails(), default=0), *rates, 0)

    def mirrored(self) -> "Project":
        """The same project with time running backwards: a schedule of it, read from its end, is one of this."""
        arcs: list[list[tuple[int, int]]] = [[] for _ in self.durations]
        for source, targets in enumerate(self.arcs):
            for target, distance in targets:
                arcs[target].append((source, distance + self.durations[target] - self.durations[source]))
        return attrs.evolve(self, arcs=tuple(map(tuple, arcs)))
