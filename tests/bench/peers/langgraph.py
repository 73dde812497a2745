# /// script
# requires-python = ">=3.11"
# dependencies = ["langgraph>=1.2"]
# ///
"""LangGraph on asyncio, without a checkpointer; a node that joins several waits for all of them."""

import asyncio
import operator
from collections.abc import Callable
from typing import Annotated, TypedDict

from langgraph.graph import START, StateGraph

from yardstick.peer import Peer
from yardstick.workloads import Graph


class State(TypedDict):
    """What the nodes share; none of them writes."""

    count: Annotated[int, operator.add]


async def body(state: State) -> None:
    """Do nothing."""


def prepare(graph: Graph) -> Callable[[], object]:
    """Nodes and edges, compiled."""
    builder = StateGraph(State)
    for number in graph:
        builder.add_node(f"s{number}", body)
    for number, parents in graph.items():
        before = [f"s{parent}" for parent in parents]
        builder.add_edge(before if len(before) > 1 else before[0] if before else START, f"s{number}")
    app = builder.compile()
    return lambda: asyncio.run(app.ainvoke({"count": 0}, {"recursion_limit": len(graph) + 10}))


if __name__ == "__main__":
    Peer(name="LangGraph", package="langgraph", prepare=prepare, sizes={"deep": (200, 100)}).main()
