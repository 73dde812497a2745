"""What a command writes: read as fast as it comes, kept within bounds, and made into an output."""

import codecs
import os
from contextlib import suppress
from signal import Signals

import anyio
from anyio import CancelScope

from taskorch.core.json_text import read
from taskorch.errors import InvalidDocument, OutputNotStorable, StepFailed

CHUNK = 64 * 1024  # bytes: what a pipe holds
STDERR_KEPT = 2048  # bytes


class Pipe:
    """A pipe for one stream of a process. The end kept here does not block; each end is closed once."""

    def __init__(self, *, to_child: bool = False) -> None:
        reader, writer = os.pipe()
        self.ours, self.theirs = (writer, reader) if to_child else (reader, writer)
        os.set_blocking(self.ours, False)

    def hand_over(self) -> None:
        """Close the other end here, once the process has it."""
        theirs, self.theirs = self.theirs, -1
        if theirs >= 0:
            os.close(theirs)

    def close(self) -> None:
        """Close both ends."""
        self.hand_over()
        ours, self.ours = self.ours, -1
        if ours >= 0:
            os.close(ours)


class Stream:
    """Reads a pipe to its end and keeps the first bytes of it, or the last ones.

    Args:
        first: How many bytes to keep from the beginning.
        last: How many bytes to keep from the end, if nothing is kept from the beginning.
    """

    def __init__(self, *, first: int = 0, last: int = 0) -> None:
        self.pipe = Pipe()
        self.kept = bytearray()
        self.size = 0
        self._first, self._last = first, last
        self._scope = CancelScope(shield=True)  # the process may want to write while it is being stopped

    @property
    def truncated(self) -> bool:
        """Whether more came than was kept."""
        return self.size > len(self.kept)

    async def read(self) -> None:
        """Read until nobody can write any more, or ``finish`` runs out of patience."""
        with self._scope:
            while True:
                await anyio.wait_readable(self.pipe.ours)  # even if there is more: the loop has other work
                if not self._take():
                    return
        with suppress(BlockingIOError):
            while self._take():
                pass

    def finish(self, seconds: float) -> None:
        """Wait no longer than *seconds* for the end: somebody else may hold the pipe open for ever."""
        self._scope.deadline = anyio.current_time() + seconds

    def _take(self) -> bool:
        chunk = os.read(self.pipe.ours, CHUNK)
        self.size += len(chunk)
        if self._last:
            self.kept += chunk
            del self.kept[: -self._last]
        elif (room := self._first - len(self.kept)) > 0:
            self.kept += chunk[:room]
        return bool(chunk)


def output_of(step: str, form: str, stream: Stream) -> object:
    """The output of a command that ended well, in the form it asked for.

    Raises:
        OutputNotStorable: It should be JSON and is not, or not all of it was kept.
    """
    if form == "none":
        return None
    if form == "json":
        return _json(step, stream)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(bytes(stream.kept), final=not stream.truncated)
    if stream.truncated:
        return f"{text}\n[truncated: {len(stream.kept)} of {stream.size} bytes kept]"
    return text.removesuffix("\n")


def failure_of(step: str, status: int, stderr: Stream) -> StepFailed:
    """The error for a command that ended with a status other than 0, or (negative) by a signal."""
    said = bytes(stderr.kept)
    if stderr.truncated:  # not from the middle of a character
        said = said.lstrip(bytes(range(0x80, 0xC0)))
    text = said.decode("utf-8", "replace").strip()
    return StepFailed(step, _ending(status), status=status, stderr=text)


def _ending(status: int) -> str:
    if status > 0:
        return f"exited with status {status}"
    try:
        name = Signals(-status).name
    except ValueError:
        name = str(-status)
    return f"was ended by signal {name}"


def _json(step: str, stream: Stream) -> object:
    if stream.truncated:
        raise OutputNotStorable(
            step, f"wrote {stream.size} bytes of JSON, of which only {len(stream.kept)} are kept; write less"
        )
    try:
        return read(bytes(stream.kept))
    except InvalidDocument as error:
        problem = str(error.problems[0])
    raise OutputNotStorable(step, f"did not write the JSON it promised: {problem}")
