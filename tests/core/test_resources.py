"""Which step takes how much of what, and how much there is: every form of D4 and of design §5."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorch import InvalidWorkflow, Workflow
from taskorch.core.quantities import request_amount
from taskorch.core.resources import Capacity, Demand, ResourcePlan
from taskorch.core.settings import AutoScaling, Pool
from tests.core import d4
from tests.core.samples import flow_of, lines, needs_shared, problems, round_trips

BLOCKS = dict(d4.documents()) if d4.PAGE.exists() else {}
GI = 2**30 * 1000


def plan_of(flow: Workflow) -> ResourcePlan:
    """The plan of a workflow."""
    return ResourcePlan.of(flow.steps, flow.resources, flow.context)


def plan(document: dict[str, Any]) -> ResourcePlan:
    """The plan of a document."""
    return plan_of(Workflow.from_dict(document))


def flow(*steps: dict[str, Any], context: Any = None, **members: Any) -> dict[str, Any]:
    """A document with steps a, b, … that state these resources."""
    stated = [{"id": chr(97 + i), "command": "true"} | ({"resources": r} if r else {}) for i, r in enumerate(steps)]
    document = {"workflow": {"name": "w", "steps": stated, **members}}
    return document | ({"context": {"resources": context}} if context is not None else {})


# --- D4 ----------------------------------------------------------------------------------------------------


@needs_shared
@pytest.mark.parametrize("place", ["", " (inside)", " (bare)"])
def test_the_pool_of_d4(place: str) -> None:
    """D4, "Resource Management": the limits are the run's, the requests each step's, the scaling a hint."""
    made = plan(BLOCKS[f"Resource Management{place}"])

    assert dict(zip(made.names, made.limits, strict=True)) == {
        "cpu": 4000,
        "memory": 8 * GI,
        "storage": 50 * GI,
    }
    assert made.requests == ({"cpu": 2000, "memory": 4 * GI},) * 2
    assert made.demands == (((0, 2000), (1, 4 * GI)),) * 2
    assert made.auto_scaling == AutoScaling(enabled=True, min_replicas=1, max_replicas=10, target_cpu=70)


@needs_shared
def test_the_environment_of_d4() -> None:
    """D4, "Environment Configuration": the context says how much there is."""
    made = plan(BLOCKS["Environment Configuration"])

    assert dict(zip(made.names, made.limits, strict=True)) == {"cpu": 2000, "memory": 4 * GI, "storage": 10 * GI}
    assert made.demands == ((), ())


@needs_shared
def test_the_pipeline_of_d4() -> None:
    """The machine learning pipeline: amounts by step id, ``gpu: true`` is one; without a limit nothing waits."""
    document = BLOCKS["Machine Learning Pipeline: mlPipeline"]
    made = plan(document)
    taken = dict(zip((step["id"] for step in document["steps"]), made.requests, strict=True))

    assert {id: request for id, request in taken.items() if request} == {
        "train": {"gpu": 1000, "memory": 16 * GI},
        "evaluate": {"cpu": 4000, "memory": 8 * GI},
    }
    assert (made.names, set(made.demands), made.auto_scaling) == ((), {()}, None)


@needs_shared
def test_the_pipeline_of_d4_in_its_environment() -> None:
    """Amounts by id and limits from the context go together; what does not fit is told with its step."""
    document = {
        "workflow": BLOCKS["Machine Learning Pipeline: mlPipeline"],
        "context": {"resources": {"memory": "16Gi"}},
    }
    made = plan(document)
    assert [d for d in made.demands if d] == [((0, 16 * GI),), ((0, 8 * GI),)]

    document["context"]["resources"]["memory"] = "8Gi"
    found = problems(Workflow.from_dict, document)
    ids = [step["id"] for step in document["workflow"]["steps"]]
    assert [*found] == [f"workflow.steps[{ids.index('train')}]"]
    told = next(iter(found.values()))
    assert "step 'train' would never fit: it takes 16Gi of 'memory', and the limit is 8Gi" in told
    assert "lower workflow.resources.train.memory or raise context.resources.memory" in told


# --- how much there is ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resources", "context", "limits"),
    [
        (None, None, {}),
        (None, {"cpu": 2}, {"cpu": 2000}),
        ({"limits": {"cpu": 4}}, None, {"cpu": 4000}),
        ({"limits": {"cpu": 4}}, {"cpu": 2}, {"cpu": 4000}),
        ({"limits": {"cpu": 4}}, {"cpu": 2, "gpu": True}, {"cpu": 4000, "gpu": 1000}),
        ({"requests": {"cpu": 1}}, {"cpu": 2}, {"cpu": 2000}),
        ({"a": {"cpu": 1}}, {"cpu": 2}, {"cpu": 2000}),
        ({"limits": {}}, {"cpu": 2}, {"cpu": 2000}),
        ({"limits": {"gpu": False}}, None, {"gpu": 0}),
        ({"autoScaling": {"enabled": False}}, {"cpu": 2}, {"cpu": 2000}),
    ],
)
def test_the_context_gives_the_limits_that_the_workflow_does_not(resources: Any, context: Any, limits: Any) -> None:
    """Resource by resource the workflow's limit holds, else that of the context, else there is none."""
    made = plan(flow({}, context=context, **({"resources": resources} if resources else {})))

    assert dict(zip(made.names, made.limits, strict=True)) == limits


