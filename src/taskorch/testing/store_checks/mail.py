"""Messages, and entries that they wake."""

import attrs

from taskorch.core.unit import Message, Unit, WaitingEntry
from taskorch.protocols.store import Store
from taskorch.testing.entries import (
    NEVER,
    ending,
    enqueue,
    entry,
    expect_claims,
    expect_unread,
    message,
    placing,
    telling,
)
from taskorch.testing.store_checks.check import Check
from taskorch.testing.units import expect, expect_claimed, expect_kept, hold, inserting

_PARKED = entry(due=None, wakes=True)


async def messages_are_read_in_order(store: Store) -> None:
    """Messages gives at most n unread messages to a run, in the order they were kept, letter by letter."""
    await expect_kept(store, inserting())
    await expect_kept(store, inserting("s"))
    body = '{"text": "\u00e9\U0001f9ea",  "n":1}'
    for ids in (("z", "y"), ("x",), ("a", "m")):
        await expect_kept(store, telling(*(message(id, body=body) for id in ids), message(f"s{ids[0]}", "s")))
    await expect_unread(store, ["z", "y", "x", "a", "m"])
    expect([found.id for found in await store.messages("r", 2)], ["z", "y"])
    expect(await store.messages("r", 1), [Message(id="z", run="r", body=body)])
    expect(await store.messages("r", 0), [])
    expect(await store.messages("none"), [])
    await expect_unread(store, ["sz", "sx", "sa"], "s")


async def what_is_consumed_is_unread_no_longer(store: Store) -> None:
    """Messages that are consumed are unread no longer; the others are, in their order."""
    await hold(store)
    await expect_kept(store, telling(*(message(id) for id in "abcd")))
    await expect_kept(store, Unit(run="r", epoch=1, number=1, consumed=("c", "a")))
    await expect_unread(store, ["b", "d"])
    await expect_kept(store, telling(message("e")))
    await expect_kept(store, Unit(run="r", epoch=1, number=2, consumed=("b", "a")))
    await expect_unread(store, ["d", "e"])


async def only_messages_to_this_run_are_consumed(store: Store) -> None:
    """A unit consumes messages to its own run only."""
    await hold(store)
    await expect_kept(store, inserting("s"))
    await expect_kept(store, telling(message("m"), message("n", "s")))
    await expect_kept(store, Unit(run="r", epoch=1, number=1, consumed=("m", "n")))
    await expect_unread(store, [])
    await expect_unread(store, ["n"], "s")


async def an_owner_tells_others(store: Store) -> None:
    """An owner's unit may tell other runs, and its own."""
    await hold(store)
    await expect_kept(store, inserting("s"))
    await expect_kept(store, Unit(run="r", epoch=1, number=1, messages=(message("m", "s"), message("n"))))
    await expect_unread(store, ["n"])
    await expect_unread(store, ["m"], "s")


async def mail_outlives_leases(store: Store) -> None:
    """Messages are told to whoever owns a run, or will own it: they stay unread from lease to lease."""
    await hold(store)
    await expect_kept(store, telling(message("m")))
    await expect_kept(store, ending())
    await expect_claimed(store, 2)
    await expect_unread(store, ["m"])
    await expect_kept(store, Unit(run="r", epoch=2, number=1, consumed=("m",)))
    await expect_unread(store, [])


# --- what wakes --------------------------------------------------------------------------------------------


async def a_message_wakes(store: Store) -> None:
    """An entry that wakes is due while there are unread messages to its record, and no longer."""
    for due in (None, NEVER):
        run = f"r{due}"
        await enqueue(store, entry(run, due=due, wakes=True))
        await expect_claims(store, [])
        await expect_kept(store, telling(message(f"m{due}", run)))
        await expect_claims(store, [run])
        await expect_kept(store, ending(run=run, consumed=(f"m{due}",)))
        await expect_claims(store, [])
        await expect_kept(store, telling(message(f"n{due}", run)))
        await expect_claims(store, [run])


