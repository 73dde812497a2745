"""Event loops of one call each, for programs that have none."""

import inspect
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

import anyio

from taskorch.engine import arguments
from taskorch.engine.cancellations import Requests
from taskorch.errors import CallerError, OperatorError

P = ParamSpec("P")
T = TypeVar("T")


def in_a_loop_of_its_own(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """The same function for programs without an event loop."""
    signature = inspect.signature(function)

    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        arguments.fit("run_sync", signature, args, kwargs)
        if _is_in_loop():
            raise CallerError("run_sync() would block the event loop it was called from; use: await taskorch.run(…)")

        async def main() -> T:
            try:
                return await function(*args, **kwargs)
            except OperatorError as error:
                if Requests().count():  # by Ctrl-C: nobody else can cancel the task of a loop of its own
                    raise anyio.get_cancelled_exc_class() from error  # which asyncio makes a KeyboardInterrupt
                raise

        return anyio.run(main)

    call.__signature__ = signature  # type: ignore[attr-defined]  # for help() and the docs
    return call


def _is_in_loop() -> bool:
    try:
        anyio.get_current_task()
    except anyio.NoEventLoopError:
        return False
    return True
