"""What a forecast is made from and what it says: work, predictions, and the share that will be late."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

import attrs

from taskorch.core.calendars import Calendar
from taskorch.core.json_text import described
from taskorch.core.times import NOTHING, duration, in_utc, write_time
from taskorch.errors import InvalidTask


class PredictionBasis(StrEnum):
    """What a prediction rests on."""

    NONE = "none"
    """Nothing, for there are no data; so there is no prediction."""
    THROUGHPUT = "throughput"
    """The tasks ahead of it and the tasks finished in an hour, as observed."""
    SLOTS = "slots"
    """The durations of the tasks ahead of it, dealt out to the slots in order."""
    OWN = "own"
    """Its own start and duration, for it is running."""
    HELD = "held"
    """Nothing, for somebody holds it back, and nobody knows until when."""


def _estimate(given: float | timedelta | None) -> timedelta | None:
    return duration(given, "estimate", InvalidTask, least=NOTHING)


def _left(given: float | timedelta | None) -> timedelta | None:
    return duration(given, "left", InvalidTask, least=NOTHING)


def _grace(given: float | timedelta) -> timedelta:
    found = duration(given, "grace", InvalidTask, least=NOTHING)
    if found is None:
        raise InvalidTask.because("expected seconds or a timedelta, got null", "leave it out for none", "grace")
    return found


@attrs.frozen
class Work:
    """An open task, as a forecast sees it.

    Attributes:
        id: The task.
        deadline: When it is due, or None.
        estimate: How long its work takes in all, by its own estimate, seconds or a timedelta; None if there is none.
        started_at: When it started, for a running task.
        of_start: Whether the deadline is that of its start, as in a queue by date.
        not_before: The date before which it does not start, or None.
        is_held: Whether it is held back, so that nothing can be predicted of it.
        grace: How long after its deadline it is still in time, seconds or a timedelta.
        is_paused: Whether the clock of its deadline stands still until it starts. The deadline is then the one it has
            if it starts at once, and moves on until it does.
        left: How much work is left, as the task reports it, seconds or a timedelta; None to take its estimate and its
            start for it.
        settled_at: When it kept or missed its promise already, as by its start in a queue by date.

    Raises:
        InvalidTask: The id is none, a time has no zone, or the estimate, the grace, or what is left is no duration
            from 0.
    """

    id: str
    deadline: datetime | None = None
    estimate: timedelta | None = attrs.field(default=None, converter=_estimate)
    started_at: datetime | None = None
    of_start: bool = attrs.field(default=False, kw_only=True)
    not_before: datetime | None = attrs.field(default=None, kw_only=True)
    is_held: bool = attrs.field(default=False, kw_only=True)
    grace: timedelta = attrs.field(default=NOTHING, converter=_grace, kw_only=True)
    is_paused: bool = attrs.field(default=False, kw_only=True)
    left: timedelta | None = attrs.field(default=None, converter=_left, kw_only=True)
    settled_at: datetime | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        for name in ("deadline", "started_at", "not_before", "settled_at"):
            if (at := getattr(self, name)) is not None:
                object.__setattr__(self, name, in_utc(at, name, InvalidTask))
        if not isinstance(self.id, str):
            raise InvalidTask.because(f"expected an id, got {described(self.id)}", "give the id of the task", "id")


@attrs.frozen(kw_only=True)
class Inputs:
    """What a forecast was made from.

    Attributes:
        now: The time it was made at.
        waiting: How many tasks wait.
        running: How many are in progress.
        slots: How many can run at once; None where nobody knows.
        per_hour: How many finish in an hour, as observed; None where nothing was.
        usual: How long a task usually takes; None where nobody knows.
        calendar: The working time in which durations and the pace count; None for round the clock.
    """

    now: datetime
    waiting: int
    running: int
    slots: int | None
    per_hour: float | None
    usual: timedelta | None
    calendar: Calendar | None = None


@attrs.frozen(kw_only=True)
class Prediction:
    """What a forecast says of one task.

    Attributes:
        id: The task.
        start: When it starts, or has started; None where there are no data.
        finish: When it finishes; None where there are no data.
        late: Whether it misses its deadline; None where that cannot be said, or it has none.
        ahead: How many tasks are before it: those running, and those that wait in front of it.
        duration: How long its work takes in all; None where nobody knows.
        left: How much of it is left, where the task reports its work; None where the duration and the start say it.
        is_estimated: Whether that is its own estimate, rather than the usual duration.
        basis: What start and finish rest on.
    """

    id: str
    start: datetime | None
    finish: datetime | None
    late: bool | None
    ahead: int
    duration: timedelta | None
    is_estimated: bool
    basis: PredictionBasis
    left: timedelta | None = None


@attrs.frozen(kw_only=True)
class Forecast:
    """The answer to "if nothing changes, what will be late?" (D0, sla-tracker; design §6).

    Attributes:
        inputs: What it was made from.
        predictions: One for each task: the running ones, then the waiting ones in the order of the queue.
        late: How many open tasks with a deadline will miss it, or have.
        in_time: How many will not.
        unknown: Of how many nobody can say.
    """

    inputs: Inputs
    predictions: tuple[Prediction, ...]
    late: int
    in_time: int
    unknown: int
    _places: Mapping[str, int] = attrs.field(eq=False, repr=False, alias="places")

    @property
    def share_late(self) -> float | None:
        """The share of the open tasks with deadlines that will miss them; None without one, or where one is unknown."""
        least, most = self.share_bounds or (None, None)
        return least if least == most else None

    @property
    def share_bounds(self) -> tuple[float, float] | None:
        """The share that will be late at least, and at most, as the unknown ones turn out; None without a deadline."""
        count = self.late + self.in_time + self.unknown
        return (self.late / count, (self.late + self.unknown) / count) if count else None

    def of(self, id: str) -> Prediction | None:
        """What is said of one task; None if it is not among the open ones."""
        place = self._places.get(id)
        return None if place is None else self.predictions[place]

    def explain(self, id: str) -> str:
        """What is said of one task and what that rests on, in one sentence."""
        found, inputs = self.of(id), self.inputs
        if found is None:
            return f"{id}: not among the open tasks"
        pace = "" if inputs.per_hour is None else f"{inputs.per_hour:g} finished an hour"
        reason = {
            PredictionBasis.THROUGHPUT: f"{found.ahead} ahead, {pace}",
            PredictionBasis.SLOTS: f"{found.ahead} ahead, {inputs.slots} at once",
            PredictionBasis.OWN: f"running since {write_time(found.start)}" if found.start else "",
            PredictionBasis.HELD: "held back",
            PredictionBasis.NONE: "no data: neither throughput, nor durations and slots",
        }[found.basis]
        if found.left is not None:
            reason += f"; {found.left} left"
        elif found.duration is not None:
            reason += f"; takes {found.duration}, {'its estimate' if found.is_estimated else 'as usual'}"
        if inputs.calendar is not None and found.finish is not None:
            reason += "; in working time"
        finish = "no prediction" if found.finish is None else f"finishes {write_time(found.finish)}"
        verdict = {True: ", late", False: ", in time", None: ""}[found.late]
        return f"{id}: {finish}{verdict} ({reason})"
