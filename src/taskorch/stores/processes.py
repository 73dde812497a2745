"""Which process holds a lease, and whether it is certainly dead: for stores that several processes share."""

import os
from functools import cache
from pathlib import Path

_UNKNOWN = "?"


def identity(token: str) -> str:
    """What this process is known by to others on this machine, now and after its end.

    Args:
        token: Tells the store objects of one process apart; without slashes.

    Returns:
        Boot, process namespace, process id, start of the process, and the token, joined by slashes.
    """
    return f"{_own(os.getpid())}/{token}"


def is_dead(identity: str) -> bool:
    """Whether the process of *identity* is certainly dead; False for what cannot be known from here."""
    parts = identity.split("/")
    if len(parts) != 5 or not parts[2].isdigit():
        return False
    boot, namespace, pid, started, _ = parts
    if _UNKNOWN in (boot, namespace, started) or (boot, namespace) != _place():
        return False
    return _start(int(pid)) != started


@cache
def _own(pid: int) -> str:
    return f"{'/'.join(_place())}/{pid}/{_start(pid)}"


@cache
def _place() -> tuple[str, str]:
    """This boot of this machine, and the namespace in which its process ids count."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return boot, str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        return _UNKNOWN, _UNKNOWN


def _start(pid: int) -> str:
    """When a process started, in ticks since the boot; empty if there is no such process, or only its remains."""
    try:
        # The name in brackets may hold anything, so fields are counted behind it: the state is the first.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return ""
    except OSError:
        return _UNKNOWN
    return "" if fields[0] in "ZX" else fields[19]
