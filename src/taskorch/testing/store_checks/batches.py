"""Units and batches: all of a unit or nothing, in order."""

import attrs

from taskorch.core.receipts import Done, Refusal, Refused, Repeated
from taskorch.core.unit import LeaseAction, Put, Room, Unit
from taskorch.protocols.store import Store
from taskorch.testing.entries import (
    ending,
    enqueue,
    enqueueing,
    entry,
    expect_claims,
    expect_entry,
    expect_unread,
    message,
    placing,
    telling,
)
from taskorch.testing.store_checks.check import Check
from taskorch.testing.units import (
    expect,
    expect_claimed,
    expect_kept,
    expect_record,
    expect_refused,
    expect_steps,
    hold,
    inserting,
    owners,
    update,
)


async def a_unit_is_all_or_nothing(store: Store) -> None:
    """A refused unit writes no record and no fact, releases no lease, and its number is not remembered."""
    await hold(store)
    await expect_refused(store, owners(1, put=update(7), release=True), Refusal.VERSION_CONFLICT)
    await expect_record(store, 0, "{}", 1, "me")
    await expect_steps(store, [0])
    await expect_kept(store, owners(1, put=update(0)))


async def a_refused_unit_leaves_nothing(store: Store) -> None:
    """A refused unit places and takes away no entry, sends no message, and consumes none."""
    await enqueue(store, entry())
    await expect_kept(store, inserting("s"))
    await expect_kept(store, telling(message("m")))
    await expect_claims(store, ["r"])
    unit = Unit(
        run="r",
        epoch=1,
        number=1,
        puts=(update(0), Put(id="new", body="{}", version=0, expected=None)),
        entries=(entry("s"), entry("none")),
        gone=("r",),
        messages=(message("n", "s"),),
        consumed=("m",),
        lease=LeaseAction.RELEASE,
    )
    await expect_refused(store, unit, Refusal.UNKNOWN, "none")
    await expect_record(store, 0, "{}", 1, "me", entry=entry())
    await expect_entry(store, None, "s")
    expect(await store.read(["new"]), [None])
    await expect_unread(store, ["m"])
    await expect_unread(store, [], "s")
    await expect_kept(store, attrs.evolve(unit, entries=(entry("s"),)))
    expect([record and record.id for record in await store.read(["new"])], ["new"])
    await expect_entry(store, entry("s"), "s")
    await expect_unread(store, ["n"], "s")
    await expect_unread(store, [])


async def a_batch_is_in_order(store: Store) -> None:
    """Every unit of a batch sees the effects of those before it, and a refusal does not sink the others."""
    await hold(store)
    wanted: list[tuple[Unit, object]] = [
        (owners(1, put=update(0)), Done),
        (owners(2, put=update(0)), Refusal.VERSION_CONFLICT),
        (owners(2, put=update(1)), Done),
        (owners(2, put=update(1)), Repeated),
        (inserting("other"), Done),
        (inserting("other"), Repeated),
        (inserting("other", "[]"), Refusal.EXISTS),
        (owners(3, release=True), Done),
        (owners(4), Refusal.STALE_LEASE),
        (owners(3), Repeated),
    ]
    await _expect_batch(store, wanted)
    await expect_steps(store, [0, 1, 2, 3])
    await expect_record(store, 2, "[]", 1)
    expect(await store.apply([]), [])


async def a_batch_sees_leases_that_it_ends(store: Store) -> None:
    """A record that a batch releases may be written by the units behind, and not by those before."""
    await enqueue(store, entry())
    await expect_claims(store, ["r"])
    client = Unit(run="r", epoch=0, number=0, puts=(update(0),))
    wanted: list[tuple[Unit, object]] = [
        (client, Refusal.BUSY),
        (placing(entry(rank="1")), Refusal.BUSY),
        (ending(1), Done),
        (client, Done),
        (client, Repeated),
        (placing(entry(rank="2")), Done),
    ]
    await _expect_batch(store, wanted)
    await expect_record(store, 1, "[]", 1, None, entry=entry(rank="2"))


