"""Whatever is written as a condition, template, quantity or document: it ends soon, and with typed errors only.

``TASKORCH_FUZZ=100000`` tries so many of them instead of some thousands. Each may take 50 ms of CPU time; one that
took longer is measured again, for a machine may have been busy, and the least counts.
"""

import json
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from taskorch import InvalidDocument, InvalidParameters, UndecidableCondition, Workflow
from taskorch.core import holes, json_text
from taskorch.core.expressions import ALERTS, STEPS, condition, parse
from taskorch.core.expressions.condition import read_source
from taskorch.core.messages import check_message, check_payload, fill_message, fill_payload
from taskorch.core.outcomes import Outcome
from taskorch.core.quantities import quantity
from taskorch.core.run_data import RunView
from taskorch.core.templates import check_holes, fill
from tests.core.stages import Stage

COUNT = int(os.environ.get("TASKORCH_FUZZ", "5000"))
LIMIT = 0.05
"""Seconds of CPU time."""
PIECES = [
    *("always", "on_success(", "on_failure(count", "on_skip", "on_complete(", ")", "(", "[", "]", ",", ".", " "),
    *("and ", " or ", "not ", " in ", " not in ", "==", "!=", "<", "<=", ">", ">=", "=", "-", "is", "if", "lambda"),
    *("steps", "steps.count.output", 'steps["count"]', "step.duration", "step.status", "context.a", "params.x", ".b"),
    *("workflow.name", "12", "-0.5", "1e999", "0x1f", "9" * 400, '"24h"', "'a'", '"', "'", "null", "true", "False"),
    *("{", "}", "{{", "}}", "{params.x}", "{steps.count.output", ".rows}", "{step.name}", "{context[", "!r}", ":>99}"),
    *(
        "\\",
        "\n",
        "\t",
        "\0",
        "é",
        "\u202e",
        "\ud800",
        "\uff4f\uff4e",
        "\u0663",
        "\U0001d7d9",
        "\U0001f642",
        "_",
        "__class__",
        "a" * 300,
    ),
    *("500m", "4Gi", "1e3", "2.", "E", "n", "K", "1" * 31),
]
UGLY: list[Any] = [
    *(None, True, 0, -1, 7.5, float("inf"), float("nan"), 10**40, 10**5000, "", "24h", "a", "x" * 2000, b"x"),
    *([], [1, [2, [3]]], list(range(500)), {}, {"a": {"b": 1}}, {"rows": "many"}, {1: 2}, object()),
]
Call = Callable[[], object]
ENDS = {"count": Outcome.COMPLETED}
STAGE = Stage()
STAGE.start("other", 0)
STAGE.end("count", 5, output={"rows": 3, "files": ["a", "b"], "deep": [[[{}]]]})


def texts(chance: random.Random) -> str:
    """A text of pieces that mean something, of marks, or of both; sometimes one good text with a piece of it spoilt."""
    form = chance.random()
    if form < 0.6:
        return "".join(chance.choice(PIECES) for _ in range(chance.randint(0, 14)))
    if form < 0.7:
        return (chance.choice(PIECES) * chance.randint(1, 600))[:4000]
    good = chance.choice(
        [
            'steps["count"].output.rows >= params.x and not on_failure(count, other)',
            'context.a in ["x", 2, null] or "rows" in steps.count.output',
            "Step {step.name} of {workflow.name}: {steps.count.output.files[0]} {params.x}",
            "0 < step.duration <= 600000 or step.attempt == 2",
        ]
    )
    begin = chance.randint(0, len(good))
    return good[:begin] + chance.choice([*PIECES, ""]) + good[begin + chance.randint(0, 9) :]


def data(chance: random.Random) -> Any:
    """What there is to see of a run with ugly params and context."""
    given = {"x": chance.choice(UGLY), "y": chance.choice(UGLY)}
    return RunView(STAGE, params=given, context={"a": chance.choice(UGLY)}).at(chance.randint(0, 10**12), "other")


def typed(call: Callable[[], object]) -> Call:
    """The call, its refusals passed over."""

    def tried() -> None:
        with suppress(InvalidDocument, UndecidableCondition, InvalidParameters):
            call()

    return tried


