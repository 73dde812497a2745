"""What rules can ask about a task: the facts ``task.*``, their kinds, and what they are in words."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import attrs

from taskorch.core.expressions import Kind, Vocabulary
from taskorch.core.expressions.vocabulary import Shape
from taskorch.core.sla import SlaStatus
from taskorch.core.states import State


@attrs.frozen
class Fact:
    """What there is to know of one fact.

    Attributes:
        shape: Its kind; the enum of its words where it has few; None for free-form data.
        words: What it is, as the documentation says it. Where that is not so the fact is *absent*, and every comparison
            with it false.
    """

    shape: Shape
    words: str


CONTEXT: Final = "context"
DEADLINE: Final = "deadline"

FACTS: Final[Mapping[str, Fact]] = MappingProxyType(
    {
        "id": Fact(Kind.TEXT, "the task"),
        "title": Fact(Kind.TEXT, "what is to be done"),
        "type": Fact(Kind.TEXT, "the kind of work"),
        "skill": Fact(Kind.TEXT, "the skill that does it"),
        "entry_point": Fact(Kind.TEXT, "where in that skill"),
        "state": Fact(State, 'where it stands: `"BLOCKED"`'),
        "previous": Fact(State, "where it stood before; absent when it is new"),
        "final": Fact(Kind.BOOLEAN, "whether nothing more can happen to it: completed, cancelled, or failed for good"),
        "queue": Fact(Kind.TEXT, "the queue it is in; absent before it entered one"),
        "score": Fact(Kind.NUMBER, "its priority, 0 to 100"),
        "factors": Fact(Kind.ARRAY, 'why: `"existing_client" in task.factors`'),
        "progress": Fact(Kind.NUMBER, "percent"),
        "current_step": Fact(Kind.TEXT, "what it is doing; absent where nobody said"),
        "assigned_to": Fact(Kind.TEXT, "who does it; absent where nobody does"),
        "parent": Fact(Kind.TEXT, "the task it is part of; absent where there is none"),
        "attempts": Fact(Kind.NUMBER, "the tries so far"),
        "retries": Fact(
            Kind.NUMBER, "those after the first; also after a lost worker: a task does not keep what ended each"
        ),
        "reason": Fact(Kind.TEXT, "why the last change was made; for a failure, the error; absent where nobody said"),
        "blocker": Fact(Kind.TEXT, "what it waits for; absent unless BLOCKED"),
        "blocked_since": Fact(Kind.TIME, "since when; absent unless BLOCKED"),
        "blocked_for": Fact(Kind.DURATION, "how long; absent unless BLOCKED, and while it is merely paused"),
        "waiting_for": Fact(
            Kind.DURATION, "how long it has been in its queue; absent unless QUEUED, SCHEDULED or ON_HOLD"
        ),
        "in_state_for": Fact(Kind.DURATION, "how long it has stood where it stands"),
        "age": Fact(Kind.DURATION, "how long ago it was created; stands still once it is final"),
        DEADLINE: Fact(Kind.TIME, "when it is due; absent without a service level"),
        "remaining": Fact(
            Kind.DURATION, "the time left until then, below zero once it is late; absent without a deadline"
        ),
        "sla_status": Fact(SlaStatus, "`none on_track at_risk breached`, once final `met missed`"),
        "blocked_by": Fact(Kind.ARRAY, "the ids of the tasks it depends on"),
        "in_conflict": Fact(Kind.BOOLEAN, "whether they can never all be done, as `dependency_conflicts` found"),
        "conflict": Fact(Kind.TEXT, "why; absent where they can"),
        CONTEXT: Fact(None, "its free context: `task.context.client.name`"),
    }
)
"""Every fact by its name."""

VOCABULARY: Final = Vocabulary({"task": {name: fact.shape for name, fact in FACTS.items()}})
"""What the conditions of rules may speak of."""

DURATIONS: Final = frozenset(name for name, fact in FACTS.items() if fact.shape is Kind.DURATION)
"""The facts that pass with time."""

CONFLICT: Final = frozenset({"in_conflict", "conflict"})
"""The facts that take a look at all tasks."""
