"""The tables of the lifecycle: which rows there are, and that they make sense together."""

import re

import networkx as nx
import pytest

from taskorch import DOCUMENTED, LIFECYCLE, State, TransitionTable, Verb
from taskorch.core.states import FINAL, Row
from tests.core.d0 import section
from tests.core.diagrams import arrows
from tests.core.samples import SHARED, needs_shared

# D0, "États des Tâches (State Machine)", arrow by arrow.
DIAGRAM = """
CREATED     enqueue  QUEUED
QUEUED      hold     ON_HOLD
QUEUED      schedule SCHEDULED
QUEUED      cancel   CANCELLED
ON_HOLD     start    IN_PROGRESS
SCHEDULED   start    IN_PROGRESS
IN_PROGRESS complete COMPLETED
IN_PROGRESS fail     FAILED
IN_PROGRESS block    BLOCKED
FAILED      retry    IN_PROGRESS
BLOCKED     unblock  UNBLOCKED
UNBLOCKED   start    IN_PROGRESS
"""
OPERATOR = """
CREATED     cancel   CANCELLED
ON_HOLD     cancel   CANCELLED
SCHEDULED   cancel   CANCELLED
IN_PROGRESS cancel   CANCELLED
BLOCKED     cancel   CANCELLED
UNBLOCKED   cancel   CANCELLED
FAILED      cancel   CANCELLED
ON_HOLD     release  QUEUED
SCHEDULED   hold     ON_HOLD
"""
TABLES = pytest.mark.parametrize("table", [DOCUMENTED, LIFECYCLE], ids=["documented", "lifecycle"])


def edges(text: str) -> set[tuple[State, Verb, State]]:
    """The edges of a table in words."""
    rows = (line.split() for line in text.strip().splitlines())
    return {(State(state), Verb(verb), State(next)) for state, verb, next in rows}


def graph(table: TransitionTable) -> "nx.DiGraph[State]":
    """The states and where they lead."""
    drawn: nx.DiGraph[State] = nx.DiGraph()
    drawn.add_nodes_from(State)
    drawn.add_edges_from((state, next) for state, _, next in table.edges)
    return drawn


def test_the_documented_table_is_the_diagram() -> None:
    """``DOCUMENTED`` has the twelve arrows of D0's diagram, and no other."""
    assert DOCUMENTED.edges == edges(DIAGRAM)
    assert len(DOCUMENTED.rows) == 12


@needs_shared
def test_the_documented_table_is_drawn_in_the_documents() -> None:
    """The arrows of D0's own drawing, followed from box to box, are the rows of ``DOCUMENTED``."""
    drawing = section("États des Tâches (State Machine)")
    drawn = arrows(drawing)
    # The line of the retry is drawn with a gap: it leaves FAILED to the right, and comes in from the right above.
    assert re.search(r"FAILED │─┘", drawing)
    assert re.search(r"IN_PROGRESS│◄─+┐", drawing)
    assert drawing.count("(retry)") == 1

    assert drawn | {("FAILED", "IN_PROGRESS")} == {(row.state, row.next) for row in DOCUMENTED.rows}
    assert len(drawn) == 11


@needs_shared
def test_both_documents_draw_the_same() -> None:
    """D0 and D1 have one drawing; one of the two has lost the spaces at which its lines begin."""
    (other,) = SHARED.glob("documents/000_*.txt")
    one, two = (
        "".join(text.split()) for text in (section("États des Tâches (State Machine)"), other.read_text("utf-8"))
    )

    assert one.strip("`") in two


def test_the_lifecycle_adds_the_rows_of_operators() -> None:
    """``LIFECYCLE`` is the diagram with the nine rows for park, continue, discard, pause, resume and cancel."""
    assert LIFECYCLE.edges == edges(DIAGRAM) | edges(OPERATOR)
    assert LIFECYCLE.rows[:12] == DOCUMENTED.rows


def test_the_states_and_verbs_are_those_of_the_documents() -> None:
    """Every state and every verb of the enumerations occurs in the lifecycle; their text is the bare word."""
    assert {state for state, _, next in LIFECYCLE.edges} | {next for *_, next in LIFECYCLE.edges} == set(State)
    assert {verb for _, verb, _ in LIFECYCLE.edges} == set(Verb)
    assert f"{State.ON_HOLD} {Verb.ENQUEUE}" == "ON_HOLD enqueue"


@TABLES
def test_every_row_says_why_it_exists(table: TransitionTable) -> None:
    """Each row has a reason of its own."""
    reasons = [row.reason for row in table.rows]

    assert all(reason.strip() for reason in reasons)
    assert len(set(reasons)) == len(reasons)


@TABLES
def test_no_state_is_out_of_reach(table: TransitionTable) -> None:
    """A new task can come into every state."""
    assert nx.descendants(graph(table), State.CREATED) | {State.CREATED} == set(State)


@TABLES
def test_no_state_is_a_trap(table: TransitionTable) -> None:
    """From every state that is not final a task can be completed."""
    drawn = graph(table)

    assert all(nx.has_path(drawn, state, State.COMPLETED) for state in State if state not in FINAL)


def test_every_state_that_is_not_final_can_end_at_once() -> None:
    """In the lifecycle one verb is enough to end a task, wherever it stands; in the diagram a path is."""
    for state in set(State) - FINAL:
        assert LIFECYCLE.allows(state, Verb.CANCEL)
        assert nx.descendants(graph(DOCUMENTED), state) & FINAL


@TABLES
def test_nothing_leaves_a_final_state(table: TransitionTable) -> None:
    """COMPLETED and CANCELLED, and no others, have no row."""
    assert {state for state in State if not table.verbs(state)} == FINAL == {State.COMPLETED, State.CANCELLED}


@TABLES
def test_the_questions_agree_with_the_edges(table: TransitionTable) -> None:
    """``allows``, ``verbs``, ``target`` and ``follows`` say nothing that ``edges`` does not say."""
    known = {(state, verb): next for state, verb, next in table.edges}

    assert isinstance(table.edges, frozenset)
    for state in State:
        assert set(table.verbs(state)) == {verb for at, verb in known if at is state}
        for verb in Verb:
            assert table.allows(state, verb) is ((state, verb) in known)
            if (state, verb) in known:
                assert table.target(state, verb) is known[state, verb]
            else:
                with pytest.raises(KeyError):
                    table.target(state, verb)
        for next in State:
            assert table.follows(state, next) is ((state, next) in {(a, b) for a, _, b in table.edges})


def test_a_table_has_one_row_for_a_state_and_verb() -> None:
    """Two rows that begin alike are refused, also when a table is extended."""
    row = Row(State.CREATED, Verb.ENQUEUE, State.CANCELLED, "twice")

    with pytest.raises(ValueError, match="two rows for enqueue when CREATED"):
        LIFECYCLE.extended([row])


def test_extending_a_table_leaves_it_as_it_is() -> None:
    """An extended table is another table."""
    row = Row(State.COMPLETED, Verb.START, State.IN_PROGRESS, "once more")
    extended = DOCUMENTED.extended([row])

    assert extended.edges - DOCUMENTED.edges == {(State.COMPLETED, Verb.START, State.IN_PROGRESS)}
    assert DOCUMENTED.edges == edges(DIAGRAM)
