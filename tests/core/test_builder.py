"""Workflows built in Python: the forms of ``flow.step``, what feeds a body."""

import functools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from taskorch import Link, Retry, Step, Workflow
from taskorch.core.frontier.plan import Plan
from taskorch.core.frontier.slots import Kind
from tests.core.bodies import extract, flow_with, refusal, transform


def pairs(flow: Workflow) -> list[tuple[str, str, str]]:
    """All links: from, to and condition."""
    return [(link.predecessor, link.successor, link.condition.value) for link in flow.all_links()]


def test_the_function_is_returned_unchanged() -> None:
    """Every form of ``step`` gives back the very function: bare decorator, with arguments, plain call."""
    flow = Workflow("w")

    def a() -> None: ...
    def b() -> None: ...
    def c() -> None: ...

    assert flow.step(a) is a
    assert flow.step(id="bee")(b) is b
    assert flow.step(c, id="c2", timeout=5) is c
    assert not vars(a)
    assert [step.id for step in flow.steps] == ["a", "bee", "c2"]
    assert flow.steps[2].timeout == timedelta(seconds=5)


def test_a_parameter_named_like_a_step_is_fed_by_it() -> None:
    """The link is implied, of success, whether or not the parameter has a default."""
    flow = flow_with(extract, transform)
    flow.step(lambda transform=None: transform, id="report")
    flow.check()

    assert pairs(flow) == [("extract", "transform", "success"), ("transform", "report", "success")]
    assert flow.stages() == (("extract",), ("transform",), ("report",))


def test_inputs_name_the_step_of_a_parameter() -> None:
    """``inputs`` takes a function, an id or a step, and overrides the name of the parameter."""
    flow = flow_with(extract)
    other = flow.command("echo 1", id="other")
    flow.step(lambda rows, more, third: None, id="a", inputs={"rows": extract, "more": "other", "third": other})
    flow.step(lambda extract: None, id="b", inputs={"extract": "other"})

    assert pairs(flow) == [("extract", "a", "success"), ("other", "a", "success"), ("other", "b", "success")]


@pytest.mark.parametrize("form", ["id", "function", "step", "list", "mixed", "generator"])
def test_after_takes_ids_functions_and_steps(form: str) -> None:
    """``after`` is one or many of ids, functions and steps; each makes a link of success."""
    flow = flow_with(extract)
    shell = flow.command("true", id="shell")
    after: Any = {
        "id": "extract",
        "function": extract,
        "step": shell,
        "list": ["extract", "shell"],
        "mixed": (extract, shell),
        "generator": (id for id in ("shell",)),
    }[form]
    flow.step(lambda: None, id="last", after=after)

    found = {link.predecessor for link in flow.links if link.successor == "last"}
    assert found == {"shell"} if form in ("step", "generator") else {"extract"} <= found <= {"extract", "shell"}


def test_params_and_context_come_from_the_run() -> None:
    """Parameters of these names need no step, unless one has that id."""
    flow = Workflow("w")
    flow.step(lambda params, context: None, id="a")
    flow.check()
    flow.step(lambda: None, id="context")

    assert pairs(flow) == [("context", "a", "success")]


def test_a_function_may_serve_two_steps() -> None:
    """Then steps are named by id; naming the function is refused."""
    flow = Workflow("w")
    flow.step(extract, id="one")
    flow.step(extract, id="two")

    assert "one, two" in refusal(lambda: flow.step(lambda: None, id="c", after=extract))
    flow.step(lambda: None, id="c", after="two")


@pytest.mark.parametrize(
    ("function", "options", "kind"),
    [
        (extract, {}, Kind.LOOP),
        (transform, {}, Kind.THREAD),
        (transform, {"inline": True}, Kind.LOOP),
        (functools.partial(extract), {}, Kind.LOOP),
    ],
)
def test_where_a_body_runs(function: Callable[..., Any], options: dict[str, Any], kind: Kind) -> None:
    """Async bodies run on the loop, sync ones in threads unless they are inline."""
    flow = flow_with(extract)
    flow.step(function, id="a", **options)

    assert Plan.of(flow).line_of[1].kind == kind


def test_a_retry_is_the_policy_of_its_step() -> None:
    """What ``retry=`` says is what the plan does, and it is written into the document."""
    retry = Retry(max_attempts=4, initial=0.5, multiplier=3, max_delay=30, jitter=0.25)
    flow = Workflow("w")
    flow.step(extract, retry=retry)

    assert list(Plan.of(flow).retries) == [retry]
    assert flow.to_dict()["workflow"]["steps"][0]["retryPolicy"] == {  # type: ignore[index]
        "maxRetries": 3,
        "initialDelay": 500,
        "backoffMultiplier": 3,
        "maxDelay": 30_000,
        "jitter": 0.25,
    }


def test_what_python_builds_has_a_document() -> None:
    """A built workflow is written as D4 shows it, and its document is read back the same."""
    flow = Workflow("w", timeout=60, context={"a": 1}, fail_fast=True)
    flow.add(Step("a", command=("echo", "x y"), timeout=timedelta(seconds=5), allow_failure=True))
    flow.command("echo b", id="b", after="a", condition="always")
    flow.links.append(Link("a", "b", type="start_to_start", lag=1.5))  # type: ignore[arg-type]  # converted
    document = {
        "workflow": {
            "name": "w",
            "steps": [
                {"id": "a", "command": ["echo", "x y"], "timeout": 5000, "allowFailure": True},
                {"id": "b", "command": "echo b", "condition": "always"},
            ],
            "dependencies": [{"from": "a", "to": "b"}, {"from": "a", "to": "b", "type": "start_to_start", "lag": 1500}],
            "timeout": 60_000,
            "failFast": True,
        },
        "context": {"a": 1},
    }

    assert flow.to_dict() == document
    assert Workflow.from_dict(flow.to_dict()).to_dict() == document


def test_one_function_may_serve_many_steps() -> None:
    """What a function tells of itself holds for each step it serves; inputs are each step's own."""
    flow = flow_with(extract)
    flow.step(lambda: None, id="other")

    def takes(rows: object, **more: object) -> int:
        return 1

    flow.step(takes, id="a", inputs={"rows": extract})
    flow.step(takes, id="b", inputs={"rows": "other", "extra": extract})
    bodies = [step.body for step in flow.steps[2:]]

    assert [body.annotation for body in bodies if body] == [int, int]
    assert [[p.name for p in body.parameters] for body in bodies if body] == [["rows"], ["rows", "extra"]]
    assert pairs(flow) == [("extract", "a", "success"), ("other", "b", "success"), ("extract", "b", "success")]


def test_an_annotation_may_get_its_meaning_later() -> None:
    """A name in an annotation that nobody knows yet is looked up again for the next step of the function."""
    scope: dict[str, Any] = {}
    exec("def body() -> 'Late': ...", scope)
    flow = Workflow("w")
    flow.step(scope["body"], id="a")
    scope["Late"] = int
    flow.step(scope["body"], id="b")

    assert [step.body.annotation for step in flow.steps if step.body] == [None, int]
