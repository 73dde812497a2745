"""The script of a simulated run: how long the bodies of its steps take, and how each attempt ends."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Self, TypeVar

import attrs

from taskorch.core.json_text import described, shown
from taskorch.core.outcomes import Outcome
from taskorch.core.step import Step
from taskorch.core.suggestions import suggestion
from taskorch.core.times import MICROSECOND, NOTHING, duration
from taskorch.errors import InvalidParameters, InvalidWorkflow, StepFailed

G = TypeVar("G")
T = TypeVar("T")

Ending = str | Exception
"""How an attempt ends: ``completed``, ``failed``, or with the exception that its body raises."""

UNKNOWN = timedelta(seconds=1)
"""How long a body takes of which nobody has said anything; steps are ordered as if it were so, too."""


@attrs.frozen(eq=False)
class Script:
    """What the bodies of a simulated run do, by the index of their step.

    Attributes:
        lengths: How long each attempt takes, in microseconds.
        endings: The errors of the attempts of some steps, one after the other, None where one ends well; the last
            counts for all that follow.
    """

    lengths: Sequence[int]
    endings: Mapping[int, Sequence[Exception | None]]

    @classmethod
    def of(
        cls,
        steps: Sequence[Step],
        durations: Mapping[str, float | timedelta],
        outcomes: Mapping[str, Ending | Sequence[Ending]],
    ) -> Self:
        """The script of some steps; ``InvalidParameters`` tells everything in it that cannot be.

        Args:
            steps: All steps of the workflow.
            durations: How long attempts take, by the id of the step, in seconds or as timedelta; where a step is
                not named its estimate counts, else ``UNKNOWN``.
            outcomes: How attempts end, by the id of the step; where a step is not named they end well.
        """
        index = {step.id: number for number, step in enumerate(steps)}
        problems: list[str] = []
        lengths = dict(_read("durations", durations, index, _length, problems))
        endings = dict(_read("outcomes", outcomes, index, _endings, problems))
        if problems:
            raise InvalidParameters(problems)
        known = [UNKNOWN if step.estimated_duration is None else step.estimated_duration for step in steps]
        return cls([lengths.get(number, time // MICROSECOND) for number, time in enumerate(known)], endings)

    def error(self, step: int, attempt: int) -> Exception | None:
        """What the body of *step* raises in an attempt, counted from 1; None if it ends well."""
        endings = self.endings.get(step)
        return None if endings is None else endings[min(attempt, len(endings)) - 1]


def _read(
    what: str,
    given: Mapping[str, G] | object,
    index: Mapping[str, int],
    read: Callable[[str, G], T],
    problems: list[str],
) -> Iterator[tuple[int, T]]:
    """What is given of each step, by index; what cannot be is added to *problems*."""
    if not isinstance(given, Mapping):
        problems.append(f"{what}: expected a mapping by step, got {described(given)}")
        return
    for id, value in given.items():
        if id not in index:
            problems.append(f"{what} name {shown(id)!r}, and there is no such step; {suggestion(str(id), index)}")
            continue
        try:
            yield index[id], read(id, value)
        except InvalidWorkflow as error:
            problems += [f"{what}[{id!r}]: {problem.message}" for problem in error.problems]


def _length(_: str, given: float | timedelta) -> int:
    found = duration(given, least=NOTHING)
    if found is None:
        raise InvalidWorkflow.because("expected seconds or a timedelta, got None")
    return found // MICROSECOND


def _endings(id: str, given: Ending | Sequence[Ending]) -> tuple[Exception | None, ...]:
    """The errors of the attempts of a step."""
    endings = given if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    if not endings:
        raise InvalidWorkflow.because("an empty sequence says nothing of the first attempt")
    return tuple(_error(id, ending) for ending in endings)


def _error(id: str, ending: Ending) -> Exception | None:
    if isinstance(ending, Exception):
        return ending
    if ending == Outcome.COMPLETED:
        return None
    if ending == Outcome.FAILED:
        return StepFailed(id, "failed, as its simulation was told", status=1)
    told = f"{shown(ending)!r} is no outcome of a body; say completed or failed, or give an exception"
    raise InvalidWorkflow.because(told)
