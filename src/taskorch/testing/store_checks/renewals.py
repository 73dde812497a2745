"""Renewals, and leases whose time passes by the clock."""

import anyio

from taskorch.core.receipts import Refusal, Refused, Renewed
from taskorch.core.unit import Unit
from taskorch.protocols.store import Store
from taskorch.testing.entries import LONG, claim, enqueue, entry, expect_claims, expect_unread, message, telling
from taskorch.testing.store_checks.check import Check
from taskorch.testing.units import expect, expect_claimed, expect_kept, expect_record, hold, inserting, owners

_PATIENCE = (0.1, 1.0, 10.0)
"""Times that a lease may be given, in seconds: the next one is tried where the store was too slow for the last."""
LATE = 5.0
"""How many seconds behind its end a lease may be found to be over."""


async def a_living_lease_is_renewed(store: Store) -> None:
    """Renew lets living leases live on, each answered in its place, and changes nothing else."""
    for id in ("a", "b", "c"):
        await expect_kept(store, inserting(id))
    await expect_claimed(store, id="a", ttl=LONG)
    await expect_claimed(store, id="c", ttl=LONG)
    stale = [Refused(Refusal.STALE_LEASE, id=id) for id in ("b", "none")]
    answers = await store.renew([("c", 1), ("b", 1), ("none", 1), ("a", 1)], LONG)
    expect(answers, [Renewed(has_mail=False), *stale, Renewed(has_mail=False)])
    expect(await store.renew([], LONG), [])
    await expect_kept(store, owners(1, run="a"))


async def a_renewal_tells_of_mail(store: Store) -> None:
    """Renewed tells whether there are unread messages to the run."""
    await hold(store)
    expect(await store.renew([("r", 1)], LONG), [Renewed(has_mail=False)])
    await expect_kept(store, telling(message("m")))
    expect(await store.renew([("r", 1)], LONG), [Renewed(has_mail=True)])
    await expect_unread(store, ["m"])
    await expect_kept(store, Unit(run="r", epoch=1, number=1, consumed=("m",)))
    expect(await store.renew([("r", 1)], LONG), [Renewed(has_mail=False)])


async def another_epoch_is_not_renewed(store: Store) -> None:
    """Renew is STALE_LEASE for an epoch that is not that of the lease that lives, and for a released one."""
    stale = [Refused(Refusal.STALE_LEASE, id="r")]
    await hold(store)
    expect(await store.renew([("r", 2)], LONG), stale)
    await expect_claimed(store, 2, "you", force=True)
    expect(await store.renew([("r", 1)], LONG), stale)
    expect(await store.renew([("r", 2)], LONG), [Renewed(has_mail=False)])
    await expect_kept(store, owners(1, 2, release=True))
    expect(await store.renew([("r", 2)], LONG), stale)
    await expect_record(store, 0, "{}", 2)


async def what_is_over_is_not_revived(store: Store) -> None:
    """Renew is STALE_LEASE for a lease whose time is over, though nobody has taken over."""
    await expect_kept(store, inserting())
    await expect_claimed(store, ttl=0)
    expect(await store.renew([("r", 1)], LONG), [Refused(Refusal.STALE_LEASE, id="r")])
    await expect_record(store, 0, "{}", 1)
    await expect_kept(store, owners(1))


async def a_renewed_lease_lives_longer(store: Store) -> None:
    """A lease that is renewed lives when its first time is over."""
    for index, ttl in enumerate(_PATIENCE):
        await expect_kept(store, inserting(id := f"r{index}"))
        await expect_claimed(store, id=id, ttl=ttl)
        if (await store.renew([(id, 1)], LONG)) == [Renewed(has_mail=False)]:
            await anyio.sleep(ttl * 1.5)
            expect(await store.lease("you", id), Refused(Refusal.BUSY, by="me", id=id))
            return
    raise AssertionError("no lease was renewed in time")


async def a_lease_may_be_renewed_for_less(store: Store) -> None:
    """Renew counts from now: a lease that had more time left has only this much."""
    await enqueue(store, entry())
    await expect_claims(store, ["r"], ttl=LONG)
    await store.renew([("r", 1)], 0.05)
    await _until_claimed(store, 2, 0.05)


async def a_lease_ends_by_the_clock(store: Store) -> None:
    """Once the time of a lease is over, its entry is due again, with an epoch one above the last."""
    for index, ttl in enumerate(_PATIENCE):
        await enqueue(store, entry(f"r{index}"))
        [given] = await claim(store, ttl=ttl)
        if not await claim(store):
            await _until_claimed(store, 2, ttl)
            expect(await store.renew([(given.record.id, 1)], LONG), [Refused(Refusal.STALE_LEASE, id=given.record.id)])
            return
    raise AssertionError("no lease lived when it was looked for at once")


async def _until_claimed(store: Store, epoch: int, seconds: float) -> None:
    """Claim until the entry is due again, for somewhat longer than the lease is to live."""
    for _ in range(int((seconds + LATE) / 0.05)):
        if given := await claim(store, owner="you"):
            expect([claimed.epoch for claimed in given], [epoch], "the epochs")
            return
        await anyio.sleep(0.05)
    raise AssertionError("the time of the lease was over long ago")


CHECKS: tuple[Check, ...] = (
    a_living_lease_is_renewed,
    a_renewal_tells_of_mail,
    another_epoch_is_not_renewed,
    what_is_over_is_not_revived,
    a_renewed_lease_lives_longer,
    a_lease_may_be_renewed_for_less,
    a_lease_ends_by_the_clock,
)
