"""Forecasts: what will be late if nothing changes, by throughput or by durations and slots, never by nothing."""

import pickle
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from taskorch import (
    BusinessCalendar,
    Forecast,
    InvalidQueue,
    InvalidTask,
    QueueEngine,
    QueueSpec,
    Task,
    Work,
    forecast,
)
from taskorch.core.forecast import PredictionBasis
from tests.core.samples import NOW, after

HOUR, TICK = timedelta(hours=1), timedelta(microseconds=1)


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
    assert {prediction.basis for prediction in found.predictions} == {PredictionBasis.THROUGHPUT}
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
    own, slots = PredictionBasis.OWN, PredictionBasis.SLOTS
    assert [prediction.basis for prediction in found.predictions] == [own] * 2 + [slots] * 4
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
    assert [prediction.basis for prediction in found.predictions][-2:] == [PredictionBasis.NONE, PredictionBasis.NONE]


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
        {"slots": 10**30},
        {"slots": "x"},
        {"per_hour": "x"},
        {"per_hour": True},
        {"per_hour": [], "usual": "x"},
        {"usual": -5},
        {"usual": float("nan")},
        {"usual": 1e300},
        pytest.param(dict.fromkeys(("slots", "per_hour", "usual", "calendar"), 10**5000), id="huge"),
        {"calendar": "office"},
        {"calendar": {1}},
    ],
    ids=str,
)
def test_figures_out_of_range_are_refused(figures: Any) -> None:
    """A figure that means nothing is a typed error that names it."""
    with pytest.raises(InvalidQueue) as caught:
        forecast(line(1), [], NOW, **figures)
    assert [problem.path for problem in caught.value.problems] == list(figures)


def test_bad_work_is_refused() -> None:
    """Naive times, estimates that are none, what is no work, and one id twice are typed errors."""
    naive = NOW.replace(tzinfo=None)
    for ask in (
        lambda: forecast([], [], naive),
        lambda: Work("a", naive),
        lambda: Work("a", started_at=naive),
        lambda: Work("a", estimate=-HOUR),
        lambda: Work("a", estimate=-5),
        lambda: Work("a", estimate="x"),  # type: ignore[arg-type]
        lambda: Work("a", estimate=10**5000),
        lambda: Work(["a"]),  # type: ignore[arg-type]
        lambda: forecast(["a"], [], NOW),  # type: ignore[list-item]
        lambda: forecast([], 5, NOW),  # type: ignore[arg-type]
        lambda: forecast([Work("a")], [Work("a")], NOW),
    ):
        with pytest.raises(InvalidTask):
            ask()


def test_durations_may_be_given_in_seconds() -> None:
    """As everywhere, a number is one of seconds."""
    assert Work("a", None, 5400).estimate == 1.5 * HOUR
    assert hours(forecast(line(None), [], NOW, slots=1, usual=1800), "finish") == {"w0": 0.5}


def test_slots_without_end_cost_nothing() -> None:
    """Whoever sets no real bound gets a forecast in which nothing waits."""
    found = forecast(line(1, 2, 1), going((-1, 2)), NOW, slots=2**63 - 1)

    assert hours(found, "finish") == {"r0": 1, "w0": 1, "w1": 2, "w2": 1}


OFFICE = BusinessCalendar({day: [("09:00", "17:00")] for day in range(5)}, tz="UTC")  # NOW is a Friday, ten o'clock
ALWAYS = BusinessCalendar([[("00:00", "24:00")]] * 7)


def test_with_a_calendar_work_is_done_in_its_hours() -> None:
    """An hour each from four o'clock on a Friday: one until the evening, the others on Monday morning."""
    found = forecast(line(None, None, None, due=72), [], at(6), slots=1, usual=HOUR, calendar=OFFICE)

    assert hours(found, "start") == {"w0": 6, "w1": 71, "w2": 72}
    assert hours(found, "finish") == {"w0": 7, "w1": 72, "w2": 73}
    assert [prediction.late for prediction in found.predictions] == [False, False, True]
    assert found.inputs.calendar is OFFICE
    assert found.explain("w2") == (
        "w2: finishes 2026-11-23T11:00:00Z, late (2 ahead, 1 at once; takes 1:00:00, as usual; in working time)"
    )


