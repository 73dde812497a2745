"""The store in memory: what it keeps, where entries wait, and the verbs."""

from taskorch.stores.memory.store import MemoryStore

__all__ = ["MemoryStore"]
