"""Child processes that may die: forked from a warm parent that has no database open, heard through a pipe.

A fork costs a thousandth of a start, so that most of a second of campaign is work under fire. Never fork a process
with threads this way: the campaign runs in a process of its own.
"""

import mmap
import os
import pickle
import select
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import anyio
import attrs

import taskorch
from taskorch.errors import StoreError, TaskorchError
from tests.faults.work import Tell, line

T = TypeVar("T")
KILLED = -signal.SIGKILL
"""The exit code of a child that was still at work when it was killed."""


@attrs.define
class Child:
    """A forked process.

    Attributes:
        pid: Its id.
        pipe: Where it is heard.
        has_ended: Whether it has said its last word.
        words: How many words it has said so far, one a line.
    """

    pid: int
    pipe: int
    has_ended: bool = False
    words: int = 0
    _heard: bytearray = attrs.field(factory=bytearray)

    def fileno(self) -> int:
        """Where it is heard: what ``select`` asks for."""
        return self.pipe

    def take(self) -> None:
        """Hear what it says next; waits for it."""
        more = os.read(self.pipe, 1 << 16)
        self._heard += more
        self.words += more.count(b"\n")
        self.has_ended = not more

    def kill(self) -> int:
        """Kill it; its exit code, which is ``KILLED`` unless it had ended already."""
        os.kill(self.pid, signal.SIGKILL)
        return self.wait()[0]

    def wait(self) -> tuple[int, str]:
        """Wait until it has ended; its exit code, and what it has said."""
        while not self.has_ended:
            self.take()
        os.close(self.pipe)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]), self.said

    @property
    def said(self) -> str:
        """What it has said so far."""
        return self._heard.decode()


def hear(
    children: Sequence[Child], seconds: float, *, words: int | None = None, of: Sequence[Child] | None = None
) -> None:
    """Hear all of *children*, whoever speaks, for so long.

    Args:
        children: Who is heard; one that nobody hears stands still as soon as its pipe is full.
        seconds: For how long at most.
        words: How many words of each are enough; None to hear them to their ends.
        of: Whose words are waited for; None for those of all.
    """
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        speaking = [child for child in children if not child.has_ended]
        if all(child.has_ended or (words is not None and child.words >= words) for child in of or children):
            return
        for child in select.select(speaking, [], [], left)[0]:
            child.take()


class Flag:
    """A mark that one process raises or lowers, and those forked from it, or that it was forked from, see."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 1)

    @property
    def is_raised(self) -> bool:
        """Whether it is raised."""
        return self._shared[0] > 0

    @is_raised.setter
    def is_raised(self, is_so: bool) -> None:
        self._shared[0] = is_so


def warm() -> None:
    """Load once what every child would load again: the event loop, and what a first run of a workflow imports."""

    async def nothing() -> None:
        """Do nothing."""

    async def all_of_it() -> None:
        flow = taskorch.Workflow("warm")
        flow.step(nothing, id="nothing")
        await taskorch.run(flow, store="memory:")

    with suppress(TaskorchError):  # whether it works is seen later
        anyio.run(all_of_it)


def fork(program: Callable[[Tell], None]) -> Child:
    """Begin *program* in a child; it is given the function by which it is heard."""
    heard, spoken = os.pipe()
    pid = os.fork()
    if pid:
        os.close(spoken)
        return Child(pid, heard)
    try:
        os.close(heard)
        program(lambda word, what, *numbers: os.write(spoken, line(word, what, *numbers)) and None)
        os._exit(0)
    except BaseException as error:  # noqa: BLE001 - nobody else hears of it
        name = "l8_no_call_fails_for_ever" if _is_of_the_store(error) else "the_campaign_itself_failed"
        what = traceback.format_exc().replace("\t", " ").replace("\n", " | ")
        os.write(spoken, line(f"{name}:", what[-1500:]))
    finally:
        os._exit(1)


def _is_of_the_store(error: BaseException) -> bool:
    """Whether a verb of a store raised it, alone or in a group."""
    if isinstance(error, BaseExceptionGroup):
        return any(map(_is_of_the_store, error.exceptions))
    return isinstance(error, StoreError)


def apart(work: Callable[[], T]) -> T:
    """What *work* returns, done in a child, so that no database is ever open in this process."""
    return begun(work)()


def begun(work: Callable[[], T]) -> Callable[[], T]:
    """Begin *work* in a child; the function returned waits for what it returns."""
    heard, spoken = os.pipe()
    pid = os.fork()
    if not pid:
        result: Any
        try:
            os.close(heard)
            result = (True, work())
        except BaseException:  # noqa: BLE001 - the parent raises it
            result = (False, traceback.format_exc())
        with os.fdopen(spoken, "wb") as file:
            file.write(pickle.dumps(result))
        os._exit(0)
    os.close(spoken)

    def result_of() -> T:
        with os.fdopen(heard, "rb") as file:
            text = file.read()
        os.waitpid(pid, 0)
        if not text:
            raise RuntimeError("a child ended without a word")
        is_well, result = pickle.loads(text)
        if not is_well:
            raise RuntimeError(f"a child failed:\n{result}")
        return result

    return result_of
