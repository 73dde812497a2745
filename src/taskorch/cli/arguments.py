"""The words of the command line, and what they may be."""

import argparse
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NoReturn

from taskorch.cli.exits import Exit
from taskorch.cli.screen import shown

_EPILOG = """\
exit codes of run:
  0    completed
  1    failed: a step failed that was not allowed to
  2    invalid input: the document, the arguments or the store; nothing was run
  3    the store or the machine failed in the middle; the run can be resumed
  130  interrupted by Ctrl-C: everything was stopped; the run can be resumed
  143  likewise by SIGTERM; a second signal ends at once
"""


_Maker = Callable[..., argparse.ArgumentParser]
"""What adds a parser to a group of commands."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(Exit.INVALID, f"{self.prog}: {shown(message)}\n")


def parser(commands: dict[str, Callable[..., Exit]]) -> argparse.ArgumentParser:
    """What reads the arguments; the result has the chosen command as ``command``.

    Args:
        commands: What carries out each command, by its name.
    """
    top = _Parser(
        prog="taskorch",
        description="Run workflows dependably.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"taskorch {_version()}")
    group = top.add_subparsers(required=True, metavar="COMMAND")
    texts = {
        "run": "run a workflow, or go on with a run",
        "validate": "say everything that is wrong with a workflow",
        "graph": "draw a workflow as a Mermaid flow chart",
        "plan": "show its stages and its critical path",
    }
    for name, text in texts.items():
        command = _add(group.add_parser, name, text, _EPILOG if name == "run" else None)
        command.add_argument("file", metavar="FILE", help="the workflow's JSON document")
        if name == "run":
            _add_options(command)
        command.set_defaults(command=commands[name])
    _add_route(group.add_parser, commands["route"])
    _add_audit(group.add_parser, commands["audit verify"])
    _add_doctor(group.add_parser, commands["doctor"])
    return top


def _add_route(make: _Maker, carry_out: Callable[..., Exit]) -> None:
    text = "say which call does what a text asks for, in French or English"
    epilog = "exit codes:\n  0  one call\n  1  several fit, or none\n  2  the text is too long"
    route = _add(make, "route", text, epilog)
    route.add_argument("text", metavar="TEXT", nargs="+", help="what is wanted, such as: mettre la tâche en attente")
    route.add_argument("--json", action="store_true", help="print the answer as a document")
    route.set_defaults(command=carry_out)


def _add_audit(make: _Maker, carry_out: Callable[..., Exit]) -> None:
    audit = _add(make, "audit", "prove audit files")
    text = "find any change, removal, insertion or other order in an audit file"
    epilog = "exit codes:\n  0  whole\n  1  not whole: the first line that is wrong is named\n  2  it cannot be read"
    inner = audit.add_subparsers(required=True, metavar="COMMAND")
    verify = _add(inner.add_parser, "verify", text, epilog)
    verify.add_argument("file", metavar="FILE", help="the audit file; it is not changed")
    key = verify.add_mutually_exclusive_group()
    key.add_argument(
        "--key-file", metavar="FILE", help="a file with the key; one line end behind a key of plain text does not count"
    )
    key.add_argument("--key-env", metavar="NAME", help="the environment variable with the key")
    verify.add_argument("--head", metavar="HEAD", help="a head as it was published (NUMBER:HEX): the file must hold it")
    verify.set_defaults(command=carry_out)


def _add_doctor(make: _Maker, carry_out: Callable[..., Exit]) -> None:
    text = "say whether this machine, and a store, are sound"
    epilog = (
        "exit codes:\n  0  all is fine; a 'note' needs no hurry\n"
        "  1  something has to be looked at: those lines begin with 'look'\n  2  STORE names no store"
    )
    doctor = _add(make, "doctor", text, epilog)
    doctor.add_argument(
        "store", metavar="STORE", nargs="?", help="a file or an address, as for run; nothing is changed"
    )
    doctor.set_defaults(command=carry_out)


def _add(make: _Maker, name: str, text: str, epilog: str | None = None) -> argparse.ArgumentParser:
    return make(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _add_options(run: argparse.ArgumentParser) -> None:
    run.add_argument(
        "--store",
        metavar="STORE",
        help="where it is kept: a file (by default .taskorch/state.db), sqlite:///path or postgresql://user@host/db; "
        "memory: keeps nothing",
    )
    run.add_argument("--shared", action="store_true", help="others may use the file too, if all of them say so")
    run.add_argument("--run-id", metavar="ID", help="the run to go on with, or to begin; by default a new one")
    run.add_argument(
        "--param",
        dest="params",
        metavar="NAME=VALUE",
        type=_param,
        action="append",
        default=[],
        help="a value for the steps; may be given several times",
    )
    run.add_argument("--concurrency", metavar="N", type=_count, help="the most steps at once (one per processor)")
    run.add_argument("--root", metavar="DIR", type=_folder, help="what working directories of steps may not leave")
    run.add_argument("--json", action="store_true", help="print the result document, and nothing else, on stdout")


def _param(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{name!r} is no NAME=VALUE")
    if not _is_text(text):
        raise argparse.ArgumentTypeError(f"the value of {name!r} is not UTF-8")
    return name, value


def _count(text: str) -> int:
    try:
        count = int(text)
    except ValueError:
        count = 0
    if count < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return count


def _folder(text: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {text!r}")
    return path.resolve()


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # bytes of no encoding come as lone surrogates, which no document may hold
        return False
    return True


def _version() -> str:
    try:
        return version("taskorch")
    except PackageNotFoundError:
        return "(not installed)"
