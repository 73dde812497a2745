"""Where members stand, what amounts of resources mean, and what is written back."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorch import InvalidWorkflow, Workflow
from taskorch.core.quantities import quantity
from tests.core.samples import flow_of, load, ordered, problems, round_trips, with_step


@pytest.mark.parametrize("key", ["errorHandling", "resources", "notifications"])
def test_three_members_stand_inside_or_beside_but_not_both(key: str) -> None:
    """Each is written back where it was found; in both places it is an error."""
    value: dict[str, Any] = {}
    round_trips({"workflow": flow_of("a", **{key: value})})
    round_trips({"workflow": flow_of("a"), key: value})

    assert [*problems(Workflow.from_dict, {"workflow": flow_of("a", **{key: value}), key: value})] == [key]


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"workflow": flow_of("a", context={})}, "workflow.context"),
        ({"workflow": flow_of("a"), "timeout": 5}, "timeout"),
        ({"workflow": flow_of("a"), "steps": []}, "steps"),
        ({"workflow": flow_of("a", monitor=True)}, "workflow.monitor"),
    ],
)
def test_a_member_in_the_wrong_place_is_told_the_right_one(document: dict[str, Any], path: str) -> None:
    """A known key in the other object is refused with where it stands."""
    found = problems(Workflow.from_dict, document)

    assert [*found] == [path]
    assert "wrong place" in found[path]


def test_resources_are_of_the_run_or_of_steps() -> None:
    """Limits beside ids of steps are an error, whatever their order."""
    for mixed in ({"limits": {}, "a": {}}, {"a": {}, "requests": {}}, {"a": {}, "autoScaling": {}, "limits": {}}):
        found = problems(Workflow.from_dict, flow_of("a", resources=mixed))
        assert [*found] == ["resources"]
        assert "mixes" in found["resources"]


def test_amounts_of_a_step_called_like_an_extension_are_checked() -> None:
    """``x-ray`` is a good id, so its amounts are checked like those of any step."""
    found = problems(Workflow.from_dict, flow_of("x-ray", "b", resources={"x-ray": {"cpu": "much"}, "b": {"cpu": 1}}))

    assert [*found] == ["resources.x-ray.cpu"]


@pytest.mark.parametrize("amounts", [{"limits": {"cpu": "x", "a.b": "y"}}, {"a": {"cpu": "x", "a.b": "y"}}])
def test_every_bad_amount_is_told(amounts: dict[str, Any]) -> None:
    """Several bad amounts are several problems, each at its path."""
    key = next(iter(amounts))

    assert {*problems(Workflow.from_dict, flow_of("a", resources=amounts))} == {
        f"resources.{key}.cpu",
        f'resources.{key}["a.b"]',
    }


@pytest.mark.parametrize(
    ("amount", "exact"),
    [
        (True, 1), (False, 0), (2, 2), (0.5, Fraction(1, 2)), ("2", 2), ("500m", Fraction(1, 2)), ("4Gi", 4 * 2**30),
        ("1k", 1000), ("1Ki", 1024), ("1.5G", 1_500_000_000), ("1e3", 1000), ("12E2", 1200), ("1E", 10**18),
        ("100n", Fraction(1, 10**7)), ("0", 0), ("1Ei", 2**60), ("1e-3", Fraction(1, 1000)),
    ],
    ids=repr,
)  # fmt: skip
def test_quantities_are_those_of_kubernetes(amount: Any, exact: Fraction) -> None:
    """Amounts are exact, in every suffix Kubernetes knows; true is one."""
    assert quantity(amount) == exact


@pytest.mark.parametrize(
    "amount", ["", "-1", -1, "1 Gi", "Gi", "1gi", "1K", "4GB", "0x10", "1_000", "\u0663", "1e999", None, []], ids=repr
)
def test_what_is_no_quantity_is_refused(amount: Any) -> None:
    """Anything else, negative amounts too, is refused."""
    with pytest.raises(InvalidWorkflow):
        quantity(amount)


@given(st.integers(0, 10**15), st.sampled_from(["", "m", "k", "Mi", "G"]))
def test_every_written_quantity_is_read(number: int, suffix: str) -> None:
    """A whole number with a suffix is that number of its unit."""
    assert quantity(f"{number}{suffix}") == number * quantity(f"1{suffix}")


def test_a_duration_too_fine_is_not_changed_in_silence() -> None:
    """A duration below a microsecond is written back as it was, or refused."""
    try:
        written = Workflow.from_dict(with_step(timeout=0.0001)).to_dict()
    except InvalidWorkflow:
        return
    assert ordered(written) == ordered(with_step(timeout=0.0001))


def test_a_workflow_is_written_with_the_members_it_was_given() -> None:
    """Members with their default are left out unless they stood in the document."""
    assert load("a").to_dict() == flow_of("a")
    round_trips(flow_of("a", failFast=False, parallel=[], mode="parallel"))
