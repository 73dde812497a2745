"""Mistakes about messages, journals, events, instants, and what is forgotten."""

from taskorch.core.receipts import Page
from taskorch.stores.memory.index import Index
from taskorch.stores.memory.tables import Tables
from taskorch.stores.standing import Place, Standing
from tests.stores.mistakes.planting import mistake


@mistake("a_message_wakes", "a_batch_may_go_through_lives")
def messages_do_not_wake(patch):
    """Only the instant makes due."""

    def is_due(self, now):
        return self.entry is not None and self.entry.due is not None and self.entry.due <= now

    patch.setattr(Standing, "is_due", is_due)


@mistake("a_message_wakes_nobody_else")
def messages_wake_every_entry(patch):
    """Unread messages make due, whether the entry wakes or not."""

    def is_due(self, now):
        entry = self.entry
        return entry is not None and ((entry.due is not None and entry.due <= now) or bool(self.unread))

    patch.setattr(Standing, "is_due", is_due)


@mistake("messages_are_read_in_order")
def messages_are_ordered_by_id(patch):
    """Messages come by their ids."""
    unread = Tables.unread
    patch.setattr(Tables, "unread", lambda self, run, n: sorted(unread(self, run, n), key=lambda m: m.id))


@mistake("a_journal_is_read_in_pages", "a_journal_goes_on")
def pages_begin_with_their_last(patch):
    """The entry at the cursor is given again."""
    journal = Tables.journal
    patch.setattr(Tables, "journal", lambda self, run, after, n: journal(self, run, after - 1, n))


@mistake("cursors_rise_within_a_batch")
def receipts_of_a_batch_share_a_cursor(patch):
    """All units of a batch are told the last cursor."""
    write = Tables.write
    patch.setattr(Tables, "write", lambda self, changes: [c[-1]] * len(c) if (c := write(self, changes)) else c)


@mistake("what_comes_later_is_behind_the_cursor", "nothing_has_happened_yet", "readers_go_on_after_a_trim")
def events_skip_one(patch):
    """The cursor of a page is one too far."""
    page = Tables.page

    def far(self, after, n):
        found = page(self, after, n)
        return Page(found.entries, str(int(found.cursor) + 1))

    patch.setattr(Tables, "page", far)


@mistake("all_that_happened_is_told_once", "only_what_was_kept_is_told", "a_reader_skips_nothing")
def events_are_told_twice(patch):
    """The cursor of a page is one too near."""
    page = Tables.page

    def near(self, after, n):
        found = page(self, after, n)
        return Page(found.entries, str(int(found.cursor) - 1)) if len(found.entries) > 1 else found

    patch.setattr(Tables, "page", near)


@mistake("the_end_of_a_lease_counts")
def the_end_of_a_lease_does_not_count(patch):
    """Leased entries are left out."""
    next_due = Index.next_due

    def unleased(self, queues, now):
        self._spots = {id: spot for id, spot in self._spots.items() if spot[0] is not Place.LEASED}
        return next_due(self, queues, now)

    patch.setattr(Index, "next_due", unleased)


@mistake("nothing_is_to_come", "the_first_instant_counts")
def all_lanes_count(patch):
    """The queues are not asked for."""
    next_due = Index.next_due
    patch.setattr(Index, "next_due", lambda self, queues, now: next_due(self, {*self._lines, *self._later}, now))


@mistake("only_what_finished_before_is_forgotten")
def what_finished_at_the_instant_is_forgotten(patch):
    """At the instant counts as before."""
    trim = Tables.trim
    patch.setattr(Tables, "trim", lambda self, before, n, now: trim(self, before + 1, n, now))


@mistake("what_is_leased_is_not_forgotten", "at_most_n_are_forgotten")
def the_leased_are_forgotten(patch):
    """Leases do not matter."""
    trim = Tables.trim
    patch.setattr(Tables, "trim", lambda self, before, n, now: trim(self, before, n, 2**62) + _clear(self))


def _clear(tables):
    for id, standing in [*tables.all.items()]:
        if standing.finished_at is not None and standing.finished_at < 20:
            tables._forget(id)
    return 0


@mistake("all_of_it_goes")
def journals_are_left_behind(patch):
    """The journal of what is forgotten stays."""
    forget = Tables._forget

    def mostly(self, id):
        kept = self._journals.get(id, [])
        forget(self, id)
        self._journals[id] = kept

    patch.setattr(Tables, "_forget", mostly)


@mistake("an_id_may_come_again")
def epochs_come_again(patch):
    """Whoever held a lease of what is forgotten may write to its namesake."""
    patch.setattr(Tables, "first_epoch", lambda self: 0)


@mistake("an_id_may_come_again")
def the_numbers_of_epochs_outlive_their_run(patch):
    """What was kept under the epochs of what is forgotten is remembered, and taken for what its namesake kept."""
    forget = Tables._forget

    def mostly(self, id):
        numbers = self._numbers.get(id, {})
        forget(self, id)
        self._numbers[id] = numbers

    patch.setattr(Tables, "_forget", mostly)
