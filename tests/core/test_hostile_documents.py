"""Documents that are made to cost much: they are refused or read soon, and what is told of them is bounded."""

from collections.abc import Iterator
from time import process_time
from typing import Any

import pytest

from taskorch import InvalidWorkflow, Workflow
from taskorch.core.suggestions import few_suggestions, suggestion

SECONDS = 1.5  # of a processor, for a thousand members; far above what is needed, far below what was


def steps(ids: list[str], **members: Any) -> list[dict[str, Any]]:
    """Steps of these ids."""
    return [{"id": id, "command": ["x"], **members} for id in ids]


def alike(count: int, length: int, end: str) -> list[str]:
    """Ids that differ in their last characters only."""
    return [f"{'a' * (length - 6)}{number:05d}{end}" for number in range(count)]


def document(steps: list[dict[str, Any]], **members: Any) -> dict[str, Any]:
    """A document of these steps."""
    return {"name": "w", "steps": steps, **members}


def hostile() -> Iterator[tuple[str, dict[str, Any]]]:
    """Hostile documents by what is hostile in them."""
    for length in (38, 105):
        known, near = alike(100, length, "x"), alike(1000, length, "y")
        links = [{"from": id, "to": known[0]} for id in near]
        yield f"near misses of {length}", document(steps(known), dependencies=links)
        yield f"parallel of {length}", document(steps(known), parallel=near)
        yield f"resources of {length}", document(steps(known), resources={id: {"cpu": 1} for id in near})
    long = [{"from": "a" * 10_000 + str(n), "to": "b" * 10_000 + str(n)} for n in range(1000)]
    yield "long ids", document(steps(["a"]), dependencies=long)
    yield "unknown keys", document([{"id": f"s{n}", "command": "x", f"retrie{n}": 1} for n in range(1000)])
    names = [", ".join(f"t{n}_{m}" for m in range(50)) for n in range(200)]
    yield (
        "names",
        document([{"id": f"s{n}", "command": "x", "condition": f"on_success({told})"} for n, told in enumerate(names)]),
    )
    yield (
        "extensions",
        {"workflow": document([], **{f"x-{n}": 1 for n in range(8000)}), **{f"x-{n}": 1 for n in range(8000)}},
    )
    for hole in ("{params.x}", "{param.x}", "{steps.x.outpt}"):
        yield f"arguments {hole}", document([{"id": "a", "command": ["x", hole * 100_000]}])
    for hole in ("{steps.x.output}", "{stp.x}"):
        alert = {"condition": "step.duration > 5", "message": hole * 100_000}
        yield f"message {hole}", document(steps(["a"]), notifications={"alerts": [alert]})
    yield "long keys", document(steps(["a"]), **{"y" * 200_000 + str(n): 1 for n in range(10)})


HOSTILE = dict(hostile())


@pytest.mark.parametrize("sort", HOSTILE)
def test_a_hostile_document_costs_no_more_than_others(sort: str) -> None:
    """It is read or refused within a bounded time, and what is told of each problem is bounded too."""
    begun, told = process_time(), []
    try:
        Workflow.from_dict(HOSTILE[sort])
    except InvalidWorkflow as error:
        told = [str(problem) for problem in error.problems]

    assert process_time() - begun < SECONDS
    assert len(told) <= 2000
    assert all(len(text) < 2000 for text in told)
    assert bool(told) == (sort != "extensions")


def test_the_first_problems_get_suggestions() -> None:
    """In one document suggestions share an allowance: a few slips of the pen are all helped, thousands are not."""
    known = alike(100, 38, "x")
    with few_suggestions():
        hints = [suggestion(word, known) for word in alike(1000, 38, "y")]

    assert hints[0].startswith("did you mean")
    assert sum(map(bool, hints)) < 10
    with few_suggestions():
        assert all(suggestion(f"extrac{n}", ["extract", "load"]) for n in range(100))


def test_an_allowance_ends_with_its_document() -> None:
    """The next document, and whoever asks alone, are not made to pay."""
    known = alike(100, 38, "x")
    for _ in range(3):
        with few_suggestions():
            assert suggestion(alike(1, 38, "y")[0], known)
    assert all(suggestion(word, known) for word in alike(3, 38, "y"))


def test_long_and_many_words_are_not_compared() -> None:
    """Of words longer than any that is typed, and of very many, none is looked for."""
    assert suggestion("a" * 41, ["a" * 40]) == f"one of {'a' * 40}"
    assert suggestion("a" * 39, ["a" * 41, "b"]) == f"one of {'a' * 41}, b"
    assert suggestion("abcd", [f"abc{n}" for n in range(201)]) == ""
    assert suggestion("x", ["y" * 1000]) == ""
