"""Lanes, the streams of tasks that may be handed out, and the disciplines that choose between them.

A queue is one lane. A queue whose tasks wait for a date has a lane for each band of scores, since a task whose
date has come ranks by its band.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from typing import Final, Protocol

import attrs

from taskorch.core.queues import Order, QueueSpec
from taskorch.core.ranking import Ranking
from taskorch.core.suggestions import suggestion
from taskorch.errors import InvalidQueue

Key = tuple[float, datetime, datetime, str] | tuple[datetime, float, datetime, str]
"""What a task is ranked by: its rank and its deadline (``edf``: the other way round), when it entered, its id.
The lowest comes first."""


def id_of(key: Key) -> str:
    """The task of a key."""
    return key[3]


NO_DEADLINE: Final = datetime.max.replace(tzinfo=UTC)
"""The deadline of a task that has none: later than any other."""


_TURN: Final = 1 << 120
"""The virtual time of a task of weight 1: so much that what rounding takes from a turn is less than what rounding has
taken from a weight. Floats would lose the turns of heavy queues once those of light ones have added up."""


@attrs.define(eq=False)
class Lane:
    """What a discipline sees of a stream of tasks.

    Attributes:
        name: Its queue, and for a task whose date has come its band.
        spec: Its queue.
        rank: Its place among the lanes; 0 first.
        band: Its place among the lanes of its queue with the same rank; 0 is the most urgent.
        ready: The keys of the tasks that may be handed out, in order.
        order: What the lanes are sorted by; within a queue this is the order in which they give.
    """

    name: str
    spec: QueueSpec
    rank: int
    band: int = 0
    ready: Ranking[Key] = attrs.field(factory=Ranking, repr=False)

    order: tuple[int, str, int] = attrs.field(init=False, repr=False)
    _due_place: int = attrs.field(init=False, repr=False)  # where in its keys the deadline stands

    def __attrs_post_init__(self) -> None:
        self.order = self.rank, self.spec.name, self.band
        self._due_place = 0 if self.spec.discipline is Order.EDF else 1

    @property
    def deadline(self) -> datetime:
        """When its first task is due."""
        due: datetime = self.ready.first[self._due_place]  # type: ignore[assignment]  # by the form of its keys
        return due

    @property
    def first_rank(self) -> float:
        """The rank of its first task among those of queues that age alike."""
        first: float = self.ready.first[1 - self._due_place]  # type: ignore[assignment]  # as above
        return first


class Discipline(Protocol):
    """Chooses between lanes. The same lanes and the same past give the same choice."""

    def choose(self, lanes: Sequence[Lane]) -> Lane:
        """The lane whose first task is next; changes nothing.

        Args:
            lanes: Those that have a task to give and may give it, at least one, in the order of their ranks. Of a
                queue with several there is but the first: within a queue its own order holds.
        """

    def served(self, lane: Lane, lanes: Sequence[Lane]) -> None:
        """Be told that *lane*, chosen among *lanes*, has given its first task."""


class Strict:
    """The lowest rank first. Lower ranks can starve higher ones.

    Among equal ranks the task that ranks first is served; where the queues age at different rates, the one that is
    due first.
    """

    def choose(self, lanes: Sequence[Lane]) -> Lane:
        """The lane of the lowest rank."""
        if len(lanes) == 1 or lanes[1].rank != lanes[0].rank:
            return lanes[0]
        tied = [lane for lane in lanes if lane.rank == lanes[0].rank]
        if len({lane.spec.ageing for lane in tied}) == 1:
            return min(tied, key=lambda lane: (lane.first_rank, lane.deadline))
        return min(tied, key=lambda lane: lane.deadline)  # points earned at different rates cannot be compared

    def served(self, lane: Lane, lanes: Sequence[Lane]) -> None:
        """It has no memory."""


class EarliestDeadline:
    """The lane whose first task is due first; among equals the lowest rank."""

    def choose(self, lanes: Sequence[Lane]) -> Lane:
        """The lane whose first task is due first."""
        best, least = lanes[0], lanes[0].deadline
        for lane in lanes[1:]:
            if (due := lane.deadline) < least:  # of equals the first stays, and ranks are in order
                best, least = lane, due
        return best

    def served(self, lane: Lane, lanes: Sequence[Lane]) -> None:
        """It has no memory."""


class Weighted:
    """Shares by weight, and nobody starves: start-time fair queueing (Goyal, Vin, Cheng 1996) for equal tasks.

    A queue of weight w that has a task to give all the time waits for at most the sum, over the other queues, of
    their weight divided by w plus one, before it gives its next. A queue that had nothing to give has saved nothing
    up. The bound holds for all weights a queue may have, however long it goes on: time is counted in whole numbers.
    """

    def __init__(self) -> None:
        self._clock = 0
        self._starts: dict[str, int] = {}  # by queue: the virtual time at which its next task starts, if not now
        self._turns: dict[str, int] = {}  # by queue: how much virtual time a task takes

    def choose(self, lanes: Sequence[Lane]) -> Lane:
        """The lane whose next task starts first in virtual time."""
        starts, clock = self._starts, self._clock
        for lane in lanes:  # whoever is due by the clock starts now; nobody starts earlier, and ranks are in order
            if starts.get(lane.spec.name, 0) <= clock:
                return lane
        return min(lanes, key=self._start)

    def served(self, lane: Lane, lanes: Sequence[Lane]) -> None:
        """Let the queue's next task start one share later."""
        spec = lane.spec
        self._clock = start = self._start(lane)
        turn = self._turns.get(spec.name)
        if turn is None:
            turn = self._turns[spec.name] = round(_TURN / Fraction(spec.weight))
        self._starts[spec.name] = start + turn

    def _start(self, lane: Lane) -> int:
        return max(self._starts.get(lane.spec.name, 0), self._clock)


class _Own:
    """A discipline of the host, whose choices are looked at before they are believed."""

    def __init__(self, own: Discipline) -> None:
        self._own = own

    def choose(self, lanes: Sequence[Lane]) -> Lane:
        """The lane that it chooses, if it is one of those it was shown."""
        lane: object = self._own.choose(lanes)
        for shown in lanes:
            if shown is lane:
                return shown
        name = type(self._own).__name__
        message = f"{name}.choose gave {'None' if lane is None else f'a {type(lane).__name__}'}"
        raise InvalidQueue.because(f"{message}, not one of its lanes", "return one of those it was given", "discipline")

    def served(self, lane: Lane, lanes: Sequence[Lane]) -> None:
        """It is told."""
        self._own.served(lane, lanes)


DISCIPLINES: Final[Mapping[str, Callable[[], Discipline]]] = {
    "strict": Strict,
    "edf": EarliestDeadline,
    "weighted": Weighted,
}
"""The disciplines by name."""


def discipline_of(wish: object) -> Discipline:
    """The discipline of that name, new; or one that asks the one that is given.

    Raises:
        InvalidQueue: There is none of that name.
    """
    if isinstance(wish, str) and wish in DISCIPLINES:
        return DISCIPLINES[wish]()
    if isinstance(wish, str) or not hasattr(wish, "choose") or not hasattr(wish, "served"):
        hint = suggestion(str(wish), DISCIPLINES)
        raise InvalidQueue.because(f"{str(wish)[:40]!r} is not known", hint, "discipline")
    own: Discipline = wish  # it has what is asked of one
    return _Own(own)
