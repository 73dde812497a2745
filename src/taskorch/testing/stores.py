"""The conformance suite of stores: what ``taskorch.protocols.Store`` says, as checks that need no pytest.

Each check is given a fresh store. Its docstring is the rule, which ``check_store`` quotes when it is broken.
Together they are ``CHECKS``; ``taskorch.testing.store_checks`` has them by subject.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from taskorch.protocols.store import Store
from taskorch.testing.store_checks import (
    batches,
    claims,
    crowds,
    ends,
    events,
    finding,
    instants,
    journals,
    leases,
    limits,
    mail,
    records,
    refusals,
    renewals,
    repeats,
    rooms,
    trimming,
)
from taskorch.testing.store_checks.check import Check

Factory = Callable[[], AbstractAsyncContextManager[Store] | Store]

CHECKS: tuple[Check, ...] = (
    *records.CHECKS,
    *repeats.CHECKS,
    *refusals.CHECKS,
    *batches.CHECKS,
    *journals.CHECKS,
    *leases.CHECKS,
    *renewals.CHECKS,
    *claims.CHECKS,
    *limits.CHECKS,
    *rooms.CHECKS,
    *mail.CHECKS,
    *finding.CHECKS,
    *events.CHECKS,
    *instants.CHECKS,
    *trimming.CHECKS,
    *crowds.CHECKS,
    *ends.CHECKS,
)


async def check_store(factory: Factory) -> int:
    """Check that a store does what the protocol says.

    Args:
        factory: Called once for each check; returns a fresh, empty store, either as an async context manager
            that enters to it, or as it is: then it is closed with ``aclose()``.

    Returns:
        How many checks were made.

    Raises:
        AssertionError: The store breaks a rule; the message names the check and quotes the rule.
    """
    for check in CHECKS:
        await _make(check, factory)
    return len(CHECKS)


async def _make(check: Check, factory: Factory) -> None:
    async with AsyncExitStack() as stack:
        fresh = factory()
        if isinstance(fresh, AbstractAsyncContextManager):
            store = await stack.enter_async_context(fresh)
        else:
            store = fresh
            stack.push_async_callback(store.aclose)
        try:
            await check(store)
        except Exception as error:
            if not isinstance(broken := _first(error), AssertionError):
                error.add_note(f"raised by {store.name} during the check {check.__name__} of check_store")
                raise
            rule = " ".join((check.__doc__ or "").split())
            raise AssertionError(f"{store.name} fails {check.__name__}: {rule} But: {broken}") from None


def _first(error: Exception) -> Exception:
    """The error itself, or the first one in a group that a task group made."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