def test_with_a_calendar_the_pace_is_one_of_working_hours() -> None:
    """One in four hours of work, from four o'clock on a Friday; an estimate counts in the same hours."""
    work = [*line(None, None, None), Work("long", None, 9 * HOUR)]
    found = forecast(work, going((0, 1), (-1, None)), at(6), per_hour=0.25, slots=2, calendar=OFFICE)

    assert hours(found, "finish") == {"r0": 6, "r1": 74, "w0": 98, "w1": 102, "w2": 122, "long": 127}
    assert hours(found, "start") == {"r0": 0, "r1": -1, "w0": 74, "w1": 78, "w2": 98, "long": 102}


def test_with_a_calendar_a_running_task_works_its_hours() -> None:
    """What has begun at nine and takes ten hours ends on Monday; asked after hours, what is over is expected now."""
    busy = going((-1, 10), (0, 7), (20, 1))

    assert hours(forecast([], busy, at(8), calendar=OFFICE), "finish") == {"r0": 73, "r1": 8, "r2": 72}


def test_the_start_that_a_date_asks_for_is_in_working_hours() -> None:
    """A start by a date on a Saturday will be on Monday, and so be late; one within hours is in time."""
    work = [Work(f"at {hour}", at(hour), HOUR, of_start=True, not_before=at(hour)) for hour in (2, 24)]
    for figures in ({"slots": 1}, {"slots": 1, "per_hour": 9}):
        found = forecast(work, [], NOW, calendar=OFFICE, **figures)  # type: ignore[arg-type]
        assert hours(found, "start") == {"at 2": 2, "at 24": 71}
        assert [prediction.late for prediction in found.predictions] == [False, True]


def test_an_engine_forecasts_by_the_calendar_of_the_queue() -> None:
    """Deadline and prediction are told in the same hours."""
    engine = QueueEngine([QueueSpec("q", 2 * HOUR, concurrency=1, calendar=OFFICE)])
    for number in range(3):
        engine.push(Task.new("t", id=f"w{number}", now=at(6), queue="q"), at(6))
    found = engine.forecast("q", at(6), usual=HOUR)

    assert hours(found, "finish") == {"w0": 7, "w1": 72, "w2": 73}
    assert [prediction.late for prediction in found.predictions] == [False, False, True]


