"""The frontier: which steps of a run may start or finish, and what follows when one ends.

Every change is a fact; ``_do`` appends it, moves the step along the lifecycle table and applies it. Replaying
the facts through the same method gives the same frontier, so there is no second book. The verbs are
synchronous, apply at once and decide everything that follows; whoever carries out acts on ``take`` and ``due``.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from taskorch.core.frontier.agenda import Agenda, Entry, Timer
from taskorch.core.frontier.attempts import INTERRUPTED, LEASE_EXPIRED, TOTAL_TIMEOUT, Attempts
from taskorch.core.frontier.ends import End
from taskorch.core.frontier.facts import (
    BLOCK,
    BLOCKED,
    CANCEL,
    COMPLETE,
    CREATED,
    ENQUEUE,
    FAIL,
    FAILED,
    IN_PROGRESS,
    NEXT,
    QUEUED,
    RETRY,
    SCHEDULE,
    START,
    STATES,
    UNBLOCK,
    UNBLOCKED,
    VERBS,
    Fact,
)
from taskorch.core.frontier.failures import Failure
from taskorch.core.frontier.gates import Gates
from taskorch.core.frontier.plan import Plan
from taskorch.core.frontier.ready import Ready
from taskorch.core.frontier.slots import Slots
from taskorch.core.states import LIFECYCLE
from taskorch.errors import IllegalTransition

OPEN = 255
"""The end of a step that has not ended."""
WORKFLOW_TIMEOUT = "workflow_timeout"
FAIL_FAST = "fail_fast"
CANCELLED_BY_HOST = "cancelled"
FINISH_GATE = "finish_gate"
QUEUE_TIMEOUT = "queue_timeout"
_HALTING = (WORKFLOW_TIMEOUT, FAIL_FAST, CANCELLED_BY_HOST)
_ENDS = {"skipped": End.SKIPPED, "omitted": End.OMITTED, TOTAL_TIMEOUT: End.ABORTED, QUEUE_TIMEOUT: End.ABORTED}
"""How a step ends that is cancelled for a reason; for any other as ``CANCELLED``."""


class Stop(NamedTuple):
    """A body that must be stopped: its step, the attempt, and why (``timeout``, ``workflow_timeout`` …)."""

    step: int
    attempt: int
    reason: str


class Frontier:
    """The state of one run.

    Times are microseconds since 1970; within a run they never go back, whatever the caller's clock does.

    Attributes:
        plan: The plan it follows.
        facts: Everything that has happened, in order.
        ends: The ``End`` of each step, or ``OPEN``.
        details: The detail of the fact that ended each step's last attempt: output, failure or reason.
        attempt: The number of tries of each step so far.
        states: Where each step stands, as an index into ``STATES``.
        gates: The links that are still open.
        ready: The steps that wait for a place.
        open: How many steps have not ended.
        halted: Why nothing more is started, or None.
        paused: Whether nothing more is started for the time being.
        latest: The latest time it knows of.
    """

    def __init__(self, plan: Plan, slots: Slots, started_at: int) -> None:
        """A run of *plan* that began at *started_at*, of which nothing has happened yet."""
        count = len(plan.steps)
        self._attempts = Attempts(plan)
        self.plan, self.slots = plan, slots
        slots.amounts = list(plan.limits)
        self.facts: list[Fact] = []
        self.ends = bytearray([OPEN]) * count
        self.details: list[Any] = [None] * count  # Any: as in a fact
        self.attempt = self._attempts.number
        self.open = count
        self.halted: str | None = None
        self.paused = False
        self.states = bytearray([CREATED]) * count
        self.gates = Gates(plan)
        self.ready = Ready(plan, slots)
        self._occupies = bytearray(count)  # whether its body has a place
        self._agenda = Agenda(self._is_live)
        self._until: dict[int, int] = {}  # when the time of the running attempts is up
        self._swept = False  # whether what has not started was cancelled, once the run is halted
        self.latest = started_at
        self._deadline = None if plan.timeout is None else started_at + plan.timeout
        self._apply = {
            ENQUEUE: self._enqueued,
            SCHEDULE: self._nothing,
            START: self._started,
            RETRY: self._started,
            COMPLETE: self._completed,
            FAIL: self._failed,
            CANCEL: self._cancelled,
            BLOCK: self._blocked,
            UNBLOCK: self._nothing,
        }

    # --- what is asked of it -----------------------------------------------------------------------------

    def replay(self, facts: Iterable[Fact]) -> None:
        """Take over what has happened before, from the beginning of the run on."""
        for fact in facts:
            self._clamp(fact[3])
            self._do(*fact)

    def resume(self, now: int) -> None:
        """Go on, for the first time or after ``replay``: attempts that were under way are lost and due again."""
        now = self._clamp(now)
        for step in self.running():
            if self._occupies[step]:
                self.interrupt(step, now, LEASE_EXPIRED)
        self._decide(now)

    def take(self, now: int) -> int | None:
        """Start the best step that is ready and has a place: its index, or None if there is none."""
        if self.halted is not None or self.paused:
            return None
        now = self._clamp(now)
        if self.gates.settled or self.gates.released:
            self._decide(now)
        step = self.ready.best()
        if step is None:
            return None
        attempt = self.attempt[step] + 1
        if self.states[step] == FAILED:
            self._do(step, RETRY, attempt, now, None)
        else:
            if self.states[step] == QUEUED:
                self._do(step, SCHEDULE, attempt - 1, now, None)
            self._do(step, START, attempt, now, None)
        return step

    def began(self, step: int, now: int) -> None:
        """The body of *step* has really begun: its timeout counts from here."""
        timeout = self.plan.timeouts.get(step)
        if timeout is not None:
            self._until[step] = self._clamp(now) + timeout
            self._agenda.add(self._until[step], Timer.ATTEMPT, step, self.attempt[step])

    def queued(self, step: int) -> None:
        """The body of *step* waits for a place to run: its timeout does not count until it has ``began``."""
        self._until.pop(step, None)

    def complete(self, step: int, attempt: int, output: Any, now: int) -> bool:  # Any: as in a fact
        """The body has returned *output*; False if this attempt is no longer the running one."""
        if not self.is_running(step, attempt):
            return False
        now = self._clamp(now)
        if self.gates.holds(step):
            self._do(step, BLOCK, attempt, now, {"reason": FINISH_GATE, "output": output})
            if self.gates.may_finish(step) is not None:
                self.gates.released.append(step)
        else:
            self._do(step, COMPLETE, attempt, now, output)
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

    def interrupt(self, step: int, now: int, reason: str = INTERRUPTED) -> None:
        """The running attempt of *step* was lost through no fault of its body: it is due again at once."""
        now = self._clamp(now)
        failure = Failure(type="Interrupted", message="the attempt was cut off", reason=reason, retry_at=now)
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
                stops.append(Stop(entry.step, entry.attempt, TOTAL_TIMEOUT))
            else:
                reason = TOTAL_TIMEOUT if entry.timer is Timer.TOTAL else QUEUE_TIMEOUT
                self._do(entry.step, CANCEL, self.attempt[entry.step], now, reason)
        self._decide(now)
        return stops

    def cancel(self, now: int) -> list[Stop]:
        """End the run for good: what runs must be stopped, and all that has not ended is cancelled."""
        if self.halted is not None or not self.open:
            return []
        now = self._clamp(now)
        stops = [Stop(step, self.attempt[step], CANCELLED_BY_HOST) for step in self.running()]
        self._halt(CANCELLED_BY_HOST, now, (CREATED, QUEUED, IN_PROGRESS, BLOCKED))
        return stops

    def next_due(self) -> int | None:
        """When ``due`` should be asked next, or None."""
        deadline = self._deadline if self.halted is None and self.open else None
        instants = (deadline, self._agenda.next(), self.gates.next_lapse())
        return min((at for at in instants if at is not None), default=None)

    def is_running(self, step: int, attempt: int) -> bool:
        """Whether this very attempt is under way."""
        return self.states[step] == IN_PROGRESS and self.attempt[step] == attempt

    @property
    def has_failed(self) -> bool:
        """Whether a step has failed that was not allowed to, or the run was cut short."""
        return End.FAILED in self.ends or End.ABORTED in self.ends or self.halted is not None

    def running(self) -> list[int]:
        """The steps whose attempt is under way."""
        return [step for step, state in enumerate(self.states) if state == IN_PROGRESS]

    def snapshot(self) -> tuple[object, ...]:
        """Everything that decides how the run goes on, for comparing two frontiers."""
        waiting = [step for step in range(len(self.states)) if self._waits_for_retry(step)]
        return (
            bytes(self.states), bytes(self.ends), self.gates.snapshot(), tuple(self.attempt), tuple(self.details),
            self._attempts.snapshot(), bytes(self._occupies), waiting, list(self.slots.free),
            self.slots.total, list(self.slots.amounts), self.open, self.halted, self.latest,
        )  # fmt: skip

    # --- deciding ----------------------------------------------------------------------------------------

    def _decide(self, now: int) -> None:
        """Decide every step with a settled gate; what ends thereby settles further gates."""
        gates, states = self.gates, self.states
        while gates.settled or gates.released:
            if gates.released:
                self._release(gates.released.pop(), now)
                continue
            step = gates.settled.pop()
            if states[step] != CREATED:
                continue
            reason = self._verdict(step) or self.halted
            if reason is None:
                self._do(step, ENQUEUE, 0, now, None)
            else:
                self._do(step, CANCEL, 0, now, reason)
        if self.halted is not None and not self._swept:
            self._halt(self.halted, now, (CREATED, QUEUED))

    def _verdict(self, step: int) -> str | None:
        """None if a step whose links are settled may start, else why not."""
        condition = self.plan.conditions.get(step) if self.plan.conditions else None
        if not self.gates.may_start(step) and not (condition is not None and condition.always):
            return "omitted"
        if condition is None:
            return None
        index, ends = self.plan.index, self.ends
        outcome = condition.verdict(lambda id: End(ends[index[id]]).outcome)
        return None if outcome is None else outcome.value

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

    def _clamp(self, now: int) -> int:
        """*now*, or the latest time known if that is later; lags that are over by then are."""
        self.latest = max(self.latest, now)
        self.gates.lapse(self.latest)
        return self.latest

    # --- applying facts ----------------------------------------------------------------------------------

    def _do(self, step: int, verb: int, attempt: int, at: int, detail: Any) -> None:  # Any: as in a fact
        state = NEXT[self.states[step]][verb]
        if state < 0:
            id, current = self.plan.steps[step].id, STATES[self.states[step]]
            raise IllegalTransition(id, current, VERBS[verb], LIFECYCLE.verbs(current))
        self.states[step] = state
        self.facts.append((step, verb, attempt, at, detail))
        self._apply[verb](step, attempt, at, detail)

    def _nothing(self, step: int, attempt: int, at: int, detail: Any) -> None:
        pass

    def _enqueued(self, step: int, attempt: int, at: int, detail: Any) -> None:
        self._push(step, attempt, at)

    def _started(self, step: int, attempt: int, at: int, detail: Any) -> None:
        if attempt == self.attempt[step]:
            return  # it was held, and goes on to its end
        self.ready.remove(step)
        self._attempts.started(step, attempt, at)
        self._occupies[step] = 1
        self.slots.take(self.plan.lines[self.plan.line_of[step]])
        if attempt == 1:
            self.gates.started(step, at)
            if step in self.plan.total_timeouts:
                self._agenda.add(at + self.plan.total_timeouts[step], Timer.TOTAL, step, attempt)

    def _completed(self, step: int, attempt: int, at: int, output: Any) -> None:
        self._end(step, at, output, End.COMPLETED)

    def _failed(self, step: int, attempt: int, at: int, failure: Any) -> None:
        reason, retry_at = failure.get("reason"), failure.get("retry_at")
        self._attempts.failed(step, reason)
        if reason in _HALTING:
            self.halted = reason
        if retry_at is None:
            self._end(step, at, failure, End.ALLOWED if self.plan.steps[step].allow_failure else End.FAILED)
        else:
            self._vacate(step)
            self.details[step] = failure
            self._agenda.add(retry_at, Timer.RETRY, step, attempt)

    def _blocked(self, step: int, attempt: int, at: int, detail: Any) -> None:
        self._vacate(step)
        self.details[step] = detail

    def _cancelled(self, step: int, attempt: int, at: int, reason: Any) -> None:
        if reason in _HALTING:
            self.halted = reason
        self._end(step, at, reason, _ENDS.get(reason, End.CANCELLED))

    def _end(self, step: int, at: int, detail: Any, end: End) -> None:
        self.ready.remove(step)
        self._vacate(step)
        self.ends[step] = end
        self.details[step] = detail
        self.open -= 1
        if end == End.FAILED and self.plan.fail_fast and self.halted is None:
            self.halted = FAIL_FAST
        self.gates.ended(step, end, at, has_started=self.attempt[step] > 0)

    def _vacate(self, step: int) -> None:
        if self._occupies[step]:
            self._occupies[step] = 0
            self.slots.give(self.plan.lines[self.plan.line_of[step]])

    def _push(self, step: int, attempt: int, at: int) -> None:
        self.ready.add(step)
        if step in self.plan.queue_timeouts:
            self._agenda.add(at + self.plan.queue_timeouts[step], Timer.QUEUE, step, attempt)

    def _is_live(self, entry: Entry) -> bool:
        at, timer, step, attempt = entry
        match timer:
            case Timer.RETRY:
                return attempt == self.attempt[step] and self._waits_for_retry(step)
            case Timer.ATTEMPT:
                return self._until.get(step) == at and self.is_running(step, attempt)
            case Timer.TOTAL:
                return self.ends[step] == OPEN and self.states[step] != BLOCKED
        return step in self.ready and attempt == self.attempt[step]

    def _is_held(self, step: int) -> bool:
        """Whether the body of *step* has ended and its finish has not come."""
        return self.states[step] in (BLOCKED, UNBLOCKED, IN_PROGRESS) and not self._occupies[step]

    def _waits_for_retry(self, step: int) -> bool:
        return self.states[step] == FAILED and self.ends[step] == OPEN
