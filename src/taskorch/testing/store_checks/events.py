"""What happened to all runs, from cursor to cursor."""

from collections.abc import Sequence

from taskorch.core.receipts import Entry
from taskorch.core.unit import Unit
from taskorch.protocols.store import Store
from taskorch.testing.store_checks.check import Check
from taskorch.testing.units import a_fact, expect, expect_kept, hold, inserting, owners


async def _read_on(store: Store, after: str = "", n: int = 1000) -> tuple[list[Entry], str]:
    """All that there is behind a cursor, and where to read on."""
    entries: list[Entry] = []
    while True:
        page = await store.events(after, n)
        expect(len(page.entries) <= n, True, "whether a page has at most n entries")
        if not page.entries:
            return entries, page.cursor
        entries += page.entries
        after = page.cursor
        expect(len(entries) < 1000, True, "whether the pages come to an end")


def _told(entries: Sequence[Entry]) -> list[tuple[str, int]]:
    return [(entry.run, fact[0]) for entry in entries for fact in entry.facts]


async def nothing_has_happened_yet(store: Store) -> None:
    """Events of a fresh store are an empty page; its cursor is where to read on, again and again."""
    first = await store.events()
    expect(first.entries, ())
    again = await store.events(first.cursor)
    expect(again.entries, ())
    await expect_kept(store, inserting())
    for cursor in (first.cursor, again.cursor, ""):
        expect(_told((await store.events(cursor)).entries), [("r", 0)], "what is behind the cursor of an empty page")


async def all_that_happened_is_told_once(store: Store) -> None:
    """Who reads on from cursor to cursor gets the facts of all runs once, whatever the size of the pages is."""
    for id in ("r", "s"):
        await hold(store, id)
    for number in range(1, 5):
        await store.apply([owners(number, run="s"), owners(number)])
    wanted = sorted((run, step) for run in ("r", "s") for step in range(5))
    for n in (1, 2, 3, 10, 1000):
        found, _ = await _read_on(store, n=n)
        expect(sorted(_told(found)), wanted, f"what is told in pages of {n}")
        for run in ("r", "s"):
            own = [entry for entry in found if entry.run == run]
            expect(own, await store.journal(run), f"what is told of {run!r}")


async def what_comes_later_is_behind_the_cursor(store: Store) -> None:
    """A unit that is kept later comes later: behind the cursor that a reader has, and only there."""
    await hold(store)
    found, cursor = await _read_on(store)
    expect(_told(found), [("r", 0)])
    for number in (1, 2):
        await expect_kept(store, owners(number))
        found, cursor = await _read_on(store, cursor)
        expect(_told(found), [("r", number)], "what is told of what came later")
    found, end = await _read_on(store, cursor)
    expect(found, [])
    expect((await store.events(end)).entries, ())


async def only_what_was_kept_is_told(store: Store) -> None:
    """Units without facts, repeats, and units that were refused are not told."""
    await hold(store)
    units = [
        owners(1),
        Unit(run="r", epoch=1, number=2),
        owners(1),
        owners(1, 7),
        inserting(body="[]"),
        inserting(),
        owners(3, release=True),
    ]
    await store.apply(units)
    found, _ = await _read_on(store)
    expect(_told(found), [("r", 0), ("r", 1), ("r", 3)])


async def a_unit_is_told_whole(store: Store) -> None:
    """The facts of a unit are one entry, with its run, its cursor in the journal, and details as JSON values."""
    await hold(store)
    facts = (a_fact(1, {"a": [1, None, "\u00e9"]}), a_fact(2), a_fact(3, "x"))
    cursor = await expect_kept(store, Unit(run="r", epoch=1, number=1, facts=facts))
    page = await store.events()
    expect(page.entries[-1], Entry(cursor=cursor, run="r", facts=facts))
    expect((await store.events("", 1)).entries, page.entries[:1])


CHECKS: tuple[Check, ...] = (
    nothing_has_happened_yet,
    all_that_happened_is_told_once,
    what_comes_later_is_behind_the_cursor,
    only_what_was_kept_is_told,
    a_unit_is_told_whole,
)
