"""The mailbox of a run: messages from elsewhere, each handed out once."""

import logging
from collections.abc import Callable, Iterable
from threading import Lock
from weakref import WeakSet

from taskorch.core.requests import Request, asked
from taskorch.core.unit import Message
from taskorch.engine import committer
from taskorch.engine.committer import until_known
from taskorch.errors import StoreUnavailable, UnknownVerb
from taskorch.event_loops import EventLoop
from taskorch.protocols import Store

_LOG = logging.getLogger("taskorch")
_MANY = 1000
_OPEN: WeakSet["Mailbox"] = WeakSet()
_LOCK = Lock()


async def unread(store: Store, run_id: str) -> list[Message]:
    """All unread messages to a run."""
    n = _MANY
    while len(found := await store.messages(run_id, n)) == n:
        n *= 10
    return found


class Mailbox:
    """What is asked of one run by messages. All of it belongs to the event loop on which it was made.

    Attributes:
        heeded: The ids of those that were acted on, until it is said that the effect is recorded.
    """

    def __init__(self, store: Store, run_id: str) -> None:
        """The mailbox of a run in *store*. From now on nothing escapes it that this process asks of the run."""
        self._store, self.run_id = store, run_id
        self.heeded: list[str] = []
        self._known: set[str] = set()
        self._waiting: list[tuple[str, Request | None]] = []
        self._is_reading = self._has_mail = False
        self._hear: Callable[[], None] | None = None
        self.ring = EventLoop().bell(self._rung)
        with _LOCK:
            _OPEN.add(self)

    def listen(self, hear: Callable[[], None]) -> None:
        """Have *hear* called when this process has asked something; also if it has done so before."""
        self._hear = hear
        if self._has_mail:
            hear()

    async def look(self) -> bool:
        """Look for messages that have come since; whether there are any.

        Raises:
            StoreUnavailable: The store cannot be asked now.
        """
        return self._sort(await unread(self._store, self.run_id))

    async def read(self, ring: Callable[[], object]) -> None:
        """Look for messages that have come since, until the store can be asked, and *ring* if there are any.

        What has come meanwhile is seen too.
        """
        self._has_mail = True
        if self._is_reading:
            return
        self._is_reading = True
        try:
            while self._has_mail:
                self._has_mail = False
                try:
                    is_new = await until_known(self.look, limit=lambda: committer.REPEATS)
                except StoreUnavailable:
                    self._has_mail, is_new = True, False
                if is_new:
                    ring()
        finally:
            self._is_reading = False

    def take(self) -> list[Request | None]:
        """What is asked, in order, to be acted on at once; None for what cannot be understood."""
        taken, self._waiting = self._waiting, []
        self.heeded += [id for id, _ in taken]
        return [request for _, request in taken]

    def acted_on(self) -> list[str]:
        """The ids of the messages that were acted on, and whose effect is recorded now."""
        ids, self.heeded = self.heeded, []
        return ids

    def _rung(self) -> None:
        self._has_mail = True
        if self._hear is not None:
            self._hear()

    def _sort(self, messages: Iterable[Message]) -> bool:
        """Whether there is anything new among all unread *messages*."""
        unread = {message.id: message for message in messages}
        # What is unread no longer never comes back; what has been handed out is unread until its effect is recorded.
        new, self._known = [m for id, m in unread.items() if id not in self._known], set(unread)
        for message in new:
            try:
                request = asked(message)
            except UnknownVerb as error:
                _LOG.warning(
                    "run %s was told what it does not understand (message %s): %s", self.run_id, message.id, error
                )
                self._waiting.append((message.id, None))
            else:
                if request is not None:
                    self._waiting.append((message.id, request))
        return bool(self._waiting)


def ring(run_id: str) -> None:
    """Have those of this process who carry out a run look for messages, in whatever store it is."""
    with _LOCK:
        boxes = [box for box in _OPEN if box.run_id == run_id]
    for box in boxes:
        box.ring()
