"""The store in a PostgreSQL database, for many processes on many machines."""

from taskorch.stores.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
