"""Mistakes about what is claimed."""

from collections import Counter

import attrs

from taskorch.core.unit import LeaseAction, WaitingEntry
from taskorch.stores.memory import store as memory
from taskorch.stores.memory.index import Index
from taskorch.stores.memory.tables import Tables
from taskorch.stores.picking import pick
from taskorch.stores.settlement import Settlement
from taskorch.stores.standing import Place, Standing
from tests.stores.mistakes.planting import mistake

_close = Settlement._close
_place = Settlement._place
_place_of = Standing.place


def _picking(patch, change):
    """Let claims be picked with other arguments."""
    patch.setattr(memory, "pick", lambda *given: pick(*change(*given)))


@mistake("a_quota_bounds_a_lane", "a_queue_may_be_in_several_lanes")
def quotas_are_not_kept(patch):
    """Quotas are left out."""
    _picking(patch, lambda lanes, *rest: ([attrs.evolve(lane, quota=None) for lane in lanes], *rest))


@mistake("lanes_are_gone_through_in_order", "a_limit_is_for_all_queues")
def lanes_are_gone_through_backwards(patch):
    """The last lane comes first."""
    _picking(patch, lambda lanes, *rest: (lanes[::-1], *rest))


@mistake("at_most_n_are_given", "an_owners_entries_need_room", "what_is_found_is_as_read")
def one_too_many_is_given(patch):
    """One more than n."""
    _picking(patch, lambda lanes, lines, leased, limits, n: (lanes, lines, leased, limits, n + 1))


@mistake(
    "a_limit_bounds_what_is_given",
    "limits_keep_the_order",
    "a_limit_of_nothing_gives_nothing",
    "a_lease_by_id_counts",
    "a_release_frees_the_slot",
    "a_kept_lease_keeps_the_slot",
    "the_end_of_a_lease_frees_the_slot",
    "a_takeover_counts_once",
    "limits_are_those_of_the_call",
    "limits_do_not_matter",
    "a_limit_is_kept_by_a_crowd",
)
def limits_are_not_kept(patch):
    """Limits are left out."""
    _picking(patch, lambda lanes, lines, leased, limits, n: (lanes, lines, leased, {}, n))


@mistake("a_limit_bounds_what_is_given")
def leases_of_earlier_claims_do_not_count(patch):
    """Only what is given by this call counts."""
    patch.setattr(Index, "leased", lambda self: Counter())


@mistake("a_limit_bounds_what_is_given")
def those_just_given_do_not_count(patch):
    """What is given by this call does not count."""
    _picking(patch, lambda lanes, lines, leased, *rest: (lanes, lines, _Still(leased), *rest))


class _Still(dict):
    """Counts that do not change."""

    def __missing__(self, tag):
        return 0

    def update(self, *_):
        """Nothing."""


@mistake("every_tag_of_an_entry_counts")
def only_the_first_tag_counts(patch):
    """Other tags are not looked at."""
    lines = Index.lines
    patch.setattr(Index, "lines", lambda self, queue: ((tags[:1], line) for tags, line in lines(self, queue)))


@mistake("what_is_passed_over_is_not_counted")
def what_is_passed_over_is_counted(patch):
    """First n are picked, then those over a limit are dropped."""

    def picked(lanes, lines, leased, limits, n):
        tags_of = {id: tags for lane in lanes for q in lane.queues for tags, line in lines(q) for _, id in line}
        picked = []
        for id in pick(lanes, lines, Counter(), {}, n):
            if all(leased[tag] < limits.get(tag, n) for tag in tags_of[id]):
                leased.update(tags_of[id])
                picked.append(id)
        return picked

    patch.setattr(memory, "pick", picked)


@mistake("the_lowest_rank_comes_first")
def queues_are_gone_through_one_by_one(patch):
    """The queues of a lane are not merged by rank."""

    def apart(lanes, *rest):
        return ([attrs.evolve(lane, queues=(queue,)) for lane in lanes for queue in lane.queues], *rest)

    _picking(patch, apart)


@mistake("ranks_are_ordered_by_code_points")
def ranks_are_ordered_like_utf_16(patch):
    """Ranks are compared in another encoding."""
    put = Index.put

    def encoded(self, standing, now):
        entry = standing.entry
        if entry is not None:
            standing.entry = attrs.evolve(entry, rank=entry.rank.encode("utf-16-be").decode("latin-1"))
        put(self, standing, now)
        standing.entry = entry

    patch.setattr(Index, "put", encoded)


@mistake(
    "only_what_is_due_is_given",
    "whoever_parks_is_woken",
    "a_message_consumed_with_the_park_does_not_wake",
    "what_was_read_before_does_not_wake",
    "who_was_woken_and_lost_wakes_again",
    "waking_is_by_rank",
    "records_are_found_by_queue",
    "a_message_makes_due",
)
def what_has_no_instant_is_due(patch):
    """None counts as 0."""
    patch.setattr(Standing, "is_due", lambda self, now: self.entry is not None and (self.entry.due or 0) <= now)


@mistake("what_was_to_come_is_due_one_day")
def instants_are_looked_at_once(patch):
    """What was to come stays to come."""
    patch.setattr(Index, "look", lambda self, now, standings: None)


@mistake("what_was_to_come_is_due_one_day")
def what_was_taken_away_comes_all_the_same(patch):
    """When its time has come an entry is put among the ready ones, whatever has become of it."""
    look = Index.look

    def all_of(self, now, standings):
        late = [id for at, id in self._looks if at <= now and id not in self._spots]
        look(self, now, standings)
        for id in late:
            standing = standings[id]
            if standing.entry is None:
                standing.entry = WaitingEntry(id=id, queue="q", due=0)
                self.put(standing, now)

    patch.setattr(Index, "look", all_of)


@mistake(
    "a_lease_hides_an_entry",
    "a_batch_hands_back_into_rooms",
    "an_owner_lets_others_wait",
    "what_was_claimed_may_be_claimed_by_id",
    "what_stays_leased_takes_no_room",
    "a_message_before_the_park_wakes_at_once",
    "what_is_due_is_due",
    "a_lease_that_is_over_is_due",
    "verbs_of_all_kinds_go_together",
)
def leased_entries_are_given(patch):
    """A living lease hides nothing."""

    def place(self, now):
        found = _place_of(self, now)
        return (Place.READY, None) if found is not None and found[0] is Place.LEASED else found

    patch.setattr(Standing, "place", place)


@mistake("what_is_handed_back_waits_again", "what_is_over_waits")
def a_release_takes_the_entry_away(patch):
    """What is released waits no more."""

    def close(self, unit):
        _close(self, unit)
        if unit.epoch and unit.lease is LeaseAction.RELEASE and not unit.entries:
            self._standings[unit.run].entry = None

    patch.setattr(Settlement, "_close", close)


@mistake("what_is_done_waits_no_more")
def owners_cannot_take_their_entry_away(patch):
    """An entry whose record is leased stays."""

    def place(self, id, entry: WaitingEntry | None):
        if entry is not None or self._standings[id].owner is None:
            _place(self, id, entry)

    patch.setattr(Settlement, "_place", place)


@mistake("an_id_may_come_again")
def the_ids_of_messages_outlive_their_run(patch):
    """Messages of what is forgotten are remembered."""
    forget = Tables._forget

    def mostly(self, id):
        messages = dict(self._messages)
        forget(self, id)
        self._messages = messages

    patch.setattr(Tables, "_forget", mostly)
