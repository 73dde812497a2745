"""Two actors at one store, in every order of their calls: the invariants hold after every call.

A script has at most six calls, so there are at most 924 orders of a pair, and all are gone through.
"""

from collections.abc import Callable
from math import comb

import pytest

from taskorch.stores import MemoryStore
from taskorch.stores.memory.tables import Tables
from taskorch.stores.settlement import Settlement
from taskorch.stores.standing import Standing
from tests.stores.interleavings import Script, World, explore, orders
from tests.stores.invariants import INVARIANTS

PAIRS: dict[str, tuple[Callable, Callable[[], tuple[Script, Script]]]] = {}
"""By name: what is there before, and the scripts of both actors."""

MOST = 924
MOST_ON_DISK = 70
"""On disk both scripts end earlier, so that no more orders than this are left."""


def pair(*entries: dict, then: Callable | None = None):
    """Note a pair of scripts, for records "r0", "r1" ... with these waiting entries."""

    async def begin(world: World) -> None:
        for index, entry in enumerate(entries):
            await world.insert(f"r{index}", **entry)
        if then is not None:
            await then(world)

    def note(scripts):
        PAIRS[scripts.__name__] = begin, scripts
        return scripts

    return note


@pair({})
def claim_and_complete_against_takeover():
    """An owner whose lease is over works on, while another sweeps up and completes."""
    return (
        [
            lambda w: w.claim("a", ttl=0),
            lambda w: w.write("a", "r0", 1),
            lambda w: w.renew("a", "r0"),
            lambda w: w.write("a", "r0", 2, step=2),
            lambda w: w.write("a", "r0", 3, done=True, step=3),
            lambda w: w.write("a", "r0", 3, done=True, step=3),
        ],
        [
            lambda w: w.claim("b", ttl=0),
            lambda w: w.write("b", "r0", 1),
            lambda w: w.lease("b", "r0", force=True),
            lambda w: w.write("b", "r0", 1, step=2),
            lambda w: w.write("b", "r0", 2, done=True, step=3),
            lambda w: w.write("b", "r0", 2, done=True, step=3),
        ],
    )


@pair({}, {})
def claim_against_claim():
    """Two take what is due, hand it back and take it again."""

    def script(actor):
        return [
            lambda w: w.claim(actor),
            lambda w: w.claim(actor),
            lambda w: w.write(actor, "r0", 1, release=True),
            lambda w: w.write(actor, "r1", 1, release=True),
            lambda w: w.claim(actor, n=2),
        ]

    return script("a"), script("b")


@pair({})
def complete_against_cancel():
    """An owner completes while a client cancels, directly and by a message."""
    return (
        [
            lambda w: w.claim("a"),
            lambda w: w.write("a", "r0", 1),
            lambda w: w.write("a", "r0", 2, consume=["m"]),
            lambda w: w.write("a", "r0", 3, done=True),
            lambda w: w.write("a", "r0", 3, done=True),
        ],
        [
            lambda w: w.client("r0", expected=0, body='"cancelled"', finished=5),
            lambda w: w.tell("r0", "m"),
            lambda w: w.move("r0", gone=True),
            lambda w: w.client("r0", expected=0, body='"cancelled"', finished=5),
            lambda w: w.tell("r0", "m"),
        ],
    )


@pair({}, {"rank": "1"})
def hand_back_against_claim():
    """An owner hands back while others look for work."""
    return (
        [
            lambda w: w.claim("a"),
            lambda w: w.write("a", "r0", 1, release=True),
            lambda w: w.claim("a"),
            lambda w: w.write("a", "r1", 1, release=True),
        ],
        [
            lambda w: w.claim("b", n=2),
            lambda w: w.write("b", "r0", 1, done=True),
            lambda w: w.claim("b"),
            lambda w: w.write("b", "r1", 1, done=True),
        ],
    )


@pair({})
def park_against_message():
    """A run parks while somebody tells it something: it is woken, whichever comes first."""
    return (
        [
            lambda w: w.claim("a"),
            lambda w: w.write("a", "r0", 1, park=True),
            lambda w: w.claim("a"),
            lambda w: w.write("a", "r0", 1, consume=["m"], step=2),
            lambda w: w.write("a", "r0", 2, park=True, step=2),
            woken,
        ],
        [
            lambda w: w.tell("r0", "m"),
            lambda w: w.tell("r0", "m"),
            lambda w: w.tell("r0", "n"),
            woken,
        ],
    )


