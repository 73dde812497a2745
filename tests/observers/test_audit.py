"""The audit trail as an observer of runs: who did what, when, from which state and version to which, and why."""

import copy
import json
import pickle
import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest

import taskorch
from taskorch import Amendment, Event, Subject, Task, Verb, Workflow, advance
from taskorch.errors import AuditDamaged, AuditError, InvalidRecord
from taskorch.observers import AuditLog, verify_audit
from tests.observers.trails import KEY, NOW, event


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is."""
    return tmp_path / "audit.jsonl"


def records(path: Path) -> list[dict[str, object]]:
    """The records of a file."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_a_change_of_a_task_is_a_record(path: Path) -> None:
    """The record of a change says actor, verb, both states, both versions, reason, task, attempt and time."""
    task = Task.new("a task", now=NOW, id="T-1")
    with AuditLog(path, key=KEY) as log:
        for verb, by, reason in ((Verb.ENQUEUE, "ann", None), (Verb.HOLD, "bob", "wait\nfor\u2028it")):
            task, told = advance(task, verb, now=NOW, by=by, reason=reason)
            log(told)
    first, second = records(path)

    assert {key: second[key] for key in list(second)[:12]} == {
        "sequence": 2,
        "at": "2026-11-20T10:00:00Z",
        "actor": "bob",
        "verb": "hold",
        "subject": "T-1",
        "step": None,
        "attempt": 0,
        "before": "QUEUED",
        "after": "ON_HOLD",
        "before_version": 1,
        "version": 2,
        "reason": "wait\nfor\u2028it",
    }
    assert (first["before_version"], first["version"]) == (0, 1)


def test_a_step_has_no_versions(path: Path) -> None:
    """The record of a step names it and its attempt; the run counts no versions of its steps, so it has none."""
    with AuditLog(path) as log:
        log(event(1, step="s", attempt=2, version=0))
    (found,) = records(path)

    assert (found["subject"], found["step"], found["attempt"]) == ("T-1", "s", 2)
    assert (found["before_version"], found["version"]) == (None, None)


def test_what_else_an_event_tells_is_kept(path: Path) -> None:
    """The time of the clock where it differs, the time of the retry, and the queue of a move are details."""
    later = NOW + timedelta(seconds=90)
    with AuditLog(path) as log:
        log(event(1, observed_at=NOW, retry_at=later))
        log(event(2, verb=Amendment.MOVE, subject=Subject(queue="urgent", created_at=NOW)))
        log(event(3, subject=Subject(queue="urgent", created_at=NOW)))
    first, second, third = records(path)

    assert first["details"] == {"observed_at": "2026-11-20T10:00:00Z", "retry_at": "2026-11-20T10:01:30Z"}
    assert (second["verb"], second["details"]) == ("move", {"queue": "urgent"})
    assert "details" not in third


def test_other_things_are_recorded_too(path: Path) -> None:
    """``record()`` takes whatever is to be kept and gives the head that names it."""
    with AuditLog(path, key=KEY) as log:
        head = log.record(
            actor="ann", verb="escalate", subject="T-1", at=NOW, details={"rule": "blocked_over_24h", "level": 1}
        )
        assert head == log.head
        with pytest.raises(InvalidRecord):
            log.record(actor="ann", verb="escalate", subject="T-1", at=NOW.replace(tzinfo=None))
        assert log.failed is None  # the caller has been told, and nothing is missing
        assert log.record(actor="ann", verb="acknowledge", subject="T-1", at=NOW).sequence == 2
    assert records(path)[0]["details"] == {"rule": "blocked_over_24h", "level": 1}
    assert verify_audit(path, key=KEY, head=head).is_whole


async def test_a_run_leaves_a_whole_trail(path: Path) -> None:
    """Every change of every step of a run, and of the run itself, is a record of one whole chain."""
    flow, heard = Workflow("w"), list[Event]()
    flow.step(lambda: 1, id="a", inline=True)
    flow.step(lambda: 1, id="b", after="a", inline=True)
    with AuditLog(path, key=KEY) as log:
        await taskorch.run(flow, run_id="r", observers=[heard.append, log])

    assert verify_audit(path, key=KEY).head.sequence == len(heard) > 0
    assert [(r["subject"], r["step"], r["verb"], r["after"]) for r in records(path)] == [
        (e.task_id, e.step, e.verb, e.state) for e in heard
    ]


async def test_a_run_goes_on_without_its_trail_and_the_log_tells(path: Path) -> None:
    """A log that cannot write does not hurt the run; it tells so afterwards, and writes nothing behind the gap."""
    flow = Workflow("w")
    flow.step(path.unlink, id="a", inline=True)
    flow.step(lambda: 1, id="b", after="a", inline=True)
    with AuditLog(path, key=KEY) as log:
        result = await taskorch.run(flow, run_id="r", observers=[log])
        assert isinstance(log.failed, AuditError)
        with pytest.raises(AuditError):
            log(event())

    assert result.success


@pytest.mark.parametrize("name", ["at", "observed_at", "retry_at"])
def test_an_event_that_cannot_be_written_is_missed_aloud(path: Path, name: str) -> None:
    """An event whose times make no sense is refused, and the log tells that one is missing."""
    naive = datetime(2026, 11, 20)  # noqa: DTZ001 - the point
    with AuditLog(path) as log:
        with pytest.raises(InvalidRecord) as caught:
            log(event(1, **{name: naive}))
        assert log.failed is caught.value
        assert [problem.path for problem in caught.value.problems] == [name]
    assert path.read_bytes() == b""


def test_threads_share_a_log(path: Path) -> None:
    """Records of several threads become one whole chain, none of them lost."""
    with AuditLog(path, key=KEY) as log:
        threads = [threading.Thread(target=lambda: [log(event(n)) for n in range(1, 51)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert log.failed is None

    assert verify_audit(path, key=KEY).head.sequence == 200


def test_a_log_never_shows_its_key(path: Path) -> None:
    """Neither the log nor its errors hold the key."""
    log = AuditLog(path, key=KEY)
    log(event())
    log.close()
    path.write_bytes(path.read_bytes().replace(b"ann", b"bob"))
    with pytest.raises(AuditDamaged) as caught:
        AuditLog(path, key=KEY)

    shown = f"{log!r} {vars(log)!r} {vars(log._file)!r} {caught.value!r} {vars(caught.value)!r}"
    assert "sixteen" not in shown


def test_the_errors_can_be_copied_and_pickled(path: Path) -> None:
    """Errors of the trail keep their data through a copy and a pickle."""
    path.write_bytes(b"x\n")
    with pytest.raises(AuditDamaged) as caught:
        AuditLog(path)
    for error in (copy.copy(caught.value), pickle.loads(pickle.dumps(caught.value))):
        assert (str(error), error.line, error.fault) == (str(caught.value), 1, "form")
