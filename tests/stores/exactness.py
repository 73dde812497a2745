"""Workers at one store, and a reader of its events: what each of them saw, and whether all of it is exact.

A worker is a task of this process, or a process of its own: ``python -m tests.stores.exactness`` opens the store that
it is told of, says so, waits for a line, runs one part and writes what it saw as one line of JSON.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import Any

import anyio
import attrs

from taskorch.core.receipts import Claimed, Refusal, Refused
from taskorch.core.selection import Filter, Lane
from taskorch.core.unit import LeaseAction, Put, Room, Unit, WaitingEntry
from taskorch.protocols import Store
from taskorch.testing.units import a_fact, expect_kept

ROOT = Path(__file__).parents[2]
QUEUE, TAG = "work", "slot"
LANES = (Lane((QUEUE,)),)
INSERTED, HANDED_BACK, DONE = 0, 1, 2
"""The steps of the facts that the journal of a record has."""


@attrs.frozen
class Job:
    """The work that there is.

    Attributes:
        workers: How many workers there are.
        each: How many records each of them lets wait.
        limit: How many leases may live at once.
        room: How many entries may wait at once.
        n: How many a worker claims at once.
        hands_back: Whether each third record is handed back once; it then waits again beside a full room.
        pause: How long a record is worked on, in seconds.
        patience: When to give up, in seconds.
    """

    workers: int = 3
    each: int = 20
    limit: int = 2
    room: int = 6
    n: int = 2
    hands_back: bool = True
    pause: float = 0.002
    patience: float = 60.0

    @property
    def ids(self) -> list[str]:
        """The ids of all records."""
        return [f"{worker}-{index:04}" for worker in range(self.workers) for index in range(self.each)]


@attrs.define
class Report:
    """What a worker or a reader saw.

    Attributes:
        holds: From when to when a lease was surely held, by the clock of the machine, and the record.
        done: The records whose completion was answered as kept.
        handed_back: The records that were handed back.
        full: How often there was no room.
        crowds: The most leases and the most waiting entries that one look at the queue has shown.
        told: The events that were read: the run and the cursor in its journal.
    """

    holds: list[tuple[float, float, str]] = attrs.field(factory=list)
    done: list[str] = attrs.field(factory=list)
    handed_back: list[str] = attrs.field(factory=list)
    full: int = 0
    crowds: tuple[int, int] = (0, 0)
    told: list[tuple[str, int]] = attrs.field(factory=list)


def open_shared(kind: str, place: str) -> AbstractAsyncContextManager[Store]:
    """A store object at a place that other processes use too.

    Args:
        kind: ``sqlite``, or ``postgres``.
        place: The path of the file; or the address of the database and the schema, with a space between.
    """
    if kind == "sqlite":
        from taskorch.stores import SQLiteStore

        return SQLiteStore(place, shared=True)
    if kind == "postgres":
        from taskorch import stores

        dsn, _, schema = place.rpartition(" ")
        # getattr: the store comes with a driver that need not be installed.
        return getattr(stores, "PostgresStore")(dsn, schema=schema)  # type: ignore[no-any-return]  # noqa: B009
    raise ValueError(f"no such kind of store: {kind!r}")


# --- the parts -------------------------------------------------------------------------------------------------


class Worker:
    """Lets its share of the records wait, and works on whatever is due, until all is done.

    Args:
        store: The store.
        job: The work.
        number: Which worker it is.
    """

    def __init__(self, store: Store, job: Job, number: int) -> None:
        self._store, self._job = store, job
        self._owner = f"worker {number}"
        self._left = [id for id in job.ids if id.startswith(f"{number}-")][::-1]
        self.report = Report()

    async def run(self) -> Report:
        """Work until nothing is left."""
        with anyio.fail_after(self._job.patience):
            while await self._enqueue() or await self._work() or await self._is_awaited():
                pass
        return self.report

    async def _enqueue(self) -> bool:
        """Let one record wait, if one is left and there is room."""
        if not self._left:
            return False
        id = self._left[-1]
        put = Put(id=id, body="{}", version=0, expected=None)
        entry = WaitingEntry(id=id, queue=QUEUE, rank=id[::-1], tags=(TAG,))
        rooms = (Room(QUEUE, self._job.room),)
        unit = Unit(run=id, epoch=0, number=0, puts=(put,), entries=(entry,), rooms=rooms, facts=(a_fact(INSERTED),))
        [receipt] = await self._store.apply([unit])
        if isinstance(receipt, Refused):
            if receipt.why is not Refusal.NO_ROOM:
                raise AssertionError(f"the receipt of an insert is {receipt!r}")
            self.report.full += 1
            return False
        self._left.pop()
        return True

    async def _work(self) -> bool:
        """Claim, and work on what was given."""
        limits = {TAG: self._job.limit}
        claimed = await self._store.claim(self._owner, LANES, limits, None, self._job.n)
        since = time.monotonic()
        for given in claimed:
            await anyio.sleep(self._job.pause)
            # Whoever hands back names no room, so that nothing can be in its way.
            is_back = given.epoch == 1 and int(given.record.id[-4:]) % 3 == 0 and self._job.hands_back
            # The lease was given before `since`, and lives until the store has the unit: a part of that is sure.
            self.report.holds.append((since, time.monotonic(), given.record.id))
            await self._end(given, is_back=is_back)
        return bool(claimed)

    async def _end(self, given: Claimed, *, is_back: bool) -> None:
        id = given.record.id
        unit = Unit(
            run=id,
            epoch=given.epoch,
            number=1,
            gone=() if is_back else (id,),
            facts=(a_fact(HANDED_BACK if is_back else DONE, self._owner),),
            lease=LeaseAction.RELEASE,
        )
        await expect_kept(self._store, unit)
        (self.report.handed_back if is_back else self.report.done).append(id)

    async def _is_awaited(self) -> bool:
        """Whether something is left for anybody, after a look at who waits and who is leased."""
        records = [record for record in await self._store.find(Filter(queue=QUEUE)) if record.entry is not None]
        leased = sum(record.owner is not None for record in records)
        before = self.report.crowds
        self.report.crowds = max(before[0], leased), max(before[1], len(records) - leased)
        await anyio.sleep(0.001)
        return bool(self._left or records)


async def read_events(store: Store, job: Job) -> Report:
    """Read the events of all runs from cursor to cursor, while they happen, until all records are done."""
    report, cursor, done = Report(), "", 0
    with anyio.fail_after(job.patience):
        while done < len(job.ids):
            page = await store.events(cursor, 5)
            cursor = page.cursor
            report.told += [(entry.run, entry.cursor) for entry in page.entries]
            done += sum(fact[0] == DONE for entry in page.entries for fact in entry.facts)
            if not page.entries:
                await anyio.sleep(0.001)
    return report


# --- what must hold --------------------------------------------------------------------------------------------


def most_at_once(holds: Iterable[tuple[float, float, str]]) -> int:
    """The most holds that overlap at one instant."""
    # At one instant ends come before beginnings.
    changes = sorted(change for since, until, _ in holds for change in ((since, 1), (until, -1)))
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


def most_at_work(reports: Iterable[Report]) -> int:
    """The most workers that were at work at one instant: between the beginning of their first hold and their last."""
    return most_at_once((report.holds[0][0], report.holds[-1][0], "") for report in reports if report.holds)


def overlaps(holds: Iterable[tuple[float, float, str]]) -> list[str]:
    """The records that were held twice at one instant."""
    by_id: dict[str, list[tuple[float, float, str]]] = {}
    for hold in holds:
        by_id.setdefault(hold[2], []).append(hold)
    return [id for id, own in by_id.items() if most_at_once(own) > 1]


async def verify(store: Store, job: Job, reports: Sequence[Report]) -> None:
    """Check what all the workers and readers saw against the journals.

    Raises:
        AssertionError: Something was not exact.
    """
    holds = [hold for report in reports for hold in report.holds]
    done = Counter(id for report in reports for id in report.done)
    problems = {
        "held twice": overlaps(holds),
        "not done once": sorted(id for id in {*job.ids, *done} if done[id] != 1),
    }
    if (most := most_at_once(holds)) > job.limit:
        problems["leases at once"] = [str(most)]
    leased, waiting = (max(report.crowds[index] for report in reports) for index in (0, 1))
    if leased > job.limit:
        problems["leases in one look"] = [str(leased)]
    if waiting > job.room + (job.limit if job.hands_back else 0):
        problems["waiting in one look"] = [str(waiting)]
    journals: list[tuple[str, int]] = []
    for id in job.ids:
        entries = await store.journal(id)
        journals += [(id, entry.cursor) for entry in entries]
        steps = [fact[0] for entry in entries for fact in entry.facts]
        if steps not in ([INSERTED, DONE], [INSERTED, HANDED_BACK, DONE]):
            problems.setdefault("journals", []).append(f"{id}: {steps}")
    for report in (report for report in reports if report.told):
        if sorted(report.told) != sorted(journals):
            missing, twice = Counter(journals) - Counter(report.told), Counter(report.told) - Counter(journals)
            problems["events"] = [f"skipped {sorted(missing)}, not once {sorted(twice)}"]
        own = {run: [at for who, at in report.told if who == run] for run, _ in report.told}
        problems["order of events"] = [run for run, cursors in own.items() if cursors != sorted(cursors)]
    if found := {name: what for name, what in problems.items() if what}:
        raise AssertionError(f"not exact: {found}")


# --- tasks and processes ---------------------------------------------------------------------------------------


async def in_tasks(store: Store, job: Job) -> list[Report]:
    """Let the workers and a reader be tasks at one store object."""
    reports: list[Report] = []

    async def work(number: int) -> None:
        reports.append(await Worker(store, job, number).run())

    async def read() -> None:
        reports.append(await read_events(store, job))

    async with anyio.create_task_group() as tasks:
        for number in range(job.workers):
            tasks.start_soon(work, number)
        tasks.start_soon(read)
    return reports


async def in_processes(kind: str, place: str, job: Job) -> list[Report]:
    """Let the workers and a reader be processes at one place, which begin at once when all are there."""
    processes = [_started(kind, place, str(number), job) for number in range(job.workers)]
    processes.append(_started(kind, place, "reader", job))
    reports = []
    try:
        for process in processes:
            assert process.stdout is not None
            await anyio.to_thread.run_sync(process.stdout.readline)
        for process in processes:
            assert process.stdin is not None
            with suppress(BrokenPipeError):  # why it has ended is told below
                process.stdin.write("begin\n")
                process.stdin.flush()
        for process in processes:
            out, errors = await anyio.to_thread.run_sync(process.communicate)
            if process.returncode:
                raise AssertionError(f"a part ended with {process.returncode}: {errors[-3000:]}")
            reports.append(report_in(json.loads(out)))
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return reports


def _started(kind: str, place: str, part: str, job: Job) -> subprocess.Popen[str]:
    text = json.dumps(attrs.asdict(job))
    command = [sys.executable, "-W", "ignore", "-m", "tests.stores.exactness", kind, place, part, text]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=ROOT)


# Any: JSON, as a part wrote it.
def report_in(found: dict[str, Any]) -> Report:
    """The report in what a part wrote."""
    report = Report(**found)
    report.told = [(run, cursor) for run, cursor in report.told]
    report.holds = [(since, until, id) for since, until, id in report.holds]
    return report


async def main(kind: str, place: str, part: str, text: str) -> None:
    """Run one part, and write down what it saw."""
    job = Job(**json.loads(text))
    async with open_shared(kind, place) as store:
        await store.read([])
        print("open", flush=True)
        sys.stdin.readline()
        report = await (read_events(store, job) if part == "reader" else Worker(store, job, int(part)).run())
    print(json.dumps(attrs.asdict(report)))


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:])
