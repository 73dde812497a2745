"""Claims: which entries are given, in which order, and what becomes of them."""

import anyio
import attrs

from taskorch.core.receipts import Claimed, Refusal, Refused
from taskorch.core.selection import Lane
from taskorch.core.unit import Put, Unit
from taskorch.protocols.store import Store
from taskorch.testing.entries import (
    LANE,
    LONG,
    NEVER,
    claim,
    ending,
    enqueue,
    entry,
    expect_claims,
    placing,
    store_time,
)
from taskorch.testing.store_checks.check import Check
from taskorch.testing.units import (
    expect,
    expect_claimed,
    expect_kept,
    expect_record,
    expect_refused,
    inserting,
    owners,
)

_TEXTS = ("", "\t", " b", "!", "-a", "0", "10", "2", "A", "Z", "a", "a-b", "ab", "b", "\u00e9", "\uff5e", "\U0001f9ea")
"""Texts in the order of their code points: that of no dictionary, and not that of UTF-16 either."""


async def a_claim_gives_a_lease(store: Store) -> None:
    """Claim gives the owner the lease of a record whose entry is due: the record as it stands now, epoch and all."""
    await enqueue(store, entry())
    given = await claim(store)
    [record] = await store.read(["r"])
    expect(given, [Claimed(epoch=1, record=record, losses=0)] if record else [])
    await expect_record(store, 0, "{}", 1, "me", entry=entry())
    await expect_kept(store, owners(1))
    expect(await store.lease("you", "r"), Refused(Refusal.BUSY, by="me", id="r"))


async def the_lowest_rank_comes_first(store: Store) -> None:
    """The lowest rank of all the queues of a lane comes first, of equal ranks the lowest id."""
    await enqueue(
        store,
        entry("e", rank="2"),
        entry("b", rank="1", queue="p"),
        entry("a", rank="3"),
        entry("d", rank="1"),
        entry("f", rank="0", queue="o"),
        entry("c", rank="2", queue="p"),
    )
    await expect_claims(store, ["b", "d", "c", "e", "a"], Lane(("q", "p")))


async def ranks_are_ordered_by_code_points(store: Store) -> None:
    """Ranks are ordered by code points, whatever the language of the database is."""
    texts = _TEXTS[::2] + _TEXTS[1::2]
    await enqueue(store, *(entry(f"r{_TEXTS.index(text):02}", rank=text) for text in texts))
    await expect_claims(store, [f"r{index:02}" for index in range(len(_TEXTS))])


async def ids_are_ordered_by_code_points(store: Store) -> None:
    """Of equal ranks the lowest id comes first, by code points."""
    ids = [f"{text}." for text in _TEXTS]
    await enqueue(store, *(entry(id) for id in ids[::2] + ids[1::2]))
    await expect_claims(store, sorted(ids))


async def at_most_n_are_given(store: Store) -> None:
    """At most n are given, the first ones; the others come next time."""
    await enqueue(store, *(entry(f"r{index}") for index in range(5)))
    await expect_claims(store, [], n=0)
    await expect_claims(store, ["r0", "r1"], n=2)
    await expect_claims(store, ["r2", "r3", "r4"], n=10)
    await expect_claims(store, [])


async def lanes_are_gone_through_in_order(store: Store) -> None:
    """The lanes are gone through in the order given, whatever the ranks are; n counts over all of them."""
    await enqueue(store, entry("a", rank="9"), entry("b", rank="1", queue="p"), entry("c", rank="0", queue="p"))
    await expect_claims(store, ["a", "c"], LANE, Lane(("p",)), n=2)
    await expect_claims(store, ["b"], LANE, Lane(("p",)), n=2)


async def a_quota_bounds_a_lane(store: Store) -> None:
    """From each lane come at most as many as its quota."""
    await enqueue(store, *(entry(f"r{index}") for index in range(4)))
    await enqueue(store, *(entry(f"s{index}", queue="p") for index in range(4)))
    await expect_claims(store, ["r0", "s0", "s1"], Lane(("q",), 1), Lane(("p",), 2))
    await expect_claims(store, ["s2", "s3"], Lane(("q",), 0), Lane(("p",)))
    await expect_claims(store, ["r1", "r2"], Lane(("q",), 3), n=2)


async def a_queue_may_be_in_several_lanes(store: Store) -> None:
    """An entry is given once, although several lanes, or one lane twice, name its queue."""
    await enqueue(store, *(entry(f"r{index}") for index in range(4)))
    await expect_claims(store, ["r0", "r1", "r2"], Lane(("q", "q"), 1), Lane(("q",), 2))
    await expect_claims(store, ["r3"], LANE, LANE)


async def nothing_comes_of_nothing(store: Store) -> None:
    """Queues without entries, lanes without queues, and records without entries give nothing."""
    await expect_kept(store, inserting())
    await enqueue(store, entry("s", queue="p"))
    await expect_claims(store, [], Lane(("q", "none")), Lane(()))
    expect(await store.claim("me", [], {}, LONG, 10), [])
    await expect_claims(store, ["s"], Lane(("none", "p")))


async def only_what_is_due_is_given(store: Store) -> None:
    """An entry is due from its instant on; one with None never by itself."""
    await enqueue(
        store, entry("a", due=None), entry("b", due=NEVER), entry("c", due=0), entry("d", due=-1), entry("e", due=1)
    )
    await expect_claims(store, ["c", "d", "e"])
    await expect_kept(store, placing(entry("b", due=0), entry("a")))
    await expect_claims(store, ["a", "b"])


