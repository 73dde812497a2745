"""The links of a workflow by index: which gates of which steps they hold."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

import attrs

from taskorch.core.frontier.ends import MASKS, MASKS_UNSTARTED
from taskorch.core.outcomes import LinkType
from taskorch.core.step import Link

_MICROSECOND = timedelta(microseconds=1)

START, FINISH = 0, 1
"""The gates a link may hold."""


class Wire(NamedTuple):
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


Wires = Mapping[int, Sequence[Wire]]


@attrs.frozen(kw_only=True, eq=False)
class Wiring:
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
    typed_on_start: Wires
    typed_on_finish: Wires
    finish_waits: Mapping[int, int]

    @property
    def has_lags(self) -> bool:
        """Whether any link is settled later than it is met."""
        all_wires = (*self.typed_on_start.values(), *self.typed_on_finish.values())
        return any(wire.lag for wires in all_wires for wire in wires)

    def gated_starts(self, step: int) -> list[tuple[int, int, bool]]:
        """The steps that *step* keeps from starting: each with the lag, and whether it waits for the finish."""
        found = [(target, 0, True) for target, _ in self.on_finish[step]]
        for wires, is_finish in ((self.typed_on_finish, True), (self.typed_on_start, False)):
            found += [(wire.target, wire.lag, is_finish) for wire in wires.get(step, ()) if wire.gate == START]
        return found


def wired(links: Iterable[Link], index: Mapping[str, int]) -> Wiring:
    """The wiring that *links* make between the steps of *index*."""
    count = len(index)
    waits, finish_waits = [0] * count, dict[int, int]()
    on_finish: list[list[tuple[int, int]] | tuple[()]] = [()] * count
    typed: tuple[dict[int, list[Wire]], dict[int, list[Wire]]] = ({}, {})
    finish_to_start = LinkType.FINISH_TO_START
    for link in links:
        source, target = index[link.predecessor], index[link.successor]
        if link.type is finish_to_start and not link.lag:
            waits[target] += 1
            if on_finish[source]:
                on_finish[source].append((target, MASKS[link.condition]))  # type: ignore[union-attr]  # it is a list
            else:
                on_finish[source] = [(target, MASKS[link.condition])]
            continue
        gate = START if link.type.gates_start else FINISH
        masks = MASKS if link.type.from_finish else MASKS_UNSTARTED
        wire = Wire(target, gate, masks[link.condition], link.lag // _MICROSECOND)
        typed[link.type.from_finish].setdefault(source, []).append(wire)
        if gate == START:
            waits[target] += 1
        else:
            finish_waits[target] = finish_waits.get(target, 0) + 1
    return Wiring(
        waits=waits,
        on_finish=on_finish,  # type: ignore[arg-type]  # lists of pairs, the empty ones as tuples
        typed_on_start=typed[0],
        typed_on_finish=typed[1],
        finish_waits=finish_waits,
    )
