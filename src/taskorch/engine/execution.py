"""One run from its beginning, or from where it was left, to its result."""

from collections.abc import Iterable, Mapping, Sequence

import attrs

from taskorch.core import outputs, runs
from taskorch.core.documents import JSON
from taskorch.core.frontier.alarms import Alarms
from taskorch.core.frontier.facts import Fact
from taskorch.core.frontier.fold import Fold
from taskorch.core.frontier.frontier import Frontier
from taskorch.core.frontier.plan import Plan
from taskorch.core.frontier.slots import Kind, Slots
from taskorch.core.frontier.view import FoldView
from taskorch.core.results import RunResult, result_of
from taskorch.core.run_data import RunView
from taskorch.core.task import Internals, Task
from taskorch.core.times import microseconds
from taskorch.core.workflow import Workflow
from taskorch.engine.claims import give_back_after
from taskorch.engine.committer import Committer
from taskorch.engine.jobs import Jobs
from taskorch.engine.leases import Held, Lease, Restart, Taken, hold
from taskorch.engine.observation import Observation, Trace, Traced
from taskorch.engine.records import Records
from taskorch.engine.runner import Runner
from taskorch.engine.surroundings import Surroundings
from taskorch.errors import IllegalTransition, StoreError, StoreUnavailable
from taskorch.protocols import Clock, Codec, Dispatcher, Observer, Store


@attrs.frozen(kw_only=True, eq=False)
class Execution:
    """Everything one run needs.

    Attributes:
        flow: The workflow.
        plan: Its plan.
        run_id: The run.
        params: Its params with the workflow's defaults; None to go on with those it was started with.
        context: Its context with the workflow's; None likewise.
        dispatcher: Who runs the bodies.
        is_direct: Whether those on the event loop are called without asking the dispatcher.
        limits: The most bodies at once of each kind.
        concurrency: The most bodies at once, or None.
        clock: Its time.
        observers: Who hears of it.
        trace: Who hears of it with explanations, or None.
        restart: What it takes over from a run that it does again, or None.
    """

    flow: Workflow
    plan: Plan
    run_id: str
    params: Mapping[str, JSON] | None
    context: Mapping[str, JSON] | None
    dispatcher: Dispatcher
    is_direct: bool
    limits: Mapping[Kind, int]
    concurrency: int | None
    clock: Clock
    observers: Iterable[Observer]
    trace: Trace | None = None
    restart: Restart | None = None

    async def opened(self, store: Store | None, owner: str) -> "LiveRun":
        """The run, new or taken up where it was left, ready to be carried out by whoever has it then.

        Without a store outputs are handed on as the objects they are, and nothing outlives the run. With one every
        decision is recorded, and a run that has ended has only its recorded result.

        Args:
            store: Where it is kept, or None.
            owner: What this caller is called in messages; nobody else is called so.

        Raises:
            WorkflowChanged: The run id belongs to a run of something else.
            RunBusy: *owner* is not the only one.
            StoreError: The store failed.
        """
        if store is None:
            return self._in_memory()
        try:
            return await self._in_store(store, owner)
        except StoreUnavailable as error:
            _advise(error, self.run_id)
            raise

    def _in_memory(self) -> "LiveRun":
        params = self.flow.parameters if self.params is None else self.params
        context = self.flow.context if self.context is None else self.context
        runs.check(self.flow, params)
        restart = self.restart
        notes = None if restart is None else Internals(restart_of=restart.of)
        task, event = runs.task_of(self.flow.name, self.run_id, self.clock.now(), notes)
        observation = self._observation()
        facts = () if restart is None else restart.facts
        run = LiveRun(self, observation, task, facts, params=params, context=context, codec=None)
        observation.tell(event)
        return run

    async def _in_store(self, store: Store, owner: str) -> "LiveRun":
        observation = self._observation()
        held = await hold(
            store,
            owner,
            flow=self.flow,
            run_id=self.run_id,
            params=self.params,
            context=self.context,
            clock=self.clock,
            tell=observation.tell,
            restart=self.restart,
        )
        try:
            run = LiveRun.of(self, observation, held)
        except BaseException as error:
            if held.taken is not None:
                await give_back_after(error, store, [held.taken.claim])
            raise
        if held.taken is not None:
            run.keep(store, held.taken, held.task)
        return run

    def _observation(self) -> Observation:
        if self.trace is None:
            return Observation(self.observers, self.run_id, self.plan)
        fold = Fold(self.plan, self.slots(), 0)  # its time is that of the facts
        return Observation(self.observers, self.run_id, self.plan, Traced(self.trace, fold))

    def slots(self) -> Slots:
        """The places for its bodies, all free."""
        return Slots.of(
            loop=self.limits[Kind.LOOP],
            threads=self.limits[Kind.THREAD],
            commands=self.limits[Kind.COMMAND],
            total=self.concurrency,
        )


