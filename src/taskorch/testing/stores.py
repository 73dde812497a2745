"""The conformance suite of stores: what ``taskorch.protocols.Store`` says, as checks that need no pytest.

Each check is given a fresh store. Its docstring is the rule, which ``check_store`` quotes when it is broken.
Together they are ``CHECKS``.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Protocol

import anyio

from taskorch.core.receipts import Claimed, Done, Receipt, Refusal, Refused, Repeated
from taskorch.core.unit import Put, Unit
from taskorch.errors import StoreError
from taskorch.protocols.store import Store
from taskorch.testing.units import (
    a_fact,
    apply_one,
    clients,
    expect,
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

Factory = Callable[[], AbstractAsyncContextManager[Store] | Store]


class Check(Protocol):
    """A function that is a check."""

    __name__: str

    async def __call__(self, store: Store, /) -> None:
        """Check *store*, which is fresh."""


async def check_store(factory: Factory) -> int:
    """Check that a store does what the protocol says.

    Args:
        factory: Called once for each check; returns a fresh, empty store, either as an async context manager
            that enters to it, or as it is: then it is closed with ``aclose()``.

    Returns:
        How many checks were made.

    Raises:
        AssertionError: The store breaks a rule; the message names the check and quotes the rule.
    """
    for check in CHECKS:
        async with AsyncExitStack() as stack:
            fresh = factory()
            if isinstance(fresh, AbstractAsyncContextManager):
                store = await stack.enter_async_context(fresh)
            else:
                store = fresh
                stack.push_async_callback(store.aclose)
            try:
                await check(store)
            except Exception as error:
                if not isinstance(broken := _first(error), AssertionError):
                    error.add_note(f"raised by {store.name} during the check {check.__name__} of check_store")
                    raise
                rule = " ".join((check.__doc__ or "").split())
                raise AssertionError(f"{store.name} fails {check.__name__}: {rule} But: {broken}") from None
    return len(CHECKS)


def _first(error: Exception) -> Exception:
    """The error itself, or the first one in a group that a task group made."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


# --- records -----------------------------------------------------------------------------------------------


async def it_has_a_name(store: Store) -> None:
    """A store has a name for messages."""
    expect(type(store.name), str)
    expect(bool(store.name), True, "whether the name has letters")


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


async def a_repeated_insert_is_known(store: Store) -> None:
    """Rule 3: a client's insert whose body and version are the kept ones is Repeated and changes nothing."""
    await expect_kept(store, inserting())
    await expect_repeated(store, inserting())
    await expect_steps(store, [0])


async def another_insert_is_refused(store: Store) -> None:
    """Rule 3: a client's insert that differs from the kept record is Refused(EXISTS) and changes nothing."""
    await expect_kept(store, inserting())
    await expect_refused(store, inserting(body="[]"), Refusal.EXISTS)
    await expect_refused(store, inserting(version=1), Refusal.EXISTS)
    await expect_record(store, 0, "{}")
    await expect_steps(store, [0])


async def an_owners_insert_is_not_known_by_its_body(store: Store) -> None:
    """Rule 3: an owner's insert of an id that exists is Refused(EXISTS), even if it is equal."""
    await hold(store)
    equal = Put(id="r", body="{}", version=0, expected=None)
    await expect_refused(store, owners(1, put=equal), Refusal.EXISTS)
    await expect_kept(store, owners(1, put=Put(id="child", body="{}", version=0, expected=None)))


async def an_update_needs_the_version(store: Store) -> None:
    """Rule 4: a put with an expected version other than the kept one, or no record, is a VERSION_CONFLICT."""
    await expect_kept(store, inserting())
    await expect_refused(store, clients(update(1)), Refusal.VERSION_CONFLICT)
    await expect_refused(store, clients(update(0, id="none")), Refusal.VERSION_CONFLICT)
    await expect_record(store, 0, "{}")
    await expect_steps(store, [0])
    await expect_steps(store, [], run="none")
    await expect_kept(store, clients(update(0)))
    await expect_record(store, 1, "[]")


# --- leases ------------------------------------------------------------------------------------------------


async def nothing_unknown_is_claimed(store: Store) -> None:
    """Claim is Refused(UNKNOWN) without such a record."""
    expect(await store.lease("me", "none"), Refused(Refusal.UNKNOWN, id="none"))


