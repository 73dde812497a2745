"""The two streams of the command line: results go to one, everything said about them to the other."""

import os
import sys
from contextlib import suppress
from typing import TextIO

from taskorch.core.visible_text import visible
from taskorch.errors import InvalidDocument


def shown(text: str, limit: int | None = None) -> str:
    """*text* as one line that does nothing to a terminal.

    Args:
        text: Any text, from wherever it may come.
        limit: How many characters are enough; what is cut is the middle, as errors tell most at their ends.
    """
    if limit is not None and len(text) > limit:
        head = limit // 3
        text = f"{text[:head]} … {text[head - limit :]}"
    return visible(text)


def shown_lines(text: str) -> str:
    """*text* with its lines, each of them ``shown``."""
    return "\n".join(shown(line) for line in text.split("\n"))


class Screen:
    """Standard output for results, standard error for what happens meanwhile."""

    def __init__(self) -> None:
        # None where a program is started with closed streams.
        self._out: TextIO | None = sys.stdout
        self._err: TextIO | None = sys.stderr
        for stream in (self._out, self._err):
            # What a terminal of another encoding cannot show is better escaped than the end of the program.
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")

    @property
    def shows_results(self) -> bool:
        """Whether somebody looks at the results on a terminal."""
        return self._out is not None and self._out.isatty()

    @property
    def shows_progress(self) -> bool:
        """Whether somebody looks at the progress on a terminal."""
        return self._err is not None and self._err.isatty()

    def put(self, text: str) -> None:
        """Write *text* and a newline as a result.

        Raises:
            OSError: It cannot be written, for another reason than that nobody reads any more.
        """
        if self._out is None:
            return
        try:
            self._out.write(text + "\n")
            self._out.flush()
        except BrokenPipeError:
            _silence(self._out)

    def say(self, text: str) -> None:
        """Write a line about what happens; if that is not possible, so be it."""
        if self._err is not None:
            with suppress(OSError, ValueError):
                self._err.write(text + "\n")
                self._err.flush()

    def complain(self, error: Exception) -> None:
        """Say what is wrong: the kind of error, and each problem in a line of its own."""
        head, *problems = [str(error)]
        if isinstance(error, InvalidDocument):
            # One by one: what a document holds must not pass for a line of ours.
            head, problems = str(error).split("\n", 1)[0], [str(problem) for problem in error.problems]
        self.say("\n  ".join([shown(f"{type(error).__name__}: {head}"), *map(shown, problems)]))


def _silence(stream: TextIO) -> None:
    """Lead a stream that nobody reads into nowhere, so that the interpreter does not fail on it at its end."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
