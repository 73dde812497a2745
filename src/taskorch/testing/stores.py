"""The conformance suite of stores: what ``taskorch.protocols.Store`` says, as checks that need no pytest.

Each check is given a fresh store. Its docstring is the rule, which ``check_store`` quotes when it is broken.
Together they are ``CHECKS``; ``taskorch.testing.store_checks`` has them by subject.
"""

from contextlib import AsyncExitStack

import anyio

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
from taskorch.testing.store_checks.factory import Factory, fresh, kind

PATIENCE = 60.0
"""The most seconds that one check may take; a verb that never returns is so found."""

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
        AssertionError: The store breaks a rule, or takes more than ``PATIENCE`` seconds for a check; the message names
            the check and quotes the rule.
        TypeError: The factory cannot be called so, or what it gives is no store; the message names all verbs that are
            missing or not async.
    """
    if not callable(factory):
        raise TypeError(f"check_store needs a function that makes a store, not {kind(factory)}; give lambda: Store(…)")
    last: Store | None = None
    for check in CHECKS:
        last = await _make(check, factory, last)
    return len(CHECKS)


async def _make(check: Check, factory: Factory, last: Store | None) -> Store:
    """Make one check with a store of its own, which is another than the *last* one; that store."""
    async with AsyncExitStack() as stack:
        store = await fresh(factory, stack)
        if store is last:
            raise TypeError("the factory gave the same store twice; each check needs a fresh, empty one")
        try:
            # Not anyio.fail_after: a check may raise, or swallow, a TimeoutError of its own.
            with anyio.move_on_after(PATIENCE) as scope:
                await check(store)
            _expect(not scope.cancelled_caught, f"it did not end within {PATIENCE:g} s: a verb does not return")
        except Exception as error:
            if not isinstance(broken := _first(error), AssertionError):
                error.add_note(f"raised by {store.name} during the check {check.__name__} of check_store")
                raise
            rule = " ".join((check.__doc__ or "").split())
            raise AssertionError(f"{store.name} fails {check.__name__}: {rule} But: {broken}") from None
    return store


def _first(error: Exception) -> Exception:
    """The error itself, or the first one in a group that a task group made."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def _expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise AssertionError(otherwise)
