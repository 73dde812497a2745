"""When tasks are to be looked at again: one instant each, however often it was put off."""

import tracemalloc
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from taskorch.core.timetable import Timetable
from tests.core.samples import NOW

PUTS = st.lists(st.tuples(st.sampled_from("abcd"), st.none() | st.integers(0, 9)), max_size=300)


@given(PUTS, st.integers(0, 9))
def test_the_last_word_counts(puts: list[tuple[str, int | None]], limit: int) -> None:
    """Whatever was said before, each task has the instant that was said last, and the earliest is told."""
    table, model = Timetable(), dict[str, datetime]()
    for id, seconds in puts:
        at = None if seconds is None else NOW + timedelta(seconds=seconds)
        table.put(id, at)
        if at is None:
            model.pop(id, None)
        else:
            model[id] = at
    now = NOW + timedelta(seconds=limit)

    assert {id: table.at(id) for id in "abcd"} == {id: model.get(id) for id in "abcd"}
    assert table.until(now) == [id for at, id in sorted((at, id) for id, at in model.items()) if at <= now]
    assert table.earliest() == min(model.values(), default=None)


def test_what_is_put_off_for_ever_takes_no_room() -> None:
    """A task that is put off ten thousand times leaves no more behind than a few instants."""
    table = Timetable()
    tracemalloc.start()
    for n in range(10_000):
        table.put("a", NOW + timedelta(seconds=n))
    left, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert left < 100_000  # ten thousand instants are ten times as much
    assert table.earliest() == NOW + timedelta(seconds=9_999)
