"""Forecasts: what will be late if nothing changes, by throughput or by durations and slots, never by nothing."""

import pickle
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorch import Forecast, InvalidQueue, InvalidTask, Work, forecast
from taskorch.core.forecast import Ground
from tests.core.samples import NOW, after

HOUR = timedelta(hours=1)


def at(hours: float) -> datetime:
    """So many hours after ``NOW``."""
    return after(3600 * hours)


def line(*hours: float | None, due: float | None = None) -> list[Work]:
    """Waiting tasks ``w0``, ``w1`` … of these estimates, all due at one time."""
    deadline = None if due is None else at(due)
    return [
        Work(f"w{number}", deadline, None if length is None else length * HOUR) for number, length in enumerate(hours)
    ]


def going(*spans: tuple[float, float | None], due: float | None = None) -> list[Work]:
    """Running tasks ``r0``, ``r1`` … that started so many hours from now and take so long."""
    deadline = None if due is None else at(due)
    return [
        Work(f"r{number}", deadline, None if length is None else length * HOUR, at(start))
        for number, (start, length) in enumerate(spans)
    ]


def hours(found: Forecast, name: str) -> dict[str, float | None]:
    """The starts or finishes, in hours from now."""
    times = {prediction.id: getattr(prediction, name) for prediction in found.predictions}
    return {id: None if time is None else (time - NOW) / HOUR for id, time in times.items()}


def test_by_throughput_one_finishes_after_another() -> None:
    """Two an hour: the tasks in progress first, in the order of their starts, then those that wait, in theirs."""
    found = forecast(line(None, None, None), going((-1, None), (-2, None)), NOW, per_hour=2)

    assert hours(found, "finish") == {"r0": 1, "r1": 0.5, "w0": 1.5, "w1": 2, "w2": 2.5}
    assert hours(found, "start") == {"r0": -1, "r1": -2, "w0": 0.5, "w1": 1, "w2": 1.5}
    assert {prediction.ground for prediction in found.predictions} == {Ground.THROUGHPUT}
    assert [prediction.ahead for prediction in found.predictions] == [1, 0, 2, 3, 4]


def test_by_throughput_nobody_beats_an_estimate() -> None:
    """A task is not predicted to finish sooner than its own estimate allows."""
    found = forecast(line(5, 0.1, None), [], NOW, per_hour=4, slots=1)

    assert hours(found, "start") == {"w0": 0, "w1": 0.25, "w2": 0.5}
    assert hours(found, "finish") == {"w0": 5, "w1": 0.5, "w2": 0.75}


def test_by_throughput_a_start_needs_to_be_known_too() -> None:
    """When nothing runs and nobody says how many can, a finish can be told, but no start."""
    found = forecast(line(None), [], NOW, per_hour=1)

    assert (hours(found, "start"), hours(found, "finish")) == ({"w0": None}, {"w0": 1})


def test_by_durations_each_takes_the_slot_that_is_free_first() -> None:
    """Without throughput the durations are dealt out to the slots, in the order of the queue."""
    found = forecast(line(3, 1, 1, None), going((-1, 2), (-1, 4)), NOW, slots=3, usual=0.5 * HOUR)

    assert hours(found, "finish") == {"r0": 1, "r1": 3, "w0": 3, "w1": 2, "w2": 3, "w3": 3.5}
    assert hours(found, "start") == {"r0": -1, "r1": -1, "w0": 0, "w1": 1, "w2": 2, "w3": 3}
    assert [prediction.ground for prediction in found.predictions] == [Ground.OWN] * 2 + [Ground.SLOTS] * 4
    assert [prediction.is_estimated for prediction in found.predictions] == [True] * 5 + [False]


def test_more_may_run_than_there_are_slots() -> None:
    """The first to end of too many leaves no slot free."""
    found = forecast(line(1), going((0, 1), (0, 2), (0, 3)), NOW, slots=2)

    assert hours(found, "start")["w0"] == 2


def test_what_has_outlived_its_estimate_is_expected_now() -> None:
    """A running task past its own duration may end at any moment."""
    found = forecast(line(1), going((-5, 2)), NOW, slots=1)

    assert hours(found, "finish") == {"r0": 0, "w0": 1}


@pytest.mark.parametrize(
    "figures", [{}, {"slots": 2}, {"usual": HOUR}, {"per_hour": 0}, {"per_hour": 0.0, "slots": 1}], ids=str
)
def test_without_data_there_is_no_prediction(figures: Any) -> None:
    """Neither throughput nor durations and slots: no finish, no verdict, no share; never 0 out of ignorance."""
    found = forecast(line(None, None, due=1), [], NOW, **figures)

    assert [prediction.finish for prediction in found.predictions] == [None, None]
    assert [prediction.late for prediction in found.predictions] == [None, None]
    assert found.share_late is None
    assert found.share_bounds == (0, 1)


