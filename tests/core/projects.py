"""Projects for tests: a reader of PSPLIB's files, and a dispatcher that follows an order, on a clock of its own."""

import heapq
from collections.abc import Sequence
from pathlib import Path

from hypothesis import strategies as st

from taskorch.core.frontier.precedence import Precedence
from taskorch.core.frontier.project import Project


def read_psplib(path: Path) -> Project:
    """The project of a single-mode ``.sm`` file; its first and last job take no time."""
    rows: dict[str, list[list[str]]] = {}
    section = ""
    for line in path.read_text(encoding="ascii").splitlines():
        if line.rstrip().endswith(":") or line.startswith("RESOURCEAVAILABILITIES"):
            section = line.rstrip(": ")
        elif line.strip() and line.split()[0].isdigit():
            rows.setdefault(section, []).append(line.split())
    successors = [[(int(job) - 1, 0) for job in row[3:]] for row in rows["PRECEDENCE RELATIONS"]]
    needs = [[int(number) for number in row[2:]] for row in rows["REQUESTS/DURATIONS"]]
    demands = [tuple((r, amount) for r, amount in enumerate(need[1:]) if amount) for need in needs]
    (limits,) = rows["RESOURCEAVAILABILITIES"]
    return Project.of(
        [need[0] for need in needs], successors, [()] * len(needs), demands, [int(limit) for limit in limits]
    )


def run(project: Project, precedence: Precedence, actual: Sequence[int] | None = None) -> list[int]:
    """When each step starts if it is dispatched by *precedence* and takes as long as *actual* says.

    The arcs are those of the project, so they fit *actual* only where no step waits for another's finish.
    """
    durations = project.durations if actual is None else actual
    rank = {step: place for place, step in enumerate(precedence.order)}
    holds = {hold.step: hold for hold in precedence.holds}
    waits, earliest, starts = list(project.waits), [0] * len(rank), [-1] * len(rank)
    free, until = list(project.limits), dict[int, int]()
    # At one instant: what ends, what becomes ready, which holds are over.
    events = [(0, 1, step) for step, count in enumerate(waits) if not count]
    ready: list[int] = []
    while events:
        now = events[0][0]
        while events and events[0][0] == now:
            _, kind, step = heapq.heappop(events)
            if kind == 0:
                for resource, amount in project.demands[step]:
                    free[resource] += amount
            elif kind == 1:
                ready.append(step)
                if step in holds:
                    until[step] = now + holds[step].at_most
                    heapq.heappush(events, (until[step], 2, step))
        ready.sort(key=rank.__getitem__)
        place = 0
        while place < len(ready):
            step = ready[place]
            kept = step in holds and now < until[step] and starts[holds[step].before] < 0
            if kept or any(free[resource] < amount for resource, amount in project.demands[step]):
                place += 1
                continue
            del ready[place]
            starts[step] = now  # this may end a hold, but only of a step after it
            for resource, amount in project.demands[step]:
                free[resource] -= amount
            heapq.heappush(events, (now + durations[step], 0, step))
            for target, distance in project.arcs[step]:
                waits[target] -= 1
                earliest[target] = max(earliest[target], now + distance)
                if not waits[target]:
                    heapq.heappush(events, (earliest[target], 1, target))
    return starts


def makespan(project: Project, starts: Sequence[int]) -> int:
    """When the last step has ended."""
    return max((start + duration for start, duration in zip(starts, project.durations, strict=True)), default=0)


def is_feasible(project: Project, starts: Sequence[int]) -> bool:
    """Whether every arc is kept, and no resource is ever asked for more than there is."""
    kept = all(
        starts[target] >= starts[source] + distance
        for source, arcs in enumerate(project.arcs)
        for target, distance in arcs
    )
    return kept and all(
        sum(
            amount
            for start, duration, demand in zip(starts, project.durations, project.demands, strict=True)
            for wanted, amount in demand
            if wanted == resource and start <= now < start + duration
        )
        <= limit
        for now in starts
        for resource, limit in enumerate(project.limits)
    )


@st.composite
def projects(draw: st.DrawFn, *, most: int = 12) -> Project:
    """Small projects with links of both kinds, lags, two resources, and steps of no length."""
    count = draw(st.integers(0, most))
    limits = [draw(st.integers(1, 4)), draw(st.integers(1, 4))]
    pairs = [(a, b) for b in range(count) for a in range(b)]
    links = draw(st.lists(st.sampled_from(pairs), max_size=2 * most, unique=True)) if pairs else []
    on_finish: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    on_start: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for source, target in links:
        draw(st.sampled_from((on_finish, on_finish, on_start)))[source].append(
            (target, draw(st.sampled_from((0, 0, 3))))
        )
    demands = [
        tuple((r, amount) for r, limit in enumerate(limits) if (amount := draw(st.integers(0, limit))))
        for _ in range(count)
    ]
    return Project.of([draw(st.integers(0, 9)) for _ in range(count)], on_finish, on_start, demands, limits)
