"""Mistakes around the calls of verbs: what goes in or comes out is changed on its way."""

import json
from functools import partial

import anyio
import attrs
from anyio.lowlevel import checkpoint

from taskorch.core.receipts import Claimed, Done, Page, Refusal, Refused, Renewed, Repeated
from taskorch.core.selection import Filter, Lane
from taskorch.stores import MemoryStore
from taskorch.stores.memory.tables import Tables
from taskorch.stores.settlement import Settlement
from tests.stores.mistakes.planting import mistake


def _around(patch, verb, wrong):
    """Have *wrong* called instead of a verb, with the real one, the store and the arguments."""
    right = getattr(MemoryStore, verb)

    async def around(self, *args, **options):
        return await wrong(partial(right, self), *args, **options)

    patch.setattr(MemoryStore, verb, around)


def _of_units(patch, changed):
    """Have each unit changed before it is applied."""

    async def apply(right, units):
        return await right([changed(unit) for unit in units])

    _around(patch, "apply", apply)


# --- records -----------------------------------------------------------------------------------------------


@mistake("it_has_a_name")
def it_has_no_name(patch):
    """The store is called nothing."""
    patch.setattr(MemoryStore, "name", "")


@mistake("an_insert_is_read_back")
def bodies_are_read_as_values(patch):
    """A body is a JSON value, whatever its letters were."""

    async def read(right, ids):
        return [r and attrs.evolve(r, body=json.dumps(json.loads(r.body))) for r in await right(ids)]

    _around(patch, "read", read)


@mistake("read_keeps_the_order_asked_for")
def records_are_read_by_their_ids(patch):
    """The records come in the order of their ids."""
    _around(patch, "read", lambda right, ids: right(sorted(ids)))


@mistake("a_unit_writes_several_records")
def two_records_are_enough(patch):
    """Of the puts of a unit the first two are written."""
    _of_units(patch, lambda unit: attrs.evolve(unit, puts=unit.puts[:2]))


@mistake("an_entry_is_replaced_and_taken_away")
def what_is_not_there_cannot_be_taken_away(patch):
    """Who takes away the entry of no record is refused."""

    async def apply(right, units):
        asked = {id for unit in units for id in unit.gone}
        none = {id for id in asked if "none" in id}
        return [Refused(Refusal.UNKNOWN, id=id) for id in none] or await right(units)

    _around(patch, "apply", apply)


# --- units -------------------------------------------------------------------------------------------------


@mistake("a_unit_without_puts_and_messages_is_no_repeat")
def what_is_nothing_new_is_a_repeat(patch):
    """A client's unit of which nothing is missing is a repeat, facts or not."""
    objection = Settlement._objection

    def wrong(self, unit):
        return Repeated() if not unit.epoch and self._is_kept(unit) else objection(self, unit)

    patch.setattr(Settlement, "_objection", wrong)


@mistake("what_a_unit_puts_is_there")
def only_what_was_there_is_there(patch):
    """A unit may not tell, nor let wait, what it puts itself."""
    there = Settlement._not_there

    def wrong(self, unit):
        new = [put.id for put in unit.puts if put.expected is None]
        needed = [*(entry.id for entry in unit.entries), *(message.run for message in unit.messages)]
        unknown = [id for id in needed if id in new]
        return Refused(Refusal.UNKNOWN, id=unknown[0]) if unknown else there(self, unit)

    patch.setattr(Settlement, "_not_there", wrong)


@mistake("a_stale_lease_is_told_first")
def a_stale_lease_is_told_last(patch):
    """Rules 4 to 8 come before rule 2."""
    objection = Settlement._objection

    def wrong(self, unit):
        said = objection(self, unit)
        if isinstance(said, Refused) and said.why is Refusal.STALE_LEASE and unit.run in self._standings:
            return self._not_new(unit) or self._not_free(unit) or self._not_there(unit) or said
        return said

    patch.setattr(Settlement, "_objection", wrong)


@mistake("cursors_rise")
def every_unit_has_a_cursor(patch):
    """A unit without facts is told a cursor, too."""

    async def apply(right, units):
        return [Done(1) if receipt == Done(0) else receipt for receipt in await right(units)]

    _around(patch, "apply", apply)


@mistake("details_are_json")
def great_numbers_are_floats(patch):
    """Numbers beyond 53 bits lose their last digits."""

    def lossy(value):
        if isinstance(value, list):
            return [lossy(one) for one in value]
        return float(value) if type(value) is int and abs(value) > 2**53 else value

    async def journal(right, *args):
        found = await right(*args)
        return [attrs.evolve(e, facts=tuple((*fact[:4], lossy(fact[4])) for fact in e.facts)) for e in found]

    _around(patch, "journal", journal)


@mistake("an_owner_tells_others")
def owners_tell_only_themselves(patch):
    """Messages of an owner to others are lost."""
    _of_units(
        patch,
        lambda unit: attrs.evolve(
            unit, messages=tuple(m for m in unit.messages if not unit.epoch or m.run == unit.run)
        ),
    )


# --- leases and claims -------------------------------------------------------------------------------------


@mistake("nothing_unknown_is_leased")
def what_is_unknown_is_busy(patch):
    """A lease of no record is refused as if somebody had it."""

    async def lease(right, *args, **options):
        answer = await right(*args, **options)
        return Refused(Refusal.BUSY, id=answer.id) if isinstance(answer, Refused) else answer

    _around(patch, "lease", lease)


