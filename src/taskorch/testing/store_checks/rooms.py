"""Rooms: how many entries may wait in a queue."""

import attrs

from taskorch.core.unit import Room, Unit
from taskorch.protocols.store import Store
from taskorch.testing.entries import (
    NEVER,
    ending,
    enqueue,
    enqueueing,
    entry,
    expect_claims,
    expect_entry,
    expect_no_room,
    placing,
)
from taskorch.testing.store_checks.check import Check
from taskorch.testing.units import expect, expect_claimed, expect_kept, expect_steps, inserting, owners


def _room(limit: int, queue: str = "q") -> tuple[Room, ...]:
    return (Room(queue, limit),)


async def a_room_is_not_overfilled(store: Store) -> None:
    """Rule 8: who would overfill a room is NO_ROOM, told how many wait now; nothing of the unit is kept."""
    await expect_kept(store, enqueueing(entry("a"), rooms=_room(2)))
    await expect_kept(store, enqueueing(entry("b"), rooms=_room(2)))
    unit = attrs.evolve(enqueueing(entry("c"), rooms=_room(2)), facts=inserting("c").facts)
    await expect_no_room(store, unit, 2)
    expect(await store.read(["c"]), [None])
    await expect_steps(store, [], "c")
    await expect_kept(store, attrs.evolve(unit, rooms=_room(3)))


async def a_room_is_only_for_whom_it_names(store: Store) -> None:
    """Rule 8: a limit binds the unit that names it, and only in the queue that it names."""
    await enqueue(store, entry("a"), entry("b"))
    await expect_kept(store, enqueueing(entry("c", queue="p"), rooms=_room(1, "p")))
    await expect_kept(store, enqueueing(entry("d"), rooms=_room(0, "o")))
    await expect_no_room(store, enqueueing(entry("e", queue="p"), rooms=(*_room(9), *_room(1, "p"))), 1, "p")
    await expect_no_room(store, enqueueing(entry("e"), rooms=(*_room(3), *_room(1, "p"))), 3)
    await enqueue(store, entry("e"))


async def all_entries_of_a_unit_count(store: Store) -> None:
    """Rule 8: what counts is how many wait after the whole unit."""
    await enqueue(store, entry("a"))
    several = (entry("b"), entry("c"), entry("d", queue="p"))
    await expect_no_room(store, enqueueing(*several, rooms=_room(2)), 1)
    await expect_kept(store, enqueueing(*several, rooms=(*_room(3), *_room(1, "p"))))


async def what_is_replaced_does_not_count_twice(store: Store) -> None:
    """Rule 8: an entry that is placed instead of one in the same queue takes no more room."""
    await enqueue(store, entry("a"), entry("b"))
    await expect_kept(store, placing(entry("a", rank="1"), entry("b", rank="1"), rooms=_room(2)))
    await expect_kept(store, inserting("c"))
    await expect_no_room(store, placing(entry("c"), entry("b"), rooms=_room(2)), 2)


async def what_leaves_makes_room(store: Store) -> None:
    """Rule 8: an entry that the unit takes away, or moves to another queue, leaves its room to others."""
    await enqueue(store, entry("a"), entry("b"))
    for id in ("c", "d"):
        await expect_kept(store, inserting(id))
    await expect_kept(store, placing(entry("c"), gone=("a",), rooms=_room(2)))
    await expect_kept(store, placing(entry("b", queue="p"), entry("d"), rooms=_room(2)))
    await expect_no_room(store, placing(entry("b"), gone=("none",), rooms=_room(2)), 2)
    await expect_claims(store, ["c", "d"])


async def those_that_are_leased_do_not_wait(store: Store) -> None:
    """Rule 8: entries under a living lease are not counted, however it was got."""
    await enqueue(store, entry("a"), entry("b"), entry("c"))
    await expect_claims(store, ["a"], n=1)
    await expect_claimed(store, id="b")
    await expect_kept(store, enqueueing(entry("d"), rooms=_room(2)))
    await expect_no_room(store, enqueueing(entry("e"), rooms=_room(2)), 2)


