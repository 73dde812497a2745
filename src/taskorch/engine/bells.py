"""Bells that other threads ring: what they are told is done on the event loop that has hung them up."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from anyio.lowlevel import current_token


def bell(function: Callable[[], object]) -> Callable[[], None]:
    """What calls *function* on the running event loop soon, from whatever thread, and never waits for it.

    Once that loop has ended nothing happens any more. anyio has only calls that wait for their answer; a thread that
    keeps something alive must not wait for a loop that is busy.
    """
    loop: Any = current_token().native_token  # Any: asyncio's loop or trio's token, which is for anyio to know
    soon = loop.run_sync_soon if hasattr(loop, "run_sync_soon") else loop.call_soon_threadsafe

    def ring() -> None:
        with suppress(RuntimeError):  # the loop has ended
            soon(function)

    return ring
