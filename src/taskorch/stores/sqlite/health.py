"""How a database and the SQLite library are: for whoever asks before there is trouble."""

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from taskorch.errors import StoreUnreadable
from taskorch.errors.root import quoted
from taskorch.stores.addresses import absolute, resolved
from taskorch.stores.sqlite import schema
from taskorch.stores.sqlite.database import SOUND_LOG, has_sound_log
from taskorch.stores.sqlite.faults import is_damage
from taskorch.stores.sqlite.lock import is_held, one_opening

_LONG_LOG = 64 * 1024 * 1024


class Mark(StrEnum):
    """What a finding means to whoever reads it."""

    OK = "ok"
    """Nothing has to be done."""
    NOTE = "note"
    """Something to know; nothing has to be done now."""
    LOOK = "look"
    """Somebody has to look at it."""


class Finding(NamedTuple):
    """One thing that was looked at.

    Attributes:
        mark: What it means.
        text: What was found, and what to do.
    """

    mark: Mark
    text: str

    @property
    def is_fine(self) -> bool:
        """Whether nobody has to look at it."""
        return self.mark is not Mark.LOOK


def examine_library(*, is_shared: bool = False) -> Finding:
    """Whether the SQLite library is sound for files that several processes share.

    Args:
        is_shared: Whether such a file is meant, so that it matters now.
    """
    version = sqlite3.sqlite_version
    if has_sound_log(sqlite3.sqlite_version_info):
        return Finding(Mark.OK, f"SQLite {version}: several processes may share a file with a write-ahead log")
    sound = ".".join(map(str, SOUND_LOG))
    return Finding(
        Mark.LOOK if is_shared else Mark.NOTE,
        f"SQLite {version}: before {sound} a write-ahead log that several processes use may be damaged (the WAL-reset "
        "defect). One process at a time is safe. With shared=True a rollback journal is used instead, which is "
        f"slower: use Python with SQLite {sound} or later, or PostgreSQL",
    )


def examine(path: Path) -> list[Finding]:
    """How the store in a file is, damage first, and what that asks of the SQLite library.

    Nothing is changed, and a store that is open may work on.

    Args:
        path: The file.
    """
    findings: list[Finding] = []
    name = quoted(str(path))
    journal = None
    try:
        place = resolved(str(path), absolute(str(path)))
        # A file that this process has open must not be opened and closed here: that would drop SQLite's locks on it.
        with one_opening():
            if is_held(place.with_name(place.name + ".lock")):
                findings.append(Finding(Mark.OK, f"{name} is open in this very process; ask from another one for more"))
                header = None
            else:
                header = _header(place)
        if header is not None:
            journal = _examine(place, name, header, findings)
    except _Unfit as error:
        findings.append(Finding(Mark.LOOK, f"{name} {error}"))
    except StoreUnreadable as error:
        findings.append(Finding(Mark.LOOK, str(error)))
    except OSError as error:
        why = f"cannot be read ({error.strerror}); check the path, and that you may read it"
        findings.append(Finding(Mark.LOOK, f"{name} {why}"))
    return [*findings, examine_library(is_shared=journal not in (None, "wal"))]


class _Unfit(Exception):
    """What keeps a file from being used, and what to do."""


def _header(path: Path) -> bytes:
    """The first bytes of a file that runs may use."""
    try:
        mode = path.stat().st_mode  # before it is opened: to open a pipe waits for somebody who writes
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise _Unfit(f"cannot be read (there is no folder {quoted(str(path.parent))}); make it first") from None
        _require_writable((path.parent, f"its folder {quoted(str(path.parent))}"))
        raise _Unfit("cannot be read (there is no such file); check the path; a run would make it") from None
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "no regular file"
        raise _Unfit(f"is {what}; give the path of a file")
    lock = path.with_name(path.name + ".lock")
    # Not even to read it is possible without its folder, where SQLite keeps the index of the log.
    _require_writable((path, "the file"), (path.parent, f"its folder {quoted(str(path.parent))}"))
    if lock.exists():
        _require_writable((lock, f"its lock file {quoted(str(lock))}"))
    with path.open("rb") as file:
        return file.read(schema.HEADER_SIZE)


def _require_writable(*places: tuple[Path, str]) -> None:
    for place, what in places:
        if not os.access(place, os.R_OK | os.W_OK):
            raise _Unfit(f"may not be written ({what}), so runs cannot use it; give write permission")


def _examine(path: Path, name: str, header: bytes, findings: list[Finding]) -> str | None:
    """Say how the file is; the mode of its journal, if it has one."""
    if not header:
        findings.append(Finding(Mark.OK, f"{name} is empty; the next run makes it a store"))
        return None
    found = schema.marks(header)
    if found is None:
        raise _Unfit("is no SQLite database; check the path")
    objection = schema.objection(*found)
    if objection is not None:
        raise _Unfit(objection)
    journal, inside = _inside(path)
    findings.append(inside)
    version, status = found[1], path.stat()
    old = "" if version == schema.VERSION else f"; the next opening brings it to version {schema.VERSION}"
    findings.append(Finding(Mark.OK, f"{name}: schema version {version}{old}, {status.st_size >> 10:,} KB"))
    findings.extend(_surroundings(path, name, status.st_mode))
    return journal


def _inside(path: Path) -> tuple[str | None, Finding]:
    try:
        # Any SQLite opening it reads the log too; mode=ro makes sure that nothing is written.
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            (journal,) = connection.execute("PRAGMA journal_mode").fetchone()
            (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            broken = connection.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.Error as error:
        if is_damage(error):
            return None, Finding(Mark.LOOK, f"it is damaged ({error}); stop, and restore it from a backup")
        return None, Finding(Mark.LOOK, f"it cannot be examined ({error}); ask again when nobody holds it")
    if answer != "ok" or broken is not None:
        return journal, Finding(Mark.LOOK, f"it is damaged ({answer}); stop, and restore it from a backup")
    return journal, Finding(Mark.OK, f"it is whole; its journal mode is {journal}")


def _surroundings(path: Path, name: str, mode: int) -> Iterator[Finding]:
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield Finding(Mark.LOOK, f"{name} may be read by others ({stat.filemode(mode)}); chmod 600 keeps it to you")
    log = path.with_name(path.name + "-wal")
    size = log.stat().st_size if log.exists() else 0
    if size > _LONG_LOG:
        yield Finding(
            Mark.LOOK,
            f"its log has {size >> 20} MB: somebody reads an old state of the file and does not end; end that reader",
        )
