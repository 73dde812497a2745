"""The file of the audit trail: continued after any crash, never after damage, and written by one at a time."""

import errno
import json
import logging
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from taskorch.core.audit import LONGEST_LINE, Fault, Head
from taskorch.errors import AuditBusy, AuditDamaged, AuditError, InvalidHead, WeakKey
from taskorch.observers import AuditLog, read_key, verify_audit
from tests.observers.trails import KEY, NOW, event, written

BOTH_WAYS = pytest.mark.parametrize("verify_all", [True, False], ids=["all", "end"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is."""
    return tmp_path / "audit.jsonl"


def subjects(path: Path) -> list[str]:
    """The subjects of the records of a file."""
    return [json.loads(line)["subject"] for line in path.read_bytes().splitlines()]


def test_a_file_is_made_for_its_owner_only(path: Path) -> None:
    """A new file, and what is set aside from it, can be read and written by its owner only."""
    before = os.umask(0)
    try:
        written(path, 1)
        path.write_bytes(path.read_bytes() + b"half")
        AuditLog(path, key=KEY).close()
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.with_name("audit.jsonl.torn").stat().st_mode) == 0o600


@BOTH_WAYS
def test_reopening_continues_the_chain(path: Path, verify_all: bool) -> None:
    """A file that is opened again goes on where it ended, as one chain."""
    head = written(path, 3)
    with AuditLog(path, key=KEY, verify_all=verify_all) as log:
        assert log.head == head
        log(event(4))
        assert log.head.sequence == 4
    verdict = verify_audit(path, key=KEY, head=str(head))

    assert verdict.is_whole
    assert verdict.head.sequence == 4


@BOTH_WAYS
@pytest.mark.parametrize("key", [None, KEY], ids=["keyless", "keyed"])
def test_a_file_cut_at_any_byte_is_continued(tmp_path: Path, verify_all: bool, key: bytes | None) -> None:
    """Wherever a crash cuts the file, its whole records stay, half a record is set aside, and the chain goes on."""
    source = tmp_path / "source.jsonl"
    written(source, 2, key)
    whole = source.read_bytes()
    first = whole.index(b"\n")
    for cut in range(len(whole) + 1):
        path, torn = tmp_path / f"{cut}.jsonl", tmp_path / f"{cut}.jsonl.torn"
        path.write_bytes(whole[:cut])
        ends = [end for end in (first, len(whole) - 1) if cut >= end]  # a record is whole without its newline too
        kept = max((end + 1 for end in ends), default=0)
        with AuditLog(path, key=key, verify_all=verify_all) as log:
            assert log.head.sequence == len(ends)
            assert log.torn == whole[kept:cut]
            log(event(9))
        assert path.read_bytes()[:kept] == whole[:kept]
        assert verify_audit(path, key=key).is_whole
        assert subjects(path) == [*["T-1", "T-2"][: len(ends)], "T-9"]
        assert (torn.read_bytes() if torn.exists() else b"") == (whole[kept:cut] + b"\n" if cut > kept else b"")


def test_what_is_set_aside_is_told(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Half a record that is set aside is said in the log, without its content; the next one is added to it."""
    written(path, 1)
    with path.open("ab") as file:
        file.write(b"first half")
    with caplog.at_level(logging.WARNING, "taskorch"):
        AuditLog(path, key=KEY).close()
    with path.open("ab") as file:
        file.write(b"other half")
    AuditLog(path, key=KEY).close()

    assert "half a record (10 bytes) is set aside" in caplog.text
    assert "first" not in caplog.text
    assert path.with_name("audit.jsonl.torn").read_bytes() == b"first half\nother half\n"


@BOTH_WAYS
def test_all_of_a_torn_tail_is_set_aside(path: Path, monkeypatch: pytest.MonkeyPatch, verify_all: bool) -> None:
    """However little of it one call to the system writes, nothing of the half record is lost."""
    write, half = os.write, bytes(range(32, 127)) + b"half"
    written(path, 1)
    with path.open("ab") as file:
        file.write(half)
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, bytes(data)[:5]))
    with AuditLog(path, key=KEY, verify_all=verify_all) as log:
        assert log.torn == half
    assert path.with_name("audit.jsonl.torn").read_bytes() == half + b"\n"
    assert verify_audit(path, key=KEY).is_whole


