"""The steps of a run as conditions and messages see them, read from its fold when they are asked about."""

from collections.abc import Callable
from typing import Any

from taskorch.core.documents import JSON
from taskorch.core.expressions.kinds import ABSENT
from taskorch.core.frontier.courses import Courses
from taskorch.core.frontier.ends import End
from taskorch.core.frontier.fold import OPEN, Fold
from taskorch.core.outcomes import Outcome
from taskorch.errors import OutputNotStorable


class FoldView:
    """A ``StepView`` of what a fold knows. It costs a run nothing but what is asked."""

    def __init__(self, fold: Fold, form: Callable[[int, Any], JSON]) -> None:
        """The steps of *fold*.

        Args:
            fold: The run, which goes on.
            form: Makes the JSON form of the output of a step, by index, from the detail of its completion; or
                raises ``OutputNotStorable``. Any: as in a fact.
        """
        self._fold, self._form = fold, form
        self._steps, self._index = fold.plan.steps, fold.plan.index
        self._courses = Courses(len(self._steps), fold.facts)

    def outcome_of(self, id: str) -> Outcome | None:
        """How the step ended; None while it has not."""
        end = self._fold.ends[self._index[id]]
        return None if end == OPEN else End(end).outcome

    def output_of(self, id: str) -> JSON:
        """The output of a step that completed, as JSON; ``ABSENT`` where it has none, or none that JSON can write."""
        number = self._index[id]
        if self._fold.ends[number] != End.COMPLETED:
            return ABSENT
        try:
            return self._form(number, self._fold.details[number])
        except OutputNotStorable:
            return ABSENT

    def duration_of(self, id: str, now: int) -> int | None:
        """The time its body has taken over all attempts until *now*, in microseconds; None before any."""
        return self._courses.all[self._index[id]].duration(now)

    def attempts_of(self, id: str) -> int:
        """How often its body was tried."""
        return self._fold.attempt[self._index[id]]

    def name_of(self, id: str) -> str:
        """What people call it."""
        return self._steps[self._index[id]].title

    def __contains__(self, id: object) -> bool:
        return id in self._index
