"""Questions about the graph of a workflow: circles, stages, the critical path.

The only room with networkx, which is imported when the first question is asked.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import attrs

from taskorch.core.step import Link, Step

if TYPE_CHECKING:
    import networkx as nx

_MICROSECOND = timedelta(microseconds=1)
_Event = tuple[str, str]
"""A step's id with ``start`` or ``finish``."""


@attrs.frozen
class CriticalPath:
    """The longest chain of a workflow: no schedule is shorter, however many workers there are.

    Attributes:
        duration: Its length, from the estimates of its steps (steps without one count as nothing).
        steps: The ids of the steps on it, in order.
    """

    duration: timedelta
    steps: tuple[str, ...]


def _events(ids: Sequence[str], links: Sequence[Link], lengths: Mapping[str, float]) -> "nx.DiGraph[_Event]":
    import networkx as nx

    graph: nx.DiGraph[_Event] = nx.DiGraph()
    for id in ids:
        graph.add_edge((id, "start"), (id, "finish"), weight=lengths.get(id, 0.0))
    for link in links:
        source = (link.predecessor, "finish" if link.type.from_finish else "start")
        target = (link.successor, "start" if link.type.gates_start else "finish")
        lag = link.lag / _MICROSECOND
        if not graph.has_edge(source, target) or graph.edges[source, target]["weight"] < lag:
            graph.add_edge(source, target, weight=lag)
    return graph


def find_cycle(ids: Sequence[str], links: Sequence[Link]) -> tuple[str, ...]:
    """The ids on one circle of events, in order; empty if there is none."""
    import networkx as nx

    known = set(ids)
    graph = _events(ids, [k for k in links if k.predecessor in known and k.successor in known], {})
    try:
        edges = nx.find_cycle(graph)
    except nx.NetworkXNoCycle:
        return ()
    return tuple(dict.fromkeys(edge[0][0] for edge in edges))


def stages(ids: Sequence[str], links: Sequence[Link]) -> tuple[tuple[str, ...], ...]:
    """Groups of steps whose starts wait only for steps of earlier groups (D3, "execution stages").

    Within a group the order is that of *ids*.
    """
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(ids)
    graph.add_edges_from((link.predecessor, link.successor) for link in links if link.type.gates_start)
    place = {id: number for number, id in enumerate(ids)}
    return tuple(tuple(sorted(group, key=place.__getitem__)) for group in nx.topological_generations(graph))


def critical_path(steps: Sequence[Step], links: Sequence[Link]) -> CriticalPath:
    """The longest path through the events of all steps, weighted with estimates and lags."""
    import networkx as nx

    lengths = {s.id: s.estimated_duration / _MICROSECOND for s in steps if s.estimated_duration is not None}
    graph = _events([step.id for step in steps], links, lengths)
    # Of paths of one length the one over more steps, so that steps without an estimate are not left out.
    for source, target, data in graph.edges(data=True):
        data["rank"] = data["weight"] * (len(graph) + 1) + (source[0] == target[0])
    path = nx.dag_longest_path(graph, weight="rank")
    total = sum(graph.edges[edge]["weight"] for edge in pairwise(path))
    on_path = [a[0] for a, b in pairwise(path) if a[0] == b[0]]
    return CriticalPath(total * _MICROSECOND, tuple(on_path))
