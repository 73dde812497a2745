"""Ctrl-C and SIGTERM: the first asks, the second insists."""

import os
import signal
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar

import anyio

from taskorch.cli.exits import Interrupted

T = TypeVar("T")


async def interruptible(work: Callable[[], Awaitable[T]], warn: Callable[[], None], give_up: Callable[[], None]) -> T:
    """Do *work*; a signal cancels it, and a second one ends the process where it stands.

    Args:
        work: What to do. Cancelled, it stops and records all it has begun.
        warn: Called at the first signal, before the cancellation.
        give_up: Called at the second one, before the end.

    Returns:
        What *work* returns, if it came to its end in spite of a signal.

    Raises:
        Interrupted: It was cut off.
    """
    received: list[int] = []
    scope = anyio.CancelScope()

    async def watch() -> None:
        async for signum in signals:
            if received:
                give_up()
                _end(signum)
            received.append(signum)
            warn()
            scope.cancel()

    results: list[T] = []
    fault: Exception | None = None
    # The signals are watched until the work has stopped, also while it is being cancelled.
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            with scope:
                try:
                    results.append(await work())
                except Exception as error:  # noqa: BLE001 - raised again outside the group, which would wrap it
                    fault = error
            group.cancel_scope.cancel()
    if fault is not None:
        raise fault
    if not results:
        raise Interrupted(received[0])
    return results[0]


def _end(signum: int) -> NoReturn:
    """End at once. Supervisors see our death and end the commands; the store is as it was committed last."""
    os._exit(128 + signum)
