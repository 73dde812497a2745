"""The connections of a store, and how a task of any event loop has work done on one of them, in a thread."""

import logging
import os
import random
import select
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Generic, Self, TypeVar

import anyio
import attrs
import psycopg
import psycopg_pool
from anyio import to_thread
from anyio.lowlevel import RunVar, checkpoint, checkpoint_if_cancelled

from taskorch.errors import StoreError
from taskorch.stores.postgres import schema
from taskorch.stores.postgres.address import Address
from taskorch.stores.postgres.faults import REPEATABLE, fault, fault_of_opening, is_refusal, no_connection

T = TypeVar("T")
Pool = psycopg_pool.ConnectionPool["Connection"]
_MOST_TRIES = 20
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5
"""Seconds to wait for the pool before it is asked again, and so connects anew if it could not."""
_POOL = "taskorch "
"""How the names of our pools begin."""
_GRACE = 5.0
"""Seconds beyond the statement timeout after which a server that says nothing is given up."""


class Connection(psycopg.Connection):
    """A connection that does not wait for ever for a server that has gone without a word."""

    patience = 60.0

    @property
    def is_alive(self) -> bool:
        """Whether it works after it was idle.

        The server says nothing to a connection that is idle, unless it closes it: asking each time would cost a trip.
        """
        if self.closed:
            return False
        ready = select.poll()
        ready.register(self.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
        if ready.poll(0):
            with suppress(psycopg.Error):
                self.execute("SELECT 1")
        return not self.closed

    # Any: what a generator of the driver gives, and how long to wait in between, is the driver's own business.
    def wait(self, gen: Generator[Any, Any, T], *args: Any, **kwargs: Any) -> T:
        """Run a generator of the driver to its end, as long as the server answers within *patience* seconds."""
        return super().wait(self._within(gen), *args, **kwargs)

    def _within(self, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        end = time.monotonic() + self.patience
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() > end:
                    self.pgconn.finish()
                    raise psycopg.OperationalError("the server did not answer in time")
                wanted = gen.send(ready)
        except StopIteration as end_of_it:
            result: T = end_of_it.value
            return result


@attrs.define(eq=False)
class _Job(Generic[T]):
    """Work for a thread, and whether somebody still waits for what comes of it."""

    work: Callable[[], T]
    undo: Callable[[T], object] | None
    result: list[T] = attrs.field(factory=list)
    _abandoned: bool = False
    _lock: threading.Lock = attrs.field(factory=threading.Lock)

    @property
    def abandoned(self) -> bool:
        """Whether nobody waits any longer."""
        return self._abandoned

    def run(self) -> None:
        """Do the work, unless it is too late; take it back if it has become too late."""
        if not self.abandoned:
            result = self.work()
            with self._lock:
                self.result.append(result)
                is_late = self._abandoned
            if is_late:
                self.take_back()

    def abandon(self) -> bool:
        """Nobody waits any longer; whether the work is done, and must be taken back by whoever asks."""
        with self._lock:
            self._abandoned = True
            return bool(self.result) and self.undo is not None

    def take_back(self) -> None:
        """Undo the work; if that fails, the lease ends with its time or with the store."""
        if self.undo is not None:
            with suppress(StoreError):
                self.undo(self.result[0])


class Connections:
    """The connections to one schema of one database; nothing is opened before the first call.

    Args:
        address: The database.
        schema: The schema.
        size: The most connections at once.
        statement_timeout: How many seconds a statement may take.
        connect_timeout: How many seconds to wait for a connection.
    """

    def __init__(
        self, address: Address, schema: str, *, size: int, statement_timeout: float, connect_timeout: float
    ) -> None:
        self._address, self._schema, self._size = address, schema, size
        self._statement_timeout, self._connect_timeout = statement_timeout, connect_timeout
        self._limiter: RunVar[anyio.CapacityLimiter] = RunVar(f"taskorch {schema} {id(self)}")
        self._opening = threading.Lock()
        self._state = threading.Condition()
        self._pool: Pool | None = None
        self._failed: tuple[float, psycopg.Error | None] = (0.0, None)
        self._pid = 0
        self._working = 0
        self.is_closed = False

        noting = self._noting

        class Ours(Connection):  # psycopg makes connections by their class
            patience = statement_timeout + _GRACE

            @classmethod
            def connect(cls, conninfo: str = "", **settings: Any) -> Self:  # Any: what the driver takes
                with noting():
                    return super().connect(conninfo, **settings)

        self._kind: type[Connection] = Ours

    @property
    def is_inherited(self) -> bool:
        """Whether this process was forked from the one that opened them."""
        return self._pid not in (0, os.getpid())

    async def call(self, work: Callable[[Connection], T], undo: Callable[[Connection, T], object] | None = None) -> T:
        """Have *work* done in a thread.

        A caller that is cancelled waits until the work has ended, so that what comes next finds it done or not done;
        the statement timeout bounds it.

        Args:
            work: What to do, all of it in transactions of its own: it is done anew if the database says that two were
                in each other's way.
            undo: How to take it back if it was done and its caller was cancelled.

        Raises:
            StoreError: See ``Store``.
        """
        self.check()
        taken_back = None if undo is None else lambda result: self.run(lambda connection: undo(connection, result))
        job: _Job[T] = _Job(lambda: self.run(work, lambda: job.abandoned), taken_back)
        try:
            await self.in_thread(job.run)
            await checkpoint_if_cancelled()
        except BaseException:
            if job.abandon():
                # A thread of its own: the caller may be cancelled once more, by asyncio even through a shield.
                thread = threading.Thread(target=job.take_back, name="taskorch takes back", daemon=True)
                thread.start()
                with anyio.CancelScope(shield=True):
                    await self.in_thread(thread.join)
            raise
        return job.result[0]

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Have *work* done in one of our threads of the running event loop."""
        try:
            limiter = self._limiter.get()
        except LookupError:
            limiter = anyio.CapacityLimiter(self._size)
            self._limiter.set(limiter)
        return await to_thread.run_sync(work, limiter=limiter)

    def run(self, work: Callable[[Connection], T], is_idle: Callable[[], bool] = lambda: False) -> T:
        """Do *work* on a connection, in this thread; *is_idle* tells when another try is no use any more."""
        pool = self._opened()
        with self._state:
            self._working += 1
        try:
            for left in reversed(range(_MOST_TRIES)):
                try:
                    return self._once(pool, work, is_idle)
                except REPEATABLE as error:
                    if not left or is_idle():
                        raise fault(self._address, error, is_lost=False) from error
                time.sleep(random.uniform(0, 0.002) * (_MOST_TRIES - left))  # noqa: S311 - no secret
            raise AssertionError("the last try returns or raises")
        finally:
            with self._state:
                self._working -= 1
                self._state.notify_all()

    def _once(self, pool: Pool, work: Callable[[Connection], T], is_idle: Callable[[], bool]) -> T:
        connection = self._lent(pool, is_idle)
        try:
            return work(connection)
        except REPEATABLE:
            raise
        except psycopg.Error as error:
            is_lost = connection.closed
            if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
                connection.close()  # it was the primary's, perhaps; the next one may be again
            raise fault(self._address, error, is_lost=is_lost) from error
        except (ValueError, OverflowError) as error:
            # Text that is not UTF-8, a number that is none, or a journal somebody else has written into.
            raise StoreError(self._address.name, f"a value cannot be kept or read ({error})") from None
        finally:
            pool.putconn(connection)  # rolls back what was begun; throws it away if it is broken

    def _lent(self, pool: Pool, is_idle: Callable[[], bool]) -> Connection:
        """A connection of the pool, which must be put back.

        The pool rests for a second, and then for longer, before it connects anew. So it has to give up at once, and is
        asked again and again instead.
        """
        begin, pause = time.monotonic(), _FIRST_PAUSE
        end = begin + self._connect_timeout
        while True:
            try:
                connection = pool.getconn(min(pause, end - time.monotonic()))
            except psycopg_pool.PoolTimeout:
                when, error = self._failed
                error = error if when > begin else None
                if error is not None and (is_refusal(error) or not isinstance(error, psycopg.OperationalError)):
                    raise fault_of_opening(self._address, error) from None  # without its error, see _alone
                if time.monotonic() >= end or is_idle():
                    raise no_connection(self._address, self._connect_timeout, str(error or "")) from None
                pause = min(pause * 1.5, _LONGEST_PAUSE)
            except psycopg_pool.PoolClosed:
                self.check()
                raise no_connection(self._address, self._connect_timeout, "") from None
            else:
                if connection.is_alive:
                    return connection
                connection.close()
                pool.putconn(connection)

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """Keep in mind why there is no connection; the pool tells it only to the log."""
        try:
            yield
        except psycopg.Error as error:
            self._failed = (time.monotonic(), error)
            raise

    def _enter(self, made: Connection) -> None:
        with self._noting():
            schema.enter(made, self._schema)

    def check(self) -> None:
        """Raise ``StoreError`` if the store is closed, or belongs to the process this one was forked from."""
        if self.is_inherited:
            raise StoreError(
                self._address.name,
                f"was opened by process {self._pid}, and process {os.getpid()} was forked from it; "
                "spawn a process instead, or fork before the store is opened",
            )
        if self.is_closed:
            raise StoreError(self._address.name, "is closed; open another one")

    def connect(self) -> Connection:
        """A connection outside the pool, for the schema to be made ready or for listening.

        Raises:
            psycopg.Error: There is none.
        """
        connection = self._kind.connect(self._address.conninfo, autocommit=True)
        try:
            schema.enter(connection, self._schema)
        except BaseException:
            connection.close()
            raise
        return connection

    def version(self) -> int:
        """The version of the schema, read on a connection of its own; 0 if there is none. Nothing is changed.

        Raises:
            StoreError: It cannot be read.
        """
        return self._alone(lambda connection: schema.version_of(connection, self._schema, self._address))

    def _alone(self, work: Callable[[Connection], T]) -> T:
        """Do *work* on a connection outside the pool, before there is one.

        The driver's error is no part of what is raised, not even what it was raised in: it knows the connection, and
        that the password.
        """
        try:
            connection = self.connect()
            try:
                return work(connection)
            finally:
                connection.close()
        except psycopg.Error as error:
            told = fault_of_opening(self._address, error)
        raise told

    def _opened(self) -> Pool:
        with self._opening:
            if self.is_inherited or (self.is_closed and self._pool is None):
                self.check()
            if self._pool is None:
                self._pool = self._open()
                self._pid = os.getpid()
            return self._pool

    def _open(self) -> Pool:
        self._alone(lambda connection: schema.migrate(connection, self._schema, self._address))
        logging.getLogger("psycopg.pool").addFilter(_is_told)
        return psycopg_pool.ConnectionPool(
            self._address.conninfo,
            connection_class=self._kind,
            kwargs={"autocommit": True},
            min_size=0,
            max_size=self._size,
            reconnect_timeout=0,  # it gives up after the second try; see _lent
            configure=self._enter,
            name=f"{_POOL}{self._address.name}",
            num_workers=1,
            open=True,
        )

    async def aclose(self, first: Callable[[], object], last: Callable[[Connection], object]) -> None:
        """Do what is *first*, let what is under way end, do what is *last*, and give all connections back."""
        if self.is_inherited:
            await checkpoint()
            return
        self.is_closed = True
        with anyio.CancelScope(shield=True):
            await self.in_thread(lambda: self._close(first, last))

    def _close(self, first: Callable[[], object], last: Callable[[Connection], object]) -> None:
        first()
        with self._opening:
            pool = self._pool
        if pool is None or pool.closed:
            return
        with self._state:
            self._state.wait_for(lambda: not self._working, self._statement_timeout + _GRACE)
        try:
            with suppress(StoreError):  # if the server has gone, the leases end by their time
                self.run(last)
        finally:
            pool.close(timeout=1)  # seconds; a thread that still connects ends by itself


def _is_told(record: logging.LogRecord) -> bool:
    """Whether a record of psycopg's pools goes to the log: of ours only for who wants all, as our errors say the same.

    The pool warns of each connection that is lost or not to be had, and tells of each that it lends.
    """
    about = record.args if isinstance(record.args, tuple) else ()
    is_ours = any(isinstance(one, Connection) or (isinstance(one, str) and one.startswith(_POOL)) for one in about)
    return not is_ours or logging.getLogger(record.name).isEnabledFor(logging.DEBUG)
