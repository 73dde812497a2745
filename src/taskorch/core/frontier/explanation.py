"""Why a step has not started, or how it ended: structured, for people and programs."""

from collections.abc import Sequence

import attrs

from taskorch.core.documents import JSON
from taskorch.core.frontier.blockers import blockers, link_standings
from taskorch.core.frontier.causes import Cause, LinkStanding, Why
from taskorch.core.frontier.endings import admission, endings
from taskorch.core.frontier.ends import End
from taskorch.core.frontier.facts import IN_PROGRESS, QUEUED, STATES
from taskorch.core.frontier.fold import OPEN, Fold
from taskorch.core.outcomes import Outcome
from taskorch.core.states import State

TOLD = 5
"""So many causes stand in a sentence."""


@attrs.frozen
class Explanation:
    """What is known about one step at one moment.

    Attributes:
        step: Its id.
        state: Where it stands.
        outcome: How it ended, or None.
        causes: Why it stands there, the most important first; never empty.
        links: How the links into it stand.
        reason: In one sentence.
    """

    step: str
    state: State
    outcome: Outcome | None
    causes: tuple[Cause, ...]
    links: tuple[LinkStanding, ...]
    reason: str

    @property
    def waits_for(self) -> tuple[str, ...]:
        """The predecessors that it still waits for, each once."""
        return tuple(dict.fromkeys(link.predecessor for link in self.links if not link.is_settled))

    @property
    def unmet(self) -> tuple[LinkStanding, ...]:
        """Its links that were not met."""
        return tuple(link for link in self.links if link.is_met is False)

    def __str__(self) -> str:
        return f"{self.step}: {self.reason}"

    def to_dict(self) -> dict[str, JSON]:
        """The same as JSON data."""
        return {
            "step": self.step,
            "state": self.state.value,
            "outcome": None if self.outcome is None else self.outcome.value,
            "reason": self.reason,
            "causes": [cause.to_dict() for cause in self.causes],
            "links": [link.to_dict() for link in self.links],
        }


def explain(fold: Fold, id: str) -> Explanation:
    """Why the step *id* stands where it stands, at any time of a run.

    A step that has not ended has at least one cause: what it waits for, or who works on it (design §1).

    Raises:
        KeyError: There is no such step.
    """
    step = fold.plan.index[id]
    links = link_standings(fold, step)
    state, end = STATES[fold.states[step]], fold.ends[step]
    is_open = end == OPEN
    causes = blockers(fold, step, links) if is_open else endings(fold, step, links)
    if is_open and fold.states[step] in (QUEUED, IN_PROGRESS):
        causes.append(admission(fold, step, links))
    return Explanation(
        step=id,
        state=state,
        outcome=None if is_open else End(end).outcome,
        causes=tuple(causes),
        links=tuple(links),
        reason=_sentence(state, causes),
    )


_LINKS = (Why.LINK, Why.LAG)
_READY = (Why.SLOT, Why.RESOURCE, Why.TURN, Why.BREAKER, Why.PAUSE)


def _sentence(state: State, causes: Sequence[Cause]) -> str:
    told = "; ".join(cause.text for cause in causes[:TOLD])
    if len(causes) > TOLD:
        told += f"; and {len(causes) - TOLD} more"
    code = causes[0].code
    if code in _LINKS:
        return f"{'it waits' if state is State.CREATED else 'its body has ended, its finish waits'}: {told}"
    return f"it is ready and waits: {told}" if code in _READY else told
