"""A host that runs one wild program and will be killed: ``python host.py BACKEND KIND TAG [fork]``."""

import os
import sys
import time
from pathlib import Path

import anyio

from taskorch.dispatchers import CommandDispatcher
from taskorch.protocols import Command, Job
from taskorch.testing.dispatchers import QuietReport


async def main(kind: str, tag: str, forks: bool) -> None:
    """Run the program until killed."""
    argv = ("python", str(Path(__file__).with_name("wild.py")), kind, tag)
    job = Job(run_id=tag, step_id="s", attempt=1, command=Command(argv=argv))
    async with anyio.create_task_group() as jobs:
        jobs.start_soon(CommandDispatcher(grace=0.2).dispatch, job, QuietReport())
        await anyio.sleep(0.5)
        if forks and os.fork() == 0:  # as `multiprocessing` does: it has all our pipes
            time.sleep(30)  # noqa: ASYNC251  # there is no event loop in the copy
            os._exit(0)


if __name__ == "__main__":
    anyio.run(main, sys.argv[2], sys.argv[3], "fork" in sys.argv, backend=sys.argv[1])
