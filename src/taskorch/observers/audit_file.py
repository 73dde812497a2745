"""The file of an audit trail: one writer, lines appended whole or not at all, a torn end set aside."""

import errno
import logging
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

from taskorch.core.audit import LONGEST_LINE, Chain, Fault, Flaw, Head, Verdict, verify
from taskorch.errors import AuditBusy, AuditDamaged, AuditError
from taskorch.file_locks import try_lock

_LOG = logging.getLogger("taskorch")
_FLAGS: int = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class Lines:
    """The lines of a file one by one, so that one of them at most is in memory.

    Attributes:
        last: The line that was given last; of one that is longer than any record, the beginning.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.last = file, b""

    def __iter__(self) -> Iterator[bytes]:
        for line in iter(partial(self._file.readline, LONGEST_LINE + 1), b""):
            self.last = line
            yield line


class AuditFile:
    """The file, open and locked, its chain continued.

    Args:
        path: The file; made if there is none, readable by its owner only. One that is there keeps its
            permissions.
        chain: How its records are bound.
        head: A head it must hold, or None.
        is_read_whole: Whether all of it is verified, or its last record only; with a *head*, all of it is.
        fsync: Whether each line is on the disk before ``append`` returns.

    Attributes:
        torn: The half record that a crash left at its end, set aside in ``path`` with ``.torn`` added; or empty.

    Raises:
        AuditBusy: Another writer holds it.
        AuditDamaged: It is not the chain that was written. It stays as it is.
        AuditError: It cannot be opened or read.
    """

    def __init__(self, path: Path, chain: Chain, *, head: Head | None, is_read_whole: bool, fsync: bool) -> None:
        self.path, self.torn = path, b""
        self._chain, self._fsync, self._owner = chain, fsync, os.getpid()
        try:
            is_new = not path.exists()
            self._handle = os.open(path, _FLAGS, 0o600)
        except OSError as error:
            reason = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror
            raise AuditError(str(path), f"cannot be opened: {reason}") from error
        except ValueError as error:  # such as NUL in its name
            raise AuditError(str(path), f"cannot be opened: {error}") from error
        try:
            self._lock()
            self._end = self._continue(head, is_read_whole=is_read_whole)
            if is_new and fsync:
                self._sync_folder()
        except OSError as error:
            self.close()
            raise AuditError(str(path), f"cannot be continued: {error.strerror}") from error
        except BaseException:
            self.close()
            raise

    def append(self, line: bytes, head: Head) -> None:
        """Write *line*, which leads to *head*: all of it, or nothing.

        Raises:
            AuditDamaged: Somebody else has written to the file, or cut it.
            AuditError: It cannot be written, or is closed, or belongs to the process this one was forked from.
        """
        if self._handle < 0:
            raise AuditError(str(self.path), "is closed")
        if os.getpid() != self._owner:
            raise AuditError(str(self.path), "was opened by the process that this one was forked from; open one here")
        self._check_untouched()
        size, _ = self._end
        try:
            self._write(line)
            self._end = (size + len(line), head)  # at once, whatever interrupts us
        except BaseException as error:
            with suppress(OSError):  # what stays of the line then is set aside at the next opening
                os.ftruncate(self._handle, self._end[0])
            if isinstance(error, OSError):
                raise AuditError(str(self.path), f"cannot be written: {error.strerror}") from error
            raise

    @property
    def head(self) -> Head:
        """The end of the chain."""
        return self._end[1]

    def close(self) -> None:
        """Close it and give its lock back; once more does nothing."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)

    def _lock(self) -> None:
        try:
            try_lock(self._handle)
        except (BlockingIOError, PermissionError):
            raise AuditBusy(str(self.path)) from None

    def _check_untouched(self) -> None:
        found, (size, head) = os.fstat(self._handle), self._end
        if found.st_nlink == 0:
            raise AuditError(str(self.path), "was removed while it was open")
        if found.st_size != size:
            message = f"was to begin at byte {size:,}, and the file is {found.st_size:,} bytes long: it was changed"
            raise AuditDamaged(str(self.path), head.sequence + 1, Fault.FORM, message)

    def _write(self, data: bytes) -> None:
        _write_all(self._handle, data)
        if self._fsync:
            os.fsync(self._handle)

    def _continue(self, published: Head | None, *, is_read_whole: bool) -> tuple[int, Head]:
        if not stat.S_ISREG(os.fstat(self._handle).st_mode):
            raise AuditError(str(self.path), "is no regular file")
        with os.fdopen(os.dup(self._handle), "rb") as file:
            file.seek(0)
            if is_read_whole or published is not None:
                lines = Lines(file)
                verdict = verify(lines, self._chain, published)
                tail = lines.last
            else:
                verdict, tail = end_of(file, self._chain)
            size = file.seek(0, os.SEEK_END)
        flaw = verdict.flaw
        if flaw is None:
            return size, verdict.head
        if flaw.fault is not Fault.TORN:
            raise AuditDamaged(str(self.path), flaw.line, flaw.fault, flaw.message)
        end = self._true_end(verdict.head, tail, flaw.line, published)
        if end != verdict.head:
            self._write(b"\n")
            return size + 1, end
        self._set_aside(tail, size - len(tail))
        return size - len(tail), end

    def _true_end(self, head: Head, tail: bytes, line: int, published: Head | None) -> Head:
        """The end of the chain if *tail* lacks its newline only, or *head* if it is half a record."""
        found = self._chain.follow(tail + b"\n", head, line)
        if isinstance(found, Flaw) and found.fault is not Fault.FORM:
            # Not half a record but a whole one that is wrong, which no crash leaves.
            raise AuditDamaged(str(self.path), found.line, found.fault, found.message)
        end = head if isinstance(found, Flaw) else found
        if published is not None and published.sequence > head.sequence and published != end:
            fault = Fault.TRUNCATED if published.sequence > end.sequence else Fault.REWRITTEN
            raise AuditDamaged(str(self.path), line, fault, f"is not record {published.sequence} as it was published")
        return end

    def _set_aside(self, tail: bytes, size: int) -> None:
        """Move *tail*, which was never promised to anybody, into a file of its own; *size* bytes stay."""
        flags = os.O_WRONLY | _FLAGS & ~os.O_RDWR
        aside = os.open(f"{self.path}.torn", flags, 0o600)
        try:
            _write_all(aside, tail + b"\n")
            os.fsync(aside)
        finally:
            os.close(aside)
        os.ftruncate(self._handle, size)
        os.fsync(self._handle)
        self.torn = tail
        _LOG.warning("audit file %s: half a record (%d bytes) is set aside in %s.torn", self.path, len(tail), self.path)

    def _sync_folder(self) -> None:
        """Have the name of a new file survive a power failure too, where the system can do that."""
        with suppress(OSError):
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def _write_all(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def end_of(file: BinaryIO, chain: Chain) -> tuple[Verdict, bytes]:
    """The verdict on the last whole record alone, and the last line, which may be torn."""
    size = file.seek(0, os.SEEK_END)
    begin = file.seek(max(0, size - 2 * LONGEST_LINE - 1))
    *lines, tail = file.read().split(b"\n")
    head = Head()
    if size > begin + len(tail):  # there is a whole line
        # A first piece that does not begin at the file's begin is the end of a line, which is no record.
        found = chain.read(lines[-1] + b"\n", 0)
        if isinstance(found, Flaw):
            return Verdict(head, found), tail
        head = found[0]
    if len(tail) > LONGEST_LINE:
        return Verdict(head, Flaw(0, Fault.FORM, "is longer than any record")), tail
    return Verdict(head, Flaw(0, Fault.TORN, "has no end") if tail else None), tail
