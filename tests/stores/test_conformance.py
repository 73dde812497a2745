"""Both stores do what the protocol says, and the suite that says so finds planted mistakes."""

from collections.abc import Sequence
from contextlib import asynccontextmanager

import anyio
import attrs
import pytest

from taskorch.core.receipts import Claimed, Entry, Receipt, Refused, Repeated
from taskorch.core.unit import LeaseAction, Unit
from taskorch.errors import StoreError
from taskorch.protocols import Store
from taskorch.stores import MemoryStore
from taskorch.testing.stores import CHECKS, check_store
from taskorch.testing.units import a_fact, expect_claimed, expect_steps, hold, inserting, owners


async def test_every_store_conforms(fresh):
    """Every store that is shipped passes the conformance suite, and all checks ran."""
    assert await check_store(fresh) == len(CHECKS)


async def test_a_factory_may_give_a_bare_store_or_a_context_manager():
    """The factory may return an async context manager, or a store that has just the verbs."""

    class Bare:
        """A store that is no context manager."""

        def __init__(self):
            self._inner = MemoryStore()
            self.name = "bare"
            for verb in ("apply", "claim", "read", "journal", "aclose"):
                setattr(self, verb, getattr(self._inner, verb))

    @asynccontextmanager
    async def managed():
        yield MemoryStore()

    assert await check_store(Bare) == len(CHECKS)
    assert await check_store(managed) == len(CHECKS)


async def test_what_is_no_json_is_refused_before_anything_is_kept(fresh):
    """A detail that is no JSON value is a StoreError, and nothing of its batch is kept."""
    async with fresh() as store:
        await hold(store)
        for detail in (float("nan"), object(), {1, 2}, 10**5000):
            bad = attrs.evolve(owners(2), facts=(a_fact(2, detail),))
            with pytest.raises(StoreError, match=r"run 'r'.*nothing of the batch was kept"):
                await store.apply([owners(1), bad])
        await expect_steps(store, [0])


async def test_a_lone_surrogate_in_a_detail_is_kept(fresh):
    """The message of an error may hold a file name that is not UTF-8, and is kept as it is."""
    async with fresh() as store:
        await hold(store)
        await store.apply([attrs.evolve(owners(1), facts=(a_fact(1, "no \udce9 file"),))])

        assert (await store.journal("r"))[-1].facts[0][4] == "no \udce9 file"


async def test_a_client_releases_nothing(fresh):
    """A client's unit holds no lease, so what it says about the lease has no effect."""
    async with fresh() as store:
        await hold(store)
        await store.apply([Unit(run="r", epoch=0, number=0, lease=LeaseAction.RELEASE)])

        assert [record and record.owner for record in await store.read(["r"])] == ["me"]


async def test_a_cancelled_call_holds_nothing(fresh):
    """A claim whose caller is cancelled holds no lease, and the store works on."""
    async with fresh() as store:
        await store.apply([inserting()])
        with anyio.CancelScope() as scope:
            scope.cancel()
            await store.claim("ghost", "r")
        with anyio.CancelScope() as scope:
            scope.cancel()
            await store.apply([inserting("s")])
        with anyio.CancelScope() as scope:
            scope.cancel()
            await store.journal("r")

        [record] = await store.read(["r"])
        assert record is not None
        assert record.owner is None
        await expect_claimed(store, record.epoch + 1)


class _ForgetsNumbers(MemoryStore):
    """Keeps a repeated unit a second time."""

    async def apply(self, units: Sequence[Unit]) -> list[Receipt]:
        self._numbers.clear()
        return await super().apply(units)


class _AsksForTheLeaseFirst(MemoryStore):
    """Turns rules 1 and 2 round."""

    async def apply(self, units: Sequence[Unit]) -> list[Receipt]:
        receipts = []
        for unit in units:
            record = self._records.get(unit.run)
            stale = unit.epoch and (record is None or record.owner is None or record.epoch != unit.epoch)
            kept = attrs.evolve(unit, number=unit.number + 1000) if stale else unit
            receipts += await super().apply([kept])
        return receipts


class _SharesLeases(MemoryStore):
    """Gives a lease again to whoever holds it."""

    async def claim(self, owner: str, id: str) -> Claimed | Refused:
        answer = await super().claim(owner, id)
        return Claimed(self._records[id].epoch) if isinstance(answer, Refused) and answer.by == owner else answer


class _WritesRefusedFacts(MemoryStore):
    """Appends the facts although the put was refused."""

    async def apply(self, units: Sequence[Unit]) -> list[Receipt]:
        receipts = await super().apply(units)
        for unit, receipt in zip(units, receipts, strict=True):
            if isinstance(receipt, Refused):
                await super().apply([Unit(run=unit.run, epoch=0, number=0, facts=unit.facts)])
        return receipts


class _ReadsPagesFromTheirLast(MemoryStore):
    """Gives the entry at the cursor again."""

    async def journal(self, run: str, after: int = 0, n: int = 1000) -> list[Entry]:
        return await super().journal(run, after - 1, n)


class _OverlooksRepeatedInserts(MemoryStore):
    """Says that there is such a record where the insert was repeated."""

    async def apply(self, units: Sequence[Unit]) -> list[Receipt]:
        receipts = await super().apply(units)
        return [
            Refused("exists") if isinstance(receipt, Repeated) and not unit.epoch else receipt
            for unit, receipt in zip(units, receipts, strict=True)
        ]


class _OvertakesItself(MemoryStore):
    """Waits between looking and leasing, so two may claim at once."""

    async def claim(self, owner: str, id: str) -> Claimed | Refused:
        record = self._records.get(id)
        if record is None or record.owner is not None:
            return await super().claim(owner, id)
        await anyio.sleep(0.001)
        self._records[id] = attrs.evolve(record, epoch=record.epoch + 1, owner=owner)
        return Claimed(record.epoch + 1)


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (_ForgetsNumbers, "a_repeated_number_is_known"),
        (_AsksForTheLeaseFirst, "a_repeat_is_known_without_the_lease"),
        (_SharesLeases, "a_lease_is_not_shared"),
        (_WritesRefusedFacts, "another_insert_is_refused"),
        (_ReadsPagesFromTheirLast, "a_journal_is_read_in_pages"),
        (_OverlooksRepeatedInserts, "a_repeated_insert_is_known"),
        (_OvertakesItself, "one_of_many_wins"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_a_planted_mistake_is_found(broken, check):
    """A store that breaks one rule fails the check of this rule, which quotes it."""
    with pytest.raises(AssertionError, match=f"memory: fails {check}: .*[.] But: "):
        await check_store(broken)


async def test_an_unexpected_error_names_the_check():
    """An error that is no broken rule goes through, with a note that names the store and the check."""

    class Raises(MemoryStore):
        async def read(self, ids):
            raise KeyError(ids[0])

    with pytest.raises(KeyError) as caught:
        await check_store(Raises)
    assert "check an_insert_is_read_back" in caught.value.__notes__[0]


def test_a_store_is_a_store(fresh):
    """The shipped stores have the types of the protocol, as a type checker sees them."""
    store: Store = fresh()

    assert store.name