async def woken(world: World) -> None:
    """A parked run with unread messages can be claimed, one without cannot: claim, and judge by what is unread."""
    [record] = await world.store.read([world.of("r0")])
    is_parked = record.owner is None and record.entry is not None and record.entry.wakes
    unread = await world.store.messages(world.of("r0"))
    await world.claim("w")
    [after] = await world.store.read([world.of("r0")])
    if is_parked and (after.epoch > record.epoch) != bool(unread):
        world.seen.wrong.append(f"parked with {unread} unread, it was claimed: {after.epoch > record.epoch}")
    await world.write("w", "r0", 1, release=True)


@pair({})
def consume_against_message():
    """An owner acts on messages while more are sent, and some again."""
    return (
        [
            lambda w: w.claim("a", ttl=0),
            lambda w: w.write("a", "r0", 1, consume=["m"]),
            lambda w: w.write("a", "r0", 2, consume=["m", "n"]),
            lambda w: w.write("a", "r0", 2, consume=["m", "n"]),
            lambda w: w.write("a", "r0", 3, consume=["o"], release=True),
        ],
        [
            lambda w: w.tell("r0", "m"),
            lambda w: w.tell("r0", "n"),
            lambda w: w.tell("r0", "m"),
            lambda w: w.lease("b", "r0", force=True),
            lambda w: w.tell("r0", "o"),
        ],
    )


@pair({})
def enqueue_against_enqueue():
    """Two fill one room, while each also takes from it."""

    def script(actor):
        return [
            lambda w: w.client(f"{actor}1", entry=w.entry(f"{actor}1"), room=3),
            lambda w: w.client(f"{actor}2", entry=w.entry(f"{actor}2"), room=3),
            lambda w: w.claim(actor),
            lambda w: w.client(f"{actor}3", entry=w.entry(f"{actor}3"), room=3),
            lambda w: w.client(f"{actor}1", entry=w.entry(f"{actor}1"), room=3),
        ]

    return script("a"), script("b")


@pair({"tags": "t"}, {"tags": "t"}, {"tags": "t", "rank": "1"}, {"rank": "2"})
def claim_against_claim_with_a_limit():
    """Two claim under a limit, and give slots back."""

    def script(actor):
        return [
            lambda w: w.claim(actor, n=2, limit=2),
            lambda w: w.claim(actor, n=2, limit=2),
            lambda w: w.write(actor, "r0", 1, done=True),
            lambda w: w.write(actor, "r1", 1, release=True),
            lambda w: w.claim(actor, n=3, limit=2),
        ]

    return script("a"), script("b")


@pair({}, then=lambda w: w.claim("a"))
def renew_against_takeover():
    """An owner renews and writes while another takes over by force."""
    return (
        [
            lambda w: w.renew("a", "r0"),
            lambda w: w.write("a", "r0", 1),
            lambda w: w.renew("a", "r0"),
            lambda w: w.write("a", "r0", 2),
        ],
        [
            lambda w: w.lease("b", "r0"),
            lambda w: w.lease("b", "r0", ttl=0, force=True),
            lambda w: w.renew("b", "r0"),
            lambda w: w.write("b", "r0", 1),
            lambda w: w.lease("b", "r0"),
        ],
    )


@pair({})
def update_against_update():
    """Two clients put over the versions that they have read."""

    def script(actor):
        body = f'"{actor}"'
        return [
            lambda w: w.client("r0", expected=0, body=body),
            lambda w: w.client("r0", expected=0, body=body),
            lambda w: w.client("r0", expected=1, body=body),
            lambda w: w.client("new", expected=None, body=body),
        ]

    return script("a"), script("b")


@pair({}, {})
def trim_against_claim():
    """What has finished is forgotten while somebody claims it, and its id comes again."""
    return (
        [
            lambda w: w.client("r0", expected=0, body='"done"', finished=5),
            lambda w: w.trim(),
            lambda w: w.client("r0", entry=w.entry("r0")),
            lambda w: w.trim(),
        ],
        [
            lambda w: w.claim("b"),
            lambda w: w.write("b", "r0", 1, release=True),
            lambda w: w.claim("b", ttl=0),
            lambda w: w.write("b", "r0", 1),
            lambda w: w.lease("b", "r0"),
        ],
    )


