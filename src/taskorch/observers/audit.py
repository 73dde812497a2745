"""The audit trail as an observer: every event a record of a file that shows what was done to it."""

import os
import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Self

from taskorch.core.alerts import RaisedAlert
from taskorch.core.audit import Chain, Head, Verdict, key_in, verify
from taskorch.core.events import Amendment, Event
from taskorch.core.records import Record, checked_time, cut
from taskorch.core.runs import ACTOR
from taskorch.core.states import Verb
from taskorch.core.task import Task
from taskorch.errors import AuditError, TaskorchError
from taskorch.observers.audit_file import AuditFile, Lines

_LONGEST_KEY = 4096


class AuditLog:
    """Appends a record for each event to a file of JSON lines, each bound to the one before it.

    Pass it to a run among its ``observers``, or call ``record()`` for whatever else is to be kept. Several runs
    and threads may share one; two on the same file are refused.

    **Without a key the chain shows accidents only**: whoever can write the file can also make all of it anew.
    With a key, changes, insertions, removals and another order show. That records are missing at the *end*
    shows only against a ``head`` that was kept where the file's writers cannot reach.

    A file is opened at once and verified, so that a damaged one is an error before any work is done. Half a
    record that a crash left at its end is set aside; a record that ``record()`` has returned from is never
    touched. The file may not be rotated while it is open. One key serves a file for its life.

    An observer that raises is removed from its run, and the run goes on. So if the disk is full, the rest of the
    run is *not* in the trail: look at ``failed`` after it. A log that has lost an event, for whatever reason, stays
    failed and refuses everything from then on, because a chain that goes on behind a gap would look whole. What
    ``record()`` refuses as ``InvalidRecord`` is no gap: its caller has been told, and nothing has happened yet.

    Args:
        path: The file; made if there is none, readable by its owner only. Its folder must be there.
        key: The secret, at least 16 bytes, such as ``read_key()`` gives; it is not kept and never shown.
        head: What the file must still hold, as it was published; None to take the file as it is.
        fsync: Whether each record is on the disk before ``record()`` returns. Without it, a power failure may
            take the last ones, which shows only against a published head. With it, every event holds up the event
            loop for as long as the disk takes.
        verify_all: Whether all of the file is verified when it is opened; False looks at its last record only,
            for files so large that this would take too long. With a *head*, all of it is.

    Attributes:
        failed: The first error that kept an event out of the trail, or None. Of an interruption, such as Ctrl-C in
            the middle of writing, an ``AuditError`` that says so.

    Raises:
        WeakKey: The key is too short.
        InvalidHead: The head is no head.
        AuditBusy: Another writer holds the file.
        AuditDamaged: The file is not the chain that was written; nothing was changed.
        AuditError: The file cannot be opened.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        key: bytes | None = None,
        head: Head | str | None = None,
        fsync: bool = False,
        verify_all: bool = True,
    ) -> None:
        self._chain = Chain(key)
        published = None if head is None else Head.of(head)
        self._file = AuditFile(Path(path), self._chain, head=published, is_read_whole=verify_all, fsync=fsync)
        self._turn = threading.Lock()
        self.failed: TaskorchError | None = None

    def __repr__(self) -> str:
        return f"AuditLog({str(self.path)!r}, {self._chain.name})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __call__(self, event: Event | RaisedAlert) -> None:
        """Append *event*; of an alert its verb is ``alert``, its reason the message.

        Raises:
            InvalidRecord: It holds what cannot be written.
            AuditError: It could not be written, or is no event.
        """
        try:
            self._append(_record_of_alert(event) if isinstance(event, RaisedAlert) else _record_of(event))
        except TaskorchError as error:
            self._fail(error)
            raise
        except Exception as error:
            raise self._fail(error) from error
        except BaseException as error:
            self._fail(error)
            raise

    @property
    def path(self) -> Path:
        """The file."""
        return self._file.path

    @property
    def head(self) -> Head:
        """The end of the chain; what is published is ``str(log.head)``."""
        return self._file.head

    @property
    def torn(self) -> bytes:
        """The half record that was found at the end and set aside; empty if there was none."""
        return self._file.torn

    def record(
        self,
        *,
        actor: str,
        verb: str,
        subject: str,
        at: datetime,
        before: str | None = None,
        after: str | None = None,
        before_version: int | None = None,
        version: int | None = None,
        reason: str | None = None,
        step: str | None = None,
        attempt: int = 0,
        details: Mapping[str, object] | None = None,
    ) -> Head:
        """Append a record.

        Args:
            actor: Who did it; not blank.
            verb: What was done; not blank.
            subject: The id of what it was done to; not blank.
            at: When (with a zone).
            before: The state before, where there is one.
            after: The state since.
            before_version: The version before, where there is one.
            version: The version since.
            reason: Why.
            step: The step of the run, where it is about one.
            attempt: Which try of its body.
            details: Whatever else is worth keeping: plain JSON data, at most 32 KiB and 8 levels deep.

        Returns:
            The end of the chain, which names this record.

        Raises:
            InvalidRecord: Something given cannot be written; nothing was, and the log goes on.
            AuditError: The file cannot be written, or ``failed`` holds an error from before.
        """
        record = Record(
            actor=actor,
            verb=verb,
            subject=subject,
            at=at,
            before=before,
            after=after,
            before_version=before_version,
            version=version,
            reason=reason,
            step=step,
            attempt=attempt,
            details=details or {},
        )
        record.require_names()
        return self._append(record)

    def close(self) -> None:
        """Close the file, so that another may write it; once more does nothing."""
        with self._turn:
            self._file.close()

    def _append(self, record: Record) -> Head:
        with self._turn:
            if self.failed is not None:
                raise AuditError(str(self.path), f"nothing more is written since this failed: {self.failed}")
            line, head = self._chain.line(record, self._file.head)
            try:
                self._file.append(line, head)
            except BaseException as error:
                self._fail(error)
                raise
            return head

    def _fail(self, error: BaseException) -> TaskorchError:
        """Note what keeps an event out of the trail, unless something has before."""
        known = error if isinstance(error, TaskorchError) else None
        failure = known or AuditError(str(self.path), f"a record was lost to {error!r}")
        self.failed = self.failed or failure
        return failure


def verify_audit(path: str | os.PathLike[str], *, key: bytes | None = None, head: Head | str | None = None) -> Verdict:
    """Whether the file is a whole chain. It is read line by line, in constant memory, and not changed.

    Args:
        path: The file.
        key: The key it was written with.
        head: A head that was published once.

    Raises:
        WeakKey: The key is too short.
        InvalidHead: The head is no head.
        AuditError: The file cannot be read.
    """
    chain, published = Chain(key), None if head is None else Head.of(head)
    try:
        with Path(path).open("rb") as file:
            return verify(Lines(file), chain, published)
    except OSError as error:
        raise AuditError(str(path), f"cannot be read: {error.strerror}") from error
    except ValueError as error:  # such as NUL in its name
        raise AuditError(str(path), f"cannot be read: {error}") from error


def read_key(path: str | os.PathLike[str]) -> bytes:
    """The key in a file: its bytes, but for one line end behind plain text, as ``openssl rand -hex 32`` writes it.

    A file in which any other byte is no printable ASCII is a binary key, and all of it counts.

    Args:
        path: The file, of at most 4,096 bytes.

    Raises:
        WeakKey: It is too short.
        AuditError: It cannot be read, or is too long for a key.
    """
    try:
        with Path(path).open("rb") as file:
            text = file.read(_LONGEST_KEY + 1)
    except OSError as error:
        raise AuditError(str(path), f"the key cannot be read: {error.strerror}") from error
    except ValueError as error:  # such as NUL in its name
        raise AuditError(str(path), f"the key cannot be read: {error}") from error
    if len(text) > _LONGEST_KEY:
        raise AuditError(str(path), f"the key is longer than {_LONGEST_KEY:,} bytes; is this the file of the key?")
    key = key_in(text)
    Chain(key)  # which refuses a weak one
    return key


def _record_of(event: Event) -> Record:
    details: dict[str, object] = {}
    if event.observed_at != event.at:
        details["observed_at"] = checked_time("observed_at", event.observed_at)
    if event.retry_at is not None:
        details["retry_at"] = checked_time("retry_at", event.retry_at)
    if event.task is not None:
        details |= _amended(event.verb, event.task)
    version: object = event.version  # the run counts none of its steps, and they say 0
    return Record(
        actor=event.by,
        verb=event.verb,
        subject=event.task_id,
        at=event.at,
        before=event.previous,
        after=event.state,
        before_version=event.version - 1 if isinstance(version, int) and version > 0 else None,
        version=None if version == 0 else event.version,
        reason=event.reason,
        step=event.step,
        attempt=event.attempt,
        details=details,
    )


def _record_of_alert(raised: RaisedAlert) -> Record:
    details: dict[str, object] = {"severity": cut(raised.severity), "condition": raised.condition}
    if raised.undecided is not None:
        details["undecided"] = cut(raised.undecided)
    return Record(
        actor=ACTOR,
        verb="alert",
        subject=raised.task_id,
        at=raised.at,
        reason=raised.message,
        step=raised.step,
        details=details,
    )


def _amended(verb: Verb | Amendment, task: Task) -> dict[str, object]:
    """What an amendment has led to."""
    if verb == Amendment.BUMP:
        return {"score": task.priority.score}
    if verb != Amendment.MOVE:
        return {}
    name, deadline = task.queue.name, task.queue.sla_deadline
    at = None if deadline is None else checked_time("sla_deadline", deadline)
    return {"queue": cut(name), "sla_deadline": at}