async def a_batch_sees_messages_that_it_sends(store: Store) -> None:
    """Messages of a batch are known to the units behind: they may be consumed, and are not sent twice."""
    await hold(store)
    wanted: list[tuple[Unit, object]] = [
        (telling(message("m"), message("n")), Done),
        (telling(message("m"), message("n")), Repeated),
        (telling(message("n", body="[]")), Refusal.EXISTS),
        (Unit(run="r", epoch=1, number=1, consumed=("m",)), Done),
        (telling(message("m")), Repeated),
        (telling(message("o", "s")), Refusal.UNKNOWN),
        (inserting("s"), Done),
        (telling(message("o", "s")), Done),
    ]
    await _expect_batch(store, wanted)
    await expect_unread(store, ["n"])
    await expect_unread(store, ["o"], "s")


async def a_batch_fills_rooms(store: Store) -> None:
    """The room that one unit of a batch takes is taken for those behind, and what it frees is free."""
    room = (Room("q", 2),)
    for id in ("x", "y"):
        await expect_kept(store, inserting(id))
    units = [
        enqueueing(entry("a"), rooms=room),
        enqueueing(entry("b"), rooms=room),
        enqueueing(entry("c"), rooms=room),
        placing(gone=("a",)),
        enqueueing(entry("d"), rooms=room),
        placing(entry("x", queue="p"), entry("y"), rooms=room),
        placing(entry("d", queue="p")),
        placing(entry("y"), rooms=room),
    ]
    full = Refused(Refusal.NO_ROOM, id="q", load=2)
    receipts = await store.apply(units)
    expect([receipt if isinstance(receipt, Refused) else Done for receipt in receipts],
           [Done, Done, full, Done, Done, full, Done, Done])  # fmt: skip
    await expect_claims(store, ["b", "y"])


async def a_batch_hands_back_into_rooms(store: Store) -> None:
    """A lease that one unit of a batch releases makes its entry wait for the rooms of those behind."""
    await enqueue(store, entry())
    await expect_claims(store, ["r"])
    room = (Room("q", 1),)
    receipts = await store.apply([ending(1), enqueueing(entry("s"), rooms=room), placing(gone=("r",))])
    full = Refused(Refusal.NO_ROOM, id="q", load=1)
    expect([receipt if isinstance(receipt, Refused) else Done for receipt in receipts], [Done, full, Done])
    await expect_kept(store, enqueueing(entry("s"), rooms=room))


async def a_batch_may_go_through_lives(store: Store) -> None:
    """A record may be inserted, told, placed and updated within one batch."""
    wanted: list[tuple[Unit, object]] = [
        (inserting(), Done),
        (telling(message("m")), Done),
        (placing(entry(due=None, wakes=True)), Done),
        (Unit(run="r", epoch=0, number=0, puts=(update(0),)), Done),
        (Unit(run="r", epoch=0, number=0, puts=(update(0, '"other"'),)), Refusal.VERSION_CONFLICT),
        (Unit(run="r", epoch=0, number=0, puts=(update(1, '"other"'),)), Done),
    ]
    await _expect_batch(store, wanted)
    await expect_record(store, 2, '"other"', 0, None, entry=entry(due=None, wakes=True))
    await expect_claims(store, ["r"])


async def refusals_do_not_delay_a_lease(store: Store) -> None:
    """What a batch refuses to one run says nothing about another run in it."""
    await hold(store)
    await hold(store, "s")
    await expect_claimed(store, 2, "you", id="s", force=True)
    wanted: list[tuple[Unit, object]] = [
        (owners(1, run="s"), Refusal.STALE_LEASE),
        (owners(1), Done),
        (owners(1, 2, run="s"), Done),
        (owners(2, run="s"), Refusal.STALE_LEASE),
        (owners(2), Done),
    ]
    await _expect_batch(store, wanted)
    await expect_steps(store, [0, 1, 2])
    await expect_steps(store, [0, 1], "s")


async def _expect_batch(store: Store, wanted: list[tuple[Unit, object]]) -> None:
    """Apply units at once and expect the kinds of their receipts."""
    receipts = await store.apply([unit for unit, _ in wanted])
    kinds = [receipt.why if isinstance(receipt, Refused) else type(receipt) for receipt in receipts]
    expect(kinds, [kind for _, kind in wanted], "the receipts")


CHECKS: tuple[Check, ...] = (
    a_unit_is_all_or_nothing,
    a_refused_unit_leaves_nothing,
    a_batch_is_in_order,
    a_batch_sees_leases_that_it_ends,
    a_batch_sees_messages_that_it_sends,
    a_batch_fills_rooms,
    a_batch_hands_back_into_rooms,
    a_batch_may_go_through_lives,
    refusals_do_not_delay_a_lease,
)
