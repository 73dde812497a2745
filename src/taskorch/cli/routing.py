"""The command that answers who does what: route."""

import json
from argparse import Namespace

import attrs

from taskorch.cli.exits import Exit
from taskorch.cli.screen import Screen
from taskorch.core.routing import Route, route
from taskorch.core.vocabulary import KEYWORDS, PENDING


def show_route(asked: Namespace, screen: Screen) -> Exit:
    """Say which agent and which call a text asks for; where several fit, all of them."""
    found = route(" ".join(asked.text))
    if asked.json:
        screen.put(json.dumps(_document(found), indent=2))
    else:
        for line in _lines(found):
            screen.put(line)
    if found.agent is not None:
        return Exit.COMPLETED
    screen.say(_hint(found))
    return Exit.FAILED


def _lines(found: Route) -> list[str]:
    if found.agent is not None:
        pending = f" (to come: {PENDING[found.agent]})" if found.is_pending else ""
        return [
            f"agent:      {found.agent}",
            f"call:       {found.call}{pending}",
            f"matched:    {', '.join(found.matched)}",
            f"confidence: {found.confidence:.2f}",
        ]
    return [f"{each.share:.2f}  {each.agent}  {each.call}  ({', '.join(each.matched)})" for each in found.candidates]


def _hint(found: Route) -> str:
    if found.is_ambiguous:
        return "ambiguous: say which of these is meant"
    if found.suggestions:
        return f"nothing matched; did you mean {' or '.join(map(repr, found.suggestions))}?"
    return f"nothing matched; say what is wanted, such as {', '.join(words[0] for words in KEYWORDS.values())}"


def _document(found: Route) -> dict[str, object]:
    return attrs.asdict(found) | {"ambiguous": found.is_ambiguous, "pending": found.is_pending}
