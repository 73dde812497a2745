"""What `import taskorch` adds to importing anyio, attrs and cattrs, which it stands on.

    python tests/bench/imports.py [ROUNDS]

Each round starts one interpreter per row, one after another, so that noise hits all of them alike; whole
processes are timed, and the start of a bare interpreter is subtracted. Printed are medians in ms, what taskorch
adds (differences taken round by round), and its ratio to the floor. The bytecode is compiled before the clock
starts. `import taskorch` loads a room when a name of it is asked for; the rows below it are what a host pays in all,
up to the end of its first run, however it is spread. A run needs an event loop: about half of that.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

SOURCES = Path(__file__).parents[2] / "src"
FLOOR = "anyio + attrs + cattrs"
ASYNCIO = f"{FLOOR} + asyncio, as a run needs it"
THREE = "import anyio, attrs, cattrs"
RUN = """
async def body():
    return 1
flow = taskorch.Workflow("one")
flow.step(body, id="one")
taskorch.run_sync(flow).check()
"""
PROGRAMS = {
    "bare python": "pass",
    FLOOR: THREE,
    f"{FLOOR}, then taskorch": f"{THREE}, taskorch",
    "taskorch": "import taskorch",
    "taskorch: State, Task, advance": "from taskorch import State, Task, advance",
    "taskorch: Workflow": "from taskorch import Workflow",
    ASYNCIO: f"{THREE}, asyncio, anyio._backends._asyncio",
    "taskorch: Task, Workflow, run_sync": "from taskorch import Task, Workflow, run_sync",
    "taskorch: every public name": "from taskorch import *",
    "taskorch: a workflow of one step, run": "import taskorch" + RUN,
    "networkx": "import networkx",
}


def started(program: str, environment: dict[str, str]) -> float:
    """Milliseconds that a whole interpreter takes for *program*."""
    start = perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
    return (perf_counter() - start) * 1e3


def main(rounds: int = 21) -> None:
    """Run all programs and print the table."""
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"PYTHONPATH": str(SOURCES), "PYTHONPYCACHEPREFIX": cache}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for program in PROGRAMS.values():
            started(program, environment)
        table = [{name: started(program, environment) for name, program in PROGRAMS.items()} for _ in range(rounds)]
    print(f"median of {rounds} rounds, ms beyond a bare interpreter ({median(r['bare python'] for r in table):.1f} ms)")
    for name in list(PROGRAMS)[1:]:
        spent = median(r[name] - r["bare python"] for r in table)
        added = median(r[name] - r[FLOOR] for r in table)
        ratio = median((r[name] - r["bare python"]) / (r[FLOOR] - r["bare python"]) for r in table)
        print(f"  {name:58} {spent:7.1f}   {added:+7.1f} to the floor   {ratio:5.2f} ×")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
