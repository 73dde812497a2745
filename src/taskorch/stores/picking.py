"""Which of the entries that are due are claimed: ``Store.claim``, for every store that can go along its index.

An index of due entries is a *line* for each queue and set of tags, in order of rank. So what is passed over because
of its tags is passed over as a whole, and a claim never costs more because many wait.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heapreplace

from taskorch.core.selection import Lane

Line = tuple[tuple[str, ...], Iterator[tuple[str, str]]]
"""The tags of a line, and its entries that are due, each a rank and an id, in order."""


def pick(
    lanes: Sequence[Lane],
    lines: Callable[[str], Iterable[Line]],
    leased: Counter[str],
    limits: Mapping[str, int],
    n: int,
) -> list[str]:
    """The ids of the entries that are claimed, in order; see ``Store.claim``.

    Args:
        lanes: Where to take from.
        lines: The lines of a queue.
        leased: How many living leases have a tag; counted up for those that are picked.
        limits: How many may.
        n: The most to pick.
    """
    picked: dict[str, None] = {}
    for lane in lanes:
        most = n - len(picked) if lane.quota is None else min(n - len(picked), lane.quota)
        heads = [
            (*head, queue, tags, line)
            for queue in dict.fromkeys(lane.queues)
            for tags, line in lines(queue)
            if (head := next(line, None)) is not None
        ]
        heapify(heads)
        while heads and most > 0:
            _, id, queue, tags, line = heads[0]
            if any(leased[tag] >= limits[tag] for tag in tags if tag in limits):
                heappop(heads)  # and with it the whole line: no lease ends while we look
                continue
            if id not in picked:  # by a lane before that shares the queue
                picked[id] = None
                leased.update(tags)
                most -= 1
            if (head := next(line, None)) is None:
                heappop(heads)
            else:
                heapreplace(heads, (*head, queue, tags, line))
    return list(picked)
