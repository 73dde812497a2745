"""What a queue is: its service level, its bounds, and its place among the others."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Final

import attrs

from taskorch.core.calendars import Calendar, is_calendar
from taskorch.core.documents import is_number
from taskorch.core.json_text import described, shown
from taskorch.core.states import State
from taskorch.core.suggestions import suggestion
from taskorch.core.texts import are_plain
from taskorch.core.times import duration
from taskorch.errors import InvalidQueue, InvalidWorkflow, Problem, UnknownQueue


class Anchor(StrEnum):
    """Where the clock of a service level begins."""

    CREATED = "created"
    ENTERED = "entered"
    STARTED = "started"


class Order(StrEnum):
    """What comes first within a queue."""

    SCORE = "score"
    """The highest score, ageing counted; then the deadline, the time of entering, the id."""
    EDF = "edf"
    """The earliest deadline; then as above."""


_HOUR: Final = timedelta(hours=1)


def _duration(value: float | timedelta | None) -> timedelta | None:
    try:
        return duration(value)
    except InvalidWorkflow:
        return value  # type: ignore[return-value]  # refused below, with all else that is wrong


def _grace(value: float | timedelta) -> timedelta:
    return _duration(value)  # type: ignore[return-value]  # None is refused below


def _states(states: Iterable[State]) -> frozenset[State]:
    try:
        return frozenset(states if not isinstance(states, str) else [states])  # type: ignore[list-item]
    except TypeError:
        return frozenset((str(states),))  # type: ignore[arg-type]  # refused below, with all else that is wrong


def _is_whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_number(value: object, low: float) -> bool:
    return is_number(value) and low <= value <= 1e6  # type: ignore[operator]


def _is_span(value: object) -> bool:
    return value is None or (isinstance(value, timedelta) and value > timedelta(0))


# The member, what it must be, and what is said of one that is not.
_CHECKS: Final[tuple[tuple[str, Callable[[object], bool], str, str], ...]] = (
    (
        "name",
        lambda v: isinstance(v, str) and 0 < len(v.strip()) <= len(v) <= 128 and are_plain((v,)),
        "{!r} is no name",
        "1–128 characters",
    ),
    ("sla", _is_span, "{!r} is no duration above 0", "seconds or a timedelta; leave it out for best effort"),
    ("at_risk", _is_span, "{!r} is no duration above 0", "seconds or a timedelta; leave it out for min(1 h, sla / 4)"),
    (
        "grace",
        lambda v: isinstance(v, timedelta) and v >= timedelta(0),
        "{!r} is no duration from 0",
        "seconds or a timedelta",
    ),
    ("capacity", lambda v: v is None or _is_whole(v, 0), "{!r} is no whole number from 0", "leave it out for no bound"),
    (
        "concurrency",
        lambda v: v is None or _is_whole(v, 1),
        "{!r} is no whole number from 1",
        "leave it out for no bound",
    ),
    ("rank", lambda v: _is_whole(v, -1_000_000), "{!r} is no whole number", "0 is served first"),
    ("ageing", lambda v: v == 0 or _is_number(v, 1e-6), "{!r} is out of range", "0, or 1e-6 to 1e6 points an hour"),
    ("weight", lambda v: _is_number(v, 1e-6), "{!r} is out of range", "1e-6 to 1e6"),
    ("anchor", lambda v: v in list(Anchor), "{!r} is not known", "one of " + ", ".join(Anchor)),
    ("discipline", lambda v: v in list(Order), "{!r} is not known", "one of " + ", ".join(Order)),
    ("overflow", lambda v: v is None or isinstance(v, str), "{!r} is no name", "the name of another queue"),
    (
        "calendar",
        lambda v: v is None or is_calendar(v),
        "{!r} is no calendar",
        "such as a BusinessCalendar",
    ),
    ("by_date", lambda v: isinstance(v, bool), "{!r} is not true or false", ""),
    ("usage", lambda v: isinstance(v, str), "{!r} is no text", ""),
)


@attrs.frozen
class QueueSpec:
    """What is promised of a queue (D0, "Queues Disponibles"; design §6).

    Attributes:
        name: Its name.
        sla: How long a task may take, seconds or a timedelta; None for best effort.
        capacity: The most tasks that may *wait* in it, those not counted that go on after a failure or a block; None
            for no bound.
        concurrency: The most of its tasks that may be in progress; None for no bound.
        rank: Its place among the queues; 0 is served first by the discipline ``strict``.
        overflow: The queue that takes what this one has no place for; None to refuse it.
        anchor: Where the clock of the service level begins.
        pause_in: The states in which that clock stands still.
        calendar: The working time in which it runs; None for round the clock.
        at_risk: How long before its deadline a task is at risk; by default the lesser of an hour and a quarter
            of the service level. In a queue by date there is no risk before it is late, unless this is given.
        grace: How long after its deadline it is still in time; by default nothing, and a minute in a queue by date,
            whose tasks may not start before their deadline.
        discipline: What comes first within it, ``score`` or ``edf``: its ``Order``. Between queues the ``Discipline``
            of the engine chooses.
        ageing: The points by which the score of a waiting task grows in an hour; 0 for none.
        weight: Its share where the discipline between queues is ``weighted``.
        by_date: Whether its tasks wait for a date, which is the deadline of their start; once due, a task ranks
            as its score says.
        usage: What it is for.
        is_plain: Whether a deadline is but the time of creation and the service level; derived from the others.

    Raises:
        InvalidQueue: Something given makes no sense; with every problem.
    """

    name: str
    sla: timedelta | None = attrs.field(default=None, converter=_duration)
    capacity: int | None = None
    concurrency: int | None = None
    rank: int = attrs.field(default=0, kw_only=True)
    overflow: str | None = attrs.field(default=None, kw_only=True)
    anchor: Anchor = attrs.field(default=Anchor.CREATED, kw_only=True)
    pause_in: frozenset[State] = attrs.field(default=frozenset(), converter=_states, kw_only=True)
    calendar: Calendar | None = attrs.field(default=None, kw_only=True)
    at_risk: timedelta | None = attrs.field(default=None, converter=_duration, kw_only=True)
    by_date: bool = attrs.field(default=False, kw_only=True)
    grace: timedelta = attrs.field(
        default=attrs.Factory(lambda spec: timedelta(minutes=bool(spec.by_date)), takes_self=True),
        converter=_grace,
        kw_only=True,
    )
    discipline: Order = attrs.field(default=Order.SCORE, kw_only=True)
    ageing: float = attrs.field(default=1, kw_only=True)
    weight: float = attrs.field(default=1, kw_only=True)
    usage: str = attrs.field(default="", kw_only=True)
    # Asked for by every task that enters, so worked out once.
    _lead: timedelta = attrs.field(init=False, eq=False, repr=False)
    is_plain: bool = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if problems := list(self._problems()):
            raise InvalidQueue(problems, source=str(self.name)[:60])
        object.__setattr__(self, "anchor", Anchor(self.anchor))
        object.__setattr__(self, "discipline", Order(self.discipline))
        object.__setattr__(self, "pause_in", frozenset(map(State, self.pause_in)))
        usual = min(_HOUR, self.sla / 4) if self.sla is not None else timedelta(0) if self.by_date else _HOUR
        runs_on = self.calendar is None and not self.pause_in and not self.by_date
        object.__setattr__(self, "is_plain", runs_on and self.anchor is Anchor.CREATED and self.sla is not None)
        object.__setattr__(self, "_lead", usual if self.at_risk is None else self.at_risk)

    def _problems(self) -> Iterator[Problem]:
        for key, is_good, message, hint in _CHECKS:
            value = getattr(self, key)
            if not is_good(value):
                yield Problem(key, message.format(shown(value, 60)), hint)
        for state in self.pause_in:
            if state not in list(State):
                yield Problem("pause_in", f"{state!r} is no state", suggestion(str(state), State))
        if self.overflow is not None and self.overflow == self.name:
            yield Problem("overflow", "is the queue itself", "name another queue")

    @property
    def lead(self) -> timedelta:
        """With less than this left before its deadline a task is at risk (D0 says an hour)."""
        return self._lead


def _hours(count: float) -> timedelta:
    return timedelta(hours=count)


DEFAULT_QUEUES: Final = (
    QueueSpec("critical", _hours(1), 3, rank=0, weight=64, usage="Incidents prod, sécurité"),
    QueueSpec("urgent", _hours(2), 5, rank=1, weight=32, usage="P1, bugs bloquants"),
    QueueSpec("high_priority", _hours(8), 20, rank=2, weight=16, usage="P2, clients VIP"),
    QueueSpec("normal", _hours(24), 50, rank=3, weight=8, usage="P3, projets standard"),
    QueueSpec("low_priority", _hours(72), 100, rank=4, weight=4, usage="P4, nice-to-have"),
    QueueSpec("backlog", rank=5, weight=2, usage="Best effort"),
    QueueSpec("scheduled", capacity=50, rank=6, weight=1, by_date=True, usage="Tâches planifiées à date"),
)
"""The seven queues of D0, row by row."""


def by_name(specs: Iterable[QueueSpec], *, may_be_empty: bool = False) -> Mapping[str, QueueSpec]:
    """The queues by their names.

    Raises:
        InvalidQueue: They are none, two have one name, or an overflow leads nowhere or round in a circle.
    """
    try:
        listed = list(specs)
    except TypeError:
        raise InvalidQueue.because("are no queues", "a list of QueueSpec, such as DEFAULT_QUEUES", "queues") from None
    for index, spec in enumerate(listed):
        if not isinstance(spec, QueueSpec):
            raise InvalidQueue.because("is no QueueSpec", "describe each queue by one", f"[{index}]")
    table = {spec.name: spec for spec in listed}
    problems = [Problem("", "there are no queues", "give at least one")] if not (listed or may_be_empty) else []
    for index, spec in enumerate(listed):
        if table[spec.name] is not spec:
            problems.append(Problem(f"[{index}].name", f"{spec.name!r} is the name of two queues"))
        if spec.overflow is not None and spec.overflow not in table:
            hint = suggestion(spec.overflow, table)
            problems.append(Problem(f"[{index}].overflow", f"there is no queue {spec.overflow!r}", hint))
        elif spec.name in _overflows(spec, table):
            problems.append(Problem(f"[{index}].overflow", f"leads back to {spec.name!r}", "let it end somewhere"))
    if problems:
        raise InvalidQueue(problems)
    return table


def _overflows(spec: QueueSpec, table: Mapping[str, QueueSpec]) -> list[str]:
    passed: list[str] = []
    while (name := spec.overflow) is not None and name in table and name not in passed:
        passed.append(name)
        spec = table[name]
    return passed


def expect_spec(given: object) -> None:
    """Raise ``InvalidQueue`` for what describes no queue, such as the name of one."""
    if not isinstance(given, QueueSpec):
        hint = 'the queue itself, such as engine.specs["urgent"]'
        raise InvalidQueue.because(f"expected a QueueSpec, got {described(given)}", hint, "spec")


def named(table: Mapping[str, QueueSpec], name: object) -> QueueSpec:
    """The queue called *name*; raises ``UnknownQueue`` with a suggestion."""
    spec = table.get(name) if isinstance(name, str) else None
    if spec is None:
        raise UnknownQueue(str(name), table, suggestion(str(name), table))
    return spec