async def a_message_wakes_nobody_else(store: Store) -> None:
    """A message makes neither an entry due that does not wake, nor that of another record."""
    await enqueue(store, entry(due=NEVER), entry("s", due=None, wakes=True), entry("t", due=None))
    await expect_kept(store, telling(message("m"), message("n", "t")))
    await expect_claims(store, [])
    await expect_kept(store, placing(entry(due=NEVER, wakes=True)))
    await expect_claims(store, ["r"])


async def whoever_parks_is_woken(store: Store) -> None:
    """A run is parked by a release with an entry that wakes: a message that comes afterwards makes it due."""
    await enqueue(store, entry())
    await expect_claims(store, ["r"])
    await expect_kept(store, ending(entry=_PARKED))
    await expect_claims(store, [])
    await expect_kept(store, telling(message("m")))
    [given] = await expect_claims(store, ["r"])
    expect(given.epoch, 2, "the epoch")


async def a_message_before_the_park_wakes_at_once(store: Store) -> None:
    """A message that came before the run was parked, and was not consumed, makes it due at once."""
    await enqueue(store, entry())
    await expect_claims(store, ["r"])
    await expect_kept(store, telling(message("m")))
    await expect_claims(store, [])
    await expect_kept(store, ending(entry=_PARKED))
    await expect_claims(store, ["r"])


async def a_message_consumed_with_the_park_does_not_wake(store: Store) -> None:
    """What is consumed in the very unit that parks is unread no longer; what is left wakes."""
    await enqueue(store, entry())
    await expect_claims(store, ["r"])
    await expect_kept(store, telling(message("m"), message("n")))
    await expect_kept(store, ending(entry=_PARKED, consumed=("m", "n")))
    await expect_claims(store, [])
    await expect_kept(store, telling(message("o"), message("p")))
    await expect_claims(store, ["r"])
    await expect_kept(store, ending(1, 2, entry=_PARKED, consumed=("o",)))
    await expect_claims(store, ["r"])


async def what_was_read_before_does_not_wake(store: Store) -> None:
    """Messages consumed earlier, and messages whose unit was refused, wake nobody."""
    await hold(store)
    await expect_kept(store, telling(message("m")))
    await expect_kept(store, Unit(run="r", epoch=1, number=1, consumed=("m",)))
    await expect_kept(store, ending(2, entry=_PARKED))
    await store.apply([telling(message("m")), telling(message("n"), message("o", "none"))])
    await expect_claims(store, [])


async def who_was_woken_and_lost_wakes_again(store: Store) -> None:
    """A lease that is lost has consumed nothing: the entry is due again, as it is then."""
    await enqueue(store, _PARKED)
    await expect_kept(store, telling(message("m")))
    for _ in range(2):
        await expect_claims(store, ["r"], ttl=0)
    await expect_kept(store, Unit(run="r", epoch=2, number=1, consumed=("m",)))
    await expect_claims(store, [])


async def waking_is_by_rank(store: Store) -> None:
    """What a message makes due is given by rank, among all that is due."""

    def waking(id: str, rank: str) -> WaitingEntry:
        return attrs.evolve(_PARKED, id=id, rank=rank)

    await enqueue(store, entry("a", rank="2"), waking("b", "1"), waking("c", "3"), waking("d", "0"))
    await expect_kept(store, telling(message("m", "c"), message("n", "b")))
    await expect_claims(store, ["b", "a", "c"])


CHECKS: tuple[Check, ...] = (
    messages_are_read_in_order,
    what_is_consumed_is_unread_no_longer,
    only_messages_to_this_run_are_consumed,
    an_owner_tells_others,
    mail_outlives_leases,
    a_message_wakes,
    a_message_wakes_nobody_else,
    whoever_parks_is_woken,
    a_message_before_the_park_wakes_at_once,
    a_message_consumed_with_the_park_does_not_wake,
    what_was_read_before_does_not_wake,
    who_was_woken_and_lost_wakes_again,
    waking_is_by_rank,
)
