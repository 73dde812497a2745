"""Why a step has not started, or how it ended: structured, for people and programs."""

import attrs

from taskorch.core.frontier.facts import STATES
from taskorch.core.frontier.frontier import OPEN, Frontier
from taskorch.core.frontier.plan import End
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
    for source, links in enumerate(plan.on_finish):
        for successor, mask in links:
            if successor == target and frontier.ends[source] == OPEN:
                waits_for.append(plan.steps[source].id)
            elif successor == target and not mask >> frontier.ends[source] & 1:
                unmet.append((plan.steps[source].id, End(frontier.ends[source]).outcome))
    state = STATES[frontier.states[target]]
    end = frontier.ends[target]
    outcome = None if end == OPEN else End(end).outcome
    reason = _reason(frontier, target, state, outcome, waits_for, unmet)
    return Explanation(id, state, outcome, tuple(waits_for), tuple(unmet), reason)


def _reason(
    frontier: Frontier,
    step: int,
    state: State,
    outcome: Outcome | None,
    waits_for: list[str],
    unmet: list[tuple[str, Outcome]],
) -> str:
    detail = frontier.details[step]
    match outcome, state:
        case Outcome.COMPLETED, _:
            return "its body ended well"
        case Outcome.FAILED, _:
            return f"its last attempt failed: {detail.get('message', '')}"
        case Outcome.SKIPPED, _:
            return "its own condition was false"
        case Outcome.OMITTED, _:
            links = ", ".join(f"{id} ended as {end}" for id, end in unmet)
            return f"a link was not met: {links}" if links else "its condition on other steps was not met"
        case Outcome.CANCELLED, _:
            return f"it was cancelled: {detail}"
        case None, State.CREATED:
            return f"it waits for {', '.join(waits_for)}"
        case None, State.FAILED:
            return "it waits for its next attempt"
        case None, State.IN_PROGRESS:
            return "its body runs"
    return "it is ready and waits for a free slot"
