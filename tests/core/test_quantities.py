"""Amounts of resources: exact thousandths, or refused."""

from fractions import Fraction
from math import ceil, floor, inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorch import InvalidWorkflow, Workflow
from taskorch.core.quantities import amount_text, check_quantities, limit_amount, quantity, request_amount
from tests.core.samples import flow_of, problems

SUFFIXES = ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "e3", "E-2", "e+1"]
amounts = st.builds("{}{}{}".format, st.integers(0, 10**12), st.sampled_from(["", ".", ".5", ".0001", ".123456"]),
                    st.sampled_from(SUFFIXES))  # fmt: skip


@pytest.mark.parametrize(
    ("written", "thousandths"),
    [
        ("500m", 500), ("2", 2000), (2, 2000), (0.5, 500), ("0.5", 500), (".5", 500), ("5.", 5000), ("+1", 1000),
        ("4Gi", 4 * 2**30 * 1000), ("1e3", 1_000_000), ("1E3", 1_000_000), ("1E", 10**21), (1e22, 10**25),
        (True, 1000), (False, 0), ("0", 0), (0, 0), (0.1, 100), ("0.1", 100), (1e-3, 1), ("1e-03", 1),
    ],
    ids=repr,
)  # fmt: skip
def test_an_amount_is_a_whole_number_of_thousandths(written: Any, thousandths: int) -> None:
    """Texts, numbers and truth values are the same whole number as request and as limit."""
    assert request_amount(written) == limit_amount(written) == thousandths


@pytest.mark.parametrize("written", ["1n", "1u", "0.1m", "0.0001", 1e-9, "1e-99", "999u"], ids=repr)
def test_what_is_finer_than_a_thousandth_never_exceeds_the_limit(written: Any) -> None:
    """A request is rounded up, and a limit down."""
    assert (request_amount(written), limit_amount(written)) == (1, 0)


@given(amounts)
def test_rounding_is_that_of_the_exact_amount(written: str) -> None:
    """Thousandths are the exact amount, rounded to the safe side."""
    exact = quantity(written) * 1000

    assert (request_amount(written), limit_amount(written)) == (ceil(exact), floor(exact))


def test_sums_do_not_err() -> None:
    """Ten tenths are one, which they are not as floats."""
    assert sum(request_amount(0.1) for _ in range(10)) == limit_amount(1)
    assert sum([0.1] * 10) != 1


@pytest.mark.parametrize(
    "written",
    [
        "", " ", "-1", -1, -0.5, "-0", "-500m", nan, inf, -inf, "NaN", "inf", "1e999999999", "1e-999999999", "1e100",
        "9" * 31, "0." + "1" * 31, "1" * 10**6, 10**30, 10**5000, -(10**4999), 1e300,
        "\u0663", "\uff11", "\xb2", "1 ", " 1",
        "1\n", "1Gi ", "1KI", "1K", "1ki", "1GB", "1gi", "0x10", "1_000", "1,5", ".", "+", "e3", "Gi", "1e", "1e+",
        "1e3Gi", "1mm", "++1", "1.2.3", "true", None, [], {}, ["1"], {"cpu": 1}, (), b"1", 1j, object,
    ],
    ids=lambda value: repr(value)[:20] if not isinstance(value, int) else f"{value.bit_length()} bits",
)  # fmt: skip
def test_nonsense_is_refused(written: Any) -> None:
    """Negative, endless, foreign, nested or enormous amounts are refused by a short typed error."""
    for read in (request_amount, limit_amount, quantity):
        with pytest.raises(InvalidWorkflow) as caught:
            read(written)
        assert "is not an amount" in str(caught.value)
        assert len(str(caught.value)) < 200


@given(st.one_of(st.text(), st.integers(), st.floats(), st.lists(st.integers()), st.none(), st.booleans(), amounts))
def test_anything_is_an_amount_or_refused(written: Any) -> None:
    """No value raises anything but InvalidWorkflow, and none gives less than nothing."""
    try:
        amount = limit_amount(written)
    except InvalidWorkflow:
        return
    assert 0 <= amount <= request_amount(written) <= amount + 1


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("16Gi", "16Gi"), ("500m", "500m"), ("4", "4"), ("1.5", "1500m"), ("0", "0"), ("50G", "50G"), ("1000", "1k"),
        ("1024", "1Ki"), ("1023", "1023"), ("0.5Gi", "512Mi"), ("2Ei", "2Ei"), ("1e30", "1000000000000E"), (True, "1"),
    ],
    ids=repr,
)  # fmt: skip
def test_an_amount_is_shown_as_people_write_it(written: Any, text: str) -> None:
    """Messages show the shortest way to write an amount."""
    assert amount_text(request_amount(written)) == text


@given(st.integers(0, 10**25))
def test_a_shown_amount_is_that_amount(amount: int) -> None:
    """What is shown can be written into a document again."""
    assert request_amount(amount_text(amount)) == limit_amount(amount_text(amount)) == amount


@pytest.mark.parametrize("found", [None, [], "4", 4, True], ids=repr)
def test_amounts_stand_in_an_object(found: Any) -> None:
    """Anything but an object of amounts is one problem."""
    assert ["expected an object of amounts" in problem.message for problem in check_quantities(found)] == [True]


def test_names_of_resources_are_texts() -> None:
    """Python's callers cannot name a resource by anything else."""
    assert ["the name of a resource" in p.message for p in check_quantities({3: 1, ("a",): "x"})] == [True, True]


@pytest.mark.parametrize("name", ["cpu", "nvidia.com/gpu", "my licence", "über", "limits", ""])
def test_a_resource_may_have_any_name(name: str) -> None:
    """Names are free; a bad amount is told at its path."""
    good = Workflow.from_dict(flow_of("a", resources={"limits": {name: 1}}))
    assert good.resources is not None

    found = problems(Workflow.from_dict, flow_of("a", resources={"limits": {name: "much"}}))
    assert len(found) == 1
    assert next(iter(found)).startswith("resources.limits")


def test_the_exact_amount_is_a_fraction() -> None:
    """Whoever needs more than thousandths has the exact amount."""
    assert quantity("1n") == Fraction(1, 10**9)
