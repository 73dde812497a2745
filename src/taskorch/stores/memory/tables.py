"""All that a store in memory keeps."""

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Sequence
from operator import itemgetter

from taskorch.core.receipts import Claimed, Entry, Page, Record, Refusal, Refused, Renewed
from taskorch.core.selection import Filter
from taskorch.core.unit import Message
from taskorch.stores.journal import facts
from taskorch.stores.memory.index import Index
from taskorch.stores.settlement import Changes
from taskorch.stores.standing import Standing

_cursor = itemgetter(0)


class Tables:
    """All that is kept; does what a settlement asks of tables.

    Args:
        now: The clock of the store.

    Attributes:
        all: How every record stands, by id.
        index: Where their entries wait.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self.all: dict[str, Standing] = {}
        self.index = Index()
        self._journals: dict[str, list[tuple[int, str]]] = {}
        self._mail: dict[str, dict[str, Message]] = {}
        self._bodies: dict[str, str] = {}
        self._states: dict[str, tuple[str, str | None]] = {}
        self._numbers: dict[str, dict[int, int]] = {}
        self._messages: dict[str, Message] = {}
        self._events: list[tuple[int, str, str]] = []
        self._last_cursor = 0
        self._first_epoch = 0

    # --- for a settlement ------------------------------------------------------------------------------------

    def standings(self, ids: Collection[str]) -> Iterable[Standing]:
        """How the records of *ids* stand; those that there are."""
        return [standing for id in ids if (standing := self.all.get(id)) is not None]

    def body(self, id: str) -> str:
        """The body of a record that there is."""
        return self._bodies[id]

    def number(self, run: str, epoch: int) -> int:
        """The number of the last unit kept under an epoch before the last."""
        return self._numbers.get(run, {}).get(epoch, 0)

    def sent(self, ids: Collection[str]) -> Iterable[Message]:
        """The messages of *ids*; those that there are."""
        return [message for id in ids if (message := self._messages.get(id)) is not None]

    def waiting(self, queue: str) -> int:
        """How many entries wait in a queue, as the index was looked through last."""
        return self.index.waiting(queue)

    def first_epoch(self) -> int:
        """What the epochs of a new record begin above."""
        return self._first_epoch

    def write(self, changes: Changes) -> Sequence[int]:
        """Take *changes* over; the cursors of the facts."""
        for put in changes.puts.values():
            self._bodies[put.id], self._states[put.id] = put.body, (put.state, put.parent)
        now = self._now()
        for id, standing in changes.standings.items():
            self.all[id] = standing
            self.index.put(standing, now)
        for message in changes.sent.values():
            self._messages[message.id] = self._mail.setdefault(message.run, {})[message.id] = message
        return [self._appended(run, text) for run, _, _, text in changes.facts]

    def _appended(self, run: str, text: str) -> int:
        self._last_cursor += 1
        self._journals.setdefault(run, []).append((self._last_cursor, text))
        self._events.append((self._last_cursor, run, text))
        return self._last_cursor

    # --- for the other verbs ---------------------------------------------------------------------------------

    def granted(self, id: str, owner: str, until: int | None, now: int) -> Claimed:
        """Give *owner* the next lease of a record."""
        standing = self.all[id]
        if (past := standing.grant(owner, "", until)) is not None:
            self._numbers.setdefault(id, {})[past[0]] = past[1]
        self.index.put(standing, now)
        return Claimed(epoch=standing.epoch, record=self.record(id, now), losses=standing.losses)

    def renewed(self, run: str, epoch: int, until: int | None, now: int) -> Renewed | Refused:
        """Let a lease live until then, if it lives."""
        standing = self.all.get(run)
        if standing is None:
            return Refused(Refusal.STALE_LEASE, id=run)
        answer = standing.renew(epoch, until, now)
        self.index.put(standing, now)
        return answer

    def record(self, id: str, now: int) -> Record:
        """What is shown of a record that there is."""
        return self.all[id].record(self._bodies[id], now)

    def found(self, where: Filter, after: str, n: int, now: int) -> list[Record]:
        """At most *n* records that meet *where* behind *after*."""
        ids = sorted(id for id in self.all if id > after and self._meets(id, where))
        return [self.record(id, now) for id in ids[: max(n, 0)]]

    def _meets(self, id: str, where: Filter) -> bool:
        state, parent = self._states[id]
        entry = self.all[id].entry
        return (
            (where.states is None or state in where.states)
            and (where.parent is None or where.parent == parent)
            and (where.queue is None or (entry is not None and entry.queue == where.queue))
        )

    def journal(self, run: str, after: int, n: int) -> list[Entry]:
        """At most *n* units' facts of a run behind *after*."""
        entries = self._journals.get(run, [])
        first = bisect_right(entries, after, key=_cursor)
        return [Entry(cursor=at, run=run, facts=facts(text)) for at, text in entries[first : first + n]]

    def unread(self, run: str, n: int) -> list[Message]:
        """At most *n* unread messages to a run."""
        standing = self.all.get(run)
        if standing is None:
            return []
        return [message for message in self._mail.get(run, {}).values() if message.id in standing.unread][:n]

    def page(self, after: int, n: int) -> Page:
        """At most *n* units' facts of all runs behind *after*."""
        first = bisect_right(self._events, after, key=_cursor)
        found = self._events[first : first + n]
        entries = tuple(Entry(cursor=at, run=run, facts=facts(text)) for at, run, text in found)
        return Page(entries, str(found[-1][0] if found else after))

    def trim(self, finished_before: int, n: int, now: int) -> int:
        """Forget at most *n* records that finished before."""
        old = [
            id
            for id, standing in self.all.items()
            if standing.finished_at is not None
            and standing.finished_at < finished_before
            and not standing.is_leased(now)
        ][: max(n, 0)]
        for id in old:
            self._forget(id)
        gone = set(old)
        self._events = [event for event in self._events if event[1] not in gone]
        return len(old)

    def _forget(self, id: str) -> None:
        self.index.take(id)
        self._first_epoch = max(self._first_epoch, self.all[id].epoch)
        for message in self._mail.pop(id, {}):
            del self._messages[message]
        del self.all[id], self._bodies[id], self._states[id]
        self._numbers.pop(id, None)
        self._journals.pop(id, None)
