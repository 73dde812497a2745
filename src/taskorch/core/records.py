"""The record of the audit trail: who did what to what, when and why, as members of one line."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final, overload

import attrs

from taskorch.core import json_text
from taskorch.core.times import in_utc, write_time
from taskorch.core.visible_text import visible_json
from taskorch.errors import InvalidRecord, Problem

LONGEST_NAME: Final = 1_000
"""Characters of an actor, verb, subject, step or state; more is cut, with a mark that says so."""
LONGEST_REASON: Final = 10_000
"""Characters of a reason; more is cut, with a mark that says so."""
LONGEST_DETAILS: Final = 32 * 1024
"""Bytes of further details as JSON; more is refused."""
DEEPEST_DETAILS: Final = 8
"""Levels of objects and arrays in further details; more are refused."""

_NAMING: Final = {
    "actor": "say who it was",
    "verb": "say what was done",
    "subject": "give the id of what it was done to",
}


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
            "actor": cut(self.actor),
            "verb": cut(self.verb),
            "subject": cut(self.subject),
            "step": cut(self.step),
            "attempt": self.attempt,
            "before": cut(self.before),
            "after": cut(self.after),
            "before_version": self.before_version,
            "version": self.version,
            "reason": cut(self.reason, LONGEST_REASON),
        }
        if self.details:
            members["details"] = self.details
        return members

    def require_names(self) -> None:
        """Raise ``InvalidRecord`` where nobody did it, nothing was done, or to nothing, as far as the texts tell.

        That is for records made by hand. An event of a task is recorded as it is: the trail loses none.
        """
        texts = {name: getattr(self, name) for name in ("actor", "verb", "subject")}
        if blank := [name for name, text in texts.items() if isinstance(text, str) and not text.strip()]:
            raise InvalidRecord(Problem(name, "is blank", _NAMING[name]) for name in blank)

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
    return visible_json(text).encode()


@overload
def cut(text: str, limit: int = LONGEST_NAME) -> str: ...
@overload
def cut(text: str | None, limit: int = LONGEST_NAME) -> str | None: ...
def cut(text: str | None, limit: int = LONGEST_NAME) -> str | None:
    """*text*, or its first *limit* characters with a mark that says how many more there were."""
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
    problems = list(_walk(details))
    if not problems and (size := len(written(details))) > LONGEST_DETAILS:
        problems = [Problem("details", f"are {size:,} bytes of JSON", f"at most {LONGEST_DETAILS:,}")]
    yield from problems


def _walk(details: Mapping[object, object]) -> Iterator[Problem]:
    # Counted while they are walked: no more is looked at than could be written. Any text will do, as it is escaped.
    waiting: list[tuple[str, object, int]] = [("details", details, 1)]
    least = 0
    while waiting:
        path, item, depth = waiting.pop()
        least += _least(item)
        if least > LONGEST_DETAILS:
            yield Problem("details", "are too large", f"at most {LONGEST_DETAILS:,} bytes of JSON")
            return
        if isinstance(item, Mapping | list | tuple) and depth > DEEPEST_DETAILS:
            yield Problem(path, f"is nested deeper than {DEEPEST_DETAILS} levels")
        elif isinstance(item, Mapping):
            for key in (key for key in item if not isinstance(key, str)):
                yield Problem(path, f"has a key of type {type(key).__name__}", "keys are strings")
            waiting.extend((json_text.child(path, str(key)), member, depth + 1) for key, member in item.items())
        elif isinstance(item, list | tuple):
            waiting.extend((json_text.child(path, index), member, depth + 1) for index, member in enumerate(item))
        elif not isinstance(item, str):
            yield from (problem._replace(path=path) for problem in json_text.check(item))


def _least(item: object) -> int:
    # The bytes it takes at least as JSON, but for one of its own that its container has counted.
    match item:
        case str():
            return len(item) + 1
        case Mapping():
            size = 5 * len(item)
            return size if size > LONGEST_DETAILS else size + sum(len(key) for key in item if isinstance(key, str))
        case list() | tuple():
            return 2 * len(item)
        case int():
            return item.bit_length() // 5
    return 0
