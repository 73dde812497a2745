"""What is decided while a store is busy goes to it together, and is still acted on only once it is safe."""

import anyio
import anyio.lowlevel
import pytest

import taskorch
from taskorch import StoreUnavailable, Workflow
from taskorch.core.frontier.facts import COMPLETE, START
from taskorch.core.unit import Unit
from taskorch.engine.decisions import MOST_FACTS
from taskorch.stores import MemoryStore
from tests.harness.clocks import JumpingClock
from tests.harness.stores import Around


class Slow(Around):
    """A store that lets others have many turns before it answers, and loses some answers.

    Attributes:
        sent: The units of each call, in order.
        started: The steps whose start is kept.
    """

    def __init__(self, store, loses=()):
        super().__init__(store)
        self.sent: list[list[Unit]] = []
        self.started: set[int] = set()
        self._loses = set(loses)

    async def apply(self, units):
        """Take note of *units*, and keep them in the middle of a long time."""
        self.sent.append(list(units))
        for _ in range(30):
            await anyio.lowlevel.checkpoint()
        receipts = await self.store.apply(units)
        for _ in range(30):
            await anyio.lowlevel.checkpoint()
        self.started.update(step for unit in units for step, verb, *_ in unit.facts if verb == START)
        if len(self.sent) in self._loses:
            raise StoreUnavailable(self.name, "the answer was lost")
        return receipts


def staggered(width: int, store: Slow) -> Workflow:
    """A workflow of bodies that end one after the other, each with a successor; all see that their start is kept."""
    flow = Workflow("w")

    def body(number: int, turns: int):
        async def run():
            assert number in store.started
            for _ in range(turns):
                await anyio.lowlevel.checkpoint()

        return run

    for number in range(width):
        flow.step(body(2 * number, 3 * number), id=f"a{number}")
        flow.step(body(2 * number + 1, 2), id=f"b{number}", after=f"a{number}")
    return flow


@pytest.mark.parametrize("loses", [(), (4,), (5, 6), (8,)], ids=str)
async def test_what_is_decided_meanwhile_goes_together(loses):
    """Far fewer units than decisions go, in order, each acted on once it is kept; what is repeated is the same unit."""
    async with MemoryStore() as inner:
        store = Slow(inner, loses)
        flow = staggered(20, store)
        result = await taskorch.run(flow, store=store, run_id="r", clock=JumpingClock())
        facts = [fact for entry in await inner.journal("r") for fact in entry.facts]

    assert result.success
    units = [unit for batch in store.sent for unit in batch if unit.epoch]
    distinct = {unit.number: unit for unit in units}
    assert all(distinct[unit.number] == unit for unit in units)  # repeated as it was
    assert sorted(distinct) == [*range(1, len(distinct) + 1)]
    assert len(distinct) < 30
    assert [fact for _, unit in sorted(distinct.items()) for fact in unit.facts] == facts
    assert len([fact for fact in facts if fact[1] == COMPLETE]) == 40
    assert all(len([unit for unit in batch if not unit.puts]) <= 1 for batch in store.sent)


async def test_units_stay_of_a_size_that_readers_can_take():
    """However much is decided at once: a unit ends with the decision that would make it too large."""
    width = 5 * MOST_FACTS
    flow = Workflow("w")
    for number in range(width):
        flow.step(lambda: None, id=f"s{number}", inline=True)
    async with MemoryStore() as inner:
        store = Slow(inner)
        (await taskorch.run(flow, store=store, run_id="r")).check()

    sizes = [len(unit.facts) for batch in store.sent for unit in batch]
    assert sum(sizes) == 4 * width
    assert len(sizes) < 30
    assert max(sizes[2:]) <= MOST_FACTS  # the first decision alone starts all