async def those_that_are_not_due_wait(store: Store) -> None:
    """Rule 8: entries wait whether or not they are due, until they are taken away, moved or leased."""
    await enqueue(store, entry("a", due=NEVER), entry("b", due=None), entry("c", due=None, wakes=True))
    await expect_no_room(store, enqueueing(entry("d"), rooms=_room(3)), 3)
    await expect_no_room(store, enqueueing(entry("d", due=None), rooms=_room(3)), 3)
    await expect_kept(store, placing(entry("b", queue="p"), gone=("a",)))
    await expect_claimed(store, id="c")
    await expect_kept(store, enqueueing(entry("d"), rooms=_room(1)))


async def what_is_handed_back_waits(store: Store) -> None:
    """Rule 8: an entry waits once its lease is released; so it counts for the unit that releases it."""
    await enqueue(store, entry("a"))
    await expect_claims(store, ["a"])
    await enqueue(store, entry("b"))
    await expect_no_room(store, ending(run="a", rooms=_room(1)), 1)
    await expect_no_room(store, ending(run="a", entry=entry("a", rank="1"), rooms=_room(1)), 1)
    await expect_kept(store, ending(run="a", entry=entry("a", queue="p"), rooms=_room(1)))
    await expect_claims(store, ["b"])
    await expect_kept(store, ending(run="b", rooms=_room(1)))
    await expect_no_room(store, enqueueing(entry("c"), rooms=_room(1)), 1)


async def what_stays_leased_takes_no_room(store: Store) -> None:
    """Rule 8: an owner's entry takes no room as long as its lease lives, nor does one it takes away."""
    await enqueue(store, entry("a"))
    await expect_claims(store, ["a"])
    kept = owners(1, run="a")
    await expect_kept(store, attrs.evolve(kept, entries=(entry("a", rank="1"),), rooms=_room(0)))
    await enqueue(store, entry("b"))
    await expect_no_room(store, ending(2, run="a", rooms=_room(1)), 1)
    await expect_kept(store, ending(2, run="a", is_gone=True, rooms=_room(1)))
    await expect_entry(store, None, "a")


async def what_is_over_waits(store: Store) -> None:
    """Rule 8: an entry waits again once the time of its lease is over, for its owner's own units too."""
    await enqueue(store, entry("a"))
    await expect_claims(store, ["a"], ttl=0)
    await expect_no_room(store, enqueueing(entry("b"), rooms=_room(1)), 1)
    await enqueue(store, entry("b"))
    kept = owners(1, run="a")
    await expect_no_room(store, attrs.evolve(kept, entries=(entry("a", rank="1"),), rooms=_room(1)), 2)
    await expect_kept(store, attrs.evolve(kept, entries=(entry("a", rank="1"),), rooms=_room(2)))
    await expect_kept(store, ending(2, run="a", rooms=_room(2)))
    await expect_no_room(store, enqueueing(entry("c"), rooms=_room(2)), 2)


async def an_owners_entries_need_room(store: Store) -> None:
    """Rule 8 is for owners too: what they let others wait for must find room."""
    await enqueue(store, entry("a"), entry("b"))
    await expect_claims(store, ["a"], n=1)
    child = enqueueing(entry("c")).puts
    unit = Unit(run="a", epoch=1, number=1, puts=child, entries=(entry("c"),), rooms=_room(1))
    await expect_no_room(store, unit, 1)
    await expect_kept(store, attrs.evolve(unit, rooms=_room(2)))


CHECKS: tuple[Check, ...] = (
    a_room_is_not_overfilled,
    a_room_is_only_for_whom_it_names,
    all_entries_of_a_unit_count,
    what_is_replaced_does_not_count_twice,
    what_leaves_makes_room,
    those_that_are_leased_do_not_wait,
    those_that_are_not_due_wait,
    what_is_handed_back_waits,
    what_stays_leased_takes_no_room,
    what_is_over_waits,
    an_owners_entries_need_room,
)
