"""What is wrong with a document, all of it at once, each with its place."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

from taskorch.errors.root import CallerError, quoted

_LONGEST_PATH = 1000


class Problem(NamedTuple):
    """One thing that is wrong with a document.

    Attributes:
        path: Where, as ``workflow.steps[2].timeout``; empty for the document as a whole.
        message: What is wrong there.
        hint: How to mend it, or an empty string.
        line: The line in the text (1-based), where the document was read from text.
    """

    path: str
    message: str
    hint: str = ""
    line: int | None = None

    def __str__(self) -> str:
        where = self.path or "document"
        if len(where) > _LONGEST_PATH:  # keys are what others wrote
            where = f"{where[:_LONGEST_PATH]}…"
        if self.line is not None:
            where += f" (line {self.line})"
        return f"{where}: {self.message}" + (f" ({self.hint})" if self.hint else "")


class InvalidDocument(CallerError):
    """A document was refused; nothing of it was taken over.

    Attributes:
        problems: Everything that is wrong, in the order of the document.
        source: The name of the file, or None.
    """

    noun = "document"

    def __init__(self, problems: Iterable[Problem], source: str | None = None) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        self.source = source
        super().__init__()

    @classmethod
    def because(cls, message: str, hint: str = "", path: str = "", source: str | None = None) -> Self:
        """The error with a single problem."""
        error = cls([Problem(path, message, hint)])
        error.source = source
        return error

    def __str__(self) -> str:
        count = len(self.problems)
        head = f"invalid {self.noun}" + (f" {quoted(self.source)}" if self.source else "")
        return "\n  ".join([f"{head}: {count} problem{'s' * (count != 1)}", *map(str, self.problems)])


class InvalidTask(InvalidDocument):
    """A task's document was refused."""

    noun = "task"


class InvalidWorkflow(InvalidDocument):
    """A workflow was refused, as a document or as built in Python."""

    noun = "workflow"


class CycleError(InvalidWorkflow):
    """The links of a workflow form a circle, so that no order of its events exists.

    Attributes:
        cycle: The ids of the steps on one such circle, in order.
    """

    def __init__(self, problems: Iterable[Problem], cycle: Sequence[str], source: str | None = None) -> None:
        super().__init__(problems, source)
        self.cycle = tuple(cycle)


class InvalidQueue(InvalidDocument):
    """The description of a queue was refused."""

    noun = "queue"


class InvalidCalendar(InvalidDocument):
    """A calendar of working hours was refused."""

    noun = "calendar"


class InvalidRule(InvalidDocument):
    """A rule by which tasks are judged was refused: one of escalation, or the weights of a score."""

    noun = "rule"


class InvalidEscalation(InvalidDocument):
    """The record of an escalation, or what was asked about one, was refused."""

    noun = "escalation"


class InvalidRecord(InvalidDocument):
    """A record for the audit trail was refused; nothing was written."""

    noun = "audit record"


class InvalidCondition(InvalidDocument):
    """The text of a condition was refused.

    Attributes:
        text: The condition, without white space around it; None if it is empty or far too long.
        place: The character of it, from 0, at which the problem lies.
    """

    noun = "condition"

    def __init__(
        self, problems: Iterable[Problem], source: str | None = None, *, text: str | None = None, place: int = 0
    ) -> None:
        super().__init__(problems, source)
        self.text, self.place = text, place

    def __str__(self) -> str:
        # A condition is one line: there is no path to tell, unless a document gave it one.
        told = (str(p) if p.path else p.message + (f" ({p.hint})" if p.hint else "") for p in self.problems)
        return f"invalid condition: {'; '.join(told)}"


class InvalidWindow(InvalidDocument):
    """A stretch of time to measure, or the time of asking, was refused."""

    noun = "window"


class InvalidTarget(InvalidDocument):
    """The target of a key figure was refused."""

    noun = "target"


class InvalidReport(InvalidDocument):
    """What a report was to be made of, or what steps were said to have reported, was refused."""

    noun = "report"


class InvalidPolicy(InvalidDocument, ValueError):
    """A policy of retries or of a circuit breaker, or the time of asking one, was refused."""

    noun = "policy"


class InvalidEvent(InvalidDocument):
    """An event cannot be counted; nothing was changed."""

    noun = "event"
