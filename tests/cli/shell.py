"""The command line as a user meets it: a directory, documents in it, and what a command says and leaves."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from taskorch.cli import main

PATIENCE = 30.0  # seconds
PROGRAM = (sys.executable, "-m", "taskorch")


@dataclass
class Said:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str


@dataclass
class Shell:
    """A working directory for commands; those that are still running in the end are killed."""

    directory: Path
    capture: Callable[[], tuple[str, str]]
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def run(self, *arguments: object) -> Said:
        """Carry out a command in this process, which is quick."""
        code = main([str(argument) for argument in arguments])
        return Said(code, *self.capture())

    def start(self, *arguments: object, program: Sequence[str] = PROGRAM, **options: Any) -> subprocess.Popen[str]:
        """Start a command as a process of its own."""
        process = subprocess.Popen(
            [*program, *map(str, arguments)],
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": self.directory} | options,
        )
        self.started.append(process)
        return process

    def call(self, *arguments: object, **options: Any) -> Said:
        """Run a command as a process of its own, to its end."""
        process = self.start(*arguments, **options)
        out, err = process.communicate(timeout=PATIENCE)
        return Said(process.returncode, out or "", err or "")

    def close(self) -> None:
        """Leave nothing running."""
        for process in self.started:
            with process:
                process.kill()

    def write(self, name: str, content: object) -> Path:
        """A file with *content*: bytes, text, or a JSON document."""
        path = self.directory / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    def files(self) -> dict[str, bytes]:
        """Everything in the directory, with its content."""
        return {
            str(path.relative_to(self.directory)): path.read_bytes() if path.is_file() else b""
            for path in sorted(self.directory.rglob("*"))
        }


def workflow(*steps: dict[str, Any], links: Any = (), **members: Any) -> dict[str, Any]:
    """A document; each link is (from, to) or (from, to, condition)."""
    names = ("from", "to", "condition")
    dependencies = [dict(zip(names, link, strict=False)) for link in links]
    return {"workflow": {"name": "w", "steps": list(steps), "dependencies": dependencies}, **members}


def python(id: str, program: str, *arguments: str, **members: Any) -> dict[str, Any]:
    """A step that runs a Python program."""
    return {"id": id, "command": ["python", "-c", program, *arguments], **members}


def greeting(**members: Any) -> dict[str, Any]:
    """A document with one step that prints a word."""
    return workflow(python("greet", "print('hello')", **members))


def until(condition: Callable[[], object]) -> None:
    """Wait until the condition holds, but not for ever."""
    limit = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < limit, "it never came true"
        time.sleep(0.01)


def line_with(text: str, process: subprocess.Popen[str]) -> str:
    """Read what a process says until a line holds *text*."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if text in line:
            return line
    raise AssertionError(f"it never said {text!r}, but: {''.join(said)}")
