"""The committer: takes the units a run has decided to the store, and tells when they are kept.

While one ``apply`` is under way further units gather, and go together with the next. It lives outside every
group of bodies and under a shield, so that whatever has been decided is recorded although the run is being
cancelled. It never starts a task.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TypeVar

import anyio
from anyio.lowlevel import checkpoint

from taskorch.core.receipts import Receipt
from taskorch.core.unit import Unit
from taskorch.engine.clocks import SystemClock
from taskorch.errors import StoreUnavailable
from taskorch.errors.root import quoted
from taskorch.protocols import Clock, Store

REPEATS = 60
"""How often units of unknown fate are sent again (waits double up to 5 s: some four and a half minutes) …"""
REPEATS_WHEN_CLOSING = 6
"""… and how often when the run is being cancelled, which must not hang (about 1.5 s)."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 5.0

_LOG = logging.getLogger("taskorch.store")

T = TypeVar("T")
OnReceipt = Callable[[Receipt], None]


class Committer:
    """Carries units to one store. ``submit`` is synchronous; what it was given is never forgotten."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._pending: list[tuple[Callable[[], Unit], OnReceipt]] = []
        self._dirty = anyio.Event()
        self._closing = anyio.Event()

    def submit(self, unit: Callable[[], Unit], on_receipt: OnReceipt) -> None:
        """Record a unit, and call *on_receipt* with the store's answer, in the order of submission.

        *unit* is called once, when the way to the store is free, and tells which; until then it may still grow.
        """
        self._pending.append((unit, on_receipt))
        self._dirty.set()

    def close(self) -> None:
        """No more units will come: ``run`` returns once all are recorded."""
        self._closing.set()
        self._dirty.set()

    async def run(self) -> None:
        """Work until closed.

        Raises:
            StoreError: A unit could not be recorded, or its fate stays unknown. Nothing was released since.
        """
        new_event = type(anyio.Event())  # of this event loop: it is asked for once, not for each event
        with anyio.CancelScope(shield=True):
            while self._pending or not self._closing.is_set():
                if not self._pending:
                    self._dirty = new_event()
                    await self._dirty.wait()
                    continue
                batch, self._pending = self._pending, []
                receipts = await self._apply([unit() for unit, _ in batch])
                for (_, on_receipt), receipt in zip(batch, receipts, strict=True):
                    on_receipt(receipt)
                if not self._pending:
                    await checkpoint()  # what begins now has often ended by then: nobody has to wake us

    async def _apply(self, units: Sequence[Unit]) -> list[Receipt]:
        def limit() -> int:
            return REPEATS_WHEN_CLOSING if self._closing.is_set() else REPEATS

        return await until_known(lambda: self._store.apply(units), self._pause, limit)

    async def _pause(self, seconds: float) -> None:
        """Wait on the run's clock; on the system's once the run is closing, for then nobody may move the other."""
        clock: Clock = SystemClock() if self._closing.is_set() else self._clock
        event = anyio.Event() if self._closing.is_set() else self._closing
        await clock.wait(event, clock.now() + timedelta(seconds=seconds))


async def pause(seconds: float) -> None:
    """Wait on the system's clock."""
    clock = SystemClock()
    await clock.wait(anyio.Event(), clock.now() + timedelta(seconds=seconds))


async def until_known(
    call: Callable[[], Awaitable[T]],
    sleep: Callable[[float], Awaitable[None]] = pause,
    limit: Callable[[], int] = lambda: REPEATS_WHEN_CLOSING,
) -> T:
    """What *call* answers; while its outcome stays unknown it is made again, up to *limit* times.

    Only for calls that have the effect of one however often they are made. The log tells of the wait, and of its end.

    Raises:
        StoreUnavailable: The outcome stayed unknown.
    """
    try:
        return await call()
    except StoreUnavailable as error:
        first = error
    # Whoever waits before a screen on which nothing moves any more has to know why.
    _LOG.warning("%s; waiting, and trying again for up to about %s", first, _patience(limit()))
    answer = await _repeat(call, sleep, limit)
    _LOG.info("store %s: works again", quoted(first.store))
    return answer


def _patience(limit: int) -> str:
    """How long it takes to try so often, for people."""
    seconds = sum(min(_FIRST_PAUSE * 2**n, _LONGEST_PAUSE) for n in range(limit - 1))
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{max(seconds, 1):.0f} s"


async def _repeat(
    call: Callable[[], Awaitable[T]], sleep: Callable[[float], Awaitable[None]], limit: Callable[[], int]
) -> T:
    import tenacity  # needed only on bad days

    async def attempt() -> T:  # tenacity awaits only what is declared async
        return await call()

    attempts = tenacity.AsyncRetrying(
        sleep=sleep,
        wait=tenacity.wait_exponential(multiplier=_FIRST_PAUSE, max=_LONGEST_PAUSE),
        stop=lambda state: state.attempt_number >= limit(),
        retry=tenacity.retry_if_exception_type(StoreUnavailable),
        reraise=True,
    )
    return await attempts(attempt)
