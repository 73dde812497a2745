"""The tables of what the peers printed, as Markdown: `python -m peers FILE …`, each file with a JSON line a workload.

A cell is how many times as long a step takes as with asyncio and graphlib by hand, in the same process and on the
same graph; in brackets the size that was run where the full one would have taken too long. What keeps every result is
told in times of a bare writer thread, and a queue in times of the statements written by hand.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from yardstick.queue_peer import BATCHES
from yardstick.queue_peer import title as together
from yardstick.workloads import DURABLE, SHAPES, title

Figures = Mapping[str, Any]  # Any: numbers, texts and switches, as `Peer.measured` gives them


def times(ratio: float) -> str:
    """A ratio with two digits that count; more would not be true."""
    return f"{float(f'{ratio:.2g}'):,g} ×"


def cell(found: Figures | None) -> str:
    """One workload of one peer."""
    if found is None:
        return "–"
    return times(found["ratio"]) + (f" ({found['workload']})" if found["reduced"] else "")


def built(figures: Mapping[str, Figures]) -> list[str]:
    """What it takes to build the usual graph, where that was measured."""
    found = figures.get("layers", next(iter(figures.values())))
    if found["shape"] not in SHAPES:
        return []
    return [times(found["build_ratio"]) if found["build_ratio"] >= 0.01 else "0"]


def row(figures: Mapping[str, Figures], shapes: Iterable[str]) -> list[str]:
    """All workloads of one peer."""
    any_ = next(iter(figures.values()))
    return [f"{any_['peer']} {any_['version']}", *(cell(figures.get(shape)) for shape in shapes), *built(figures)]


def table(peers: Iterable[Mapping[str, Figures]], titles: Mapping[str, str]) -> str:
    """The table of those peers that have workloads among the *titles*; empty if there are none."""
    rows = [row(figures, titles) for figures in peers if not titles.keys().isdisjoint(figures)]
    if not rows:
        return ""
    head = ["", *titles.values(), *(["to build"] if "layers" in titles else [])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *rows])


def tables(lines: Iterable[str]) -> str:
    """The tables of all peers, in the order in which they first come; of a repeated workload the last counts.

    One of those that keep nothing, one of those that keep every result, one of queues.
    """
    peers: dict[str, dict[str, Figures]] = {}
    for line in lines:
        found = json.loads(line)
        peers.setdefault(found["peer"], {})[found["shape"]] = found
    kinds: list[dict[str, str]] = [
        {shape: title(shape) for shape in SHAPES},
        {shape: title(shape) for shape in DURABLE},
        {shape: together(shape) for shape in BATCHES},
    ]
    return "\n\n".join(filter(None, (table(peers.values(), titles) for titles in kinds)))


if __name__ == "__main__":
    print(tables(line for name in sys.argv[1:] for line in Path(name).read_text(encoding="utf-8").splitlines()))
