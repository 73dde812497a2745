"""Listening for what may have changed: a hint only, so whatever goes wrong here is mended or done without."""

import os
import select
import threading
from collections.abc import Callable
from contextlib import suppress

import anyio
import psycopg
from psycopg import sql

from taskorch.event_loops import EventLoop

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0
"""Seconds between two tries to connect anew."""


class Listener:
    """A thread with a connection of its own that wakes all who wait when the database says that something changed.

    Args:
        connect: Makes the connection.
        channel: What to listen to.
    """

    def __init__(self, connect: Callable[[], psycopg.Connection], channel: str) -> None:
        self._connect, self._channel = connect, channel
        self._mutex = threading.Lock()
        self._waiting: set[Callable[[], object]] = set()
        self._thread: threading.Thread | None = None
        self._is_over = False
        self._bell: tuple[int, int] | None = None

    async def wait(self) -> None:
        """Wait until something may have changed."""
        event = anyio.Event()
        wake = EventLoop().bell(event.set)
        with self._mutex:
            if self._is_over:
                return
            self._waiting.add(wake)
            if self._thread is None:
                self._bell = os.pipe()
                self._thread = threading.Thread(target=self._run, name="taskorch listens", daemon=True)
                self._thread.start()
        try:
            await event.wait()
        finally:
            with self._mutex:
                self._waiting.discard(wake)

    def close(self) -> None:
        """Wake all who wait, and end the thread."""
        with self._mutex:
            self._is_over = True
            thread, bell = self._thread, self._bell
        self._wake_all()
        if thread is not None and bell is not None:
            os.write(bell[1], b"!")
            thread.join()
            with self._mutex:
                self._bell = None
                os.close(bell[0])
                os.close(bell[1])
                self._thread = None

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while not self._is_over:
            try:
                connection = self._connect()
            except psycopg.Error:
                self._rest(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            pause = _FIRST_PAUSE
            with suppress(psycopg.Error), connection:
                connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
                self._wake_all()  # what was said before was not heard
                self._listen(connection)

    def _listen(self, connection: psycopg.Connection) -> None:
        while not self._is_over:
            self._rest(None, connection.fileno())
            # Read until nothing is left; a connection that was closed raises an error here.
            heard = list(connection.notifies(timeout=0))
            if heard:
                self._wake_all()

    def _rest(self, seconds: float | None, connection: int | None = None) -> None:
        """Wait that long at most, or until the connection has something to say, or the end has come."""
        if self._bell is None:
            return
        ready = select.poll()
        ready.register(self._bell[0], select.POLLIN)
        if connection is not None:
            ready.register(connection, select.POLLIN)
        ready.poll(None if seconds is None else seconds * 1000)

    def _wake_all(self) -> None:
        with self._mutex:
            waiting = list(self._waiting)
        for wake in waiting:
            wake()
