"""Jobs and reports for the tests of dispatchers."""

import sys
from collections.abc import Callable
from typing import Any

from taskorch.protocols import Command, Job
from taskorch.testing.dispatchers import QuietReport

__all__ = ["Late", "QuietReport", "body", "command", "python"]


class Late(QuietReport):
    """The report of a job whose time is up."""

    timed_out = True


def body(call: Callable[[], object]) -> Job:
    """A job with a Python body."""
    return Job(run_id="run", step_id="step", attempt=1, call=call)


def command(*argv: str, run_id: str = "run", **options: Any) -> Job:
    """A job with a command."""
    return Job(
        run_id=run_id,
        step_id="step",
        attempt=2,
        command=Command(argv=argv, **options),
    )


def python(code: str, *argv: str, **options: Any) -> Job:
    """A job with a command that is a Python program."""
    assert sys.executable
    return command("python", "-I", "-S", "-c", code, *argv, **options)
