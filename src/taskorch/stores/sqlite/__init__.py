"""The store in one SQLite file."""

from taskorch.stores.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore"]
