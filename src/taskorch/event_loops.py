"""The event loop as other threads see it: somewhere to have something done soon, without waiting for it.

``anyio.from_thread`` has only calls that wait for their answer: for ever, if the loop ends meanwhile, and as long as it
is busy. asyncio's loops and trio's tokens each have a function that does not wait, under another name.
"""

from collections.abc import Callable
from functools import partial
from typing import cast

import anyio
from anyio.lowlevel import current_token

Function = Callable[[], object]


class EventLoop:
    """The event loop that runs now.

    Attributes:
        token: What tells it apart from others.
        new_event: Makes an event of this loop; ``anyio.Event`` would ask each time which loop that is.
    """

    __slots__ = ("_soon", "new_event", "token")

    def __init__(self) -> None:
        self.token: object = current_token().native_token
        self.new_event = type(anyio.Event())
        # The type: which of the two it is, is for anyio to know.
        self._soon = cast(
            Callable[[Function], object],
            getattr(self.token, "call_soon_threadsafe", None) or getattr(self.token, "run_sync_soon", None),
        )

    @property
    def runs_here(self) -> bool:
        """Whether it is still the one that runs now, in this thread."""
        return current_token().native_token is self.token

    def soon(self, function: Function) -> bool:
        """Have it call *function* soon; to be called from any thread. False if the loop has ended."""
        try:
            self._soon(function)
        except RuntimeError:
            return False
        return True

    def bell(self, function: Function) -> Callable[[], object]:
        """What has *function* called soon, from whatever thread; nothing happens once the loop has ended."""
        return partial(self.soon, function)
