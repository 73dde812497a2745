"""The frontier: which steps of a run may start or finish, and what follows when one ends.

The verbs are synchronous, apply at once and decide everything that follows; whoever carries out acts on ``take``
and ``due``. What is decided is a fact, and the fold of the facts is all there is to know.
"""

from typing import Any, NamedTuple

from taskorch.core.documents import EMPTY
from taskorch.core.frontier.agenda import Timer
from taskorch.core.frontier.ends import End
from taskorch.core.frontier.facts import (
    BLOCK,
    BLOCKED,
    CANCEL,
    COMPLETE,
    CREATED,
    FAIL,
    FAILED,
    IN_PROGRESS,
    QUEUED,
    RETRY,
    START,
    UNBLOCK,
    UNBLOCKED,
)
from taskorch.core.frontier.failures import Failure
from taskorch.core.frontier.fold import Fold
from taskorch.core.frontier.plan import Plan
from taskorch.core.frontier.reasons import (
    CANCELLED_BY_HOST,
    CIRCUIT_OPEN,
    FINISH_GATE,
    INTERRUPTED,
    OMITTED,
    QUEUE_TIMEOUT,
    TOTAL_TIMEOUT,
    UNDECIDABLE,
    WORKFLOW_TIMEOUT,
)
from taskorch.core.frontier.slots import Line, Slots
from taskorch.core.outcomes import Outcome
from taskorch.core.run_data import RunView
from taskorch.errors import CircuitOpen, UndecidableCondition


class Stop(NamedTuple):
    """A body that must be stopped: its step, the attempt, and why (``timeout``, ``workflow_timeout`` …)."""

    step: int
    attempt: int
    reason: str


