"""Random workflows, and random lives of their frontiers, for properties to be checked."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from taskorch import LinkCondition, LinkType, NonRetryable, Retry, RetryAfter, Workflow
from taskorch.core.frontier.facts import IN_PROGRESS
from taskorch.core.frontier.frontier import Frontier
from taskorch.core.frontier.plan import Plan
from taskorch.core.frontier.slots import Slots
from taskorch.core.settings import CircuitBreaker, ErrorHandling

SECOND = 1_000_000
BEGIN = 1_700_000_000 * SECOND
ERRORS = (ValueError("no"), NonRetryable("never"), RetryAfter(3))
CONDITIONS = (
    "always",
    "not always",
    "on_success({})",
    "on_failure({})",
    "on_skip({})",
    "on_complete({})",
    "not on_success({})",
    "on_failure({}) and always",
)


REQUESTS: tuple[dict[str, Any], ...] = ({}, {"cpu": 1}, {"cpu": 2}, {"cpu": "500m", "memory": "1Gi"})
BREAKERS = tuple(CircuitBreaker(failure_threshold=1, timeout=3, when_open=when_open) for when_open in ("wait", "fail"))
LAGS = st.sampled_from([0, 0, 0, 2])


async def body() -> None:
    """Do nothing: the frontier asks only for its kind."""


@st.composite
def workflows(draw: Callable[..., Any], *, equipped: bool = False) -> Workflow:
    """A workflow without circles: links run from earlier to later steps, with all conditions, retries and bounds.

    One that is *equipped* may have resources and a circuit breaker too.
    """
    count = draw(st.integers(1, 8))
    has_resources = equipped and draw(st.booleans())
    breaker = draw(st.sampled_from([None, *BREAKERS])) if equipped else None
    flow = Workflow(
        "random",
        fail_fast=draw(st.booleans()),
        timeout=draw(st.sampled_from([None, None, 20])),
        mode=draw(st.sampled_from(["parallel", "parallel", "sequential"])),
        resources={"limits": {"cpu": 2, "memory": "1Gi"}} if has_resources else None,
        error_handling=breaker and ErrorHandling(circuit_breaker=breaker),
    )
    for number in range(count):
        named = [f"s{other}" for other in range(number) if draw(st.booleans())] if number else []
        condition = draw(st.sampled_from([None, None, None, *CONDITIONS]))
        if condition is not None and "{}" in condition:
            condition = condition.format(", ".join(named)) if named else None
        flow.step(
            body,
            id=f"s{number}",
            condition=condition,
            allow_failure=draw(st.booleans()),
            timeout=draw(st.sampled_from([None, None, 2])),
            total_timeout=draw(st.sampled_from([None, None, 3])),
            queue_timeout=draw(st.sampled_from([None, None, None, 1])),
            retry=draw(st.sampled_from([None, Retry(max_attempts=2, initial=0), Retry(max_attempts=3, initial=4)])),
            **({"resources": draw(st.sampled_from(REQUESTS))} if has_resources else {}),
        )
    for target in range(1, count):
        for source in range(target):
            condition = draw(st.sampled_from([None, None, *LinkCondition]))
            type = draw(st.sampled_from([LinkType.FINISH_TO_START, *LinkType]))
            if condition is LinkCondition.FAILURE and not type.from_finish:
                condition = None
            if condition is not None:
                flow.link(f"s{source}", f"s{target}", type=type, condition=condition, lag=draw(LAGS))
    return flow


def fresh(plan: Plan, places: int) -> Frontier:
    """A frontier of *plan* with so many places."""
    total = places
    return Frontier(plan, Slots.of(loop=places, threads=places, commands=places, total=total), BEGIN)


class Life:
    """A frontier that is led through random events, as a runner would.

    Attributes:
        frontier: The frontier.
        units: How many facts there were after each unit.
        now: The time.
    """

    def __init__(self, plan: Plan, places: int, choose: Callable[[int], int]) -> None:
        """A life in which *choose* picks one of so many possibilities."""
        self.plan, self.places, self._choose = plan, places, choose
        self.now = BEGIN
        self.units = [0]
        self.frontier = fresh(plan, places)

    def start(self, frontier: Frontier | None = None) -> None:
        """Begin, or go on with *frontier*, which knows the facts so far."""
        self.frontier = frontier or self.frontier
        self.frontier.resume(self.now)
        self._take()

    def running(self) -> list[int]:
        """The steps whose bodies run."""
        return [step for step, state in enumerate(self.frontier.states) if state == IN_PROGRESS]

    def step(self) -> bool:
        """Let something happen: the end of a body, or time passing; False if nothing can any more."""
        frontier, running = self.frontier, self.running()
        due = frontier.next_due()
        if not running and due is None:
            return False
        if due is not None and (not running or self._choose(4) == 0):
            self.now = max(self.now, due) if self._choose(3) else self.now + SECOND
            for stop in frontier.due(self.now):
                frontier.fail(stop.step, stop.attempt, TimeoutError("late"), self.now)
        else:
            step = running[self._choose(len(running))]
            attempt, kind = frontier.attempt[step], self._choose(6)
            if kind < 3:
                frontier.complete(step, attempt, f"output {step}", self.now)
            else:
                frontier.fail(step, attempt, ERRORS[kind - 3], self.now)
        self._take()
        return True

    def cut_off(self) -> None:
        """The run is cancelled: what runs is interrupted, and recorded so."""
        for step in self.running():
            self.frontier.interrupt(step, self.now)
        self.units.append(len(self.frontier.facts))

    def _take(self) -> None:
        frontier = self.frontier
        while (step := frontier.take(self.now)) is not None:
            if self._choose(2):
                frontier.began(step, self.now)
            assert min(frontier.slots.free) >= 0
            assert frontier.slots.total >= 0
        if len(frontier.facts) > self.units[-1]:
            self.units.append(len(frontier.facts))
