"""The record of an escalation, in D0's exact format ("Format d'Escalade")."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import ClassVar, Final, Self
from unicodedata import category

import attrs

from taskorch.core import json_text
from taskorch.core.copies import changed
from taskorch.core.documents import EMPTY, JSON, Document
from taskorch.core.envelopes import EnvelopedDocument
from taskorch.core.escalation.urgencies import ANSWER_WITHIN, Urgency, as_urgency, check_urgency
from taskorch.core.groups import check_count, check_id
from taskorch.core.json_text import described
from taskorch.core.members import member
from taskorch.core.texts import check_text
from taskorch.errors import InvalidDocument, InvalidEscalation, Problem

LONGEST_ACTOR: Final = 1_000
"""Characters of who acknowledges or resolves."""
_BREAKING: Final = ("Cc", "Zl", "Zp")  # the categories of what breaks lines or acts on a display
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_code(code: object) -> Iterator[Problem]:
    """What keeps *code* from being the code of a rule."""
    if not (isinstance(code, str) and _CODE.fullmatch(code)):
        hint = "up to 64 letters, digits and . _ - beginning with a letter or digit"
        yield Problem("", f"{str(code)[:40]!r} is not a code", hint)


def check_words(words: object) -> Iterator[Problem]:
    """What keeps *words* from being something that a person can read."""
    if not (isinstance(words, str) and words.strip()):
        yield Problem("", "is empty" if isinstance(words, str) else f"expected a string, got {described(words)}")
    else:
        yield from json_text.check(words)


def check_actor(by: object) -> Iterator[Problem]:
    """What keeps *by* from being the name of somebody who acts: words on one line, and not too many of them."""
    if problems := list(check_words(by)):
        yield from problems
    elif isinstance(by, str) and len(by) > LONGEST_ACTOR:
        yield Problem("", f"has {len(by):,} characters; at most {LONGEST_ACTOR:,}")
    elif isinstance(by, str) and any(category(char) in _BREAKING for char in by):
        yield Problem("", "holds a line break or another control character")


def check_optional_words(words: object) -> Iterator[Problem]:
    """The same for what may be None."""
    if words is not None:
        yield from check_words(words)


def _check_context(context: object) -> Iterator[Problem]:
    if not isinstance(context, Mapping):
        yield Problem("", f"expected an object, got {described(context)}")
    else:
        yield from json_text.check(context)


def members_of(data: Mapping[str, JSON]) -> dict[str, JSON]:
    """A copy of an object, down to the last array."""
    return {key: own(item) for key, item in data.items()}


def own(value: JSON) -> JSON:
    """A copy of JSON data down to the last object and array."""
    if isinstance(value, Mapping):
        return members_of(value)
    return [own(item) for item in value] if isinstance(value, list | tuple) else value


def _check_time(at: object) -> Iterator[Problem]:
    if not isinstance(at, datetime):
        yield Problem("", f"expected a time, got {described(at)}", "give a datetime with a zone")
    elif at.utcoffset() is None:
        yield Problem("", "is a time without a zone", "give it one, such as UTC")
    elif at.year < 2:
        yield Problem("", "is before all escalations", "give a time of today")


def _check_optional_time(at: object) -> Iterator[Problem]:
    if at is not None:
        yield from _check_time(at)


@attrs.frozen
class Marks(Document):
    """What D0 has no place for: the group ``x-taskorch`` of a record, written only where there is something.

    Attributes:
        level: The place on the ladder; 0 for the first to be told.
        raised_at: When, where that does not follow from the deadline and the usual time for an answer.
        acknowledged_at: When somebody took it on.
        acknowledged_by: Who.
        resolved_at: When it was settled.
        resolved_by: Who settled it; ``AUTOMATIC`` where its condition ceased to hold.
    """

    level: int = member(0, check=check_count)
    raised_at: datetime | None = member(None, check=_check_optional_time)
    acknowledged_at: datetime | None = member(None, check=_check_optional_time)
    acknowledged_by: str | None = member(None, check=check_optional_words)
    resolved_at: datetime | None = member(None, check=_check_optional_time)
    resolved_by: str | None = member(None, check=check_optional_words)

    invalid: ClassVar[type[InvalidDocument]] = InvalidEscalation

    def __attrs_post_init__(self) -> None:
        for deed in ("acknowledged", "resolved"):
            if getattr(self, f"{deed}_by") is not None and getattr(self, f"{deed}_at") is None:
                raise InvalidEscalation.because("says who, but not when", f"add {deed}_at", f"{deed}_by")


def _check_marks(marks: object) -> Iterator[Problem]:
    if not isinstance(marks, Marks):
        yield Problem("", f"expected Marks, got {type(marks).__name__}")


AUTOMATIC = "taskorch/escalation"
"""Who is said to have resolved what was no longer so."""


@attrs.frozen
class Escalation(EnvelopedDocument):
    """Somebody is told that a task needs them. Keys are those of D0's document, in its order.

    Attributes:
        task_id: The task.
        reason: The code of the rule.
        urgency: How soon somebody must act.
        context: What they need to know: the state, the blocker where blocked, and what the rule names.
        suggested_action: What they could do.
        escalated_to: Who is told.
        deadline: When an answer is due.
        marks: Level, and who has acknowledged or resolved it.
    """

    task_id: str = member(check=check_id)
    reason: str = member(check=check_code)
    urgency: Urgency = member(check=check_urgency, converter=as_urgency)
    context: Mapping[str, JSON] = member(EMPTY, check=_check_context)
    suggested_action: str = member(check=check_text)
    escalated_to: str = member(check=check_words)
    deadline: datetime = member(check=_check_time)
    marks: Marks = member(factory=Marks, key="x-taskorch", sparse=True, check=_check_marks)

    wrapper: ClassVar[str] = "escalation"
    invalid: ClassVar[type[InvalidDocument]] = InvalidEscalation

    @property
    def level(self) -> int:
        """The place on the ladder; 0 for the first to be told."""
        return self.marks.level

    @property
    def key(self) -> str:
        """``<task>/<rule>/<level>``: what makes it the only one; under it a message is sent at most once."""
        return f"{self.task_id}/{self.reason}/{self.level}"

    @property
    def raised_at(self) -> datetime:
        """When it was raised."""
        return self.marks.raised_at or self.deadline - ANSWER_WITHIN[self.urgency]

    @property
    def is_acknowledged(self) -> bool:
        """Whether somebody has taken it on."""
        return self.marks.acknowledged_at is not None

    @property
    def is_resolved(self) -> bool:
        """Whether it is settled."""
        return self.marks.resolved_at is not None

    def detached(self) -> Self:
        """The same record with data of its own: who writes into its context writes into no other's."""
        return changed(self, context=members_of(self.context), extensions=members_of(self.extensions))

    def as_raised(self, at: datetime) -> Self:
        """The record as raised at *at* (UTC).

        That is written down only where it does not follow from the deadline, so that a first record looks
        exactly as in D0.
        """
        return self if self.raised_at == at else attrs.evolve(self, marks=attrs.evolve(self.marks, raised_at=at))