def test_a_torn_tail_that_cannot_be_set_aside_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If there is no room for the half record elsewhere, the file stays as it is."""
    written(path, 1)
    with path.open("ab") as file:
        file.write(b"half a record")
    before = path.read_bytes()
    full_after(5, monkeypatch)
    with pytest.raises(AuditError, match="No space left"):
        AuditLog(path, key=KEY)
    monkeypatch.undo()

    assert path.read_bytes() == before
    with AuditLog(path, key=KEY) as log:
        assert log.torn == b"half a record"


def damage(data: bytes) -> dict[str, tuple[bytes, int, Fault]]:
    """Files that are not what was written, by what was done to them; with the line and the fault."""
    lines = data.splitlines(keepends=True)
    edited = lines[2].replace(b"ann", b"bob")
    return {
        "edited": (b"".join([*lines[:2], edited]), 3, Fault.EDITED),
        "edited first": (b"".join([lines[0].replace(b"ann", b"bob"), *lines[1:]]), 1, Fault.EDITED),
        "edited and torn": (b"".join([*lines[:2], edited])[:-1], 3, Fault.EDITED),
        "removed": (b"".join([lines[0], lines[2]]), 2, Fault.MISSING),
        "removed and torn": (b"".join([lines[0], lines[2]])[:-1], 2, Fault.MISSING),
        "not ours": (b"a file of somebody else's\n", 1, Fault.FORM),
        "line ends": (data.replace(b"\n", b"\r\n"), 1, Fault.FORM),
        "empty line": (data + b"\n", 4, Fault.FORM),
        "huge tail": (data + b"x" * (LONGEST_LINE + 1), 4, Fault.FORM),
    }


@pytest.mark.parametrize("name", damage(b"ann\n" * 3))
def test_a_damaged_file_is_refused_and_left_alone(path: Path, name: str) -> None:
    """A file that is not the chain that was written is not continued, and not one byte of it is changed."""
    written(path, 3)
    content, line, fault = damage(path.read_bytes())[name]
    path.write_bytes(content)
    with pytest.raises(AuditDamaged) as caught:
        AuditLog(path, key=KEY)

    assert (caught.value.line, caught.value.fault) == (line, fault)
    assert path.read_bytes() == content
    assert not path.with_name("audit.jsonl.torn").exists()
    with pytest.raises(AuditDamaged):  # and nobody holds it
        AuditLog(path, key=KEY)


@pytest.mark.parametrize(
    "name", ["edited", "edited and torn", "removed and torn", "not ours", "empty line", "huge tail"]
)
def test_a_damaged_end_is_found_at_a_glance(path: Path, name: str) -> None:
    """Where only the end is looked at, a damaged end is refused all the same."""
    written(path, 3)
    content, _, fault = damage(path.read_bytes())[name]
    path.write_bytes(content)
    with pytest.raises(AuditDamaged) as caught:
        AuditLog(path, key=KEY, verify_all=False)

    assert (caught.value.line, caught.value.fault) == (0, fault)
    assert path.read_bytes() == content


def test_the_end_of_a_large_file_is_found_without_the_rest(path: Path) -> None:
    """Where only the end is looked at, what lies further up does not matter, however long it is."""
    head = written(path, 3)
    last = path.read_bytes().splitlines(keepends=True)[2]
    path.write_bytes(b"x" * (3 * LONGEST_LINE) + b"\n" + last)
    with AuditLog(path, key=KEY, verify_all=False) as log:
        assert log.head == head
    path.write_bytes(b"x" * (3 * LONGEST_LINE) + b"\n")
    with pytest.raises(AuditDamaged):
        AuditLog(path, key=KEY, verify_all=False)


def test_another_key_is_refused(path: Path) -> None:
    """A file is continued with its own key only."""
    written(path, 2)
    for key, fault in ((b"another key of 16", Fault.EDITED), (None, Fault.KEY)):
        with pytest.raises(AuditDamaged) as caught:
            AuditLog(path, key=key)
        assert caught.value.fault == fault
        assert "another key" not in str(caught.value)
        assert ("open it as it was written" in str(caught.value)) == (fault is Fault.KEY)


@BOTH_WAYS
def test_a_published_head_must_be_held(path: Path, verify_all: bool) -> None:
    """A file is not continued if it does not hold the head that was published."""
    head = written(path, 3)
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    other = Head(3, "f" * 64)
    for content, published, fault in (
        (b"".join(lines[:2]), head, Fault.TRUNCATED),
        (b"".join(lines[:2]) + b"half", head, Fault.TRUNCATED),
        (b"".join(lines[:2]) + lines[2][:-1], other, Fault.REWRITTEN),
        (whole, other, Fault.REWRITTEN),
        (b"", head, Fault.TRUNCATED),
    ):
        path.write_bytes(content)
        with pytest.raises(AuditDamaged) as caught:
            AuditLog(path, key=KEY, head=str(published), verify_all=verify_all)
        assert caught.value.fault == fault
        assert path.read_bytes() == content
    path.write_bytes(whole[:-1])  # only the newline of the published record is missing
    with AuditLog(path, key=KEY, head=head, verify_all=verify_all) as log:
        assert log.head == head
    assert path.read_bytes() == whole


def test_two_writers_are_refused(path: Path) -> None:
    """A file has one writer, in this process or another; when it closes, the next may write."""
    program = "import sys; from taskorch.observers import AuditLog; AuditLog(sys.argv[1])"
    with AuditLog(path) as log:
        with pytest.raises(AuditBusy) as caught:
            AuditLog(path)
        other = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=False)
        assert "AuditBusy" in other.stderr
        log(event())

    assert caught.value.path == str(path)
    AuditLog(path).close()


def test_a_writer_that_dies_holds_nothing(path: Path) -> None:
    """The lock ends with its process, and the records stay."""
    program = (
        "import os, sys; from tests.observers.trails import event, KEY; from taskorch.observers import AuditLog\n"
        "log = AuditLog(sys.argv[1], key=KEY); log(event(1)); os._exit(1)"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", program, path], cwd=root, check=False)
    with AuditLog(path, key=KEY) as log:
        assert log.head.sequence == 1


def test_a_forked_child_may_not_write(path: Path) -> None:
    """A log belongs to the process that opened it: a child that got it by a fork is refused."""
    with AuditLog(path) as log:
        log._file._owner -= 1
        with pytest.raises(AuditError, match="forked"):
            log(event())
    assert path.read_bytes() == b""


def full_after(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the disk be full after so many bytes of the next write."""
    write = os.write

    def short(handle: int, data: bytes) -> int:
        nonlocal count
        if count <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        done = write(handle, bytes(data)[:count])
        count -= done
        return done

    monkeypatch.setattr(os, "write", short)


