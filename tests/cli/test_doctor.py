"""taskorch doctor."""

import os
import sqlite3
import subprocess
import sys

import pytest

from taskorch.cli import main
from taskorch.stores import SQLiteStore
from taskorch.stores.sqlite import health
from taskorch.testing.units import hold


@pytest.fixture
def sound(monkeypatch):
    """A library without the defect."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 3))


def doctor(capsys, *arguments):
    """What the command prints, and its exit code."""
    code = main(["doctor", *map(str, arguments)])
    return code, capsys.readouterr().out.splitlines()


def test_a_library_with_the_defect_is_told(capsys, monkeypatch):
    """A SQLite before 3.51.3 is worth a note, with what to do; a later one is fine."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 2))
    code, lines = doctor(capsys)
    assert code == 0
    assert [line for line in lines if not line.startswith("ok")] == [f"note  {health.examine_library().text}"]
    assert "WAL-reset" in lines[0]
    assert "PostgreSQL" in lines[0]

    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 3))
    code, lines = doctor(capsys)
    assert code == 0
    assert all(line.startswith("ok") for line in lines)


@pytest.mark.filterwarnings("ignore:SQLite")
async def test_a_library_with_the_defect_matters_to_a_shared_file(capsys, monkeypatch, tmp_path):
    """A file that is kept with a rollback journal because of the library is something to look at."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 2))
    path = tmp_path / "store.db"
    async with SQLiteStore(path, shared=True) as store:
        await hold(store)
    code, lines = doctor(capsys, path)
    assert code == 1
    assert [line for line in lines if line.startswith("look")] == [f"look  {health.examine_library().text}"]


async def test_a_sound_store_is_fine_and_left_alone(capsys, sound, tmp_path):
    """A store is examined without being changed, also while it is open elsewhere."""
    path = tmp_path / "store.db"
    async with SQLiteStore(path) as store:
        await hold(store)
    before = path.read_bytes()
    code, lines = doctor(capsys, path)
    assert (code, path.read_bytes()) == (0, before)
    assert "it is whole" in lines[0]
    assert "schema version 2" in lines[1]

    code, lines = doctor(capsys, f"sqlite:///{path}")
    assert code == 0


async def test_a_store_that_is_open_elsewhere_works_on(tmp_path):
    """The doctor in another process finds an open store to be whole, and does it no harm."""
    path = tmp_path / "store.db"
    async with SQLiteStore(path) as store:
        await hold(store)
        command = [sys.executable, "-m", "taskorch", "doctor", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)  # noqa: ASYNC221
        assert "it is whole; its journal mode is wal" in done.stdout
        assert len(await store.journal("r")) == 1


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: None, "there is no such file"),
        (lambda path: path.symlink_to(path), "cannot be"),
        (lambda path: path.mkdir(), "a folder"),
        (os.mkfifo, "no regular file"),
        (lambda path: path.write_text("hello\n" * 100), "no SQLite database"),
        (lambda path: sqlite3.connect(path).execute("CREATE TABLE t (x)").connection.close(), "another application"),
    ],
    ids=["missing", "circle", "folder", "pipe", "text", "foreign"],
)
def test_what_is_no_store_is_told(capsys, sound, tmp_path, make, told):
    """A path without a store is something to look at."""
    path = tmp_path / "store.db"
    make(path)
    code, lines = doctor(capsys, path)
    assert code == 1
    assert lines[0].startswith("look  ")
    assert told in lines[0]


async def test_damage_and_open_modes_are_told(capsys, sound, tmp_path):
    """A damaged file, and one that others may read, are something to look at."""
    path = tmp_path / "store.db"
    async with SQLiteStore(path) as store:
        await hold(store)
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[8192:20000] = b"\xff" * (20000 - 8192)
    path.write_bytes(content)
    code, lines = doctor(capsys, path)
    assert code == 1
    assert "it is damaged" in lines[0]
    assert "restore it from a backup" in lines[0]
    assert any("chmod 600" in line for line in lines)


@pytest.mark.parametrize("locked", ["store.db", ".", "store.db.lock"])
async def test_what_may_not_be_written_is_told(capsys, sound, tmp_path, monkeypatch, locked):
    """Without write permission runs cannot use the file, folder or lock; nothing is said of damage or backups."""
    path = tmp_path / "store.db"
    async with SQLiteStore(path) as store:
        await hold(store)
    place = (tmp_path / locked).resolve()
    monkeypatch.setattr(os, "access", lambda asked, mode: not (asked == place and mode & os.W_OK))
    code, lines = doctor(capsys, path)
    assert code == 1
    assert "may not be written" in lines[0]
    assert "so runs cannot use it; give write permission" in lines[0]
    assert not any("backup" in line for line in lines)


def test_a_folder_in_which_no_file_can_be_made_is_told(capsys, sound, tmp_path, monkeypatch):
    """A run would not make a file where it may not write."""
    monkeypatch.setattr(os, "access", lambda asked, mode: not (asked == tmp_path.resolve() and mode & os.W_OK))
    code, lines = doctor(capsys, tmp_path / "store.db")
    assert code == 1
    assert "may not be written (its folder" in lines[0]


def test_an_empty_file_becomes_a_store(capsys, sound, tmp_path):
    """A file without a byte is fine."""
    path = tmp_path / "store.db"
    path.touch()
    code, lines = doctor(capsys, path)
    assert code == 0
    assert "the next run makes it a store" in lines[0]


def test_a_missing_folder_is_told(capsys, sound, tmp_path):
    """Where the folder is missing, it is that which has to be made."""
    code, lines = doctor(capsys, tmp_path / "none" / "store.db")
    assert code == 1
    assert "make it first" in lines[0]


def test_memory_needs_no_examination(capsys, sound):
    """Addresses are read as by run: memory: is one."""
    code, lines = doctor(capsys, "memory:")
    assert code == 0
    assert "nothing to examine" in lines[0]


@pytest.mark.parametrize(
    "address", ["", "sqlite://x", "sqlite:///", "redis://me:hidden@x", "postgresql://u:se/cret@x/y"]
)
def test_what_is_no_address_is_refused(capsys, address):
    """What names no store leads to 2, as with run, and nothing of it is shown."""
    code = main(["doctor", address])
    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert said.err.startswith("StoreUnreadable: ")
    assert "hidden" not in said.err
    assert "cret" not in said.err


async def test_a_store_that_is_open_here_is_not_opened_again(sound, tmp_path):
    """A file this process has open is not opened and closed, by whatever link it is asked for: its locks would go."""
    path, link = tmp_path / "store.db", tmp_path / "link.db"
    link.symlink_to(path)
    async with SQLiteStore(path) as store:
        await hold(store)
        for name in (path, link):
            assert "open in this very process" in health.examine(name)[0].text
        # A stranger that opens and closes the file leaves the log to us, as it sees our locks.
        program = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM record').fetchone()"
        subprocess.run([sys.executable, "-c", program, str(path)], check=True, capture_output=True)  # noqa: ASYNC221
        assert (tmp_path / "store.db-wal").exists()
