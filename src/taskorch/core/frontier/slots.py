"""How many bodies may run at once, of each kind and together."""

import attrs

from taskorch.core.frontier.plan import Kind


@attrs.define(eq=False)
class Slots:
    """Places for running bodies; a place is free because nobody runs there, never because of a counter drifting.

    Attributes:
        free: The free places for each kind.
        total: The free places for all together.
    """

    free: list[int]
    total: int

    @classmethod
    def of(cls, *, loop: int, threads: int, commands: int, total: int | None = None) -> "Slots":
        """Places for so many bodies of each kind; *total* bounds all together."""
        return cls([loop, threads, commands], total if total is not None else loop + threads + commands)

    def take(self, kind: Kind | int) -> None:
        """A body of *kind* has started."""
        self.free[kind] -= 1
        self.total -= 1

    def give(self, kind: Kind | int) -> None:
        """A body of *kind* has ended."""
        self.free[kind] += 1
        self.total += 1
