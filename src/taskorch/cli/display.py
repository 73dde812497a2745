"""The progress of a run, as an observer of its events."""

from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from typing import Protocol

from taskorch.cli.screen import Screen
from taskorch.cli.tables import Row, plain
from taskorch.cli.words import Words
from taskorch.core.alerts import RaisedAlert
from taskorch.core.events import Event


class Display(Protocol):
    """Shows what happens."""

    def __call__(self, event: Event | RaisedAlert) -> None:
        """Take note of an event."""
        ...

    def say(self, text: str) -> None:
        """Say something else meanwhile."""
        ...

    def shown(self) -> AbstractContextManager[object]:
        """The time during which it is shown."""
        ...

    def abandon(self) -> None:
        """Leave the terminal as it was found, for the process is about to end at once."""
        ...


class Lines:
    """A plain line for each event, for files, pipes and simple terminals."""

    def __init__(self, screen: Screen) -> None:
        self._screen, self._words = screen, Words()

    def __call__(self, event: Event | RaisedAlert) -> None:
        """Say it."""
        if line := self._words.line(event):
            self._screen.say(line)

    def say(self, text: str) -> None:
        """A line like the others."""
        self._screen.say(text)

    def shown(self) -> AbstractContextManager[object]:
        """Lines need no beginning and no end."""
        return nullcontext()

    def abandon(self) -> None:
        """Nothing is to be restored."""


def display(screen: Screen) -> Display:
    """The best display for where the progress goes."""
    if screen.shows_progress and _has_rich():
        from taskorch.cli.live import Live

        if Live.is_possible():
            return Live()
    return Lines(screen)


def show_table(table: list[Row], screen: Screen) -> None:
    """Put the table of a result on the screen, in colour where that is welcome."""
    if screen.shows_results and _has_rich():
        from taskorch.cli.live import print_table

        print_table(table)
        return
    for line in plain(table):
        screen.put(line)


def _has_rich() -> bool:
    return find_spec("rich") is not None
