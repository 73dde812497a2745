"""Mistakes in the rules of ``apply``."""

import attrs

from taskorch.core.receipts import Refusal, Refused, Repeated
from taskorch.core.unit import LeaseAction
from taskorch.stores import settlement
from taskorch.stores.clock import system_time
from taskorch.stores.memory.index import Index
from taskorch.stores.memory.tables import Tables
from taskorch.stores.settlement import Settlement
from taskorch.stores.standing import Place, Standing
from tests.stores.mistakes.planting import mistake

_objection = Settlement._objection
_keep = Settlement._keep
_close = Settlement._close
_not_new = Settlement._not_new


@mistake("a_repeated_number_is_known", "a_repeat_is_known_before_its_put")
def a_repeated_unit_is_kept_again(patch):
    """Numbers are forgotten."""
    patch.setattr(Settlement, "_number", lambda self, standing, unit: 0)


@mistake("a_repeat_of_an_old_epoch_is_known")
def numbers_of_old_epochs_are_forgotten(patch):
    """Only the number of the last epoch is known."""
    patch.setattr(Tables, "number", lambda self, run, epoch: 0)


@mistake("a_repeat_is_known_without_the_lease")
def rule_2_comes_before_rule_1(patch):
    """Who has no lease is told so even when the unit is known."""

    def objection(self, unit):
        standing = self._standings.get(unit.run)
        if unit.epoch > 0 and (standing is None or not standing.is_current(unit.epoch)):
            return Refused(Refusal.STALE_LEASE, id=unit.run)
        return _objection(self, unit)

    patch.setattr(Settlement, "_objection", objection)


@mistake("only_the_current_lease_writes")
def any_epoch_of_a_living_lease_writes(patch):
    """The epoch is not compared."""
    patch.setattr(Standing, "is_current", lambda self, epoch: self.owner is not None)


@mistake("what_is_over_still_writes", "a_message_ends_no_lease")
def what_is_over_does_not_write(patch):
    """A lease is current only while it lives."""
    patch.setattr(Standing, "is_current", lambda self, epoch: self.epoch == epoch and self.is_leased(system_time()))


@mistake(
    "another_insert_is_refused",
    "a_repeated_update_is_known",
    "a_repeated_message_is_known",
    "a_message_needs_no_lease",
    "what_is_not_there_is_unknown",
    "consuming_what_is_not_there_is_nothing",
    "who_is_busy_is_told_before_a_version",
    "a_version_is_told_before_what_is_unknown",
    "what_is_consumed_is_unread_no_longer",
    "the_last_put_says_whether_it_finished",
    "no_message_of_a_crowd_is_lost",
)
def an_insert_is_known_by_its_id(patch):
    """Version and body are not compared."""
    patch.setattr(Settlement, "_is_kept", lambda self, unit: all(put.id in self._standings for put in unit.puts))


@mistake("a_part_is_no_repeat", "a_repeated_insert_is_known")
def a_repeat_is_known_by_a_part(patch):
    """One message that was sent makes a repeat."""
    patch.setattr(Settlement, "_is_kept", lambda self, unit: any(m.id in self._sent for m in unit.messages))


@mistake("an_owners_insert_is_not_known_by_its_body")
def owners_repeat_like_clients(patch):
    """Rule 3 is applied to owners."""

    def objection(self, unit):
        return Repeated() if unit.puts and self._is_kept(unit) else _objection(self, unit)

    patch.setattr(Settlement, "_objection", objection)


@mistake("a_message_is_sent_once")
def a_message_may_be_sent_twice(patch):
    """Only records are asked for."""
    patch.setattr(Settlement, "_not_new", lambda self, unit: _not_new(self, attrs.evolve(unit, messages=())))


@mistake("only_the_owner_writes")
def anybody_writes_to_leased_records(patch):
    """Rule 5 is left out."""
    patch.setattr(Settlement, "_not_free", lambda self, unit: None)


@mistake("only_the_owner_moves_an_entry")
def anybody_moves_entries_of_leased_records(patch):
    """Rule 5 is for puts only."""
    patch.setattr(settlement, "_touched", lambda unit: [put.id for put in unit.puts])


@mistake("an_owner_does_not_write_to_anothers_run")
def owners_write_to_any_run(patch):
    """Rule 5 is for clients only."""
    not_free = Settlement._not_free
    patch.setattr(Settlement, "_not_free", lambda self, unit: None if unit.epoch else not_free(self, unit))


@mistake("what_exists_is_told_before_who_is_busy")
def rule_5_comes_before_rule_4(patch):
    """Who is busy is told first."""
    not_free = Settlement._not_free
    patch.setattr(Settlement, "_not_new", lambda self, unit: not_free(self, unit) or _not_new(self, unit))


