"""Units that do not fit what is kept: rules 4 to 7, what a refusal says, and which of several comes first."""

import attrs

from taskorch.core.receipts import Refusal
from taskorch.core.unit import Put, Room, Unit
from taskorch.protocols.store import Store
from taskorch.testing.entries import (
    enqueue,
    enqueueing,
    entry,
    expect_claims,
    expect_entry,
    expect_no_room,
    expect_unread,
    message,
    placing,
    telling,
)
from taskorch.testing.store_checks.check import Check
from taskorch.testing.units import (
    clients,
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

_NEW = Put(id="r", body="[]", version=0, expected=None)
"""A put of what is there already."""


async def a_message_is_sent_once(store: Store) -> None:
    """Rule 4: a message whose id exists is EXISTS, to whatever run and by whomever, read or unread."""
    await hold(store)
    await expect_kept(store, inserting("s"))
    await expect_kept(store, telling(message("m")))
    for _ in range(2):
        await expect_refused(store, telling(message("m", body="[]")), Refusal.EXISTS, "m")
        await expect_refused(store, telling(message("m", "s")), Refusal.EXISTS, "m")
        unit = Unit(run="r", epoch=1, number=2, messages=(message("m"),))
        await expect_refused(store, unit, Refusal.EXISTS, "m")
        await store.apply([Unit(run="r", epoch=1, number=1, consumed=("m",))])
    await expect_unread(store, [])
    await expect_unread(store, [], "s")


async def only_the_owner_writes(store: Store) -> None:
    """Rule 5: whoever else writes to a record on which a lease lives is Refused(BUSY), told by whom."""
    await hold(store)
    await expect_refused(store, clients(update(0)), Refusal.BUSY, "r", "me")
    await expect_record(store, 0, "{}", 1, "me")
    await expect_kept(store, owners(1, release=True))
    await expect_kept(store, clients(update(0)))


async def only_the_owner_moves_an_entry(store: Store) -> None:
    """Rule 5: an entry, or an id in ``gone``, for a record on which a lease lives is BUSY."""
    await enqueue(store, entry())
    await expect_claims(store, ["r"])
    for unit in (placing(entry(rank="1")), placing(gone=("r",)), placing(gone=("r",), run="none")):
        await expect_refused(store, unit, Refusal.BUSY, "r", "me")
    await expect_entry(store, entry())
    own = Unit(run="r", epoch=1, number=1, entries=(entry(rank="1"),))
    await expect_kept(store, own)
    await expect_kept(store, Unit(run="r", epoch=1, number=2, gone=("r",)))
    await expect_entry(store, None)


async def an_owner_does_not_write_to_anothers_run(store: Store) -> None:
    """Rule 5 is for owners too: each writes to its own run, and to records on which no lease lives."""
    await hold(store)
    await expect_kept(store, inserting("s"))
    await expect_claimed(store, id="s", owner="you")
    kept = owners(1)
    for unit in (
        attrs.evolve(kept, puts=(update(0, id="s"),)),
        attrs.evolve(kept, entries=(entry("s"),)),
        attrs.evolve(kept, gone=("s",)),
    ):
        await expect_refused(store, unit, Refusal.BUSY, "s", "you")
    await expect_steps(store, [0])
    await expect_kept(store, owners(1, run="s", release=True))
    await expect_kept(store, attrs.evolve(kept, puts=(update(0, id="s"),), entries=(entry("s"),)))


async def a_message_needs_no_lease(store: Store) -> None:
    """Rule 5 is about puts and entries: a message to a run that is leased is kept."""
    await hold(store)
    await expect_kept(store, inserting("s"))
    await expect_claimed(store, id="s", owner="you")
    await expect_kept(store, telling(message("m")))
    await expect_kept(store, Unit(run="r", epoch=1, number=1, messages=(message("n", "s"),)))
    await expect_unread(store, ["m"])
    await expect_unread(store, ["n"], "s")


async def what_is_not_there_is_unknown(store: Store) -> None:
    """Rule 7: an entry, a message or facts for a record that neither is there nor put by the unit is UNKNOWN."""
    await expect_kept(store, inserting())
    await expect_refused(store, placing(entry("none")), Refusal.UNKNOWN, "none")
    await expect_refused(store, telling(message("m", "none")), Refusal.UNKNOWN, "none")
    await expect_refused(store, placing(entry(), entry("none")), Refusal.UNKNOWN, "none")
    await expect_entry(store, None)
    await expect_claimed(store)
    unit = Unit(run="r", epoch=1, number=1, messages=(message("m", "none"),))
    await expect_refused(store, unit, Refusal.UNKNOWN, "none")
    facts = owners(1, run="none").facts
    await expect_refused(store, Unit(run="none", epoch=0, number=0, facts=facts), Refusal.UNKNOWN, "none")
    other = Put(id="other", body="{}", version=0, expected=None)
    await expect_refused(store, Unit(run="none", epoch=0, number=0, puts=(other,), facts=facts), Refusal.UNKNOWN)
    await expect_steps(store, [], "none")
    await expect_kept(store, placing(gone=("none",), run="none"))


async def what_a_unit_puts_is_there(store: Store) -> None:
    """Rule 7: a unit may tell what it puts itself, and let it wait."""
    unit = attrs.evolve(enqueueing(entry()), messages=(message("m"),))
    await expect_kept(store, unit)
    await expect_entry(store, entry())
    await expect_unread(store, ["m"])
    await expect_claimed(store)
    child = Put(id="child", body="{}", version=0, expected=None)
    await expect_kept(store, attrs.evolve(owners(1, put=child), entries=(entry("child"),)))
    await expect_entry(store, entry("child"), "child")


async def consuming_what_is_not_there_is_nothing(store: Store) -> None:
    """No rule is about ``consumed``: ids that are unknown, read already, or of another run change nothing."""
    await hold(store)
    await expect_kept(store, inserting("s"))
    await expect_kept(store, telling(message("m", "s")))
    await expect_kept(store, Unit(run="r", epoch=1, number=1, consumed=("none", "m")))
    await expect_kept(store, Unit(run="none", epoch=0, number=0, consumed=("m",)))
    await expect_unread(store, ["m"], "s")


# --- which comes first -------------------------------------------------------------------------------------


async def a_stale_lease_is_told_first(store: Store) -> None:
    """Rule 2 before rules 4 to 8: a stale owner's unit is STALE_LEASE, whatever it puts, places and tells."""
    await expect_kept(store, inserting())
    await hold(store, "s")
    for unit in (
        owners(1, put=update(7)),
        owners(1, put=_NEW),
        owners(1, put=update(0, id="s")),
        attrs.evolve(owners(1), entries=(entry("none"),)),
        attrs.evolve(owners(1), entries=(entry(),), rooms=(Room("q", 0),)),
    ):
        await expect_refused(store, unit, Refusal.STALE_LEASE, "r")


async def what_exists_is_told_before_who_is_busy(store: Store) -> None:
    """Rule 4 before rule 5: what exists is EXISTS, although another record is leased."""
    await expect_kept(store, inserting())
    await expect_kept(store, telling(message("m")))
    await hold(store, "s")
    unit = Unit(run="s", epoch=0, number=0, puts=(update(0, id="s"), _NEW))
    await expect_refused(store, unit, Refusal.EXISTS, "r")
    await expect_refused(store, attrs.evolve(placing(entry("s")), messages=(message("m", body="[]"),)), Refusal.EXISTS)
    leased = Put(id="s", body="[]", version=0, expected=None)
    await expect_refused(store, clients(leased), Refusal.EXISTS, "s")


async def who_is_busy_is_told_before_a_version(store: Store) -> None:
    """Rule 5 before rules 6 and 7: a record on which a lease lives is BUSY, whatever else does not fit."""
    await hold(store)
    await expect_kept(store, inserting("s"))
    await expect_refused(store, clients(update(7)), Refusal.BUSY, "r", "me")
    unit = Unit(run="s", epoch=0, number=0, puts=(update(7, id="s"),), gone=("r",))
    await expect_refused(store, unit, Refusal.BUSY, "r", "me")
    await expect_refused(store, placing(entry("none"), entry()), Refusal.BUSY, "r", "me")


async def a_version_is_told_before_what_is_unknown(store: Store) -> None:
    """Rule 6 before rule 7: a put over another version is VERSION_CONFLICT, although something is unknown."""
    await expect_kept(store, inserting())
    unit = attrs.evolve(clients(update(7)), entries=(entry("none"),), messages=(message("m", "none"),))
    await expect_refused(store, unit, Refusal.VERSION_CONFLICT, "r")
    unit = attrs.evolve(clients(update(0, id="none")), entries=(entry("none"),))
    await expect_refused(store, unit, Refusal.VERSION_CONFLICT, "none")


async def what_is_unknown_is_told_before_the_room(store: Store) -> None:
    """Rule 7 before rule 8: what is not there is UNKNOWN, although there is no room."""
    await expect_kept(store, inserting())
    rooms = (Room("q", 0),)
    await expect_refused(store, placing(entry(), entry("none"), rooms=rooms), Refusal.UNKNOWN, "none")
    unit = attrs.evolve(placing(entry(), rooms=rooms), messages=(message("m", "none"),))
    await expect_refused(store, unit, Refusal.UNKNOWN, "none")
    await expect_no_room(store, placing(entry(), rooms=rooms), 0)


CHECKS: tuple[Check, ...] = (
    a_message_is_sent_once,
    only_the_owner_writes,
    only_the_owner_moves_an_entry,
    an_owner_does_not_write_to_anothers_run,
    a_message_needs_no_lease,
    what_is_not_there_is_unknown,
    what_a_unit_puts_is_there,
    consuming_what_is_not_there_is_nothing,
    a_stale_lease_is_told_first,
    what_exists_is_told_before_who_is_busy,
    who_is_busy_is_told_before_a_version,
    a_version_is_told_before_what_is_unknown,
    what_is_unknown_is_told_before_the_room,
)
