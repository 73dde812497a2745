"""A handful of connections that are handed from one thread to the next, and made anew while the server comes back."""

import select
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

import psycopg

C = TypeVar("C", bound=psycopg.Connection)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5
"""Seconds between two tries to connect."""
_LONGEST_IDLE = 600.0
"""Seconds after which a connection that nobody needs is closed."""


class NoConnectionError(Exception):
    """There was none to be had in time; why, if it is known."""


class PoolClosedError(Exception):
    """The pool is closed."""


class Pool(Generic[C]):
    """Connections, the one used last first.

    Args:
        connect: Makes one, ready for use.
        size: The most at once.
        timeout: How many seconds to wait for one.
    """

    def __init__(self, connect: Callable[[], C], size: int, timeout: float) -> None:
        self._connect, self._size, self._timeout = connect, size, timeout
        self._state = threading.Condition()
        self._idle: deque[tuple[C, float]] = deque()
        self._out = 0
        self.is_closed = False

    def get(self, is_hopeless: Callable[[psycopg.Error], bool], is_idle: Callable[[], bool]) -> C:
        """A connection, which must be put back.

        Args:
            is_hopeless: Whether another try to connect is of no use after that error.
            is_idle: Whether nobody waits for it any longer.

        Raises:
            NoConnectionError: There was none in time.
            PoolClosedError: The pool is closed.
            psycopg.Error: The server lets us not connect, and never will.
        """
        end = time.monotonic() + self._timeout
        with self._state:
            if not self._state.wait_for(lambda: self.is_closed or self._out < self._size, self._timeout):
                raise NoConnectionError
            if self.is_closed:
                raise PoolClosedError
            self._out += 1
            idle = self._idle.pop()[0] if self._idle else None
        try:
            while idle is not None:
                if is_alive(idle):
                    return idle
                idle.close()
                with self._state:
                    idle = self._idle.pop()[0] if self._idle else None
            return self._made(end, is_hopeless, is_idle)
        except BaseException:
            self._back()
            raise

    def put(self, connection: C) -> None:
        """Put a connection back; what was begun on it is rolled back, and if it is broken it is thrown away."""
        try:
            if not connection.closed and connection.info.transaction_status:
                with suppress(psycopg.Error):
                    connection.rollback()
            now = time.monotonic()
            with self._state:
                old = [self._idle.popleft()[0] for _, since in tuple(self._idle) if since < now - _LONGEST_IDLE]
                if self.is_closed or connection.closed:
                    old.append(connection)
                else:
                    self._idle.append((connection, now))
            for one in old:
                one.close()
        finally:
            self._back()

    def close(self) -> None:
        """Close those that nobody uses; the others are when they come back."""
        with self._state:
            self.is_closed = True
            idle = list(self._idle)
            self._idle.clear()
            self._state.notify_all()
        for one, _ in idle:
            one.close()

    def _back(self) -> None:
        with self._state:
            self._out -= 1
            self._state.notify()

    def _made(self, end: float, is_hopeless: Callable[[psycopg.Error], bool], is_idle: Callable[[], bool]) -> C:
        pause = _FIRST_PAUSE
        while True:
            try:
                return self._connect()
            except psycopg.OperationalError as error:
                if is_hopeless(error):
                    raise
                if time.monotonic() + pause > end or self.is_closed or is_idle():
                    raise NoConnectionError(
                        str(error)
                    ) from None  # its error knows the connection, and that the password
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)


def is_alive(connection: psycopg.Connection) -> bool:
    """Whether a connection that was idle works.

    The server says nothing to a connection that is idle, unless it closes it: asking it each time would cost a trip.
    """
    ready = select.poll()
    ready.register(connection.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
    if ready.poll(0):
        try:
            connection.execute("SELECT 1")
        except psycopg.Error:
            return False
    return not connection.closed
