"""Filling what a run knows into what people are told: the messages of alerts, the payloads of webhooks.

Within bounds, and never with an error: values are shortened to one line in which nothing is hidden, and what is not
there is named: ``(no steps.x.output)``.
"""

import json
from collections.abc import Iterator, Mapping

from taskorch.core import json_text
from taskorch.core.documents import JSON
from taskorch.core.expressions.kinds import ABSENT
from taskorch.core.expressions.operands import Data
from taskorch.core.expressions.vocabulary import MESSAGES, PAYLOADS, Vocabulary
from taskorch.core.holes import Hole, has_more_holes, parts, problems_in
from taskorch.core.json_text import child
from taskorch.core.visible_text import visible
from taskorch.errors import Problem

MAX_HOLES = 100
"""In one message, or one payload."""
MAX_VALUE = 500
"""Characters of a value, once it is filled in."""
MAX_MESSAGE = 10_000
"""Characters of a message, before and after it is filled."""


def check_message(text: str) -> Iterator[Problem]:
    """What keeps *text* from being the message of an alert."""
    return _check([("", text)], MESSAGES)


def check_payload(payload: JSON) -> Iterator[Problem]:
    """What keeps *payload* from being that of a webhook; paths are seen from it."""
    if problems := json_text.check(payload):
        return iter(problems)
    return _check(list(texts_in(payload)), PAYLOADS)


def texts_in(payload: JSON) -> Iterator[tuple[str, str]]:
    """The paths and texts of the values of a payload; keys are not filled."""
    waiting: list[tuple[str, JSON]] = [("", payload)]
    while waiting:
        path, item = waiting.pop()
        if isinstance(item, str):
            yield path, item
        elif isinstance(item, Mapping | list | tuple):
            members = item.items() if isinstance(item, Mapping) else enumerate(item)
            waiting += [(child(path, key), member) for key, member in members][::-1]


def fill_message(text: str, data: Data, vocabulary: Vocabulary = MESSAGES) -> str:
    """The text with every hole filled.

    Args:
        text: A message as it was checked.
        data: What there is to see of the run, by root.
        vocabulary: What holes may ask for.
    """
    return _shortened(
        "".join(p if isinstance(p, str) else _shown(p, data) for p in parts(text, vocabulary)), MAX_MESSAGE
    )


def fill_payload(payload: JSON, data: Data) -> JSON:
    """The payload with every hole in its values filled; *data* as in ``fill_message``."""
    if isinstance(payload, str):
        return fill_message(payload, data, PAYLOADS)
    if isinstance(payload, Mapping):
        return {key: fill_payload(member, data) for key, member in payload.items()}
    return [fill_payload(member, data) for member in payload] if isinstance(payload, list | tuple) else payload


def _check(placed: list[tuple[str, str]], vocabulary: Vocabulary) -> Iterator[Problem]:
    """What is wrong with texts, each after its path; of very many placeholders none is looked at."""
    read = [(path, text) for path, text in placed if len(text) <= MAX_MESSAGE]
    is_crowded = has_more_holes((text for _, text in read), vocabulary, MAX_HOLES)
    for path, text in placed:
        if len(text) > MAX_MESSAGE:
            yield Problem(path, f"is a text of more than {MAX_MESSAGE:,} characters")
        elif not is_crowded:
            yield from (problem._replace(path=path) for problem in problems_in(text, vocabulary, strictly=True))
    if is_crowded:
        yield Problem("", f"has more than {MAX_HOLES} placeholders")


def _shown(hole: Hole, data: Data) -> str:
    """A value in one line of bounded length."""
    value = hole.value(data)
    if value is ABSENT:
        return f"(no {visible(hole.text[1:-1])[:MAX_VALUE]})"
    if isinstance(value, str):
        return _shortened(visible(value[: MAX_VALUE + 1]), MAX_VALUE)
    written = ""
    try:
        for piece in json.JSONEncoder(ensure_ascii=False, default=_described).iterencode(value):
            written += piece[: MAX_VALUE + 1]
            if len(written) > MAX_VALUE:
                break
    except (TypeError, ValueError, RecursionError):
        return "(a value that JSON cannot write)"
    return _shortened(visible(written), MAX_VALUE)


def _described(value: object) -> str:
    """What stands for what is no JSON: its kind, for its text may be long or secret."""
    return f"({type(value).__name__})"


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