# --- what a step takes ---------------------------------------------------------------------------------------


def test_a_step_takes_what_it_says_else_what_each_step_takes() -> None:
    """Its own amounts stand over the defaults, resource by resource; 0 and false decline one."""
    pool = {"limits": {"cpu": 4, "memory": "8Gi", "gpu": 1}, "requests": {"cpu": 2, "memory": "4Gi"}}
    made = plan(flow({}, {"gpu": True}, {"cpu": "500m", "disk": 7}, {"cpu": 0, "memory": False}, resources=pool))

    assert made.names == ("cpu", "memory", "gpu")
    assert made.demands == (
        ((0, 2000), (1, 4 * GI)),
        ((0, 2000), (1, 4 * GI), (2, 1000)),
        ((0, 500), (1, 4 * GI)),
        (),
    )
    assert made.requests[2:] == ({"cpu": 500, "memory": 4 * GI, "disk": 7000}, {})


def test_the_step_itself_has_the_last_word() -> None:
    """A step's own amounts stand over those under its id, resource by resource."""
    by_id = {"a": {"cpu": 1, "gpu": 1}, "b": {"cpu": 3}}
    made = plan(flow({"cpu": 2}, {}, {}, resources=by_id, context={"cpu": 3}))

    assert made.requests == ({"cpu": 2000, "gpu": 1000}, {"cpu": 3000}, {})
    assert made.demands == (((0, 2000),), ((0, 3000),), ())


def test_a_step_called_like_an_extension_is_a_step() -> None:
    """Amounts under ``x-ray`` are those of the step of that name; other extensions are nobody's."""
    made = plan(flow_of("x-ray", "b", resources={"x-ray": {"cpu": 1}, "b": {}, "x-note": {"cpu": "much"}}))

    assert made.requests == ({"cpu": 1000}, {})


def test_equal_demands_are_one_object() -> None:
    """Steps that take the same share a demand, however it was written and in whatever order."""
    limits = {"limits": {"a": 9, "b": 9}}
    made = plan(flow({"a": 1, "b": "2"}, {"b": 2.0, "a": "1000m"}, {"a": True, "b": "2e0"}, {}, {}, resources=limits))

    assert len({id(demand) for demand in made.demands}) == 2


def test_a_fine_request_counts_as_more_and_a_fine_limit_as_less() -> None:
    """Amounts below a thousandth are rounded so that the limit holds."""
    made = plan(flow({"cpu": "1u"}, resources={"limits": {"cpu": "2.0009"}}))

    assert (made.limits, made.demands) == ((2000,), (((0, 1),),))


