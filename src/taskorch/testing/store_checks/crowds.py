"""Many callers at once."""

from collections import Counter

import anyio

from taskorch.core.receipts import Claimed, Done, Receipt, Refusal, Refused
from taskorch.core.selection import Lane
from taskorch.core.unit import Room, Unit
from taskorch.protocols.store import Store
from taskorch.testing.entries import (
    LANE,
    claim,
    ending,
    enqueue,
    enqueueing,
    entry,
    expect_unread,
    message,
    telling,
)
from taskorch.testing.store_checks.check import Check
from taskorch.testing.units import (
    apply_one,
    clients,
    expect,
    expect_claimed,
    expect_kept,
    expect_steps,
    inserting,
    owners,
    update,
)

_CROWD = 8


async def many_may_apply_at_once(store: Store) -> None:
    """All verbs may be called at the same time."""

    async def own_run(run: str) -> None:
        await expect_kept(store, inserting(run))
        await expect_claimed(store, id=run)
        for number in range(1, 11):
            await expect_kept(store, owners(number, run=run))
        await expect_steps(store, list(range(11)), run)

    async with anyio.create_task_group() as tasks:
        for index in range(_CROWD):
            tasks.start_soon(own_run, f"run-{index}")


async def one_of_many_wins(store: Store) -> None:
    """Of many who lease one record, one gets it; of many who put over one version, one does."""
    answers: list[Claimed | Refused] = []
    receipts: list[Receipt] = []

    async def compete(owner: str) -> None:
        answers.append(await store.lease(owner, "r"))
        receipts.append(await apply_one(store, clients(update(0, f'"{owner}"', "s"))))

    await expect_kept(store, inserting())
    await expect_kept(store, inserting("s"))
    async with anyio.create_task_group() as tasks:
        for index in range(_CROWD):
            tasks.start_soon(compete, f"owner-{index}")
    expect([type(answer) for answer in answers].count(Claimed), 1, "the number of leases")
    expect([type(receipt) for receipt in receipts].count(Done), 1, "the number of puts kept")


async def nothing_is_given_twice(store: Store) -> None:
    """What is given is exact however many call at once: each record to one of them, and none is left."""
    ids = [f"r{index:02}" for index in range(24)]
    await enqueue(store, *(entry(id) for id in ids))
    given: list[str] = []

    async def take(owner: str) -> None:
        while claimed := await claim(store, n=2, owner=owner):
            given.extend(one.record.id for one in claimed)
            expect({(one.epoch, one.record.owner) for one in claimed}, {(1, owner)}, "the leases")

    async with anyio.create_task_group() as tasks:
        for index in range(_CROWD):
            tasks.start_soon(take, f"owner-{index}")
    # While calls overlap one may find nothing that others have in hand, so what is left is taken afterwards.
    await take("last")
    expect(sorted(given), ids, "what was given")


async def a_limit_is_kept_by_a_crowd(store: Store) -> None:
    """A limit is never exceeded, however many claim and release at once, and everything comes to be done."""
    ids = [f"r{index:02}" for index in range(16)]
    await enqueue(store, *(entry(id, tags=("t", f"u{index % 2}")) for index, id in enumerate(ids)))
    done: list[str] = []
    held: Counter[str] = Counter()

    async def work(owner: str) -> None:
        while len(done) < len(ids):
            claimed = await claim(store, limits={"t": 3, "u0": 2}, n=2, owner=owner)
            for one in claimed:
                held.update(one.record.entry.tags if one.record.entry else ())
            expect(held["t"] <= 3 and held["u0"] <= 2, True, "whether the limits are kept")
            await anyio.sleep(0.001)
            for one in claimed:
                # No longer held from here on: the store may give the slot away before its answer has come.
                held.subtract(one.record.entry.tags if one.record.entry else ())
                await expect_kept(store, ending(run=one.record.id, is_gone=True))
                done.append(one.record.id)

    async with anyio.create_task_group() as tasks:
        for index in range(_CROWD):
            tasks.start_soon(work, f"owner-{index}")
    expect(sorted(done), ids, "what was done")


