"""Ready-made observers: what happens in a run, told to the world around it."""

from taskorch.observers.logs import LogObserver

__all__ = ["LogObserver"]
