"""What between steps and links is refused: ids, ends of links, circles; all at once, with paths."""

import json
from typing import Any

import pytest

from taskorch import CycleError, InvalidWorkflow, Workflow
from taskorch.core.settings import Alert, Notifications
from tests.core.samples import flow_of, lines, load, problems, with_step
from tests.naming import shown

FS, SS, FF, SF = "finish_to_start", "start_to_start", "finish_to_finish", "start_to_finish"
GOOD_IDS = ["a", "0", "_a", "test[0]", "lib/zstd.o", "a.b", "A:b-c", "x" * 128]
BAD_IDS = ["", "-a", ".a", "a..b", "../a", "/a", "a b", "a\n", "é", "a\\b", "x" * 129, "a{b}", 'a"b']


def cycle(document: dict[str, Any]) -> tuple[str, ...]:
    """The circle of a document that has one."""
    with pytest.raises(CycleError) as caught:
        Workflow.from_dict(document)
    assert " → ".join(caught.value.cycle) in str(caught.value)
    return caught.value.cycle


@pytest.mark.parametrize("id", GOOD_IDS)
def test_a_good_id_is_taken(id: str) -> None:
    """Ids of real pipelines, with brackets, slashes and dots, are taken, in links and conditions too."""
    flow = load(id, "other", links=((id, "other"),))
    Workflow.from_dict(flow_of(id, "other") | {"x": 1})

    assert flow.stages() == ((id,), ("other",))


@pytest.mark.parametrize("id", BAD_IDS)
def test_a_bad_id_is_refused(id: str) -> None:
    """An id outside the rule of design §5 is refused at its path."""
    assert [*problems(Workflow.from_dict, flow_of("a", id))] == ["steps[1].id"]


def test_an_id_stands_once() -> None:
    """The second step of an id is refused, and the first is named."""
    found = problems(Workflow.from_dict, flow_of("a", "b", "a"))

    assert [*found] == ["steps[2].id"]
    assert "steps[0]" in found["steps[2].id"]


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ((("a", "a"),), {"dependencies[0]"}),
        ((("a", "a", FF),), {"dependencies[0]"}),
        ((("a", "nope"),), {"dependencies[0].to"}),
        ((("nope", "a"),), {"dependencies[0].from"}),
        ((("a", "b"), ("a", "b")), {"dependencies[1]"}),
        ((("a", "b"), ("a", "b", FS, "failure")), {"dependencies[1]"}),
        ((("a", "b", SS, "failure"),), {"dependencies[0].condition"}),
        ((("a", "b", SF, "failure"),), {"dependencies[0].condition"}),
    ],
    ids=["itself", "itself-ff", "to-nowhere", "from-nowhere", "twice", "twice-otherwise", "ss-failure", "sf-failure"],
)
def test_a_link_that_cannot_be_is_refused(links: tuple[tuple[Any, ...], ...], expected: set[str]) -> None:
    """Links to itself, to nowhere, twice, or waiting for the failure of a start are refused at their paths."""
    assert set(problems(Workflow.from_dict, flow_of("a", "b", links=links))) == expected


def test_the_end_of_a_dangling_link_is_suggested() -> None:
    """Where an id is near, it is named."""
    found = problems(Workflow.from_dict, flow_of("extract", "load", links=(("extrct", "load"),)))

    assert "did you mean 'extract'?" in found["dependencies[0].from"]


@pytest.mark.parametrize(
    "links",
    [
        (("a", "b", FS), ("a", "b", SS)),
        (("a", "b", SS), ("a", "b", FF)),
        (("a", "b", SS, "always"), ("a", "b", SF, "always")),
        (("a", "b", SS), ("b", "a", FF)),
        (("a", "b", FF, "failure"),),
        (("a", "b", SF), ("b", "a", SF)),
        (("a", "b", SS), ("b", "a", SF)),
    ],
    ids=["fs-ss", "ss-ff", "ss-sf", "ss-ff-back", "ff-failure", "sf-sf-back", "ss-sf-back"],
)
def test_links_of_different_types_may_meet(links: tuple[tuple[Any, ...], ...]) -> None:
    """Circles are circles of starts and finishes, not of steps: "A SS B with B FF A" is legal."""
    load("a", "b", links=links).check()


