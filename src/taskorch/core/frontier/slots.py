"""What running bodies occupy: places for each kind of body, and amounts of resources."""

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import attrs


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
    demand: tuple[tuple[int, int], ...] = ()
    target: str | None = None


@attrs.define(eq=False)
class Slots:
    """What is free; something is occupied because a body runs, never because of a counter drifting.

    Attributes:
        free: The free places for each kind.
        total: The free places for all together.
        amounts: What is free of each resource of the plan.
    """

    free: list[int]
    total: int
    amounts: list[int] = attrs.field(factory=list)

    @classmethod
    def of(
        cls, *, loop: int, threads: int, commands: int, total: int | None = None, amounts: Sequence[int] = ()
    ) -> "Slots":
        """Places for so many bodies of each kind; *total* bounds all together."""
        return cls([loop, threads, commands], total if total is not None else loop + threads + commands, list(amounts))

    def fits(self, line: Line) -> bool:
        """Whether a step of *line* could start now."""
        if self.total <= 0 or self.free[line.kind] <= 0:
            return False
        amounts = self.amounts
        for resource, amount in line.demand:  # noqa: SIM110 - a generator would cost more than the loop
            if amounts[resource] < amount:
                return False
        return True

    def lacking(self, line: Line) -> tuple[int, ...]:
        """The resources of which too little is free for a step of *line*."""
        return tuple(resource for resource, amount in line.demand if self.amounts[resource] < amount)

    def has_place(self, kind: Kind | int) -> bool:
        """Whether there is a place for another body of *kind*."""
        return self.total > 0 and self.free[kind] > 0

    def take(self, line: Line) -> None:
        """A body of *line* has started."""
        self.free[line.kind] -= 1
        self.total -= 1
        for resource, amount in line.demand:
            self.amounts[resource] -= amount

    def give(self, line: Line) -> None:
        """A body of *line* has ended."""
        self.free[line.kind] += 1
        self.total += 1
        for resource, amount in line.demand:
            self.amounts[resource] += amount
