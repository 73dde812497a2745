"""What the bodies of a scenario have really done, whatever the store says about it."""

from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import Lock

import attrs

from taskorch import Event, RaisedAlert, RunResult, Workflow, current_step
from taskorch.core.frontier.plan import Plan

Attempt = tuple[str, int]
"""A step's id, and which try it is."""


class PlannedError(Exception):
    """What a body raises because its scenario wants it to."""


@attrs.define(eq=False)
class Effects:
    """The log that bodies write: it sees what happens in threads, too.

    Attributes:
        run_id: The run it is about; None if there is but one.
        plan: Its plan, if it is not that of the scenario.
        began: Every attempt whose body was entered.
        returned: Every attempt whose body has ended well and returned.
        raised: Every attempt whose body raised ``PlannedError``.
        running: Attempts that are under way.
        faults: What went wrong inside of bodies: the invariant, and in what way.
        heard: What an observer was told.
        others: The logs of the runs that bodies of this one have begun, and of those that do it again.
        recorded: Tells which attempts of a run the store knows to have started; None where there is none.
        within: Carries a workflow out inside of a body.
    """

    run_id: str | None = None
    plan: Plan | None = None
    began: list[Attempt] = attrs.field(factory=list)
    returned: list[Attempt] = attrs.field(factory=list)
    raised: list[Attempt] = attrs.field(factory=list)
    running: list[Attempt] = attrs.field(factory=list)
    faults: list[tuple[str, str]] = attrs.field(factory=list)
    heard: list[Event | RaisedAlert] = attrs.field(factory=list)
    others: dict[str, "Effects"] = attrs.field(factory=dict)
    recorded: Callable[[str], Collection[Attempt]] | None = None
    within: Callable[[Workflow], Awaitable[RunResult]] | None = None
    _starts: dict[str, datetime] = attrs.field(factory=dict)
    _ends: dict[str, datetime] = attrs.field(factory=dict)
    _taken: float = 0
    _mutex: Lock = attrs.field(factory=Lock)

    def of(self, run_id: str) -> "Effects":
        """The log of a run."""
        return self if self.run_id in (None, run_id) else self.others.setdefault(run_id, Effects(run_id))

    @property
    def all(self) -> list["Effects"]:
        """This log and the others."""
        return [self, *self.others.values()]

    @contextmanager
    def body(self, share: float = 0) -> Iterator[Attempt]:
        """Around everything that a body does, its ``return`` included.

        Args:
            share: How much it takes of what bodies share; of all at once that must not be more than 1.
        """
        step = current_step()
        attempt, log = (step.id, step.attempt), self.of(step.run_id)
        with self._mutex:
            if self.recorded is not None and attempt not in self.recorded(step.run_id):
                log.faults.append(("recorded before it begins", f"{attempt} began before its start was recorded"))
            log.began.append(attempt)
            self._starts[step.id] = _now()
            log.running.append(attempt)
            self._taken += share
            if self._taken > 1:
                log.faults.append(("no more at once than fits", f"{log.running}"))
        try:
            yield attempt
        except PlannedError:
            log.raised.append(attempt)
            self._ends[step.id] = _now()
            raise
        else:
            log.returned.append(attempt)
            self._ends[step.id] = _now()
        finally:
            with self._mutex:
                self._taken -= share
                log.running.remove(attempt)

    def fail(self, times: int) -> None:
        """Raise ``PlannedError``, unless this step has done so *times* times already."""
        id = current_step().id
        if sum(step == id for log in self.all for step, _ in log.raised) < times:
            raise PlannedError(f"{id} is to fail {times} times")

    def since_start(self, id: str) -> float:
        """How many seconds ago the body of a step was entered last; asked by a body."""
        return (_now() - self._starts[id]).total_seconds()

    def since_end(self, id: str) -> float:
        """How many seconds ago the body of a step returned or raised last; asked by a body."""
        return (_now() - self._ends[id]).total_seconds()

    def has_begun(self, id: str) -> bool:
        """Whether the body of a step was ever entered."""
        return any(step == id for log in self.all for step, _ in log.began)


def _now() -> datetime:
    """The time of the run whose body asks."""
    return current_step()._here.clock.now()
