"""What an engine forecasts agrees with what ``standing`` says, through pauses, starts and progress."""

from datetime import datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorch import (
    BusinessCalendar,
    Execution,
    IllegalTransition,
    InvalidTask,
    NotWaiting,
    Prediction,
    QueueEngine,
    QueueSpec,
    SlaStatus,
    SlaWatch,
    State,
    Task,
    advance,
    remaining,
    standing,
)
from taskorch.core.forecast import PredictionBasis
from tests.core.waiting import HOUR, NOW, one_queue

OFFICE = BusinessCalendar({day: [("09:00", "17:00")] for day in range(5)}, tz="UTC")  # NOW is a Friday, ten o'clock


def at(hours: float) -> datetime:
    """So many hours after ``NOW``."""
    return NOW + hours * HOUR


def done(task: Task, *verbs: str, hours: float = 0) -> Task:
    """A task to which these verbs were done so many hours after ``NOW``."""
    for verb in verbs:
        task, _ = advance(task, verb, now=at(hours), by="us")
    return task


def queued(engine: QueueEngine, id: str = "a", **members: Any) -> Task:
    """A task that waits in the queue ``q`` of *engine*."""
    task = done(engine.placed(Task.new("t", id=id, now=NOW, **members), NOW), "enqueue")
    engine.push(task, NOW)
    return task


def said(engine: QueueEngine, hours: float, id: str = "a", **figures: Any) -> Prediction:
    """What a forecast says of a task."""
    found = engine.forecast("q", at(hours), **figures).of(id)
    assert found is not None
    return found


def progressed(task: Task, percent: float) -> Task:
    """The task, so far along."""
    return attrs.evolve(task, execution=attrs.evolve(task.execution, progress_percent=percent))


# --- pauses -----------------------------------------------------------------------------------------------


def test_a_held_task_whose_clock_stands_still_is_not_late() -> None:
    """Nobody knows when it goes on; as long as the clock stands still it misses nothing, and then it has its time."""
    engine = one_queue(sla=3600, concurrency=1, pause_in={State.ON_HOLD})
    task = done(queued(engine), "hold", hours=0.5)
    engine.update(task, at(0.5))
    assert said(engine, 2, usual=600).late is None
    assert engine.forecast("q", at(2), usual=600).share_bounds == (0, 1)

    engine.update(done(task, "release", hours=2), at(2))
    assert said(engine, 2, usual=600).late is False
    assert said(engine, 2, usual=2000).late is True


def test_a_held_task_that_was_late_before_stays_late() -> None:
    """No pause undoes a breach."""
    engine = one_queue(sla=3600, concurrency=1, pause_in={State.ON_HOLD})
    engine.update(done(queued(engine), "hold", hours=1.5), at(1.5))
    assert said(engine, 2, usual=600).late is True


@pytest.mark.parametrize("calendar", [None, OFFICE], ids=["round the clock", "office"])
def test_where_waiting_does_not_count_only_the_work_can_be_late(calendar: Any) -> None:
    """With the clock standing still in QUEUED a deadline moves on until the predicted start."""
    engine = one_queue(sla=3600, concurrency=1, pause_in={State.QUEUED}, calendar=calendar)
    for number in range(9):
        queued(engine, f"t{number}")
    assert engine.forecast("q", at(2), usual=3600).share_late == 0
    assert engine.forecast("q", at(2), usual=3601).share_late == 1
    assert engine.forecast("q", at(2)).share_late is None


def test_where_only_waiting_counts_it_is_the_start_that_can_be_late() -> None:
    """With the clock standing still at work a task that starts by its deadline is in time, however long it takes."""
    engine = one_queue(sla=3 * HOUR, concurrency=1, pause_in={State.IN_PROGRESS})
    for number in range(3):
        queued(engine, f"t{number}")
    found = engine.forecast("q", at(1), usual=2 * HOUR)
    assert [prediction.late for prediction in found.predictions] == [False, False, True]

    engine.pop(at(1))
    engine.update(done(done(engine.task("t0"), "schedule", "start", hours=1), hours=1), at(1))
    assert [said(engine, hours, "t0", usual=HOUR).late for hours in (1, 9)] == [False, False]


