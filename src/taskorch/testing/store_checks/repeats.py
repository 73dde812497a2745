"""Units that come again: rules 1 and 3."""

import attrs

from taskorch.core.receipts import Refusal
from taskorch.core.unit import Put, Room, Unit
from taskorch.protocols.store import Store
from taskorch.testing.entries import (
    ending,
    enqueue,
    enqueueing,
    entry,
    expect_claims,
    expect_unread,
    message,
    telling,
)
from taskorch.testing.store_checks.check import Check
from taskorch.testing.units import (
    clients,
    expect_claimed,
    expect_kept,
    expect_record,
    expect_refused,
    expect_repeated,
    expect_steps,
    hold,
    inserting,
    owners,
    update,
)

# --- an owner's --------------------------------------------------------------------------------------------


async def a_repeated_number_is_known(store: Store) -> None:
    """Rule 1: an owner's unit whose number is not above the last one kept under its epoch is Repeated."""
    await hold(store)
    await expect_kept(store, owners(1))
    await expect_kept(store, owners(3))
    for number in (1, 2, 3):
        await expect_repeated(store, owners(number))
    await expect_steps(store, [0, 1, 3])


async def a_repeat_is_known_without_the_lease(store: Store) -> None:
    """Rule 1 before rule 2: a unit kept already is Repeated whether or not its lease is still current."""
    await hold(store)
    await expect_kept(store, owners(1, release=True))
    await expect_repeated(store, owners(1, release=True))
    await expect_claimed(store, 2, "you")
    await expect_repeated(store, owners(1, release=True))
    await expect_record(store, 0, "{}", 2, "you")


async def a_repeat_of_an_old_epoch_is_known(store: Store) -> None:
    """Rule 1: numbers are remembered by epoch; what was not kept under an old one is STALE_LEASE."""
    await hold(store)
    await expect_kept(store, owners(1))
    await expect_kept(store, owners(2, release=True))
    await expect_claimed(store, 2)
    await expect_claimed(store, 3, force=True)
    await expect_kept(store, owners(1, 3, release=True))
    await expect_claimed(store, 4)
    await expect_repeated(store, owners(2))
    await expect_repeated(store, owners(1, 3))
    await expect_refused(store, owners(3), Refusal.STALE_LEASE)
    await expect_refused(store, owners(1, 2), Refusal.STALE_LEASE)
    await expect_refused(store, owners(1, 5), Refusal.STALE_LEASE)
    await expect_steps(store, [0, 1, 2, 1])


async def a_repeat_is_known_before_its_put(store: Store) -> None:
    """Rule 1 before rules 4 and 6: a unit kept already is Repeated though its put no longer fits."""
    await hold(store)
    new = Put(id="child", body="{}", version=0, expected=None)
    for unit in (owners(1, put=update(0)), owners(2, put=new)):
        await expect_kept(store, unit)
        await expect_repeated(store, unit)


async def a_repeat_has_no_effect(store: Store) -> None:
    """Rule 1: nothing is changed by a repeat, even if it says something else than the unit that was kept."""
    await enqueue(store, entry())
    await expect_kept(store, telling(message("m")))
    await expect_claims(store, ["r"])
    await expect_kept(store, owners(1))
    other = Unit(run="r", epoch=1, number=1, gone=("r",), messages=(message("n"),), consumed=("m",))
    await expect_repeated(store, other)
    await expect_repeated(store, attrs.evolve(ending(1), puts=(update(0),)))
    await expect_record(store, 0, "{}", 1, "me", entry=entry())
    await expect_unread(store, ["m"])


# --- a client's --------------------------------------------------------------------------------------------


async def a_repeated_insert_is_known(store: Store) -> None:
    """Rule 3: a client's insert whose body and version are the kept ones is Repeated and changes nothing."""
    await expect_kept(store, inserting())
    await expect_repeated(store, inserting())
    await expect_steps(store, [0])


