"""Several workers at one store: limits, rooms and events are exact, each record is worked on once."""

from collections import Counter

import attrs
import pytest

from taskorch.core.receipts import Page
from taskorch.stores import MemoryStore
from taskorch.stores.memory.index import Index
from taskorch.stores.memory.tables import Tables
from taskorch.stores.settlement import Settlement
from tests.stores.exactness import (
    DONE,
    HANDED_BACK,
    Job,
    Report,
    in_processes,
    in_tasks,
    most_at_once,
    most_at_work,
    open_shared,
    verify,
)

SHORT = Job(each=12)


async def test_three_tasks_are_exact(fresh):
    """Three tasks and a reader at one store object see nothing that is not exact."""
    async with fresh() as store:
        reports = await in_tasks(store, SHORT)
        await verify(store, SHORT, reports)

    assert sum(len(report.done) for report in reports) == len(SHORT.ids)
    assert sum(len(report.handed_back) for report in reports) == len(SHORT.ids) // 3
    assert sum(report.full for report in reports) > 0
    assert sum(len(report.told) for report in reports) == len(SHORT.ids) * 7 // 3


@pytest.mark.parametrize("hands_back", [True, False], ids=["handing back", "working on"])
@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # each process has a loop of its own
@pytest.mark.filterwarnings("ignore:SQLite .* may damage a write-ahead log:UserWarning")
async def test_three_processes_are_exact(kind, hands_back, path):
    """Three processes, and a fourth that reads, at one shared store see nothing that is not exact."""
    job = Job(each=30, limit=2, room=6, hands_back=hands_back)

    reports = await in_processes(kind, str(path), job)
    async with open_shared(kind, str(path)) as store:
        await verify(store, job, reports)

    assert most_at_work(reports) > 1, "one process worked after the other"
    assert [report for report in reports if report.told]


# --- the test itself finds what is not exact -------------------------------------------------------------------


async def _expect_found(problem, job=SHORT):
    async with MemoryStore() as store:
        reports = await in_tasks(store, job)
        with pytest.raises(AssertionError, match=f"not exact: .*{problem}"):
            await verify(store, job, reports)


async def test_a_limit_that_is_exceeded_is_found(monkeypatch):
    """Leases that nobody counts are seen by their overlapping holds."""
    monkeypatch.setattr(Index, "leased", lambda self: Counter())

    await _expect_found("leases at once")


async def test_a_room_that_is_overfilled_is_found(monkeypatch):
    """Rooms that nobody asks for are seen by who waits."""
    monkeypatch.setattr(Settlement, "_no_room", lambda self, unit: None)

    await _expect_found("waiting in one look", Job(each=12, n=1, hands_back=False))


async def test_an_event_that_is_skipped_is_found(monkeypatch):
    """A reader who is not told of something misses it."""
    page = Tables.page

    def skipping(self, after, n):
        found = page(self, after, n)
        told = [entry for entry in found.entries if entry.facts[0][0] != HANDED_BACK]
        return Page(tuple(told), found.cursor)

    monkeypatch.setattr(Tables, "page", skipping)

    await _expect_found("events.*skipped")


async def test_an_event_that_is_told_twice_is_found(monkeypatch):
    """A reader who is told something twice knows."""
    page = Tables.page

    def repeating(self, after, n):
        found = page(self, after, n)
        twice = [entry for entry in found.entries if entry.facts[0][0] != DONE][:1]
        return Page((*twice, *found.entries), found.cursor)

    monkeypatch.setattr(Tables, "page", repeating)

    await _expect_found("events.*not once")


async def test_a_record_that_is_worked_on_twice_is_found():
    """A record that two workers had, one after the other or at once, is told."""
    job = Job(workers=1, each=1)
    async with MemoryStore() as store:
        told, report = sorted(await in_tasks(store, job), key=lambda one: len(one.done))
        first, second = attrs.evolve(report, handed_back=[]), attrs.evolve(report, handed_back=[])
        with pytest.raises(AssertionError, match=r"held twice.*not done once"):
            await verify(store, job, [first, second, told])
        with pytest.raises(AssertionError, match="not done once"):
            await verify(store, job, [Report(), told])


def test_holds_that_touch_do_not_overlap():
    """A hold that begins when another ends is no overlap."""
    assert most_at_once([(0, 1, "a"), (1, 2, "b")]) == 1
    assert most_at_once([(0, 2, "a"), (1, 3, "b"), (1.5, 1.6, "c"), (5, 6, "d")]) == 3
