"""A run in a store, wherever it is carried out: how it stands, and what is asked of it."""

import os

import attrs

from taskorch.core.json_text import described
from taskorch.core.receipts import Record, Refusal, Refused
from taskorch.core.requests import Request, asked, asking
from taskorch.core.task import Task
from taskorch.engine import arguments
from taskorch.engine.committer import until_known
from taskorch.engine.mailbox import ring, unread
from taskorch.errors import InvalidParameters, NotSteerable, StoreError, UnknownRun, UnknownVerb
from taskorch.protocols import Store


@attrs.frozen(kw_only=True)
class RemoteStatus:
    """How a run in a store stands.

    Attributes:
        task: The task of the run, with its state.
        owner: Who carries it out, as it names itself; None if nobody does.
        asked: What was asked of it and is not done yet, in order.
    """

    task: Task
    owner: str | None
    asked: tuple[str, ...]


class RemoteRun:
    """A run in a store, to be steered from wherever that store is open.

    What is asked is kept in the store, and done by whoever carries the run out, within a few seconds; if nobody does,
    by whoever takes it up next, before anything else. A call returns once the store has it.

    Stores that are not shared do not tell their only process that there are messages, so who asks does: he rings for
    whoever of this process carries the run out, also for one who has taken it up while the message was on its way.
    """

    def __init__(self, store: Store, run_id: str) -> None:
        """The run *run_id* in *store*."""
        self._store, self._run_id = store, run_id
        self._unsure: tuple[Request, str] | None = None  # what may have been kept, with the id of its message

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self._run_id

    async def status(self) -> RemoteStatus:
        """How it stands now.

        Raises:
            UnknownRun: The store has no such run.
            StoreError: The store failed.
        """
        record = await self.record()
        requests = []
        for message in await unread(self._store, self._run_id):
            try:
                requests.append(asked(message))
            except UnknownVerb:
                continue
        told = tuple(request.value for request in requests if request is not None)
        return RemoteStatus(task=Task.from_json(record.body), owner=record.owner, asked=told)

    async def pause(self) -> None:
        """Ask that nothing more is started; the run pauses once the bodies in flight have ended.

        Raises:
            UnknownRun: The store has no such run.
            NotSteerable: It has ended; or it is carried out by this very process, in a store that is not shared.
            StoreUnavailable: Whether the store has it is unknown; the same call again has the effect of one.
            StoreError: The store failed.
        """
        await self._ask(Request.PAUSE)

    async def resume(self) -> None:
        """Ask that it goes on after a pause. Errors are those of ``pause``."""
        await self._ask(Request.RESUME)

    async def cancel(self) -> None:
        """Ask that it ends for good, as ``cancelled``. Errors are those of ``pause``."""
        await self._ask(Request.CANCEL)

    async def _ask(self, request: Request) -> None:
        record = await self.record()
        task = Task.from_json(record.body)
        if task.is_final:
            raise NotSteerable(self._run_id, f"has ended ({task.state.current}): nothing can be asked of it any more")
        if record.owner is not None and not self._store.is_shared:
            raise NotSteerable(self._run_id, "is carried out in this process: ask its handle, or taskorch.monitor()")
        if self._unsure is None or self._unsure[0] is not request:
            self._unsure = request, f"{self._run_id}/{request}/{os.urandom(8).hex()}"
        unit = asking(self._run_id, *self._unsure)
        receipt = (await until_known(lambda: self._store.apply([unit])))[0]
        self._unsure = None
        if isinstance(receipt, Refused):
            if receipt.why is Refusal.UNKNOWN:  # forgotten meanwhile
                raise UnknownRun(self._run_id, store=self._store.name)
            raise StoreError(self._store.name, f"refused a message to run {self._run_id!r}: {receipt.why}")
        ring(self._run_id)

    async def record(self) -> Record:
        """The record of its task in the store. Errors are those of ``status``."""
        record = (await self._store.read([self._run_id]))[0]
        if record is None:
            raise UnknownRun(self._run_id, store=self._store.name)
        return record


async def find_run(store: Store, run_id: str) -> RemoteRun:
    """The run *run_id* in *store*, wherever it is carried out, to be watched and steered from here.

    Args:
        store: The open store it is kept in.
        run_id: Its id.

    Raises:
        UnknownRun: The store has no such run.
        InvalidParameters: *store* is no open store, or *run_id* no text.
        StoreError: The store failed.
    """
    given: object = store
    if given is None or isinstance(given, str | os.PathLike):
        raise InvalidParameters(["store: give an open store: async with taskorch.stores.SQLiteStore(…) as store"])
    arguments.check(params=None, context=None, concurrency=None, store=store)
    if not isinstance(run_id, str):
        raise InvalidParameters([f"run_id: expected a text, got {described(run_id)}"])
    run = RemoteRun(store, run_id)
    await run.record()
    return run