async def another_insert_is_refused(store: Store) -> None:
    """Rules 3 and 4: a client's insert that differs from the kept record is EXISTS and changes nothing."""
    await expect_kept(store, inserting())
    await expect_refused(store, inserting(body="[]"), Refusal.EXISTS, "r")
    await expect_refused(store, inserting(version=1), Refusal.EXISTS, "r")
    await expect_record(store, 0, "{}")
    await expect_steps(store, [0])


async def an_owners_insert_is_not_known_by_its_body(store: Store) -> None:
    """Rule 3 is for clients: an owner's insert of an id that exists is EXISTS, even if it is equal."""
    await hold(store)
    equal = Put(id="r", body="{}", version=0, expected=None)
    await expect_refused(store, owners(1, put=equal), Refusal.EXISTS, "r")
    await expect_kept(store, owners(1, put=Put(id="child", body="{}", version=0, expected=None)))


async def a_repeated_update_is_known(store: Store) -> None:
    """Rule 3: a client's update is Repeated as long as the record is just as it puts it."""
    await expect_kept(store, inserting())
    await expect_kept(store, clients(update(0)))
    await expect_repeated(store, clients(update(0)))
    await expect_refused(store, clients(update(0, "{}")), Refusal.VERSION_CONFLICT, "r")
    await expect_kept(store, clients(update(1, "{}")))
    await expect_refused(store, clients(update(0)), Refusal.VERSION_CONFLICT, "r")
    await expect_record(store, 2, "{}")
    await expect_steps(store, [0, 9, 9])


async def a_repeated_message_is_known(store: Store) -> None:
    """Rule 3: a client's message that was sent just so is Repeated, read or unread, and not sent again."""
    await hold(store)
    await expect_kept(store, telling(message("m")))
    await expect_repeated(store, telling(message("m")))
    await expect_unread(store, ["m"])
    await expect_kept(store, Unit(run="r", epoch=1, number=1, consumed=("m",)))
    await expect_repeated(store, telling(message("m")))
    await expect_unread(store, [])


async def a_part_is_no_repeat(store: Store) -> None:
    """Rule 3: only if every record is as it is put, and every message was sent, it is a repeat."""
    await expect_kept(store, inserting())
    await expect_kept(store, telling(message("m")))
    both = Unit(run="r", epoch=0, number=0, messages=(message("m"), message("n")))
    await expect_refused(store, both, Refusal.EXISTS, "m")
    mixed = attrs.evolve(inserting(), messages=(message("n"),))
    await expect_refused(store, mixed, Refusal.EXISTS, "r")
    await expect_unread(store, ["m"])
    await expect_repeated(store, attrs.evolve(inserting(), messages=(message("m"),)))


async def a_unit_without_puts_and_messages_is_no_repeat(store: Store) -> None:
    """Rule 3: a client's unit that puts and tells nothing has no key, so it is kept each time."""
    await expect_kept(store, inserting())
    for _ in range(2):
        await expect_kept(store, attrs.evolve(inserting(), puts=()))
    await expect_steps(store, [0, 0, 0])


async def a_repeat_is_known_before_what_stands_in_its_way(store: Store) -> None:
    """Rule 3 before rules 4 to 8: a client's repeat is known though the record is leased and the room is full."""
    unit = enqueueing(entry(), rooms=(Room("q", 1),))
    await expect_kept(store, unit)
    await expect_repeated(store, unit)
    await expect_claims(store, ["r"])
    await enqueue(store, entry("s"))
    await expect_repeated(store, unit)
    await expect_record(store, 0, "{}", 1, "me", entry=entry())


CHECKS: tuple[Check, ...] = (
    a_repeated_number_is_known,
    a_repeat_is_known_without_the_lease,
    a_repeat_of_an_old_epoch_is_known,
    a_repeat_is_known_before_its_put,
    a_repeat_has_no_effect,
    a_repeated_insert_is_known,
    another_insert_is_refused,
    an_owners_insert_is_not_known_by_its_body,
    a_repeated_update_is_known,
    a_repeated_message_is_known,
    a_part_is_no_repeat,
    a_unit_without_puts_and_messages_is_no_repeat,
    a_repeat_is_known_before_what_stands_in_its_way,
)
