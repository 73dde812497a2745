"""Which processes of a test are alive: found by a tag that no other command line holds."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio

PATIENCE = 20.0  # seconds


def tagged(tag: str) -> list[int]:
    """The processes whose command line holds the tag (a zombie has none)."""
    return [pid for pid, path in _processes() if tag.encode() in _read(path / "cmdline")]


def zombies() -> list[int]:
    """The dead children of this process that nobody has taken note of."""
    found = []
    for pid, path in _processes():
        state = _read(path / "stat").rpartition(b")")[2].split()
        if state[:2] == [b"Z", str(os.getpid()).encode()]:
            found.append(pid)
    return found


def descriptors() -> int:
    """How many files and pipes this process has open."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # a list, not Path objects


async def until(condition: Callable[[], object]) -> None:
    """Wait until the condition holds, but not for ever."""
    limit = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < limit, "it never came true"
        await anyio.sleep(0.01)


def _processes() -> Iterator[tuple[int, Path]]:
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            yield int(path.name), path


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