@pytest.mark.parametrize("count", [0, 1, 100])
def test_a_full_disk_leaves_whole_records(path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """A record that does not fit is not there at all; the error is kept, and nothing is written after the gap."""
    log = AuditLog(path, key=KEY)
    log(event(1))
    before = path.read_bytes()
    full_after(count, monkeypatch)
    with pytest.raises(AuditError, match="No space left") as caught:
        log(event(2))
    monkeypatch.undo()

    assert path.read_bytes() == before
    assert log.failed is caught.value
    assert log.head.sequence == 1
    with pytest.raises(AuditError, match="nothing more is written since this failed"):
        log(event(3))
    assert log.failed is caught.value
    log.close()
    with AuditLog(path, key=KEY) as log:
        log(event(4))
    assert subjects(path) == ["T-1", "T-4"]


def test_half_a_line_that_cannot_be_taken_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If half a line cannot even be taken back, the next opening sets it aside."""
    log = AuditLog(path, key=KEY)
    log(event(1))
    full_after(50, monkeypatch)
    monkeypatch.setattr(os, "ftruncate", lambda *_: (_ for _ in ()).throw(OSError(errno.EIO, "I/O error")))
    with pytest.raises(AuditError):
        log(event(2))
    monkeypatch.undo()
    log.close()
    with AuditLog(path, key=KEY) as log:
        assert len(log.torn) == 50
        log(event(2))
    assert verify_audit(path, key=KEY).head.sequence == 2


@pytest.mark.parametrize(
    "deed",
    [lambda log: log(event(2)), lambda log: log.record(actor="ann", verb="see", subject="T-2", at=NOW)],
    ids=["event", "record"],
)
def test_an_interruption_leaves_whole_records(path: Path, monkeypatch: pytest.MonkeyPatch, deed) -> None:
    """Ctrl-C in the middle of writing leaves no half record; the log keeps that one is lost, and stops."""
    write = os.write

    def interrupted(handle: int, data: bytes) -> int:
        write(handle, bytes(data)[:20])
        raise KeyboardInterrupt

    with AuditLog(path, key=KEY) as log:
        log(event(1))
        monkeypatch.setattr(os, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            deed(log)
        monkeypatch.undo()
        assert isinstance(log.failed, AuditError)
        assert "KeyboardInterrupt" in str(log.failed)
        with pytest.raises(AuditError, match="nothing more is written since this failed"):
            log(event(3))
    assert subjects(path) == ["T-1"]
    assert verify_audit(path, key=KEY).is_whole


@pytest.mark.parametrize(
    "change",
    [lambda p: p.write_bytes(b""), lambda p: p.write_bytes(p.read_bytes() + b"x\n"), Path.unlink],
    ids=range(3),
)
def test_a_file_that_changes_under_the_log_is_noticed(path: Path, change) -> None:
    """A file that somebody cuts, adds to or removes while it is open is not written to any more."""
    with AuditLog(path, key=KEY) as log:
        log(event(1))
        change(path)
        after = path.read_bytes() if path.exists() else None
        with pytest.raises(AuditError, match=r"it was changed|was removed"):
            log(event(2))
        assert (path.read_bytes() if path.exists() else None) == after
        assert log.failed is not None


def test_fsync_puts_each_record_on_the_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With ``fsync`` each record is followed by one; without, by none. A failing one is an error like others."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    with AuditLog(path, key=KEY) as log:
        log(event(1))
    assert synced == []
    with AuditLog(path, key=KEY, fsync=True) as log:
        synced.clear()
        log(event(2))
        log(event(3))
        assert len(synced) == 2
        monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.EIO, "I/O error")))
        with pytest.raises(AuditError, match="I/O error"):
            log(event(4))
    assert subjects(path) == ["T-1", "T-2", "T-3"]


def test_a_closed_log_refuses(path: Path) -> None:
    """A closed log writes nothing; closing once more does nothing."""
    log = AuditLog(path)
    log.close()
    log.close()
    with pytest.raises(AuditError, match="is closed"):
        log(event())


def test_what_cannot_be_opened_is_a_typed_error(tmp_path: Path) -> None:
    """A folder, a pipe, a link and a path that leads nowhere are refused with the path and the reason."""
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(tmp_path / "elsewhere")
    os.mkfifo(pipe)
    for path, reason in (
        (tmp_path, "directory"),
        (pipe, "no regular file"),
        (link, "symbolic link"),
        (tmp_path / "no" / "folder", "No such file"),
    ):
        with pytest.raises(AuditError, match=reason) as caught:
            AuditLog(path)
        assert caught.value.path == str(path)
    assert not (tmp_path / "elsewhere").exists()
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(AuditError, match="cannot be read"):
            verify_audit(path)


@pytest.mark.parametrize("name", ["nul\0", "half\ud800"], ids=range(2))
def test_a_path_that_no_file_can_have_is_a_typed_error(tmp_path: Path, name: str) -> None:
    """A name that the system cannot take is refused like one that is not there."""
    path = tmp_path / name
    for ask, said in ((AuditLog, "cannot be opened"), (verify_audit, "cannot be read"), (read_key, "cannot be read")):
        with pytest.raises(AuditError, match=said) as caught:
            ask(path)
        assert caught.value.path == str(path)


@pytest.mark.parametrize("head", ["", b"2:" + b"0" * 64, 5, 2.5, ("2", "0" * 64)], ids=range(5))
def test_what_is_no_head_is_a_typed_error(path: Path, head: object) -> None:
    """A head of the wrong kind is refused before the file is opened."""
    for ask in (AuditLog, verify_audit):
        with pytest.raises(InvalidHead):
            ask(path, head=head)  # type: ignore[operator]
    assert not path.exists()


def test_a_whole_other_file_shows_against_a_head_only(path: Path) -> None:
    """A file written with the same key and put in the place of this one shows against a published head only."""
    head, other = written(path, 2), path.with_name("other.jsonl")
    with AuditLog(other, key=KEY) as log:
        for number in (7, 8, 9):
            log(event(number))
    other.replace(path)

    assert verify_audit(path, key=KEY).is_whole
    flaw = verify_audit(path, key=KEY, head=head).flaw
    assert flaw is not None
    assert (flaw.line, flaw.fault) == (2, Fault.REWRITTEN)


def test_a_key_is_read_from_a_file(path: Path) -> None:
    """The key of a file is its bytes, but for one line end behind plain text; a weak or absent one is refused."""
    binary = b"\xff" + KEY
    for content, key in (
        (KEY, KEY),
        (KEY + b"\n", KEY),
        (KEY + b"\r\n", KEY),
        (KEY + b"\r", KEY + b"\r"),
        (KEY + b"\n\n", KEY + b"\n\n"),
        (binary + b"\n", binary + b"\n"),
        (binary + b"\r\n", binary + b"\r\n"),
        (KEY + b"\t\n", KEY + b"\t\n"),
    ):
        path.write_bytes(content)
        assert read_key(path) == key
    path.write_bytes(b"short\n")
    with pytest.raises(WeakKey):
        read_key(path)
    path.write_bytes(b"x" * 5000)
    with pytest.raises(AuditError, match="longer than"):
        read_key(path)
    with pytest.raises(AuditError, match="No such file"):
        read_key(path.with_name("nowhere"))
