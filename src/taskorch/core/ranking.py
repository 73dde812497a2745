"""Keys in order, each with its place: what a heap cannot tell.

The keys stand in sorted blocks of bounded length. Finding the block and the place in it are two binary
searches; how many keys stand before a block is told by a Fenwick tree over the lengths of the blocks, which is
only there while somebody asks for places. Adding, taking out and telling a place cost O(log n) amortised, besides
moving at most one block in memory. Keys that are added are only put in order when somebody asks, so that many at
once are sorted at once.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from itertools import chain
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Any)  # Any: whatever can be compared with its like

_LONGEST = 1024
"""The most keys in a block: short enough to be moved in well under a microsecond."""
_SHORTEST = 256
"""A block with fewer keys is joined to its neighbour, so that there are never many blocks for few keys."""


class Ranking(Generic[Key]):
    """A sorted collection of different keys.

    Attributes:
        size: How many there are: ``len()`` without the call.
    """

    __slots__ = ("_blocks", "_fresh", "_lasts", "_tree", "size")

    def __init__(self) -> None:
        self._blocks: list[list[Key]] = []
        self._lasts: list[Key] = []  # the last key of each block
        self._tree: list[int] = []  # empty: not there, to be made when a place is asked for
        self._fresh: list[Key] = []  # those not put in order yet
        self.size = 0

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[Key]:
        self._order()
        return chain.from_iterable(self._blocks)

    @property
    def first(self) -> Key:
        """The lowest key; ``IndexError`` if there is none."""
        if self._fresh:
            self._order()
        return self._blocks[0][0]

    @property
    def last(self) -> Key:
        """The highest key; ``IndexError`` if there is none."""
        self._order()
        return self._lasts[-1]

    def add(self, key: Key) -> None:
        """Put *key* where it belongs."""
        self.size += 1
        self._fresh.append(key)

    def remove(self, key: Key) -> None:
        """Take *key* out; ``KeyError`` if it is not there."""
        self._order()
        number, place = self._find(key)
        block = self._blocks[number]
        del block[place]
        self.size -= 1
        self._shrunk(number, block)

    def pop(self) -> Key:
        """Take the lowest key out; ``IndexError`` if there is none."""
        if self._fresh:
            self._order()
        block = self._blocks[0]
        key = block.pop(0)
        self.size -= 1
        if len(block) < _SHORTEST or self._tree:
            self._shrunk(0, block)
        return key

    def place(self, key: Key) -> int:
        """How many keys stand before *key*; ``KeyError`` if it is not there."""
        self._order()
        number, place = self._find(key)
        tree = self._tree or self._counted()
        while number:
            place += tree[number]
            number &= number - 1
        return place

    def _order(self) -> None:
        """Put the fresh keys in order: one by one, or all keys anew where that is less work."""
        fresh = self._fresh
        if len(fresh) * 8 < self.size:
            for key in fresh:
                self._insert(key)
        elif fresh:
            keys = [*chain.from_iterable(self._blocks), *fresh]
            keys.sort()
            half = _LONGEST // 2
            self._blocks = [keys[start : start + half] for start in range(0, len(keys), half)]
            self._lasts = [block[-1] for block in self._blocks]
            self._tree = []
        fresh.clear()

    def _insert(self, key: Key) -> None:
        number = min(bisect_left(self._lasts, key), len(self._lasts) - 1)  # there is a block: most keys are in one
        block = self._blocks[number]
        insort(block, key)
        self._lasts[number] = block[-1]
        if len(block) > _LONGEST:
            self._split(number)
        elif self._tree:
            self._count(number, 1)

    def _find(self, key: Key) -> tuple[int, int]:
        number = bisect_left(self._lasts, key)
        if number < len(self._lasts):
            block = self._blocks[number]
            place = bisect_left(block, key)
            if block[place] == key:
                return number, place
        raise KeyError(key)

    def _shrunk(self, number: int, block: list[Key]) -> None:
        if not block:
            del self._blocks[number], self._lasts[number]
            self._tree = []
            return
        self._lasts[number] = block[-1]
        if len(block) < _SHORTEST and self._join(number):
            return
        if self._tree:
            self._count(number, -1)

    def _join(self, number: int) -> bool:
        """Put a short block and the one behind it together, unless that would soon be split again."""
        left = max(min(number, len(self._blocks) - 2), 0)
        pair = self._blocks[left : left + 2]
        if len(pair) < 2 or len(pair[0]) + len(pair[1]) > _LONGEST // 2:
            return False
        pair[0].extend(pair[1])
        del self._blocks[left + 1], self._lasts[left]
        self._tree = []
        return True

    def _split(self, number: int) -> None:
        block = self._blocks[number]
        half = len(block) // 2
        self._blocks.insert(number + 1, block[half:])
        del block[half:]
        self._lasts.insert(number, block[-1])
        self._tree = []

    def _count(self, number: int, change: int) -> None:
        tree, number = self._tree, number + 1
        while number < len(tree):
            tree[number] += change
            number += number & -number

    def _counted(self) -> list[int]:
        tree = [0, *map(len, self._blocks)]
        for number in range(1, len(tree)):
            above = number + (number & -number)
            if above < len(tree):
                tree[above] += tree[number]
        self._tree = tree
        return tree