def test_what_is_unknown_makes_unknown_what_depends_on_it() -> None:
    """Behind a task of unknown length nothing is predicted, but for what finds a slot that is free now."""
    found = forecast(line(1, None, 1, 1), going((-1, None)), NOW, slots=3)

    assert hours(found, "start") == {"r0": -1, "w0": 0, "w1": 0, "w2": None, "w3": None}
    assert hours(found, "finish") == {"r0": None, "w0": 1, "w1": None, "w2": None, "w3": None}
    assert [prediction.ground for prediction in found.predictions][-2:] == [Ground.NONE, Ground.NONE]


def test_the_share_that_will_be_late() -> None:
    """Of the open tasks with deadlines, those predicted to finish after theirs; the deadline itself is in time."""
    work = [*line(1, 1, 1, 1, due=3), Work("free", None, HOUR)]
    found = forecast(work, going((0, 1), due=0.5), NOW, slots=1)

    assert [prediction.late for prediction in found.predictions] == [True, False, False, True, True, None]
    assert (found.late, found.in_time, found.unknown) == (3, 2, 0)
    assert found.share_late == 0.6
    assert found.share_bounds == (0.6, 0.6)


def test_what_is_past_its_deadline_is_late_whatever_comes() -> None:
    """Even without data a passed deadline is missed; the share stays unknown while one task is."""
    overdue, open_ended = Work("a", at(-1)), Work("b", at(1))
    found = forecast([overdue, open_ended], [], NOW)

    assert [prediction.late for prediction in found.predictions] == [True, None]
    assert found.share_late is None
    assert found.share_bounds == (0.5, 1)
    assert forecast([overdue], [], NOW).share_late == 1


def test_no_deadlines_no_share() -> None:
    """Where nothing has a deadline there is no share, not even 0; the same for no tasks at all."""
    assert forecast(line(1), [], NOW, slots=1).share_late is None
    assert forecast([], [], NOW, per_hour=5).share_late is None


def test_the_deadline_of_a_start_is_compared_with_the_start() -> None:
    """In a queue by date it is the start that must not be late."""
    work = [Work("a", at(2), 5 * HOUR, of_start=True), Work("b", at(2), 5 * HOUR, of_start=True)]
    found = forecast(work, [], NOW, slots=1)

    assert [prediction.late for prediction in found.predictions] == [False, True]


def test_the_answer_carries_its_inputs() -> None:
    """What a forecast was made from can be read from it, and every prediction says what it rests on."""
    found = forecast(line(2, None, due=3), going((-1, 2)), NOW, slots=1, usual=HOUR)
    inputs = found.inputs

    assert (inputs.now, inputs.waiting, inputs.running, inputs.slots) == (NOW, 2, 1, 1)
    assert (inputs.per_hour, inputs.usual) == (None, HOUR)
    assert found.explain("r0") == (
        "r0: finishes 2026-11-20T11:00:00Z (running since 2026-11-20T09:00:00Z; takes 2:00:00, its estimate)"
    )
    assert found.explain("w1") == (
        "w1: finishes 2026-11-20T14:00:00Z, late (2 ahead, 1 at once; takes 1:00:00, as usual)"
    )
    assert "2 finished an hour" in forecast(line(None), [], NOW, per_hour=2).explain("w0")
    assert "no data" in forecast(line(None), [], NOW).explain("w0")
    assert found.explain("x") == "x: not among the open tasks"
    assert found.of("w1") is found.predictions[2]
    assert found.of("x") is None
    assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.parametrize(
    "figures",
    [
        {"slots": 0},
        {"slots": True},
        {"slots": 1.5},
        {"per_hour": -1},
        {"per_hour": float("nan")},
        {"per_hour": float("inf")},
        {"usual": -HOUR},
    ],
    ids=str,
)
def test_figures_out_of_range_are_refused(figures: Any) -> None:
    """A figure that means nothing is a typed error that names it."""
    with pytest.raises(InvalidQueue) as caught:
        forecast(line(1), [], NOW, **figures)
    assert [problem.path for problem in caught.value.problems] == list(figures)


def test_bad_work_is_refused() -> None:
    """Naive times, negative estimates and one id twice are typed errors."""
    naive = NOW.replace(tzinfo=None)
    for ask in (
        lambda: forecast([], [], naive),
        lambda: Work("a", naive),
        lambda: Work("a", started_at=naive),
        lambda: Work("a", estimate=-HOUR),
        lambda: forecast([Work("a")], [Work("a")], NOW),
    ):
        with pytest.raises(InvalidTask):
            ask()