def test_a_workflow_built_in_python_says_the_same() -> None:
    """A plain dict serves as well as a ``Pool``; a bad one is refused at once."""
    for pool in (Pool(limits={"cpu": 2}, requests={"cpu": 1}), {"limits": {"cpu": 2}, "requests": {"cpu": 1}}):
        made = Workflow("w", resources=pool)
        made.command("true", id="a", resources={"cpu": 2})
        made.command("true", id="b")
        assert isinstance(made.resources, Pool)
        assert plan_of(made).demands == (((0, 2000),), ((0, 1000),))
        assert plan_of(Workflow.from_dict(made.to_dict())) == plan_of(made)
    for bad, path in (
        ({"limits": {"cpu": -1}}, "resources.limits.cpu"),
        ({"limits": {}, "a": {}}, "resources"),
        ({"a": {"cpu": "much"}}, "resources.a.cpu"),
        ({"a": 4}, "resources.a"),
        ({3: {}}, "resources"),
        ("4Gi", "resources"),
    ):
        assert [*problems(lambda value: Workflow("w", resources=value), bad)] == [path]


def test_resources_are_written_back_as_they_were() -> None:
    """No form is turned into another."""
    round_trips(flow({"cpu": "0.50"}, {}, resources={"a": {"gpu": True}, "b": {"cpu": "1e0"}}, context={"cpu": "2"}))


# --- refusals ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "path", "hint"),
    [
        (flow({}, {"cpu": 5}, resources={"limits": {"cpu": 4}}), "workflow.steps[1].resources.cpu",
         "lower workflow.steps[1].resources.cpu or raise workflow.resources.limits.cpu"),
        (flow({"cpu": 5}, context={"cpu": 4}), "workflow.steps[0].resources.cpu", "raise context.resources.cpu"),
        (flow({}, {}, resources={"b": {"cpu": 5}}, context={"cpu": 4}), "workflow.steps[1]",
         "lower workflow.resources.b.cpu or raise context.resources.cpu"),
        (flow({"cpu": 1}, {}, {}, resources={"limits": {"cpu": 4}, "requests": {"cpu": 5}}), "workflow.steps[1]",
         "lower workflow.resources.requests.cpu or raise workflow.resources.limits.cpu"),
        (flow_of("a", resources={"limits": {"a.b": 4}, "requests": {"a.b": 5}}), "steps[0]",
         'lower resources.requests["a.b"] or raise resources.limits["a.b"]'),
    ],
)  # fmt: skip
def test_a_step_that_can_never_fit_is_refused(document: dict[str, Any], path: str, hint: str) -> None:
    """The one problem names the step, the resource, both amounts, and where to change either."""
    found = problems(Workflow.from_dict, document)

    assert [*found] == [path]
    assert "would never fit: it takes 5 of" in found[path]
    assert "and the limit is 4" in found[path]
    assert hint in found[path]


def test_what_just_fits_is_not_refused() -> None:
    """A step may take all there is, and nothing where there is none."""
    made = plan(flow({"cpu": "4"}, {"gpu": 0}, resources={"limits": {"cpu": "4000m", "gpu": 0}}))

    assert made.demands == (((0, 4000),), ())


def test_a_default_that_fits_nowhere_is_told_once() -> None:
    """A thousand steps that take the same default are one problem; a step's own amounts are told beside it."""
    pool = {"limits": {"cpu": 1, "gpu": 1}, "requests": {"cpu": 2, "gpu": 1}}
    found = problems(Workflow.from_dict, flow(*[{}] * 20, {"gpu": 2}, {"cpu": 3}, {"cpu": 1}, resources=pool))

    assert [*found] == ["workflow.steps[0]", "workflow.steps[20].resources.gpu", "workflow.steps[21].resources.cpu"]


def test_a_check_refuses_what_reading_does() -> None:
    """What was built in Python is refused by ``check``: steps that never fit, ids of no step, a bad context."""
    built = Workflow("w", resources={"a": {"cpu": 5}, "bb": {}}, context={"resources": {"cpu": 4, "gpu": "much"}})
    built.command("true", id="a")
    built.command("true", id="b", resources={"cpu": "4.1"})
    found = problems(lambda _: built.check(), None)

    assert [*found] == [
        "context.resources.gpu",
        "resources.bb",
        "workflow.steps[0]",
        "workflow.steps[1].resources.cpu",
    ]
    assert "did you mean 'b'?" in found["resources.bb"]
    assert "takes 4100m of 'cpu', and the limit is 4" in found["workflow.steps[1].resources.cpu"]


