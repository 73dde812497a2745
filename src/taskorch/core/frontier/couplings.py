"""The links of a workflow by index: which gates of which steps they hold."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import repeat
from operator import attrgetter
from typing import NamedTuple

import attrs

from taskorch.core.frontier.ends import MASKS, MASKS_UNSTARTED
from taskorch.core.graph import Wiring
from taskorch.core.outcomes import LinkCondition, LinkType
from taskorch.core.times import MICROSECOND

START, FINISH = 0, 1
"""The gates a link may hold."""
_CONDITION, _LAG = attrgetter("condition"), attrgetter("lag")
_FROM_START = (LinkType.START_TO_START, LinkType.START_TO_FINISH)  # by gate
_FROM_FINISH = (LinkType.FINISH_TO_START, LinkType.FINISH_TO_FINISH)


class Coupling(NamedTuple):
    """A link that is not plainly finish_to_start without a lag, as its predecessor knows it.

    Attributes:
        target: The successor.
        gate: Which of its gates the link holds, ``START`` or ``FINISH``.
        mask: The ends of the predecessor that satisfy it; for a link from its start, those of one that never started.
        lag: How much later it is settled if it is met, in microseconds.
    """

    target: int
    gate: int
    mask: int
    lag: int


class Incoming(NamedTuple):
    """A link as its successor knows it.

    Attributes:
        source: The predecessor.
        type: What of the one waits for what of the other.
        condition: Which end of the predecessor it asks for.
        mask: As in ``Coupling``.
        lag: Likewise.
    """

    source: int
    type: LinkType
    condition: LinkCondition
    mask: int
    lag: int


CouplingsOf = Mapping[int, Sequence[Coupling]]


@attrs.frozen(kw_only=True, eq=False)
class Couplings:
    """All links of a workflow.

    Attributes:
        waits: How many links hold the start of each step.
        on_finish: For each step its successors by plain finish_to_start links, each with the mask of ends that
            satisfy the link.
        typed_on_start: The links from the start of steps.
        typed_on_finish: All other links from their finish.
        finish_waits: How many links hold the finish of a step; only where there are any.
    """

    waits: list[int]
    on_finish: Sequence[Sequence[tuple[int, int]]]
    typed_on_start: CouplingsOf
    typed_on_finish: CouplingsOf
    finish_waits: Mapping[int, int]

    @cached_property
    def incoming(self) -> Mapping[int, Sequence[Incoming]]:
        """The links into each step that has any, for whoever asks; made when somebody does."""
        found: dict[int, list[Incoming]] = {}

        def note(target: int, source: int, type: LinkType, mask: int, lag: int) -> None:
            masks = MASKS if type.from_finish else MASKS_UNSTARTED
            condition = next(condition for condition, known in masks.items() if known == mask)
            found.setdefault(target, []).append(Incoming(source, type, condition, mask, lag))

        for source, links in enumerate(self.on_finish):
            for target, mask in links:
                note(target, source, LinkType.FINISH_TO_START, mask, 0)
        for types, typed in ((_FROM_START, self.typed_on_start), (_FROM_FINISH, self.typed_on_finish)):
            for source, couplings in typed.items():
                for coupling in couplings:
                    note(coupling.target, source, types[coupling.gate], coupling.mask, coupling.lag)
        return found

    @property
    def has_lags(self) -> bool:
        """Whether any link is settled later than it is met."""
        everything = (*self.typed_on_start.values(), *self.typed_on_finish.values())
        return any(coupling.lag for couplings in everything for coupling in couplings)

    def gated_starts(self, step: int) -> list[tuple[int, int, bool]]:
        """The steps that *step* keeps from starting: each with the lag, and whether it waits for the finish."""
        found = [(target, 0, True) for target, _ in self.on_finish[step]]
        for couplings, is_finish in ((self.typed_on_finish, True), (self.typed_on_start, False)):
            found += [
                (coupling.target, coupling.lag, is_finish)
                for coupling in couplings.get(step, ())
                if coupling.gate == START
            ]
        return found


def coupled(wiring: Wiring) -> Couplings:
    """The couplings that the links of *wiring* make between the steps of a workflow."""
    count, links = len(wiring.place), wiring.links
    is_usual = list(map(_CONDITION, links)).count(LinkCondition.SUCCESS) == len(links) and not any(map(_LAG, links))
    return _usual(wiring, count) if wiring.is_plain and is_usual else _typed(wiring, count)


def _usual(wiring: Wiring, count: int) -> Couplings:
    """What most workflows have, and perhaps very many of: each link asks for success before a start."""
    pairs = list(zip(wiring.place.values(), repeat(MASKS[LinkCondition.SUCCESS])))  # one a target, not one a link
    on_finish: list[list[tuple[int, int]]] = [[] for _ in pairs]
    waits = [0] * count
    for source, target in zip(wiring.sources, wiring.targets, strict=True):
        on_finish[source].append(pairs[target])
        waits[target] += 1
    return Couplings(
        waits=waits,
        on_finish=list(map(tuple, on_finish)),
        typed_on_start={},
        typed_on_finish={},
        finish_waits={},
    )


def _typed(wiring: Wiring, count: int) -> Couplings:
    waits, finish_waits = [0] * count, dict[int, int]()
    on_finish: list[list[tuple[int, int]]] = [[] for _ in waits]
    typed: tuple[dict[int, list[Coupling]], dict[int, list[Coupling]]] = ({}, {})
    finish_to_start = LinkType.FINISH_TO_START
    for source, target, link in zip(wiring.sources, wiring.targets, wiring.links, strict=True):
        if link.type is finish_to_start and not link.lag:
            waits[target] += 1
            on_finish[source].append((target, MASKS[link.condition]))
            continue
        gate = START if link.type.gates_start else FINISH
        masks = MASKS if link.type.from_finish else MASKS_UNSTARTED
        coupling = Coupling(target, gate, masks[link.condition], link.lag // MICROSECOND)
        typed[link.type.from_finish].setdefault(source, []).append(coupling)
        if gate == START:
            waits[target] += 1
        else:
            finish_waits[target] = finish_waits.get(target, 0) + 1
    return Couplings(
        waits=waits,
        on_finish=on_finish,
        typed_on_start=typed[0],
        typed_on_finish=typed[1],
        finish_waits=finish_waits,
    )
