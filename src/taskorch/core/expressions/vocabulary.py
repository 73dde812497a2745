"""What a condition may speak of: the roots of its fields, what is known of them, and status functions."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from enum import StrEnum
from keyword import iskeyword

import attrs

from taskorch.core.expressions.kinds import Kind
from taskorch.core.outcomes import Outcome

Shape = Kind | type[StrEnum] | Mapping[str, "Shape"] | AbstractSet[str] | None
"""What is known of a field: its kind, its words, its own fields, or nothing (None: free-form data)."""

EACH = "*"
"""In a mapping of fields: any other name, such as the id of a step."""

STATUS_FUNCTIONS = ("on_success", "on_failure", "on_skip", "on_complete")
CONSTANTS: Mapping[str, object] = {"true": True, "false": False, "null": None}
"""JSON's spelling; the parser knows Python's."""


@attrs.frozen(eq=False)
class Vocabulary:
    """The names that conditions of one sort may use.

    Attributes:
        roots: What fields begin with, and what is known of each: a ``Kind``, a ``StrEnum`` (its words), a
            mapping or a set of the fields it has (``EACH`` for any other), or None for free-form data.
        status_functions: Whether ``always``, ``on_success(…)`` and the like may be used.
        reasons: Why fields that somebody may look for are not there, by their names as ``step.duration``.
    """

    roots: Mapping[str, Shape] = attrs.field()
    status_functions: bool = False
    reasons: Mapping[str, str] = attrs.field(factory=dict)

    @roots.validator
    def _check_roots(self, _: object, roots: Mapping[str, Shape]) -> None:
        for name in roots:
            private = name.startswith("_") or not name.isidentifier() or iskeyword(name)
            if private or name in CONSTANTS or name in ("always", *STATUS_FUNCTIONS):
                raise ValueError(f"{name!r} cannot be the root of fields in a condition; choose another name")


_ENDED: Shape = {"output": None, "status": Outcome, "duration": Kind.MILLISECONDS, "attempts": Kind.NUMBER}
_NAMED: Mapping[str, Shape] = {"id": Kind.TEXT, "name": Kind.TEXT}
_RUNNING: Mapping[str, Shape] = {
    "status": Kind.TEXT,
    "duration": Kind.MILLISECONDS,
    "attempt": Kind.NUMBER,
    "attempts": Kind.NUMBER,
}
_SHARED: Mapping[str, Shape] = {"steps": {EACH: _ENDED}, "context": None, "params": None}

ALERTS = Vocabulary({**_SHARED, "step": {**_NAMED, **_RUNNING}}, status_functions=True)
"""What conditions of alerts may use (design §7): ``step`` is whichever step is under way."""

STEPS = Vocabulary(
    {**_SHARED, "step": _NAMED},
    status_functions=True,
    reasons={f"step.{name}": "a step's condition is decided before it starts; ask in an alert" for name in _RUNNING},
)
"""What a step's own condition may use (design §7)."""

SOURCES = Vocabulary({"steps": {EACH: {"output": None}}, "context": None, "params": None})
"""What a step may be mapped over (design §7)."""


_RUN: Mapping[str, Shape] = {
    "id": Kind.TEXT,
    "name": Kind.TEXT,
    "status": Kind.TEXT,
    "duration": Kind.MILLISECONDS,
}

MESSAGES = Vocabulary({"workflow": _RUN, "step": {**_NAMED, **_RUNNING}, **_SHARED})
"""What the message of an alert may show (D4): ``step`` is the step it tells of."""

PAYLOADS = Vocabulary(
    {"workflow": _RUN, **_SHARED},
    reasons={"step": "a webhook tells of the whole run; name a step: {steps.x.status}"},
)
"""What the payload of a webhook may show (D4)."""

COMMANDS = Vocabulary(
    {
        "params": None,
        "context": None,
        "steps": {EACH: _ENDED},
        "workflow": {"id": Kind.TEXT, "name": Kind.TEXT},
        "step": {**_NAMED, "attempt": Kind.NUMBER},
    },
    reasons={"param": "did you mean 'params'?"},
)
"""What the arguments of a command may hold."""
