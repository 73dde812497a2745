"""The runner: one run of a workflow, carried out.

Decide, commit, act: the frontier decides at once and in memory; what it decided is recorded; only then do
bodies begin and observers hear of it. Nothing outside ever sees what the disk does not know.
"""

from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from functools import partial

import anyio

from taskorch.core import runs
from taskorch.core.chance import chance
from taskorch.core.events import Event
from taskorch.core.frontier.alarms import Alarms
from taskorch.core.frontier.facts import Fact
from taskorch.core.frontier.frontier import Frontier, Stop
from taskorch.core.frontier.reasons import CANCELLED_BY_HOST, HALTING, TOTAL_TIMEOUT, WORKFLOW_TIMEOUT
from taskorch.core.frontier.slots import Kind
from taskorch.core.requests import Request
from taskorch.core.results import outcome_of
from taskorch.core.states import State
from taskorch.core.task import Task
from taskorch.core.times import instant
from taskorch.engine import cancellations
from taskorch.engine.clocks import reading
from taskorch.engine.current import CURRENT, Here, StepContext
from taskorch.engine.decisions import Decided
from taskorch.engine.jobs import Jobs
from taskorch.engine.leases import Lease
from taskorch.engine.mailbox import Mailbox
from taskorch.engine.pool import Pool, Reported, Worker
from taskorch.engine.records import Records, recording
from taskorch.engine.surroundings import Surroundings
from taskorch.engine.timers import Timers
from taskorch.errors import OperatorError, OutputNotStorable, StepCancelled, StepTimeout, TaskorchError

_LOOP = int(Kind.LOOP)  # asked of every step: the members of an enum cost more to compare than numbers


