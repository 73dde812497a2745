"""Mistakes about leases."""

from taskorch.core.receipts import Refused, Renewed
from taskorch.stores import MemoryStore
from taskorch.stores.memory.tables import Tables
from taskorch.stores.standing import Standing
from tests.stores.mistakes.planting import mistake

_grant = Standing.grant


@mistake(
    "a_released_lease_gives_the_next_epoch",
    "writing_does_not_revive",
    "what_is_over_may_be_released",
    "a_lease_ends_by_the_clock",
    "mail_outlives_leases",
)
def an_epoch_is_skipped(patch):
    """Epochs have gaps."""

    def grant(self, owner, process, until):
        past = _grant(self, owner, process, until)
        self.epoch += self.epoch > 1
        return past

    patch.setattr(Standing, "grant", grant)


@mistake("a_released_lease_gives_the_next_epoch")
def numbers_go_on(patch):
    """A new lease does not number from 1."""

    def grant(self, owner, process, until):
        number, past = self.number, _grant(self, owner, process, until)
        self.number = number
        return past

    patch.setattr(Standing, "grant", grant)


@mistake("losses_are_counted")
def losses_are_not_counted(patch):
    """No loss is ever told."""

    def grant(self, owner, process, until):
        past = _grant(self, owner, process, until)
        self.losses = 0
        return past

    patch.setattr(Standing, "grant", grant)


@mistake("a_kept_unit_is_no_loss")
def losses_only_rise(patch):
    """A kept unit does not end a row of losses."""

    def grant(self, owner, process, until):
        losses, past = self.losses, _grant(self, owner, process, until)
        self.losses = max(losses, self.losses)
        return past

    patch.setattr(Standing, "grant", grant)


@mistake("a_lease_that_is_over_holds_nobody_off", "a_refused_write_ends_no_lease")
def leases_never_end(patch):
    """Time does not end a lease."""
    patch.setattr(Standing, "is_leased", lambda self, now: self.owner is not None)


@mistake("a_lease_is_not_shared")
def a_holder_gets_its_lease_again(patch):
    """Who holds a lease gets another."""
    lease = MemoryStore.lease

    async def again(self, owner, id, ttl=None, *, force=False):
        answer = await lease(self, owner, id, ttl, force=force)
        is_own = isinstance(answer, Refused) and answer.by == owner
        return await lease(self, owner, id, ttl, force=True) if is_own else answer

    patch.setattr(MemoryStore, "lease", again)


@mistake("force_takes_a_lease_over")
def force_is_not_heard(patch):
    """A living lease is never taken over."""
    lease = MemoryStore.lease

    async def weak(self, owner, id, ttl=None, *, force=False):
        return await lease(self, owner, id, ttl)

    patch.setattr(MemoryStore, "lease", weak)


@mistake("a_time_to_live_is_a_number")
def any_time_to_live_is_taken(patch):
    """A time that is no number is over at once."""
    patch.setattr("taskorch.stores.memory.store.lifetime", lambda store, ttl: 0)


@mistake("what_is_over_is_not_revived")
def renewals_revive(patch):
    """A lease that is over is renewed."""
    renewed = Tables.renewed
    patch.setattr(Tables, "renewed", lambda self, run, epoch, until, now: renewed(self, run, epoch, until, 0))


@mistake("another_epoch_is_not_renewed")
def renewals_do_not_ask_for_the_epoch(patch):
    """Any epoch is renewed."""
    renewed = Tables.renewed

    def any_epoch(self, run, epoch, until, now):
        return renewed(self, run, self.all[run].epoch if run in self.all else 0, until, now)

    patch.setattr(Tables, "renewed", any_epoch)


@mistake("a_lease_may_be_renewed_for_less")
def renewals_only_lengthen(patch):
    """A lease keeps the time it has."""
    renewed = Tables.renewed

    def longer(self, run, epoch, until, now):
        standing = self.all.get(run)
        return renewed(self, run, epoch, max(until, (standing and standing.until) or 0), now)

    patch.setattr(Tables, "renewed", longer)


@mistake("a_renewal_tells_of_mail")
def renewals_do_not_tell_of_mail(patch):
    """Mail is not told."""
    renewed = Tables.renewed

    def silent(self, run, epoch, until, now):
        answer = renewed(self, run, epoch, until, now)
        return Renewed(False) if isinstance(answer, Renewed) else answer

    patch.setattr(Tables, "renewed", silent)
