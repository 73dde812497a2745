"""Which queue a task goes to: one table, read from the top (design §6)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple


class Chooser(StrEnum):
    """What of a task chooses its queue."""

    EXPLICIT = "explicit"
    """The queue that it names."""
    DATE = "date"
    """The date it is to start at."""
    LABEL = "label"
    """A label among the factors of its priority."""
    SCORE = "score"
    """The score of its priority."""


class Choice(NamedTuple):
    """A row: whatever is so of a task sends it to a queue.

    Attributes:
        by: What is looked at.
        queue: Where to; None for the queue that is named.
        labels: The labels that choose it, read without regard to case and to space around them.
        least: The lowest score that chooses it.
    """

    by: Chooser
    queue: str | None
    labels: tuple[str, ...] = ()
    least: int = 0


QUEUE_CHOICE: Final = (
    Choice(Chooser.EXPLICIT, None),
    Choice(Chooser.DATE, "scheduled"),
    Choice(Chooser.LABEL, "critical", ("critical",)),
    Choice(Chooser.LABEL, "urgent", ("P1", "urgent")),
    Choice(Chooser.LABEL, "high_priority", ("P2", "high", "high_priority")),
    Choice(Chooser.LABEL, "normal", ("P3", "medium", "normal")),
    Choice(Chooser.LABEL, "low_priority", ("P4", "low", "low_priority")),
    Choice(Chooser.LABEL, "backlog", ("backlog",)),
    Choice(Chooser.SCORE, "critical", least=95),
    Choice(Chooser.SCORE, "urgent", least=85),
    Choice(Chooser.SCORE, "high_priority", least=70),
    Choice(Chooser.SCORE, "normal", least=40),
    Choice(Chooser.SCORE, "low_priority", least=1),
    Choice(Chooser.SCORE, "backlog", least=0),
)
"""The first row that holds chooses; of several labels the first of the task. A queue that has a band of scores may be
named as a label too."""

LABELS: Final[Mapping[str, str]] = {
    label.lower(): row.queue for row in QUEUE_CHOICE if row.queue is not None for label in row.labels
}
"""The queue of each label, in lower case: the rows by label."""

BANDS: Final = tuple(
    (row.least, row.queue) for row in QUEUE_CHOICE if row.by is Chooser.SCORE and row.queue is not None
)
"""The queue of each score, the most urgent first: the rows by score."""


def label_queue(word: str) -> str | None:
    """The queue of a label; None for a word that is none."""
    return LABELS.get(word.strip().lower())
