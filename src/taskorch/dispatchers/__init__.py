"""Where the bodies of steps run: on the event loop, in threads, as processes.

A dispatcher is anything with the one method of ``taskorch.protocols.Dispatcher``;
``taskorch.testing.dispatchers.check_dispatcher`` tells whether one of your own keeps its promises.
"""

from taskorch.dispatchers.commands import CommandDispatcher
from taskorch.dispatchers.environment import DEFAULT_ENVIRONMENT
from taskorch.dispatchers.inline import InlineDispatcher
from taskorch.dispatchers.local import LocalDispatcher
from taskorch.dispatchers.threads import ThreadDispatcher

__all__ = ["DEFAULT_ENVIRONMENT", "CommandDispatcher", "InlineDispatcher", "LocalDispatcher", "ThreadDispatcher"]
