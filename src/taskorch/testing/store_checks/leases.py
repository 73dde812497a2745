"""Leases: who gets them, what they are good for, and how they end."""

from math import inf, nan

from taskorch.core.receipts import Claimed, Refusal, Refused
from taskorch.core.unit import Unit
from taskorch.errors import StoreError, StoreUnavailable
from taskorch.protocols.store import Store
from taskorch.testing.entries import LANE, LONG, enqueue, entry, expect_claims, expect_entry, message, placing, telling
from taskorch.testing.store_checks.check import Check
from taskorch.testing.units import (
    clients,
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


async def nothing_unknown_is_leased(store: Store) -> None:
    """Lease is Refused(UNKNOWN) without such a record, with force as well."""
    expect(await store.lease("me", "none"), Refused(Refusal.UNKNOWN, id="none"))
    expect(await store.lease("me", "none", LONG, force=True), Refused(Refusal.UNKNOWN, id="none"))


async def a_lease_is_read_back(store: Store) -> None:
    """A record shows the epoch of its last lease and who holds it; so does the record that comes with it."""
    await expect_kept(store, inserting())
    given = await store.lease("me", "r", LONG)
    [record] = await store.read(["r"])
    expect(given, Claimed(epoch=1, record=record, losses=0) if record else None)
    await expect_record(store, 0, "{}", 1, "me")
    await expect_kept(store, owners(1, put=update(0)))
    await expect_record(store, 1, "[]", 1, "me")


async def a_lease_is_not_shared(store: Store) -> None:
    """Lease is Refused(BUSY), naming the holder, while a lease lives, the claimant's own included."""
    await hold(store)
    expect(await store.lease("you", "r"), Refused(Refusal.BUSY, by="me", id="r"))
    expect(await store.lease("me", "r", LONG), Refused(Refusal.BUSY, by="me", id="r"))
    await expect_record(store, 0, "{}", 1, "me")
    await expect_kept(store, owners(1))


async def a_released_lease_gives_the_next_epoch(store: Store) -> None:
    """A unit may release its lease; who comes next gets an epoch one above the last, and numbers from 1."""
    await hold(store)
    await expect_kept(store, owners(1, release=True))
    await expect_steps(store, [0, 1])
    await expect_record(store, 0, "{}", 1)
    await expect_claimed(store, 2, "you")
    await expect_kept(store, owners(1, 2))


async def only_the_current_lease_writes(store: Store) -> None:
    """Rule 2: an owner's unit whose epoch is not that of the current lease of its run is STALE_LEASE."""
    await expect_refused(store, owners(1, run="none"), Refusal.STALE_LEASE, "none")
    await expect_kept(store, inserting())
    await expect_refused(store, owners(1), Refusal.STALE_LEASE, "r")
    await expect_claimed(store)
    await expect_refused(store, owners(1, 2), Refusal.STALE_LEASE, "r")
    await expect_kept(store, owners(1, release=True))
    await expect_refused(store, owners(2), Refusal.STALE_LEASE, "r")
    await expect_claimed(store, 2)
    await expect_refused(store, owners(2), Refusal.STALE_LEASE, "r")
    await expect_steps(store, [0, 1])


async def a_lease_lives_as_long_as_its_owner(store: Store) -> None:
    """A lease with the time None lives as long as its owner does; one with a time, as long as that."""
    for id, ttl in (("r", None), ("s", LONG)):
        await expect_kept(store, inserting(id))
        await expect_claimed(store, id=id, ttl=ttl)
        expect(await store.lease("you", id), Refused(Refusal.BUSY, by="me", id=id))


# --- force -------------------------------------------------------------------------------------------------


async def force_takes_a_lease_over(store: Store) -> None:
    """With force a living lease is taken over all the same: whoever held it writes no longer."""
    await hold(store)
    given = await expect_claimed(store, 2, "you", ttl=LONG, force=True)
    expect(given.record.owner, "you", "the owner")
    await expect_record(store, 0, "{}", 2, "you")
    await expect_refused(store, owners(1), Refusal.STALE_LEASE, "r")
    await expect_kept(store, owners(1, 2))
    await expect_claimed(store, 3, "you", force=True)
    await expect_refused(store, owners(2, 2), Refusal.STALE_LEASE, "r")
    await expect_steps(store, [0, 1])


async def force_is_for_free_records_too(store: Store) -> None:
    """With force a record without a lease is leased as without."""
    await expect_kept(store, inserting())
    await expect_claimed(store, 1, force=True)
    expect(await store.lease("you", "r"), Refused(Refusal.BUSY, by="me", id="r"))


# --- when the time is over ---------------------------------------------------------------------------------


async def a_lease_that_is_over_holds_nobody_off(store: Store) -> None:
    """A lease lives until its time is over: then nobody is shown as the owner, and others get the next one."""
    await expect_kept(store, inserting())
    given = await expect_claimed(store, ttl=0)
    expect(given.epoch, 1)
    await expect_record(store, 0, "{}", 1)
    await expect_claimed(store, 2, "you", ttl=0)
    await expect_claimed(store, 3, "me", ttl=LONG)
    await expect_record(store, 0, "{}", 3, "me")


async def what_is_over_still_writes(store: Store) -> None:
    """One whose time is over may still record what it has, as long as nobody has taken over."""
    await expect_kept(store, inserting())
    await expect_claimed(store, ttl=0)
    own = Unit(run="r", epoch=1, number=2, entries=(entry(),), gone=("r",), messages=(message("m"),))
    await expect_kept(store, owners(1, put=update(0)))
    await expect_kept(store, own)
    await expect_record(store, 1, "[]", 1, None, entry=entry())
    await expect_claimed(store, 2, "you")
    await expect_refused(store, owners(3), Refusal.STALE_LEASE, "r")
    await expect_steps(store, [0, 1])


async def writing_does_not_revive(store: Store) -> None:
    """A lease whose time is over never lives again, although its owner may still write."""
    await expect_kept(store, inserting())
    await expect_claimed(store, ttl=0)
    await expect_kept(store, owners(1))
    await expect_record(store, 0, "{}", 1)
    await expect_kept(store, clients(update(0)))
    await expect_claimed(store, 2, "you")


async def what_is_over_may_be_released(store: Store) -> None:
    """A lease whose time is over is current until it is released; afterwards it is not."""
    await expect_kept(store, inserting())
    await expect_claimed(store, ttl=0)
    await expect_kept(store, owners(1, release=True))
    await expect_refused(store, owners(2), Refusal.STALE_LEASE, "r")
    await expect_claimed(store, 2, "you")


async def a_clients_write_ends_what_is_over(store: Store) -> None:
    """Rule 9: a client's write to a record whose lease lives no longer ends that lease: its owner is stale."""
    for id in ("put", "entry", "gone"):
        await enqueue(store, entry(id))
        await expect_claimed(store, id=id, ttl=0)
    await expect_kept(store, clients(update(0, id="put")))
    await expect_kept(store, placing(entry("entry", rank="1")))
    await expect_kept(store, placing(gone=("gone",)))
    for id in ("put", "entry", "gone"):
        await expect_refused(store, owners(1, run=id), Refusal.STALE_LEASE, id)
        await expect_claimed(store, 2, id=id)


async def a_message_ends_no_lease(store: Store) -> None:
    """Rule 9: a message is no write to the record: one whose time is over may still record what it has."""
    await expect_kept(store, inserting())
    await expect_claimed(store, ttl=0)
    await expect_kept(store, telling(message("m")))
    await expect_kept(store, owners(1))


async def a_refused_write_ends_no_lease(store: Store) -> None:
    """A client's write that is refused, or repeated, changes nothing: no lease is ended by it."""
    await expect_kept(store, inserting())
    await expect_claimed(store, ttl=0)
    await expect_refused(store, clients(update(7)), Refusal.VERSION_CONFLICT)
    await store.apply([inserting()])
    await expect_kept(store, owners(1))


async def a_client_releases_nothing(store: Store) -> None:
    """A client's unit holds no lease, so what it says about the lease has no effect."""
    await enqueue(store, entry())
    await expect_claims(store, ["r"])
    await expect_kept(store, Unit(run="r", epoch=0, number=0, lease=owners(1, release=True).lease))
    await expect_record(store, 0, "{}", 1, "me", entry=entry())
    await expect_entry(store, entry())


async def a_time_to_live_is_a_number(store: Store) -> None:
    """Claim, lease and renew raise StoreError for a time to live that is no number or has no end, and give nothing."""
    await enqueue(store, entry())
    for ttl in (nan, inf, -inf):
        for verb in (
            lambda ttl=ttl: store.claim("me", [LANE], {}, ttl, 1),
            lambda ttl=ttl: store.lease("me", "r", ttl),
            lambda ttl=ttl: store.renew([("r", 1)], ttl),
        ):
            try:
                answer = await verb()
            except StoreUnavailable as error:
                raise AssertionError(f"{ttl} seconds: {error!r}, as if another try could help") from error
            except StoreError:
                continue
            raise AssertionError(f"{ttl} seconds: {answer!r} instead of a StoreError")
    await expect_record(store, 0, "{}", entry=entry())


# --- losses ------------------------------------------------------------------------------------------------


async def losses_are_counted(store: Store) -> None:
    """A lease tells how many in a row were lost before, their owners gone without a single unit kept."""
    await enqueue(store, entry())
    for losses in range(3):
        [given] = await expect_claims(store, ["r"], ttl=0)
        expect(given.losses, losses, "the losses")
    given = await expect_claimed(store, 4, ttl=0)
    expect(given.losses, 3, "the losses")


async def a_kept_unit_is_no_loss(store: Store) -> None:
    """A lease that was lost after a unit was kept, or was released, ends the row of losses."""
    await expect_kept(store, inserting())
    await expect_claimed(store, ttl=0)
    given = await expect_claimed(store, 2, ttl=0)
    expect(given.losses, 1, "the losses")
    await expect_kept(store, owners(1, 2))
    given = await expect_claimed(store, 3, ttl=0)
    expect(given.losses, 0, "the losses after a unit was kept")
    given = await expect_claimed(store, 4)
    expect(given.losses, 1, "the losses")
    await expect_kept(store, Unit(run="r", epoch=4, number=1, lease=owners(1, release=True).lease))
    given = await expect_claimed(store, 5)
    expect(given.losses, 0, "the losses after a release")


CHECKS: tuple[Check, ...] = (
    nothing_unknown_is_leased,
    a_lease_is_read_back,
    a_lease_is_not_shared,
    a_released_lease_gives_the_next_epoch,
    only_the_current_lease_writes,
    a_lease_lives_as_long_as_its_owner,
    force_takes_a_lease_over,
    force_is_for_free_records_too,
    a_lease_that_is_over_holds_nobody_off,
    what_is_over_still_writes,
    writing_does_not_revive,
    what_is_over_may_be_released,
    a_clients_write_ends_what_is_over,
    a_message_ends_no_lease,
    a_refused_write_ends_no_lease,
    a_client_releases_nothing,
    a_time_to_live_is_a_number,
    losses_are_counted,
    a_kept_unit_is_no_loss,
)
