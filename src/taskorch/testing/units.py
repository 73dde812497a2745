"""The units that the checks of a store are made of, and what the checks expect of them."""

from typing import TypeVar

from taskorch.core.frontier.facts import Fact
from taskorch.core.receipts import Claimed, Done, Receipt, Record, Refusal, Refused, Repeated
from taskorch.core.unit import LeaseAction, Put, Unit, WaitingEntry
from taskorch.protocols.store import Store

T = TypeVar("T")


def expect(actual: T, wanted: T, what: str = "the answer") -> None:
    """Raise ``AssertionError`` unless *actual* is *wanted*."""
    if actual != wanted:
        raise AssertionError(f"{what} is {actual!r} instead of {wanted!r}")


def a_fact(step: int, detail: object = None) -> Fact:
    """A completion of *step*."""
    return (step, 3, 1, 1_700_000_000_000_000 + step, detail)


def inserting(id: str = "r", body: str = "{}", version: int = 0) -> Unit:
    """A client's unit that inserts a record, with one fact of step 0."""
    put = Put(id=id, body=body, version=version, expected=None)
    return Unit(run=id, epoch=0, number=0, puts=(put,), facts=(a_fact(0),))


def update(expected: int, body: str = "[]", id: str = "r") -> Put:
    """A put over the version *expected*."""
    return Put(id=id, body=body, version=expected + 1, expected=expected)


def clients(put: Put) -> Unit:
    """A client's unit, with one fact of step 9."""
    return Unit(run=put.id, epoch=0, number=0, puts=(put,), facts=(a_fact(9),))


def owners(number: int, epoch: int = 1, *, put: Put | None = None, release: bool = False, run: str = "r") -> Unit:
    """An owner's unit, with one fact whose step is the number."""
    lease = LeaseAction.RELEASE if release else LeaseAction.KEEP
    puts = () if put is None else (put,)
    return Unit(run=run, epoch=epoch, number=number, puts=puts, facts=(a_fact(number),), lease=lease)


async def apply_one(store: Store, unit: Unit) -> Receipt:
    """The receipt of *unit*, applied alone."""
    receipts = await store.apply([unit])
    expect(len(receipts), 1, "the number of receipts")
    return receipts[0]


async def expect_kept(store: Store, unit: Unit) -> int:
    """Apply *unit*, expect ``Done``, and return the cursor."""
    receipt = await apply_one(store, unit)
    cursor = receipt.cursor if isinstance(receipt, Done) else None
    if cursor is None:
        raise AssertionError(f"the receipt of {unit!r} is {receipt!r} instead of Done")
    return cursor


async def expect_refused(store: Store, unit: Unit, why: Refusal, id: str | None = None, by: str = "") -> None:
    """Apply *unit* and expect it to be refused for the reason *why*; with *id*, because of that id and *by*."""
    receipt = await apply_one(store, unit)
    expect(receipt.why if isinstance(receipt, Refused) else receipt, why, f"the receipt of {unit!r}")
    if id is not None:
        expect(receipt, Refused(why, by=by, id=id, load=getattr(receipt, "load", None)), f"the receipt of {unit!r}")


async def expect_repeated(store: Store, unit: Unit) -> None:
    """Apply *unit* and expect ``Repeated``."""
    expect(await apply_one(store, unit), Repeated(), f"the receipt of {unit!r}")


async def expect_claimed(
    store: Store, epoch: int = 1, owner: str = "me", id: str = "r", *, ttl: float | None = None, force: bool = False
) -> Claimed:
    """Lease *id*, expect *epoch*, and return what was given. A lease with *ttl* 0 lives no longer at once."""
    given = await expect_lease(store, owner, id, ttl, force=force)
    expect(given.epoch, epoch, "the epoch")
    return given


async def expect_lease(
    store: Store, owner: str = "me", id: str = "r", ttl: float | None = None, *, force: bool = False
) -> Claimed:
    """Lease *id*, and return what was given, of whatever epoch."""
    answer = await store.lease(owner, id, ttl, force=force)
    if isinstance(answer, Claimed):
        return answer
    raise AssertionError(f"the lease of {id!r} is {answer!r} instead of one that is given")


async def hold(store: Store, id: str = "r") -> None:
    """A record *id*, version 0, claimed by "me" under epoch 1."""
    await expect_kept(store, inserting(id))
    await expect_claimed(store, id=id)


async def expect_steps(store: Store, wanted: list[int], run: str = "r") -> None:
    """Read the journal of *run* and expect these steps, by which the checks know their units again."""
    found = [fact[0] for entry in await store.journal(run) for fact in entry.facts]
    expect(found, wanted, f"the journal of {run!r}, told by its steps,")


async def expect_record(
    store: Store,
    version: int,
    body: str,
    epoch: int = 0,
    owner: str | None = None,
    *,
    entry: WaitingEntry | None = None,
) -> None:
    """Read the record "r" and expect it to be this."""
    wanted = Record(id="r", version=version, body=body, epoch=epoch, owner=owner, entry=entry)
    expect(await store.read(["r"]), [wanted])
