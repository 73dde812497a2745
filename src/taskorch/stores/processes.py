"""Which process holds a lease, and whether it is certainly dead: told from any other process of the same host."""

import os
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_SEPARATOR = "|"


class _Process(NamedTuple):
    """What tells a process from all others, those before and after it with the same number included."""

    boot: str
    namespace: str
    pid: str
    started: str


def identity(token: str) -> str:
    """What this process is called in a store.

    Args:
        token: Tells one store object of the process from another.

    Returns:
        The boot of the machine, the namespace of process ids, the id of the process, its start in ticks since the
        boot, and the token. Where the system does not tell, as without ``/proc``, parts are empty, and nobody will
        ever be certain that the process is dead.
    """
    process = _Process(_boot(), _namespace(), str(os.getpid()), started())
    return _SEPARATOR.join((*process, token))


def is_dead(identity: str) -> bool:
    """Whether the process of *identity* is dead for certain.

    Args:
        identity: What ``identity`` returned in that process.

    Returns:
        False too if it cannot be known: it is of another host or another container, or the system does not tell.
    """
    parts = identity.split(_SEPARATOR, 4)
    if len(parts) != 5 or not all(parts[:4]) or not parts[2].isdecimal():
        return False
    process = _Process(*parts[:4])
    # The ids of another namespace mean other processes, and after another boot everything is another's. That one is
    # dead, but whether it was this host that was started anew is not known.
    if (process.boot, process.namespace) != (_boot(), _namespace()):
        return False
    if not exists(int(process.pid)):
        return True
    home = _PROC / process.pid
    started = _started(home / "stat")
    if not started:  # it ended just now, or it is another user's and /proc hides those
        return False
    return started != process.started or _is_corpse(home)


def _boot() -> str:
    return _text(_PROC / "sys" / "kernel" / "random" / "boot_id")


def _namespace() -> str:
    try:
        return str((_PROC / "self" / "ns" / "pid").readlink())
    except OSError:
        return ""


def exists(pid: int) -> bool:
    """Whether there is a process of that number, as far as this one may know."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def started() -> str:
    """When this process started, in ticks since the boot of the machine; empty where the system does not tell."""
    return _started(_PROC / "self" / "stat")


def _started(stat: Path) -> str:
    """The 22nd field, counted behind the name, which stands in brackets and may hold anything."""
    fields = _text(stat).rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 else ""


def _is_corpse(home: Path) -> bool:
    """Whether a process has ended and only its parent has not noticed yet; one whose other threads live has not."""
    fields = _text(home / "stat").rpartition(")")[2].split()
    try:
        return bool(fields) and fields[0] in ("Z", "X") and len(list((home / "task").iterdir())) <= 1
    except OSError:
        return False


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
