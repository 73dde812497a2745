"""What testers need: a clock that is moved by hand, and checks of a store or a dispatcher of one's own."""

from taskorch.testing.clock import FakeClock
from taskorch.testing.dispatchers import check_dispatcher
from taskorch.testing.stores import check_store

__all__ = ["FakeClock", "check_dispatcher", "check_store"]
