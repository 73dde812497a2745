"""What conditions and messages see of a run: its steps, params, context and the workflow, made when it is asked for.

Nothing is copied or gathered: one ``RunView`` serves a run, and what it shows at some time is one small object.
What is not there, such as the output of a step that did not complete, is absent.
"""

from collections.abc import Iterator, Mapping
from typing import Protocol

from taskorch.core.documents import EMPTY, JSON, Number
from taskorch.core.expressions.kinds import ABSENT
from taskorch.core.outcomes import Outcome

RUNNING = "running"
"""The status of a run or step that has begun and not ended (D4)."""

_WORDS = {outcome: outcome.value for outcome in Outcome}  # plain texts are compared sooner


class StepView(Protocol):
    """What has to be known of the steps of a run; ids are those of its steps, times are microseconds."""

    def outcome_of(self, id: str) -> Outcome | None:
        """How the step ended; None while it has not."""

    def output_of(self, id: str) -> JSON:
        """The output of a step that completed, in its JSON form; ``ABSENT`` where it has none. Never raises."""

    def duration_of(self, id: str, now: int) -> int | None:
        """How long its body has taken over all attempts, the one under way until *now* included; None before any."""

    def attempts_of(self, id: str) -> int:
        """How often its body was tried, the attempt under way included."""

    def name_of(self, id: str) -> str:
        """What people call it."""

    def __contains__(self, id: object) -> bool:
        """Whether there is such a step."""


class RunView:
    """What there is to see of one run.

    Attributes:
        steps: What is known of its steps.
        params: Its params, defaults included.
        context: Its context.
        id: Its id.
        name: The name of its workflow.
        began: When it began, in microseconds since 1970.
        status: How it stands; whoever ends the run says so here.
    """

    def __init__(
        self,
        steps: StepView,
        *,
        params: Mapping[str, JSON] = EMPTY,
        context: Mapping[str, JSON] = EMPTY,
        id: str = "",
        name: str = "",
        began: int = 0,
    ) -> None:
        self.steps, self.params, self.context = steps, params, context
        self.id, self.name, self.began, self.status = id, name, began, RUNNING
        self.ended = _Steps(steps)

    def at(self, now: int, step: str | None = None) -> "Moment":
        """What there is to see at a time.

        Args:
            now: The time, in microseconds since 1970.
            step: The id of the step that is asked about: the one that may start, runs, or has just ended.
        """
        return Moment(self, now, step)


class _Fields(Mapping[str, object]):
    """Fields that are looked up when they are asked for; ``names`` are those that may be there."""

    __slots__ = ()
    names: tuple[str, ...] = ()

    def get(self, key: str, default: object = None) -> object:
        raise NotImplementedError

    def __getitem__(self, key: str) -> object:
        found = self.get(key, ABSENT)
        if found is ABSENT:
            raise KeyError(key)
        return found

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.get(key, ABSENT) is not ABSENT

    def __iter__(self) -> Iterator[str]:
        return (name for name in self.names if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Moment(_Fields):
    """What there is to see of a run at a time: the data of conditions and messages, by root."""

    __slots__ = ("_now", "_run", "_step")
    names = ("steps", "step", "context", "params", "workflow")

    def __init__(self, run: RunView, now: int, step: str | None) -> None:
        self._run, self._now, self._step = run, now, step

    def get(self, key: str, default: object = None) -> object:
        """The fields of a root, or *default*."""
        if key == "steps":
            return self._run.ended
        if key == "step":
            return default if self._step is None else _Current(self._run.steps, self._step, self._now)
        if key == "params":
            return self._run.params
        if key == "context":
            return self._run.context
        return _Workflow(self._run, self._now) if key == "workflow" else default


class _Steps(_Fields):
    """The steps that have ended, by id; the others are there and have no fields yet."""

    __slots__ = ("_kept", "_steps")

    def __init__(self, steps: StepView) -> None:
        self._steps = steps
        self._kept: dict[str, _Ended] = {}

    def get(self, key: str, default: object = None) -> object:
        found = self._kept.get(key)
        if found is None:
            if key not in self._steps:
                return default
            found = self._kept[key] = _Ended(self._steps, key)
        return found


class _Ended(_Fields):
    """The fields of a step, once it has ended."""

    __slots__ = ("_id", "_output", "_steps")
    names = ("output", "status", "duration", "attempts")

    def __init__(self, steps: StepView, id: str) -> None:
        self._steps, self._id = steps, id
        self._output: JSON = ABSENT

    def get(self, key: str, default: object = None) -> object:
        outcome = self._steps.outcome_of(self._id)
        if outcome is None:
            return default
        if key == "output":
            if self._output is ABSENT and outcome is Outcome.COMPLETED:
                self._output = self._steps.output_of(self._id)  # to read it may cost much, and it changes no more
            return default if self._output is ABSENT else self._output
        if key == "status":
            return _WORDS[outcome]
        if key == "duration":
            return _or(milliseconds(self._steps.duration_of(self._id, 0)), default)
        return self._steps.attempts_of(self._id) if key == "attempts" else default


class _Current(_Fields):
    """The fields of the step that is asked about."""

    __slots__ = ("_id", "_now", "_steps")
    names = ("id", "name", "status", "duration", "attempt", "attempts")

    def __init__(self, steps: StepView, id: str, now: int) -> None:
        self._steps, self._id, self._now = steps, id, now

    def get(self, key: str, default: object = None) -> object:
        if key == "duration":
            return _or(milliseconds(self._steps.duration_of(self._id, self._now)), default)
        if key == "id":
            return self._id
        if key == "name":
            return self._steps.name_of(self._id)
        if key == "status":
            return self._steps.outcome_of(self._id) or RUNNING
        return self._steps.attempts_of(self._id) if key in ("attempt", "attempts") else default


class _Workflow(_Fields):
    """The fields of the run as a whole."""

    __slots__ = ("_now", "_run")
    names = ("id", "name", "status", "duration")

    def __init__(self, run: RunView, now: int) -> None:
        self._run, self._now = run, now

    def get(self, key: str, default: object = None) -> object:
        if key == "duration":
            return _or(milliseconds(self._now - self._run.began), default)
        return getattr(self._run, key) if key in ("id", "name", "status") else default


def milliseconds(span: int | None) -> Number | None:
    """A span of microseconds in milliseconds, as documents write it: whole ones stay ints."""
    if span is None:
        return None
    whole, rest = divmod(span, 1000)
    return whole if not rest else span / 1000


def _or(value: object, default: object) -> object:
    return default if value is None else value
