"""Cancel at every await: a scenario is run again and again, and disturbed at another step each time.

First the steps of an undisturbed run are counted; then, for every k, a run is disturbed before its k-th step, what
it has left behind is checked, and the same run is resumed at once, in the same process, and must come to its end.
"""

import gc
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import anyio
import attrs

import taskorch
from taskorch import RunResult, Workflow
from taskorch.core.frontier.plans import plan_of
from taskorch.dispatchers import LocalDispatcher
from taskorch.engine import keeper
from taskorch.protocols import Store
from taskorch.stores import MemoryStore, SQLiteStore
from tests.harness import invariants, steps
from tests.harness.clocks import JumpingClock
from tests.harness.disturbance import Disturbed, Point
from tests.harness.effects import Effects
from tests.harness.invariants import Violation
from tests.harness.scenarios import Scenario
from tests.harness.steering import STRAIGHT, Steered
from tests.harness.stores import Recording, SharedMemory

KINDS = ("cancel", "native", "sibling", "again", "native-again", "twice")
STORES = ("none", "memory", "shared", "sqlite", "sqlite-by-name")
PATIENCE = 30.0  # seconds; a trial takes milliseconds, on a machine that has nothing else to do
ENOUGH = 3  # trials that never end, and it is of no use to go on


@attrs.define
class Report:
    """What an exploration has found.

    Attributes:
        runs: How many runs were disturbed.
        points: The steps of the undisturbed run.
        cuts: How many of the runs were really cut off.
        violations: What must not be, with the point at which it was.
    """

    runs: int = 0
    points: int = 0
    cuts: int = 0
    violations: list[tuple[Point, Violation]] = attrs.field(factory=list)

    @property
    def names(self) -> set[str]:
        """The invariants that did not hold."""
        return {violation.name for _, violation in self.violations}

    def __str__(self) -> str:
        counts = Counter(violation.name for _, violation in self.violations)
        lines = [f"  {count} × {name}" for name, count in counts.most_common()]
        lines += [f"  at {point}: {violation.name}: {violation.text}" for point, violation in self.violations[:8]]
        return "\n".join([f"{self.runs} runs, {self.points} points, {self.cuts} cut", *lines])


