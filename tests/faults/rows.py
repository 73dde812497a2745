"""What one campaign brings home: how often it hurt the store, and what it found."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Self

import attrs


class Violation(AssertionError):
    """An invariant does not hold; the message begins with the name of its checker."""


@attrs.define
class Row:
    """A row of the table.

    Attributes:
        fault: What was done to the store.
        seed: The start value of everything that was drawn.
        runs: How many times the work was done.
        injected: How many faults took effect.
        acknowledged: How many answers of the store were checked against what it kept.
        violations: What did not hold, each beginning with the name of its checker.
        note: What else is worth knowing.
        seconds: How long it took.
    """

    fault: str
    seed: int
    runs: int = 0
    injected: int = 0
    acknowledged: int = 0
    violations: list[str] = attrs.field(factory=list)
    note: str = ""
    seconds: float = 0.0

    @contextmanager
    def judged(self, what: str) -> Iterator[Self]:
        """Take down what a checker finds, with the words *what* to find it again by."""
        try:
            yield self
        except Violation as violation:
            self.violations.append(f"{violation} [{what}]")

    def awake(self, is_so: bool, otherwise: str) -> None:
        """Take down that a fault did not come as the row says: to find nothing where nothing was is no proof."""
        if not is_so:
            self.violations.append(f"the_campaign_is_awake: {otherwise} [seed {self.seed}]")

    @contextmanager
    def timed(self) -> Iterator[Self]:
        """Take the time."""
        began = time.monotonic()
        try:
            yield self
        finally:
            self.seconds += time.monotonic() - began


_HEAD = ("fault", "runs", "faults injected", "answers checked", "seed", "violations", "seconds")


def table(rows: Iterable[Row]) -> str:
    """The rows as a table of Markdown."""
    lines = ["| " + " | ".join(_HEAD) + " |", "|---|---:|---:|---:|---:|---:|---:|"]
    lines += [
        f"| {row.fault}{f' ({row.note})' if row.note else ''} | {row.runs:,} | {row.injected:,} "
        f"| {row.acknowledged:,} | {row.seed} | {len(row.violations)} | {row.seconds:.1f} |"
        for row in rows
    ]
    return "\n".join(lines)
