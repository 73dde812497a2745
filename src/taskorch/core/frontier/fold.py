"""The fold of the facts of a run: where every step stands, and nothing that is decided.

``_do`` appends a fact, moves the step along the lifecycle table and applies it. Replaying the facts through the
same method gives the same state, so there is no second book.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from taskorch.core.frontier.agenda import Agenda, Entry, Timer
from taskorch.core.frontier.attempts import Attempts
from taskorch.core.frontier.breakers import Breakers
from taskorch.core.frontier.ends import End
from taskorch.core.frontier.facts import (
    BLOCK,
    BLOCKED,
    CANCEL,
    COMPLETE,
    COMPLETED,
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
from taskorch.core.frontier.gates import Gates
from taskorch.core.frontier.plan import Plan
from taskorch.core.frontier.ready import Ready
from taskorch.core.frontier.reasons import (
    BLAMELESS,
    CIRCUIT_OPEN,
    FAIL_FAST,
    HALTING,
    OMITTED,
    QUEUE_TIMEOUT,
    SKIPPED,
    TOTAL_TIMEOUT,
    UNDECIDABLE,
)
from taskorch.core.frontier.slots import Slots
from taskorch.core.resources import Capacity
from taskorch.core.states import LIFECYCLE
from taskorch.errors import IllegalTransition

OPEN = 255
"""The end of a step that has not ended."""
_ENDS = {
    SKIPPED: End.SKIPPED,
    OMITTED: End.OMITTED,
    TOTAL_TIMEOUT: End.ABORTED,
    QUEUE_TIMEOUT: End.ABORTED,
    UNDECIDABLE: End.ABORTED,
}
"""How a step ends that is cancelled for a reason; for any other as ``CANCELLED``."""
_COMPLETED = int(End.COMPLETED)  # the members of an enum cost more to compare than numbers
_FAILED = int(End.FAILED)
_OURS = {"MissingOutput", "OutputNotStorable"}
"""These errors are ours, and say nothing about the target of a step."""


class Fold:
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
        breakers: The circuit breakers of their targets, or None.
        open: How many steps have not ended.
        halted: Why nothing more is started, or None.
        paused: Whether nothing more is started for the time being.
        latest: The latest time it knows of.
        is_timed: Whether anything was ever due by time alone.
    """

    def __init__(self, plan: Plan, slots: Slots, started_at: int) -> None:
        """A run of *plan* that began at *started_at*, of which nothing has happened yet."""
        count = len(plan.steps)
        self._attempts = Attempts(plan)
        self.plan, self.slots = plan, slots
        slots.capacity = Capacity(plan.limits)
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
        self.breakers = None if plan.breaker is None else Breakers(plan.breaker)
        self._occupies = bytearray(count)  # whether its body has a place
        self._agenda = Agenda(self._is_live)
        self._until: dict[int, int] = {}  # when the time of the running attempts is up
        self.latest = started_at
        self._deadline = None if plan.timeout is None else started_at + plan.timeout
        self.is_timed = plan.timeout is not None or plan.breaker is not None or plan.couplings.has_lags
        self._line_of, self._note = plan.line_of, self.facts.append
        self._has_start_links = bool(plan.couplings.typed_on_start)
        self._has_finish_links = bool(plan.couplings.finish_waits)
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

    def replay(self, facts: Iterable[Fact]) -> None:
        """Take over what has happened before, from the beginning of the run on."""
        states, note, apply, lags = self.states, self._note, self._apply, self.gates.lags
        add, is_judged, is_urgent = self.ready.add, self.breakers is not None, bool(self.plan.queue_timeouts)
        for fact in facts:
            step, verb, attempt, at, detail = fact
            self.latest = max(self.latest, at)
            if lags:
                self.gates.lapse(self.latest)
            state = NEXT[states[step]][verb]
            if state < 0:
                raise self._illegal(step, verb)
            states[step] = state
            note(fact)
            # As in ``_do``; what nearly all facts say has a short way.
            if verb == COMPLETE and not is_judged:
                self._end(step, at, detail, _COMPLETED)
            elif verb == ENQUEUE and not is_urgent:
                add(step)
            elif verb != SCHEDULE:
                apply[verb](step, attempt, at, detail)

    def is_running(self, step: int, attempt: int) -> bool:
        """Whether this very attempt is under way."""
        return self.states[step] == IN_PROGRESS and self.attempt[step] == attempt

    @property
    def has_failed(self) -> bool:
        """Whether a step has failed that was not allowed to, or the run was cut short."""
        return End.FAILED in self.ends or End.ABORTED in self.ends or self.halted is not None

    def has_place(self, step: int) -> bool:
        """Whether a body of *step* occupies a place and resources."""
        return bool(self._occupies[step])

    def occupants(self) -> Iterator[int]:
        """The steps whose bodies occupy places and resources, in order."""
        step = self._occupies.find(1)
        while step >= 0:
            yield step
            step = self._occupies.find(1, step + 1)

    def running(self) -> list[int]:
        """The steps whose attempt is under way."""
        return [step for step, state in enumerate(self.states) if state == IN_PROGRESS]

    def snapshot(self) -> tuple[object, ...]:
        """Everything that decides how the run goes on, for comparing two frontiers."""
        waiting = [step for step in range(len(self.states)) if self._waits_for_retry(step)]
        return (
            bytes(self.states), bytes(self.ends), self.gates.snapshot(), tuple(self.attempt), tuple(self.details),
            self._attempts.snapshot(), bytes(self._occupies), waiting, list(self.slots.free),
            self.slots.total, list(self.slots.capacity.free), self.open, self.halted, self.latest,
            self.breakers and self.breakers.snapshot(),
        )  # fmt: skip

    def _clamp(self, now: int) -> int:
        """*now*, or the latest time known if that is later; lags that are over by then are."""
        if now > self.latest:  # noqa: PLR1730 - of every step; a call of max() would cost more
            self.latest = now
        if self.gates.lags:
            self.gates.lapse(self.latest)
        return self.latest

    def _do(self, step: int, verb: int, attempt: int, at: int, detail: Any) -> None:  # Any: as in a fact
        state = NEXT[self.states[step]][verb]
        if state < 0:
            raise self._illegal(step, verb)
        self.states[step] = state
        self._note((step, verb, attempt, at, detail))
        self._apply[verb](step, attempt, at, detail)

    def _illegal(self, step: int, verb: int) -> IllegalTransition:
        id, current = self.plan.steps[step].id, STATES[self.states[step]]
        return IllegalTransition(id, current, VERBS[verb], LIFECYCLE.verbs(current))

    # The three facts of every step have a short way: who decides them has looked at the state already.

    def _do_enqueue(self, step: int, at: int) -> None:
        self.states[step] = QUEUED
        self._note((step, ENQUEUE, 0, at, None))
        if self.plan.queue_timeouts:
            self._push(step, 0, at)
        else:
            self.ready.add(step)

    def _do_start(self, step: int, at: int) -> None:
        attempt = self.attempt[step] + 1
        self.states[step] = IN_PROGRESS
        self._note((step, SCHEDULE, attempt - 1, at, None))
        self._note((step, START, attempt, at, None))
        self._begin(step, attempt, at)

    def _do_complete(self, step: int, attempt: int, at: int, output: Any) -> None:
        self.states[step] = COMPLETED
        self._note((step, COMPLETE, attempt, at, output))
        if self.breakers is None:
            self._end(step, at, output, _COMPLETED)
        else:
            self._completed(step, attempt, at, output)

    def _nothing(self, step: int, attempt: int, at: int, detail: Any) -> None:
        pass

    def _enqueued(self, step: int, attempt: int, at: int, detail: Any) -> None:
        self._push(step, attempt, at)

    def _started(self, step: int, attempt: int, at: int, detail: Any) -> None:
        if attempt == self.attempt[step]:
            return  # it was held, and goes on to its end
        self.ready.remove(step)
        self._begin(step, attempt, at)

    def _begin(self, step: int, attempt: int, at: int) -> None:
        """A body has a place."""
        self.attempt[step] = attempt
        self._occupies[step] = 1
        line = self._line_of[step]
        self.slots.take(line)
        if line.target is not None and self.breakers is not None:
            self.breakers.began(line.target, at)
        if attempt == 1:
            self._attempts.began[step] = at
            if self._has_start_links:
                self.gates.started(step, at)
            if self.plan.total_timeouts and step in self.plan.total_timeouts:
                self._remind(at + self.plan.total_timeouts[step], Timer.TOTAL, step, attempt)

    def _completed(self, step: int, attempt: int, at: int, output: Any) -> None:
        if self._occupies[step]:  # what was held has been judged
            self._judge(step, at, well=True)
        self._end(step, at, output, _COMPLETED)

    def _failed(self, step: int, attempt: int, at: int, failure: Any) -> None:
        reason, retry_at = failure.get("reason"), failure.get("retry_at")
        if self.breakers is not None and self._occupies[step] and reason != CIRCUIT_OPEN:
            is_told = reason not in BLAMELESS and failure["type"] not in _OURS
            self._judge(step, at, well=False if is_told else None)
        self._attempts.failed(step, reason)
        if reason in HALTING:
            self.halted = reason
        if retry_at is None:
            self._end(step, at, failure, End.ALLOWED if self.plan.steps[step].allow_failure else End.FAILED)
        else:
            self._vacate(step)
            self.details[step] = failure
            self._remind(retry_at, Timer.RETRY, step, attempt)

    def _blocked(self, step: int, attempt: int, at: int, detail: Any) -> None:
        self._judge(step, at, well=True)  # its body has ended
        self._vacate(step)
        self.details[step] = detail

    def _cancelled(self, step: int, attempt: int, at: int, reason: Any) -> None:
        if reason in HALTING:
            self.halted = reason
        self._end(step, at, reason, _ENDS.get(str(reason).partition(":")[0], End.CANCELLED))

    def _end(self, step: int, at: int, detail: Any, end: int) -> None:
        if self._occupies[step]:
            self._vacate(step)
        else:
            self.ready.remove(step)
        self.ends[step] = end
        self.details[step] = detail
        self.open -= 1
        if end == _FAILED and self.plan.fail_fast and self.halted is None:
            self.halted = FAIL_FAST
        self.gates.ended(step, end, at, has_started=self.attempt[step] > 0)

    def _judge(self, step: int, at: int, *, well: bool | None) -> None:
        """Tell the breaker of the step's target how a call of it has ended."""
        if self.breakers is not None:
            target = self._line_of[step].target
            assert target is not None  # noqa: S101 - with breakers every line has one; said for the type checker
            self.breakers.ended(target, at, well=well)

    def _vacate(self, step: int) -> None:
        if self._occupies[step]:
            self._occupies[step] = 0
            self.slots.give(self._line_of[step])

    def _remind(self, at: int, timer: Timer, step: int, attempt: int) -> None:
        self.is_timed = True
        self._agenda.add(at, timer, step, attempt)

    def _push(self, step: int, attempt: int, at: int) -> None:
        self.ready.add(step)
        if self.plan.queue_timeouts and step in self.plan.queue_timeouts:
            self._remind(at + self.plan.queue_timeouts[step], Timer.QUEUE, step, attempt)

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
