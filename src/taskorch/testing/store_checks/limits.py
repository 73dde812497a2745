"""Limits: how many leases may live at once by tag."""

from taskorch.core.selection import Lane
from taskorch.protocols.store import Store
from taskorch.testing.entries import LANE, claim, ending, enqueue, entry, expect_claims
from taskorch.testing.store_checks.check import Check
from taskorch.testing.units import expect, expect_claimed, expect_kept, owners


async def a_limit_bounds_what_is_given(store: Store) -> None:
    """Passed over while its tag has as many living leases as the limit allows, those just given included."""
    await enqueue(store, *(entry(f"r{index}", tags=("t",)) for index in range(4)))
    await expect_claims(store, ["r0", "r1"], limits={"t": 2})
    await expect_claims(store, [], limits={"t": 2})
    await expect_claims(store, ["r2"], limits={"t": 3})
    await expect_claims(store, ["r3"], limits={"other": 0})


async def what_is_passed_over_is_not_counted(store: Store) -> None:
    """Entries are passed over before n and the quota are counted: those behind them come instead."""
    await enqueue(store, *(entry(f"a{index}", rank="1", tags=("t",)) for index in range(5)))
    await enqueue(store, *(entry(f"b{index}", rank="2") for index in range(4)))
    await expect_claims(store, ["a0", "b0"], limits={"t": 1}, n=2)
    await expect_claims(store, ["b1", "b2"], Lane(("q",), 2), limits={"t": 1})
    await expect_claims(store, ["a1", "b3"], limits={"t": 2})


async def limits_keep_the_order(store: Store) -> None:
    """What is not passed over keeps its order by rank and id, whatever the tags are."""
    await enqueue(
        store,
        entry("a", rank="1", tags=("x",)),
        entry("b", rank="1", tags=("y",)),
        entry("c", rank="2", tags=("x",)),
        entry("d", rank="2"),
        entry("e", rank="3", tags=("y",)),
        entry("f", rank="3", tags=("x", "y")),
    )
    await expect_claims(store, ["a", "b", "d", "e"], limits={"x": 1, "y": 2})
    await expect_claims(store, ["c", "f"])


async def every_tag_of_an_entry_counts(store: Store) -> None:
    """An entry with several tags is passed over as long as one of them is full, and counts for each."""
    await enqueue(
        store,
        entry("a", rank="1", tags=("x", "y")),
        entry("b", rank="2", tags=("y", "z")),
        entry("c", rank="3", tags=("z",)),
        entry("d", rank="4", tags=("x",)),
    )
    limits = {"x": 1, "y": 1, "z": 2}
    await expect_claims(store, ["a", "c"], limits=limits)
    await expect_kept(store, ending(run="a", is_gone=True))
    await expect_claims(store, ["b", "d"], limits=limits)


async def a_limit_of_nothing_gives_nothing(store: Store) -> None:
    """With a limit of 0 nothing with the tag is given; a tag that is not named has no limit."""
    await enqueue(store, entry("a", tags=("t",)), entry("b", tags=("u",)), entry("c"))
    await expect_claims(store, ["b", "c"], limits={"t": 0})
    await expect_claims(store, ["a"], limits={"u": 0})


async def a_limit_is_for_all_queues(store: Store) -> None:
    """A limit counts over all queues and lanes, and whoever holds the leases."""
    await enqueue(
        store, entry("a", tags=("t",)), entry("b", queue="p", tags=("t",)), entry("c", queue="o", tags=("t",))
    )
    await expect_claims(store, ["a"], Lane(("q", "p")), Lane(("o",)), limits={"t": 1})
    await expect_claims(store, ["c"], Lane(("o",)), Lane(("q", "p")), limits={"t": 2}, owner="you")
    await expect_claims(store, [], Lane(("q", "p")), limits={"t": 2}, owner="they")


