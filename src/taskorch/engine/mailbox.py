"""The mailbox of a run: messages from elsewhere, each handed out once."""

import logging
from collections.abc import Callable, Iterable

from taskorch.core.requests import Request, asked
from taskorch.core.unit import Message
from taskorch.errors import StoreUnavailable, UnknownVerb
from taskorch.protocols import Store

_LOG = logging.getLogger("taskorch")
_MANY = 1000


async def unread(store: Store, run_id: str) -> list[Message]:
    """All unread messages to a run."""
    n = _MANY
    while len(found := await store.messages(run_id, n)) == n:
        n *= 10
    return found


class Mailbox:
    """What is asked of one run by messages.

    Attributes:
        heeded: The ids of those that were acted on, until it is said that the effect is recorded.
    """

    def __init__(self, store: Store, run_id: str, messages: Iterable[Message]) -> None:
        """The mailbox of a run in *store* with these unread *messages*."""
        self._store, self._run_id = store, run_id
        self.heeded: list[str] = []
        self._known: set[str] = set()
        self._waiting: list[tuple[str, Request | None]] = []
        self._is_reading = False
        self._sort(messages)

    async def read(self, ring: Callable[[], object]) -> None:
        """Look for messages that have come since, and *ring* if there are any.

        If the store cannot be asked now, nothing is done: as long as they are unread it is told again that they are.
        """
        if self._is_reading:
            return
        self._is_reading = True
        try:
            found = await unread(self._store, self._run_id)
        except StoreUnavailable:
            return
        finally:
            self._is_reading = False
        if self._sort(found):
            ring()

    def take(self) -> list[Request | None]:
        """What is asked, in order, to be acted on at once; None for what cannot be understood."""
        taken, self._waiting = self._waiting, []
        self.heeded += [id for id, _ in taken]
        return [request for _, request in taken]

    def acted_on(self) -> list[str]:
        """The ids of the messages that were acted on, and whose effect is recorded now."""
        ids, self.heeded = self.heeded, []
        return ids

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
                    "run %s was told what it does not understand (message %s): %s", self._run_id, message.id, error
                )
                self._waiting.append((message.id, None))
            else:
                if request is not None:
                    self._waiting.append((message.id, request))
        return bool(self._waiting)
