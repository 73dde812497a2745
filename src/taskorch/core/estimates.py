"""How long work takes: what was estimated beforehand, refined by what was observed."""

from datetime import datetime, timedelta
from enum import StrEnum

import attrs

from taskorch.core.calendars import Calendar
from taskorch.core.json_text import described
from taskorch.core.outcomes import Outcome
from taskorch.core.results import RunResult
from taskorch.core.states import State
from taskorch.core.step import Step
from taskorch.core.task import Task, expect_task
from taskorch.core.times import HOUR, LONGEST, MICROSECOND, NOTHING, in_utc
from taskorch.errors import InvalidCalendar, InvalidParameters, InvalidTask

WorkKind = tuple[str, str, str]
"""``task``, a type and a skill; or ``step``, a workflow and a step."""


@attrs.frozen(kw_only=True)
class Estimate:
    """How long something is expected to take.

    Attributes:
        duration: The mean of what was observed and, as one more observation, what was given; None if neither is
            there.
        sample: How many durations were observed.
        given: What was estimated beforehand, or None.
    """

    duration: timedelta | None
    sample: int
    given: timedelta | None = None

    def __str__(self) -> str:
        if self.duration is None:
            return "no data"
        return f"{self.duration} ({self.sample} observed)"


class RemainingBasis(StrEnum):
    """What an answer about the time that is left rests on."""

    ENDED = "ended"
    """There is nothing left to do."""
    PACE = "pace"
    """The progress the task reports, and the time it took for that."""
    ESTIMATE = "estimate"
    """How long such work is expected to take."""
    NO_DATA = "no data"


@attrs.frozen(kw_only=True)
class Remaining:
    """How much work on a task is left.

    Attributes:
        duration: The time at work that is left; None if nothing is known. Waiting is not part of it.
        basis: What that rests on.
        sample: How many observed durations: those behind the estimate, or 1 for the task's own pace.
        spent: The time at work so far.
    """

    duration: timedelta | None
    basis: RemainingBasis
    sample: int
    spent: timedelta