async def a_claim_is_read_back(store: Store) -> None:
    """A record shows the epoch of its last lease and who holds it."""
    await hold(store)
    await expect_record(store, 0, "{}", 1, "me")
    await expect_kept(store, owners(1, put=update(0)))
    await expect_record(store, 1, "[]", 1, "me")


async def only_the_owner_writes(store: Store) -> None:
    """Rule 5: whoever else writes to a record on which a lease lives is Refused(BUSY), told by whom."""
    await hold(store)
    await expect_refused(store, clients(update(0)), Refusal.BUSY)
    await expect_record(store, 0, "{}", 1, "me")
    await expect_kept(store, owners(1, release=True))
    await expect_kept(store, clients(update(0)))


async def a_lease_is_not_shared(store: Store) -> None:
    """Claim is Refused(BUSY), naming the holder, while a living owner holds it, the claimant included."""
    await hold(store)
    expect(await store.lease("you", "r"), Refused(Refusal.BUSY, by="me", id="r"))
    expect(await store.lease("me", "r"), Refused(Refusal.BUSY, by="me", id="r"))


async def a_released_lease_gives_the_next_epoch(store: Store) -> None:
    """A unit may release its lease; who comes next gets an epoch one above the last, and numbers from 1."""
    await hold(store)
    await expect_kept(store, owners(1, release=True))
    await expect_steps(store, [0, 1])
    await expect_record(store, 0, "{}", 1)
    await expect_claimed(store, 2, "you")
    await expect_kept(store, owners(1, 2))


async def only_the_living_lease_writes(store: Store) -> None:
    """Rule 2: an owner's unit whose epoch is not that of the living lease of its run is STALE_LEASE."""
    await expect_refused(store, owners(1, run="none"), Refusal.STALE_LEASE)
    await expect_kept(store, inserting())
    await expect_refused(store, owners(1), Refusal.STALE_LEASE)
    await expect_claimed(store)
    await expect_refused(store, owners(1, 2), Refusal.STALE_LEASE)
    await expect_kept(store, owners(1, release=True))
    await expect_refused(store, owners(2), Refusal.STALE_LEASE)
    await expect_claimed(store, 2)
    await expect_refused(store, owners(2), Refusal.STALE_LEASE)
    await expect_steps(store, [0, 1])


# --- repeating ---------------------------------------------------------------------------------------------


async def a_repeated_number_is_known(store: Store) -> None:
    """Rule 1: an owner's unit whose number is not above the last one kept under its epoch is Repeated."""
    await hold(store)
    await expect_kept(store, owners(1))
    await expect_kept(store, owners(3))
    for number in (1, 2, 3):
        await expect_repeated(store, owners(number))
    await expect_steps(store, [0, 1, 3])


async def a_repeat_is_known_without_the_lease(store: Store) -> None:
    """Rule 1 before rule 2: a unit kept already is Repeated whether or not its lease still lives."""
    await hold(store)
    await expect_kept(store, owners(1, release=True))
    await expect_repeated(store, owners(1, release=True))
    await expect_claimed(store, 2, "you")
    await expect_repeated(store, owners(1, release=True))
    await expect_record(store, 0, "{}", 2, "you")


async def a_repeat_is_known_before_its_put(store: Store) -> None:
    """Rule 1 before rules 3 and 4: a unit kept already is Repeated though its put no longer fits."""
    await hold(store)
    new = Put(id="child", body="{}", version=0, expected=None)
    for unit in (owners(1, put=update(0)), owners(2, put=new)):
        await expect_kept(store, unit)
        await expect_repeated(store, unit)


async def a_stale_lease_is_told_before_the_put(store: Store) -> None:
    """Rule 2 before rules 3 and 4: a stale owner's unit is STALE_LEASE, whatever it puts."""
    await expect_kept(store, inserting())
    for put in (update(7), Put(id="r", body="{}", version=0, expected=None)):
        await expect_refused(store, owners(1, put=put), Refusal.STALE_LEASE)


# --- units and batches -------------------------------------------------------------------------------------


async def a_unit_is_all_or_nothing(store: Store) -> None:
    """A refused unit writes no record and no fact, releases no lease, and its number is not remembered."""
    await hold(store)
    await expect_refused(store, owners(1, put=update(7), release=True), Refusal.VERSION_CONFLICT)
    await expect_record(store, 0, "{}", 1, "me")
    await expect_steps(store, [0])
    await expect_kept(store, owners(1, put=update(0)))


