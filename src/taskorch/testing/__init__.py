"""What testers need: checks that hold a store or a dispatcher of your own against its protocol."""

from taskorch.testing.stores import check_store

__all__ = ["check_store"]