# --- starts and progress ----------------------------------------------------------------------------------


def test_the_engine_learns_of_a_start() -> None:
    """With the anchor at the start there is a deadline once the engine was told of it."""
    engine = one_queue(sla=3600, concurrency=1, anchor="started")
    queued(engine)
    task = engine.pop(NOW)
    assert task is not None
    assert said(engine, 3, usual=600).late is None

    task = done(task, "schedule", hours=1)
    engine.update(task, at(1))
    assert said(engine, 3, usual=600).late is None
    task = done(task, "start", hours=1)
    engine.update(task, at(1))
    assert said(engine, 1, usual=600).late is False
    assert said(engine, 3, usual=600).late is True
    assert engine.task("a").queue.sla_deadline == at(2)
    assert (engine.load("q").in_progress, engine.load("q").waiting, engine.pop(at(1))) == (1, 0, None)
    assert engine.remove("a").state.current is State.IN_PROGRESS


@pytest.mark.parametrize("calendar", [None, OFFICE], ids=["round the clock", "office"])
def test_progress_is_used_as_it_is_elsewhere(calendar: Any) -> None:
    """Of a task in progress what is left is what ``remaining`` says, in the hours of the queue."""
    engine = one_queue(sla=8 * HOUR, concurrency=1, calendar=calendar)
    queued(engine, execution=Execution(estimated_duration_hours=4))
    queued(engine, "b")
    task = engine.pop(NOW)
    assert task is not None
    task = done(task, "schedule", "start")
    engine.update(task, NOW)
    assert said(engine, 1).finish == at(4)
    engine.update(progressed(task, 50), at(6))
    left = remaining(engine.task("a"), at(6), calendar=calendar)
    assert left.duration == 6 * HOUR
    found = engine.forecast("q", at(6), usual=HOUR)
    assert said(engine, 6).finish == (at(12) if calendar is None else at(76))  # an hour today, five on Monday
    assert said(engine, 6, "b", usual=HOUR).start == said(engine, 6).finish
    assert "6:00:00 left" in found.explain("a")
    assert said(engine, 6).basis is PredictionBasis.OWN


def test_what_waits_again_needs_only_what_is_left() -> None:
    """A task that goes on after a block is expected at the pace it had."""
    engine = one_queue(sla=8 * HOUR, concurrency=1)
    task = progressed(done(Task.new("a", id="a", now=NOW), "enqueue", "schedule", "start"), 75)
    task = done(done(task, "block", hours=3), "unblock", hours=4)
    engine.push(task, at(4))
    assert said(engine, 4).finish == at(5)
    assert said(engine, 4, per_hour=10, slots=1).finish == at(5)


def test_a_task_that_was_handed_out_waits_no_more() -> None:
    """What is said of it must say that it goes on; otherwise nothing changes."""
    engine = one_queue(concurrency=1)
    queued(engine)
    task = engine.pop(NOW)
    assert task is not None
    going = done(task, "schedule", "start")
    for state in (task, done(task, "hold"), done(going, "complete"), done(going, "block")):
        with pytest.raises(NotWaiting):
            engine.update(state, at(1))
    assert engine.task("a").state.current is State.QUEUED
    engine.remove("a")
    engine.push(task, NOW)
    with pytest.raises(IllegalTransition):
        engine.update(going, at(1))


# --- what is expected ---------------------------------------------------------------------------------------


