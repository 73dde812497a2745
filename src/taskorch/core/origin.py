"""Where a new task gets its time and its id when its maker gives none.

The core reads no clock and draws no lots. The front door installs a source for both, once; whoever uses the
core without it names ``now`` and ``id`` for each task.
"""

from collections.abc import Callable
from datetime import datetime

Origin = Callable[[], tuple[datetime, str]]
"""Gives the present time (UTC) and a text that is unique without coordination."""

_installed: list[Origin] = []


def install(origin: Origin) -> None:
    """Make *origin* the source of defaults from now on."""
    _installed[:] = [origin]


def ask() -> tuple[datetime, str]:
    """The time and the unique text; ``LookupError`` if no source is installed."""
    if not _installed:
        raise LookupError("no source of time and ids is installed: import taskorch, or give now= and id=")
    return _installed[0]()
