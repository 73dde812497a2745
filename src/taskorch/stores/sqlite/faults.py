"""What an error of SQLite means to the caller: try again, mend the store, or another path."""

import sqlite3

from taskorch.errors import StoreError, StoreUnavailable, StoreUnreadable
from taskorch.stores.sqlite.log import MOVED

_PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PROTOCOL,
    }
)
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
# A file that cannot be opened now (too many open files) may be opened later: the log is opened on demand.
_PASSING_ONCE_OPEN = _PASSING | {sqlite3.SQLITE_CANTOPEN}


def fault(store: str, error: sqlite3.Error) -> StoreError:
    """The error to raise for *error* of a call on an open store.

    Args:
        store: The name of the store.
        error: What SQLite raised; the transaction was rolled back.

    Returns:
        ``StoreUnavailable`` if the same call may be made again, else ``StoreError``.
    """
    code = _primary_code(error)
    if code == sqlite3.SQLITE_FULL:
        return StoreUnavailable(store, f"no space is left on its disk ({error}); free some, then make the call again")
    if code in _PASSING_ONCE_OPEN:
        return StoreUnavailable(store, f"{error}; whether the call took effect is unknown, make it again")
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_READONLY_DBMOVED:
        return StoreError(store, MOVED)
    if code == sqlite3.SQLITE_READONLY:
        return StoreError(store, f"{error}; check that the file and its folder may still be written")
    if code in _DAMAGED:
        return StoreError(store, f"the file is damaged ({error}); stop, and restore it from a backup")
    return StoreError(store, f"{error}")


def fault_of_opening(store: str, error: sqlite3.Error) -> StoreError:
    """The error to raise for *error* while the store was being opened."""
    code = _primary_code(error)
    if code == sqlite3.SQLITE_FULL:
        return no_space_to_open(store, error)
    if code in _PASSING:
        return StoreUnavailable(store, f"cannot be opened just now ({error}); make the call again")
    if code in _DAMAGED:
        return StoreUnreadable(store, f"is damaged ({error}); restore it from a backup, or use another file")
    return StoreUnreadable(
        store, f"cannot be opened ({error}); check that the file and its folder may be read and written"
    )


def is_busy(error: sqlite3.Error) -> bool:
    """Whether *error* says that somebody else is at the file just now."""
    return _primary_code(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def no_space_to_open(store: str, error: Exception) -> StoreUnavailable:
    """The error to raise where the disk is full while the store was being opened."""
    return StoreUnavailable(
        store, f"cannot be opened, as no space is left on its disk ({error}); free some, then make the call again"
    )


def is_damage(error: sqlite3.Error) -> bool:
    """Whether *error* says that the file is not as it was written."""
    return _primary_code(error) in _DAMAGED


def _primary_code(error: sqlite3.Error) -> int:
    # Errors of the module itself, not of the library, have no code. The details are above the low byte.
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF
