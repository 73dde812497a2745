"""Requests: what is asked of a run by a message, and how that is written.

The body of a message is a JSON object whose ``verb`` says what is asked. Pausing, going on and cancelling need no more
than that word.
"""

import json
from enum import StrEnum
from typing import Final

from taskorch.core.unit import Message, Unit
from taskorch.errors import UnknownVerb


class Request(StrEnum):
    """What can be asked of a run, wherever it is carried out."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


KEPT: Final = frozenset({"signal", "decision"})
"""Verbs of messages that are for something later than the run's owner: they stay unread until that is there."""


def asking(run_id: str, request: Request, id: str) -> Unit:
    """The client's unit that asks something of a run; *id* is that of the message, and what makes it the same again."""
    body = json.dumps({"verb": request.value})
    return Unit(run=run_id, epoch=0, number=0, messages=(Message(id=id, run=run_id, body=body),))


def asked(message: Message) -> Request | None:
    """What *message* asks; None if it is to stay unread.

    Raises:
        UnknownVerb: It asks nothing that is known here, or not in the way it should.
    """
    try:
        body = json.loads(message.body)
    except (ValueError, RecursionError):
        body = None
    verb = body.get("verb") if isinstance(body, dict) else None
    if isinstance(verb, str) and verb in KEPT:
        return None
    if isinstance(verb, str) and verb in set(Request) and body == {"verb": verb}:
        return Request(verb)
    raise UnknownVerb(verb if isinstance(verb, str) else "", [*Request], "the message is set aside")
