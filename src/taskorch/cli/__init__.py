"""The command line: ``taskorch run | validate | graph | plan | route | audit verify | doctor``.

Results go to standard output, everything else to standard error. No error that a user can cause, or a disk,
reaches them as a traceback.
"""

from collections.abc import Sequence

from taskorch.cli import audit, doctor, questions, routing, running
from taskorch.cli.arguments import parser
from taskorch.cli.exits import Exit, exit_of
from taskorch.cli.screen import Screen
from taskorch.errors import TaskorchError

__all__ = ["main"]

_COMMANDS = {
    "run": running.run,
    "validate": questions.validate,
    "graph": questions.graph,
    "plan": questions.plan,
    "route": routing.show_route,
    "audit verify": audit.verify,
    "doctor": doctor.doctor,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command.

    Args:
        argv: The arguments without the program's name; by default those of the process.

    Returns:
        The exit code, one of ``taskorch.cli.exits.Exit``.
    """
    screen = Screen()
    try:
        asked = parser(_COMMANDS).parse_args(argv)
    except SystemExit as end:  # argparse has said what there is to say
        return end.code if isinstance(end.code, int) else Exit.INVALID
    try:
        exit_code: Exit = asked.command(asked, screen)
    except TaskorchError as error:
        screen.complain(error)
        return exit_of(error)
    except OSError as error:
        screen.complain(error)
        return Exit.BROKEN
    except KeyboardInterrupt:  # before there was anything to stop, or after
        return Exit.INTERRUPTED
    return exit_code