async def a_lease_by_id_counts(store: Store) -> None:
    """A lease has the tags of its entry, whether it was got by claim or by lease."""
    await enqueue(store, entry("a", tags=("t",)), entry("b", tags=("t",)))
    await expect_claimed(store, id="b")
    await expect_claims(store, [], limits={"t": 1})
    await expect_claims(store, ["a"], limits={"t": 2})


async def a_release_frees_the_slot(store: Store) -> None:
    """A lease that is released counts no longer: handed back, done with, or moved on."""
    await enqueue(store, *(entry(f"r{index}", tags=("t",)) for index in range(4)))
    await expect_claims(store, ["r0"], limits={"t": 1})
    await expect_kept(store, ending(run="r0", entry=entry("r0", rank="9", tags=("t",))))
    await expect_claims(store, ["r1"], limits={"t": 1})
    await expect_kept(store, ending(run="r1", is_gone=True))
    await expect_claims(store, ["r2"], limits={"t": 1})
    await expect_kept(store, ending(run="r2", entry=entry("r2", queue="p", tags=("t",))))
    await expect_claims(store, ["r3"], limits={"t": 1})
    await expect_kept(store, ending(run="r3", is_gone=True))
    await expect_claims(store, ["r0"], limits={"t": 1})


async def a_kept_lease_keeps_the_slot(store: Store) -> None:
    """A lease counts as long as it lives, however much its owner writes."""
    await enqueue(store, entry("a", tags=("t",)), entry("b", tags=("t",)))
    await expect_claims(store, ["a"], limits={"t": 1})
    await expect_kept(store, owners(1, run="a"))
    await expect_claims(store, [], limits={"t": 1})


async def the_end_of_a_lease_frees_the_slot(store: Store) -> None:
    """A lease whose time is over counts no longer, and its own entry may be given again."""
    await enqueue(store, entry("a", tags=("t",)), entry("b", tags=("t",)))
    for epoch in (1, 2):
        [given] = await expect_claims(store, ["a"], limits={"t": 1}, ttl=0, n=1)
        expect(given.epoch, epoch, "the epoch")
    await expect_claims(store, ["a"], limits={"t": 1})
    await expect_claims(store, [], limits={"t": 1})
    await expect_claimed(store, 4, id="a", ttl=0, force=True)
    await expect_claimed(store, id="b")
    await expect_claims(store, [], limits={"t": 1})
    await expect_claims(store, ["a"], limits={"t": 2})


async def a_takeover_counts_once(store: Store) -> None:
    """A lease that is taken over by force counts once: its record is under one lease."""
    await enqueue(store, entry("a", tags=("t",)), entry("b", tags=("t",)), entry("c", tags=("t",)))
    await expect_claims(store, ["a"], limits={"t": 1})
    await expect_claimed(store, 2, "you", id="a", force=True)
    await expect_claims(store, ["b"], limits={"t": 2})
    await expect_kept(store, ending(1, 2, run="a", is_gone=True))
    await expect_claims(store, ["c"], limits={"t": 2})


async def limits_are_those_of_the_call(store: Store) -> None:
    """A limit binds the claim that names it: the next one may name another, or none."""
    await enqueue(store, *(entry(f"r{index}", tags=("t",)) for index in range(3)))
    await expect_claims(store, ["r0"], limits={"t": 1})
    await expect_claims(store, [], LANE, limits={"t": 1, "none": 5})
    expect(len(await claim(store)), 2, "the number given without a limit")


CHECKS: tuple[Check, ...] = (
    a_limit_bounds_what_is_given,
    what_is_passed_over_is_not_counted,
    limits_keep_the_order,
    every_tag_of_an_entry_counts,
    a_limit_of_nothing_gives_nothing,
    a_limit_is_for_all_queues,
    a_lease_by_id_counts,
    a_release_frees_the_slot,
    a_kept_lease_keeps_the_slot,
    the_end_of_a_lease_frees_the_slot,
    a_takeover_counts_once,
    limits_are_those_of_the_call,
)