async def a_room_is_kept_by_a_crowd(store: Store) -> None:
    """A room is never overfilled, however many enqueue at once, and is filled to the last place."""
    receipts: list[Receipt] = []

    async def enter(id: str) -> None:
        receipts.append(await apply_one(store, enqueueing(entry(id), rooms=(Room("q", 3),))))

    async with anyio.create_task_group() as tasks:
        for index in range(_CROWD):
            tasks.start_soon(enter, f"r{index}")
    kinds = Counter(receipt.why if isinstance(receipt, Refused) else type(receipt) for receipt in receipts)
    expect(kinds, Counter({Done: 3, Refusal.NO_ROOM: _CROWD - 3}), "the receipts")
    expect(len(await claim(store)), 3, "the number that wait")


async def no_message_of_a_crowd_is_lost(store: Store) -> None:
    """Of many who tell a run at once, and again because they are not sure, each is heard once."""
    await expect_kept(store, inserting())

    async def tell(id: str) -> None:
        for _ in range(2):
            await apply_one(store, telling(message(id)))

    async with anyio.create_task_group() as tasks:
        for index in range(_CROWD):
            tasks.start_soon(tell, f"m{index}")
    found = [found.id for found in await store.messages("r")]
    expect(sorted(found), [f"m{index}" for index in range(_CROWD)], "what is unread")
    await expect_claimed(store)
    await expect_kept(store, Unit(run="r", epoch=1, number=1, consumed=tuple(found)))
    await expect_unread(store, [])


async def a_reader_skips_nothing(store: Store) -> None:
    """Who reads events while many write gets every unit once, each run's in order."""
    seen: list[tuple[str, int]] = []
    wanted = {f"run-{index}" for index in range(_CROWD)}

    async def write(run: str) -> None:
        await expect_kept(store, inserting(run))
        await expect_claimed(store, id=run)
        for number in range(1, 6):
            await expect_kept(store, owners(number, run=run))

    async def read() -> None:
        cursor = ""
        while len(seen) < 6 * _CROWD:
            page = await store.events(cursor, 3)
            seen.extend((entry.run, fact[0]) for entry in page.entries for fact in entry.facts)
            cursor = page.cursor
            await anyio.sleep(0 if page.entries else 0.001)
        expect((await store.events(cursor)).entries, (), "what is left")

    async with anyio.create_task_group() as tasks:
        for run in wanted:
            tasks.start_soon(write, run)
        with anyio.fail_after(60):
            await read()
    told = {run: [step for who, step in seen if who == run] for run in wanted}
    expect(told, {run: list(range(6)) for run in wanted}, "what was read")


async def verbs_of_all_kinds_go_together(store: Store) -> None:
    """Reading, claiming, renewing and writing at the same time disturb each other in nothing."""
    await enqueue(store, *(entry(f"r{index}") for index in range(_CROWD)))

    async def work(owner: str) -> None:
        for given in await claim(store, n=1, owner=owner):
            await store.renew([(given.record.id, given.epoch)], 60.0)
            await expect_kept(store, owners(1, run=given.record.id))
            await expect_kept(store, ending(2, run=given.record.id, is_gone=True))

    async def look() -> None:
        await store.next_due([LANE, Lane(("p",))])
        await store.events()
        await store.read(["r0"])
        await store.trim(0)

    async with anyio.create_task_group() as tasks:
        for index in range(_CROWD):
            tasks.start_soon(work, f"owner-{index}")
            tasks.start_soon(look)
    await work("last")
    records = await store.read([f"r{index}" for index in range(_CROWD)])
    expect([record.owner for record in records if record], [None] * _CROWD, "the owners")
    expect(await store.trim(0), 0, "the number forgotten")


CHECKS: tuple[Check, ...] = (
    many_may_apply_at_once,
    one_of_many_wins,
    nothing_is_given_twice,
    a_limit_is_kept_by_a_crowd,
    a_room_is_kept_by_a_crowd,
    no_message_of_a_crowd_is_lost,
    a_reader_skips_nothing,
    verbs_of_all_kinds_go_together,
)
