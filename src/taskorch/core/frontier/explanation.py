"""Why a step has not started, or how it ended: structured, for people and programs."""

from typing import Any

import attrs

from taskorch.core.frontier.ends import End
from taskorch.core.frontier.facts import STATES
from taskorch.core.frontier.fold import OPEN
from taskorch.core.frontier.frontier import Frontier
from taskorch.core.outcomes import Outcome
from taskorch.core.states import State


@attrs.frozen
class Explanation:
    """What is known about one step at one moment.

    Attributes:
        step: Its id.
        state: Where it stands.
        outcome: How it ended, or None.
        waits_for: The ids of the predecessors that have not ended yet.
        unmet: Its links that were not satisfied, as predecessor's id and outcome.
        reason: In one sentence.
    """

    step: str
    state: State
    outcome: Outcome | None
    waits_for: tuple[str, ...]
    unmet: tuple[tuple[str, Outcome], ...]
    reason: str


def explain(frontier: Frontier, id: str) -> Explanation:
    """Why the step *id* stands where it stands; ``KeyError`` if there is none."""
    plan = frontier.plan
    target = plan.index[id]
    waits_for, unmet = [], []
    for source, links in enumerate(plan.couplings.on_finish):
        for successor, mask in links:
            if successor == target and frontier.ends[source] == OPEN:
                waits_for.append(plan.steps[source].id)
            elif successor == target and not mask >> frontier.ends[source] & 1:
                unmet.append((plan.steps[source].id, End(frontier.ends[source]).outcome))
    state = STATES[frontier.states[target]]
    end = frontier.ends[target]
    outcome = None if end == OPEN else End(end).outcome
    return Explanation(
        step=id,
        state=state,
        outcome=outcome,
        waits_for=tuple(waits_for),
        unmet=tuple(unmet),
        reason=_end(outcome, frontier.details[target], unmet)
        if outcome
        else _WAITING[state].format(", ".join(waits_for)),
    )


_WAITING = {
    State.CREATED: "it waits for {}",
    State.QUEUED: "it is ready and waits for a free slot",
    State.IN_PROGRESS: "its body runs",
    State.FAILED: "it waits for its next attempt",
}


def _end(outcome: Outcome, detail: Any, unmet: list[tuple[str, Outcome]]) -> str:  # Any: as in a fact
    links = ", ".join(f"{id} ended as {end}" for id, end in unmet)
    match outcome:
        case Outcome.FAILED:
            return f"its last attempt failed: {detail['message']}"
        case Outcome.OMITTED:
            return f"a link was not met: {links}" if links else "its condition on other steps was not met"
        case Outcome.CANCELLED:
            return f"it was cancelled: {detail}"
    return {Outcome.COMPLETED: "its body ended well", Outcome.SKIPPED: "its own condition was false"}[outcome]
