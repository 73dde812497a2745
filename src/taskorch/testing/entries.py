"""Entries that wait, messages, and what the checks of a store expect of them."""

from collections.abc import Mapping, Sequence

from taskorch.core.receipts import Claimed, Refusal, Refused
from taskorch.core.selection import Lane
from taskorch.core.unit import LeaseAction, Message, Put, Room, Unit, WaitingEntry
from taskorch.protocols.store import Store
from taskorch.testing.units import apply_one, expect, expect_kept

NEVER = 2**60
"""An instant that no store lives to see."""

LONG = 3600.0
"""How long a lease lives that outlives its check, in seconds."""

LANE = Lane(("q",))
"""The lane of the queue "q"."""


def entry(
    id: str = "r",
    *,
    queue: str = "q",
    rank: str = "",
    due: int | None = 0,
    tags: tuple[str, ...] = (),
    wakes: bool = False,
) -> WaitingEntry:
    """A waiting entry, due unless it is said otherwise."""
    return WaitingEntry(id=id, queue=queue, rank=rank, due=due, tags=tags, wakes=wakes)


def enqueueing(*entries: WaitingEntry, rooms: tuple[Room, ...] = ()) -> Unit:
    """A client's unit that inserts the records of *entries* and lets them wait."""
    puts = tuple(Put(id=entry.id, body="{}", version=0, expected=None) for entry in entries)
    return Unit(run=entries[0].id, epoch=0, number=0, puts=puts, entries=entries, rooms=rooms)


def placing(*entries: WaitingEntry, gone: tuple[str, ...] = (), rooms: tuple[Room, ...] = (), run: str = "r") -> Unit:
    """A client's unit that lets records wait that are there, or takes their entries away."""
    return Unit(run=run, epoch=0, number=0, entries=entries, gone=gone, rooms=rooms)


def telling(*messages: Message, run: str = "r") -> Unit:
    """A client's unit that sends *messages*."""
    return Unit(run=run, epoch=0, number=0, messages=messages)


def message(id: str, run: str = "r", body: str = "{}") -> Message:
    """A message to *run*."""
    return Message(id=id, run=run, body=body)


def ending(
    number: int = 1,
    epoch: int = 1,
    *,
    entry: WaitingEntry | None = None,
    is_gone: bool = False,
    consumed: tuple[str, ...] = (),
    rooms: tuple[Room, ...] = (),
    run: str = "r",
) -> Unit:
    """An owner's unit that releases its lease: with its entry as it is, with another one, or with none any more."""
    return Unit(
        run=run,
        epoch=epoch,
        number=number,
        entries=() if entry is None else (entry,),
        gone=(run,) if is_gone else (),
        rooms=rooms,
        consumed=consumed,
        lease=LeaseAction.RELEASE,
    )


async def enqueue(store: Store, *entries: WaitingEntry) -> None:
    """Insert the records of *entries* and let them wait."""
    await expect_kept(store, enqueueing(*entries))


async def claim(
    store: Store,
    *lanes: Lane,
    limits: Mapping[str, int] | None = None,
    ttl: float | None = LONG,
    n: int = 100,
    owner: str = "me",
) -> list[Claimed]:
    """What is given to *owner*, of the lane "q" if none is named."""
    return await store.claim(owner, lanes or (LANE,), limits or {}, ttl, n)


async def expect_claims(
    store: Store,
    wanted: Sequence[str],
    *lanes: Lane,
    limits: Mapping[str, int] | None = None,
    ttl: float | None = LONG,
    n: int = 100,
    owner: str = "me",
) -> list[Claimed]:
    """Claim, and expect the records *wanted*, in order."""
    given = await claim(store, *lanes, limits=limits, ttl=ttl, n=n, owner=owner)
    expect([claimed.record.id for claimed in given], list(wanted), "what was claimed")
    return given


async def expect_no_room(store: Store, unit: Unit, load: int, queue: str = "q") -> None:
    """Apply *unit* and expect it to be refused for want of room, with so many that wait."""
    wanted = Refused(Refusal.NO_ROOM, id=queue, load=load)
    expect(await apply_one(store, unit), wanted, f"the receipt of {unit!r}")


async def expect_unread(store: Store, wanted: Sequence[str], run: str = "r") -> None:
    """Read the messages to *run* and expect these ids, in order."""
    expect([found.id for found in await store.messages(run)], list(wanted), f"what is unread of {run!r}")


async def expect_entry(store: Store, wanted: WaitingEntry | None, id: str = "r") -> None:
    """Read a record and expect it to have this waiting entry."""
    [record] = await store.read([id])
    expect(record and record.entry, wanted, f"the entry of {id!r}")


async def store_time(store: Store) -> int:
    """The time of the store's own clock: a lease's end tells it."""
    queue = "the clock of the store"
    if await store.read([queue]) == [None]:
        await enqueue(store, entry(queue, queue=queue))
    await store.lease("the clock", queue, LONG, force=True)
    end = await store.next_due([Lane((queue,))])
    if end is None:
        raise AssertionError("next_due knows no end of a lease with a time")
    return end - int(LONG * 1e6)
