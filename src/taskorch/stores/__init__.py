"""Where records and journals are kept: in memory, in a SQLite file, or in a PostgreSQL database.

``MemoryStore`` lives and dies with its process; ``SQLiteStore`` keeps one file and survives a crash;
``PostgresStore`` is shared by many processes and machines. All do
what ``taskorch.protocols.Store`` says; ``taskorch.testing.check_store`` proves it, for your own stores too.
"""

from typing import TYPE_CHECKING

from taskorch.errors import StoreUnreadable
from taskorch.stores.memory import MemoryStore

if TYPE_CHECKING:
    from taskorch.stores.postgres import PostgresStore
    from taskorch.stores.sqlite import SQLiteStore

__all__ = ["MemoryStore", "PostgresStore", "SQLiteStore"]


def __getattr__(name: str) -> object:
    # A program that keeps nothing on disk does not pay for loading drivers.
    if name == "SQLiteStore":
        from taskorch.stores.sqlite import SQLiteStore

        return SQLiteStore
    if name == "PostgresStore":
        try:
            from taskorch.stores.postgres import PostgresStore
        except ModuleNotFoundError as error:
            if error.name not in ("psycopg", "psycopg_pool"):
                raise
            raise StoreUnreadable(
                "postgresql://…", f"the package {error.name} is not installed; install taskorch[postgres]"
            ) from None
        return PostgresStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