async def what_was_to_come_is_due_one_day(store: Store) -> None:
    """An entry of a later instant is not given before it, and is given from then on, if it is still what waits."""
    for index, delay in enumerate((0.1, 1.0, 10.0)):
        due = await store_time(store) + int(delay * 1e6)
        gone, moved = f"gone{index}", f"moved{index}"
        await enqueue(store, *(entry(id, due=due) for id in (f"r{index}", gone, moved)))
        await expect_kept(store, placing(entry(moved, due=NEVER), gone=(gone,), run=moved))
        if not await claim(store):
            await anyio.sleep(delay)
            while await store_time(store) < due:  # noqa: ASYNC110 - the clock is the store's
                await anyio.sleep(0.01)
            await enqueue(store, entry("z"))
            await expect_claims(store, [f"r{index}", "z"])
            return
        expect(await store_time(store) >= due, True, "whether its instant had come when the entry was given")
    raise AssertionError("no entry was to come when it was looked for at once")


async def a_lease_hides_an_entry(store: Store) -> None:
    """While a lease of its record lives an entry cannot be claimed, however the lease was got."""
    await enqueue(store, entry("a"), entry("b"))
    await expect_claimed(store, id="b")
    await expect_claims(store, ["a"], ttl=None)
    await expect_claims(store, [])
    await expect_kept(store, Unit(run="b", epoch=1, number=1, entries=(entry("b", rank="0"),)))
    await expect_claims(store, [])


async def what_is_handed_back_waits_again(store: Store) -> None:
    """A release with an entry hands the record back: it waits at its rank, as the entry is then."""
    await enqueue(store, entry("a"), entry("b", rank="1"), entry("c", rank="2"))
    await expect_claims(store, ["a", "b"], n=2)
    await expect_kept(store, ending(run="b"))
    await expect_kept(store, ending(run="a", entry=entry("a", rank="3")))
    given = await expect_claims(store, ["b", "c", "a"])
    expect([claimed.epoch for claimed in given], [2, 1, 2], "the epochs")


async def what_is_done_waits_no_more(store: Store) -> None:
    """A release that takes the entry away is done with the record: it is not given again."""
    await enqueue(store, entry())
    await expect_claims(store, ["r"])
    await expect_kept(store, ending(is_gone=True))
    await expect_claims(store, [])
    await expect_record(store, 0, "{}", 1)


async def an_entry_may_go_on_elsewhere(store: Store) -> None:
    """An owner may place its entry in another queue; a client may move one on which no lease lives."""
    await enqueue(store, entry("a"), entry("b"))
    await expect_kept(store, placing(entry("a", queue="p")))
    await expect_claims(store, ["b"])
    await expect_kept(store, ending(run="b", entry=entry("b", queue="p")))
    await expect_claims(store, [])
    await expect_claims(store, ["a", "b"], Lane(("p",)))


async def an_owner_lets_others_wait(store: Store) -> None:
    """An owner's unit may insert records and let them wait: they can be claimed at once."""
    await enqueue(store, entry())
    await expect_claims(store, ["r"])
    child = Put(id="child", body="{}", version=0, expected=None)
    await expect_kept(store, attrs.evolve(owners(1, put=child), entries=(entry("child"),)))
    await expect_claims(store, ["child"], owner="you")


async def a_lease_that_is_over_is_given_again(store: Store) -> None:
    """Once the time of a lease is over its entry can be claimed, with the next epoch: the old owner is stale."""
    await enqueue(store, entry())
    for epoch in (1, 2):
        [given] = await expect_claims(store, ["r"], ttl=0)
        expect(given.epoch, epoch, "the epoch")
    await expect_claims(store, ["r"], owner="you")
    await expect_refused(store, owners(1, 2), Refusal.STALE_LEASE)
    await expect_record(store, 0, "{}", 3, "you", entry=entry())


async def what_was_claimed_may_be_claimed_by_id(store: Store) -> None:
    """Epochs go on whether a lease was got by claim or by lease."""
    await enqueue(store, entry())
    await expect_claims(store, ["r"], ttl=0)
    await expect_claimed(store, 2, ttl=0)
    [given] = await expect_claims(store, ["r"])
    expect(given.epoch, 3, "the epoch")
    await expect_claimed(store, 4, "you", force=True)
    await expect_claims(store, [])


CHECKS: tuple[Check, ...] = (
    a_claim_gives_a_lease,
    the_lowest_rank_comes_first,
    ranks_are_ordered_by_code_points,
    ids_are_ordered_by_code_points,
    at_most_n_are_given,
    lanes_are_gone_through_in_order,
    a_quota_bounds_a_lane,
    a_queue_may_be_in_several_lanes,
    nothing_comes_of_nothing,
    only_what_is_due_is_given,
    what_was_to_come_is_due_one_day,
    a_lease_hides_an_entry,
    what_is_handed_back_waits_again,
    what_is_done_waits_no_more,
    an_entry_may_go_on_elsewhere,
    an_owner_lets_others_wait,
    a_lease_that_is_over_is_given_again,
    what_was_claimed_may_be_claimed_by_id,
)
