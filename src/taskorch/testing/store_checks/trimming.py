"""What is forgotten when it is old."""

import attrs

from taskorch.core.receipts import Done, Refusal, Refused
from taskorch.core.selection import Filter
from taskorch.core.unit import Put, Room, Unit
from taskorch.protocols.store import Store
from taskorch.testing.entries import LANE, enqueue, enqueueing, entry, expect_claims, message, telling
from taskorch.testing.store_checks.check import Check
from taskorch.testing.units import (
    expect,
    expect_claimed,
    expect_kept,
    expect_lease,
    expect_refused,
    expect_steps,
    inserting,
    owners,
)


def _finished(id: str, at: int | None) -> Unit:
    """A client's unit that inserts a record that has finished then, with one fact of step 0."""
    put = Put(id=id, body="{}", version=0, expected=None, finished_at=at)
    return Unit(run=id, epoch=0, number=0, puts=(put,), facts=inserting().facts)


async def _expect_left(store: Store, wanted: list[str]) -> None:
    expect([record.id for record in await store.find(Filter())], wanted, "what is left")


async def only_what_finished_before_is_forgotten(store: Store) -> None:
    """Trim forgets the records that finished before the instant: not at it, not later, and none that may go on."""
    for id, at in (("a", 10), ("b", 20), ("c", 21), ("d", None), ("e", -5)):
        await expect_kept(store, _finished(id, at))
    expect(await store.trim(20), 2, "the number forgotten")
    await _expect_left(store, ["b", "c", "d"])
    expect(await store.trim(20), 0, "the number forgotten")
    expect(await store.trim(2**60), 2, "the number forgotten")
    await _expect_left(store, ["d"])


async def the_last_put_says_whether_it_finished(store: Store) -> None:
    """A record has finished if its last put says so."""
    await expect_kept(store, _finished("a", 10))
    await expect_kept(store, _finished("b", None))
    for id, at in (("a", None), ("b", 10)):
        put = Put(id=id, body="{}", version=1, expected=0, finished_at=at)
        await expect_kept(store, Unit(run=id, epoch=0, number=0, puts=(put,)))
    expect(await store.trim(20), 1, "the number forgotten")
    await _expect_left(store, ["a"])


async def at_most_n_are_forgotten(store: Store) -> None:
    """Trim forgets at most n and says how many; fewer than n means that there are no more."""
    for index in range(5):
        await expect_kept(store, _finished(f"r{index}", 10))
    expect([await store.trim(20, n) for n in (0, 2, 2, 2)], [0, 2, 2, 1], "the numbers forgotten")
    await _expect_left(store, [])


async def what_is_leased_is_not_forgotten(store: Store) -> None:
    """Trim leaves records on which a lease lives; it is no hindrance once it is over or released."""
    for id in ("a", "b", "c"):
        await expect_kept(store, _finished(id, 10))
    await expect_claimed(store, id="a")
    await expect_claimed(store, id="b", ttl=0)
    expect(await store.trim(20), 2, "the number forgotten")
    await _expect_left(store, ["a"])
    await expect_kept(store, owners(1, run="a", release=True))
    expect(await store.trim(20), 1, "the number forgotten")


async def all_of_it_goes(store: Store) -> None:
    """Journals, messages and entries of what is forgotten go too; those of others stay."""
    for id in ("r", "s"):
        await expect_kept(store, attrs.evolve(_finished(id, 10 if id == "r" else None), entries=(entry(id),)))
        await expect_kept(store, telling(message(f"m{id}", id)))
    expect(await store.trim(20), 1, "the number forgotten")
    expect(await store.read(["r"]), [None])
    expect(await store.journal("r"), [])
    expect(await store.messages("r"), [])
    await expect_steps(store, [0], "s")
    expect([found.id for found in await store.messages("s")], ["ms"])
    expect([found.run for found in (await store.events()).entries], ["s"])
    await expect_claims(store, ["s"])
    expect(await store.next_due([LANE]) is None, False, "whether the lease of the other is forgotten")


async def an_id_may_come_again(store: Store) -> None:
    """Of what was forgotten nothing is known: its id and the ids of its messages may come again; its epochs do not."""
    await expect_kept(store, attrs.evolve(_finished("r", 10), entries=(entry(due=None, wakes=True),)))
    await expect_kept(store, telling(message("m")))
    for epoch in (1, 2):
        await expect_claims(store, ["r"], ttl=0)
        await expect_kept(store, owners(1, epoch))
    expect(await store.trim(20), 1, "the number forgotten")
    again = attrs.evolve(inserting(body="[]"), puts=enqueueing(entry()).puts)
    kept, late = await store.apply([again, owners(5, 1)])
    expect(isinstance(kept, Done), True, f"whether {kept!r} is Done")
    expect(late, Refused(Refusal.STALE_LEASE, id="r"), "the receipt of an owner of old in the same batch")
    expect([record and (record.version, record.body) for record in await store.read(["r"])], [(0, "{}")])
    await expect_steps(store, [0])
    await expect_claims(store, [])
    expect(await store.messages("r"), [])
    await expect_kept(store, telling(message("m", body="[]")))
    given = await expect_lease(store)
    expect(given.epoch > 2, True, f"whether epoch {given.epoch} is above those of the record that was forgotten")
    expect(given.losses, 0, "the losses")
    for number, epoch in ((1, 1), (5, 2)):
        await expect_refused(store, owners(number, epoch), Refusal.STALE_LEASE, "r")
    await expect_claimed(store, given.epoch + 1, force=True)
    await expect_refused(store, owners(1, given.epoch), Refusal.STALE_LEASE, "r")
    await expect_kept(store, owners(1, given.epoch + 1))


async def what_is_forgotten_makes_room(store: Store) -> None:
    """An entry of what is forgotten waits nowhere: it is neither given nor counted."""
    await expect_kept(store, attrs.evolve(_finished("a", 10), entries=(entry("a"),)))
    await enqueue(store, entry("b"))
    expect(await store.trim(20), 1, "the number forgotten")
    await expect_kept(store, enqueueing(entry("c"), rooms=(Room("q", 2),)))
    await expect_claims(store, ["b", "c"])


async def readers_go_on_after_a_trim(store: Store) -> None:
    """A reader of events goes on from its cursor after a trim: what is kept later comes later."""
    for id in ("a", "b"):
        await expect_kept(store, _finished(id, 10))
    page = await store.events()
    await store.trim(20)
    expect((await store.events(page.cursor)).entries, ())
    await expect_kept(store, inserting("c"))
    expect([found.run for found in (await store.events(page.cursor)).entries], ["c"])


CHECKS: tuple[Check, ...] = (
    only_what_finished_before_is_forgotten,
    the_last_put_says_whether_it_finished,
    at_most_n_are_forgotten,
    what_is_leased_is_not_forgotten,
    all_of_it_goes,
    an_id_may_come_again,
    what_is_forgotten_makes_room,
    readers_go_on_after_a_trim,
)
