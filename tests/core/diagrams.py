"""Diagrams that are drawn with lines and boxes, read as arrows from box to box."""

import re
from collections.abc import Iterator

_UP, _DOWN, _LEFT, _RIGHT = (-1, 0), (1, 0), (0, -1), (0, 1)
_ENDS = {
    "│": (_UP, _DOWN),
    "─": (_LEFT, _RIGHT),
    "┌": (_RIGHT, _DOWN),
    "┐": (_LEFT, _DOWN),
    "└": (_UP, _RIGHT),
    "┘": (_UP, _LEFT),
    "┬": (_LEFT, _RIGHT, _DOWN),
    "┴": (_LEFT, _RIGHT, _UP),
    "┼": (_UP, _DOWN, _LEFT, _RIGHT),
    "▼": (_UP,),
}
"""Where each piece of a line goes on."""
_Place = tuple[int, int]


def arrows(drawing: str) -> set[tuple[str, str]]:
    """The box each arrow leaves and the one it leads to, by the names in them.

    Arrows that point down are followed along their lines. One that points right has the name of its box beside it.
    """
    lines = drawing.splitlines()
    grid = {(row, column): char for row, line in enumerate(lines) for column, char in enumerate(line)}
    owners = {place: name for name, places in _boxes(lines) for place in places}
    found = {(match[1], match[2]) for line in lines for match in re.finditer(r"(\w+) *│─+► *(\w+)", line)}
    for (row, column), char in grid.items():
        if char == "▼":
            found |= {(source, owners[row + 1, column]) for source in _sources(grid, owners, (row, column))}
    return found


def _boxes(lines: list[str]) -> Iterator[tuple[str, list[_Place]]]:
    """The name in each box, and the places of its three lines, the first of which may stand a column beside."""
    for row in range(1, len(lines) - 1):
        for named in re.finditer(r"[│┤] *(\w+) *[│├]", lines[row]):
            begin, end = named.span()
            top = re.compile("┌─+┐").search(lines[row - 1], max(begin - 1, 0), end + 1)
            if top and re.fullmatch("└[─┬]+┘", lines[row + 1][begin:end]):
                above = [(row - 1, column) for column in range(*top.span())]
                yield named[1], above + [(row + step, column) for step in (0, 1) for column in range(begin, end)]


def _sources(grid: dict[_Place, str], owners: dict[_Place, str], head: _Place) -> set[str]:
    """The boxes at the other ends of the lines that end in an arrow's head."""
    found: set[str] = set()
    seen, waiting = {head}, [head]
    while waiting:
        row, column = waiting.pop()
        for down, right in _ENDS.get(grid[row, column], ()):
            place = row + down, column + right
            if place in owners:
                found |= {owners[place]} if owners[place] != owners.get((head[0] + 1, head[1])) else set()
            elif place not in seen and (-down, -right) in _ENDS.get(grid.get(place, ""), ()):
                seen.add(place)
                waiting.append(place)
    return found