@mistake("what_is_unknown_is_told_before_the_room")
def rule_8_comes_before_rule_7(patch):
    """Want of room is told first."""
    not_there = Settlement._not_there
    patch.setattr(Settlement, "_not_there", lambda self, unit: self._no_room(unit) or not_there(self, unit))


@mistake("an_update_needs_the_version")
def any_version_will_do(patch):
    """Rules 6 and 7 are left out."""
    patch.setattr(Settlement, "_not_there", lambda self, unit: None)


@mistake(
    "a_room_is_not_overfilled",
    "a_room_is_only_for_whom_it_names",
    "all_entries_of_a_unit_count",
    "what_leaves_makes_room",
    "those_that_are_not_due_wait",
    "a_room_is_kept_by_a_crowd",
)
def rooms_are_not_asked(patch):
    """Rule 8 is left out."""
    patch.setattr(Settlement, "_no_room", lambda self, unit: None)


@mistake("what_is_replaced_does_not_count_twice")
def entries_that_are_replaced_count_twice(patch):
    """What waits before is not looked at."""
    moves = Settlement._moves
    patch.setattr(Settlement, "_moves", lambda self, unit: [(None, after) for _, after in moves(self, unit)])


@mistake("what_is_handed_back_waits")
def what_is_handed_back_finds_room(patch):
    """A release by itself moves nothing."""
    moves = Settlement._moves
    kept = LeaseAction.KEEP
    patch.setattr(Settlement, "_moves", lambda self, unit: moves(self, attrs.evolve(unit, lease=kept)))


@mistake("a_batch_fills_rooms")
def a_batch_does_not_see_who_waits(patch):
    """Who waits is counted once for a batch."""
    patch.setattr(Settlement, "_moved", lambda self, before, standing: None)


@mistake("those_that_are_leased_do_not_wait")
def the_leased_take_room(patch):
    """Entries under a lease are counted."""
    waiting = Index.waiting
    patch.setattr(Index, "waiting", lambda self, queue: waiting(self, queue) + len(self._leased))


@mistake("those_that_are_not_due_wait")
def what_was_to_come_takes_room_for_ever(patch):
    """Entries that were not due are counted although they have been taken away."""
    before = Index.take

    def take(self, id):
        spot = self._spots.get(id)
        before(self, id)
        if spot is not None and spot[0] is Place.LATER:
            self._later[spot[1]].add(id)

    patch.setattr(Index, "take", take)


@mistake("a_clients_write_ends_what_is_over")
def a_clients_write_leaves_the_old_lease(patch):
    """A lease that is over stays current."""
    patch.setattr(Settlement, "_close", lambda self, unit: _close(self, unit) if unit.epoch else None)


@mistake("a_unit_is_all_or_nothing")
def a_refused_unit_leaves_its_facts(patch):
    """The facts are appended before anything is asked."""

    def objection(self, unit):
        refused = _objection(self, unit)
        if isinstance(refused, Refused) and unit.facts and unit.run in self._standings:
            self._changes.facts.append((unit.run, 0, 0, "[[1,3,1,0,null]]"))
        return refused

    patch.setattr(Settlement, "_objection", objection)


@mistake("a_refused_unit_leaves_nothing")
def a_refused_unit_consumes(patch):
    """Messages are consumed although the unit is refused."""

    def objection(self, unit):
        if (standing := self._standings.get(unit.run)) is not None:
            standing.unread.difference_update(unit.consumed)
        return _objection(self, unit)

    patch.setattr(Settlement, "_objection", objection)


@mistake("only_messages_to_this_run_are_consumed")
def anybodys_messages_are_consumed(patch):
    """What is consumed is looked for everywhere."""

    def keep(self, unit, text):
        for id in unit.consumed:
            if id in self._sent or (self._sent.update({m.id: m for m in self._tables.sent([id])}), id in self._sent)[1]:
                for standing in self._tables.standings([self._sent[id].run]):
                    standing.unread.discard(id)
        return _keep(self, unit, text)

    patch.setattr(Settlement, "_keep", keep)


@mistake("a_repeated_number_is_known")
def the_number_is_not_noted(patch):
    """A unit leaves no number."""

    def close(self, unit):
        _close(self, attrs.evolve(unit, number=0))

    patch.setattr(Settlement, "_close", close)


@mistake("a_client_releases_nothing")
def clients_release(patch):
    """A client's unit releases the lease of its run."""

    def close(self, unit):
        _close(self, unit)
        standing = self._standings.get(unit.run)
        if unit.lease is LeaseAction.RELEASE and standing is not None:
            standing.owner = None

    patch.setattr(Settlement, "_close", close)
