"""How a database and the SQLite library are: for whoever asks before there is trouble."""

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from taskorch.errors.root import quoted
from taskorch.stores.sqlite import schema
from taskorch.stores.sqlite.database import SOUND_LOG, has_sound_log
from taskorch.stores.sqlite.lock import is_held

_LONG_LOG = 64 * 1024 * 1024


class Finding(NamedTuple):
    """One thing that was looked at.

    Attributes:
        is_fine: Whether nothing has to be done about it.
        text: What was found, and what to do.
    """

    is_fine: bool
    text: str


def examine_library() -> Finding:
    """Whether the SQLite library is sound for files that several processes share."""
    version = sqlite3.sqlite_version
    if has_sound_log(sqlite3.sqlite_version_info):
        return Finding(True, f"SQLite {version}: several processes may share a file with a write-ahead log")
    sound = ".".join(map(str, SOUND_LOG))
    return Finding(
        False,
        f"SQLite {version}: before {sound} a write-ahead log that several processes use may be damaged (the WAL-reset "
        "defect). One process at a time is safe. With shared=True a rollback journal is used instead, which is "
        f"slower: use Python with SQLite {sound} or later, or PostgreSQL",
    )


def examine(path: Path) -> Iterator[Finding]:
    """How the store in a file is. Nothing is changed, and a store that is open may work on.

    Args:
        path: The file.
    """
    name = quoted(str(path))
    try:
        with path.open("rb") as file:
            found = schema.marks(file.read(schema.HEADER_SIZE))
        mode = path.stat().st_mode
    except OSError as error:
        yield Finding(False, f"{name} cannot be read ({error.strerror}); check the path, and that you may read it")
        return
    if found is None:
        yield Finding(False, f"{name} is no SQLite database; check the path")
        return
    objection = schema.objection(*found)
    if objection is not None:
        yield Finding(False, f"{name} {objection}")
        return
    version = found[1]
    old = "" if version == schema.VERSION else f"; the next opening brings it to version {schema.VERSION}"
    yield Finding(True, f"{name}: schema version {version}{old}, {path.stat().st_size >> 10:,} KB")
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield Finding(False, f"{name} may be read by others ({stat.filemode(mode)}); chmod 600 keeps it to you")
    yield from _inside(path)


def _inside(path: Path) -> Iterator[Finding]:
    if is_held(path.with_name(path.name + ".lock")):  # to close the file would drop the locks of this process
        yield Finding(True, "it is open in this very process; ask from another one for more")
        return
    try:
        # Any SQLite opening it reads the log too; mode=ro makes sure that nothing is written.
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            (journal,) = connection.execute("PRAGMA journal_mode").fetchone()
            (answer,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            broken = connection.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.Error as error:
        yield Finding(False, f"it cannot be examined ({error}); if nobody holds it, restore it from a backup")
        return
    if answer != "ok" or broken is not None:
        yield Finding(False, f"it is damaged ({answer}); stop, and restore it from a backup")
    else:
        yield Finding(True, f"it is whole; its journal mode is {journal}")
    log = path.with_name(path.name + "-wal")
    size = log.stat().st_size if log.exists() else 0
    if size > _LONG_LOG:
        yield Finding(
            False,
            f"its log has {size >> 20} MB: somebody reads an old state of the file and does not end; end that reader",
        )
