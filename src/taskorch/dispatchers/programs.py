"""From the command of a job to what the kernel is asked to run: the program, where, and with which words."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import attrs

from taskorch.errors import StepFailed
from taskorch.protocols import Command


@attrs.frozen(kw_only=True)
class Program:
    """A command that is ready to be started.

    Attributes:
        path: The file of the program.
        argv: Its name and arguments.
        environment: All of its environment.
        directory: Its working directory.
    """

    path: bytes
    argv: tuple[bytes, ...] = attrs.field(repr=False)
    environment: Mapping[bytes, bytes] = attrs.field(repr=False)
    directory: bytes


def program_of(step: str, command: Command, environment: Mapping[str, str], directory: Path) -> Program:
    """Find the program and put everything into the form of the system.

    Raises:
        StepFailed: There is no such program, or a word cannot be given to a program at all.
    """
    if not command.argv or not command.argv[0]:
        raise StepFailed(step, "cannot start: its command is empty")
    name = command.argv[0]
    path = _find(step, name, environment.get("PATH", os.defpath), directory)
    words = [path, str(directory), *command.argv, *environment, *environment.values()]
    if not all(map(_is_passable, words)) or any(not key or "=" in key for key in environment):
        # Which one is not said: it may be a secret.
        reason = "an argument or variable holds a character that no program can be given"
        raise StepFailed(step, f"cannot start {_shown(name)}: {reason}")
    return Program(
        path=os.fsencode(path),
        argv=(os.fsencode(path), *map(os.fsencode, command.argv[1:])),
        environment={os.fsencode(key): os.fsencode(value) for key, value in environment.items()},
        directory=os.fsencode(directory),
    )


def directory_of(step: str, command: Command, base: Path, root: Path) -> Path:
    """The working directory: *base*, or what the command names relative to it, inside *root* in the end.

    Raises:
        StepFailed: It is outside *root*, directly or through a link, or no directory.
    """
    if command.directory is None:
        return base.resolve()  # the host's own choice
    asked = _shown(command.directory)
    try:
        path = (base.resolve() / command.directory).resolve()
        problem = "" if path.is_relative_to(root.resolve()) else "is outside the root"
        problem = problem or ("" if path.is_dir() else "is no directory")
    except (OSError, ValueError, RuntimeError):  # a name too long, a NUL, a circle of links
        problem = "cannot be reached"
    if problem:
        raise StepFailed(step, f"cannot start: its working directory {asked} {problem}")
    return path


def not_started(step: str, command: Command, code: int | None) -> StepFailed:
    """The error for a program that the system would not start, by the system's error number."""
    reason = os.strerror(code) if code else "the system refused"
    return StepFailed(step, f"cannot start {_shown(command.argv[0])}: {reason}")


def _find(step: str, name: str, search: str, directory: Path) -> str:
    if name in ("python", "python3") and sys.executable:
        return sys.executable  # the interpreter of the host, with the packages of the host
    try:
        if os.sep in name:
            path = directory / name
            if path.is_file() and os.access(path, os.X_OK):
                return str(path)
            problem = "it is no executable file" if path.exists() else "no such program"
        else:
            # A relative entry means the directory the child will be in, not ours.
            places = os.pathsep.join(str(directory / entry) for entry in search.split(os.pathsep))
            if found := shutil.which(name, path=places):
                return found
            problem = "no such program on PATH"
    except (OSError, ValueError):
        problem = "that is no name of a program"
    raise StepFailed(step, f"cannot start {_shown(name)}: {problem}")


def _is_passable(word: str) -> bool:
    try:
        return b"\0" not in os.fsencode(word)
    except UnicodeEncodeError:
        return False


def _shown(name: str) -> str:
    return repr(name if len(name) <= 100 else name[:100] + "…")
