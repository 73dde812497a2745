"""What is asked of a run by messages: written, read, and told from what is nothing of the kind."""

import json

import pytest

from taskorch import UnknownVerb
from taskorch.core.requests import KEPT, Request, asked, asking
from taskorch.core.unit import Message


@pytest.mark.parametrize("request_", Request)
def test_a_request_is_read_as_it_was_written(request_: Request) -> None:
    """The unit tells the run, under the id that was given, and is the same when it is made again."""
    unit = asking("r", request_, "m")
    (message,) = unit.messages
    assert (unit.epoch, unit.run, message.run, message.id) == (0, "r", "r", "m")
    assert asked(message) is request_
    assert unit == asking("r", request_, "m")


@pytest.mark.parametrize("verb", sorted(KEPT))
def test_what_is_for_somebody_later_is_left_alone(verb: str) -> None:
    """Signals and decisions are nothing to act on, whatever they carry."""
    assert asked(Message(id="m", run="r", body=json.dumps({"verb": verb, "value": [1]}))) is None


@pytest.mark.parametrize("body", ["", "{", "3", "[]", "{}", '{"verb": null}', '{"verb": []}', '{"verb": "Pause"}'])
def test_what_asks_nothing_is_refused(body: str) -> None:
    """So is a known verb with more than it takes."""
    for text in (body, '{"verb": "pause", "for": 3}'):
        with pytest.raises(UnknownVerb, match="set aside"):
            asked(Message(id="m", run="r", body=text))