@pair({"tags": "t"}, {"tags": "t"})
def lease_by_id_against_claim():
    """One takes a record by its id, another by the queue, under a limit that only claims ask for."""
    return (
        [
            lambda w: w.lease("a", "r0"),
            lambda w: w.write("a", "r0", 1),
            lambda w: w.write("a", "r0", 2, release=True),
            lambda w: w.lease("a", "r0", ttl=0),
        ],
        [
            lambda w: w.claim("b", limit=2),
            lambda w: w.claim("b", limit=2, n=2),
            lambda w: w.write("b", "r0", 1, release=True),
            lambda w: w.write("b", "r1", 1, done=True),
        ],
    )


@pair({}, {"queue": "p"})
def move_against_claim():
    """A client moves entries between queues while an owner claims them and hands them back."""
    return (
        [
            lambda w: w.claim("a", ttl=0),
            lambda w: w.write("a", "r0", 1),
            lambda w: w.claim("a", n=2),
            lambda w: w.write("a", "r1", 1, release=True),
        ],
        [
            lambda w: w.move("r0", queue="p"),
            lambda w: w.move("r1", rank="0"),
            lambda w: w.move("r0", rank="5"),
            lambda w: w.move("r1", gone=True),
        ],
    )


@pair({}, then=lambda w: w.claim("a", ttl=0))
def client_against_an_owner_who_is_late():
    """A client writes to a record whose lease is over, while its owner still records."""
    return (
        [
            lambda w: w.write("a", "r0", 1),
            lambda w: w.write("a", "r0", 2),
            lambda w: w.write("a", "r0", 2),
            lambda w: w.write("a", "r0", 3, release=True),
        ],
        [
            lambda w: w.tell("r0", "m"),
            lambda w: w.client("r0", expected=0, body='"late"'),
            lambda w: w.lease("b", "r0", ttl=0),
            lambda w: w.move("r0", gone=True),
        ],
    )


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # the loop makes no difference to what is looked for here
async def test_every_order_keeps_the_invariants(name, fresh):
    """Whatever order the calls of two actors come in, the invariants hold after every one of them."""
    begin, make = PAIRS[name]
    first, second = make()
    is_on_disk = not isinstance(fresh(), MemoryStore)
    while is_on_disk and comb(len(first) + len(second), len(first)) > MOST_ON_DISK:
        first, second = (first[:-1], second) if len(first) >= len(second) else (first, second[:-1])
    wanted = comb(len(first) + len(second), len(first))

    explored = await explore(fresh, begin, (first, second), INVARIANTS, is_reused=is_on_disk)

    assert explored == wanted
    assert 15 <= explored <= (MOST_ON_DISK if is_on_disk else MOST)


def test_all_orders_are_different():
    """Of two scripts with six calls each there are 924 orders, all different, each script in its own order."""
    found = {tuple(order) for order in orders(range(6), range(10, 16))}

    assert len(found) == MOST
    assert all([one for one in order if one < 10] == [*range(6)] for order in found)
    assert len(PAIRS) >= 12


@pytest.mark.parametrize(
    ("broken", "wrong", "names", "invariant"),
    [
        (
            (Standing, "is_current"),
            lambda self, epoch: self.owner is not None,
            ("claim_and_complete_against_takeover", "renew_against_takeover"),
            "nothing_wrong",
        ),
        (
            (Settlement, "_number"),
            lambda self, standing, unit: 0,
            ("complete_against_cancel",),
            "nothing_wrong|s9_recorded",
        ),
        ((Settlement, "_no_room"), lambda self, unit: None, ("enqueue_against_enqueue",), "s15_rooms"),
        ((Settlement, "_not_free"), lambda self, unit: None, ("complete_against_cancel",), "nothing_wrong|s6"),
        ((Tables, "sent"), lambda self, ids: [], ("consume_against_message",), "s10_messages"),
    ],
)
@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # the loop makes no difference to what is looked for here
async def test_a_planted_mistake_is_found(broken, wrong, names, invariant, monkeypatch):
    """A store that breaks a rule breaks an invariant in some order."""
    monkeypatch.setattr(*broken, wrong)

    for name in names:
        begin, make = PAIRS[name]
        with pytest.raises(AssertionError, match=f"^({invariant})"):
            await explore(MemoryStore, begin, make(), INVARIANTS, is_reused=False)
