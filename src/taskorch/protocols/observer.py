"""What an observer must do: listen."""

from typing import Protocol

from taskorch.core.alerts import RaisedAlert
from taskorch.core.events import Event


class Observer(Protocol):
    """Hears what has happened, after it is safe in the store, and the alerts that it raises.

    Alerts come only from workflows that have some (D4, "Notifications and Alerts").
    It is called on the event loop, so it must be quick. It cannot hurt a run: one that raises is removed and
    the fault is logged.
    """

    def __call__(self, event: Event | RaisedAlert) -> object:
        """Take note of *event*. Events and alerts of one run come in order; what is returned is ignored."""
        ...