@attrs.define
class Explorer:
    """Explores one scenario with one store on one event loop.

    Attributes:
        scenario: The scenario.
        backend: ``asyncio`` or ``trio``.
        store: One of ``STORES``.
        folder: Where files may be made.
        steered: How the run is carried out, and perhaps steered meanwhile.
    """

    scenario: Scenario
    backend: str
    store: str
    folder: Path
    steered: Steered = STRAIGHT
    _numbers: Iterator[int] = attrs.field(factory=lambda: iter(range(10**9)))
    _kept: SQLiteStore | None = None

    def explore(
        self, kinds: Sequence[str] = KINDS, *, stride: int = 1, rest: int = 0, pairs: int = 20, seed: int = 1
    ) -> Report:
        """Disturb the scenario in each way.

        Args:
            kinds: The ways.
            stride: One of so many steps is disturbed.
            rest: The same for all ways but the first; 0 for *stride*.
            pairs: How many of the pairs of steps are tried.
            seed: Decides which.
        """
        report, chance = Report(), random.Random(seed)
        kinds = [kind for kind in kinds if not kind.startswith("native") or self.backend == "asyncio"]
        with self._watched(report):
            report.points = self._count(report)
            for kind in kinds:
                every = stride if kind == kinds[0] else rest or stride
                for point in self._points(kind, report.points, every, pairs, chance):
                    self._disturb(point, report)
                    if sum(violation.name == "it comes to its end" for _, violation in report.violations) >= ENOUGH:
                        return report
        return report

    def _points(self, kind: str, count: int, stride: int, pairs: int, chance: random.Random) -> Iterator[Point]:
        if kind.endswith("again"):
            for _ in range(pairs):
                first = chance.randint(1, count)
                yield Point(kind, first, first + chance.randint(1, 12))
        elif kind == "twice":
            for _ in range(pairs):
                yield Point(kind, chance.randint(1, count), chance.randint(1, count))
        else:
            offset = chance.randrange(stride)
            yield from (Point(kind, first) for first in range(1 + offset, count + 1, stride))

    @contextmanager
    def _watched(self, report: Report) -> Iterator[None]:
        """What nobody could raise becomes a violation as well: errors in destructors, forgotten resources."""
        before, files = sys.unraisablehook, invariants.open_files()

        def unraisable(what: Any) -> None:  # Any: typeshed has no name for it at run time
            report.violations.append((Point("?", 0), Violation("no noise", f"{what.exc_value!r} in {what.object!r}")))

        sys.unraisablehook = unraisable
        gc.freeze()  # so that what was there before is not looked through again and again
        try:
            yield
            self._close()
            gc.collect()
        finally:
            gc.unfreeze()
            sys.unraisablehook = before
        if invariants.open_files() > files:
            text = f"{files} before, {invariants.open_files()} after"
            report.violations.append((Point("?", 0), Violation("no file stays open", text)))

    def _count(self, report: Report) -> int:
        counter = steps.Steps()
        trial = _Trial(self, counter, [])
        self._run(trial, Point("none", 0), report)
        return trial.count

    def _disturb(self, point: Point, report: Report) -> None:
        report.runs += 1
        points = [Point("cancel", point.first), Point("cancel", point.second)] if point.kind == "twice" else [point]
        trial = _Trial(self, steps.Steps(), points)
        self._run(trial, point, report)
        report.cuts += trial.cuts > 0

    def _run(self, trial: "_Trial", point: Point, report: Report) -> None:
        children = invariants.child_processes() if self.scenario.processes else set()
        try:
            steps.run(trial.main, self.backend, trial.steps, seed=point.first)
        except TimeoutError:
            trial.violations.append(Violation("it comes to its end", f"not within {PATIENCE} s"))
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            trial.violations.append(Violation("no foreign exception", f"{type(error).__name__}: {error}"))
        trial.violations.extend(Violation("no noise", text) for text in trial.steps.noise)
        if self.scenario.processes and (left := invariants.child_processes() - children):
            trial.violations.append(Violation("no process survives", f"{left}"))
        report.violations.extend((point, violation) for violation in trial.violations)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Store | str | None]:
        """The store for one trial. SQLite's stays open for all of them: opening it takes longer than a run."""
        if self.store == "none":
            yield None
        elif self.store in ("memory", "shared"):
            async with MemoryStore() if self.store == "memory" else SharedMemory() as store:
                yield store
        elif self.store == "sqlite":
            if self._kept is None:
                self._kept = SQLiteStore(self.folder / "kept.db", durability="normal")
            yield self._kept
        else:
            path = self.folder / f"{next(self._numbers)}.db"
            yield str(path)
            path.unlink(missing_ok=True)

    def fresh_id(self) -> str:
        """A run id that no trial had before."""
        return f"run-{next(self._numbers)}"

    def _close(self) -> None:
        if self._kept is not None:
            anyio.run(self._kept.aclose, backend=self.backend)
            self._kept = None


