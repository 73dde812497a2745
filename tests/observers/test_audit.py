"""The audit trail as an observer of runs: who did what, when, from which state and version to which, and why."""

import copy
import json
import pickle
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

import taskorch
from taskorch import Amendment, Event, QueueEngine, QueueSpec, Task, Verb, Workflow, advance
from taskorch.core.copies import changed
from taskorch.errors import AuditDamaged, AuditError, InvalidRecord, TaskorchError
from taskorch.observers import AuditLog, verify_audit
from tests.observers.trails import KEY, NOW, event


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is."""
    return tmp_path / "audit.jsonl"


def records(path: Path) -> list[dict[str, Any]]:
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
    later, task = NOW + timedelta(seconds=90), Task.new("a task", now=NOW, queue="urgent")
    with AuditLog(path) as log:
        log(event(1, observed_at=NOW, retry_at=later))
        log(event(2, verb=Amendment.MOVE, task=task))
        log(event(3, task=task))
    first, second, third = records(path)

    assert first["details"] == {"observed_at": "2026-11-20T10:00:00Z", "retry_at": "2026-11-20T10:01:30Z"}
    assert (second["verb"], second["details"]) == ("move", {"queue": "urgent", "sla_deadline": None})
    assert "details" not in third


def test_the_trail_says_what_a_bump_or_a_move_led_to(path: Path) -> None:
    """The record of a bump has the score since; that of a move the queue and the deadline since."""
    queues = QueueEngine([QueueSpec("slow", sla=timedelta(days=2)), QueueSpec("fast", sla=timedelta(hours=2))])
    task, _ = advance(Task.new("a task", now=NOW, id="T-1", queue="slow"), Verb.ENQUEUE, now=NOW, by="ann")
    queues.push(task, NOW)
    with AuditLog(path) as log:
        log(queues.bump("T-1", 12, "ann", now=NOW))
        log(queues.move("T-1", "fast", "ann", now=NOW))
    bump, move = records(path)

    assert (bump["verb"], bump["details"]) == ("bump", {"score": 62})
    assert (move["verb"], move["details"]) == ("move", {"queue": "fast", "sla_deadline": "2026-11-20T12:00:00Z"})


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b", "q" * 50_000], ids=range(3))
def test_no_queue_keeps_its_event_out_of_the_trail(path: Path, name: str) -> None:
    """Whatever a queue is called, the move into it is recorded, its name escaped and cut like other texts."""
    task = Task.new("a task", now=NOW)
    task = attrs.evolve(task, queue=changed(task.queue, name=name))  # unchecked: no constructor takes such a name
    with AuditLog(path) as log:
        log(event(1, verb=Amendment.MOVE, task=task))
        assert log.failed is None
    (found,) = records(path)

    assert found["details"]["queue"][:1000] == name[:1000]


@pytest.mark.parametrize("blank", ["", " ", "\t\n\u3000"], ids=range(3))
def test_nobody_does_nothing_to_nothing(path: Path, blank: str) -> None:
    """A record without actor, verb or subject is refused with every one that is blank, and the log goes on."""
    with AuditLog(path) as log:
        with pytest.raises(InvalidRecord) as caught:
            log.record(actor=blank, verb=blank, subject=blank, at=NOW)
        assert [problem.path for problem in caught.value.problems] == ["actor", "verb", "subject"]
        assert str(caught.value.problems[0].hint) == "say who it was"
        assert log.record(actor="ann", verb="escalate", subject="T-1", at=NOW).sequence == 1


def test_an_event_of_nobody_is_recorded(path: Path) -> None:
    """An event that names nobody is kept as it is: the change has been made, and the trail loses none."""
    with AuditLog(path) as log:
        log(event(1, by=""))
        assert log.failed is None
    assert [record["actor"] for record in records(path)] == [""]


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


@pytest.mark.parametrize(
    ("strange", "kind"),
    [
        (event(1, version="3"), InvalidRecord),
        (event(1, version=""), InvalidRecord),
        (event(1, version=1.5), InvalidRecord),
        (event(1, by=None), InvalidRecord),
        (event(1, verb=Amendment.MOVE, task="T-1"), AuditError),
        (None, AuditError),
    ],
    ids=range(6),
)
def test_what_is_no_event_is_a_typed_error(path: Path, strange: Event, kind: type[TaskorchError]) -> None:
    """An event whose members are of the wrong kind is refused with a typed error, which the log keeps."""
    with AuditLog(path) as log:
        with pytest.raises(kind) as caught:
            log(strange)
        assert log.failed is caught.value
    assert path.read_bytes() == b""


def test_the_first_error_stays_and_stops_the_log(path: Path) -> None:
    """After an event is lost nothing more is written, so that no gap looks whole; the first error is kept."""
    with AuditLog(path, key=KEY) as log:
        log(event(1))
        with pytest.raises(InvalidRecord) as first:
            log(event(2, by=None))
        for late in (lambda: log(event(3)), lambda: log.record(actor="ann", verb="see", subject="T-1", at=NOW)):
            with pytest.raises(AuditError, match="nothing more is written since this failed"):
                late()
        assert log.failed is first.value
    assert [found["subject"] for found in records(path)] == ["T-1"]


def test_an_interruption_while_waiting_loses_no_event_silently(path: Path) -> None:
    """Ctrl-C before an event is written, while another thread writes, is noted like any other loss."""

    class Interrupted:
        def __enter__(self) -> None:
            raise KeyboardInterrupt

        def __exit__(self, *_: object) -> None: ...

    with AuditLog(path) as log:
        turn, log._turn = log._turn, Interrupted()  # type: ignore[assignment]
        with pytest.raises(KeyboardInterrupt):
            log(event(1))
        log._turn = turn
        assert isinstance(log.failed, AuditError)
        assert "KeyboardInterrupt" in str(log.failed)


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
