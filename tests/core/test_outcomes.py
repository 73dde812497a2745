"""Which end of a step satisfies which link: the table of design §7."""

import pytest

from taskorch import LinkCondition, LinkType, Outcome
from taskorch.core.outcomes import satisfies

# The predecessor's outcome, whether it was allowed to fail, and the conditions that this satisfies.
TABLE = """
completed  -        success -       always
failed     -        -       failure always
failed     allowed  success failure always
skipped    -        success -       always
omitted    -        -       -       always
cancelled  -        -       -       always
"""
ROWS = [tuple(line.split()) for line in TABLE.strip().splitlines()]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "-".join(row[:2]))
@pytest.mark.parametrize("condition", list(LinkCondition))
def test_a_finish_satisfies_a_link(row: tuple[str, ...], condition: LinkCondition) -> None:
    """The table of design §7, cell by cell."""
    outcome, allowed, *satisfied = row

    assert satisfies(Outcome(outcome), condition, allowed=allowed == "allowed") is (condition in satisfied)


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.FAILED])
@pytest.mark.parametrize("condition", list(LinkCondition))
def test_being_allowed_to_fail_matters_to_failures_only(outcome: Outcome, condition: LinkCondition) -> None:
    """A step that did not fail satisfies the same links whether or not it might have."""
    assert satisfies(outcome, condition, allowed=True) is satisfies(outcome, condition)


def test_the_words_are_those_of_the_documents() -> None:
    """Outcomes, types and conditions are the bare words of D4 and design §7."""
    assert [str(outcome) for outcome in Outcome] == ["completed", "failed", "skipped", "omitted", "cancelled"]
    assert [str(type) for type in LinkType] == [
        "finish_to_start", "start_to_start", "finish_to_finish", "start_to_finish",
    ]  # fmt: skip
    assert [str(condition) for condition in LinkCondition] == ["success", "failure", "always"]


@pytest.mark.parametrize(
    ("type", "from_finish", "gates_start"),
    [
        (LinkType.FINISH_TO_START, True, True),
        (LinkType.START_TO_START, False, True),
        (LinkType.FINISH_TO_FINISH, True, False),
        (LinkType.START_TO_FINISH, False, False),
    ],
)
def test_what_waits_for_what(type: LinkType, from_finish: bool, gates_start: bool) -> None:
    """The first word of a type is the predecessor's end, the last the successor's."""
    assert (type.from_finish, type.gates_start) == (from_finish, gates_start)
