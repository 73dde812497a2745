"""Batches that are larger than what one statement looks up."""

from taskorch.core.receipts import Done, Refusal, Refused
from taskorch.core.selection import Lane
from taskorch.core.unit import LeaseAction, Put, Unit, WaitingEntry
from taskorch.stores import SQLiteStore

COUNT = 123


def waiting(number: int) -> Unit:
    """A client's unit by which a task begins to wait, the later the better its rank."""
    id = f"T-{number:03}"
    put = Put(id=id, body=f'"{number}"', version=0, expected=None)
    entry = WaitingEntry(id=id, queue="q", rank=f"{COUNT - number:03}")
    return Unit(run=id, epoch=0, number=0, puts=(put,), entries=(entry,))


def done(id: str, epoch: int) -> Unit:
    """The owner's unit that ends it."""
    put = Put(id=id, body='"done"', version=1, expected=0, state="completed", finished_at=1)
    return Unit(run=id, epoch=epoch, number=1, puts=(put,), gone=(id,), lease=LeaseAction.RELEASE)


async def test_many_records_are_looked_up_claimed_and_written_in_their_order(tmp_path):
    """However many records a batch is about, each is found, given in the order of ranks, and written as it is put."""
    async with SQLiteStore(tmp_path / "a.db", durability="normal") as store:
        units = [waiting(number) for number in range(COUNT)]
        assert all(isinstance(receipt, Done) for receipt in await store.apply(units))
        again = [waiting(number) for number in range(COUNT, -1, -1)]
        changed = Put(id="T-005", body='"other"', version=0, expected=None)
        receipts = await store.apply([*again, Unit(run="T-005", epoch=0, number=0, puts=(changed,))])
        assert receipts[-1] == Refused(Refusal.EXISTS, id="T-005")

        claimed = await store.claim("me", [Lane(("q",))], {}, None, COUNT + 1)
        ids = [f"T-{number:03}" for number in range(COUNT, -1, -1)]
        assert [given.record.id for given in claimed] == ids
        assert [given.record.body for given in claimed] == [f'"{number}"' for number in range(COUNT, -1, -1)]

        receipts = await store.apply([done(given.record.id, given.epoch) for given in claimed])
        assert all(isinstance(receipt, Done) for receipt in receipts)
        for record in await store.read(ids):
            assert record is not None
            assert (record.version, record.body, record.epoch, record.owner, record.entry) == (
                1,
                '"done"',
                1,
                None,
                None,
            )