class LiveRun:
    """The parts of one run, put together.

    Attributes:
        runner: What carries it out.
        frontier: Where its steps stand.
        started_at: When it began.
    """

    def __init__(
        self,
        execution: Execution,
        observation: Observation,
        task: Task,
        facts: Iterable[Fact],
        *,
        params: JSON,
        context: JSON,
        codec: Codec | None,
    ) -> None:
        assert isinstance(params, Mapping)  # noqa: S101 - of a record: said for the type checker
        assert isinstance(context, Mapping)  # noqa: S101 - likewise
        self._execution, self._params, self._context = execution, params, context
        self._records: Records | None = None
        self.started_at = task.execution.started_at or execution.clock.now()
        plan = execution.plan
        slots = execution.slots()
        workers = slots.total  # before the replay, in which lost attempts still hold their slots
        self.frontier = Frontier(plan, slots, microseconds(self.started_at))
        self._around = Surroundings(
            run_id=execution.run_id,
            params=params,
            context=context,
            dispatcher=execution.dispatcher,
            is_direct=execution.is_direct,
            clock=execution.clock,
            observation=observation,
            started_at=self.started_at,
            workers=workers,
        )
        self._jobs = Jobs(self.frontier, execution.run_id, params, context, codec)
        self.frontier.view = self._see(self.frontier)
        if plan.alerts and observation:
            observation.alarms = Alarms(plan, self._see, microseconds(self.started_at))
        _replay(self.frontier, facts, task)
        observation.skip(self.frontier.facts)
        self.runner = Runner(task, self.frontier, self._jobs, self._around)

    @classmethod
    def of(cls, execution: Execution, observation: Observation, held: Held) -> "LiveRun":
        """The run that was found in a store."""
        record = held.task.internals.run
        return cls(
            execution,
            observation,
            held.task,
            held.facts,
            params=record["params"],
            context=record["context"],
            codec=outputs.JSON_CODEC,
        )

    @property
    def run_id(self) -> str:
        """Its id."""
        return self._execution.run_id

    @property
    def clock(self) -> Clock:
        """Its time."""
        return self._execution.clock

    def keep(self, store: Store, taken: Taken, task: Task) -> None:
        """Record it from now on, under the lease that is held, and hear of what is asked of it elsewhere."""
        runner, committer = self.runner, Committer(store, self.clock)
        lease = Lease(committer, taken.claim, task, on_lost=runner.lose, on_mail=runner.fetch)
        self._records = Records(committer, lease, taken.mailbox)

    async def carry_out(self) -> RunResult:
        """Carry it out to its end.

        Raises:
            StaleLease: Another owner has taken it over.
            StoreError: A decision could not be recorded.
        """
        if not self.runner.task.is_final:
            try:
                await self.runner.run(self._records)
            except StoreError as error:
                _advise(error, self.run_id)
                raise
        return self._result()

    def again(self, run_id: str, facts: Sequence[Fact]) -> Execution:
        """The execution *run_id* of the same once more, which takes over *facts*."""
        restart = Restart(of=self.run_id, facts=tuple(facts))
        return attrs.evolve(self._execution, run_id=run_id, params=self._params, context=self._context, restart=restart)

    def _see(self, fold: Fold) -> RunView:
        """What there is to see of the run, its steps standing as in *fold*."""
        return RunView(
            FoldView(fold, self._jobs.form),
            params=self._around.params,
            context=self._around.context,
            id=self._around.run_id,
            name=self._execution.flow.name,
            began=microseconds(self.started_at),
        )

    def _result(self) -> RunResult:
        """The result of the run, which has ended."""
        return result_of(
            self.frontier,
            run_id=self._execution.run_id,
            name=self._execution.flow.name,
            started_at=microseconds(self.started_at),
            ended_at=microseconds(self.runner.task.state.changed_at),
            decode=self._jobs.decoded,
            form=self._jobs.form,
            errors=self.runner.errors,
        )


def _advise(error: StoreError, run_id: str) -> None:
    """Tell the caller of the run what to do about it."""
    error.add_note(f"the run can be resumed: mend the store, then make the same call with run_id={run_id!r}")


def _replay(frontier: Frontier, facts: Iterable[Fact], task: Task) -> None:
    """Take over what has happened before.

    Raises:
        StoreError: The journal is not that of this run: its facts do not follow one another, or do not lead to
            where the task of the run stands.
    """
    try:
        frontier.replay(facts)
    except (IllegalTransition, LookupError, TypeError, ValueError, AttributeError) as error:
        raise StoreError("of the run", f"the journal of run {task.id!r} makes no sense: {error}") from error
    if task.is_final and frontier.open:
        message = f"run {task.id!r} has ended, but its journal does not say how {frontier.open} of its steps did"
        raise StoreError("of the run", message)