class _Trial:
    """One run in several lives: each is disturbed at a point, the last one is left alone."""

    def __init__(self, explorer: Explorer, counter: steps.Steps, points: Sequence[Point]) -> None:
        self.explorer, self.steps, self.points = explorer, counter, points
        self.scenario = explorer.scenario
        self.violations: list[Violation] = []
        self.cuts = self.count = 0
        self.run_id = explorer.fresh_id()
        self.effects = Effects(self.run_id, within=self._within)
        self.flow = self.scenario.build(self.effects)
        self.plan = plan_of(self.flow)
        self.local = LocalDispatcher(threads=2)
        self.dispatcher = self.scenario.dispatcher(self.local)
        self.clock = JumpingClock()
        self.store: Store | str | None = None

    async def main(self) -> None:
        with anyio.fail_after(PATIENCE):
            async with self.explorer.opened() as store:
                self.store = store
                if store is not None and not isinstance(store, str):
                    self.store = recording = Recording(store, [step.id for step in self.plan.steps])
                    self.effects.recorded = recording.started
                tasks = len(anyio.get_running_tasks())
                for point in [*self.points, Point("none", 0)]:
                    await self._live(point)
                    await self._check(tasks)
                    if store is None:
                        return  # there is nothing to be resumed

    async def _live(self, point: Point) -> None:
        result = None
        options: dict[str, Any] = {"store": self.store, "dispatcher": self.dispatcher, "clock": self.clock}
        if self.scenario.observed:
            options["observers"] = [self.effects.heard.append]
        run = Disturbed(self.steps, point)
        try:
            result = await run(
                lambda: self.explorer.steered.carry_out(
                    self.flow, run_id=self.run_id, concurrency=self.scenario.concurrency, **options
                )
            )
        except Exception as error:  # noqa: BLE001 - nothing but the cancellation may come out of a run
            self.violations.append(Violation("no foreign exception", f"{type(error).__name__}: {error}"))
        self.count = self.steps.disarm()
        self.cuts += result is None
        if result is not None:
            self.violations.extend(self.explorer.steered.check(self.scenario, result))
            if self.scenario.observed:
                self.violations.extend(invariants.check_alerts(self.scenario, self.effects))
        elif point.kind == "none":
            self.violations.append(Violation("it can be resumed", f"run {self.run_id} did not come to its end"))

    async def _within(self, flow: Workflow) -> RunResult:
        """The result of *flow*, carried out by the body that asks, and kept with the run of that body."""
        step = taskorch.current_step()
        run_id = f"{step.run_id}.{step.id}"
        log, store = self.effects.of(run_id), self.store
        log.plan = plan_of(flow)
        if isinstance(store, Recording):
            store.name_steps(run_id, [one.id for one in flow.steps])
        return await taskorch.run(flow, store=store, run_id=run_id, dispatcher=self.dispatcher, clock=self.clock)

    async def _check(self, tasks: int) -> None:
        found, store = self.violations, self.store
        if len(running := anyio.get_running_tasks()) > tasks:
            found.append(Violation("no task survives", f"{[task.name for task in running]}"))
        try:
            places = self.local._threads._limiters.get().places.borrowed_tokens
        except LookupError:  # no thread was ever needed
            places = 0
        if keeper._KEEPERS:
            found.append(Violation("no lease is kept", f"{list(keeper._KEEPERS.values())}"))
        if places:
            found.append(Violation("no place is kept", f"{places} places for threads"))
        if store is None:
            for log in self.effects.all:
                found.extend(Violation(name, text) for name, text in log.faults)
                if log.running:
                    found.append(Violation("no body runs on", f"{log.running}"))
        elif isinstance(store, str):
            async with SQLiteStore(store) as opened:
                await self._check_runs(opened, [self.run_id], leased=False)
        else:
            assert isinstance(store, Recording)
            await self._check_runs(store, dict.fromkeys([self.run_id, *store.inserted]), leased=True)

    async def _check_runs(self, store: Store, ids: Iterable[str], *, leased: bool) -> None:
        for run_id in ids:
            record = (await store.read([run_id]))[0]
            facts = [fact for entry in await store.journal(run_id) for fact in entry.facts]
            log, carried = self.effects.of(run_id), store.inserted.get(run_id, 0) if isinstance(store, Recording) else 0
            plan, found = log.plan or self.plan, self.violations
            if leased:
                found.extend(invariants.check_record(record, facts))
            found.extend(invariants.check_journal(plan, facts))
            found.extend(invariants.check_effects(plan, facts[carried:], log))
            if self.scenario.observed and log is self.effects:
                found.extend(invariants.check_heard(plan, facts, log))
            if not self.cuts:
                found.extend(invariants.check_end(record, log))