def test_bad_amounts_do_not_hide_a_step_that_never_fits() -> None:
    """Everything is told at once, each with its line."""
    text = """{"name": "w",
        "steps": [{"id": "a", "command": "true",
                   "resources": {"cpu": 5}},
                  {"id": "b", "command": "true"}],
        "resources": {"limits": {"cpu": 4,
                                 "gpu": "many"}}}"""

    assert lines(Workflow.from_json, text) == {"resources.limits.gpu": 6, "steps[0].resources.cpu": 3}


NASTY: list[Any] = [
    None, True, 3, "4Gi", [], {}, {"cpu": None}, {"cpu": []}, {"cpu": {"cpu": 1}}, {"cpu": "1e999999999"},
    {"cpu": "\u0663"}, {"cpu": ""}, {"cpu": -1}, {"cpu": float("nan")}, {"cpu": 10**5000}, {"": "much"},
    {"a": {"cpu": 1}}, {"a": []}, {"limits": []}, {"limits": {"cpu": 1}, "a": {}}, {"requests": 3}, {"zz": {"cpu": 1}},
]  # fmt: skip


@given(*[st.sampled_from(NASTY)] * 3)
def test_hostile_resources_are_read_or_refused(inside: Any, own: Any, around: Any) -> None:
    """In every place, alone or together, they give a plan or a typed error."""
    document = {
        "workflow": {"name": "w", "steps": [{"id": "a", "command": "true", "resources": own}], "resources": inside},
        "context": {"resources": around},
    }
    try:
        made = plan(document)
    except InvalidWorkflow:
        return
    assert Capacity(made.limits).fits(made.demands[0])


# --- what is free --------------------------------------------------------------------------------------------

shares = st.lists(st.integers(0, 40), min_size=3, max_size=3)


@given(st.lists(st.integers(0, 60), min_size=3, max_size=3), st.lists(shares, max_size=40), st.randoms())
def test_what_is_held_never_exceeds_the_limit(limits: list[int], wanted: list[list[int]], chance: Any) -> None:
    """At every instant held and free are the limit, and giving all back restores it exactly."""
    capacity = Capacity(limits)
    held: list[Demand] = []
    for amounts in wanted:
        demand: Demand = tuple((index, amount) for index, amount in enumerate(amounts) if amount)
        room = [limit - sum(dict(d).get(index, 0) for d in held) for index, limit in enumerate(limits)]
        assert capacity.free == room
        assert min(room) >= 0
        assert capacity.fits(demand) == all(amount <= room[index] for index, amount in demand)
        if capacity.fits(demand):
            capacity.take(demand)
            held.append(demand)
        elif held:
            capacity.give(held.pop(chance.randrange(len(held))))
    for demand in held:
        capacity.give(demand)
    assert capacity.free == limits


def test_whoever_takes_nothing_always_fits() -> None:
    """An empty demand fits where nothing is free, and changes nothing."""
    capacity = Capacity([0])
    capacity.take(())

    assert (capacity.fits(()), capacity.fits(((0, 1),)), capacity.free) == (True, False, [0])


def test_less_than_was_taken_lets_nothing_in() -> None:
    """A run gone on with under lower limits holds what it held; nothing fits until enough is given back."""
    capacity = Capacity([2])
    capacity.take(((0, 3),))
    assert not capacity.fits(((0, 1),))

    capacity.give(((0, 3),))
    assert capacity.fits(((0, 2),))


@given(st.lists(st.sampled_from(["100m", 0.1, "0.1", "1e-1"]), max_size=30))
def test_ten_tenths_fit_into_one(amounts: list[Any]) -> None:
    """As many tenths fit as there are, never one more or less."""
    capacity = Capacity([request_amount(1)])
    taken = 0
    for amount in amounts:
        demand = ((0, request_amount(amount)),)
        if capacity.fits(demand):
            capacity.take(demand)
            taken += 1

    assert taken == min(len(amounts), 10)