class Runner:
    """Carries out what a frontier decides, until the run has ended.

    Attributes:
        is_closing: Whether it is being cancelled, so that nothing more is started.
        errors: The last error of each step, with its traceback.
    """

    def __init__(self, task: Task, frontier: Frontier, jobs: Jobs, around: Surroundings) -> None:
        """A run, as far as it has come.

        Args:
            task: Its task.
            frontier: What has happened to its steps.
            jobs: Makes their jobs.
            around: What it is given from outside.
        """
        self._task, self._frontier, self._jobs, self._around = task, frontier, jobs, around
        self._plan = frontier.plan
        self._lease: Lease | None = None
        self._mailbox: Mailbox | None = None
        self._is_untold = False  # whether nobody has to know what was decided before it is acted on
        self._told = len(frontier.facts)
        self._growing: Decided | None = None  # what has not gone to the store yet, if more may go with it
        self._caller = copy_context()
        self._timers = Timers(around.clock, self._fire, self._next_due)
        self._pool = Pool(self, around.workers, self._timers.ring)
        self._group: anyio.abc.TaskGroup | None = None
        self._is_last = self._is_cancelled = self.is_closing = False
        # A machine whose clock is behind that of the one before: time goes on from where the journal ends.
        self._read_clock = reading(around.clock)
        self._ahead = max(0, frontier.latest - self._read_clock())
        self._now = self._read_clock if not self._ahead else lambda: self._read_clock() + self._ahead
        self._error: TaskorchError | None = None
        self._here = Here(around.run_id, around.params, around.context, around.clock, CURRENT.get(None))
        self._dispatch, self._is_direct = around.dispatcher.dispatch, around.is_direct
        self._quiet: anyio.Event | None = None  # set once a pause that was asked for has come about
        self._has_timeouts, self._encodes = bool(frontier.plan.timeouts), jobs.encodes
        self.errors: dict[str, BaseException] = {}

    @property
    def task(self) -> Task:
        """The task of the run as it was decided last."""
        return self._task

    async def run(self, records: Records | None = None) -> None:
        """Run to the end; with records, every decision is recorded before it is acted on.

        When this returns or raises nothing of the run is alive. Cancelled, it stops all bodies and records
        that their attempts were cut off, so that the run can be resumed.

        Raises:
            StaleLease: Another owner has taken the run over.
            StoreError: A decision could not be recorded.
        """
        self._is_untold = records is None and not self._around.observation
        try:
            if records is None:
                await self._run_bodies()
            else:
                _, self._lease, self._mailbox = records
                async with recording(records, self._hand_back):
                    await self._run_bodies()
        except BaseExceptionGroup as group_error:
            error = cancellations.sole(group_error)
            if cancellations.leaves_the_loop(error):
                raise
            raise error from error.__cause__
        finally:
            if self._quiet is not None:
                self._quiet.set()
        if self._error is not None:
            raise self._error
        if not self._is_last:
            raise OperatorError(f"run {self._task.id!r} was cut off by a body that cancelled its worker; resume it")

    def pause(self) -> anyio.Event:
        """Start nothing more; the event is set once no body runs any more and that is recorded, or it goes on."""
        if self._quiet is None:
            self._frontier.paused, self._quiet = True, anyio.Event()
            if self._task.state.current is State.BLOCKED:  # the last pause has not ended yet
                self._quiet.set()
            self._timers.ring()
        return self._quiet

    def go_on(self) -> None:
        """End a pause."""
        if self._quiet is not None:
            self._quiet.set()
            self._frontier.paused, self._quiet = False, None
            self._timers.ring()

    def cancel(self) -> None:
        """End the run for good, as soon as the group gets to it."""
        self._is_cancelled = True
        self._timers.ring()

    def reported(self, step: int, attempt: int) -> Reported | None:
        """What the running attempt has told of its progress."""
        return self._pool.reported(step, attempt)

    def fetch(self) -> None:
        """There are messages to the run."""
        if self._group is not None and self._mailbox is not None:
            self._group.start_soon(self._mailbox.read, self._timers.ring)

    def lose(self, error: TaskorchError) -> None:
        """The run is no longer ours: stop everything, and raise *error*."""
        self._error = error
        self._close()

    async def _run_bodies(self) -> None:
        try:
            async with anyio.create_task_group() as self._group:
                await anyio.lowlevel.checkpoint_if_cancelled()
                if self._error is not None:  # lost before it could begin
                    return
                self._pool.open(self._group)
                self._frontier.resume(self._now())
                self._task, beginning = runs.begun(self._task, self._around.started_at)
                self._heed()
                if self._mailbox is not None:
                    self._mailbox.listen(self.fetch)
                self._group.start_soon(self._timers.run)
                self._decided(self._now(), [*beginning, *self._resumed()])
                self._pool.wake(inside=True)
        finally:
            self._group = None

    # --- deciding and recording --------------------------------------------------------------------------

    def _decided(self, now: int, beginning: Sequence[Event] = ()) -> None:
        """Start what can be started, and have everything recorded that was decided since the last time."""
        frontier = self._frontier
        if self._is_last:
            return
        if frontier.is_timed:
            self._stop(frontier.due(now))
        if self._is_untold:  # nobody has to know before: what starts may begin
            # What starts may settle links that others wait for; ``take`` looks after them.
            waiting, settled, released = frontier.ready.heaps, frontier.gates.settled, frontier.gates.released
            while (waiting or settled or released) and not self.is_closing and (step := frontier.take(now)) is not None:
                self._pool.release(step, frontier.attempt[step])
            if frontier.paused or not frontier.open:
                self._end_quietly(now)
        else:
            self._tell(now, beginning)
        if frontier.is_timed:
            self._timers.look()

    def _end_quietly(self, now: int) -> None:
        """The run has ended or is paused, which nobody has to be told."""
        if self._settle(now) and self._quiet is not None:
            self._quiet.set()
        if self._is_last:
            self._close()

    def _tell(self, now: int, beginning: Sequence[Event]) -> None:
        """Start what can be started, once everything that was decided is recorded and told."""
        frontier, started = self._frontier, []
        while not self.is_closing and (step := frontier.take(now)) is not None:
            started.append((step, frontier.attempt[step]))
        first, last = self._told, len(frontier.facts)
        self._told = last
        end = self._settle(now) if frontier.paused or not frontier.open else ()
        consumed = self._consumed() if self._mailbox is not None and self._mailbox.heeded else ()
        is_plain = not (beginning or end or consumed)
        growing = self._growing
        if is_plain and growing is not None and growing.takes(last):
            growing.last = last
            growing.started += started
            return
        decided = Decided(started, first, last, beginning, end, is_last=self._is_last)
        if self._lease is None:
            self._act(decided, inside=True)
        elif first < last or not is_plain:
            self._growing = decided if is_plain else None
            self._record(self._lease, decided, consumed)

    def _settle(self, now: int) -> list[Event]:
        """All steps have ended, and so has the run; or it is paused, once no body runs any more."""
        frontier, events = self._frontier, list[Event]()
        if not frontier.open:
            self._is_last = True
            self._task, events = runs.ended(self._task, outcome_of(frontier), frontier.halted, instant(now))
        elif not frontier.running():
            self._task, events = runs.paused(self._task, instant(now))
        return events

    def _resumed(self) -> list[Event]:
        """What changes about the task because its run is not paused, or no longer."""
        if self._frontier.paused:
            return []
        self._task, events = runs.resumed(self._task, instant(self._now()))
        return events

    def _consumed(self) -> Sequence[str]:
        """The messages whose effect is what is recorded now: of a pause it is that no body runs any more."""
        if self._frontier.paused and not self._is_last and self._task.state.current is not State.BLOCKED:
            return ()
        return () if self._mailbox is None else self._mailbox.acted_on()

    def _record(self, lease: Lease, decided: Decided, consumed: Sequence[str]) -> None:
        before = lease.task
        lease.write(
            partial(self._facts_of, decided),
            partial(self._act, decided, inside=False),
            task=None if self._task is before else self._task,
            consumed=consumed,
            release=decided.is_last,
        )

    def _facts_of(self, decided: Decided) -> Sequence[Fact]:
        """The facts of what goes to the store now; it grows no longer."""
        if self._growing is decided:
            self._growing = None
        return self._frontier.facts[decided.first : decided.last]

    def _act(self, decided: Decided, *, inside: bool) -> None:
        """What was decided is safe: let bodies begin, tell observers, end the run."""
        observation = self._around.observation
        if observation:
            for event in decided.beginning:
                observation.tell(event)
            observation.publish(self._frontier.facts[decided.first : decided.last])
            for event in decided.end:
                observation.tell(event)
            if observation.alarms is not None:
                self._raise_alerts()
                self._timers.look()
        for step, attempt in decided.started:
            if self._frontier.is_running(step, attempt):  # its time may have been up before it could begin
                self._pool.release(step, attempt)
        self._pool.wake(inside=inside)
        if decided.end and self._quiet is not None:
            self._quiet.set()
        if decided.is_last:
            self._close()

    def _hand_back(self) -> None:
        """The run was cut off before its end: record that, and let somebody else have it."""
        lease = self._lease
        if lease is None or lease.is_lost or self._is_last:
            return
        for step in self._frontier.running():  # decided, but never begun
            self._frontier.interrupt(step, self._now())
        facts = self._frontier.facts[self._told :]
        lease.write(lambda: facts, lambda: self._around.observation.publish(facts), release=True)

    def _close(self) -> None:
        if self._group is not None:
            self._group.cancel_scope.cancel()

    def _fire(self) -> None:
        """Timers: what is due, whoever asked for a new worker, and what was asked of the run from outside."""
        self._heed()
        self._decided(self._now(), self._resumed())
        self._raise_alerts()
        self._pool.wake(inside=True)

    def _heed(self) -> None:
        """Do what is asked by messages, and end the run if that was asked in whatever way."""
        for request in () if self._mailbox is None else self._mailbox.take():
            if request is Request.PAUSE:
                self.pause()
            elif request is Request.RESUME:
                self.go_on()
            self._is_cancelled |= request is Request.CANCEL
        if self._is_cancelled:
            self._is_cancelled = False
            self._stop(self._frontier.cancel(self._now()))

    def _stop(self, stops: Sequence[Stop]) -> None:
        for step, attempt, reason in stops:
            id, error = self._frontier.plan.steps[step].id, self._error_of(step, reason)
            if reason in HALTING:  # the frontier has ended it already
                self.errors[id] = error
            if not self._pool.stop(step, attempt, error):  # its time was up before it began
                self._fail(step, attempt, error)

    def _error_of(self, step: int, reason: str) -> Exception:
        """What a body is stopped with."""
        plan = self._frontier.plan
        if reason == CANCELLED_BY_HOST:
            return StepCancelled(plan.steps[step].id)
        limits = {WORKFLOW_TIMEOUT: plan.timeout, TOTAL_TIMEOUT: plan.total_timeouts.get(step)}
        return StepTimeout(plan.steps[step].id, (limits.get(reason, plan.timeouts.get(step)) or 0) / 1e6)

    def _next_due(self) -> int | None:
        due, alarms = self._frontier.next_due(), self._alarms()
        if alarms is not None and (at := alarms.next_due()) is not None:
            due = at if due is None else min(due, at)
        return None if due is None else due - self._ahead

    def _alarms(self) -> Alarms | None:
        """What raises alerts, unless facts are on their way to the store that may say otherwise."""
        alarms = self._around.observation.alarms
        return None if alarms is None or alarms.told < len(self._frontier.facts) else alarms

    def _raise_alerts(self) -> None:
        """Have observers hear of what time alone has raised."""
        if self._alarms() is not None:
            self._around.observation.look(self._now())

    # --- what the pool asks and tells --------------------------------------------------------------------

    def body(self, step: int, attempt: int, worker: Worker) -> tuple[Context, Callable[[], object]]:
        """What to call for the body of an attempt; its timeout counts from now."""
        plan, context = self._plan, self._caller.copy()
        if self._has_timeouts:
            self.began(step)
        context.run(CURRENT.set, StepContext(self._here, plan.steps[step].id, step, attempt, worker))
        if self._is_direct and plan.line_of[step].kind == _LOOP:
            return context, self._jobs.call(step)
        return context, partial(self._dispatch, self._jobs.job(step, attempt), worker)

    def queued(self, step: int) -> None:
        """A body waits for a place: its timeout does not count meanwhile."""
        self._frontier.queued(step)

    def began(self, step: int) -> None:
        """A body has got its place: its timeout counts from now."""
        if step in self._frontier.plan.timeouts:
            self._frontier.began(step, self._now())
            self._timers.look()

    def completed(self, step: int, attempt: int, output: object) -> None:
        """A body has returned."""
        now = self._now()
        if self._encodes:
            try:
                output = self._jobs.encoded(step, output)
            except OutputNotStorable as error:
                self.failed(step, attempt, error)
                return
        if self._frontier.complete(step, attempt, output, now):
            if self.errors:
                self.errors.pop(self._frontier.plan.steps[step].id, None)
            self._decided(now)

    def failed(self, step: int, attempt: int, error: BaseException) -> None:
        """A body has raised, or was stopped."""
        if self._fail(step, attempt, error):
            self._decided(self._now())

    def _fail(self, step: int, attempt: int, error: BaseException) -> bool:
        """Note how an attempt has failed; False if it is no longer the running one."""
        id = self._plan.steps[step].id
        drawn, now = chance(f"{self._around.run_id}/{id}/{attempt}"), self._now()
        is_news = self._frontier.fail(step, attempt, error, now, drawn)
        if is_news:
            self.errors[id] = error
        return is_news

    def interrupted(self, step: int, attempt: int) -> None:
        """A body was cut off by the cancellation of the run; ``_hand_back`` records it."""
        self.is_closing = True
        if self._frontier.is_running(step, attempt):
            self._frontier.interrupt(step, self._now())