def conditions(text: str, chance: random.Random) -> Iterator[Call]:
    """Read a condition in every vocabulary, and ask it."""
    found = data(chance)
    for vocabulary in (STEPS, ALERTS):
        yield typed(lambda vocabulary=vocabulary: parse(text, vocabulary))
        with suppress(InvalidDocument):
            read = parse(text, vocabulary)
            yield lambda read=read: list(read.bounds(("step", "duration"), found))
            yield typed(lambda read=read: read.verdict(lambda id: ENDS.get(id, Outcome.FAILED), found))
            yield typed(lambda read=read: read.is_met(STAGE.outcome_of, found))
    yield typed(lambda: read_source(text))


def templates(text: str, chance: random.Random) -> Iterator[Call]:
    """Check and fill a text as an argument, a message and a payload."""
    found, payload = data(chance), {"a": [text, {"b": text}], text: 5}
    params = {key: value for key, value in found["params"].items() if not json_text.check(value)}
    yield lambda: list(check_holes(text))
    yield lambda: list(check_message(text))
    yield lambda: list(check_payload(payload))
    if not list(check_message(text)):
        yield lambda: fill_message(text, found)
    if not list(check_payload(payload)):
        yield lambda: fill_payload(payload, found)
    yield typed(lambda: fill([text], params, lambda id: STAGE.output_of("count"), found if params else {}))


def quantities(text: str, chance: random.Random) -> Iterator[Call]:
    """Read an amount."""
    ugly = chance.choice(UGLY)
    yield typed(lambda: quantity(text))
    yield typed(lambda: quantity(ugly))


def documents(text: str, chance: random.Random) -> Iterator[Call]:
    """Read a workflow with hostile texts wherever it may hold one, some of it of the wrong kind."""

    def some(good: object) -> object:
        return chance.choice([good, good, text, texts(chance), chance.choice(UGLY)])

    step = {"id": some("b"), "command": some("echo {params.x}"), "condition": some("on_success(a)"), "map": text}
    alert = {"condition": some("step.duration > 5"), "message": some("{step.name}"), "severity": some("warning")}
    webhook = {"url": some("https://x"), "payload": some({"a": "{workflow.status}"})}
    document = {
        "workflow": {"name": some("w"), "steps": [{"id": "a", "resources": {"cpu": some("2")}}, step]},
        "resources": {"limits": {"memory": some("4Gi")}},
        "notifications": {"alerts": [alert], "webhooks": [webhook]},
    }
    yield typed(lambda: Workflow.from_dict(document))
    with suppress(ValueError):  # a number of thousands of digits cannot be written
        written = json.dumps(document, default=repr)
        yield typed(lambda: Workflow.from_json(written))


ASKED = {"conditions": conditions, "templates": templates, "quantities": quantities, "documents": documents}
SHARES = {"conditions": 0.55, "templates": 0.25, "quantities": 0.1, "documents": 0.1}


def cpu(call: Call) -> float:
    """Seconds of CPU time for one call that finds nothing kept."""
    condition._read.cache_clear()
    holes._parts.cache_clear()
    begun = time.process_time()
    call()
    return time.process_time() - begun


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("sort", list(ASKED))
def test_hostile_input_ends_soon_and_typed(sort: str) -> None:
    """No call raises but as its kind says, or takes longer than 50 ms of CPU time."""
    slowest, count, calls = (0.0, ""), int(COUNT * SHARES[sort]), 0
    for seed in range(count):
        chance = random.Random(f"{sort} {seed}")
        text = texts(chance)
        for call in ASKED[sort](text, chance):
            took, calls = cpu(call), calls + 1
            if took > LIMIT:
                took = min(cpu(call) for _ in range(5))
            slowest = max(slowest, (took, text))
            assert took <= LIMIT, (seed, text[:200])
    print(f"{sort}: {count:,} in {calls:,} calls, the slowest {slowest[0] * 1000:.1f} ms: {slowest[1][:50]!a}")
    assert calls > count
