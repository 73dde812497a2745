"""How urgent a task is, and why; and the queue that this chooses. Both are tables, so both can be explained."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

import attrs

from taskorch.core.documents import JSON, Number, is_number
from taskorch.core.json_text import described, shown
from taskorch.core.queue_choice import BANDS, label_queue
from taskorch.core.task import Task
from taskorch.core.times import in_utc, read_time_or_day
from taskorch.errors import InvalidDocument, InvalidRule, InvalidTask, Problem

DEFAULT_WEIGHTS: Final[Mapping[str, Number]] = {"existing_client": 10, "deadline_soon": 18}
"""What each factor of D0's example adds; with the base of 50 they make its 78."""


def _check_weights(scoring: "Scoring", _: object, weights: Mapping[str, Number]) -> None:
    numbers = {"base": scoring.base, **{f"weights.{name}": weight for name, weight in weights.items()}}
    problems = [
        Problem(path, f"{shown(number)!r} is no number", "a finite number of points")
        for path, number in numbers.items()
        if not is_number(number)
    ]
    if problems:
        raise InvalidRule(problems)


def _check_soon(_: "Scoring", __: object, soon: object) -> None:
    if not isinstance(soon, timedelta) or soon < timedelta(0):
        raise InvalidRule.because(f"{shown(soon)!r} is no duration from 0", "a timedelta", "soon")


def _table(weights: object) -> dict[str, Number]:
    if not isinstance(weights, Mapping):
        raise InvalidRule.because(f"expected factors and their points, got {described(weights)}", "", "weights")
    return dict(weights)


@attrs.frozen
class Score:
    """A score with what it is made of.

    Attributes:
        value: The points, 0 to 100.
        base: The points every task has.
        parts: The factors that count, each with its points.
    """

    value: Number
    base: Number
    parts: tuple[tuple[str, Number], ...]

    def explain(self) -> str:
        """The sum in words: ``50 base + 10 existing_client + 18 deadline_soon = 78``."""
        words = [f"{self.base:g} base", *(f"{abs(points):g} {name}" for name, points in self.parts)]
        signs = ["", *("- " if points < 0 else "+ " for _, points in self.parts)]
        total = self.base + sum(points for _, points in self.parts)
        shown = " ".join(sign + word for sign, word in zip(signs, words, strict=True)) + f" = {total:g}"
        return shown if total == self.value else f"{shown}, kept within 0 to 100: {self.value:g}"


@attrs.frozen
class Scoring:
    """How a score is made: base + the weights of its named factors, kept within 0 to 100.

    Attributes:
        base: The points every task has.
        weights: The points of each factor; a factor without weight is kept, and counts nothing.
        soon: How far ahead a deadline in ``context.project.deadline`` raises ``deadline_soon``: a time with a zone,
            or a day, which is its beginning in UTC. D0's example calls a deadline 167 days ahead soon.

    Raises:
        InvalidRule: A weight is no finite number; with every problem.
    """

    base: Number = 50
    weights: Mapping[str, Number] = attrs.field(
        default=DEFAULT_WEIGHTS, converter=_table, validator=_check_weights, hash=False
    )
    soon: timedelta = attrs.field(default=timedelta(days=180), validator=_check_soon)

    def score(self, factors: Iterable[str]) -> Score:
        """The score of *factors*; one named twice counts once.

        Raises:
            InvalidTask: They are no collection of texts; a text alone is none.
        """
        if isinstance(factors, str) or not isinstance(factors, Iterable):
            message = f"expected factors, got {described(factors)}"
            raise InvalidTask.because(message, 'a list of them, such as ["existing_client"]', "priority.factors")
        parts = tuple((name, self.weights[name]) for name in dict.fromkeys(factors) if name in self.weights)
        total = self.base + sum(points for _, points in parts)
        return Score(min(max(total, 0), 100), self.base, parts)

    def factors(self, task: Task, now: datetime) -> tuple[str, ...]:
        """The factors of *task* with those that rules raise at *now* (UTC).

        Today that is only ``deadline_soon``, for a deadline within ``soon``, and for one that has passed.

        Raises:
            InvalidTask: *now* has no zone.
        """
        now = in_utc(now, "now", InvalidTask)
        named = task.priority.factors
        due = _project_deadline(task.context)
        if due is None or "deadline_soon" in named or due - now > self.soon:
            return named
        return (*named, "deadline_soon")

    def weighed(self, task: Task, now: datetime) -> Task:
        """*task* with the factors that hold at *now* (UTC), and the score they make, whatever its score was.

        Raises:
            InvalidTask: *now* has no zone.
        """
        factors = self.factors(task, now)
        priority = attrs.evolve(task.priority, score=self.score(factors).value, factors=factors)
        return attrs.evolve(task, priority=priority)


def _project_deadline(context: Mapping[str, JSON]) -> datetime | None:
    """The time that ``context.project.deadline`` names, as conditions read it; None if it names none."""
    project = context.get("project")
    text = project.get("deadline") if isinstance(project, Mapping) else None
    if not isinstance(text, str):
        return None
    try:
        return read_time_or_day(text)
    except InvalidDocument:
        return None  # a context is free-form: what is no date raises no factor


def band(score: Number) -> str:
    """The queue that a score alone chooses."""
    for least, queue in BANDS:
        if score >= least:
            return queue
    return BANDS[-1][1]


def choose(task: Task, dated: str | None = "scheduled") -> tuple[str, str]:
    """The queue of *task*, by the first row of ``QUEUE_CHOICE`` that holds.

    Args:
        task: The task. A label is a factor that ``QUEUE_CHOICE`` knows.
        dated: The queue for tasks that wait for a date; None if there is none, and then a date does not count.

    Returns:
        Its name, and what chose it: ``explicit``, ``date``, ``label`` or ``score``.
    """
    if task.queue.name is not None:
        return task.queue.name, "explicit"
    if task.internals.scheduled_for is not None and dated is not None:
        return dated, "date"
    return ranked_queue(task)


def ranked_queue(task: Task) -> tuple[str, str]:
    """The queue of *task* by its label, else by its score, and which of them it was."""
    for factor in task.priority.factors:
        if (queue := label_queue(factor)) is not None:
            return queue, "label"
    return band(task.priority.score), "score"
