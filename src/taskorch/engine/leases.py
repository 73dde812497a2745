"""This process's hold on a run in a store: getting it, writing under it, giving it back."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import attrs

from taskorch.core import runs
from taskorch.core.copies import maker
from taskorch.core.documents import JSON
from taskorch.core.events import Event
from taskorch.core.fingerprints import fingerprint
from taskorch.core.frontier.attempts import POISON_LIMIT
from taskorch.core.frontier.facts import Fact
from taskorch.core.receipts import Claimed, Receipt, Refusal, Refused, Renewed
from taskorch.core.task import Task
from taskorch.core.unit import LeaseAction, Message, Put, Unit
from taskorch.core.workflow import Workflow
from taskorch.engine.cancellations import uncut
from taskorch.engine.committer import Committer, until_known
from taskorch.engine.keeper import Kept, keep, time_to_live
from taskorch.engine.mailbox import unread
from taskorch.errors import PoisonedRun, RunBusy, StaleLease, StoreError
from taskorch.protocols import Clock, Store


def new_owner() -> str:
    """What a caller that takes hold of runs is called, for people who look where a run is; nobody else is called so."""
    from socket import gethostname  # of no use without a store

    return f"process {os.getpid()} on {gethostname()[:64]} (call {os.urandom(4).hex()})"


@attrs.frozen
class Held:
    """A run as it was found in the store.

    Attributes:
        task: Its task.
        facts: What has happened so far.
        epoch: That of our lease; None if the run has ended and needs none.
        kept: What keeps the lease alive, if it has to be.
        messages: The unread messages to it.
    """

    task: Task
    facts: list[Fact]
    epoch: int | None = None
    kept: Kept | None = None
    messages: Sequence[Message] = ()


@attrs.frozen(kw_only=True)
class Restart:
    """What a new run takes over from one that it does again.

    Attributes:
        of: The id of that run.
        facts: What has happened to the steps that are not run again.
    """

    of: str
    facts: tuple[Fact, ...]


async def hold(
    store: Store,
    owner: str,
    *,
    flow: Workflow,
    run_id: str,
    params: Mapping[str, JSON] | None,
    context: Mapping[str, JSON] | None,
    clock: Clock,
    tell: Callable[[Event], None],
    restart: Restart | None = None,
) -> Held:
    """Take hold of a run: a new one, or one that was left.

    Args:
        store: Where it is kept.
        owner: What this caller is called in messages; nobody else is called so.
        flow: Its workflow.
        run_id: Its id.
        params: Its params; None for those it was started with.
        context: Its context; None likewise.
        clock: Tells when a new run began.
        tell: Hears of a new run once it is recorded, and of nothing if there was one.
        restart: What a new run takes over; recorded together with it.

    Raises:
        WorkflowChanged: The run was started with something else.
        RunBusy: A living owner holds it.
        PoisonedRun: It has cost one owner after the other its life, before they could record anything.
        StoreError: The store failed.
    """
    mark = fingerprint(flow)
    task, is_new = await _read(store, run_id), False
    if task is None:
        task, event = runs.new_task(
            flow,
            mark=mark,
            run_id=run_id,
            params=flow.parameters if params is None else params,
            context=flow.context if context is None else context,
            now=clock.now(),
            restart_of=None if restart is None else restart.of,
        )
        insertion = runs.insertion(task, () if restart is None else restart.facts)
        receipt = (await until_known(lambda: store.apply([insertion])))[0]
        if isinstance(receipt, Refused):  # somebody was quicker
            task = await _read(store, run_id) or task
        else:
            is_new = True
            tell(event)
    runs.require_same(task, mark, params, context)
    if task.is_final:
        return Held(task, await _journal(store, run_id))
    claims: list[_Claim] = []
    try:
        # From the claim on the lease must not get lost: it is noted before anybody hears of a cancellation.
        await uncut(lambda: _claim(store, owner, run_id, claims))
        held = await _taken_up(store, run_id, claims[0], is_new=is_new)
    except BaseException as error:
        for claim in claims:
            await give_back_after(error, store, run_id, claim.granted.epoch, claim.kept)
        raise
    if held.task.is_final:
        await give_back(store, run_id, claims[0].granted.epoch, claims[0].kept)
        return Held(held.task, held.facts)
    return held


class _Claim(NamedTuple):
    """A lease that was given, and what keeps it alive."""

    granted: Claimed
    kept: Kept | None


async def _claim(store: Store, owner: str, run_id: str, claims: list[_Claim]) -> None:
    """Get our lease on a run, which is put into *claims* and kept alive from then on.

    A claim whose outcome was unknown is made again; if it had been granted, the second finds the lease with
    *owner*, which nobody else is called.
    """
    answer = await until_known(lambda: store.lease(owner, run_id, time_to_live(store)))
    if isinstance(answer, Refused):
        record = (await store.read([run_id]))[0]
        if record is None or record.owner != owner:
            raise RunBusy(f"run {run_id!r}", answer.by or "another owner")
        answer = Claimed(epoch=record.epoch, record=record)
    claims.append(_Claim(answer, None))
    claims[0] = _Claim(answer, keep(store, run_id, answer.epoch))


async def _taken_up(store: Store, run_id: str, claim: _Claim, *, is_new: bool) -> Held:
    """The run as it stands now that nobody else writes to it; one that *is_new* has no history."""
    granted = claim.granted
    if granted.losses >= POISON_LIMIT:
        raise PoisonedRun(run_id, granted.losses)
    facts = await _journal(store, run_id)
    messages = () if is_new else await until_known(lambda: unread(store, run_id))
    return Held(Task.from_json(granted.record.body), facts, granted.epoch, claim.kept, messages)


_unit = maker(Unit)


class Lease:
    """Writes to a run under one epoch; what it is told is recorded in order, or the run is lost."""

    def __init__(
        self,
        committer: Committer,
        held: Held,
        *,
        on_lost: Callable[[StaleLease | StoreError], None],
        on_mail: Callable[[], None],
    ) -> None:
        assert held.epoch is not None  # noqa: S101 - a run that has ended is not written to
        self._committer, self._on_lost, self._on_mail = committer, on_lost, on_mail
        self._task, self._epoch, self._kept = held.task, held.epoch, held.kept
        self._number = 0
        self._is_released = self.is_lost = False
        if self._kept is not None:
            self._kept.listen(self._renewed)

    @property
    def task(self) -> Task:
        """The task of the run as it was decided last."""
        return self._task

    def write(
        self,
        facts: Callable[[], Sequence[Fact]],
        then: Callable[[], None],
        *,
        task: Task | None = None,
        consumed: Sequence[str] = (),
        release: bool = False,
    ) -> None:
        """Record *facts*, and *task* if it has changed; call *then* when they are safe.

        What the facts are is asked when the way to the store is free. The messages *consumed* are those that have
        been acted on by that.
        """
        self._number += 1
        self._is_released |= release
        puts: tuple[Put, ...] = ()
        if task is not None:
            puts, self._task = (runs.put_of(task, self._task),), task
        number, lease = self._number, LeaseAction.RELEASE if release else LeaseAction.KEEP

        def unit() -> Unit:
            return _unit(
                run=self._task.id,
                epoch=self._epoch,
                number=number,
                puts=puts,
                consumed=tuple(consumed),
                facts=tuple(facts()),
                lease=lease,
            )

        def on_receipt(receipt: Receipt) -> None:
            if isinstance(receipt, Refused):
                self._lose(receipt)
            elif not self.is_lost:
                then()

        self._committer.submit(unit, on_receipt)

    async def end(self) -> None:
        """Keep it alive no longer."""
        if self._kept is not None:
            await self._kept.end()

    def _renewed(self, answer: Renewed | Refused) -> None:
        if isinstance(answer, Renewed):
            self._on_mail()
        elif not self._is_released:  # else it was given back meanwhile, or the unit that does so will be refused
            self._lose(answer)

    def _lose(self, refusal: Refused) -> None:
        if self.is_lost:
            return
        self.is_lost = True
        if refusal.why is Refusal.STALE_LEASE:
            self._on_lost(StaleLease(self._task.id, self._epoch))
        else:
            self._on_lost(StoreError("of the run", f"refused a unit of run {self._task.id!r}: {refusal.why}"))


async def _read(store: Store, run_id: str) -> Task | None:
    record = (await store.read([run_id]))[0]
    return None if record is None else Task.from_json(record.body)


async def _journal(store: Store, run_id: str) -> list[Fact]:
    facts: list[Fact] = []
    cursor = 0
    while entries := await store.journal(run_id, cursor):
        for entry in entries:
            facts.extend(entry.facts)
        cursor = entries[-1].cursor
    return facts


async def give_back(store: Store, run_id: str, epoch: int, kept: Kept | None) -> None:
    """Release a lease under which nothing was written."""
    release = runs.release(run_id, epoch, 1)
    try:
        await uncut(lambda: until_known(lambda: store.apply([release])))
    finally:
        if kept is not None:
            await kept.end()


async def give_back_after(error: BaseException, store: Store, run_id: str, epoch: int, kept: Kept | None) -> None:
    """The same because of *error*, which stays what the caller hears of."""
    try:
        await give_back(store, run_id, epoch, kept)
    except StoreError as second:
        error.add_note(f"and the lease of the run could not be given back: {second}")
