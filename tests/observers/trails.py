"""What the tests of the audit trail share: records, events, and files of them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from taskorch.core.audit import Chain, Head
from taskorch.core.events import Event
from taskorch.core.records import Record
from taskorch.core.states import State, Verb
from taskorch.observers import AuditLog

KEY = b"sixteen bytes or"
NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)


def record(number: int = 1, **members: Any) -> Record:
    """A record with a number in it."""
    at = NOW + timedelta(seconds=number)
    return Record(**{"actor": "ann", "verb": "start", "subject": f"T-{number}", "at": at} | members)


def event(number: int = 1, **members: Any) -> Event:
    """An event with a number in it."""
    at = NOW + timedelta(seconds=number)
    facts: dict[str, Any] = {
        "task_id": f"T-{number}",
        "verb": Verb.START,
        "previous": State.SCHEDULED,
        "state": State.IN_PROGRESS,
        "at": at,
        "observed_at": at,
        "by": "ann",
        "version": number,
    }
    return Event(**facts | members)


def lines(count: int, key: bytes | None = KEY) -> list[bytes]:
    """The lines of a chain of so many records."""
    chain, head, made = Chain(key), Head(), []
    for number in range(1, count + 1):
        line, head = chain.line(record(number), head)
        made.append(line)
    return made


def written(path: Path, count: int, key: bytes | None = KEY) -> Head:
    """Write a file of so many records, and give its head."""
    with AuditLog(path, key=key) as log:
        for number in range(1, count + 1):
            log(event(number))
        return log.head
