"""The lock that makes one store object the only one on its file: the operating system's, so it dies with us.

It is held on a file of its own beside the database. The lock file stays when the lock is released: to remove
it would let two others each hold "the" lock, one on the old file and one on the new.
"""

import errno
import json
import os
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from taskorch.errors import RunBusy
from taskorch.file_locks import try_lock, unlock
from taskorch.stores.processes import exists, started

_NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
_OURS = b'{"pid"'


class _Process:
    """What this process holds, and what it was forked away from."""

    def __init__(self) -> None:
        self.opening = threading.Lock()
        self.held: dict[int, Path] = {}
        self.inherited: set[Path] = set()

    def forked(self) -> None:
        # The child shares the handles and with them the locks, which would so outlive a killed parent. It
        # only closes them: to unlock would take the lock from the parent.
        self.inherited.update(self.held.values())
        for handle in self.held:
            os.close(handle)
        self.held.clear()
        self.opening = threading.Lock()


_process = _Process()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_process.forked)


def one_opening() -> threading.Lock:
    """Held by who opens a file, from the first look at it until its lock is held."""
    return _process.opening


def inherited(path: Path) -> bool:
    """Whether the lock *path* was held by the process that this one was forked from, when it was forked."""
    return path in _process.inherited


def is_held(path: Path) -> bool:
    """Whether this process holds the lock *path*, or a share in it."""
    return path in _process.held.values()


class FileLock:
    """A held lock.

    Args:
        path: The lock file; made if there is none, readable by its owner only.
        subject: What is locked, for the message.
        shared: Whether others may hold it too who say the same.

    Raises:
        RunBusy: Another store object holds it, in this process or another.
        OSError: The file cannot be opened or locked, or is somebody else's.
    """

    def __init__(self, path: Path, subject: str, *, shared: bool = False) -> None:
        self._shared = shared
        # Python opens files so that a started program does not inherit them.
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | _NO_FOLLOW, 0o600)
        _process.held[self._handle] = path
        try:
            _try(self._handle, path, subject, shared=shared)
        except BaseException:
            self._close()
            raise

    def sign(self) -> None:
        """Write down who holds the lock, for whoever is refused it; of several who share it, one that is alive."""
        if self._shared and (known := _signed(_read(self._handle))) is not None and exists(known[0]):
            return
        _write(self._handle, json.dumps({"pid": os.getpid(), "started": _started()}))

    def release(self) -> None:
        """Give the lock back."""
        text = _read(self._handle)
        if text and (not self._shared or self._ends_with_us(text)):
            _write(self._handle, "")
        unlock(self._handle)
        self._close()

    def _ends_with_us(self, text: bytes) -> bool:
        """Whether who has signed a shared lock is this process, which has no other share in it."""
        known = _signed(text)
        shares = list(_process.held.values()).count(_process.held[self._handle])
        return known is not None and known[0] == os.getpid() and shares == 1

    def _close(self) -> None:
        _process.held.pop(self._handle)
        os.close(self._handle)


def _try(handle: int, path: Path, subject: str, *, shared: bool) -> None:
    text = _read(handle)
    if text and not text.startswith(_OURS) and not _OURS.startswith(text):  # a part of it, if the disk was full
        raise FileExistsError(errno.EEXIST, "there is a file of somebody else's in the place of our lock", str(path))
    try:
        try_lock(handle, shared=shared)
    except (BlockingIOError, PermissionError):
        raise RunBusy(subject, _holder(text, path)) from None


def _read(handle: int) -> bytes:
    os.lseek(handle, 0, os.SEEK_SET)
    return os.read(handle, 1000)


def _write(handle: int, text: str) -> None:
    # It only helps a human reader, so a full disk must not keep anybody from the lock.
    with suppress(OSError):
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, text.encode())


def _holder(text: bytes, path: Path) -> str:
    if list(_process.held.values()).count(path) > 1:  # one of them is the one that asks
        return f"process {os.getpid()} (this one: open the store once, and pass it to whoever needs it)"
    known = _signed(text)
    if known is None or not exists(known[0]):  # it has not signed yet, or another one did that shared the lock
        return "another process"
    pid, started = known
    if pid == os.getpid():
        return f"process {pid} (this one: open the store once, and pass it to whoever needs it)"
    return f"process {pid} (started {started})"


def _signed(text: bytes) -> tuple[int, str] | None:
    """Who has signed, by its number and its start; None if nobody has."""
    try:
        known = json.loads(text)
        return int(known["pid"]), str(known["started"])
    except (ValueError, LookupError, TypeError):
        return None


def _started() -> str:
    """When this process started, to the second: a process id may be used again."""
    try:
        uptime = float(Path("/proc/uptime").read_text().split()[0])
        age = uptime - int(started()) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        age = time.process_time()  # at least that long ago
    start = datetime.now(UTC) - timedelta(seconds=age)
    return start.isoformat(timespec="seconds").replace("+00:00", "Z")
