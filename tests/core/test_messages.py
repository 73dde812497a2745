"""Messages and payloads: filled by plain substitution within bounds, and checked when the workflow is read."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorch import InvalidWorkflow, Workflow
from taskorch.core.messages import (
    MAX_HOLES,
    MAX_MESSAGE,
    MAX_VALUE,
    check_message,
    check_payload,
    fill_message,
    fill_payload,
)
from taskorch.core.run_data import RunView
from taskorch.core.settings import Alert, Notifications, Webhook
from tests.core.samples import flow_of, problems
from tests.core.stages import Stage


def data(output: object = None, **params: Any) -> Any:
    """What there is to see 1,500 ms into a run whose step ``a.b`` has given *output* and whose step count runs."""
    stage = Stage("a.b", "count")
    stage.end("a.b", 400_000, output=output)
    stage.start("count", 500_000)
    return RunView(stage, params=params, context={"env": "prod"}, id="run-1", name="nightly").at(1_500_000, "count")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Step {step.name} is taking longer than expected", "Step The count is taking longer than expected"),
        ("{workflow.name}/{workflow.id} {workflow.status} {workflow.duration}", "nightly/run-1 running 1500"),
        ("{step.id} {step.status} {step.duration} {step.attempt}/{step.attempts}", "count running 1000 1/1"),
        ("{steps.a.b.output}", '{"rows": [7, {"n": null}], "name": "é"}'),
        ('{steps["a.b"].output.rows[0]} {steps.a.b.output.name}', "7 é"),
        ("{steps.a.b.status} {steps.a.b.duration} {steps.a.b.attempts}", "completed 400 1"),
        ("{params.x} {params.list[1]} {context.env}", "{step.id} true prod"),
        ("{steps.count.output} {params.no.x}", "(no steps.count.output) (no params.no.x)"),
        ("{} {0} {{x}} $x %s {a: 1} {", "{} {0} {{x}} $x %s {a: 1} {"),
        ("{params.ugly}", r"a\nb\x1b[31m\u202e"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_message_is_filled(text: str, expected: str) -> None:
    """Texts go in on one line with nothing hidden, other values as JSON, and what is not there is named."""
    found = data({"rows": [7, {"n": None}], "name": "é"}, x="{step.id}", list=[0, True], ugly="a\nb\x1b[31m\u202e")

    assert list(check_message(text)) == []
    assert fill_message(text, found) == expected


def circular() -> list[Any]:
    """A list that holds itself."""
    found: list[Any] = []
    found.append(found)
    return found


def deep(levels: int) -> Any:
    """Lists in lists."""
    found: Any = 1
    for _ in range(levels):
        found = [found]
    return found


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x" * 10**6, "xxx"),
        (["x"] * 10**6, '["x", "x"'),
        (circular(), "(a value that JSON cannot write)"),
        (deep(100_000), "[[["),
        ({1: 2}, '{"1": 2}'),
        ({(1, 2): 2}, "(a value that JSON cannot write)"),
        (object(), '"(object)"'),
        (10**5000, "(a value that JSON cannot write)"),
        (float("nan"), "NaN"),
    ],
    ids=["long", "many", "circular", "deep", "number-key", "odd-key", "object", "huge", "nan"],
)
def test_whatever_the_value_the_message_is_short(value: Any, shown: str) -> None:
    """A value takes no more than its room, and none keeps the message from being told."""
    found = fill_message("<{params.value}>", data(value=value))

    assert found.startswith(f"<{shown}")
    assert len(found) <= MAX_VALUE + 2


@given(st.text(max_size=40), st.recursive(st.none() | st.integers() | st.text(), st.lists))
def test_a_message_is_bounded_and_what_it_is_filled_with_means_nothing(text: str, value: object) -> None:
    """Braces that come with a value are not looked at, and a message of many holes is cut off."""
    assert len(fill_message("{params.value}" * MAX_HOLES + text, data(value=value))) <= MAX_MESSAGE
    assert fill_message("{params.value}", data(value="{params.value}")) == "{params.value}"


def test_a_payload_is_filled_value_by_value() -> None:
    """D4's payload: its values are filled wherever they stand, its keys and what is no text stay."""
    payload = {
        "workflow": "{workflow.name}",
        "status": "{workflow.status}",
        "duration": "{workflow.duration}",
        "{params.x}": [{"deep": ["{steps.a.b.output}", 5, None, True]}],
    }

    assert list(check_payload(payload)) == []
    assert fill_payload(payload, data("out")) == {
        "workflow": "nightly",
        "status": "running",
        "duration": "1500",
        "{params.x}": [{"deep": ["out", 5, None, True]}],
    }


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("{step.nam}", "step has no field 'nam'", "did you mean 'name'?"),
        ("{stpe.name}", "'stpe' is not known here", "did you mean 'step'?"),
        ("{duration}", "'duration' is not known here", "did you mean workflow.duration?"),
        ("{step}", "step is a group of fields", "one of id, name"),
        ("{workflow.x}", "workflow has no field 'x'", "one of id, name, status, duration"),
        ("{step.name!r}", "step has no field 'name!r'", "did you mean 'name'?"),
        ("{step.__class__}", "step has no field '__class__'", ""),
        ("{steps.a}", "steps.a is a group of fields", ""),
        ("{params}", "params is a group of fields", ""),
        ("{params[x]}", "it names no field", ""),
    ],
)
def test_a_bad_message_is_refused_with_a_caret(text: str, message: str, hint: str) -> None:
    """What looks like a placeholder and is none is told when the workflow is read, with what may have been meant."""
    (problem,) = check_message(f"Look: {text}")

    assert f"is no placeholder: {message}" in problem.message
    assert problem.message.splitlines()[-1].strip() == "^"
    assert hint in problem.hint


