"""The leases of this process: getting one, giving it back, and knowing those that were never given back."""

import os
from collections.abc import Sequence

import attrs

from taskorch.core import runs
from taskorch.core.receipts import Claimed, Refused
from taskorch.engine.cancellations import uncut
from taskorch.engine.committer import until_known
from taskorch.engine.keeper import Kept, keep, time_to_live
from taskorch.errors import RunBusy, StoreError, StoreUnavailable
from taskorch.protocols import Store

_LEFT: set[tuple[str, str]] = set()
"""Runs, each with an owner of this process who has ended without giving his lease back: his store had failed."""


def new_owner() -> str:
    """What a caller that takes hold of runs is called, for people who look where a run is; nobody else is called so."""
    from socket import gethostname  # of no use without a store

    return f"process {os.getpid()} on {gethostname()[:64]} (call {os.urandom(4).hex()})"


@attrs.frozen(kw_only=True)
class Claim:
    """A lease that was given to this process.

    Attributes:
        run_id: The run.
        owner: Who of this process it was given to.
        epoch: Its epoch.
        body: The document of the run's task, as JSON text.
        losses: How many leases in a row were lost before, without a single unit kept. 0 if the answer that said so was
            lost: stores tell it once, so what has cost several owners their lives may then cost one more.
        kept: What keeps the lease alive, if it has to be.
    """

    run_id: str
    owner: str
    epoch: int
    body: str
    losses: int
    kept: Kept | None = None

    def leave(self) -> None:
        """Its owner has ended, and could not give it back: the next one of this process may take it."""
        _LEFT.add((self.run_id, self.owner))


async def claim(store: Store, owner: str, run_id: str, claims: list[Claim]) -> None:
    """Get our lease on a run, which is put into *claims* and kept alive from then on.

    A claim whose outcome was unknown is made again; if it had been granted, the second finds the lease with
    *owner*, which nobody else is called.

    Raises:
        RunBusy: A living owner holds it.
        StoreError: The store failed.
    """
    try:
        answer = await until_known(lambda: _lease(store, owner, run_id))
        if isinstance(answer, Refused):
            record = (await until_known(lambda: store.read([run_id])))[0]
            if record is None or record.owner != owner:
                raise RunBusy(f"run {run_id!r}", answer.by or "another owner")
            answer = Claimed(epoch=record.epoch, record=record)
    except StoreUnavailable:
        _LEFT.add((run_id, owner))  # perhaps it was given all the same
        raise
    given = Claim(run_id=run_id, owner=owner, epoch=answer.epoch, body=answer.record.body, losses=answer.losses)
    claims.append(given)
    claims[0] = attrs.evolve(given, kept=keep(store, run_id, given.epoch))


async def _lease(store: Store, owner: str, run_id: str) -> Claimed | Refused:
    """Ask for the lease on a run; one that was left in this process is taken over."""
    answer = await store.lease(owner, run_id, time_to_live(store))
    if isinstance(answer, Claimed) or (left := (run_id, answer.by)) not in _LEFT:
        return answer
    _LEFT.remove(left)  # at once: of two who ask only one may take it over
    try:
        return await store.lease(owner, run_id, time_to_live(store), force=True)
    except StoreError:
        _LEFT.add(left)
        raise


async def give_back(store: Store, claim: Claim) -> None:
    """Release a lease under which nothing was written."""
    release = runs.release(claim.run_id, claim.epoch, 1)
    try:
        await uncut(lambda: until_known(lambda: store.apply([release])))
    except StoreError:
        claim.leave()
        raise
    finally:
        if claim.kept is not None:
            await claim.kept.end()


async def give_back_after(error: BaseException, store: Store, claims: Sequence[Claim]) -> None:
    """The same because of *error*, which stays what the caller hears of."""
    for claim in claims:
        try:
            await give_back(store, claim)
        except StoreError as second:
            error.add_note(f"and the lease of the run could not be given back: {second}")
