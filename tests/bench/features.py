"""What each feature adds to a step, in µs beside the same run without it.

    python tests/bench/features.py [ROUNDS] [LAYERS] [WIDTH]

The graph has three random parents a step; bodies are async and do nothing. Printed are medians in µs per step, and
what is added, taken round by round. The aim for a retry policy that has nothing to do is at most 1 µs. A feature
that this version cannot carry out is named as such.
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import taskorch
from taskorch.core.settings import Pool
from yardstick.bodies import idle
from yardstick.timing import Rounds
from yardstick.workloads import Graph, layers

NOTHING = "nothing"
STEP_OPTIONS: dict[str, dict[str, Any]] = {  # Any: what `flow.step` takes
    NOTHING: {},
    "retry policy, no failure": {"retry": taskorch.Retry(max_attempts=3)},
    "timeout of an attempt": {"timeout": 60},
    "total timeout": {"total_timeout": 60},
    "resources, two of a pool": {"resources": {"cpu": "500m", "memory": "1Mi"}},
}
RUN_OPTIONS: dict[str, dict[str, Any]] = {  # Any: what `run` takes
    "an observer": {"observers": [lambda event: None]},
    "memory: store": {"store": "memory:"},
}


async def fed(value: None) -> None:
    """Take what the first parent gave."""


def build(
    graph: Graph, *, inputs: bool = False, conditions: bool = False, pool: Pool | None = None, **options: Any
) -> taskorch.Workflow:
    """The workflow of a graph, each step with the same *options*; those with parents with what asks for one."""
    flow = taskorch.Workflow("bench", resources=pool)
    for number, parents in graph.items():
        before = [f"s{parent}" for parent in parents]
        own = dict(options)
        if conditions and before:
            own["condition"] = f"on_success({before[0]})"
        if inputs and before:
            flow.step(fed, id=f"s{number}", after=before, inputs={"value": before[0]}, **own)
        else:
            flow.step(idle, id=f"s{number}", after=before, **own)
    return flow


def variants(graph: Graph) -> Iterator[tuple[str, Callable[[], object]]]:
    """Who runs the graph: first without any feature, then with each of them alone."""
    bare = build(graph)

    def once(flow: taskorch.Workflow, **options: Any) -> None:  # Any: as above
        taskorch.run_sync(flow, **options).check()

    for name, options in STEP_OPTIONS.items():
        pool = Pool(limits={"cpu": 64, "memory": "1Gi"}) if "resources" in options else None
        yield name, partial(once, build(graph, pool=pool, **options))
    yield "input from a parent", partial(once, build(graph, inputs=True))
    yield "condition on a parent's outcome", partial(once, build(graph, conditions=True))
    for name, options in RUN_OPTIONS.items():
        yield name, partial(once, bare, **options)


def main(repeats: int = 7, depth: int = 100, width: int = 100) -> None:
    """Run all variants and print the table."""
    graph = layers(depth, width)
    contenders = {}
    for name, call in variants(graph):
        try:
            call()
        except taskorch.UnsupportedFeature:
            print(f"  {name:34} not in this version")
        else:
            contenders[name] = call
    rounds = Rounds(contenders, len(graph), repeats)
    print(f"{depth} × {width} steps, median of {repeats}: µs per step, and what is added")
    for name in contenders:
        print(f"  {name:34}{rounds.median(name):8.2f}{rounds.added(name, NOTHING):+9.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
