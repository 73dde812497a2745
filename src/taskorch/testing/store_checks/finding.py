"""Finding records by what they are."""

from taskorch.core.selection import Filter
from taskorch.core.unit import Put, Unit
from taskorch.protocols.store import Store
from taskorch.testing.entries import claim, ending, enqueue, entry, expect_claims, placing
from taskorch.testing.store_checks.check import Check
from taskorch.testing.units import expect, expect_claimed, expect_kept, inserting


async def _insert(store: Store, *puts: tuple[str, str, str | None]) -> None:
    """Insert records, each an id, a state and a parent."""
    for id, state, parent in puts:
        put = Put(id=id, body="{}", version=0, expected=None, state=state, parent=parent)
        await expect_kept(store, Unit(run=id, epoch=0, number=0, puts=(put,)))


async def _expect_found(store: Store, meant: Filter, wanted: list[str], after: str = "", n: int = 1000) -> None:
    found = await store.find(meant, after, n)
    expect([record.id for record in found], wanted, f"what is found by {meant!r}")


async def records_are_found_by_state(store: Store) -> None:
    """Find gives the records whose state, as it was put last, is one of these."""
    await _insert(store, ("b", "queued", None), ("a", "running", None), ("c", "done", None), ("d", "", None))
    await _expect_found(store, Filter(states=frozenset({"queued", "running"})), ["a", "b"])
    await _expect_found(store, Filter(states=frozenset({""})), ["d"])
    await _expect_found(store, Filter(states=frozenset()), [])
    await _expect_found(store, Filter(states=frozenset({"none"})), [])
    put = Put(id="a", body="{}", version=1, expected=0, state="done")
    await expect_kept(store, Unit(run="a", epoch=0, number=0, puts=(put,)))
    await _expect_found(store, Filter(states=frozenset({"done"})), ["a", "c"])
    await _expect_found(store, Filter(states=frozenset({"running"})), [])


async def records_are_found_by_parent(store: Store) -> None:
    """Find gives the records that belong to a record, whether or not that is there."""
    await _insert(store, ("p", "", None), ("b", "x", "p"), ("a", "y", "p"), ("c", "x", "none"))
    await _expect_found(store, Filter(parent="p"), ["a", "b"])
    await _expect_found(store, Filter(parent="none"), ["c"])
    await _expect_found(store, Filter(parent="a"), [])
    await _expect_found(store, Filter(parent="p", states=frozenset({"x"})), ["b"])


async def records_are_found_by_queue(store: Store) -> None:
    """Find gives the records that wait in a queue, or have been claimed from it, due or not."""
    await expect_kept(store, inserting("z"))
    await enqueue(store, entry("c"), entry("a", due=None), entry("b", queue="p"))
    await _expect_found(store, Filter(queue="q"), ["a", "c"])
    await expect_claims(store, ["c"])
    await _expect_found(store, Filter(queue="q"), ["a", "c"])
    await expect_kept(store, ending(run="c", is_gone=True))
    await expect_kept(store, placing(entry("a", queue="p"), entry("z")))
    await _expect_found(store, Filter(queue="q"), ["z"])
    await _expect_found(store, Filter(queue="p"), ["a", "b"])


async def conditions_are_met_together(store: Store) -> None:
    """Records are found that meet every condition that is given; all, if none is."""
    await _insert(store, ("a", "x", "p"), ("b", "x", "p"), ("c", "x", None), ("d", "y", "p"))
    await expect_kept(store, placing(entry("b"), entry("c"), entry("d")))
    await _expect_found(store, Filter(states=frozenset({"x"}), parent="p", queue="q"), ["b"])
    await _expect_found(store, Filter(parent="p", queue="q"), ["b", "d"])
    await _expect_found(store, Filter(), ["a", "b", "c", "d"])


async def what_is_found_is_read_in_pages(store: Store) -> None:
    """Find gives at most n records by their ids, behind the id *after*, which need not be there."""
    ids = ["B", "a", "a-b", "ab", "b", "\u00e9", "\uff5e", "\U0001f9ea"]
    await _insert(store, *((id, "x", None) for id in ids[::2] + ids[1::2]))
    await _insert(store, ("aa", "y", None))
    wanted = Filter(states=frozenset({"x"}))
    await _expect_found(store, wanted, ids)
    pages, after = [], ""
    while page := await store.find(wanted, after, 3):
        pages.append([record.id for record in page])
        after = page[-1].id
        expect(len(pages) < 4, True, "whether the pages come to an end")
    expect(pages, [ids[:3], ids[3:6], ids[6:]])
    await _expect_found(store, wanted, ["ab"], "aa", 1)
    await _expect_found(store, wanted, [], n=0)


async def what_is_found_is_as_read(store: Store) -> None:
    """Find gives records as ``read`` does: their owners, epochs and entries."""
    await enqueue(store, entry("a"), entry("b"), entry("c"))
    await claim(store, n=1)
    await expect_claimed(store, id="b", ttl=0)
    expect(await store.find(Filter(queue="q")), [record for record in await store.read(["a", "b", "c"]) if record])


CHECKS: tuple[Check, ...] = (
    records_are_found_by_state,
    records_are_found_by_parent,
    records_are_found_by_queue,
    conditions_are_met_together,
    what_is_found_is_read_in_pages,
    what_is_found_is_as_read,
)
