"""What a run would come to: the frontier of a real run on a virtual clock, with bodies that only take time.

Nothing else is simulated: which step starts when, what holds it, what follows a failure is decided by the very code
that decides it in a run.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from heapq import heappop, heappush
from typing import TypeGuard

from taskorch.core.chance import chance
from taskorch.core.frontier.fold import OPEN
from taskorch.core.frontier.frontier import Frontier, Stop
from taskorch.core.frontier.plan import Plan
from taskorch.core.frontier.reasons import TOTAL_TIMEOUT
from taskorch.core.frontier.slots import Slots
from taskorch.core.json_text import described, shown
from taskorch.core.results import RunResult, result_of
from taskorch.core.scripts import Ending, Script
from taskorch.core.times import LAST_INSTANT, microseconds
from taskorch.core.workflow import Workflow
from taskorch.errors import EndlessSimulation, InvalidParameters, StepTimeout

BEGINNING = 0
"""When every simulated run begins: 1970-01-01 in UTC, so that a time tells how far into the run it is."""
RETRIES = 20_000
"""How often all steps together may be tried again, beside ``RETRIES_PER_STEP``: more would be a run without end."""
RETRIES_PER_STEP = 10
"""How much oftener for each step of the workflow."""

SEEDS = 10**30
"""No seed is as large as that: it stands in the id of the run."""

_LAST = microseconds(LAST_INSTANT)


def simulate(
    workflow: Workflow,
    *,
    concurrency: int | None = None,
    durations: Mapping[str, float | timedelta] | None = None,
    outcomes: Mapping[str, Ending | Sequence[Ending]] | None = None,
    seed: int = 0,
) -> RunResult:
    """Foresee a run of a workflow: no body is run, and no time passes.

    Each attempt of a step takes what *durations* say, else the step's ``estimated_duration``, else one second; then
    it ends as *outcomes* say. Everything else is as in a run: links, lags, conditions, retries, timeouts, circuit
    breakers, resources, and the order in which ready steps start (by the workflow's estimates, as a run does not
    know better). Data are not simulated: steps that complete have the output None, and steps need no body.

    Args:
        workflow: The workflow.
        concurrency: The most bodies at once; None for any number.
        durations: How long each attempt of some steps takes, by id, in seconds or as timedelta.
        outcomes: How attempts of some steps end, by id: ``"completed"``, ``"failed"``, or the exception that is
            raised; a sequence of these for one attempt after the other, the last of which is repeated. Steps that
            are not named complete.
        seed: Another number makes another chance, on which the jitter of retries depends.

    Returns:
        The result of the run, which began at the start of 1970 (UTC); ``result.metrics.makespan`` is its length.

    Raises:
        InvalidWorkflow: The workflow is not sound.
        UnsupportedFeature: It needs what this version cannot carry out.
        InvalidParameters: An argument names no step, or says nothing that can be.
        EndlessSimulation: The run would never end.
    """
    _check(workflow, concurrency, seed)
    plan = Plan.of(workflow, needs_bodies=False)
    script = Script.of(plan.steps, {} if durations is None else durations, {} if outcomes is None else outcomes)
    simulation = Simulation(plan, script, concurrency=concurrency, seed=seed)
    simulation.run()
    return simulation.result(workflow.name)


def _check(workflow: object, concurrency: object, seed: object) -> None:
    if not isinstance(workflow, Workflow):
        raise InvalidParameters([f"a {type(workflow).__name__} is no workflow; read a file with taskorch.load()"])
    found = []
    if concurrency is not None and not (_is_whole(concurrency) and concurrency >= 1):
        found.append(f"a concurrency of {shown(concurrency)!r} is none; give a whole number, 1 or more")
    if not _is_whole(seed) or abs(seed) >= SEEDS:
        found.append(f"seed: expected a whole number of at most 30 digits, got {described(seed)}")
    if found:
        raise InvalidParameters(found)


def _is_whole(given: object) -> TypeGuard[int]:
    return isinstance(given, int) and not isinstance(given, bool)


class Simulation:
    """One run on a virtual clock.

    At each instant bodies end first, then timers fire, then steps start: a body that takes exactly its timeout has
    made it, and a step that would start when the time of the run is up has not.

    Attributes:
        frontier: Where the run has come to.
        now: The time, in microseconds since 1970.
    """

    def __init__(self, plan: Plan, script: Script, *, concurrency: int | None = None, seed: int = 0) -> None:
        """A run of *plan* that has not begun.

        Args:
            plan: The plan.
            script: How long its bodies take, and how they end.
            concurrency: The most bodies at once; None for any number.
            seed: What chance depends on.
        """
        enough = max(1, len(plan.steps))  # where a body runs does not matter here
        slots = Slots.of(loop=enough, threads=enough, commands=enough, total=concurrency)
        self.frontier = Frontier(plan, slots, BEGINNING)
        self.now = BEGINNING
        self._plan, self._script, self._seed = plan, script, seed
        self._bodies: list[tuple[int, int, int]] = []  # a heap of those that run: when it ends, step, attempt
        self._errors: dict[str, BaseException] = {}
        self._retries_left = RETRIES + RETRIES_PER_STEP * len(plan.steps)

    def run(self) -> None:
        """Let the run go on to its end.

        Raises:
            EndlessSimulation: It has none.
        """
        frontier = self.frontier
        frontier.resume(self.now)
        while True:
            self._end_bodies()
            self._stop(frontier.due(self.now))
            self._start()
            if not frontier.open:
                return
            self.now = self._next()

    def result(self, name: str) -> RunResult:
        """The result of the run, once it has ended; *name* is that of the workflow."""
        return result_of(
            self.frontier,
            run_id=f"SIMULATION-{self._seed}",
            name=name,
            started_at=BEGINNING,
            ended_at=self.now,
            decode=_output,
            errors=self._errors,
        )

    def _start(self) -> None:
        """Start whatever can be started."""
        frontier, lengths = self.frontier, self._script.lengths
        while (step := frontier.take(self.now)) is not None:
            attempt = frontier.attempt[step]
            frontier.began(step, self.now)
            heappush(self._bodies, (self.now + lengths[step], step, attempt))
            if attempt > 1:
                self._retries_left -= 1
                if self._retries_left < 0:
                    raise self._endless("steps have been tried again too often for it to come to an end")

    def _end_bodies(self) -> None:
        """End the bodies whose time has come, in the order of the workflow."""
        while self._bodies and self._bodies[0][0] <= self.now:
            _, step, attempt = heappop(self._bodies)
            error = self._script.error(step, attempt)
            if error is None:
                self.frontier.complete(step, attempt, None, self.now)
            else:
                self._fail(step, attempt, error)

    def _stop(self, stops: Iterable[Stop]) -> None:
        """End the bodies that have taken too long."""
        for step, attempt, reason in stops:
            bounds = self._plan.total_timeouts if reason == TOTAL_TIMEOUT else self._plan.timeouts
            limit = bounds.get(step, self._plan.timeout or 0)  # with the time of the run they have ended already
            self._fail(step, attempt, StepTimeout(self._plan.steps[step].id, limit / 1e6))

    def _fail(self, step: int, attempt: int, error: BaseException) -> None:
        id = self._plan.steps[step].id
        if self.frontier.fail(step, attempt, error, self.now, chance(f"{self._seed}/{id}/{attempt}")):
            self._errors[id] = error

    def _next(self) -> int:
        """The next instant at which something happens."""
        due, end = self.frontier.next_due(), self._bodies[0][0] if self._bodies else None
        instants = [at for at in (due, end) if at is not None]
        if not instants:
            raise self._endless("nothing runs, nothing is due, and nothing can start")
        if min(instants) > _LAST:
            raise self._endless("it goes on beyond the year 9999")
        return min(instants)

    def _endless(self, why: str) -> EndlessSimulation:
        open_steps = [s.id for s, end in zip(self._plan.steps, self.frontier.ends, strict=True) if end == OPEN]
        return EndlessSimulation(why, open_steps, (self.now - BEGINNING) / 1e6)


def _output(step: int, detail: object) -> None:
    """What a body that only took time has given."""
