"""Filling holes in arguments: plain substitution, one argument stays one, and no value becomes an option."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorch import InvalidParameters
from taskorch.core.templates import check_holes, check_parameters, fill, parameters_in, steps_in

PARAMS: Mapping[str, Any] = {
    "x": "v", "n": 5, "f": 1.5, "t": True, "z": None, "o": {"a": [1, "é"]}, "a.b": {"c d": 7},
    "empty": "", "space": "a b; rm -rf *",
    "hole": "{params.x}", "format": "{0} {} {params.x!r} %s $x", "minus": "-rf", "neg": -5, "exp": -1.5e-07,
    "nul": "\0", "dash": "-", "a b": "spaced",
}  # fmt: skip
OUTPUTS: Mapping[str, Any] = {
    "a": "out", "a.b": "dotted", "build[0]": "first", "rows": [1, 2], "minus": "--all",
    "deep": {"files": [{"name": "x.csv"}], "output": {"output": "in"}},
}  # fmt: skip
OTHERS: Mapping[str, Any] = {
    "context": {"env": "prod"},
    "workflow": {"id": "run-1", "name": "nightly"},
    "step": {"id": "now", "attempt": 2},
    "steps": {"deep": {"status": "completed"}},
}


def filled(argument: str) -> str:
    """One argument, filled."""
    (found,) = fill([argument], PARAMS, OUTPUTS.__getitem__, OTHERS)
    return found


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("plain", "plain"),
        ("{params.x}", "v"),
        ("--in={params.x}.csv", "--in=v.csv"),
        ("{params.x}{params.x}", "vv"),
        ("{params.n}", "5"),
        ("{params.f}", "1.5"),
        ("{params.t}", "true"),
        ("{params.z}", "null"),
        ("{params.o}", '{"a": [1, "é"]}'),
        ("{params.empty}", ""),
        ("{params.space}", "a b; rm -rf *"),
        ("{params.a b}", "spaced"),
        ("{steps.a.output}", "out"),
        ("{steps.a.b.output}", "dotted"),
        ('{steps["build[0]"].output}', "first"),
        ("{steps.build[0].output}", "first"),
        ("{steps.rows.output}", "[1, 2]"),
        ("{params.o.a}", '[1, "é"]'),
        ("{params.o.a[1]}", "é"),
        ("{params.o.a[-2]}", "1"),
        ('{params["a.b"]["c d"]}', "7"),
        ("{steps.rows.output[1]}", "2"),
        ('{steps["rows"].output[0]}', "1"),
        ("{steps.deep.output.files[0].name}", "x.csv"),
        ("{steps.deep.output.output.output}", "in"),
        ("{steps.deep.status}", "completed"),
        ("{context.env}", "prod"),
        ("{workflow.id}/{workflow.name}/{step.id}/{step.attempt}", "run-1/nightly/now/2"),
        ("{params.neg}", "-5"),
        ("{params.exp}", "-1.5e-07"),
        ("--n={params.minus}", "--n=-rf"),
        ("-{params.x}", "-v"),
    ],
)
def test_holes_are_filled(argument: str, expected: str) -> None:
    """Text goes in as it is, other values as JSON; no shell, no splitting."""
    assert filled(argument) == expected


@pytest.mark.parametrize(
    "argument",
    [
        "{}", "{0}", "{{params.x}", "{params}", "{params.}", "{param.x}", "{ params.x }", "{steps.a}",
        "{context}", "{workflow.steps}", "{step.duration}", "{params.x }", "{{.Names}}",
        "$x", "${HOME}", "%s", "{params.x", "params.x}", "{'a': 1}",
        "{params[x]}", "{steps.output}",
    ],
)  # fmt: skip
def test_other_braces_stay(argument: str) -> None:
    """Whatever is not the path of something that a command may hold is left as it is."""
    kept = argument.replace("{{params.x}", "{v")
    assert filled(argument) == kept


def test_a_value_is_not_filled_again() -> None:
    """Braces that come with a value mean nothing."""
    assert filled("{params.hole}") == "{params.x}"
    assert filled("{params.format}") == "{0} {} {params.x!r} %s $x"


@pytest.mark.parametrize(
    "argument",
    [
        "{params.minus}",
        "{steps.minus.output}",
        "{params.empty}{params.minus}",
        "{params.minus}/x",
        "{params.dash}{params.x}",
    ],
)
def test_a_value_does_not_become_an_option(argument: str) -> None:
    """A value that would turn an argument into an option is refused; a negative number is none."""
    with pytest.raises(InvalidParameters, match="option"):
        filled(argument)


@pytest.mark.parametrize(
    "hole",
    [
        "{params.o.b}", "{params.o.a[2]}", "{params.x.y}", "{params.x[0]}", "{steps.rows.output.rows}",
        "{context.nothing}", "{workflow.id}", "{steps.a.duration}",
    ],
)  # fmt: skip
def test_nothing_is_run_with_a_hole_in_it(hole: str) -> None:
    """Where there is nothing to fill a hole with, that is an error which names the hole."""
    with pytest.raises(InvalidParameters, match="there is no value for") as caught:
        fill([f"x{hole}"], PARAMS, OUTPUTS.__getitem__)
    assert hole in str(caught.value)


@pytest.mark.parametrize(
    ("argument", "message", "hint"),
    [
        ("{param.x}", "'param' is not known here", "did you mean 'params'?"),
        ("{params.}", "it names no field", "write {params.name}"),
        ("{params.x }", "it names no field", "other names are quoted"),
        ("{steps.a.otput}", "steps.a has no field 'otput'", "did you mean 'output'?"),
        ("{steps.a}", "steps.a is a group of fields", "one of output"),
        ("{step.nam}", "step has no field 'nam'", "did you mean 'name'?"),
        ("{workflow.status}", "workflow has no field 'status'", "one of id, name"),
        ("{step.id.x}", "step.id is a text, and has no fields", ""),
        ("{steps[0].output}", "expected a name in steps, got a number", ""),
    ],
)
def test_what_is_no_hole_is_told_with_a_caret(argument: str, message: str, hint: str) -> None:
    """A hole that cannot be filled is refused when it is read, with the place and what may have been meant."""
    (problem,) = check_holes(f"--x={argument}")

    assert f"{argument!r} is no placeholder: {message}" in problem.message
    assert problem.hint.startswith(hint) or hint in problem.hint
    *_, shown, caret = problem.message.splitlines()
    assert argument in shown
    assert shown.index("{") <= caret.index("^") < len(shown)


def test_of_very_many_mistakes_the_first_are_told() -> None:
    """A text made of mistakes costs no more than one with a few."""
    assert len(list(check_holes("{params.}" * 10_000))) == 10
    assert list(check_holes("{params" * 10_000)) == []


def test_an_argument_is_bounded() -> None:
    """What no program could be started with is refused before anything of that size is made."""
    with pytest.raises(InvalidParameters, match="more than 131,071 characters; hand it over in a file") as caught:
        fill(["{params.x}" * 1000], {"x": ["y" * 1000]}, OUTPUTS.__getitem__)
    assert len(str(caught.value)) < 200


def test_nul_is_refused() -> None:
    """No argument of a program can hold NUL."""
    with pytest.raises(InvalidParameters, match="NUL"):
        filled("x{params.nul}")


@pytest.mark.parametrize("hole", ["{params.nul}", "{params.minus}"])
def test_messages_hold_no_argument(hole: str) -> None:
    """A refusal names the hole, and shows neither a value nor what else stands in the argument."""
    with pytest.raises(InvalidParameters) as caught:
        fill([f"{hole}hunter2"], PARAMS, OUTPUTS.__getitem__)
    assert "hunter2" not in str(caught.value)
    assert hole in str(caught.value)


@given(st.text(max_size=30), st.text(max_size=10), st.text(max_size=10))
def test_any_value_stays_one_argument(value: str, before: str, after: str) -> None:
    """Whatever the value, the number of arguments stays, and the value stands where the hole was."""
    if "{" in before + after:
        return
    try:
        found = fill(["a", f"{before}{{params.x}}{after}", "b"], {"x": value}, OUTPUTS.__getitem__)
    except InvalidParameters:
        assert "\0" in before + value + after or (not before and (value + after).startswith("-"))
        return
    assert found == ("a", before + value + after, "b")


def test_what_holes_ask_for() -> None:
    """The params and steps of a command are known before it runs."""
    argv = [
        "{params.x}-{params.y}",
        '{steps.a.output}{steps["b[0]"].output}',
        "{steps.a.b.output}",
        "{steps.c.output.rows[0]}",
        "{context.x}",
        "{}",
    ]
    argv.append("{params.z.deep}")

    assert list(parameters_in(argv)) == ["x", "y", "z"]
    assert list(steps_in(argv)) == ["a", "b[0]", "a.b", "c"]


@pytest.mark.parametrize(
    ("given", "declared", "used", "words"),
    [
        ({}, [], ["x", "x"], ["'x' is missing"]),
        ({"data": 1}, ["date"], [], ["'data'", "did you mean 'date'?"]),
        ({"b": 1}, [], ["a"], ["'a' is missing", "no param 'b'"]),
    ],
)
def test_params_that_do_not_fit_are_told(
    given: dict[str, Any], declared: list[str], used: list[str], words: list[str]
) -> None:
    """What is asked for must be there, and what is there must be known; all problems come at once."""
    with pytest.raises(InvalidParameters) as caught:
        check_parameters(given, declared, used)
    assert all(word in str(caught.value) for word in words)
    assert len(caught.value.problems) == (2 if len(words) == 2 and "missing" in words[0] else 1)


def test_params_that_fit_are_taken() -> None:
    """Without declarations or holes any param is welcome, because functions may read it."""
    check_parameters({"anything": 1}, [], [])
    check_parameters({"x": 1, "y": 2}, ["y"], ["x"])
