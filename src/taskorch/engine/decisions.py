"""What was decided and is not safe yet: it is acted on once it is."""

from collections.abc import Sequence

from taskorch.core.events import Event

MOST_FACTS = 300
"""Decisions go to the store together up to so many facts: who reads journals reads whole units."""


class Decided:
    """What was decided at one moment; or at several, as long as it is not on its way to the store.

    Attributes:
        started: The attempts that may begin.
        first: The number of the first of its facts, among those of the run.
        last: The number behind the last of them.
        beginning: What has happened to the task of the run before them.
        end: What has happened to it after them.
        is_last: Whether the run has ended by that.
    """

    __slots__ = ("beginning", "end", "first", "is_last", "last", "started")

    def __init__(
        self,
        started: list[tuple[int, int]],
        first: int,
        last: int,
        beginning: Sequence[Event],
        end: Sequence[Event],
        *,
        is_last: bool,
    ) -> None:
        self.started, self.first, self.last = started, first, last
        self.beginning, self.end, self.is_last = beginning, end, is_last

    def takes(self, last: int) -> bool:
        """Whether the facts up to the number *last* may still be added."""
        return last - self.first <= MOST_FACTS
