# /// script
# requires-python = ">=3.11"
# dependencies = ["pydantic-graph>=2.68"]
# ///
"""pydantic-graph on asyncio; a step that several come before has a join before it, which waits for all of them."""

import asyncio
from collections.abc import Callable
from typing import Any

from pydantic_graph import GraphBuilder, StepContext, reduce_null

from yardstick.peer import Peer
from yardstick.workloads import Graph, fan, sinks

Builder = GraphBuilder[None, None, None, None]


async def body(context: StepContext[None, None, Any]) -> None:
    """Do nothing."""


def mapped(width: int) -> Builder:
    """A fan as its documents advise: one step mapped over many inputs, which are joined."""

    async def first(context: StepContext[None, None, None]) -> range:
        return range(width)

    builder = GraphBuilder(output_type=type(None))
    one, each, last = builder.step(first), builder.step(body, node_id="each"), builder.step(body, node_id="last")
    joined = builder.join(reduce_null, initial=None)
    builder.add(
        builder.edge_from(builder.start_node).to(one),
        builder.edge_from(one).map().to(each),
        builder.edge_from(each).to(joined),
        builder.edge_from(joined).to(last),
        builder.edge_from(last).to(builder.end_node),
    )
    return builder


def spelled_out(graph: Graph) -> Builder:
    """Any other graph: its own node for each step, and one for each join."""
    builder = GraphBuilder(output_type=type(None))
    steps = {number: builder.step(body, node_id=f"s{number}") for number in graph}
    entries: dict[int, Any] = dict(steps)  # Any: a step or its join
    for number in [number for number, parents in graph.items() if len(parents) > 1]:
        entries[number] = builder.join(reduce_null, initial=None, node_id=f"j{number}")
        builder.add(builder.edge_from(entries[number]).to(steps[number]))
    exit_: Any = builder.end_node
    if len(sinks(graph)) > 1:
        exit_ = builder.join(reduce_null, initial=None, node_id="exit")
        builder.add(builder.edge_from(exit_).to(builder.end_node))
    after: dict[int, list[Any]] = {number: [] for number in graph}
    for number, parents in graph.items():
        for parent in parents:
            after[parent].append(entries[number])
    builder.add(builder.edge_from(builder.start_node).to(*(steps[n] for n, parents in graph.items() if not parents)))
    builder.add(*(builder.edge_from(steps[number]).to(*(after[number] or [exit_])) for number in graph))
    return builder


def prepare(graph: Graph) -> Callable[[], object]:
    """The graph, built and validated."""
    width = len(graph) - 2
    builder = mapped(width) if width > 1 and graph == fan(width) else spelled_out(graph)
    built = builder.build()
    return lambda: asyncio.run(built.run())


if __name__ == "__main__":
    # To build graphs with many joins takes it a time that grows faster than their size.
    sizes = {"layers": (10, 10), "deep": (40, 10)}
    Peer(name="pydantic-graph", package="pydantic-graph", prepare=prepare, sizes=sizes).main()