@pytest.mark.parametrize(
    ("links", "steps"),
    [
        ((("a", "b"), ("b", "a")), {"a", "b"}),
        ((("a", "b"), ("b", "c"), ("c", "a")), {"a", "b", "c"}),
        ((("a", "b", SS), ("b", "a", SS)), {"a", "b"}),
        ((("a", "b", FF), ("b", "a", FF)), {"a", "b"}),
        ((("a", "b", FS), ("b", "a", SS)), {"a", "b"}),
        ((("a", "b", FS), ("b", "a", FF)), {"a", "b"}),
        ((("a", "b", FS), ("b", "a", SF)), {"a", "b"}),
        ((("c", "a"), ("a", "b", SS), ("b", "a", SS)), {"a", "b"}),
    ],
)
def test_a_circle_of_events_is_refused(links: tuple[tuple[Any, ...], ...], steps: set[str]) -> None:
    """A circle raises ``CycleError`` with the steps on it, each linked to the next."""
    found = cycle(flow_of("a", "b", "c", links=links))
    pairs = {link[:2] for link in links}

    assert set(found) == steps
    assert all(pair in pairs for pair in zip(found, (*found[1:], found[0]), strict=True))


def test_conditions_and_commands_make_circles_too() -> None:
    """Naming a step is a link: two steps that name each other form a circle, and one that names itself is told."""
    by_condition = flow_of("a", "b", links=(("a", "b"),))
    by_condition["steps"][0]["condition"] = "on_failure(b)"
    by_command = flow_of("a", "b")
    by_command["steps"][0]["command"] = "echo {steps.b.output}"
    by_command["steps"][1]["command"] = ["echo", '{steps["a"].output}']

    assert set(cycle(by_condition)) == set(cycle(by_command)) == {"a", "b"}
    assert [*problems(Workflow.from_dict, with_step(condition="on_success(a)"))] == ["steps[0].condition"]
    assert [*problems(Workflow.from_dict, with_step(command="echo {steps.a.output}"))] == ["steps[0].command"]


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"condition": "on_success(b)"}, "steps[0].condition"),
        ({"condition": "on_success(a1, b)"}, "steps[0].condition"),
        ({"condition": 'steps["b"].output > 1'}, "steps[0].condition"),
        ({"command": "echo {steps.b.output}"}, "steps[0].command"),
        ({"map": "steps.b.output.files"}, "steps[0].map"),
    ],
)
def test_a_step_that_is_not_there_is_not_named(members: dict[str, Any], path: str) -> None:
    """Conditions, commands and maps name steps of the workflow only."""
    assert set(problems(Workflow.from_dict, with_step(**members))) == {path}


@pytest.mark.parametrize("where", ["notifications", "context.notifications"])
@pytest.mark.parametrize(
    ("condition", "told"),
    [("on_failure(nope)", "nope"), ('steps["bb"].output > 1', "bb"), ("on_success(a, other)", "other")],
)
def test_a_step_that_is_not_there_is_not_named_by_alerts(where: str, condition: str, told: str) -> None:
    """The conditions of alerts name steps of the workflow only, when it is read and when it is checked."""
    notifications = {"alerts": [{"condition": "on_failure(a)"}, {"condition": condition}]}
    beside = {"notifications": notifications} if where == "notifications" else {}
    context = {} if beside else {"context": {"notifications": notifications}}
    document = flow_of("a", "b") | beside | context
    found = problems(Workflow.from_dict, document)

    assert [*found] == [f"{where}.alerts[1].condition"]
    assert f"there is no step {told!r}" in found[f"{where}.alerts[1].condition"]
    assert [*problems(Workflow.from_dict, {"workflow": flow_of("a", "b") | beside, **context})] == [
        f"{'workflow.' if beside else ''}{where}.alerts[1].condition"
    ]


def test_alerts_are_checked_once_more_with_the_workflow() -> None:
    """A workflow that was built in Python is told of alerts about steps that are not there, once it is checked."""
    flow = Workflow("w", notifications=Notifications(alerts=(Alert(condition="on_failure(nope)"),)))
    flow.command("true", id="a")

    assert [*problems(lambda flow: flow.check(), flow)] == ["notifications.alerts[0].condition"]


def test_bad_alerts_are_told_with_everything_else() -> None:
    """An alert that cannot be read hides neither the steps that others name nor itself."""
    alerts = [{"condition": "on_failure("}, 5, {"condition": "on_failure(nope)"}, {"condition": 5}, {}]
    found = problems(Workflow.from_dict, flow_of("a") | {"notifications": {"alerts": alerts}, "timeout": -1})

    assert {"notifications.alerts[0].condition", "notifications.alerts[2].condition", "timeout"} <= set(found)


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"condition": "step.duration > 5"}, "steps[0].condition"),
        ({"condition": "always and step.attempt > 1"}, "steps[0].condition"),
        ({"map": "true"}, "steps[0].map"),
        ({"map": "always"}, "steps[0].map"),
        ({"map": "on_success(b)"}, "steps[0].map"),
        ({"map": "params.x == 3 or true"}, "steps[0].map"),
        ({"map": "steps.b"}, "steps[0].map"),
        ({"map": "steps.b.status"}, "steps[0].map"),
        ({"map": "step.name"}, "steps[0].map"),
        ({"map": "params"}, "steps[0].map"),
    ],
    ids=repr,
)
def test_what_could_mean_nothing_is_refused(members: dict[str, Any], path: str) -> None:
    """A step's condition asks nothing of its own run, and a step is mapped over data, not over an answer."""
    document = with_step(**members)
    document["steps"].append({"id": "b", "command": "true"})

    assert set(problems(Workflow.from_dict, document)) == {path}


