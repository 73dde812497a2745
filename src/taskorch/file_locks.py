"""A lock on an open file, which the system takes back when its owner dies, however it dies."""

import os
import sys

if sys.platform == "win32":
    import msvcrt

    # A locked byte cannot be read by others, so it lies far behind whatever a file will hold.
    _LOCKED_BYTE = 1 << 40

    def try_lock(handle: int, *, shared: bool = False) -> None:
        """Take the lock of an open file; ``OSError`` if somebody else has it. A shared one is no lock here."""
        if shared:
            return
        os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

    def unlock(handle: int) -> None:
        """Give the lock back."""
        os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def try_lock(handle: int, *, shared: bool = False) -> None:
        """Take the lock of an open file, or a share in it; ``OSError`` if somebody else has it."""
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)

    def unlock(handle: int) -> None:
        """Give the lock back."""
        fcntl.flock(handle, fcntl.LOCK_UN)
