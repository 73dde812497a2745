"""What an error of PostgreSQL means to the caller: try again, mend the database, or another address."""

import psycopg
from psycopg import errors as pg

from taskorch.errors import StoreError, StoreUnavailable, StoreUnreadable
from taskorch.stores.postgres.address import Address

REPEATABLE = (pg.SerializationFailure, pg.DeadlockDetected, pg.UniqueViolation)
"""Two were in each other's way: the transaction is rolled back, and may be made again at once."""

_REFUSED = ("authentication", "password", "does not exist", "pg_hba", "permission", "not permitted to log in")
_PASSING = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    pg.IdleInTransactionSessionTimeout,
)
_ONLY_READ = (
    "use the address of the primary (several hosts with target_session_attrs=read-write find it), or turn "
    "default_transaction_read_only off"
)
_LASTING = (pg.ProgramLimitExceeded, pg.StatementTooComplex)


def fault(address: Address, error: psycopg.Error, *, is_lost: bool) -> StoreError:
    """The error to raise for *error* of a call on an open store.

    Args:
        address: The database.
        error: What the driver raised.
        is_lost: Whether the connection is broken.

    Returns:
        ``StoreUnavailable`` if the same call may be made again, else ``StoreError``: nothing was kept.
    """
    why = _first_line(address, error)
    if isinstance(error, REPEATABLE):
        return StoreUnavailable(address.name, f"too many write to the same at once ({why}); make the call again")
    if isinstance(error, pg.ReadOnlySqlTransaction):
        return StoreUnavailable(address.name, f"lets us only read ({why}); nothing of the call was kept; {_ONLY_READ}")
    if is_lost or (isinstance(error, _PASSING) and not isinstance(error, _LASTING)):
        return StoreUnavailable(address.name, f"{why}; whether the call took effect is unknown, make it again")
    if isinstance(error, psycopg.DataError | pg.ProgramLimitExceeded):
        return StoreError(address.name, f"a value cannot be kept ({why}); nothing of the call was")
    if isinstance(error, pg.InsufficientPrivilege):
        return StoreError(address.name, f"{why}; grant the user what is missing on the schema and its tables")
    return StoreError(address.name, f"{why}")


def fault_of_opening(address: Address, error: psycopg.Error) -> StoreError:
    """The error to raise for *error* while the store was being opened; nothing was changed."""
    why = _first_line(address, error)
    if isinstance(error, pg.InsufficientPrivilege):
        return StoreUnreadable(
            address.name,
            f"cannot be made ready ({why}); have the schema made for this user, or let somebody open it once who may "
            "make it, then grant this user its use and that of its tables",
        )
    if isinstance(error, pg.ReadOnlySqlTransaction):
        return StoreUnreadable(address.name, f"lets us only read, and holds no store yet ({why}); {_ONLY_READ}")
    if isinstance(error, pg.DuplicateTable | pg.DuplicateObject):
        return StoreUnreadable(address.name, f"the schema holds what is not ours ({why}); use another schema")
    if isinstance(error, pg.UndefinedTable):
        return StoreUnreadable(
            address.name, f"its schema may not be used by us ({why}); grant the user USAGE of it, and its tables"
        )
    if isinstance(error, psycopg.OperationalError):
        if is_refusal(error):
            return StoreUnreadable(address.name, f"refuses us ({why}); check the user, the password and the database")
        return StoreUnavailable(
            address.name, f"cannot be reached ({why}); check the address and that the server runs, then call again"
        )
    return StoreUnreadable(address.name, f"cannot be opened ({why})")


def is_refusal(error: psycopg.Error) -> bool:
    """Whether the server was there and does not let us in, so that another try is of no use."""
    return any(word in str(error) for word in _REFUSED)


def no_connection(address: Address, seconds: float, why: str) -> StoreError:
    """The error to raise if no connection was to be had in time, and *why* if it is known; nothing was changed."""
    lines = address.without_secret("; ".join(line.strip() for line in why.strip().splitlines()[:2]))
    reason = f" ({lines})" if lines else ""
    return StoreUnavailable(
        address.name,
        f"gave no connection within {seconds:g} s{reason}; check that the server runs, then make the call again",
    )


def _first_line(address: Address, error: psycopg.Error) -> str:
    lines = str(error).strip().splitlines()
    return address.without_secret("; ".join(line.strip() for line in lines[:2])) or type(error).__name__
