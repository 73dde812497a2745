"""What a workflow in debug mode tells of its run, said on the screen."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from taskorch.cli.screen import shown
from taskorch.core.settings import Debug


class _Saying(logging.Handler):
    def __init__(self, say: Callable[[str], object]) -> None:
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        """Say it."""
        self._say(f"debug: {shown(record.getMessage())}")


@contextmanager
def heard(debug: Debug | None, say: Callable[[str], object]) -> Iterator[None]:
    """The time during which what a workflow in debug mode tells is said.

    Args:
        debug: Its mode, if it has one.
        say: Says a line.
    """
    if debug is None or not debug.enabled:
        yield
        return
    logger, handler = logging.getLogger("taskorch"), _Saying(say)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
