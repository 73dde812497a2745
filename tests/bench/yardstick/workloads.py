"""The graphs that are run: for each step, by number, the steps before it."""

import random
from collections.abc import Callable, Mapping, Sequence

Graph = Mapping[int, Sequence[int]]


def chain(length: int) -> Graph:
    """One step after another: nothing can overlap, so all that is told is the way from a step to the next."""
    return {number: [number - 1] if number else [] for number in range(length)}


def fan(width: int) -> Graph:
    """One step, then *width* of them, then one after them all: how many may be ready at once."""
    middle = range(1, width + 1)
    return {0: [], **{number: [0] for number in middle}, width + 1: list(middle)}


def layers(depth: int, width: int, parents: int = 3) -> Graph:
    """*depth* layers of *width* steps, each with so many *parents* drawn from the layer above, always the same."""
    chance = random.Random(7)
    return {
        layer * width + place: sorted((layer - 1) * width + p for p in chance.sample(range(width), min(parents, width)))
        if layer
        else []
        for layer in range(depth)
        for place in range(width)
    }


def sinks(graph: Graph) -> list[int]:
    """The steps that none comes after: what must be asked for where only what is asked for is run."""
    return sorted(set(graph) - {parent for parents in graph.values() for parent in parents})


Shape = tuple[Callable[..., Graph], tuple[int, ...]]
"""How a graph is made, and of what size."""

SHAPES: dict[str, Shape] = {
    "chain": (chain, (2_000,)),
    "fan": (fan, (10_000,)),
    "layers": (layers, (100, 100)),
    "deep": (layers, (1_000, 100)),
}
"""The workloads by name, in their full size."""
DURABLE: dict[str, Shape] = {"durable-chain": (chain, (1_000,)), "durable-layers": (layers, (20, 100))}
"""Those of which every result is kept on disk."""


def made(shape: str, size: tuple[int, ...] = ()) -> Graph:
    """The graph of a *shape*, in its full size or in another."""
    maker, full = (SHAPES | DURABLE)[shape]
    return maker(*(size or full))


def title(shape: str, size: tuple[int, ...] = ()) -> str:
    """What a *shape* of that size is called in a table."""
    size = size or (SHAPES | DURABLE)[shape][1]
    if len(size) == 1 and shape != "fan":
        return f"chain of {size[0]:,}"
    return f"1 → {size[0]:,} → 1" if shape == "fan" else f"{size[0]:,} × {size[1]:,}"
