"""The record of the audit trail: who did what to what, when and why, as members of one line."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

import attrs

from taskorch.core import json_text
from taskorch.core.times import in_utc, write_time
from taskorch.errors import InvalidRecord, Problem

LONGEST_NAME: Final = 1_000
"""Characters of an actor, verb, subject, step or state; more is cut, with a mark that says so."""
LONGEST_REASON: Final = 10_000
"""Characters of a reason; more is cut, with a mark that says so."""
LONGEST_DETAILS: Final = 32 * 1024
"""Bytes of further details as JSON; more is refused."""

# What json leaves as it is and yet breaks lines, turns the direction of text, is invisible, or is half a character.
_ACTIVE = re.compile(
    "[\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)


@attrs.frozen(kw_only=True)
class Record:
    """Who did what to what, when and why.

    Attributes:
        actor: Who did it.
        verb: What was done.
        subject: The id of what it was done to: a task, a run.
        at: When.
        before: The state before, or None if it is not about a state.
        after: The state since, or None.
        before_version: The version before, or None if the subject has none.
        version: The version it led to, or None.
        reason: Why, or None.
        step: The step of the run, or None for the task itself.
        attempt: Which try of its body; 0 if none.
        details: Whatever else is worth keeping, as plain JSON data.
    """

    actor: str
    verb: str
    subject: str
    at: datetime
    before: str | None = None
    after: str | None = None
    before_version: int | None = None
    version: int | None = None
    reason: str | None = None
    step: str | None = None
    attempt: int = 0
    details: Mapping[str, object] = attrs.field(factory=dict)

    def members(self) -> dict[str, object]:
        """Its members as the line has them.

        Raises:
            InvalidRecord: Something given is of the wrong kind, or the details are too large.
        """
        if problems := list(self._problems()):
            raise InvalidRecord(problems)
        members: dict[str, object] = {
            "at": write_time(self.at),
            "actor": _cut(self.actor),
            "verb": _cut(self.verb),
            "subject": _cut(self.subject),
            "step": _cut(self.step),
            "attempt": self.attempt,
            "before": _cut(self.before),
            "after": _cut(self.after),
            "before_version": self.before_version,
            "version": self.version,
            "reason": _cut(self.reason, LONGEST_REASON),
        }
        if self.details:
            members["details"] = self.details
        return members

    def _problems(self) -> Iterator[Problem]:
        for name in ("actor", "verb", "subject"):
            if not isinstance(getattr(self, name), str):
                yield Problem(name, "is no text")
        for name in ("before", "after", "reason", "step"):
            if not isinstance(getattr(self, name), str | None):
                yield Problem(name, "is no text")
        for name in ("attempt", "version", "before_version"):
            if not _is_count(getattr(self, name), may_be_none=name != "attempt"):
                yield Problem(name, "is no whole number from 0")
        yield from _time_problems("at", self.at)
        yield from _detail_problems(self.details)


def written(members: Mapping[str, object]) -> bytes:
    """The members as JSON on one line, readable and harmless: whatever is no plain text is escaped."""
    text = json.dumps(members, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=dict)
    return _ACTIVE.sub(lambda match: json.dumps(match[0])[1:-1] if match[0] != "\x7f" else r"\u007f", text).encode()


def _cut(text: str | None, limit: int = LONGEST_NAME) -> str | None:
    if text is None or len(text) <= limit:
        return text if text is None else str(text)
    return f"{text[:limit]}… (+{len(text) - limit} characters)"


def _is_count(value: object, *, may_be_none: bool) -> bool:
    if value is None:
        return may_be_none
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def checked_time(name: str, at: datetime) -> str:
    """*at* as records write it; raises ``InvalidRecord`` if it has no zone or is beyond the calendar."""
    if problems := list(_time_problems(name, at)):
        raise InvalidRecord(problems)
    return write_time(at)


def _time_problems(name: str, at: object) -> Iterator[Problem]:
    try:
        in_utc(at, name, InvalidRecord)
    except InvalidRecord as error:
        yield from error.problems


def _detail_problems(details: object) -> Iterator[Problem]:
    if not isinstance(details, Mapping):
        yield Problem("details", "are no object")
        return
    problems = json_text.check(details, json_text.Limits(depth=8, keys=1_000))
    for problem in problems:
        yield problem._replace(path=json_text.join("details", problem.path))
    if not problems and (size := len(written(details))) > LONGEST_DETAILS:
        yield Problem("details", f"are {size:,} bytes of JSON", f"at most {LONGEST_DETAILS:,}")
