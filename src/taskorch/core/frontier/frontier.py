"""The frontier: which steps of a run may start, and what follows when one ends.

Every change is a fact; ``_do`` appends it, moves the step along the lifecycle table and applies it. Replaying
the facts through the same method gives the same frontier, so there is no second book. The verbs are
synchronous, apply at once and decide everything that follows; whoever carries out acts on ``take`` and ``due``.
"""

from collections.abc import Iterable
from heapq import heappop, heappush
from typing import Any, NamedTuple

from taskorch.core.frontier.facts import (
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
    VERBS,
    Fact,
)
from taskorch.core.frontier.failures import Failure, failure_of
from taskorch.core.frontier.plan import End, Plan
from taskorch.core.frontier.slots import Slots
from taskorch.core.retry import RetryAt
from taskorch.core.states import LIFECYCLE
from taskorch.errors import IllegalTransition

OPEN = 255
"""The end of a step that has not ended."""
_REASONS = {"skipped": End.SKIPPED, "omitted": End.OMITTED}
WORKFLOW_TIMEOUT = "workflow_timeout"
FAIL_FAST = "fail_fast"
INTERRUPTED = "interrupted"
LEASE_EXPIRED = "lease_expired"
_UNCOUNTED = (INTERRUPTED, LEASE_EXPIRED)
"""Attempts that ended for these reasons are no fault of the body and do not use up its attempts."""
_HALTING = (WORKFLOW_TIMEOUT, FAIL_FAST)