class Estimates:
    """The durations that were observed: of tasks by type and skill, of steps by workflow and id.

    Kept are a count and a sum of each kind, and the id of each task and run that has taught something: told again, it
    teaches nothing more. So the memory grows with what was told; begin anew, or with the tasks of the last months,
    where that is too much. A task of no type and no skill teaches nothing, because the next such task may be anything.
    """

    def __init__(self) -> None:
        """Nothing was observed yet."""
        self._seen: dict[WorkKind, tuple[int, int]] = {}  # count, and microseconds together
        self._tasks: set[str] = set()
        self._runs: set[str] = set()

    def observe(self, task: Task) -> None:
        """Learn from a task that is completed; of others, and of one that was told before, nothing is learnt.

        Raises:
            InvalidTask: It is no task.
        """
        expect_task(task)
        if task.state.current is State.COMPLETED and task.id not in self._tasks and any(_kind(task)[1:]):
            self._tasks.add(task.id)
            self._learn(_kind(task), worked(task, task.state.changed_at))

    def observe_run(self, result: RunResult) -> None:
        """Learn from the steps of a run that completed: the time in their bodies over all attempts.

        Of a run that was told before nothing is learnt.

        Raises:
            InvalidParameters: It is no result of a run.
        """
        given: object = result
        if not isinstance(given, RunResult):
            raise InvalidParameters([f"expected the result of a run, got {described(given)}"])
        if result.run_id in self._runs:
            return
        self._runs.add(result.run_id)
        for id, step in result.steps.items():
            if step.status is Outcome.COMPLETED and step.attempts:
                self._learn(("step", result.name, id), timedelta(seconds=step.duration))

    def of(self, task: Task) -> Estimate:
        """How long a task is expected to be at work; what it says itself is its ``estimated_duration_hours``.

        Raises:
            InvalidTask: It is no task.
        """
        expect_task(task)
        return self._about(_kind(task), given_of(task))

    def of_step(self, workflow: str, step: Step) -> Estimate:
        """How long a step is expected to take; what it says itself is its ``estimated_duration``.

        Args:
            workflow: The name of its workflow.
            step: The step.
        """
        return self._about(("step", workflow, step.id), step.estimated_duration)

    def _learn(self, kind: WorkKind, duration: timedelta) -> None:
        count, total = self._seen.get(kind, (0, 0))
        self._seen[kind] = (count + 1, total + duration // MICROSECOND)

    def _about(self, kind: WorkKind, given: timedelta | None) -> Estimate:
        count, total = self._seen.get(kind, (0, 0))
        given = given or None  # that work takes no time at all says nothing about it
        if given is not None:
            total += given // MICROSECOND
        votes = count + (given is not None)
        duration = timedelta(microseconds=total // votes) if votes else None
        return Estimate(duration=duration, sample=count, given=given)


def expect_estimates(given: object) -> None:
    """Raise ``InvalidParameters`` for what are no estimates; None will do."""
    if given is not None and not isinstance(given, Estimates):
        raise InvalidParameters([f"estimates: expected Estimates(), got {described(given)}"])


def given_of(task: Task) -> timedelta | None:
    """What a task says itself about how long it takes; None for nothing, no time, or more than a century."""
    hours = task.execution.estimated_duration_hours
    return hours * HOUR if hours is not None and 0 < hours <= LONGEST / HOUR else None


def worked(task: Task, now: datetime, calendar: Calendar | None = None) -> timedelta:
    """The time a task has been at work (IN_PROGRESS) up to *now*: waiting, blocks and backoffs are left out.

    Args:
        task: The task.
        now: The time (UTC).
        calendar: The working time that counts; None for round the clock.

    Raises:
        InvalidTask: *now* is no time with a zone, or beyond the calendar; or *task* is none.
    """
    expect_task(task)
    now = in_utc(now, "now", InvalidTask)
    history = task.state.history
    ends = [*(entry.at for entry in history[1:]), max(now, history[-1].at)]
    spans = [(entry.at, end) for entry, end in zip(history, ends, strict=True) if entry.state is State.IN_PROGRESS]
    if calendar is None:
        return sum((end - start for start, end in spans), NOTHING)
    try:
        return sum((calendar.between(start, end) for start, end in spans), NOTHING)
    except (InvalidCalendar, OverflowError):
        message = "was at work beyond the calendar"
        raise InvalidTask.because(message, "look at the times and at the calendar", "state.history", task.id) from None


def remaining(
    task: Task, now: datetime, estimates: Estimates | None = None, *, calendar: Calendar | None = None
) -> Remaining:
    """How much work on a task is left.

    A task that reports progress is expected to go on at its pace. One that reports none, or has not been at work,
    needs what is estimated, less what it has spent; if that is used up, nothing is known.

    Args:
        task: The task.
        now: The time (UTC).
        estimates: What was observed; by default only what the task says itself.
        calendar: The working time in which it is worked on, and in which the answer counts; None for round the clock.

    Raises:
        InvalidTask: *now* is no time with a zone, or beyond the calendar; or *task* is none.
        InvalidParameters: *estimates* are none.
    """
    spent, done = worked(task, now, calendar), task.execution.progress_percent / 100
    if task.is_final:
        return Remaining(duration=NOTHING, basis=RemainingBasis.ENDED, sample=0, spent=spent)
    if done > 0 and spent:
        return _at_pace(spent, done)
    expect_estimates(estimates)
    estimate = (Estimates() if estimates is None else estimates).of(task)
    left = None if estimate.duration is None else estimate.duration * (1 - done) - spent
    if left is None or left <= NOTHING:
        return Remaining(duration=None, basis=RemainingBasis.NO_DATA, sample=estimate.sample, spent=spent)
    return Remaining(duration=left, basis=RemainingBasis.ESTIMATE, sample=estimate.sample, spent=spent)


def _at_pace(spent: timedelta, done: float) -> Remaining:
    """What is left at the pace so far; nothing is known if that is more than a century."""
    left = spent / HOUR * (1 - done) / done
    if left > LONGEST / HOUR:
        return Remaining(duration=None, basis=RemainingBasis.NO_DATA, sample=1, spent=spent)
    return Remaining(duration=left * HOUR, basis=RemainingBasis.PACE, sample=1, spent=spent)


def _kind(task: Task) -> WorkKind:
    return "task", task.definition.type, task.definition.skill_target
