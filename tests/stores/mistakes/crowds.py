"""Mistakes that show when many call at once, at the end, and in what is read."""

import attrs

from taskorch.core.receipts import Claimed
from taskorch.stores import MemoryStore
from taskorch.stores.memory import store as memory
from taskorch.stores.memory.tables import Tables
from taskorch.stores.picking import pick
from taskorch.stores.settlement import Settlement
from taskorch.stores.standing import Standing
from tests.stores.mistakes.planting import mistake

_write = Settlement._write


@mistake("one_of_many_wins", "refusals_do_not_delay_a_lease")
def leases_are_given_after_a_pause(patch):
    """Between looking and giving others look."""
    lease = MemoryStore.lease

    async def late(self, owner, id, ttl=None, *, force=False):
        is_free = not self._tables.all[id].is_leased(self._now())
        await memory.checkpoint()
        return await lease(self, owner, id, ttl, force=is_free)

    patch.setattr(MemoryStore, "lease", late)


@mistake("nothing_is_given_twice", "a_lease_that_is_over_is_given_again")
def claims_are_given_after_a_pause(patch):
    """Between picking and giving others pick."""

    async def late(self, owner, lanes, limits, *ttl_and_n):
        tables, now = self._tables, self._now()
        ids = pick(lanes, tables.index.lines, tables.index.leased(), limits, ttl_and_n[1])
        await memory.checkpoint()
        return [tables.granted(id, owner, None, now) for id in ids]

    patch.setattr(MemoryStore, "claim", late)


@mistake("a_lease_is_read_back", "a_claim_gives_a_lease")
def the_record_of_a_lease_is_as_it_was(patch):
    """A lease shows the record as it stood before."""
    granted = Tables.granted

    def before(self, id, owner, until, now):
        record = self.record(id, now)
        given = granted(self, id, owner, until, now)
        return Claimed(epoch=given.epoch, record=record, losses=given.losses)

    patch.setattr(Tables, "granted", before)


@mistake("a_closed_store_does_nothing", "a_store_that_was_never_used_is_closed")
def a_closed_store_goes_on(patch):
    """Closing is forgotten."""
    patch.setattr(MemoryStore, "_enter", lambda self: memory.checkpoint())


@mistake("a_batch_is_in_order", "a_batch_sees_leases_that_it_ends", "a_batch_sees_messages_that_it_sends")
def a_batch_is_kept_backwards(patch):
    """The last unit comes first."""
    settle = Settlement.settle
    patch.setattr(Settlement, "settle", lambda self, units: settle(self, units[::-1])[::-1])


@mistake("records_are_found_by_state")
def the_first_state_is_found(patch):
    """The state of an update is not noted."""
    write = Tables.write

    def first(self, changes):
        states = dict(self._states)
        cursors = write(self, changes)
        self._states.update(states)
        return cursors

    patch.setattr(Tables, "write", first)


@mistake("an_entry_is_read_back", "a_repeat_has_no_effect", "a_repeat_is_known_before_what_stands_in_its_way")
def a_record_hides_its_entry_while_leased(patch):
    """The entry of a leased record is not shown."""
    record = Standing.record

    def shown(self, body, now):
        found = record(self, body, now)
        return attrs.evolve(found, entry=None) if found.owner else found

    patch.setattr(Standing, "record", shown)


@mistake("the_version_is_the_puts")
def versions_are_counted(patch):
    """The store counts versions itself."""

    def write(self, put):
        _write(self, put if put.expected is None else attrs.evolve(put, version=put.expected + 1))

    patch.setattr(Settlement, "_write", write)
