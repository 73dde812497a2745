"""The report: what was measured, what the queues hold and how the open tasks stand, put side by side as a value.

It says nothing that it was not given, and renders nothing: that is what formats are for (D0, "report-generator").
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, Self, TypeVar

import attrs

from taskorch.core.json_text import described
from taskorch.core.loads import Load
from taskorch.core.metrics.kpis import Kpi, KpiVerdict
from taskorch.core.metrics.scorecards import Scorecard
from taskorch.core.metrics.window import Window
from taskorch.core.sla import SlaStatus, Standing
from taskorch.core.task import Task
from taskorch.core.times import write_time
from taskorch.errors import InvalidReport

T = TypeVar("T")

TITLE: Final = "Task report"

_URGENCY: Final = (
    SlaStatus.BREACHED,
    SlaStatus.AT_RISK,
    SlaStatus.ON_TRACK,
    SlaStatus.NONE,
    SlaStatus.MISSED,
    SlaStatus.MET,
)
_RANKS: Final[Mapping[SlaStatus, int]] = {status: rank for rank, status in enumerate(_URGENCY)}
_DRAWN: Final = frozenset((SlaStatus.BREACHED, SlaStatus.AT_RISK, SlaStatus.ON_TRACK))


@attrs.frozen
class TaskStanding:
    """How one task stands against its service level.

    Attributes:
        id: The task.
        title: What it is about.
        queue: The queue it is in, or None.
        since: Where its clock began; where it has none, when it entered its queue, or else was created.
        standing: Its deadline, and how far it is.
    """

    id: str
    title: str
    queue: str | None
    since: datetime
    standing: Standing

    @classmethod
    def of(cls, task: Task, standing: Standing) -> Self:
        """The standing of a task, with what a report says about the task."""
        since = standing.since or task.queue.entered_at or task.created_at
        return cls(task.id, task.definition.title, task.queue.name, since, standing)


def _urgency(entry: TaskStanding) -> tuple[int, datetime, str]:
    return (_RANKS[entry.standing.status], entry.standing.deadline or entry.since, entry.id)


@attrs.frozen
class StatusReport:
    """How the work goes, at one instant, over one window of time.

    Attributes:
        title: What stands above it.
        scorecard: The key figures of the window, overall and by queue, type and skill.
        loads: The loads of the queues, in the order of the queues.
        standings: The tasks that were given, the most urgent first: breached, at risk, on track, not judged,
            and then those that have ended; within each by deadline and id.
    """

    title: str
    scorecard: Scorecard
    loads: tuple[Load, ...] = ()
    standings: tuple[TaskStanding, ...] = ()

    @property
    def window(self) -> Window:
        """The time that was measured."""
        return self.scorecard.window

    @property
    def now(self) -> datetime:
        """The instant for which everything is said."""
        return self.scorecard.now

    @property
    def counts(self) -> Mapping[SlaStatus, int]:
        """How many of the tasks stand how, the most urgent first; what does not occur is left out."""
        found = Counter(entry.standing.status for entry in self.standings)
        return {status: found[status] for status in _URGENCY if found[status]}

    @property
    def due(self) -> tuple[TaskStanding, ...]:
        """The open tasks that have a deadline, the most urgent first."""
        return tuple(entry for entry in self.standings if entry.standing.status in _DRAWN)

    @property
    def missed(self) -> tuple[Kpi, ...]:
        """The overall figures that miss their target."""
        return tuple(kpi for kpi in self.scorecard.overall if kpi.verdict is KpiVerdict.MISSED)


def report(
    scorecard: Scorecard,
    *,
    loads: Iterable[Load] = (),
    standings: Iterable[tuple[Task, Standing]] = (),
    title: str = TITLE,
) -> StatusReport:
    """The report over a window: a day, a week or any other, as it was measured.

    Args:
        scorecard: What was measured over the window.
        loads: The loads of the queues at ``scorecard.now``, in the order in which they are to be shown.
        standings: Tasks, each with its standing at ``scorecard.now``; in any order. One made by hand may leave out
            its ``now`` and its ``task_id``.
        title: What stands above it; a blank one is replaced by ``Task report``.

    Returns:
        The value that ``taskorch.formats.reports`` renders. The same inputs give the same report.

    Raises:
        InvalidReport: One of these is something else, or a standing is that of another time or another task.
    """
    card = _one(scorecard, Scorecard, "scorecard")
    heading = _one(title, str, "title")
    shown = tuple(_one(load, Load, f"loads[{index}]") for index, load in enumerate(_several(loads, "loads")))
    entries = [
        _entry(pair, card.now, f"standings[{index}]") for index, pair in enumerate(_several(standings, "standings"))
    ]
    return StatusReport(heading if heading.strip() else TITLE, card, shown, tuple(sorted(entries, key=_urgency)))


def as_report(value: object) -> StatusReport:
    """*value*, which every format takes; raises ``InvalidReport`` if it is no report."""
    if not isinstance(value, StatusReport):
        raise InvalidReport.because(f"expected a StatusReport, got {described(value)}", "give what report() makes")
    return value


def _several(values: Iterable[T], name: str) -> Iterable[T]:
    given: object = values
    if not isinstance(given, Iterable):
        raise InvalidReport.because(f"expected a list of them, got {described(given)}", "", name)
    return values


def _one(value: object, kind: type[T], name: str) -> T:
    if not isinstance(value, kind):
        raise InvalidReport.because(f"expected a {kind.__name__}, got {described(value)}", "", name)
    return value


def _entry(pair: object, now: datetime, name: str) -> TaskStanding:
    """What a report says of a task and its standing, which must belong together and to *now*."""
    if not isinstance(pair, tuple) or len(pair) != 2:
        message = f"expected a task and its standing, got {described(pair)}"
        raise InvalidReport.because(message, "give (task, standing(task, spec, now))", name)
    task, standing = _one(pair[0], Task, f"{name}[0]"), _one(pair[1], Standing, f"{name}[1]")
    if standing.now is not None and standing.now != now:
        message = f"is the standing of {task.id} at {write_time(standing.now)}"
        raise InvalidReport.because(message, f"ask for it at {write_time(now)}, as the figures are", name)
    if standing.task_id not in ("", task.id):
        raise InvalidReport.because(f"is the standing of {standing.task_id}, given for {task.id}", "", name)
    return TaskStanding.of(task, standing)
