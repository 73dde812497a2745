"""The table of what the peers printed, as Markdown: `python -m peers FILE …`, each file with a JSON line a workload.

A cell is how many times as long a step takes as with asyncio and graphlib by hand, in the same process and on the
same graph; in brackets the size that was run where the full one would have taken too long.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from yardstick.workloads import SHAPES, title

Figures = Mapping[str, Any]  # Any: numbers, texts and switches, as `Peer.measured` gives them


def times(ratio: float) -> str:
    """A ratio with two digits that count; more would not be true."""
    return f"{float(f'{ratio:.2g}'):,g} ×"


def cell(found: Figures | None) -> str:
    """One workload of one peer."""
    if found is None:
        return "–"
    return times(found["ratio"]) + (f" ({found['workload']})" if found["reduced"] else "")


def row(figures: Mapping[str, Figures]) -> list[str]:
    """All workloads of one peer."""
    any_ = next(iter(figures.values()))
    built = figures.get("layers", any_)["build_ratio"]
    name = f"{any_['peer']} {any_['version']}"
    return [name, *(cell(figures.get(shape)) for shape in SHAPES), times(built) if built >= 0.01 else "0"]


def table(lines: Iterable[str]) -> str:
    """The table of all peers, in the order in which they first come; of a repeated workload the last counts."""
    peers: dict[str, dict[str, Figures]] = {}
    for line in lines:
        found = json.loads(line)
        peers.setdefault(found["peer"], {})[found["shape"]] = found
    head = ["", *map(title, SHAPES), "to build"]
    rows = [head, ["---"] * len(head), *map(row, peers.values())]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


if __name__ == "__main__":
    print(table(line for name in sys.argv[1:] for line in Path(name).read_text(encoding="utf-8").splitlines()))