def test_a_prediction_is_what_is_expected() -> None:
    """By date the start is compared with the deadline, elsewhere the finish; one of another task is refused."""
    engine = QueueEngine([QueueSpec("q", sla=3 * HOUR, concurrency=1), QueueSpec("dated", by_date=True, concurrency=1)])
    engine.push(Task.new("t", id="dated", now=NOW, at=at(1), queue="dated"), NOW)
    for id in ("a", "b"):
        queued(engine, id, queue="q")
    found = {name: engine.forecast(name, at(1), usual=2 * HOUR) for name in engine.specs}

    for name, id, status in (("q", "a", "on_track"), ("q", "b", "at_risk"), ("dated", "dated", "on_track")):
        task, spec, prediction = engine.task(id), engine.specs[name], found[name].of(id)
        assert prediction is not None
        seen = standing(task, spec, at(1), expected=prediction)
        assert (seen.status, prediction.late) == (status, status == "at_risk")
        assert seen.expected == (prediction.start if name == "dated" else prediction.finish)
        watch = SlaWatch()
        watch.watch(task, spec, at(1), expected=prediction)
        assert [crossing.threshold for crossing in watch.due(at(1))] == ["at_risk"] * (status == "at_risk")
        for ask in (standing, watch.watch):
            with pytest.raises(InvalidTask, match="of task 'other'"):
                ask(task, spec, at(1), expected=attrs.evolve(prediction, id="other"))


def test_where_nothing_is_predicted_nothing_is_expected() -> None:
    """A prediction without data says nothing of a risk."""
    engine = one_queue(sla=3600)
    queued(engine)
    assert standing(engine.task("a"), engine.specs["q"], NOW, expected=said(engine, 0)).expected is None


# --- agreement --------------------------------------------------------------------------------------------

SPECS = st.builds(
    QueueSpec,
    st.just("q"),
    st.none() | st.integers(1, 6).map(lambda hours: hours * HOUR),
    concurrency=st.just(1),
    pause_in=st.sets(st.sampled_from([State.QUEUED, State.ON_HOLD, State.SCHEDULED, State.IN_PROGRESS])),
    anchor=st.sampled_from(["created", "entered", "started"]),
    by_date=st.booleans(),
    calendar=st.sampled_from([None, OFFICE]),
    grace=st.sampled_from([0, 60, 3600]),
)
QUARTERS = st.integers(0, 12).map(lambda quarters: quarters * HOUR / 4)


@given(
    SPECS,
    st.lists(st.none() | QUARTERS, min_size=1, max_size=4),
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(["hold", "release", "pop", "schedule", "start"]), QUARTERS),
        max_size=12,
    ),
    st.none() | QUARTERS,
)
def test_a_forecast_never_contradicts_a_standing(
    spec: QueueSpec, dates: list[timedelta | None], story: list[tuple[int, str, timedelta]], usual: timedelta | None
) -> None:
    """Whatever happened, what is breached is late; and what is held and whose clock stands still is not said to be.

    Only of a task that was handed out, and of whose start nobody told, the forecast takes that for the start.
    """
    engine, now, handed_out = QueueEngine([spec]), NOW, set[str]()
    for number, wait in enumerate(dates):
        queued(engine, str(number), at=None if wait is None else NOW + wait)
    for which, verb, step in story:
        now += step
        if verb == "pop":
            handed_out |= {task.id for task in [engine.pop(now)] if task is not None}
        elif (id := str(which)) in engine:
            try:
                task, _ = advance(engine.task(id), verb, now=now, by="us")
                engine.update(task, now)
            except (IllegalTransition, NotWaiting):
                continue
    found = engine.forecast("q", now, usual=usual)
    for prediction in found.predictions:
        task = engine.task(prediction.id)
        if prediction.id in handed_out and task.state.current is not State.IN_PROGRESS:
            continue
        seen = standing(task, spec, now)
        if seen.status is SlaStatus.BREACHED:
            assert prediction.late is True
        elif seen.status is SlaStatus.NONE or (seen.paused and prediction.basis is PredictionBasis.HELD):
            assert prediction.late is None
        if prediction.late and prediction.finish is None:
            assert seen.status is SlaStatus.BREACHED