class Frontier(Fold):
    """The state of one run, and what is decided about it.

    Times are microseconds since 1970; within a run they never go back, whatever the caller's clock does.

    Attributes:
        view: What conditions see of the run beside how steps ended; None for nothing.
    """

    def __init__(self, plan: Plan, slots: Slots, started_at: int) -> None:
        """A run of *plan* that began at *started_at*, of which nothing has happened yet."""
        super().__init__(plan, slots, started_at)
        self.view: RunView | None = None
        self._conditions = plan.conditions
        self._swept = False  # whether what has not started was cancelled, once the run is halted

    # --- what is asked of it -----------------------------------------------------------------------------

    def resume(self, now: int) -> None:
        """Go on, for the first time or after ``replay``: attempts that were under way are lost and due again.

        Unless so many were lost that the step is given up (``poison``): what it does may be what ends processes.
        """
        now = self._clamp(now)
        for step in self.running():
            if self._occupies[step]:
                self._do(step, FAIL, self.attempt[step], now, self._attempts.lost(step, now))
        self._decide(now)

    def take(self, now: int) -> int | None:
        """Start the best step that is ready and has a place: its index, or None if there is none."""
        if self.halted is not None or self.paused:
            return None
        gates = self.gates
        now = self._clamp(now) if now > self.latest or gates.lags else self.latest
        if gates.settled or gates.released:
            self._decide(now)
        if not self.ready.heaps:
            return None
        if self.breakers is None:
            step = self.ready.best()
            if step is None:
                return None
            self._start(step, now)
            return step
        while (step := self.ready.best(self._may_start)) is not None:
            refused_by = self._refused_by(step)
            self._start(step, now)
            if refused_by is None:
                return step
            error = CircuitOpen(self.plan.steps[step].id, refused_by)
            failure = Failure(type="CircuitOpen", message=str(error), reason=CIRCUIT_OPEN)
            self._do(step, FAIL, self.attempt[step], now, failure)
            self._decide(now)
        return None

    def began(self, step: int, now: int) -> None:
        """The body of *step* has really begun: its timeout counts from here."""
        timeout = self.plan.timeouts.get(step)
        if timeout is not None:
            self._until[step] = self._clamp(now) + timeout
            self._remind(self._until[step], Timer.ATTEMPT, step, self.attempt[step])

    def queued(self, step: int) -> None:
        """The body of *step* waits for a place to run: its timeout does not count until it has ``began``."""
        self._until.pop(step, None)

    def complete(self, step: int, attempt: int, output: Any, now: int) -> bool:  # Any: as in a fact
        """The body has returned *output*; False if this attempt is no longer the running one."""
        if self.states[step] != IN_PROGRESS or self.attempt[step] != attempt:
            return False
        now = self._clamp(now) if now > self.latest or self.gates.lags else self.latest
        if self._has_finish_links and self.gates.holds(step):
            self._do(step, BLOCK, attempt, now, {"reason": FINISH_GATE, "output": output})
            if self.gates.may_finish(step) is not None:
                self.gates.released.append(step)
        else:
            self._do_complete(step, attempt, now, output)
        if self.gates.settled or self.gates.released or self.halted is not None:
            self._decide(now)
        return True

    def fail(self, step: int, attempt: int, error: BaseException, now: int, chance: float = 0.0) -> bool:
        """The body has raised *error*; whether it is tried again is decided here. False as for ``complete``."""
        if not self.is_running(step, attempt):
            return False
        now = self._clamp(now)
        failure = self._attempts.failure(step, error, now, chance, self.halted)
        self._do(step, FAIL, attempt, now, failure)
        self._decide(now)
        return True

    def interrupt(self, step: int, now: int) -> None:
        """The running attempt of *step* was cut off through no fault of its body: it is due again at once."""
        now = self._clamp(now)
        failure = Failure(type="Interrupted", message="the attempt was cut off", reason=INTERRUPTED, retry_at=now)
        self._do(step, FAIL, self.attempt[step], now, failure)

    def due(self, now: int) -> list[Stop]:
        """Let the timers up to *now* fire: retries become ready; what must be stopped is returned."""
        now = self._clamp(now)
        stops: list[Stop] = []
        if self._deadline is not None and now >= self._deadline and self.halted is None and self.open:
            stops = self._time_out(now)
        while (entry := self._agenda.pop(now)) is not None:
            if entry.timer is Timer.RETRY:
                self._push(entry.step, entry.attempt, now)
            elif entry.timer is Timer.ATTEMPT:
                stops.append(Stop(entry.step, entry.attempt, "timeout"))
            elif self.states[entry.step] == IN_PROGRESS:
                stops.append(Stop(entry.step, self.attempt[entry.step], TOTAL_TIMEOUT))
            else:
                reason = TOTAL_TIMEOUT if entry.timer is Timer.TOTAL else QUEUE_TIMEOUT
                self._do(entry.step, CANCEL, self.attempt[entry.step], now, reason)
        self._decide(now)
        return stops

    def cancel(self, now: int) -> list[Stop]:
        """End the run for good: what runs must be stopped, and all that has not ended is cancelled."""
        if not self.open:
            return []
        now = self._clamp(now)
        stops = [Stop(step, self.attempt[step], CANCELLED_BY_HOST) for step in self.running()]
        self._halt(CANCELLED_BY_HOST, now, (CREATED, QUEUED, IN_PROGRESS, BLOCKED))
        return stops

    def next_due(self) -> int | None:
        """When ``due`` should be asked next, or None."""
        deadline = self._deadline if self.halted is None and self.open else None
        instants = [deadline, self._agenda.next(), self.gates.next_lapse()]
        if self.breakers is not None and not self.breakers.fails_when_open and self.halted is None:
            targets = {line.target for line in self.ready.lines()}
            instants += [self.breakers.available_at(target, self.latest) for target in targets if target is not None]
        return min((at for at in instants if at is not None), default=None)

    # --- deciding ----------------------------------------------------------------------------------------

    def _decide(self, now: int) -> None:
        """Decide every step with a settled gate; what ends thereby settles further gates."""
        gates, states, conditions = self.gates, self.states, self._conditions
        while gates.settled or gates.released:
            if gates.released:
                self._release(gates.released.pop(), now)
                continue
            step = gates.settled.pop()
            if states[step] != CREATED:
                continue
            reason = self._verdict(step) if gates.broken[step] or step in conditions else None
            reason = reason or self.halted
            if reason is None:
                self._do_enqueue(step, now)
            else:
                self._do(step, CANCEL, 0, now, reason)
        if self.halted is not None and not self._swept:
            self._halt(self.halted, now, (CREATED, QUEUED))
            self._decide(now)

    def _start(self, step: int, now: int) -> None:
        if self.states[step] == QUEUED:
            self._do_start(step, now)
        else:
            verb = RETRY if self.states[step] == FAILED else START
            self._do(step, verb, self.attempt[step] + 1, now, None)

    def _may_start(self, line: Line) -> bool:
        """Whether the target of *line* may be called, or its steps fail at once if not."""
        breakers = self.breakers
        if breakers is None or line.target is None or breakers.fails_when_open:
            return True
        return not breakers.is_open(line.target, self.latest)

    def _refused_by(self, step: int) -> str | None:
        """The target whose open circuit refuses a call of *step*, or None."""
        target = self._line_of[step].target
        if self.breakers is None or target is None or not self.breakers.is_open(target, self.latest):
            return None
        return target

    def _verdict(self, step: int) -> str | None:
        """None if a step whose links are settled may start, else why not."""
        condition = self._conditions.get(step)
        if not self.gates.may_start(step) and not (condition is not None and condition.always):
            return OMITTED
        if condition is None:
            return None
        data = EMPTY if self.view is None else self.view.at(self.latest, self.plan.steps[step].id)
        try:
            outcome = condition.verdict(self._outcome_of, data)
        except UndecidableCondition as error:
            message, *_ = str(error).splitlines()  # an excerpt with a caret follows
            return f"{UNDECIDABLE}: {message}"
        return None if outcome is None else outcome.value

    def _outcome_of(self, id: str) -> Outcome:
        return End(self.ends[self.plan.index[id]]).outcome

    def _release(self, step: int, now: int) -> None:
        """Let a step finish whose body has ended and whose finish gate is settled."""
        if not self._is_held(step):
            return
        attempt, output = self.attempt[step], self.details[step]["output"]
        self._go_on(step, now)
        if self.gates.may_finish(step):
            self._do(step, COMPLETE, attempt, now, output)
        else:
            message = "a link that its finish waits for was not met"
            self._do(step, FAIL, attempt, now, Failure(type="LinkNotMet", message=message, reason=FINISH_GATE))

    def _go_on(self, step: int, now: int) -> None:
        """A held step is in progress again; its body is not run."""
        for state, verb in ((BLOCKED, UNBLOCK), (UNBLOCKED, START)):
            if self.states[step] == state:
                self._do(step, verb, self.attempt[step], now, None)

    def _time_out(self, now: int) -> list[Stop]:
        """The time of the run is up: what runs or is held has failed, what has not started is cancelled."""
        stops = [Stop(step, self.attempt[step], WORKFLOW_TIMEOUT) for step in self.running()]
        held = [step for step in range(len(self.states)) if self._is_held(step)]
        self._halt(WORKFLOW_TIMEOUT, now, (CREATED, QUEUED))
        for step in held:
            self._go_on(step, now)
        for step in (*(stop.step for stop in stops), *held):
            late = Failure(type="WorkflowTimeout", message="the workflow's time was up", reason=WORKFLOW_TIMEOUT)
            self._do(step, FAIL, self.attempt[step], now, late)
        self._decide(now)
        return stops

    def _halt(self, reason: str, now: int, states: tuple[int, ...]) -> None:
        """Start nothing more: what is in one of *states*, or waits for a retry, is cancelled."""
        self.halted, self._swept = reason, True
        for step, state in enumerate(self.states):
            if state in states or self._waits_for_retry(step):
                self._do(step, CANCEL, self.attempt[step], now, reason)
        self.gates.settled.clear()
