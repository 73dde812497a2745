"""How far a task with its subtasks has come.

Parts count by how long they are expected to take; a part of which nothing is known counts as much as the mean of
the others beside it, so where nothing is known of any, all count the same.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import attrs

from taskorch.core.estimates import Estimates, expect_estimates
from taskorch.core.json_text import described
from taskorch.core.states import State
from taskorch.core.task import Task, expect_task
from taskorch.core.times import MICROSECOND
from taskorch.errors import InvalidTask, TaskCycle, UnknownTask

NEARLY: Final = math.nextafter(100, 0)
"""As many percent as what is not done may show."""

_MOST_BITS: Final = 900  # of a sum of weights: a float holds no more than 1,023


@attrs.frozen(kw_only=True)
class Progress:
    """How far something has come.

    Attributes:
        percent: From 0 to 100, and 100 only when all of it is done; None where there is nothing to measure.
        sample: How many parts that rests on: tasks without subtasks of their own, or steps.
        ended: How many of these are done; less than *sample* at 100 percent if a task was completed before them.
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
        if self.percent == 100 and self.ended < self.sample:
            return f"100% (completed; {self.ended} of {self.sample} parts done)"
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
    counts for both. A subtask that is named but was not given is left out; while there is one, a task that is not
    completed is not done.
    """

    def __init__(self, tasks: Iterable[Task], estimates: Estimates | None = None) -> None:
        """The tree, or trees, of some tasks.

        Args:
            tasks: Every task that matters, each once; of several with one id the last counts.
            estimates: What was observed about durations; by default only what the tasks say themselves.

        Raises:
            InvalidTask: One is no task.
            InvalidParameters: *estimates* are none.
        """
        given: object = tasks
        if not isinstance(given, Iterable):
            raise InvalidTask.because(f"expected tasks, got {described(given)}", "give a list of them", "tasks")
        listed = list(tasks)
        for task in listed:
            expect_task(task)
        expect_estimates(estimates)
        self._tasks = {task.id: task for task in listed}
        self._estimates = Estimates() if estimates is None else estimates
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
            InvalidTask: *id* is no text.
            UnknownTask: It is not among the tasks.
            TaskCycle: Its subtasks lead back to themselves.
        """
        name: object = id
        if not isinstance(name, str):
            raise InvalidTask.because(f"expected the id of a task, got {described(name)}", "give a text", "id")
        if id not in self._tasks:
            raise UnknownTask(id, "give it among the tasks")
        for below in self._below(id):
            self._found[below] = self._measured(self._tasks[below])
        return self._found[id][1]

    def _below(self, id: str) -> Iterator[str]:
        """The tasks that *id* rests on and that are not measured yet, subtasks before their task, it last."""
        path, walks = {id}, [] if id in self._found else [(id, iter(self._subtasks.get(id, ())))]
        while walks:
            last, subtasks = walks[-1]
            for subtask in subtasks:
                if subtask in path:
                    ids = [id for id, _ in walks]
                    raise TaskCycle(ids[ids.index(subtask) :])
                if subtask in self._tasks and subtask not in self._found:
                    path.add(subtask)
                    walks.append((subtask, iter(self._subtasks.get(subtask, ()))))
                    break
            else:
                path.remove(last)
                walks.pop()
                yield last

    def _measured(self, task: Task) -> tuple[_Part, Progress]:
        """What there is to say of a task whose subtasks are measured."""
        named = self._subtasks.get(task.id, {})
        given = [self._tasks[id] for id in named if id in self._tasks]
        below = [self._found[part.id] for part in given if part.state.current is not State.CANCELLED]
        parts, known = [part for part, _ in below], [progress for _, progress in below]
        is_done, expected = task.state.current is State.COMPLETED, self._estimates.of(task).duration
        weight = 0 if expected is None else expected // MICROSECOND
        if not parts:
            percent = 100.0 if is_done else min(NEARLY, task.execution.progress_percent)
        else:
            most = 100.0 if len(given) == len(named) else NEARLY
            percent = 100.0 if is_done else min(most, _mean(parts))
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
        InvalidTask: One of them is no task, or *id* is no text.
        InvalidParameters: *estimates* are none.
        UnknownTask: It is not among the tasks.
        TaskCycle: Its subtasks lead back to themselves.
    """
    return TaskTree(tasks, estimates).progress(id)


def filled(weights: Sequence[int]) -> list[int]:
    """The weights, made larger so that the mean of those that are known, by which unknown ones count, is whole."""
    known = [weight for weight in weights if weight]
    total = sum(known)
    return [weight * len(known) or total or 1 for weight in weights]


def _mean(parts: Sequence[_Part]) -> float:
    """How far all parts together have come: 100 only if each has come so far."""
    if all(part.percent == 100 for part in parts):
        return 100.0
    weights = filled([part.weight for part in parts])
    # What is shared at every turn of a deep tree doubles each time; the last bits of such a sum do not matter.
    excess = max(0, sum(weights).bit_length() - _MOST_BITS)
    done = math.fsum((weight >> excess) * part.percent for weight, part in zip(weights, parts, strict=True))
    return min(NEARLY, done / (sum(weights) >> excess))
