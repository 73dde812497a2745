"""Keys in order, each with its place: as a plain sorted list would tell, whatever is done."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskorch.core import ranking
from taskorch.core.ranking import Ranking


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of four keys, so that a few dozen keys split and empty them."""
    monkeypatch.setattr(ranking, "_LONGEST", 4)
    monkeypatch.setattr(ranking, "_SHORTEST", 2)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.sampled_from("arppf"), st.integers(0, 60)), max_size=150))
def test_it_behaves_as_a_sorted_list(steps: list[tuple[str, int]]) -> None:
    """After any adding, taking out, popping and asking, keys and places are those of a sorted list."""
    ranked: Ranking[int] = Ranking()
    model: list[int] = []
    for what, key in steps:
        if what == "a" and key not in model:
            ranked.add(key)
            model = sorted([*model, key])
        elif what == "r" and key in model:
            ranked.remove(key)
            model.remove(key)
        elif what == "p" and key in model:
            assert ranked.place(key) == model.index(key)
        elif what == "f" and model:
            assert ranked.first == model[0]
            assert ranked.pop() == model.pop(0)
        assert list(ranked) == model
        assert len(ranked) == len(model)
        assert not model or ranked.last == model[-1]
    assert [ranked.place(key) for key in model] == list(range(len(model)))


def test_places_stay_right_while_blocks_come_and_go() -> None:
    """Places asked for between a thousand random changes are right: what is counted is never out of date."""
    chance = random.Random(11)
    ranked: Ranking[int] = Ranking()
    model: list[int] = []
    for _ in range(1000):
        key = chance.randrange(400)
        if key in model:
            ranked.remove(key)
            model.remove(key)
        else:
            ranked.add(key)
            model = sorted([*model, key])
        if model:
            asked = chance.choice(model)
            assert ranked.place(asked) == model.index(asked)


def test_few_keys_are_in_few_blocks() -> None:
    """Where most keys have been taken out again, what is left stands in blocks that are not nearly empty."""
    ranked: Ranking[int] = Ranking()
    for key in range(4000):
        ranked.add(key)
    for key in range(4000):
        if key % 100:
            ranked.remove(key)
    assert list(ranked) == list(range(0, 4000, 100))
    assert len(ranked._blocks) <= 40
    assert [ranked.place(key) for key in ranked] == list(range(40))


@pytest.mark.parametrize("key", [-1, 5, 100])
def test_a_key_that_is_not_there_is_told(key: int) -> None:
    """Taking out or asking for a key that is not there raises KeyError and changes nothing."""
    ranked: Ranking[int] = Ranking()
    for present in range(0, 20, 2):
        ranked.add(present)
    with pytest.raises(KeyError):
        ranked.remove(key)
    with pytest.raises(KeyError):
        ranked.place(key)
    assert list(ranked) == list(range(0, 20, 2))


def test_an_empty_one_has_no_first() -> None:
    """There is nothing to pop from an empty ranking."""
    ranked: Ranking[int] = Ranking()
    with pytest.raises(IndexError):
        ranked.pop()
    with pytest.raises(IndexError):
        _ = ranked.first
    assert not ranked
