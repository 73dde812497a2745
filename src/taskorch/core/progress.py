"""How far a task with its subtasks has come, and how far a run.

Parts count by how long they are expected to take; a part of which nothing is known counts as much as the mean of
the others beside it, so where nothing is known of any, all count the same.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Final, NamedTuple

import attrs

from taskorch.core.estimates import Estimates
from taskorch.core.events import Event
from taskorch.core.states import State, Verb
from taskorch.core.task import Task
from taskorch.core.workflow import Workflow
from taskorch.errors import TaskCycle, UnknownTask

_MICROSECOND: Final = timedelta(microseconds=1)
_NEARLY: Final = math.nextafter(100, 0)


@attrs.frozen(kw_only=True)
class Progress:
    """How far something has come.

    Attributes:
        percent: From 0 to 100, and 100 only when all of it is done; None where there is nothing to measure.
        sample: How many parts that rests on: tasks without subtasks of their own, or steps.
        ended: How many of these are done.
        estimated: Of how many it is known or expected how long they take.
        missing: How many subtasks are named but were not given; they are left out.
    """

    percent: float | None
    sample: int
    ended: int
    estimated: int
    missing: int = 0

    def __str__(self) -> str:
        if self.percent is None:
            return "no data"
        return f"{math.floor(self.percent)}% ({self.ended} of {self.sample} done)"


class _Part(NamedTuple):
    """A part of something: how far it has come, and its weight in microseconds, 0 for unknown."""

    percent: float
    weight: int


class TaskTree:
    """Tasks and their subtasks, by ``parent_task`` and ``subtasks``, either of which is enough.

    A completed task is done, whatever its subtasks say. Otherwise a task with subtasks has come as far as these
    have, and any other as far as it reports. Cancelled subtasks leave the sum; if all are cancelled, the task
    counts as one without subtasks. One that failed has come as far as it had reported. A subtask of two tasks
    counts for both.
    """

    def __init__(self, tasks: Iterable[Task], estimates: Estimates | None = None) -> None:
        """The tree, or trees, of some tasks.

        Args:
            tasks: Every task that matters, each once; of several with one id the last counts.
            estimates: What was observed about durations; by default only what the tasks say themselves.
        """
        self._tasks = {task.id: task for task in tasks}
        self._estimates = estimates or Estimates()
        self._subtasks: dict[str, dict[str, None]] = {}
        for task in self._tasks.values():
            for id in task.dependencies.subtasks:
                self._subtasks.setdefault(task.id, {})[id] = None
            if (parent := task.dependencies.parent_task) is not None:
                self._subtasks.setdefault(parent, {})[task.id] = None
        self._found: dict[str, tuple[_Part, Progress]] = {}

    def progress(self, id: str) -> Progress:
        """How far a task has come.

        Raises:
            UnknownTask: It is not among the tasks.
            TaskCycle: Its subtasks lead back to themselves.
        """
        if id not in self._tasks:
            raise UnknownTask(id)
        for below in self._below(id):
            self._found[below] = self._measured(self._tasks[below])
        return self._found[id][1]

    def _below(self, id: str) -> Iterator[str]:
        """The tasks that *id* rests on and that are not measured yet, subtasks before their task, it last."""
        path = {} if id in self._found else {id: iter(self._subtasks.get(id, ()))}
        while path:
            last = next(reversed(path))
            for subtask in path[last]:
                if subtask in path:
                    ids = list(path)
                    raise TaskCycle(ids[ids.index(subtask) :])
                if subtask in self._tasks and subtask not in self._found:
                    path[subtask] = iter(self._subtasks.get(subtask, ()))
                    break
            else:
                del path[last]
                yield last

    def _measured(self, task: Task) -> tuple[_Part, Progress]:
        """What there is to say of a task whose subtasks are measured."""
        named = self._subtasks.get(task.id, {})
        given = [self._tasks[id] for id in named if id in self._tasks]
        below = [self._found[part.id] for part in given if part.state.current is not State.CANCELLED]
        parts, known = [part for part, _ in below], [progress for _, progress in below]
        is_done, expected = task.state.current is State.COMPLETED, self._estimates.of(task).duration
        weight = 0 if expected is None else expected // _MICROSECOND
        if not parts:
            percent = 100.0 if is_done else min(_NEARLY, task.execution.progress_percent)
        else:
            percent = 100.0 if is_done else _mean(parts)
            if not weight and all(part.weight for part in parts):
                weight = sum(part.weight for part in parts)
        return _Part(percent, weight), Progress(
            percent=percent,
            sample=sum(progress.sample for progress in known) if parts else 1,
            ended=sum(progress.ended for progress in known) if parts else int(is_done),
            estimated=sum(progress.estimated for progress in known) if parts else int(weight > 0),
            missing=len(named) - len(given) + sum(progress.missing for progress in known),
        )


def task_progress(id: str, tasks: Iterable[Task], estimates: Estimates | None = None) -> Progress:
    """How far one task among *tasks* has come; ``TaskTree`` says how, and answers for many tasks at once.

    Args:
        id: The task.
        tasks: It and everything below it; others do no harm.
        estimates: What was observed about durations; by default only what the tasks say themselves.

    Raises:
        UnknownTask: It is not among the tasks.
        TaskCycle: Its subtasks lead back to themselves.
    """
    return TaskTree(tasks, estimates).progress(id)


def run_progress(
    flow: Workflow,
    ended: Iterable[str],
    *,
    reported: Mapping[str, float] | None = None,
    estimates: Estimates | None = None,
) -> Progress:
    """How far a run of *flow* has come: the share of its steps that have ended, in whatever way.

    A step that is skipped, omitted, cancelled or has failed for good needs no more work, so it counts as ended.

    Args:
        flow: The workflow.
        ended: The ids of the steps that have ended: ``ended_steps(events)`` while it runs, ``result.steps`` of a
            ``RunResult``. What the workflow does not have is passed over.
        reported: What steps that run have reported, in percent by id.
        estimates: What was observed about durations; by default only what the steps say themselves.
    """
    over, shares, estimates = set(ended), reported or {}, estimates or Estimates()
    parts = []
    for step in flow.steps:
        expected = estimates.of_step(flow.name, step).duration
        percent = 100.0 if step.id in over else min(_NEARLY, max(0.0, shares.get(step.id, 0.0)))
        parts.append(_Part(percent, 0 if expected is None else expected // _MICROSECOND))
    return Progress(
        percent=_mean(parts) if parts else None,
        sample=len(parts),
        ended=sum(part.percent == 100 for part in parts),
        estimated=sum(part.weight > 0 for part in parts),
    )


def ended_steps(events: Iterable[Event]) -> set[str]:
    """The ids of the steps of one run that have ended, as its events tell in their order.

    A failure counts as an end unless its event says when it will be retried; a retry takes it back.
    """
    found: set[str] = set()
    for event in events:
        if event.step is None:
            continue
        failed = event.verb == Verb.FAIL and event.retry_at is None
        if failed or event.verb in (Verb.COMPLETE, Verb.CANCEL):
            found.add(event.step)
        else:
            found.discard(event.step)
    return found


def _mean(parts: list[_Part]) -> float:
    """How far all parts together have come: 100 only if each has come so far."""
    if all(part.percent == 100 for part in parts):
        return 100.0
    known = [part.weight for part in parts if part.weight]
    typical = math.fsum(known) / len(known) if known else 1.0
    weights = [part.weight or typical for part in parts]
    done = math.fsum(weight * part.percent for weight, part in zip(weights, parts, strict=True))
    return min(_NEARLY, done / math.fsum(weights))
