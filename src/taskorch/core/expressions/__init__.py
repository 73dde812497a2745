"""The language of conditions of steps, alerts and rules: checked when it is read, compiled, never ``eval``.

``always`` · ``on_success(a, …)`` all completed · ``on_failure(a, …)`` at least one failed, allowed or not ·
``on_skip(a, …)`` at least one skipped · ``on_complete(a, …)`` all have ended, however · ``and or not`` ·
comparisons of fields: ``== != < <= > >= in``, ``not in``, chained as in Python. Names that are no identifiers
are quoted: ``on_success("test[0]")``, ``steps["a.b"].output.rows > 0`` (design §7).

- What is **absent** (a key that is not there, the output of a step that did not complete) makes every
  comparison false, ``!=`` and ``not in`` too. ``"rows" in steps.x.output`` asks whether it is there.
- **null** equals null alone and has no order: with it ``<`` and its kin are false. ``x != null``: x has a value.
- Unlike kinds are unequal; asking for their order raises ``UndecidableCondition``, which never shows a value.
- Numbers compare exactly; true and false are no numbers. Texts compare by code points; beside a duration or a
  time a text is read as one (``"24h"``, ``"2026-11-20T10:00:00Z"``). An *order* of free-form data with such a text is
  one of durations or times, so that ``"3h" < "24h"``, and so is the order of two free-form texts that both read so;
  ``==`` and ``in`` take texts as they are written.
- A field alone must be true or false; absent and null count as false.
- ``in`` looks into a list, an array, an object (for a key) or a text (for a part of it).

The text passes a tokenizer with bounds before the standard parser sees it, and of the tree only a few node
types are let through. Values are reached through mappings and sequences; no attribute of an object is touched.
"""

from taskorch.core.expressions.condition import Condition, check_alert, check_condition, check_source, parse
from taskorch.core.expressions.kinds import Kind
from taskorch.core.expressions.source import MAX_DEPTH, MAX_LENGTH, MAX_NODES
from taskorch.core.expressions.vocabulary import ALERTS, STEPS, Vocabulary

__all__ = [
    "ALERTS",
    "MAX_DEPTH",
    "MAX_LENGTH",
    "MAX_NODES",
    "STEPS",
    "Condition",
    "Kind",
    "Vocabulary",
    "check_alert",
    "check_condition",
    "check_source",
    "parse",
]
