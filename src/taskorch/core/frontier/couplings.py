"""The links of a workflow by index: which gates of which steps they hold."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import attrs

from taskorch.core.frontier.ends import MASKS, MASKS_UNSTARTED
from taskorch.core.graph import Wiring
from taskorch.core.outcomes import LinkType
from taskorch.core.times import MICROSECOND

START, FINISH = 0, 1
"""The gates a link may hold."""


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
    on_finish: list[Sequence[tuple[int, int]]]
    typed_on_start: CouplingsOf
    typed_on_finish: CouplingsOf
    finish_waits: Mapping[int, int]

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
    count = len(wiring.place)
    waits, finish_waits = [0] * count, dict[int, int]()
    on_finish: list[list[tuple[int, int]] | tuple[()]] = [()] * count
    typed: tuple[dict[int, list[Coupling]], dict[int, list[Coupling]]] = ({}, {})
    finish_to_start = LinkType.FINISH_TO_START
    for source, target, link in zip(wiring.sources, wiring.targets, wiring.links, strict=True):
        if link.type is finish_to_start and not link.lag:
            waits[target] += 1
            if on_finish[source]:
                on_finish[source].append((target, MASKS[link.condition]))  # type: ignore[union-attr]  # it is a list
            else:
                on_finish[source] = [(target, MASKS[link.condition])]
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
        on_finish=on_finish,  # type: ignore[arg-type]  # lists of pairs, the empty ones as tuples
        typed_on_start=typed[0],
        typed_on_finish=typed[1],
        finish_waits=finish_waits,
    )
