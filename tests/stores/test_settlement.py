"""Which units of a batch are tried once more when those who stood in the way were dead."""

from taskorch.core.receipts import Done, Refusal, Refused, Repeated
from taskorch.stores.settlement import hindered
from taskorch.testing.units import inserting, owners

BUSY, MISSING = Refused(Refusal.BUSY, by="dead", id="x"), Refused(Refusal.UNKNOWN, id="t")


def test_nothing_is_tried_again_that_no_lease_was_in_the_way_of():
    """Without a lease in the way no unit is tried again, whatever else was refused."""
    assert hindered([inserting(), inserting("s")], [MISSING, Done(1)]) == []


def test_what_stands_behind_may_have_needed_it():
    """Tried again are all refused units from the first that a lease was in the way of; none before it, none kept."""
    units = [inserting(id) for id in "abcd"]
    assert hindered(units, [MISSING, BUSY, Done(1), MISSING]) == [1, 3]


def test_a_number_that_was_passed_is_not_tried_again():
    """An owner whose later unit was kept would be told of the earlier one that it was kept as well."""
    units = [owners(1), owners(2), owners(3), owners(1, run="s"), owners(1, 2)]
    assert hindered(units, [BUSY, Done(1), BUSY, BUSY, BUSY]) == [2, 3, 4]
    assert hindered(units[:2], [BUSY, Repeated()]) == []
