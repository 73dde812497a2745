"""Whether 100,000 steps fit: their memory, and their time beside that of a tenth of them.

    python tests/bench/growth.py [ROUNDS]

Each run is a process of its own, smaller ones between larger ones. Printed are medians: µs per step to build and to
run, how many times as long a step of the large graph takes as one of the small, and the peak of memory above that
of a process which has run one step. The aims: at most 150 MB, and a step that costs the same in both; the chain of
100,000 must not go down by recursion.
"""

import json
import subprocess
import sys
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from statistics import median

GRAPHS = {
    "chain": ((10_000,), (100_000,)),
    "layers": ((100, 100), (1_000, 100)),
}


def peak() -> float:
    """The most memory that this process has had, in MB."""
    most = getrusage(RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most / 1e3


def alone(shape: str, *size: int) -> None:
    """Run one graph in this process, and print its figures as JSON."""
    import taskorch
    from yardstick.bodies import idle
    from yardstick.timing import now
    from yardstick.workloads import made

    first = taskorch.Workflow("first")
    first.step(idle, id="one")
    taskorch.run_sync(first).check()  # whatever is imported on the way has been
    empty = peak()
    graph = made(shape, size)
    given = peak()
    start = now()
    flow = taskorch.Workflow("bench")
    for number, parents in graph.items():
        flow.step(idle, id=f"s{number}", after=[f"s{parent}" for parent in parents])
    built, held = now(), peak()
    taskorch.run_sync(flow).check()
    ended = now()
    node = 1e6 / len(graph)
    figures = {"build": (built - start) * node, "run": (ended - built) * node}
    print(json.dumps(figures | {"graph": given - empty, "flow": held - given, "peak": peak() - given}))


def measured(shape: str, size: tuple[int, ...]) -> dict[str, float]:
    """The figures of one graph from a process of its own.

    This one must stay small: a process starts with the peak of the one that started it.
    """
    command = [sys.executable, str(Path(__file__)), shape, *map(str, size)]
    figures: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return figures


def main(repeats: int = 5) -> None:
    """Run every graph in both sizes and print the table."""
    print(f"median of {repeats}: µs per step to build · to run · MB of the workflow · peak in MB, run included")
    for shape, sizes in GRAPHS.items():
        rounds = [[measured(shape, size) for size in sizes] for _ in range(repeats)]
        for place, size in enumerate(sizes):
            build, run, flow, most = (median(r[place][key] for r in rounds) for key in ("build", "run", "flow", "peak"))
            steps = size[0] * (size[1] if len(size) > 1 else 1)
            print(f"  {shape:8}{steps:8,} steps{build:8.2f}{run:8.2f}{flow:8.0f}{most:8.0f}")
        ratios = [median(r[1][key] / r[0][key] for r in rounds) for key in ("build", "run")]
        print(f"  {shape:8}a step of the large one to build {ratios[0]:.2f} ×, to run {ratios[1]:.2f} ×", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] in GRAPHS:
        alone(sys.argv[1], *map(int, sys.argv[2:]))
    else:
        main(*map(int, sys.argv[1:]))
