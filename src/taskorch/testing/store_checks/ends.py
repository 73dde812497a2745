"""The end of a store, and of a call."""

from collections.abc import Awaitable, Callable

import anyio

from taskorch.core.selection import Filter
from taskorch.errors import StoreError
from taskorch.protocols.store import Store
from taskorch.testing.entries import LANE, LONG, claim, enqueue, entry, expect_claims, message, telling
from taskorch.testing.store_checks.check import Check
from taskorch.testing.units import expect, expect_claimed, expect_kept, hold, inserting, owners


async def closing_twice_does_no_harm(store: Store) -> None:
    """Closing twice does no harm."""
    await hold(store)
    await store.aclose()
    await store.aclose()


async def a_closed_store_does_nothing(store: Store) -> None:
    """After aclose() the other verbs raise StoreError."""
    await hold(store)
    await store.aclose()
    verbs: list[Callable[[], Awaitable[object]]] = [
        lambda: store.apply([owners(1)]),
        lambda: store.apply([]),
        lambda: store.claim("me", [LANE], {}, LONG, 1),
        lambda: store.lease("me", "r"),
        lambda: store.renew([("r", 1)], LONG),
        lambda: store.read(["r"]),
        lambda: store.find(Filter()),
        lambda: store.journal("r"),
        lambda: store.messages("r"),
        store.events,
        lambda: store.next_due([LANE]),
        store.hints,
        lambda: store.trim(0),
    ]
    for number, verb in enumerate(verbs):
        try:
            with anyio.fail_after(10):
                answer = await verb()
        except StoreError:
            continue
        except TimeoutError:
            answer = "nothing at all"
        raise AssertionError(f"number {number} of them returned {answer!r}")


async def a_store_that_was_never_used_is_closed(store: Store) -> None:
    """A store may be closed before any verb was called; afterwards verbs raise StoreError."""
    await store.aclose()
    try:
        answer = await store.read(["r"])
    except StoreError:
        return
    raise AssertionError(f"read returned {answer!r}")


async def a_cancelled_wait_for_hints_ends(store: Store) -> None:
    """Hints may wait for ever, so its caller may cancel it, and the store works on."""
    for _ in range(3):
        with anyio.move_on_after(0.005):
            await store.hints()
    await enqueue(store, entry())
    await expect_claims(store, ["r"])


async def a_cancelled_call_did_it_or_not(store: Store) -> None:
    """What a cancelled call has begun is done wholly or not at all, and stands in nobody's way for ever."""
    await enqueue(store, entry("a"), entry("b"))
    with anyio.CancelScope() as scope:
        scope.cancel()
        await store.claim("ghost", [LANE], {}, 0, 10)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await store.apply([inserting(), inserting("s"), telling(message("m", "a"))])
    with anyio.CancelScope() as scope:
        scope.cancel()
        await store.lease("ghost", "a", 0)
    records = [record is None for record in await store.read(["r", "s"])]
    expect(records in ([True, True], [False, False]), True, "whether a batch that is wholly good is kept wholly or not")
    await store.apply([inserting()])
    expect([given.record.id for given in await claim(store)], ["a", "b"], "what was claimed")
    await expect_claimed(store)
    await expect_kept(store, owners(1))


CHECKS: tuple[Check, ...] = (
    closing_twice_does_no_harm,
    a_closed_store_does_nothing,
    a_store_that_was_never_used_is_closed,
    a_cancelled_wait_for_hints_ends,
    a_cancelled_call_did_it_or_not,
)