class Halved:
    """A host's own calendar: every hour counts half, to the microsecond; nothing of it is closed."""

    def add(self, start: datetime, duration: timedelta) -> datetime:
        """Twice as long."""
        return start + 2 * duration

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Half as much."""
        return (end - start) // 2


def test_a_calendar_of_the_host_will_do() -> None:
    """A calendar need only add and measure; where it is slow, but never closed, a start stays where it is."""
    found = forecast(line(1, 1), going((-2, 2)), NOW, slots=1, calendar=Halved())

    assert hours(found, "start") == {"r0": -2, "w0": 2, "w1": 4}
    assert hours(found, "finish") == {"r0": 2, "w0": 4, "w1": 6}


FAR = [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]


@pytest.mark.parametrize("far", FAR, ids=["year 1", "year 9999"])
def test_what_a_calendar_does_not_reach_is_refused_or_never(far: datetime) -> None:
    """A now or a start beyond the calendar is a typed error; work beyond it is never done, and what is held is told."""
    with pytest.raises(InvalidTask):
        forecast([], [], far, calendar=OFFICE)
    found = forecast([Work("a", far, timedelta.max), Work("b", far, HOUR)], [], NOW, slots=1, calendar=OFFICE)
    assert [prediction.finish for prediction in found.predictions] == [FAR[1]] * 2
    dated = forecast([Work("a", far, HOUR, not_before=far)], [], NOW, per_hour=1, slots=1, calendar=OFFICE)
    assert dated.of("a") is not None
    for now in FAR:
        assert forecast([Work("a", far, HOUR)], [Work("b", far, HOUR, far)], now, slots=1).explain("a")
    if far < NOW:
        with pytest.raises(InvalidTask):
            forecast([], [Work("a", None, HOUR, far)], NOW, calendar=OFFICE)


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


@example(waiting=[None, 0, None], figures={"slots": 2}, per_hour=0.0, wait=28)
@given(waiting=WAITING, figures=FIGURES, per_hour=st.just(0.0) | st.floats(0.01, 10), wait=st.integers(0, 90))
def test_a_calendar_stretches_the_plain_forecast(waiting: Any, figures: Any, per_hour: float, wait: int) -> None:
    """With nothing running each finish is, in working time, as far from now as it is without a calendar."""
    now, figures = at(wait / 4), figures | {"per_hour": per_hour}
    plain = forecast(line(*waiting), [], now, **figures)
    found = forecast(line(*waiting), [], now, calendar=OFFICE, **figures)
    whole = forecast(line(*waiting), [], now, calendar=ALWAYS, **figures)

    assert whole.predictions == plain.predictions
    for before, after_all in zip(plain.predictions, found.predictions, strict=True):
        assert (before.start is None, before.finish is None) == (after_all.start is None, after_all.finish is None)
        if before.start is not None and after_all.start is not None:
            assert OFFICE.between(now, after_all.start) == before.start - now
            assert OFFICE.add(after_all.start, TICK) == after_all.start + TICK
        if before.finish is not None and after_all.finish is not None:
            assert OFFICE.between(now, after_all.finish) == before.finish - now


@given(
    waiting=WAITING,
    running=RUNNING,
    figures=FIGURES,
    due=st.integers(-2, 8),
    calendar=st.sampled_from([None, OFFICE]),
)
def test_a_forecast_keeps_its_word(waiting: Any, running: Any, figures: Any, due: int, calendar: Any) -> None:
    """One prediction per task, in order; nothing starts or ends in the past; starts keep the order of the queue."""
    work, busy = line(*waiting, due=due), going(*running, due=due)
    found = forecast(iter(work), iter(busy), NOW, calendar=calendar, **figures)

    assert [prediction.id for prediction in found.predictions] == [item.id for item in (*busy, *work)]
    starts = [prediction.start for prediction in found.predictions[len(busy) :]]
    known = [start for start in starts if start is not None]
    assert known == sorted(known)
    assert starts[: len(known)] == known
    for prediction in found.predictions:
        assert prediction.finish is None or prediction.finish >= NOW
        assert prediction.finish is None or prediction.start is None or prediction.start <= prediction.finish
        assert (prediction.basis is PredictionBasis.NONE) <= (prediction.finish is None)
        if prediction.finish is not None:
            assert prediction.late == (prediction.finish > at(due))
    assert found.late + found.in_time + found.unknown == len(work) + len(busy)
    assert (found.share_late is None) == (found.unknown > 0 or not found.predictions)


@given(
    waiting=WAITING,
    running=RUNNING,
    slots=st.integers(1, 4),
    fill=st.lists(st.integers(0, 40), min_size=17, max_size=17),
    calendar=st.sampled_from([None, OFFICE]),
    wait=st.sampled_from([0, 7, 20]),
)
def test_what_is_predicted_holds_however_the_unknown_turns_out(
    *, waiting: Any, running: Any, slots: int, fill: list[int], calendar: Any, wait: int
) -> None:
    """A finish told beside tasks of unknown length is the same for whatever lengths these turn out to have."""
    partial = forecast(line(*waiting), going(*running), at(wait), slots=slots, calendar=calendar)
    lengths = iter(fill)
    whole = forecast(
        line(*(next(lengths) / 4 if length is None else length for length in waiting)),
        going(*((start, next(lengths) / 4 if length is None else length) for start, length in running)),
        at(wait),
        slots=slots,
        calendar=calendar,
    )

    for before, after_all in zip(partial.predictions, whole.predictions, strict=True):
        assert before.start is None or before.start == after_all.start
        assert before.finish is None or before.finish == after_all.finish