@mistake("a_lease_lives_as_long_as_its_owner")
def a_lease_without_a_time_is_over(patch):
    """A lease with the time None has none."""
    _around(patch, "lease", lambda right, owner, id, ttl=None, **options: right(owner, id, ttl or 0, **options))


@mistake("force_is_for_free_records_too")
def force_needs_somebody_to_be_forced(patch):
    """With force a record without a lease is refused."""

    async def lease(right, *args, force=False):
        held = await right("nobody", *args[1:2], 0) if force else None
        return Refused(Refusal.UNKNOWN) if isinstance(held, Claimed) else await right(*args, force=force)

    _around(patch, "lease", lease)


@mistake("a_living_lease_is_renewed")
def renewals_are_answered_by_run(patch):
    """The answers come in the order of the runs."""
    _around(patch, "renew", lambda right, leases, ttl: right(sorted(leases), ttl))


@mistake("a_renewed_lease_lives_longer")
def renewals_change_nothing(patch):
    """A renewal is answered, and the lease has the time it had."""

    async def renew(right, leases, ttl):
        return [Renewed(False) if isinstance(answer, Renewed) else answer for answer in await right(leases, 0.1)]

    _around(patch, "renew", renew)


@mistake("ids_are_ordered_by_code_points")
def ids_are_ordered_as_in_a_dictionary(patch):
    """Of equal ranks the first in a dictionary comes first."""

    async def claim(right, *args):
        found = await right(*args)
        return sorted(found, key=lambda given: (given.record.entry.rank, given.record.id.casefold()))

    _around(patch, "claim", claim)


@mistake("nothing_comes_of_nothing")
def no_lanes_are_all_lanes(patch):
    """Who names no lane takes from all."""
    _around(patch, "claim", lambda right, owner, lanes, *more: right(owner, lanes or [Lane(("q", "p"))], *more))


@mistake("an_entry_may_go_on_elsewhere")
def owners_leave_entries_where_they_are(patch):
    """An owner's entry stays in its queue."""
    _of_units(
        patch,
        lambda unit: attrs.evolve(
            unit, entries=tuple(attrs.evolve(e, queue="q") if unit.epoch else e for e in unit.entries)
        ),
    )


# --- finding, events and forgetting ------------------------------------------------------------------------


@mistake("records_are_found_by_parent")
def a_parent_is_not_asked_for(patch):
    """Whatever the parent is, records are found."""
    _around(patch, "find", lambda right, where, *more: right(attrs.evolve(where, parent=None), *more))


@mistake("conditions_are_met_together")
def one_condition_is_enough(patch):
    """Records are found that meet the state, whatever else is asked for."""

    async def find(right, where, *more):
        return await right(Filter(states=where.states) if where.states and where.queue else where, *more)

    _around(patch, "find", find)


@mistake("what_is_found_is_read_in_pages")
def a_page_begins_with_the_last_one(patch):
    """The record with the id *after* is found again."""

    async def find(right, where, after="", n=1000):
        return (([r for r in await right(where) if r.id == after] if after else []) + await right(where, after, n))[:n]

    _around(patch, "find", find)


@mistake("a_unit_is_told_whole")
def a_unit_is_told_by_its_last_fact(patch):
    """Of the facts of a unit the last one is told."""

    async def events(right, *args):
        page = await right(*args)
        return Page(tuple(attrs.evolve(entry, facts=entry.facts[-1:]) for entry in page.entries), page.cursor)

    _around(patch, "events", events)


@mistake("what_is_forgotten_makes_room")
def what_is_forgotten_still_waits(patch):
    """Rooms count what was forgotten."""
    waiting, trim, gone = Tables.waiting, Tables.trim, []

    def counted(self, *args):
        found = trim(self, *args)
        gone.append(found)
        return found

    patch.setattr(Tables, "trim", counted)
    patch.setattr(Tables, "waiting", lambda self, queue: waiting(self, queue) + sum(gone))


# --- crowds and ends ---------------------------------------------------------------------------------------


@mistake("many_may_apply_at_once")
def one_at_a_time(patch):
    """A call that comes while another one is under way is an error."""
    busy = []

    async def apply(right, units):
        if busy:
            raise AssertionError("the store is busy")
        busy.append(1)
        try:
            await checkpoint()
            return await right(units)
        finally:
            busy.clear()

    _around(patch, "apply", apply)


@mistake("closing_twice_does_no_harm")
def what_is_closed_cannot_be_closed(patch):
    """The second closing is an error."""
    close, closings = MemoryStore.aclose, []

    async def aclose(self):
        closings.append(self)
        if len(closings) == 2:
            raise AssertionError("is closed")
        await close(self)

    patch.setattr(MemoryStore, "aclose", aclose)


@mistake("a_cancelled_wait_for_hints_ends")
def who_was_cancelled_hears_no_more(patch):
    """Who has cancelled a wait is given nothing any more."""
    gone = []

    async def hints(right):
        try:
            await right()
        finally:
            gone.append(True)

    async def claim(right, *args):
        return [] if gone else await right(*args)

    _around(patch, "hints", hints)
    _around(patch, "claim", claim)


@mistake("a_cancelled_call_did_it_or_not")
def a_batch_may_be_cut(patch):
    """Units of a batch are kept one after the other, and a cancellation comes between."""

    async def apply(right, units):
        receipts = []
        for unit in units:
            with anyio.CancelScope(shield=True):
                receipts += await right([unit])
            await checkpoint()
        return receipts

    _around(patch, "apply", apply)
