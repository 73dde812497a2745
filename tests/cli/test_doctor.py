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
    """A SQLite before 3.51.3 is something to look at, with what to do; a later one is fine."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 2))
    code, lines = doctor(capsys)
    assert code == 1
    assert [line for line in lines if line.startswith("look")] == [f"look  {health.examine_library().text}"]
    assert "WAL-reset" in lines[-1]
    assert "PostgreSQL" in lines[-1]

    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 3))
    code, lines = doctor(capsys)
    assert code == 0
    assert all(line.startswith("ok") for line in lines)


async def test_a_sound_store_is_fine_and_left_alone(capsys, sound, tmp_path):
    """A store is examined without being changed, also while it is open elsewhere."""
    path = tmp_path / "store.db"
    async with SQLiteStore(path) as store:
        await hold(store)
    before = path.read_bytes()
    code, lines = doctor(capsys, path)
    assert (code, path.read_bytes()) == (0, before)
    assert "schema version 2" in lines[-2]
    assert "it is whole" in lines[-1]

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
        (lambda path: None, "cannot be read"),
        (lambda path: path.write_text("hello\n" * 100), "no SQLite database"),
        (lambda path: sqlite3.connect(path).execute("CREATE TABLE t (x)").connection.close(), "another application"),
    ],
    ids=["missing", "text", "foreign"],
)
def test_what_is_no_store_is_told(capsys, sound, tmp_path, make, told):
    """A path without a store is something to look at."""
    path = tmp_path / "store.db"
    make(path)
    code, lines = doctor(capsys, path)
    assert code == 1
    assert told in lines[-1]


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
    assert any("chmod 600" in line for line in lines)
    assert any("damaged" in line or "cannot be examined" in line for line in lines)
