"""What testers need: a clock that is moved by hand, runs that take no time, checks of one's own store or dispatcher."""

from taskorch.core.simulation import simulate
from taskorch.testing.clock import FakeClock
from taskorch.testing.dispatchers import check_dispatcher
from taskorch.testing.stores import check_store

__all__ = ["FakeClock", "check_dispatcher", "check_store", "simulate"]
