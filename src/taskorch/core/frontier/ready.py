"""The steps that are ready and wait for a place, in one line for each demand, the best of each at its head."""

from collections.abc import Callable, Iterator
from heapq import heappop, heappush

from taskorch.core.frontier.plan import Plan
from taskorch.core.frontier.slots import Line, Slots


class Ready:
    """The ready steps of one run.

    Attributes:
        heaps: By line the ranks of those that wait in it; some may be stale. Empty if nobody waits.
    """

    def __init__(self, plan: Plan, slots: Slots) -> None:
        """Nobody is ready yet; places are those of *slots*."""
        self._order, self._rank, self._lines, self._number_of = plan.order, plan.rank, plan.lines, plan.line_number
        self._slots = slots
        self.heaps: dict[int, list[int]] = {}
        self._listed = bytearray(len(plan.steps))  # which steps are ready indeed

    def __contains__(self, step: int) -> bool:
        return bool(self._listed[step])

    def add(self, step: int) -> None:
        """*step* is ready."""
        if not self._listed[step]:
            self._listed[step] = 1
            line = self._number_of[step]
            heap = self.heaps.get(line)
            if heap is None:
                self.heaps[line] = [self._rank[step]]
            else:
                heappush(heap, self._rank[step])

    def remove(self, step: int) -> None:
        """*step* has started, or will not."""
        self._listed[step] = 0

    def best(self, is_open: Callable[[Line], bool] | None = None) -> int | None:
        """Take out the best step that would fit, or None.

        Args:
            is_open: Whether steps of a line may start for other reasons; None if there are none.
        """
        slots = self._slots
        if slots.total <= 0:
            return None
        heaps, order, listed = self.heaps, self._order, self._listed
        best: int | None = None
        found = 0
        for number in tuple(heaps):
            heap = heaps[number]
            while not listed[order[heap[0]]]:
                heappop(heap)
                if not heap:
                    del heaps[number]
                    break
            else:
                if best is None or heap[0] < best:
                    line = self._lines[number]
                    if slots.fits(line) and (is_open is None or is_open(line)):
                        best, found = heap[0], number
        if best is None:
            return None
        heap = heaps[found]
        step = order[heappop(heap)]
        listed[step] = 0
        if not heap:
            del heaps[found]
        return step

    def lines(self) -> Iterator[Line]:
        """The lines in which somebody may be waiting."""
        return (self._lines[number] for number in self.heaps)
