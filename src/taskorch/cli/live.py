"""What a terminal can do better than lines: colour, and what runs at this moment. Needs rich (extra ``cli``)."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager

from rich import live
from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from taskorch.cli.tables import HEADINGS, Row, spoken
from taskorch.cli.words import Words
from taskorch.core.alerts import RaisedAlert
from taskorch.core.events import Event
from taskorch.core.outcomes import Outcome
from taskorch.core.states import Verb

MOST_RUNNING = 12
STYLES = {
    Outcome.COMPLETED: "green",
    Outcome.FAILED: "red",
    Outcome.SKIPPED: "dim",
    Outcome.OMITTED: "dim",
    Outcome.CANCELLED: "yellow",
}
_VERB_STYLES: dict[str, str] = {Verb.COMPLETE: "green", Verb.FAIL: "red", Verb.CANCEL: "dim"}


class Live:
    """Ended steps scroll by; below them stand those that run, and for how long."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._words = Words()
        # Never changed but replaced: it is read by the thread that draws.
        self._running: dict[str, float] = {}
        self._spinner = Spinner("dots")
        self._live = live.Live(self, console=self._console, transient=True, refresh_per_second=8)

    @staticmethod
    def is_possible() -> bool:
        """Whether the terminal can move its cursor, and its user lets it."""
        console = Console(stderr=True)
        return console.is_terminal and not console.is_dumb_terminal

    def __call__(self, event: Event | RaisedAlert) -> None:
        """Show it."""
        line = self._words.line(event)
        if line is None or event.step is None:
            return
        if isinstance(event, RaisedAlert):
            self.say(line)
        elif event.verb in (Verb.START, Verb.RETRY):
            self._running = {**self._running, event.step: time.monotonic()}
        else:
            self._running = {step: at for step, at in self._running.items() if step != event.step}
            self._console.print(Text(line, style=_VERB_STYLES.get(event.verb, "")))

    def say(self, text: str) -> None:
        """A line above what runs."""
        self._console.print(Text(text, style="yellow"))

    def shown(self) -> AbstractContextManager[object]:
        """Draw while the run goes on."""
        return self._live

    def abandon(self) -> None:
        """Give the cursor back."""
        self._console.show_cursor(True)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """What runs now."""
        yield from self._lines()

    def _lines(self) -> Iterator[Spinner | Text]:
        running, now = self._running, time.monotonic()
        for step, since in list(running.items())[:MOST_RUNNING]:
            self._spinner.update(text=Text(f"{step}  {spoken(now - since)}"))
            yield self._spinner
        if len(running) > MOST_RUNNING:
            yield Text(f"  … and {len(running) - MOST_RUNNING} more", style="dim")


def print_table(rows: list[Row]) -> None:
    """Print the table of a result on standard output."""
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, heading in enumerate(HEADINGS):
        # Where it is narrow the ids keep most of the room; nobody can follow one that is a letter wide.
        table.add_column(
            heading,
            justify="right" if number > 1 else "left",
            min_width=None if number else min(12, max(len(row.cells[0]) for row in rows) if rows else 0),
            overflow="fold",
        )
    for row in rows:
        step, outcome, attempts, duration = row.cells
        table.add_row(Text(step), Text(outcome, style=STYLES[row.outcome]), attempts, duration)
    console.print(table)
    for row in rows:
        if row.note:
            console.print(Padding(Text(f"{row.cells[0]}: {row.note}", style=STYLES[row.outcome]), (0, 0, 0, 2)))
