"""This process's hold on a run in a store: taking it up, and writing to it."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import attrs

from taskorch.core import runs
from taskorch.core.copies import maker
from taskorch.core.documents import JSON
from taskorch.core.events import Event
from taskorch.core.fingerprints import fingerprint
from taskorch.core.frontier.attempts import POISON_LIMIT
from taskorch.core.frontier.facts import Fact
from taskorch.core.receipts import Receipt, Refusal, Refused, Renewed
from taskorch.core.task import Task
from taskorch.core.unit import LeaseAction, Put, Unit
from taskorch.core.workflow import Workflow
from taskorch.engine.cancellations import uncut
from taskorch.engine.claims import Claim, claim, give_back, give_back_after
from taskorch.engine.committer import Committer, until_known
from taskorch.engine.mailbox import Mailbox
from taskorch.errors import PoisonedRun, StaleLease, StoreError
from taskorch.protocols import Clock, Store


@attrs.frozen
class Held:
    """A run as it was found in the store.

    Attributes:
        task: Its task.
        facts: What has happened so far.
        taken: What it takes to go on with it; None if the run has ended.
    """

    task: Task
    facts: list[Fact]
    taken: "Taken | None" = None


class Taken(NamedTuple):
    """Our lease on a run, and what is asked of it from elsewhere."""

    claim: Claim
    mailbox: Mailbox


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

    def new() -> tuple[Task, Event]:
        return runs.new_task(
            flow,
            mark=mark,
            run_id=run_id,
            params=flow.parameters if params is None else params,
            context=flow.context if context is None else context,
            now=clock.now(),
            restart_of=None if restart is None else restart.of,
        )

    task = await _read(store, run_id) or await _inserted(store, new, () if restart is None else restart.facts, tell)
    runs.require_same(task, mark, params, context)
    return await _held(store, owner, task)


async def _inserted(
    store: Store, new: Callable[[], tuple[Task, Event]], facts: Sequence[Fact], tell: Callable[[Event], None]
) -> Task:
    """The task of a new run, which is recorded; or of the one that somebody else has begun meanwhile."""
    task, event = new()
    insertion = runs.insertion(task, facts)
    receipt = (await until_known(lambda: store.apply([insertion])))[0]
    if isinstance(receipt, Refused):  # somebody was quicker
        return await until_known(lambda: _read(store, task.id)) or task
    tell(event)
    return task


async def _held(store: Store, owner: str, task: Task) -> Held:
    """Take hold of a run that is in the store."""
    if task.is_final:
        return Held(task, await _journal(store, task.id))
    claims: list[Claim] = []
    try:
        # From the claim on the lease must not get lost: it is noted before anybody hears of a cancellation.
        await uncut(lambda: claim(store, owner, task.id, claims))
        held = await _taken_up(store, claims[0])
    except BaseException as error:
        await give_back_after(error, store, claims)
        raise
    if held.task.is_final:
        await give_back(store, claims[0])
        return Held(held.task, held.facts)
    return held


async def _taken_up(store: Store, claim: Claim) -> Held:
    """The run as it stands now that nobody else writes to it."""
    if claim.losses >= POISON_LIMIT:
        raise PoisonedRun(claim.run_id, claim.losses)
    facts = await _journal(store, claim.run_id)
    mailbox = Mailbox(store, claim.run_id)
    await until_known(mailbox.look)
    return Held(Task.from_json(claim.body), facts, Taken(claim, mailbox))


_unit = maker(Unit)


class Lease:
    """Writes to a run under one epoch; what it is told is recorded in order, or the run is lost."""

    def __init__(
        self,
        committer: Committer,
        claim: Claim,
        task: Task,
        *,
        on_lost: Callable[[StaleLease | StoreError], None],
        on_mail: Callable[[], None],
    ) -> None:
        self._committer, self._on_lost, self._on_mail = committer, on_lost, on_mail
        self._claim, self._task, self._epoch = claim, task, claim.epoch
        self._number = 0
        self._is_released = self._is_over = self.is_lost = False
        if claim.kept is not None:
            claim.kept.listen(self._renewed)

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
                self._is_over |= release
                then()

        self._committer.submit(unit, on_receipt)

    async def end(self) -> None:
        """Keep it alive no longer; if it could not be given back, others of this process may take it."""
        if not (self._is_over or self.is_lost):
            self._claim.leave()
        if self._claim.kept is not None:
            await self._claim.kept.end()

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
    while entries := await until_known(partial(store.journal, run_id, cursor)):
        for entry in entries:
            facts.extend(entry.facts)
        cursor = entries[-1].cursor
    return facts