@pytest.mark.parametrize("source", ["steps.b.output", 'steps["b"].output.files[0]', "context.files", "params['a b']"])
def test_what_a_step_may_be_mapped_over(source: str) -> None:
    """Outputs of steps, the context and the parameters hold data to map over."""
    document = with_step(map=source)
    document["steps"].append({"id": "b", "command": "true"})

    assert Workflow.from_dict(document).steps[0].map == source


def test_a_bad_variable_is_told_at_its_path() -> None:
    """The name of a variable that is no plain word is quoted in the path, and its line is found."""
    text = '{"name": "w", "steps": [\n{"id": "a", "command": "x",\n"environment": {\n"A.B": "x"}}]}'

    assert lines(Workflow.from_json, text) == {'steps[0].environment["A.B"]': 4}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({}, {"name"}),
        ({"name": "w", "stps": []}, {"stps"}),
        ({"name": "w", "steps": {}}, {"steps"}),
        ({"name": "w", "steps": [1, "a"]}, {"steps[0]", "steps[1]"}),
        ({"name": "w", "steps": [{}]}, {"steps[0].id"}),
        ({"name": " ", "steps": []}, {"name"}),
        ({"name": 5, "steps": [], "dependencies": 5}, {"name", "dependencies"}),
        ({"name": "w", "steps": None}, {"steps"}),
        ({"name": "w", "steps": [], "dependencies": None}, {"dependencies"}),
        ({"workflow": []}, {"workflow"}),
        ({"workflow": {}}, {"workflow.name"}),
        ({"workflow": flow_of("a"), "contxt": {}}, {"contxt"}),
        ({"workflow": flow_of("a", stages=1)}, {"workflow.stages"}),
        ({"name": "w", "steps": [], "dependencies": [{"from": "a"}]}, {"dependencies[0].to"}),
    ],
    ids=shown,
)
def test_another_document_is_refused(document: dict[str, Any], expected: set[str]) -> None:
    """Unknown keys, wrong kinds and missing members are refused at their paths."""
    assert set(problems(Workflow.from_dict, document)) == expected


@pytest.mark.parametrize("document", [None, [], 5, "x", [{"name": "w"}]], ids=repr)
def test_what_is_no_object_is_refused(document: object) -> None:
    """A workflow is an object."""
    with pytest.raises(InvalidWorkflow):
        Workflow.from_dict(document)


def test_all_problems_are_told_at_once_with_their_lines() -> None:
    """Bad members hide neither each other nor what is wrong between steps and links, circles included."""
    document = {
        "workflow": flow_of("a", "b", "c", links=(("a", "b"), ("b", "a"), ("a", "zz")))
        | {"timeout": -1, "mode": "serial", "parallel": ["nope"]},
        "context": {"resources": {"cpu": "much"}},
        "debugg": {},
    }
    document["workflow"]["steps"][2] |= {"timeout": "5", "retires": 1, "condition": "on_sucess(a)"}
    document["workflow"]["dependencies"].append({"from": "a", "to": "c", "lag": -5})
    text = json.dumps(document, indent=1)
    found = lines(Workflow.from_json, text)
    expected = {
        "workflow.timeout": '"timeout": -1',
        "workflow.mode": '"mode"',
        "workflow.parallel[0]": '"nope"',
        "context.resources.cpu": '"much"',
        "debugg": '"debugg"',
        "workflow.steps[2].timeout": '"timeout": "5"',
        "workflow.steps[2].retires": '"retires"',
        "workflow.steps[2].condition": '"condition"',
        "workflow.dependencies[2].to": '"zz"',
        "workflow.dependencies[3].lag": '"lag"',
    }

    assert found == {path: text.count("\n", 0, text.index(mark)) + 1 for path, mark in expected.items()} | {"": None}
    with pytest.raises(CycleError) as caught:
        Workflow.from_json(text)
    assert set(caught.value.cycle) == {"a", "b"}


def test_a_line_is_no_script() -> None:
    """A command that is a very long line is refused; as an array it is taken."""
    document = flow_of("a")
    document["steps"][0]["command"] = "x " * 5000
    with pytest.raises(InvalidWorkflow, match="10,000 characters; 8,192 are read"):
        Workflow.from_dict(document)
    document["steps"][0]["command"] = ["x"] * 5000
    assert len(Workflow.from_dict(document).steps[0].argv or ()) == 5000
