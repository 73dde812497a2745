"""The sockets in the wall: what a store, a dispatcher, an observer, a clock or a codec must do.

Each docstring here is the specification; ``taskorch.testing`` checks an implementation against it.
"""

from taskorch.protocols.clock import Clock
from taskorch.protocols.codec import Codec
from taskorch.protocols.dispatcher import Command, Dispatcher, Job, Report
from taskorch.protocols.observer import Observer
from taskorch.protocols.store import Store

__all__ = ["Clock", "Codec", "Command", "Dispatcher", "Job", "Observer", "Report", "Store"]
