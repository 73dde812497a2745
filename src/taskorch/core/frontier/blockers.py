"""What keeps an open step from going on: links, lags, places, resources, turns, circuits, dates, pauses."""

from collections.abc import Iterable, Iterator
from itertools import islice

from taskorch.core.frontier.causes import Cause, LinkStanding, Why
from taskorch.core.frontier.couplings import FINISH, START, Incoming
from taskorch.core.frontier.ends import End
from taskorch.core.frontier.facts import BLOCKED, CREATED, FAILED, IN_PROGRESS, UNBLOCKED
from taskorch.core.frontier.fold import OPEN, Fold
from taskorch.core.frontier.slots import Kind
from taskorch.core.quantities import amount_text
from taskorch.core.times import instant, write_time

HOLDERS = 3
"""So many of those that hold what a step waits for are named."""
_BODIES = {Kind.LOOP: "bodies on the event loop", Kind.THREAD: "bodies in threads", Kind.COMMAND: "commands"}


def link_standings(fold: Fold, step: int) -> list[LinkStanding]:
    """How the links into *step* stand."""
    return [_standing(fold, step, link) for link in fold.plan.couplings.incoming.get(step, ())]


def _standing(fold: Fold, step: int, link: Incoming) -> LinkStanding:
    end, is_met, until = fold.ends[link.source], None, None
    if not link.type.from_finish and fold.attempt[link.source]:
        is_met = True
    elif end != OPEN:
        is_met = bool(link.mask >> end & 1)
    if is_met and link.lag:
        type, gates = link.type, fold.gates
        gate = START if type.gates_start else FINISH
        until = gates.settled_at(link.source, step, from_finish=type.from_finish, gate=gate)
    return LinkStanding(
        predecessor=fold.plan.steps[link.source].id,
        type=link.type,
        condition=link.condition,
        outcome=None if end == OPEN else End(end).outcome,
        is_met=is_met,
        until=None if until is None else instant(until),
    )


def blockers(fold: Fold, step: int, links: Iterable[LinkStanding]) -> list[Cause]:
    """Why *step*, which has not ended, goes no further at this moment: one cause or more.

    Args:
        fold: The run.
        step: The step.
        links: How its links stand.
    """
    state = fold.states[step]
    if state == IN_PROGRESS and fold.has_place(step):
        attempt = fold.attempt[step]
        return [Cause(Why.BODY, f"its body runs (attempt {attempt})", data={"attempt": attempt})]
    if state in (BLOCKED, UNBLOCKED, IN_PROGRESS):
        return list(_open(links, "finish")) or [Cause(Why.READY, "its finish is open to it")]
    found = list(_keeping(fold, step, links))
    return found or [Cause(Why.READY, "it may start")]


def _keeping(fold: Fold, step: int, links: Iterable[LinkStanding]) -> Iterator[Cause]:
    """What keeps a step from starting."""
    if fold.halted is not None:
        yield Cause(Why.HALT, f"nothing more is started ({fold.halted})")
        return
    state = fold.states[step]
    if state == CREATED:
        yield from _open(links, "start")
        return
    if state == FAILED and step not in fold.ready:
        failure = fold.details[step]
        due = instant(failure["retry_at"])
        told = f"attempt {fold.attempt[step]} failed ({failure['type']}), the next is due at {write_time(due)}"
        yield Cause(Why.RETRY, told, until=due, data={"attempt": fold.attempt[step], "type": failure["type"]})
    else:
        yield from _lacking(fold, step)
    if fold.paused:
        yield Cause(Why.PAUSE, "the run is paused")


def _open(links: Iterable[LinkStanding], gate: str) -> Iterator[Cause]:
    for link in links:
        if link.gate == gate and not link.is_settled:
            yield Cause(Why.LINK if link.until is None else Why.LAG, str(link), link, link.until)


def _lacking(fold: Fold, step: int) -> Iterator[Cause]:
    """What a ready step lacks to start."""
    plan, slots = fold.plan, fold.slots
    line = plan.line_of[step]
    kind = Kind(line.kind)
    if not slots.has_place(kind):
        is_full = slots.free[kind] <= 0
        holders = _holders(fold, (other for other in fold.occupants() if not is_full or _kind(fold, other) == kind))
        told = f"no place is free for {_BODIES[kind] if is_full else 'any body'}{_by(holders)}"
        yield Cause(Why.SLOT, told, data={"kind": kind.name.lower(), "heldBy": holders})
    for index, amount in line.demand:
        free = slots.capacity.free[index]
        if free < amount:
            holders = _holders(fold, (other for other in fold.occupants() if _takes(fold, other, index)))
            if index == len(plan.resources.names):
                yield Cause(Why.TURN, f"steps run one after the other{_by(holders)}", data={"heldBy": holders})
                continue
            demand, left, limit = (amount_text(number) for number in (amount, free, plan.limits[index]))
            name = plan.resources.names[index]
            told = f"it takes {demand} of {name}, and {left} of {limit} is free{_by(holders)}"
            data = {"resource": name, "demand": demand, "free": left, "limit": limit, "heldBy": holders}
            yield Cause(Why.RESOURCE, told, data=data)
    breakers, target = fold.breakers, line.target
    if breakers is not None and target is not None and not breakers.fails_when_open:
        available = breakers.available_at(target, fold.latest)
        if available is not None:
            at = instant(available)
            told = f"the circuit of {target} is open until {write_time(at)}"
            yield Cause(Why.BREAKER, told, until=at, data={"target": target})


def _kind(fold: Fold, step: int) -> int:
    return fold.plan.line_of[step].kind


def _takes(fold: Fold, step: int, resource: int) -> bool:
    demand = fold.plan.line_of[step].demand
    return any(index == resource for index, _ in demand)


def _holders(fold: Fold, steps: Iterable[int]) -> list[str]:
    return [fold.plan.steps[step].id for step in islice(steps, HOLDERS)]


def _by(holders: list[str]) -> str:
    return f", while these run: {', '.join(holders)}{' …' if len(holders) == HOLDERS else ''}" if holders else ""
