"""Where records and journals are kept: in memory, or in a SQLite file.

``MemoryStore`` lives and dies with its process; ``SQLiteStore`` keeps one file and survives a crash. Both do
what ``taskorch.protocols.Store`` says; ``taskorch.testing.check_store`` proves it, for your own stores too.
"""

from typing import TYPE_CHECKING

from taskorch.stores.memory import MemoryStore

if TYPE_CHECKING:
    from taskorch.stores.sqlite import SQLiteStore

__all__ = ["MemoryStore", "SQLiteStore"]


def __getattr__(name: str) -> object:
    # A program that keeps nothing on disk does not pay for loading sqlite3.
    if name == "SQLiteStore":
        from taskorch.stores.sqlite import SQLiteStore

        return SQLiteStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
