"""One run from its beginning, or from where it was left, to its result."""

from collections.abc import Iterable, Mapping

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
from taskorch.core.task import Task
from taskorch.core.times import microseconds
from taskorch.core.workflow import Workflow
from taskorch.engine.committer import Committer
from taskorch.engine.jobs import Jobs
from taskorch.engine.leases import Held, Lease, give_back_after, hold
from taskorch.engine.observation import Observation, Trace, Traced
from taskorch.engine.runner import Runner, Surroundings
from taskorch.errors import IllegalTransition, StoreError
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
        limits: The most bodies at once of each kind.
        concurrency: The most bodies at once, or None.
        clock: Its time.
        observers: Who hears of it.
        trace: Who hears of it with explanations, or None.
    """

    flow: Workflow
    plan: Plan
    run_id: str
    params: Mapping[str, JSON] | None
    context: Mapping[str, JSON] | None
    dispatcher: Dispatcher
    limits: Mapping[Kind, int]
    concurrency: int | None
    clock: Clock
    observers: Iterable[Observer]
    trace: Trace | None = None

    async def in_memory(self) -> RunResult:
        """Run without a store: outputs are handed on as the objects they are, and nothing outlives the call."""
        params = self.flow.parameters if self.params is None else self.params
        context = self.flow.context if self.context is None else self.context
        runs.check(self.flow, params)
        task, event = runs.task_of(self.flow.name, self.run_id, self.clock.now())
        observation = self._observation()
        run = _Run(self, observation, task, (), params=params, context=context, codec=None)
        observation.tell(event)
        await run.runner.run()
        return run.result()

    async def in_store(self, store: Store, owner: str) -> RunResult:
        """Run with every decision recorded in *store*; a run that has ended returns its recorded result.

        Raises:
            WorkflowChanged: The run id belongs to a run of something else.
            RunBusy: *owner* is not the only one.
            StaleLease: Another owner has taken the run over.
            StoreError: The store failed.
        """
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
        )
        if held.epoch is None:
            return _Run.of(self, observation, held).result()
        try:
            run = _Run.of(self, observation, held)
        except BaseException as error:
            await give_back_after(error, store, self.run_id, held.epoch)
            raise
        committer = Committer(store, self.clock)
        await run.runner.run(committer, Lease(committer, held, run.runner.lose))
        return run.result()

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


class _Run:
    """The parts of one run, put together."""

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
        self._execution = execution
        self._started_at = task.execution.started_at or execution.clock.now()
        plan = execution.plan
        slots = execution.slots()
        workers = slots.total  # before the replay, in which lost attempts still hold their slots
        self._frontier = Frontier(plan, slots, microseconds(self._started_at))
        self._around = Surroundings(
            run_id=execution.run_id,
            params=params,
            context=context,
            dispatcher=execution.dispatcher,
            clock=execution.clock,
            observation=observation,
            started_at=self._started_at,
            workers=workers,
        )
        self._jobs = Jobs(self._frontier, execution.run_id, params, context, codec)
        self._frontier.view = self._see(self._frontier)
        if plan.alerts and observation:
            observation.alarms = Alarms(plan, self._see, microseconds(self._started_at))
        _replay(self._frontier, facts, task)
        observation.skip(self._frontier.facts)
        self.runner = Runner(task, self._frontier, self._jobs, self._around)

    @classmethod
    def of(cls, execution: Execution, observation: Observation, held: Held) -> "_Run":
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

    def _see(self, fold: Fold) -> RunView:
        """What there is to see of the run, its steps standing as in *fold*."""
        return RunView(
            FoldView(fold, self._jobs.form),
            params=self._around.params,
            context=self._around.context,
            id=self._around.run_id,
            name=self._execution.flow.name,
            began=microseconds(self._started_at),
        )

    def result(self) -> RunResult:
        """The result of the run, which has ended."""
        return result_of(
            self._frontier,
            run_id=self._execution.run_id,
            name=self._execution.flow.name,
            started_at=microseconds(self._started_at),
            ended_at=microseconds(self.runner.task.state.changed_at),
            decode=self._jobs.decoded,
            form=self._jobs.form,
            errors=self.runner.errors,
        )


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
