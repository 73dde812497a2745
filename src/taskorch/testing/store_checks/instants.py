"""When there is something to claim next."""

from taskorch.core.selection import Lane
from taskorch.protocols.store import Store
from taskorch.testing.entries import (
    LANE,
    LONG,
    NEVER,
    ending,
    enqueue,
    entry,
    expect_claims,
    message,
    placing,
    store_time,
    telling,
)
from taskorch.testing.store_checks.check import Check
from taskorch.testing.units import expect, expect_claimed, expect_kept, inserting


async def _expect_due(store: Store, *lanes: Lane) -> None:
    """Something is due now, says the store."""
    due = await store.next_due(lanes or (LANE,))
    now = await store_time(store)
    expect(due is not None and due <= now, True, f"whether the instant {due!r} has come at {now}")


async def nothing_is_to_come(store: Store) -> None:
    """Next_due is None if nothing is to come: no entries, none in these lanes, none that is ever due by itself."""
    expect(await store.next_due([LANE]), None)
    expect(await store.next_due([]), None)
    await expect_kept(store, inserting())
    await enqueue(store, entry("a", due=None), entry("b", due=None, wakes=True), entry("c", queue="p"))
    expect(await store.next_due([LANE]), None)
    expect(await store.next_due([Lane(())]), None)


async def what_is_due_is_due(store: Store) -> None:
    """Next_due is an instant that has come while an entry in the lanes is due."""
    await enqueue(store, entry("a", due=NEVER), entry("b"), entry("c", queue="p", due=-1))
    await _expect_due(store)
    await _expect_due(store, Lane(("none",)), Lane(("none", "p")))
    await expect_claims(store, ["b"], ttl=None)
    expect(await store.next_due([LANE]), NEVER)


async def the_first_instant_counts(store: Store) -> None:
    """Next_due is the first instant at which an entry in any of the lanes is due."""
    await enqueue(store, entry("a", due=NEVER + 5), entry("b", due=NEVER, queue="p"), entry("c", due=NEVER + 7))
    expect(await store.next_due([LANE]), NEVER + 5)
    expect(await store.next_due([LANE, Lane(("p",))]), NEVER)
    expect(await store.next_due([Lane(("p", "q"))]), NEVER)
    await expect_kept(store, placing(entry("a", due=NEVER + 9)))
    expect(await store.next_due([LANE]), NEVER + 7)
    await expect_kept(store, placing(gone=("c",)))
    expect(await store.next_due([LANE]), NEVER + 9)


async def a_message_makes_due(store: Store) -> None:
    """An entry that wakes is due at once while there are unread messages."""
    await enqueue(store, entry(due=NEVER, wakes=True))
    expect(await store.next_due([LANE]), NEVER)
    await expect_kept(store, telling(message("m")))
    await _expect_due(store)
    await expect_claims(store, ["r"], ttl=None)
    await expect_kept(store, ending(consumed=("m",)))
    expect(await store.next_due([LANE]), NEVER)


async def the_end_of_a_lease_counts(store: Store) -> None:
    """A lease's end counts: it is when its entry may be due again. One without an end is not to come."""
    await enqueue(store, entry("a"), entry("b", queue="p"), entry("c", queue="o"))
    before = await store_time(store)
    await expect_claims(store, ["a"], ttl=LONG)
    await expect_claimed(store, id="b", ttl=2 * LONG)
    await expect_claimed(store, id="c")
    after = await store_time(store)
    for queues, times in ((("q",), 1), (("p",), 2), (("p", "q"), 1)):
        due = await store.next_due([Lane(queues)])
        end = int(times * LONG * 1e6)
        expect(due is not None and before + end <= due <= after + end, True, f"whether {due!r} is the lease's end")
    expect(await store.next_due([Lane(("o",))]), None)
    await expect_kept(store, ending(run="a"))
    await _expect_due(store)


async def limits_do_not_matter(store: Store) -> None:
    """Next_due says when an entry is due, whatever limits say."""
    await enqueue(store, entry("a", tags=("t",)), entry("b", tags=("t",)))
    await expect_claims(store, ["a"], limits={"t": 1})
    await _expect_due(store)


async def a_lease_that_is_over_is_due(store: Store) -> None:
    """An entry whose lease is over is due as it was before; once it is gone there is nothing to come."""
    await enqueue(store, entry())
    await expect_claims(store, ["r"], ttl=0)
    await _expect_due(store)
    await expect_kept(store, ending(is_gone=True))
    expect(await store.next_due([LANE]), None)


CHECKS: tuple[Check, ...] = (
    nothing_is_to_come,
    what_is_due_is_due,
    the_first_instant_counts,
    a_message_makes_due,
    the_end_of_a_lease_counts,
    limits_do_not_matter,
    a_lease_that_is_over_is_due,
)
