"""Which ready step comes first when not all of them fit, so that the run ends as early as may be.

Without a plan it is the rule of the latest finish time: the longest path after a step, the longest step first
where those are equal (E. W. Davis and J. H. Patterson 1975; R. Kolisch, "Efficient priority rules for the
resource-constrained project scheduling problem", Journal of Operations Management 14, 1996); on equal workers,
the longest path with the step itself (T. C. Hu 1961; R. L. Graham 1969). Where durations are known and resources
are scarce, a plan is looked for: schedules from rules with some chance in them, forwards by both ways of making
one (P. Tormos and A. Lova, Annals of Operations Research 102, 2001), each of them pushed together from both ends
(V. Valls, F. Ballestín and S. Quintanilla, "Justification and RCPSP: a technique that pays", European Journal of
Operational Research 165, 2005). The run does not follow the plan's clock, only its order, and waits nowhere longer
than the plan does.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import attrs

from taskorch.core.frontier.project import Project
from taskorch.core.frontier.schedules import Schedule, dispatch, insert

BUDGET = 20_000
"""How many times a planner may put a step into a schedule, by default: a fraction of a second."""
_MOST_SCHEDULES = 100
"""After so many schedules further ones are seldom better."""
_SPREAD = 0.8
"""How far chance moves the key of a rule, from one end to the other, as a share of the key."""
_SHIFT = 0.4
"""How far chance moves the start of a step in the best schedule, as a share of the makespan."""

_Scheme = Callable[[Project, Sequence[float]], Schedule]


class Hold(NamedTuple):
    """A ready step that fits is better kept waiting for a while.

    Attributes:
        step: The step that is kept.
        before: The step for which room is kept: once it has started or ended, the hold is over.
        at_most: The hold is over as well so long after the step became ready, in the unit of the durations.
    """

    step: int
    before: int
    at_most: int


@attrs.frozen
class Precedence:
    """The order in which ready steps start, as far as they fit.

    Attributes:
        order: Every step, the best first.
        holds: The steps that are kept although they fit; at most one for each step.
    """

    order: tuple[int, ...]
    holds: tuple[Hold, ...] = ()


def precedence(
    project: Project, *, is_estimated: bool = True, may_wait: bool = True, budget: int = BUDGET
) -> Precedence:
    """The order in which the ready steps of *project* should start.

    The same project always has the same order. The makespan of the plan, which is that of a run in which every
    step takes as long as was estimated, is never above that of the rule alone.

    Args:
        project: The steps, with a duration for each.
        is_estimated: Whether the durations are more than a stopgap; without that nothing is planned.
        may_wait: Whether a step that fits may be kept for one that is more urgent; on equal workers none ever is.
        budget: How many times a step may be put into a schedule to find a good one; 0 for the rule alone.

    Returns:
        The order, and what has to wait; nothing waits where no resource is short.
    """
    project = project.contended()
    rule = _rule(project)
    if is_estimated and any(project.demands):
        may_wait = may_wait and _can_wait(project) and _schedules(project, budget, inserts=True) >= 3
        count = _schedules(project, budget, inserts=may_wait)
        if count >= 3:
            return _Search(project, rule, may_wait=may_wait).run(count)
    return Precedence(_sorted(rule))


def _has_equal_workers(project: Project) -> bool:
    """Whether all steps that want something want the same."""
    return len({demand for demand in project.demands if demand}) == 1


def _can_wait(project: Project) -> bool:
    """Whether waiting can pay, and a run can be held to a plan with it.

    A step of no length leaves no trace in a profile: others may be planned across it, and be in its way.
    """
    lengths = zip(project.durations, project.demands, strict=True)
    return not _has_equal_workers(project) and all(duration or not demand for duration, demand in lengths)


def _schedules(project: Project, budget: int, *, inserts: bool) -> int:
    """How many schedules the budget is enough for; to insert a step among many takes longer than among few."""
    count = len(project.durations)
    cost = count + count * count // 200 if inserts else count
    return min(_MOST_SCHEDULES, budget // max(cost, 1))


def _rule(project: Project) -> list[tuple[int, int]]:
    """For each step its key by the rule alone."""
    tails = project.tails()
    if _has_equal_workers(project):
        return [(-tail, 0) for tail in tails]
    return [(duration - tail, -duration) for duration, tail in zip(project.durations, tails, strict=True)]


def _sorted(keys: Sequence[float] | Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """The steps by their keys, then in document order."""
    return tuple(sorted(range(len(keys)), key=keys.__getitem__))


def _ranks(order: Sequence[int]) -> list[float]:
    """For each step its place in *order*."""
    ranks = [0.0] * len(order)
    for rank, step in enumerate(order):
        ranks[step] = rank
    return ranks


def _chances() -> Iterator[float]:
    """Numbers from 0 to 1 without a pattern, always the same ones (D. E. Knuth's MMIX generator)."""
    state = 1
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield (state >> 33) / 2**31


class _Search:
    """Looks for a good schedule, and remembers the best and how it was made."""

    def __init__(self, project: Project, rule: list[tuple[int, int]], *, may_wait: bool) -> None:
        self._project, self._mirrored, self._rule = project, project.mirrored(), rule
        self._scheme: _Scheme = insert if may_wait else dispatch
        self._chances = _chances()
        self._order = _sorted(rule)
        self._best = dispatch(project, _ranks(self._order))
        self._waits = False

    def run(self, count: int) -> Precedence:
        """Make about *count* schedules, and say how to get the best of them."""
        bound = self._project.bound()
        for turn in range(count // 3):
            if self._best.makespan <= bound:
                break
            scheme, keys = self._scheme if turn % 2 else dispatch, self._keys(turn)
            schedule = self._keep(keys, scheme)
            if self._best.makespan > bound:
                self._justify(schedule)
        return Precedence(self._order, _holds(self._project, self._best, self._order) if self._waits else ())

    def _keys(self, turn: int) -> list[float]:
        """The keys for the next schedule: the rule, then the rule and the best schedule, both blurred by chance."""
        if turn < 2:
            return _ranks(_sorted(self._rule))
        if turn % 4 < 2:
            low, spread = 1 - _SPREAD / 2, _SPREAD
            return [late * (low + spread * next(self._chances)) + own / 1000 for late, own in self._rule]
        shift = _SHIFT * self._best.makespan
        return [start + shift * next(self._chances) for start in self._best.starts]

    def _justify(self, schedule: Schedule) -> None:
        """Push all steps to the end, the last one first, and then back to the beginning."""
        durations = self._project.durations
        last_first = [-start - duration for start, duration in zip(schedule.starts, durations, strict=True)]
        mirrored = self._scheme(self._mirrored, last_first).starts
        self._keep([-start - duration for start, duration in zip(mirrored, durations, strict=True)], self._scheme)

    def _keep(self, keys: Sequence[float], scheme: _Scheme) -> Schedule:
        """Make a schedule and remember it if it is the best so far; of equal ones the one made first."""
        schedule = scheme(self._project, keys)
        if schedule.makespan < self._best.makespan:
            self._best, self._waits = schedule, scheme is insert
            self._order = self._in_time(schedule) if self._waits else _sorted(keys)
        return schedule

    def _in_time(self, schedule: Schedule) -> tuple[int, ...]:
        """The steps in the order in which they start, each after all those it waits for."""
        places = _ranks(self._project.topological())
        return tuple(sorted(range(len(places)), key=lambda step: (schedule.starts[step], places[step])))


def _holds(project: Project, schedule: Schedule, order: Sequence[int]) -> tuple[Hold, ...]:
    """What has to wait so that a run which goes as planned starts every step when *schedule* does.

    A step that starts later than it is ready is kept for the last step before it that wants one of its resources.
    """
    starts, ready = schedule.starts, [0] * len(order)
    for source, arcs in enumerate(project.arcs):
        for target, distance in arcs:
            ready[target] = max(ready[target], starts[source] + distance)
    wanted = [{resource for resource, _ in demand} for demand in project.demands]
    holds = []
    for rank, step in enumerate(order):
        for before in reversed(order[:rank]):
            if starts[before] < ready[step]:
                break
            if starts[before] < starts[step] and not wanted[before].isdisjoint(wanted[step]):
                holds.append(Hold(step, before, starts[step] - ready[step]))
                break
    return tuple(holds)
