"""What this process and its descendants use of the machine, as far as the standard library can tell."""

import os
from pathlib import Path
from time import monotonic

from taskorch.core.monitoring import Usage

_PROC = Path("/proc")


class Meter:
    """Measures the processor time since the last reading, and the memory at each.

    A run lives in this process and in those that its commands are; other work of the process is not told apart.
    Beside what the system says of the process itself only Linux is asked (``/proc``); what is not known is None.
    """

    def __init__(self) -> None:
        """A meter that counts from now on."""
        self._since, self._spent = monotonic(), _own_seconds()

    def read(self) -> Usage:
        """What is used."""
        statistics = [_statistics(pid) for pid in _descendants(os.getpid())]
        now, spent = monotonic(), _own_seconds() + sum(seconds for seconds, _ in statistics)
        elapsed, used = now - self._since, spent - self._spent
        self._since, self._spent = now, spent
        return Usage(
            cpu=100 * max(0.0, used) / (elapsed * (os.cpu_count() or 1)) if elapsed > 0 else None,
            memory=_memory(sum(pages for _, pages in [_statistics(os.getpid()), *statistics])),
        )


def _own_seconds() -> float:
    """The processor time of this process and of the children it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _descendants(pid: int) -> list[int]:
    """The processes below *pid* that are alive."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        for children in (_PROC / str(waiting.pop()) / "task").glob("*/children"):
            below = [int(child) for child in _text(children).split()]
            found += below
            waiting += below
    return found


def _statistics(pid: int) -> tuple[float, int]:
    """The processor time of a process with what it has waited for, in seconds, and its pages of memory."""
    fields = _text(_PROC / str(pid) / "stat").rpartition(")")[2].split()
    if len(fields) < 22:  # it has ended, or there is no such file
        return 0.0, 0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK"), int(fields[21])


def _memory(pages: int) -> float | None:
    """The share of the machine's memory that so many pages are, in percent."""
    try:
        total = os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    return 100 * pages / total if pages and total > 0 else None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
