"""What running bodies occupy: places for each kind of body, and amounts of resources."""

from enum import IntEnum
from typing import NamedTuple

import attrs

from taskorch.core.resources import Capacity, Demand


class Kind(IntEnum):
    """Where a body runs; each kind has its own slots."""

    LOOP = 0
    """On the event loop: async functions, and sync ones declared ``inline``."""
    THREAD = 1
    COMMAND = 2


class Line(NamedTuple):
    """What a step occupies while its body runs: steps that are alike wait in one line.

    Attributes:
        kind: Where the body runs.
        demand: The amounts of resources, as pairs of index and amount.
        target: What a circuit breaker watches, or None.
    """

    kind: int
    demand: Demand = ()
    target: str | None = None


@attrs.define(eq=False)
class Slots:
    """What is free; something is occupied because a body runs, never because of a counter drifting.

    Attributes:
        free: The free places for each kind.
        total: The free places for all together.
        capacity: What is free of each resource of the plan.
    """

    free: list[int]
    total: int
    capacity: Capacity = attrs.field(factory=lambda: Capacity(()))

    @classmethod
    def of(cls, *, loop: int, threads: int, commands: int, total: int | None = None) -> "Slots":
        """Places for so many bodies of each kind; *total* bounds all together."""
        return cls([loop, threads, commands], total if total is not None else loop + threads + commands)

    def fits(self, line: Line) -> bool:
        """Whether a step of *line* could start now."""
        return self.total > 0 and self.free[line.kind] > 0 and (not line.demand or self.capacity.fits(line.demand))

    def has_place(self, kind: Kind | int) -> bool:
        """Whether there is a place for another body of *kind*, resources aside."""
        return self.total > 0 and self.free[kind] > 0

    def take(self, line: Line) -> None:
        """A body of *line* has started."""
        self.free[line.kind] -= 1
        self.total -= 1
        if line.demand:
            self.capacity.take(line.demand)

    def give(self, line: Line) -> None:
        """A body of *line* has ended."""
        self.free[line.kind] += 1
        self.total += 1
        if line.demand:
            self.capacity.give(line.demand)