def test_a_message_has_bounds() -> None:
    """A message of too many characters or placeholders is refused."""
    assert [p.message for p in check_message("x" * (MAX_MESSAGE + 1))] == ["is a text of more than 10,000 characters"]
    assert [p.message for p in check_message("{step.id}" * 101)] == ["has more than 100 placeholders"]
    assert [p.message for p in check_payload({"a": ["{workflow.id}" * 60] * 2})] == ["has more than 100 placeholders"]
    assert [p.message for p in check_payload(deep(5000))] == ["is nested deeper than 100 levels"]


@pytest.mark.parametrize("where", ["notifications", "context.notifications"])
def test_messages_and_payloads_are_checked_with_the_workflow(where: str) -> None:
    """Wherever notifications stand, each mistake is told at its place, unknown steps too."""
    notifications = {
        "alerts": [
            {"condition": "always", "message": "{step.nam}"},
            {"condition": "always"},
            {"condition": "always", "message": "{steps.nope.output} {steps.a.output}"},
        ],
        "webhooks": [
            {"url": "https://x", "payload": {"a": {"b": "{step.id}"}}},
            {"url": "https://x", "payload": {"c": ["ok", "{steps.gone.status}"]}},
        ],
    }
    root, _, below = where.partition(".")
    found = problems(Workflow.from_dict, flow_of("a") | {root: {below: notifications} if below else notifications})

    assert {path: message.splitlines()[0] for path, message in found.items()} == {
        f"{where}.alerts[0].message": "'{step.nam}' is no placeholder: step has no field 'nam'",
        f"{where}.alerts[2].message": "there is no step 'nope' (one of a)",
        f"{where}.webhooks[0].payload.a.b": "'{step.id}' is no placeholder: 'step' is not known here",
        f"{where}.webhooks[1].payload.c[1]": "there is no step 'gone' (one of a)",
    }


def test_messages_built_in_python_are_checked_too() -> None:
    """A workflow made in Python is told of bad messages once it is checked."""
    alert = Alert(condition="always", message="{steps.nope.output}")
    hook = Webhook(url="https://x", payload={"a": "{steps.b.status} {nothing.at.all}"})
    flow = Workflow("w", notifications=Notifications(alerts=(alert,), webhooks=(hook,)))

    with pytest.raises(InvalidWorkflow) as caught:
        flow.check()
    assert [problem.path for problem in caught.value.problems] == [
        "notifications.alerts[0].message",
        "notifications.webhooks[0].payload.a",
    ]