async def a_batch_is_in_order(store: Store) -> None:
    """Every unit of a batch sees the effects of those before it, and a refusal does not sink the others."""
    await hold(store)
    wanted: list[tuple[Unit, object]] = [
        (owners(1, put=update(0)), Done),
        (owners(2, put=update(0)), Refusal.VERSION_CONFLICT),
        (owners(2, put=update(1)), Done),
        (inserting("other"), Done),
        (inserting("other"), Repeated),
        (owners(3, release=True), Done),
        (owners(4), Refusal.STALE_LEASE),
    ]
    receipts = await store.apply([unit for unit, _ in wanted])
    kinds = [receipt.why if isinstance(receipt, Refused) else type(receipt) for receipt in receipts]
    expect(kinds, [kind for _, kind in wanted])
    await expect_steps(store, [0, 1, 2, 3])
    expect(await store.apply([]), [])


# --- journals ----------------------------------------------------------------------------------------------


async def cursors_rise(store: Store) -> None:
    """Cursors of one run rise; an entry has that of its receipt; units without facts are left out."""
    await hold(store)
    units = (owners(1), Unit(run="r", epoch=1, number=2), owners(3))
    first, _, second = [await expect_kept(store, unit) for unit in units]
    expect(first < second, True, "whether the cursors rise")
    expect([entry.cursor for entry in await store.journal("r")][1:], [first, second])


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


# --- many at once ------------------------------------------------------------------------------------------


async def many_may_apply_at_once(store: Store) -> None:
    """All verbs may be called at the same time."""

    async def own_run(run: str) -> None:
        await expect_kept(store, inserting(run))
        await expect_claimed(store, id=run)
        for number in range(1, 11):
            await expect_kept(store, owners(number, run=run))
        await expect_steps(store, list(range(11)), run)

    async with anyio.create_task_group() as tasks:
        for index in range(8):
            tasks.start_soon(own_run, f"run-{index}")


async def one_of_many_wins(store: Store) -> None:
    """Of many who claim one record, one gets the lease; of many who put over one version, one does."""
    answers: list[Claimed | Refused] = []
    receipts: list[Receipt] = []

    async def compete(owner: str) -> None:
        answers.append(await store.lease(owner, "r"))
        receipts.append(await apply_one(store, clients(update(0, f'"{owner}"', "s"))))

    await expect_kept(store, inserting())
    await expect_kept(store, inserting("s"))
    async with anyio.create_task_group() as tasks:
        for index in range(8):
            tasks.start_soon(compete, f"owner-{index}")
    expect([type(answer) for answer in answers].count(Claimed), 1, "the number of leases")
    expect([type(receipt) for receipt in receipts].count(Done), 1, "the number of puts kept")


# --- the end -----------------------------------------------------------------------------------------------


async def closing_twice_does_no_harm(store: Store) -> None:
    """Closing twice does no harm."""
    await hold(store)
    await store.aclose()
    await store.aclose()


async def a_closed_store_does_nothing(store: Store) -> None:
    """After aclose() the other verbs raise StoreError."""
    await hold(store)
    await store.aclose()
    verbs: list[Callable[[], Awaitable[object]]] = [
        lambda: store.apply([owners(1)]),
        lambda: store.lease("me", "r"),
        lambda: store.read(["r"]),
        lambda: store.journal("r"),
    ]
    for verb in verbs:
        try:
            answer = await verb()
        except StoreError:
            continue
        raise AssertionError(f"one returned {answer!r}")


CHECKS: tuple[Check, ...] = (
    it_has_a_name,
    an_insert_is_read_back,
    read_keeps_the_order_asked_for,
    a_repeated_insert_is_known,
    another_insert_is_refused,
    an_owners_insert_is_not_known_by_its_body,
    an_update_needs_the_version,
    nothing_unknown_is_claimed,
    a_claim_is_read_back,
    only_the_owner_writes,
    a_lease_is_not_shared,
    a_released_lease_gives_the_next_epoch,
    only_the_living_lease_writes,
    a_repeated_number_is_known,
    a_repeat_is_known_without_the_lease,
    a_repeat_is_known_before_its_put,
    a_stale_lease_is_told_before_the_put,
    a_unit_is_all_or_nothing,
    a_batch_is_in_order,
    cursors_rise,
    a_journal_is_read_in_pages,
    details_are_json,
    many_may_apply_at_once,
    one_of_many_wins,
    closing_twice_does_no_harm,
    a_closed_store_does_nothing,
)
