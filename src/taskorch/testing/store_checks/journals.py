"""Journals: what happened to one run, in order."""

from taskorch.core.unit import Unit
from taskorch.protocols.store import Store
from taskorch.testing.store_checks.check import Check
from taskorch.testing.units import a_fact, expect, expect_kept, hold, inserting, owners


async def cursors_rise(store: Store) -> None:
    """Cursors of one run rise; an entry has that of its receipt; units without facts are left out."""
    await hold(store)
    units = (owners(1), Unit(run="r", epoch=1, number=2), owners(3))
    first, none, second = [await expect_kept(store, unit) for unit in units]
    expect(first < second, True, "whether the cursors rise")
    expect(none, 0, "the cursor of a unit without facts")
    expect([entry.cursor for entry in await store.journal("r")][1:], [first, second])


async def cursors_rise_within_a_batch(store: Store) -> None:
    """The receipts of a batch have the cursors of their own units, whatever run they are of."""
    await hold(store)
    await hold(store, "s")
    units = [owners(1), owners(1, run="s"), Unit(run="r", epoch=1, number=2), owners(2, run="s"), owners(3)]
    cursors = [getattr(receipt, "cursor", None) for receipt in await store.apply(units)]
    expect([entry.cursor for entry in await store.journal("r")][1:], [cursors[0], cursors[4]])
    expect([entry.cursor for entry in await store.journal("s")][1:], [cursors[1], cursors[3]])
    expect(cursors[2], 0, "the cursor of a unit without facts")


async def a_journal_is_read_in_pages(store: Store) -> None:
    """Journal gives at most n units' facts of this run, in the order they were kept, behind the cursor."""
    await hold(store)
    for number in range(1, 6):
        await store.apply([owners(number), inserting(f"other-{number}")])
    pages, after = [], 0
    while page := await store.journal("r", after, 2):
        pages.append([entry.facts[0][0] for entry in page])
        after = page[-1].cursor
        expect(len(pages) < 5, True, "whether the pages come to an end")
    expect(pages, [[0, 1], [2, 3], [4, 5]])
    expect(await store.journal("none"), [])
    expect({entry.run for entry in await store.journal("r")}, {"r"})


async def a_journal_goes_on(store: Store) -> None:
    """The facts are appended behind all earlier ones: who reads on after the last cursor gets the new ones."""
    await hold(store)
    last = (await store.journal("r"))[-1].cursor
    expect(await store.journal("r", last), [])
    await expect_kept(store, owners(1))
    await expect_kept(store, owners(2, release=True))
    found = await store.journal("r", last)
    expect([entry.facts for entry in found], [(a_fact(1),), (a_fact(2),)])


async def details_are_json(store: Store) -> None:
    """Facts come back in order, as tuples, with details as the JSON values they were written as."""
    plain = [None, True, 0, -1, 2**53 + 1, 10**40, 0.1, -1e300, "", '\u00e9\U0001f9ea\u2028\0"\\']
    nested = {"message": "m\u00e9", "retry_at": None, "deep": [[{"k": [1, 2.5, "x"]}]]}
    await hold(store)
    written = tuple(a_fact(step, detail) for step, detail in enumerate([*plain, nested, (1, (2,))]))
    await expect_kept(store, Unit(run="r", epoch=1, number=1, facts=written))
    wanted = tuple(a_fact(step, detail) for step, detail in enumerate([*plain, nested, [1, [2]]]))
    facts = (await store.journal("r"))[-1].facts
    # repr, because 1 == 1.0 == True, and they are not the same JSON value.
    expect(repr(facts), repr(wanted))


CHECKS: tuple[Check, ...] = (
    cursors_rise,
    cursors_rise_within_a_batch,
    a_journal_is_read_in_pages,
    a_journal_goes_on,
    details_are_json,
)
