"""route: which call does what a text asks for."""

import json

import pytest

from taskorch.core.vocabulary import CALLS, KEYWORDS, PENDING
from tests.cli.shell import Shell

ESCAPE, HALF = chr(0x1B), chr(0xDCFF)


def test_route_names_the_call(shell: Shell) -> None:
    """A text with one meaning leads to its agent, call, matched words and confidence, and to 0."""
    said = shell.run("route", "Mettre la tâche en attente !")

    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines() == [
        "agent:      state-machine/blocker-handler",
        "call:       taskorch.advance",
        "matched:    mettre … en attente",
        "confidence: 1.00",
    ]


def test_route_lists_what_is_ambiguous(shell: Shell) -> None:
    """A text of several meanings leads to all of them, and to 1."""
    said = shell.run("route", "état de la queue")

    assert said.code == 1
    assert said.out.splitlines() == [
        "0.50  queue/queue-manager  taskorch.QueueEngine.push  (queue)",
        "0.50  state-machine/state-controller  taskorch.advance  (état)",
    ]
    assert said.err == "ambiguous: say which of these is meant\n"


@pytest.mark.parametrize(
    ("text", "hint"),
    [("anulé", "did you mean 'annuler'?"), ("bonjour", "such as queue, priorité,"), ("", "such as"), (HALF, "such as")],
    ids=range(4),
)
def test_route_says_that_nothing_matched(shell: Shell, text: str, hint: str) -> None:
    """A text that matches nothing leads to a hint, and to 1."""
    said = shell.run("route", text)

    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("nothing matched; ")
    assert hint in said.err


def test_route_says_what_is_still_to_come(shell: Shell) -> None:
    """A call that is pending is marked as such."""
    for agent, what in PENDING.items():
        said = shell.run("route", KEYWORDS[agent][0])
        assert said.code == 0
        assert f"call:       {CALLS[agent]} (to come: {what})" in said.out


def test_route_names_what_there_is_of_a_call_to_come(shell: Shell) -> None:
    """Who wants to cancel is told how a task is cancelled today, in words that users know."""
    said = shell.run("route", "annuler").out

    assert 'taskorch.advance(task, "cancel")' in said
    assert "design" not in said


def test_route_as_a_document(shell: Shell) -> None:
    """With --json the answer is a document, whatever the answer is."""
    found = json.loads(shell.run("route", "--json", "SLA breach in the queue").out)
    open_ = json.loads(shell.run("route", "état de la queue", "--json").out)
    none = json.loads(shell.run("route", "--json", "anulé").out)

    assert (found["agent"], found["domain"], found["call"]) == (
        "queue/sla-tracker",
        "queue",
        CALLS["queue/sla-tracker"],
    )
    assert (found["matched"], round(found["confidence"], 2)) == (["SLA", "breach", "queue"], 0.67)
    assert (found["ambiguous"], found["pending"]) == (False, False)
    assert (open_["agent"], open_["ambiguous"], len(open_["candidates"])) == (None, True, 2)
    assert (none["candidates"], none["suggestions"]) == ([], ["annuler"])


def test_a_text_that_is_too_long(shell: Shell) -> None:
    """A text beyond the limit leads to 2, without a traceback."""
    said = shell.run("route", ESCAPE * 2001)

    assert (said.code, said.out) == (2, "")
    assert said.err == "TextTooLong: the text has 2,001 characters; say it in at most 2,000\n"


def test_a_text_needs_no_quotes(shell: Shell) -> None:
    """Words that are not quoted are one text."""
    quoted = shell.run("route", "mettre la tâche en attente", "--json")
    loose = shell.run("route", "mettre", "la", "tâche", "en", "attente", "--json")

    assert loose.code == 0
    assert loose == quoted


def test_route_needs_a_text(shell: Shell) -> None:
    """Without a text, the usage is said."""
    said = shell.run("route")

    assert said.code == 2
    assert "required: TEXT" in said.err