class Stop(NamedTuple):
    """A body that must be stopped: its step, the attempt, and why (``timeout`` or ``workflow_timeout``)."""

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
        open: How many steps have not ended.
        halted: Why nothing more is started, or None.
        latest: The latest time it knows of.
    """

    def __init__(self, plan: Plan, slots: Slots, started_at: int) -> None:
        """A run of *plan* that began at *started_at*, of which nothing has happened yet."""
        count = len(plan.steps)
        self.plan, self.slots = plan, slots
        self.facts: list[Fact] = []
        self.ends = bytearray([OPEN]) * count
        self.details: list[Any] = [None] * count  # Any: as in a fact
        self.attempt = [0] * count
        self.open = count
        self.halted: str | None = None
        self.states = bytearray([CREATED]) * count
        self._waits = list(plan.waits)
        self._broken = bytearray(count)
        self._began = [0] * count  # the first start of each step
        self._uncounted: dict[int, int] = {}  # attempts that were no fault of the body
        self._ready: tuple[list[int], ...] = ([], [], [])  # by kind, heaps of ranks; some may be stale …
        self._listed = bytearray(count)  # … and this tells which steps are ready indeed
        self._timers: list[tuple[int, int, int, bool]] = []  # (at, step, attempt, whether a retry or a timeout)
        self._swept = False  # whether what has not started was cancelled, once the run is halted
        self._until: dict[int, int] = {}  # when the time of the running attempts is up
        self._settled = [step for step, waits in enumerate(self._waits) if not waits]
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
        }

    # --- what is asked of it -----------------------------------------------------------------------------

    def replay(self, facts: Iterable[Fact]) -> None:
        """Take over what has happened before, from the beginning of the run on."""
        for fact in facts:
            self._do(fact)

    def resume(self, now: int) -> None:
        """Go on, for the first time or after ``replay``: attempts that were under way are lost and due again."""
        now = self._clamp(now)
        for step in self.running():
            self.interrupt(step, now, LEASE_EXPIRED)
        self._decide(now)

    def take(self, now: int) -> int | None:
        """Start the best step that is ready and has a slot: its index, or None if there is none."""
        best = None
        free = self.slots.free
        if self.slots.total > 0 and self.halted is None:
            for kind, heap in enumerate(self._ready):
                while heap and not self._listed[self.plan.order[heap[0]]]:
                    heappop(heap)
                if heap and free[kind] > 0 and (best is None or heap[0] < self._ready[best][0]):
                    best = kind
        if best is None:
            return None
        step = self.plan.order[heappop(self._ready[best])]
        now, attempt = self._clamp(now), self.attempt[step] + 1
        if self.states[step] == FAILED:
            self._do((step, RETRY, attempt, now, None))
        else:
            if self.states[step] == QUEUED:
                self._do((step, SCHEDULE, attempt - 1, now, None))
            self._do((step, START, attempt, now, None))
        return step

    def began(self, step: int, now: int) -> None:
        """The body of *step* has really begun: its timeout counts from here."""
        timeout = self.plan.timeouts.get(step)
        if timeout is not None:
            self._until[step] = self._clamp(now) + timeout
            heappush(self._timers, (self._until[step], step, self.attempt[step], False))

    def queued(self, step: int) -> None:
        """The body of *step* waits for a place to run: its timeout does not count until it has ``began``."""
        self._until.pop(step, None)

    def complete(self, step: int, attempt: int, output: Any, now: int) -> bool:  # Any: as in a fact
        """The body has returned *output*; False if this attempt is no longer the running one."""
        if not self.is_running(step, attempt):
            return False
        now = self._clamp(now)
        self._do((step, COMPLETE, attempt, now, output))
        self._decide(now)
        return True

    def fail(self, step: int, attempt: int, error: BaseException, now: int, chance: float = 0.0) -> bool:
        """The body has raised *error*; whether it is tried again is decided here. False as for ``complete``."""
        if not self.is_running(step, attempt):
            return False
        now = self._clamp(now)
        failure = failure_of(error)
        if self.halted is not None:
            failure["reason"] = self.halted
        else:
            counted = attempt - self._uncounted.get(step, 0)
            answer = self.plan.retries[step].decide(counted, error, (now - self._began[step]) / 1e6, chance)
            if isinstance(answer, RetryAt):
                failure["retry_at"] = now + round(answer.delay * 1e6)
            else:
                failure["reason"] = answer.reason
        self._do((step, FAIL, attempt, now, failure))
        self._decide(now)
        return True

    def interrupt(self, step: int, now: int, reason: str = INTERRUPTED) -> None:
        """The running attempt of *step* was lost through no fault of its body: it is due again at once."""
        now = self._clamp(now)
        failure = Failure(type="Interrupted", message="the attempt was cut off", reason=reason, retry_at=now)
        self._do((step, FAIL, self.attempt[step], now, failure))

    def due(self, now: int) -> list[Stop]:
        """Let the timers up to *now* fire: retries become ready; what must be stopped is returned."""
        now = self._clamp(now)
        stops: list[Stop] = []
        if self._deadline is not None and now >= self._deadline and self.halted is None and self.open:
            running = self.running()
            self._halt(WORKFLOW_TIMEOUT, now)
            for step in running:
                stops.append(Stop(step, self.attempt[step], WORKFLOW_TIMEOUT))
                late = Failure(type="WorkflowTimeout", message="the workflow's time was up", reason=WORKFLOW_TIMEOUT)
                self._do((step, FAIL, self.attempt[step], now, late))
            self._decide(now)
        while self._timers and self._timers[0][0] <= now:
            timer = heappop(self._timers)
            if self._is_live(timer):
                _, step, attempt, is_retry = timer
                if is_retry:
                    self._push(step)
                else:
                    stops.append(Stop(step, attempt, "timeout"))
        return stops

    def next_due(self) -> int | None:
        """When ``due`` should be asked next, or None."""
        deadline = self._deadline if self.halted is None and self.open else None
        while self._timers and not self._is_live(self._timers[0]):
            heappop(self._timers)
        if not self._timers:
            return deadline
        return self._timers[0][0] if deadline is None else min(deadline, self._timers[0][0])

    def is_running(self, step: int, attempt: int) -> bool:
        """Whether this very attempt is under way."""
        return self.states[step] == IN_PROGRESS and self.attempt[step] == attempt

    @property
    def has_failed(self) -> bool:
        """Whether a step has failed that was not allowed to, or the run was cut short."""
        return End.FAILED in self.ends or self.halted is not None

    def running(self) -> list[int]:
        """The steps whose attempt is under way."""
        return [step for step, state in enumerate(self.states) if state == IN_PROGRESS]

    def snapshot(self) -> tuple[object, ...]:
        """Everything that decides how the run goes on, for comparing two frontiers."""
        waiting = [step for step in range(len(self.states)) if self._waits_for_retry(step)]
        return (
            bytes(self.states), bytes(self.ends), bytes(self._broken), tuple(self._waits), tuple(self.attempt),
            tuple(self.details), tuple(self._began), dict(self._uncounted), waiting, list(self.slots.free),
            self.slots.total, self.open, self.halted, self.latest,
        )  # fmt: skip

    # --- deciding ----------------------------------------------------------------------------------------

    def _decide(self, now: int) -> None:
        """Enqueue or cancel every step whose links are settled; what ends thereby settles further links."""
        while self._settled:
            step = self._settled.pop()
            if self.states[step] != CREATED:
                continue
            reason = self._verdict(step) or self.halted
            if reason is None:
                self._do((step, ENQUEUE, 0, now, None))
            else:
                self._do((step, CANCEL, 0, now, reason))
        if self.halted is not None and not self._swept:
            self._halt(self.halted, now)

    def _verdict(self, step: int) -> str | None:
        """None if a step whose links are settled may start, else why not."""
        condition = self.plan.conditions.get(step)
        if self._broken[step] and not (condition is not None and condition.always):
            return "omitted"
        if condition is None:
            return None
        index, ends = self.plan.index, self.ends
        outcome = condition.verdict(lambda id: End(ends[index[id]]).outcome)
        return None if outcome is None else outcome.value

    def _halt(self, reason: str, now: int) -> None:
        """Start nothing more: what has not started, or waits for a retry, is cancelled."""
        self.halted, self._swept = reason, True
        for step, state in enumerate(self.states):
            if state in (CREATED, QUEUED) or self._waits_for_retry(step):
                self._do((step, CANCEL, self.attempt[step], now, reason))
        self._settled.clear()

    def _clamp(self, now: int) -> int:
        self.latest = max(self.latest, now)
        return self.latest

    # --- applying facts ----------------------------------------------------------------------------------

    def _do(self, fact: Fact) -> None:
        step, verb = fact[0], fact[1]
        state = NEXT[self.states[step]][verb]
        if state < 0:
            id, current = self.plan.steps[step].id, STATES[self.states[step]]
            raise IllegalTransition(id, current, VERBS[verb], LIFECYCLE.verbs(current))
        self.states[step] = state
        self.facts.append(fact)
        self.latest = max(self.latest, fact[3])
        self._apply[verb](fact)

    def _nothing(self, fact: Fact) -> None:
        pass

    def _enqueued(self, fact: Fact) -> None:
        self._push(fact[0])

    def _started(self, fact: Fact) -> None:
        step, _, attempt, at, _ = fact
        self._listed[step] = 0
        self.attempt[step] = attempt
        if attempt == 1:
            self._began[step] = at
        self.slots.take(self.plan.kinds[step])

    def _completed(self, fact: Fact) -> None:
        self.slots.give(self.plan.kinds[fact[0]])
        self._end(fact, End.COMPLETED)

    def _failed(self, fact: Fact) -> None:
        step, _, attempt, _, failure = fact
        self.slots.give(self.plan.kinds[step])
        reason, retry_at = failure.get("reason"), failure.get("retry_at")
        if reason in _UNCOUNTED:
            self._uncounted[step] = self._uncounted.get(step, 0) + 1
        if reason in _HALTING:
            self.halted = reason
        if retry_at is None:
            self._end(fact, End.ALLOWED if self.plan.steps[step].allow_failure else End.FAILED)
        else:
            self.details[step] = failure
            heappush(self._timers, (retry_at, step, attempt, True))

    def _cancelled(self, fact: Fact) -> None:
        reason = fact[4]
        if reason in _HALTING:
            self.halted = reason
        self._end(fact, _REASONS.get(reason, End.CANCELLED))

    def _end(self, fact: Fact, end: End) -> None:
        step = fact[0]
        self._listed[step] = 0
        self.ends[step] = end
        self.details[step] = fact[4]
        self.open -= 1
        if end == End.FAILED and self.plan.fail_fast and self.halted is None:
            self.halted = FAIL_FAST
        waits, broken = self._waits, self._broken
        for target, mask in self.plan.on_finish[step]:
            waits[target] -= 1
            if not mask >> end & 1:
                broken[target] = 1
            if not waits[target]:
                self._settled.append(target)

    def _push(self, step: int) -> None:
        if not self._listed[step]:
            self._listed[step] = 1
            heappush(self._ready[self.plan.kinds[step]], self.plan.rank[step])

    def _is_live(self, timer: tuple[int, int, int, bool]) -> bool:
        """Whether a timer still means something: what it was set for may have ended, or begun anew."""
        at, step, attempt, is_retry = timer
        if is_retry:
            return attempt == self.attempt[step] and self._waits_for_retry(step)
        return self._until.get(step) == at and self.is_running(step, attempt)

    def _waits_for_retry(self, step: int) -> bool:
        return self.states[step] == FAILED and self.ends[step] == OPEN
