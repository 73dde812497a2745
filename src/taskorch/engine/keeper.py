"""The keeper: renews the leases that this process has in a shared store, from a thread of its own.

A body that blocks the event loop must not cost the run its lease. So the thread has a loop of its own, which it blocks
itself between two renewals. It begins with the first lease in a store and ends with the last one.
"""

import logging
import threading
from collections.abc import Callable

import anyio

from taskorch.core.receipts import Refused, Renewed
from taskorch.engine.cancellations import uncut
from taskorch.event_loops import EventLoop
from taskorch.protocols import Store

_LOG = logging.getLogger("taskorch.store")

LEASE = 30.0
"""How long a lease lives in a shared store unless it is renewed, in seconds."""
BEAT = 3.0
"""How often all leases are renewed, in seconds; at most a third of ``LEASE`` passes in between."""

_KEEPERS: dict[int, "Keeper"] = {}
"""The keepers at work, by the identity of their stores."""
_LOCK = threading.Lock()


class Kept:
    """One lease while it is kept alive. All of it belongs to the event loop on which it was begun."""

    def __init__(self, keeper: "Keeper", run: str, epoch: int) -> None:
        self.key = run, epoch
        self._keeper = keeper
        self._news: list[Renewed | Refused] = []
        self._heard: list[Renewed | Refused] = []
        self._hear: Callable[[Renewed | Refused], None] = self._heard.append
        self._ring = EventLoop().bell(self._told)

    def listen(self, hear: Callable[[Renewed | Refused], None]) -> None:
        """Have *hear* told that the lease is lost, or that there are unread messages; also what was told before."""
        self._hear = hear
        for answer in self._heard:
            hear(answer)

    def tell(self, answer: Renewed | Refused) -> None:
        """What the store has answered; called by the thread of the keeper."""
        if isinstance(answer, Refused) or answer.has_mail:
            self._news.append(answer)
            self._ring()

    async def end(self) -> None:
        """Keep it no longer; return when nothing of that goes on."""
        self._hear = self._heard.append
        await self._keeper.dismiss(self)

    def _told(self) -> None:
        while self._news:
            self._hear(self._news.pop(0))


class Keeper:
    """Keeps leases in one store alive."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: dict[tuple[str, int], Kept] = {}
        self._changed = threading.Condition(_LOCK)
        self._thread = threading.Thread(target=self._work, name=f"taskorch leases in {store.name}", daemon=True)
        self._goodbye: Callable[[], object] | None = None

    def employ(self, kept: Kept) -> None:
        """Keep a lease; the lock is held."""
        if not self._kept:
            self._thread.start()
            _KEEPERS[id(self._store)] = self
        self._kept[kept.key] = kept

    async def dismiss(self, kept: Kept) -> None:
        """Keep a lease no longer. If it was the last one, the thread ends before this returns."""
        over = anyio.Event()
        with self._changed:
            if self._kept.pop(kept.key, None) is None or self._kept:
                return
            del _KEEPERS[id(self._store)]
            if not self._thread.is_alive():  # of a process this one was forked from
                return
            self._goodbye = EventLoop().bell(over.set)
            self._changed.notify()
        try:
            await uncut(over.wait)
        finally:  # a cancellation comes out of the wait, but not before its end
            if over.is_set():
                self._thread.join()  # it has nothing left to do

    def _work(self) -> None:
        is_told = False
        while True:
            try:
                anyio.run(self._renew)
                break
            except BaseException as error:  # noqa: BLE001 - what has stood in its way may be over at the next beat
                if not is_told:
                    _LOG.warning("leases in store %s cannot be renewed now: %s; trying again", self._store.name, error)
                is_told = True
            if not self._due():
                break
        with _LOCK:
            goodbye = self._goodbye
        if goodbye is not None:
            goodbye()

    async def _renew(self) -> None:
        while leases := self._due():
            try:
                answers = await self._store.renew([kept.key for kept in leases], LEASE)
                refused = [kept for kept, answer in zip(leases, answers, strict=True) if isinstance(answer, Refused)]
                free = await self._not_taken(refused)
            except Exception:  # noqa: BLE001, S112 - tried again; who has been followed is refused when he writes next
                continue
            for kept, answer in zip(leases, answers, strict=True):
                if kept.key not in free:
                    kept.tell(answer)

    async def _not_taken(self, refused: list[Kept]) -> set[tuple[str, int]]:
        """Those whose time is over, as the store was away for long, and which nobody has taken over since.

        They may still record what they have; a lease is asked for again and again until somebody has taken over.
        """
        if not refused:
            return set()
        records = await self._store.read([kept.key[0] for kept in refused])
        return {
            kept.key
            for kept, record in zip(refused, records, strict=True)
            if record is not None and record.epoch == kept.key[1] and record.owner is None
        }

    def _due(self) -> list[Kept]:
        """What is to be renewed, once it is time; nothing if there is nothing left to do."""
        with self._changed:
            self._changed.wait_for(lambda: not self._kept, min(BEAT, LEASE / 3))
            return list(self._kept.values())


def keep(store: Store, run: str, epoch: int) -> Kept | None:
    """Keep a lease alive until that is ended; None in a store that nobody else can use, where leases need no time."""
    if not store.is_shared:
        return None
    with _LOCK:
        keeper = _KEEPERS.get(id(store)) or Keeper(store)
        kept = Kept(keeper, run, epoch)
        keeper.employ(kept)
    return kept


def time_to_live(store: Store) -> float | None:
    """How long a lease in *store* lives unless it is renewed, in seconds; None as long as its owner does."""
    return LEASE if store.is_shared else None
