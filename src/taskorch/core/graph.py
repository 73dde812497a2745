"""Steps and links as numbers, and what follows from them alone: circles, stages, groups that wait for one another.

The only room with networkx, which is imported where links lead back and forth without a circle.
"""

from collections.abc import Sequence
from itertools import compress
from operator import attrgetter, lt, not_

import attrs

from taskorch.core.outcomes import LinkType
from taskorch.core.step import Link

_TYPE = attrgetter("type")


@attrs.frozen(eq=False)
class Wiring:
    """The links between steps that are there, with the places of their ends; the three lists go in step.

    Attributes:
        place: The place of each step in their order, by id; ids that stand twice count once.
        links: The links.
        sources: The place of each link's predecessor.
        targets: That of its successor.
        is_whole: Whether no link was passed over because one of its steps is not there.
        is_plain: Whether all links are ``finish_to_start``.
        leads_on: Whether each link leads to a later step, so that the order of the steps is one to start in.
    """

    place: dict[str, int]
    links: list[Link]
    sources: list[int]
    targets: list[int]
    is_whole: bool
    is_plain: bool
    leads_on: bool

    @classmethod
    def of(cls, ids: Sequence[str], links: list[Link]) -> "Wiring":
        """The wiring of *links*; links from or to steps that are not there are passed over."""
        place = dict(zip(ids, range(len(ids)), strict=True))
        if len(place) < len(ids):
            place = {id: number for number, id in enumerate(dict.fromkeys(ids))}
        try:  # whole lists at once, as there may be very many links
            sources = [place[link.predecessor] for link in links]
            targets = [place[link.successor] for link in links]
        except KeyError:
            known = [link for link in links if link.predecessor in place and link.successor in place]
            return attrs.evolve(cls.of(ids, known), is_whole=False)
        plain = list(map(_TYPE, links)).count(LinkType.FINISH_TO_START) == len(links)
        return cls(place, links, sources, targets, True, plain, all(map(lt, sources, targets)))

    def order(self) -> Sequence[int] | None:
        """The places of all steps, each after those it waits for; None if links lead back and forth."""
        if self.leads_on:
            return range(len(self.place))
        order = _sorted(self.sources, self.targets, len(self.place))
        return order if len(order) == len(self.place) else None

    def is_circular(self) -> bool:
        """Whether the events start(x) and finish(x) of the steps cannot be put in order.

        Steps are not enough: "A starts before B" and "B finishes before A" make a circle of steps, and are legal.
        """
        if self.order() is not None:
            return False
        return self.is_plain or len(self.event_order()) < 2 * len(self.place)

    def events(self) -> tuple[list[int], list[int]]:
        """For each link the event it waits for and the one that waits: start(x) is x, finish(x) that many more."""
        count = len(self.place)
        if self.is_plain:
            return [source + count for source in self.sources], self.targets
        triples = list(zip(self.links, self.sources, self.targets, strict=True))
        return (
            [source + count if link.type.from_finish else source for link, source, _ in triples],
            [target if link.type.gates_start else target + count for link, _, target in triples],
        )

    def event_order(self) -> list[int]:
        """The events, numbered as in ``events``, each after those it waits for; without those on circles."""
        count = len(self.place)
        sources, targets = self.events()
        return _sorted([*range(count), *sources], [*range(count, 2 * count), *targets], 2 * count)


def _sorted(sources: Sequence[int], targets: Sequence[int], count: int) -> list[int]:
    """The numbers below *count*, targets after their sources; what a circle holds up is left out."""
    waits = [0] * count
    after: list[list[int]] = [[] for _ in waits]
    for source, target in zip(sources, targets, strict=True):
        after[source].append(target)
        waits[target] += 1
    order = list(compress(range(count), map(not_, waits)))
    for number in order:  # grows while it is walked
        for target in after[number]:
            left = waits[target] = waits[target] - 1
            if not left:
                order.append(target)
    return order


def find_cycle(wiring: Wiring) -> tuple[str, ...]:
    """The ids on one circle of events, in order, each once; empty if there is none."""
    count = len(wiring.place)
    left = set(range(2 * count)).difference(wiring.event_order())
    if not left:
        return ()
    before: dict[int, int] = {}  # what is left waits for something that is left
    for source, target in zip(*wiring.events(), strict=True):
        if source in left and target in left:
            before.setdefault(target, source)
    # A finish for its own start, if it can: so the circle leads through no step twice.
    before.update((event + count, event) for event in left if event < count)
    walked: dict[int, None] = {}
    event = min(left)
    while event not in walked:
        walked[event] = None
        event = before[event]
    events, ids = list(walked), list(wiring.place)
    return tuple(dict.fromkeys(ids[e % count] for e in reversed(events[events.index(event) :])))


def groups(wiring: Wiring) -> list[list[int]]:
    """The places of all steps, those together that wait for one another, each group after those it waits for."""
    order = wiring.order()
    if order is not None:
        return [[place] for place in order]
    import networkx as nx

    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(len(wiring.place)))
    graph.add_edges_from(zip(wiring.sources, wiring.targets, strict=True))
    whole = nx.condensation(graph)
    return [sorted(whole.nodes[number]["members"]) for number in nx.topological_sort(whole)]


def stages(wiring: Wiring) -> tuple[tuple[str, ...], ...]:
    """Groups of steps whose starts wait only for steps of earlier groups (D3, "execution stages").

    Within a group the order is that of the steps.
    """
    gates = [link.type.gates_start for link in wiring.links]
    sources, targets = list(compress(wiring.sources, gates)), list(compress(wiring.targets, gates))
    before: list[list[int]] = [[] for _ in wiring.place]
    for source, target in zip(sources, targets, strict=True):
        before[target].append(source)
    level = [0] * len(before)
    for place in _sorted(sources, targets, len(before)):
        level[place] = max([level[source] + 1 for source in before[place]], default=0)
    found: list[list[str]] = [[] for _ in range(max(level, default=-1) + 1)]
    for id, number in zip(wiring.place, level, strict=True):
        found[number].append(id)
    return tuple(map(tuple, found))
