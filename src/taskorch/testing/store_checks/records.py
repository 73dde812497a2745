"""Records: what is put is read back."""

from taskorch.core.receipts import Refusal
from taskorch.core.unit import Put, Unit
from taskorch.protocols.store import Store
from taskorch.testing.entries import NEVER, enqueue, entry, expect_entry, placing
from taskorch.testing.store_checks.check import Check
from taskorch.testing.units import (
    clients,
    expect,
    expect_kept,
    expect_record,
    expect_refused,
    expect_steps,
    hold,
    inserting,
    update,
)


async def it_has_a_name(store: Store) -> None:
    """A store has a name for messages, and says whether it is shared."""
    expect(type(store.name), str)
    expect(bool(store.name), True, "whether the name has letters")
    expect(type(store.is_shared), bool)


async def an_insert_is_read_back(store: Store) -> None:
    """A put with expected=None for a new id is kept, its body letter by letter."""
    body = '{"title": "Pr\u00fcfung \U0001f9ea", "spaces":  "kept\\n"}'
    await expect_kept(store, inserting(body=body, version=3))
    await expect_record(store, 3, body)


async def read_keeps_the_order_asked_for(store: Store) -> None:
    """Read gives the records in the order asked for, None where there is none."""
    for id in ("a", "b"):
        await expect_kept(store, inserting(id))
    records = await store.read(["b", "none", "a", "b"])
    expect([record and record.id for record in records], ["b", None, "a", "b"])
    expect(await store.read([]), [])


async def an_update_needs_the_version(store: Store) -> None:
    """Rule 6: a put with an expected version other than the kept one, or no record, is a VERSION_CONFLICT."""
    await expect_kept(store, inserting())
    await expect_refused(store, clients(update(1)), Refusal.VERSION_CONFLICT, "r")
    await expect_refused(store, clients(update(0, id="none")), Refusal.VERSION_CONFLICT, "none")
    await expect_record(store, 0, "{}")
    await expect_steps(store, [0])
    await expect_steps(store, [], run="none")
    await expect_kept(store, clients(update(0)))
    await expect_record(store, 1, "[]")


async def the_version_is_the_puts(store: Store) -> None:
    """A record has the version of its last put, whatever that is: the store counts nothing itself."""
    await expect_kept(store, inserting(version=5))
    put = Put(id="r", body="[]", version=2, expected=5)
    await expect_kept(store, clients(put))
    await expect_record(store, 2, "[]")


async def a_unit_writes_several_records(store: Store) -> None:
    """All puts of a unit are written, by an owner to records without a lease as well."""
    for id in ("a", "b"):
        await expect_kept(store, inserting(id))
    await hold(store)
    puts = (update(0, id="a"), update(0, id="b"), Put(id="c", body="[]", version=1, expected=None))
    await expect_kept(store, Unit(run="r", epoch=1, number=1, puts=puts))
    records = await store.read(["a", "b", "c"])
    expect([record and (record.version, record.body) for record in records], [(1, "[]")] * 3)


async def an_entry_is_read_back(store: Store) -> None:
    """A record shows its waiting entry as it was placed, leased or not."""
    placed = entry(queue="\u00fcber all", rank="\U0001f9ea b", due=NEVER, tags=("a: 1", "\u00e9"), wakes=True)
    await enqueue(store, placed)
    await expect_entry(store, placed)
    await store.lease("me", "r")
    await expect_entry(store, placed)
    for number, other in enumerate((entry(due=None), entry(due=-5, tags=("t",)), entry()), start=1):
        await expect_kept(store, Unit(run="r", epoch=1, number=number, entries=(other,)))
        await expect_entry(store, other)


async def an_entry_is_replaced_and_taken_away(store: Store) -> None:
    """A record has one entry at most: another one takes its place, and ``gone`` takes it away."""
    await enqueue(store, entry())
    await expect_kept(store, placing(entry(queue="p", rank="1")))
    await expect_entry(store, entry(queue="p", rank="1"))
    await expect_kept(store, placing(gone=("r",)))
    await expect_entry(store, None)
    await expect_kept(store, placing(gone=("r", "none")))


CHECKS: tuple[Check, ...] = (
    it_has_a_name,
    an_insert_is_read_back,
    read_keeps_the_order_asked_for,
    an_update_needs_the_version,
    the_version_is_the_puts,
    a_unit_writes_several_records,
    an_entry_is_read_back,
    an_entry_is_replaced_and_taken_away,
)