def test_what_lies_beyond_the_calendar_is_its_last_instant() -> None:
    """A pace of once in a million years predicts no crash, but never."""
    found = forecast(line(None, None, due=9), [], NOW, per_hour=1e-10)
    far = forecast([Work("a", None, timedelta.max), Work("b", None, HOUR)], [], NOW, slots=1)

    assert found.share_late == 1
    assert found.predictions[1].finish == datetime.max.replace(tzinfo=UTC)
    assert far.predictions[1].finish == datetime.max.replace(tzinfo=UTC)


LENGTHS = st.none() | st.integers(0, 12).map(lambda quarters: quarters / 4)
WAITING = st.lists(LENGTHS, max_size=12)
RUNNING = st.lists(st.tuples(st.integers(-8, 0).map(lambda quarters: quarters / 4), LENGTHS), max_size=5)
FIGURES = st.fixed_dictionaries(
    {},
    optional={
        "slots": st.none() | st.integers(1, 4),
        "per_hour": st.none() | st.floats(0, 10),
        "usual": st.none() | st.integers(0, 8).map(lambda quarters: quarters * HOUR / 4),
    },
)


def played(waiting: list[Work], running: list[Work], slots: int) -> dict[str, datetime]:
    """The finishes of tasks of known lengths, played through instant by instant."""
    ends = {work.id: max(NOW, (work.started_at or NOW) + (work.estimate or 0 * HOUR)) for work in running}
    busy, now, queue = dict(ends), NOW, list(waiting)
    while queue:
        if len(busy) < slots:
            work = queue.pop(0)
            busy[work.id] = ends[work.id] = now + (work.estimate or 0 * HOUR)
        else:
            first = min(busy, key=lambda id: busy[id])
            now = max(now, busy.pop(first))
    return ends


@given(
    waiting=st.lists(st.integers(0, 12).map(lambda quarters: quarters / 4), max_size=12),
    running=st.lists(st.tuples(st.integers(-8, 0), st.integers(0, 12)), max_size=5),
    slots=st.integers(1, 4),
)
def test_durations_and_slots_are_played_through(waiting: Any, running: Any, slots: int) -> None:
    """With every length known, the finishes are those of a play of the queue, instant by instant."""
    work, busy = line(*waiting), going(*((start / 4, length / 4) for start, length in running))
    found = forecast(work, busy, NOW, slots=slots)

    assert {prediction.id: prediction.finish for prediction in found.predictions} == played(work, busy, slots)


@given(waiting=WAITING, running=RUNNING, figures=FIGURES, due=st.integers(-2, 8))
def test_a_forecast_keeps_its_word(waiting: Any, running: Any, figures: Any, due: int) -> None:
    """One prediction per task, in order; nothing starts or ends in the past; starts keep the order of the queue."""
    work, busy = line(*waiting, due=due), going(*running, due=due)
    found = forecast(iter(work), iter(busy), NOW, **figures)

    assert [prediction.id for prediction in found.predictions] == [item.id for item in (*busy, *work)]
    starts = [prediction.start for prediction in found.predictions[len(busy) :]]
    known = [start for start in starts if start is not None]
    assert known == sorted(known)
    assert starts[: len(known)] == known
    for prediction in found.predictions:
        assert prediction.finish is None or prediction.finish >= NOW
        assert prediction.finish is None or prediction.start is None or prediction.start <= prediction.finish
        assert (prediction.ground is Ground.NONE) <= (prediction.finish is None)
        if prediction.finish is not None:
            assert prediction.late == (prediction.finish > at(due))
    assert found.late + found.in_time + found.unknown == len(work) + len(busy)
    assert (found.share_late is None) == (found.unknown > 0 or not found.predictions)


@given(
    waiting=WAITING,
    running=RUNNING,
    slots=st.integers(1, 4),
    fill=st.lists(st.integers(0, 40), min_size=17, max_size=17),
)
def test_what_is_predicted_holds_however_the_unknown_turns_out(
    waiting: Any, running: Any, slots: int, fill: list[int]
) -> None:
    """A finish told beside tasks of unknown length is the same for whatever lengths these turn out to have."""
    partial = forecast(line(*waiting), going(*running), NOW, slots=slots)
    lengths = iter(fill)
    whole = forecast(
        line(*(next(lengths) / 4 if length is None else length for length in waiting)),
        going(*((start, next(lengths) / 4 if length is None else length) for start, length in running)),
        NOW,
        slots=slots,
    )

    for before, after_all in zip(partial.predictions, whole.predictions, strict=True):
        assert before.start is None or before.start == after_all.start
        assert before.finish is None or before.finish == after_all.finish
