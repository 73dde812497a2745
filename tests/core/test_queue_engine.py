"""What a queue engine does with a task: in, out, held, bumped, moved; and what it refuses."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import attrs
import pytest

from taskorch import (
    DuplicateTask,
    IllegalTransition,
    InvalidTask,
    NotWaiting,
    QueueEngine,
    QueueFull,
    QueueSpec,
    State,
    Task,
    UnknownQueue,
    UnknownTask,
    advance,
    standing,
)
from taskorch.core.task import Internals
from tests.core.d0 import PAGE, example
from tests.core.waiting import HOUR, NOW, drained, one_queue, waiting


def test_a_task_goes_in_and_comes_out_with_its_queue() -> None:
    """A popped task carries the queue that its score chose, when it entered, position 0 and when it is due."""
    engine = QueueEngine()
    assert engine.push(waiting("a", 78), NOW + HOUR) == "high_priority"
    task = engine.pop(NOW + HOUR)
    assert task is not None
    assert (task.queue.name, task.queue.position) == ("high_priority", 0)
    assert (task.queue.entered_at, task.queue.sla_deadline) == (NOW + HOUR, NOW + 8 * HOUR)
    assert engine.pop(NOW + HOUR) is None


@pytest.mark.skipif(not PAGE.exists(), reason="the shared documents are not here")
def test_the_example_of_d0_is_due_as_it_says() -> None:
    """D0's task, pushed five seconds after its creation, has the queue, the entry and the deadline of the page."""
    document = Task.from_dict(example("Format de Tâche Standard"))
    task = Task.new("brief", now=document.created_at, id=document.id, priority=document.priority)
    engine = QueueEngine()
    assert document.queue.entered_at is not None
    engine.push(task, document.queue.entered_at)
    popped = engine.pop(document.queue.entered_at)
    assert popped is not None
    assert popped.queue == document.queue


def test_the_engine_orders_and_the_lifecycle_changes() -> None:
    """States are changed by advance alone: what was pushed QUEUED is popped QUEUED, and goes on from there."""
    engine = QueueEngine()
    queued, _ = advance(waiting("a"), "enqueue", now=NOW, by="me")
    engine.push(queued, NOW)
    task = engine.pop(NOW)
    assert task is not None
    for verb in ("schedule", "start", "complete"):
        task, _ = advance(task, verb, now=NOW + HOUR, by="me")
    assert task.state.current is State.COMPLETED
    assert task.metadata.version == 4
    with pytest.raises(IllegalTransition, match="can't enqueue when COMPLETED"):
        QueueEngine().push(task, NOW)


def test_a_task_is_placed_before_it_is_enqueued() -> None:
    """A placed task names its queue and deadline, so the event of its entry does; pushed, it goes there."""
    engine = QueueEngine([QueueSpec("a", 3600, 1, overflow="b"), QueueSpec("b", 7200, 1)])
    for queue, sla in (("a", HOUR), ("b", 2 * HOUR)):
        task = engine.placed(waiting(queue, queue="a"), NOW)
        assert queue not in engine
        queued, event = advance(task, "enqueue", now=NOW, by="me")
        assert event.task is queued
        assert (queued.queue.name, queued.queue.entered_at, queued.queue.sla_deadline) == (queue, NOW, NOW + sla)
        assert engine.push(queued, NOW + HOUR) == queue
        assert engine.task(queue).queue == attrs.evolve(queued.queue, position=0)
    with pytest.raises(QueueFull):
        engine.placed(waiting("c", queue="a"), NOW)


def test_positions_count_from_zero() -> None:
    """Positions tell how many of the queue come before, and follow every change."""
    engine = one_queue(ageing=0)
    for id, score in [("low", 10), ("high", 90), ("mid", 50)]:
        engine.push(waiting(id, score), NOW)
    assert [engine.position(id) for id in ("high", "mid", "low")] == [0, 1, 2]
    engine.bump("low", 60, "ann", now=NOW)
    assert [engine.position(id) for id in ("high", "low", "mid")] == [0, 1, 2]
    assert engine.remove("high").id == "high"
    assert [engine.task(id).queue.position for id in ("low", "mid")] == [0, 1]
    assert [task.id for task in engine.waiting("q")] == ["low", "mid"]
    assert engine.pop(NOW).id == "low"  # type: ignore[union-attr]
    assert [engine.position(id) for id in ("low", "mid")] == [0, 0]


def test_a_bump_is_a_recorded_fact() -> None:
    """A bump tells who and why, counts as a version, and keeps the score within its bounds."""
    engine = one_queue()
    engine.push(waiting("a", 95), NOW)
    event = engine.bump("a", 20, "ann", now=NOW + HOUR, reason="the client called")
    assert (event.verb, event.by, event.reason, event.version) == ("bump", "ann", "the client called", 1)
    assert (event.previous, event.state, event.at) == (State.CREATED, State.CREATED, NOW + HOUR)
    task = engine.task("a")
    assert (task.priority.score, task.metadata.version, task.metadata.updated_by) == (100, 1, "ann")
    assert engine.bump("a", -250, "ann", now=NOW).version == 2
    assert engine.task("a").priority.score == 0


def test_where_no_time_is_given_it_is_the_present() -> None:
    """Changes and looks without a time ask the clock of the machine, as a new task does."""
    engine = QueueEngine([QueueSpec("q"), QueueSpec("r")])
    engine.push(waiting("a", queue="q"), NOW)
    engine.push(waiting("dated", queue="r", at=datetime.now(UTC) + HOUR), NOW)
    before = datetime.now(UTC)
    events = [event for event in (engine.bump("a", 1, "ann"), engine.move("a", "r")) if event]
    assert all(before <= event.observed_at <= datetime.now(UTC) for event in events)
    assert [event.by for event in events] == ["ann", "taskorch"]
    engine.hold("a")
    assert engine.peek() is None
    engine.release("a")
    assert engine.peek() == engine.task("a")


def test_a_move_takes_the_waiting_time_along() -> None:
    """A moved task has the level of its new queue, and the time it entered the old one."""
    engine = QueueEngine()
    engine.push(waiting("a", 50), NOW)
    event = engine.move("a", "critical", "ann", now=NOW + HOUR)
    assert event is not None
    assert (event.verb, event.by, event.version) == ("move", "ann", 1)
    assert event.task is not None
    assert (event.task.queue.name, event.task.queue.sla_deadline) == ("critical", NOW + HOUR)
    task = engine.pop(NOW + HOUR)
    assert task is not None
    assert (task.queue.name, task.queue.entered_at, task.queue.sla_deadline) == ("critical", NOW, NOW + HOUR)
    assert [load.waiting for load in engine.loads()] == [0] * 7
    assert engine.load("critical").in_progress == 1


def test_a_held_task_keeps_its_place_in_the_house_but_not_in_the_order() -> None:
    """What is held is not popped, has no position, counts as waiting, and comes back as if never held."""
    engine = one_queue()
    for number in range(3):
        engine.push(waiting(f"t{number}"), NOW + timedelta(seconds=number))
    engine.hold("t0")
    engine.hold("t0")
    assert engine.position("t0") is None
    assert engine.load("q").waiting == 3
    assert engine.peek(NOW + HOUR).id == "t1"  # type: ignore[union-attr]
    assert [task.id for task in engine.waiting("q")] == ["t1", "t2", "t0"]
    engine.bump("t0", 1, "ann", now=NOW)
    assert engine.position("t0") is None
    engine.release("t0", NOW)
    engine.release("t0", NOW)
    assert engine.position("t0") == 0
    assert engine.load("q").waiting == 3
    assert drained(engine, NOW + HOUR) == ["t0", "t1", "t2"]


def test_a_task_on_hold_is_pushed_held() -> None:
    """Restored ON_HOLD it stays held, until it is released or told of as QUEUED again."""
    engine = QueueEngine([QueueSpec("q"), QueueSpec("r")])
    for id in ("a", "b"):
        queued, _ = advance(waiting(id, queue="q"), "enqueue", now=NOW, by="me")
        held, _ = advance(queued, "hold", now=NOW, by="me")
        engine.push(held, NOW)
    assert engine.pop(NOW) is None
    released, _ = advance(engine.task("a"), "release", now=NOW, by="me")
    engine.update(released, NOW)
    assert drained(engine) == ["a"]
    engine.release("b", NOW)
    assert drained(engine) == ["b"]


def newer(task: Task) -> Task:
    """The task, one version on."""
    return attrs.evolve(task, metadata=attrs.evolve(task.metadata, version=task.metadata.version + 1))


def test_an_update_takes_over_what_has_changed() -> None:
    """A task told of again is ranked anew; where it waits and since when does not change."""
    engine = one_queue()
    for id in ("a", "b"):
        engine.push(waiting(id, 50), NOW)
    engine.update(newer(waiting("b", 90)), NOW + HOUR)
    assert engine.task("b").queue.entered_at == NOW
    assert drained(engine) == ["b", "a"]


def test_an_update_keeps_what_others_have_decided() -> None:
    """An older value is refused, so that no bump is lost; and what the engine holds stays held."""
    engine = one_queue()
    engine.push(waiting("a"), NOW)
    engine.bump("a", 30, "ann", now=NOW)
    mine, _ = advance(waiting("a"), "enqueue", now=NOW, by="me")
    for other in (waiting("a"), mine):  # older, and another version 1
        with pytest.raises(InvalidTask, match="is not newer than 1, and differs"):
            engine.update(other, NOW)
    engine.update(engine.task("a"), NOW)
    engine.hold("a")
    engine.update(advance(engine.task("a"), "enqueue", now=NOW, by="me")[0], NOW)
    assert engine.task("a").priority.score == 80
    assert engine.position("a") is None


def test_an_update_with_a_date_waits_for_it() -> None:
    """A date that is given later counts like one that was there from the beginning."""
    engine = one_queue()
    engine.push(waiting("a"), NOW)
    engine.update(newer(waiting("a", at=NOW + HOUR)), NOW)
    assert drained(engine) == []
    assert engine.next_due(NOW) == NOW + HOUR
    assert drained(engine, NOW + HOUR) == ["a"]


# --- dates ------------------------------------------------------------------------------------------------


def test_nothing_is_popped_before_its_date() -> None:
    """A task with a date waits for it, in whatever queue, and then ranks by its score; next_due tells when."""
    engine = QueueEngine()
    engine.push(waiting("later", 90, at=NOW + 2 * HOUR), NOW)
    engine.push(waiting("sooner", 10, at=NOW + HOUR), NOW)
    engine.push(waiting("normal", 50), NOW)
    assert engine.load("scheduled").waiting == 2
    assert [engine.position(id) for id in ("sooner", "later")] == [0, 1]
    assert engine.next_due(NOW) == NOW + HOUR
    assert drained(engine, NOW + HOUR - timedelta(microseconds=1)) == ["normal"]
    assert drained(engine, NOW + HOUR) == ["sooner"]
    assert engine.next_due(NOW + HOUR) == NOW + 2 * HOUR
    assert drained(engine, NOW + 2 * HOUR) == ["later"]
    assert engine.next_due(NOW + 3 * HOUR) is None


def test_a_date_is_the_deadline_of_the_start() -> None:
    """In the queue of dates the date itself is the deadline."""
    engine = QueueEngine()
    engine.push(waiting("a", at=NOW + HOUR), NOW)
    assert engine.task("a").queue.sla_deadline == NOW + HOUR


def test_once_due_a_task_ranks_by_its_band() -> None:
    """A task whose date has come competes with the queue that its score would have chosen."""
    engine = QueueEngine()
    engine.push(waiting("dated", 90, at=NOW + HOUR), NOW)
    engine.push(waiting("urgent", 92), NOW)
    engine.push(waiting("high", 80), NOW)
    engine.push(waiting("dated-low", 5, at=NOW + HOUR), NOW)
    assert drained(engine, NOW + HOUR) == ["urgent", "dated", "high", "dated-low"]


def test_waiting_for_a_date_earns_no_points() -> None:
    """Ageing begins with the date: a task scheduled months ahead does not outrank everybody on its day."""
    engine = one_queue(ageing=1)
    engine.push(waiting("dated", 50, at=NOW + 1000 * HOUR), NOW)
    engine.push(waiting("first", 51), NOW + 1000 * HOUR)
    engine.push(waiting("last", 49), NOW + 1000 * HOUR)
    assert drained(engine, NOW + 1001 * HOUR) == ["first", "dated", "last"]


def test_a_date_in_a_queue_of_its_own_choice() -> None:
    """A task may wait for a date in any queue; a bump or a hold meanwhile does not make it due."""
    engine = one_queue()
    engine.push(waiting("a", at=NOW + HOUR), NOW)
    engine.bump("a", 10, "ann", now=NOW)
    assert drained(engine) == []
    engine.hold("a")
    assert engine.next_due(NOW) is None
    engine.release("a", NOW)
    assert drained(engine) == []
    assert engine.next_due(NOW) == NOW + HOUR
    engine.hold("a")
    engine.release("a", NOW + 2 * HOUR)
    assert engine.position("a") == 0
    assert drained(engine) == []
    assert drained(engine, NOW + HOUR) == ["a"]


def test_once_due_a_label_counts_before_the_score() -> None:
    """A task whose date has come is ranked by its label where it has one, as its queue would have been chosen."""
    engine = QueueEngine()
    engine.push(waiting("labelled", factors=("P1",), at=NOW + HOUR), NOW)
    engine.push(waiting("high", 84), NOW)
    assert drained(engine, NOW + HOUR) == ["labelled", "high"]


def test_a_queue_by_date_has_no_risk_before_its_date() -> None:
    """What may not be started yet is not at risk of being started late."""
    engine = QueueEngine()
    engine.push(waiting("a", at=NOW + HOUR / 2), NOW)
    assert standing(engine.task("a"), engine.specs["scheduled"], NOW + HOUR / 2).status == "on_track"
    assert QueueSpec("q", by_date=True, at_risk=60).lead == timedelta(minutes=1)


def test_a_question_about_another_time_makes_nothing_due() -> None:
    """Whatever was asked about the future, a task is not handed out before its date."""
    engine = QueueEngine()
    engine.push(waiting("dated", at=NOW + 3 * HOUR), NOW)
    engine.push(waiting("low", 5), NOW)
    assert engine.peek(NOW + 4 * HOUR).id == "dated"  # type: ignore[union-attr]
    assert engine.next_due(NOW + 4 * HOUR) is None
    assert engine.forecast("scheduled", NOW + 4 * HOUR, per_hour=1).share_late == 1
    assert engine.next_due(NOW) == NOW + 3 * HOUR
    assert drained(engine, NOW) == ["low"]
    assert drained(engine, NOW + 3 * HOUR) == ["dated"]


def test_a_clock_that_was_ahead_makes_nothing_due() -> None:
    """A date before the time of entering stays a date, through bumps and moves: only the asking clock decides."""
    entered = attrs.evolve(waiting("a", queue="q").queue, entered_at=NOW + 4 * HOUR)
    engine = QueueEngine([QueueSpec("q"), QueueSpec("r")])
    engine.push(attrs.evolve(waiting("a", at=NOW + 2 * HOUR), queue=entered), NOW)
    assert drained(engine) == []
    engine.bump("a", 1, "ann", now=NOW)
    engine.move("a", "r", now=NOW)
    assert drained(engine) == []
    assert drained(engine, NOW + 2 * HOUR) == ["a"]


# --- restored ---------------------------------------------------------------------------------------------


def test_a_restart_keeps_the_order() -> None:
    """Tasks pushed again, in any order and later, are in the order they had: they entered when they did."""
    engine = one_queue(sla=3600)
    for number in range(6):
        engine.push(waiting(f"t{number}", 50 + number % 3), NOW + number * HOUR)
    kept = [*engine.waiting("q")]
    restored = one_queue(sla=3600)
    for task in reversed(kept):
        restored.push(Task.from_json(task.to_json()), NOW + 9 * HOUR)
    assert [task.queue.entered_at for task in restored.waiting("q")] == [task.queue.entered_at for task in kept]
    assert drained(restored, NOW + 9 * HOUR) == [task.id for task in kept]


def test_what_was_in_progress_counts_after_a_restart() -> None:
    """A task IN_PROGRESS is pushed as handed out: it takes a slot and no place, until it is removed."""
    task = waiting("busy", queue="q")
    for verb in ("enqueue", "schedule", "start"):
        task, _ = advance(task, verb, now=NOW, by="me")
    engine = one_queue(capacity=1, concurrency=1)
    engine.push(waiting("next"), NOW)
    engine.push(task, NOW + HOUR)
    assert (engine.load("q").waiting, engine.load("q").in_progress) == (1, 1)
    assert drained(engine) == []
    assert engine.forecast("q", NOW + HOUR, usual=2 * HOUR).of("busy").finish == NOW + 2 * HOUR  # type: ignore[union-attr]
    engine.remove("busy")
    assert drained(engine) == ["next"]


def test_a_retry_waits_for_its_time() -> None:
    """A task that failed with a retry pending waits until then; one that was unblocked may go on at once."""
    task = waiting("again", queue="q")
    for verb in ("enqueue", "schedule", "start"):
        task, _ = advance(task, verb, now=NOW, by="me")
    failed, _ = advance(task, "fail", now=NOW, by="me", retry_at=NOW + HOUR)
    final, _ = advance(task, "fail", now=NOW, by="me")
    blocked, _ = advance(attrs.evolve(task, id="went-on"), "block", now=NOW, by="me", reason="the client")
    unblocked, _ = advance(blocked, "unblock", now=NOW, by="me")
    engine = one_queue()
    engine.push(failed, NOW)
    engine.push(unblocked, NOW)
    assert drained(engine) == ["went-on"]
    assert engine.next_due(NOW) == NOW + HOUR
    retried = engine.pop(NOW + HOUR)
    assert retried is not None
    assert advance(retried, "retry", now=NOW + HOUR, by="me")[0].state.current is State.IN_PROGRESS
    for other in (final, blocked):
        with pytest.raises(IllegalTransition):
            one_queue().push(other, NOW)


# --- bounds -----------------------------------------------------------------------------------------------


def test_a_full_queue_refuses_with_figures() -> None:
    """Capacity bounds what waits, held tasks among them; handing one out makes room."""
    engine = QueueEngine()
    for number in range(3):
        engine.push(waiting(f"t{number}", 99), NOW)
    engine.hold("t2")
    with pytest.raises(QueueFull, match="3 of 3 places") as full:
        engine.push(waiting("t3", 99), NOW)
    assert (full.value.queue, full.value.waiting, full.value.capacity) == ("critical", 3, 3)
    assert "t3" not in engine
    assert len(engine) == 3
    engine.pop(NOW)
    engine.push(waiting("t3", 99), NOW)
    load = engine.load("critical")
    assert (load.waiting, load.in_progress, load.capacity, load.utilisation) == (3, 1, 3, 1.0)


def test_what_goes_on_finds_its_way_back() -> None:
    """A full queue takes back a task that will be tried again or was unblocked: it has taken no place."""
    engine = QueueEngine([QueueSpec("q", capacity=1, overflow="r"), QueueSpec("r", rank=1)])
    engine.push(waiting("first", queue="q"), NOW)
    task = engine.pop(NOW)
    engine.push(waiting("second", queue="q"), NOW)
    assert task is not None
    for verb in ("enqueue", "schedule", "start"):
        task, _ = advance(task, verb, now=NOW, by="me")
    failed, _ = advance(task, "fail", now=NOW, by="me", retry_at=NOW + HOUR)
    engine.remove("first")
    assert engine.placed(failed, NOW).queue.name == "q"
    assert engine.push(failed, NOW) == "q"
    assert (engine.load("q").waiting, len(engine)) == (1, 2)
    assert engine.move("first", "r", now=NOW) is not None
    assert engine.move("first", "q", now=NOW) is not None
    assert engine.task("first").queue.name == "q"
    assert drained(engine, NOW + HOUR) == ["second", "first"]
    assert (engine.load("q").waiting, engine.load("q").in_progress) == (0, 2)


def test_an_overflow_takes_what_has_no_place() -> None:
    """Queues overflow one into the other; the last without a place refuses, and is named as it was asked for."""
    engine = QueueEngine(
        [QueueSpec("a", 60, 1, overflow="b"), QueueSpec("b", 120, 1, overflow="c", rank=1), QueueSpec("c", 180, 1)]
    )
    assert [engine.push(waiting(f"t{n}", queue="a"), NOW) for n in range(3)] == ["a", "b", "c"]
    assert engine.task("t1").queue.sla_deadline == NOW + timedelta(seconds=120)
    with pytest.raises(QueueFull, match="nor has its overflow 'b' → 'c' a place") as full:
        engine.push(waiting("t3", queue="a"), NOW)
    assert full.value.queue == "a"
    with pytest.raises(QueueFull):
        engine.move("t0", "b", "ann", now=NOW)
    assert engine.task("t0").queue.name == "a"
    assert engine.task("t0").metadata.version == 0
    with pytest.raises(QueueFull):
        engine.move("t1", "a", "ann", now=NOW)  # it does not fill its own overflow, nor is it pushed on
    assert engine.task("t1").queue.name == "b"


def test_a_move_to_where_it_is_changes_nothing() -> None:
    """A task that is in the queue already is not moved, and no event says so, be the queue full or not."""
    engine = one_queue(capacity=1)
    engine.push(waiting("a"), NOW)
    assert engine.move("a", "q", now=NOW) is None
    assert engine.task("a").metadata.version == 0


def test_concurrency_bounds_what_is_in_progress() -> None:
    """A queue with as many tasks out as it may have is passed over, until one of them is removed."""
    engine = QueueEngine([QueueSpec("a", concurrency=1), QueueSpec("b", rank=1)])
    for id, queue in [("a0", "a"), ("a1", "a"), ("b0", "b"), ("b1", "b")]:
        engine.push(waiting(id, queue=queue), NOW)
    assert engine.pop(NOW).id == "a0"  # type: ignore[union-attr]
    assert engine.peek(NOW).id == "b0"  # type: ignore[union-attr]
    assert engine.pop(NOW).id == "b0"  # type: ignore[union-attr]
    engine.remove("a0")
    assert drained(engine) == ["a1", "b1"]
    load = engine.load("a")
    assert (load.waiting, load.in_progress, load.concurrency, load.utilisation) == (0, 1, 1, None)


def test_a_queue_without_places_is_full() -> None:
    """A capacity of 0 closes a queue; its load is whole, not a division by zero."""
    engine = one_queue(capacity=0)
    with pytest.raises(QueueFull):
        engine.push(waiting("a"), NOW)
    assert engine.load("q").utilisation == 1.0


# --- bad input --------------------------------------------------------------------------------------------

QUESTIONS: dict[str, Callable[[QueueEngine, str], object]] = {
    "remove": lambda engine, id: engine.remove(id),
    "position": lambda engine, id: engine.position(id),
    "task": lambda engine, id: engine.task(id),
    "bump": lambda engine, id: engine.bump(id, 1, "ann", now=NOW),
    "move": lambda engine, id: engine.move(id, "r", "ann", now=NOW),
    "hold": lambda engine, id: engine.hold(id),
    "release": lambda engine, id: engine.release(id, NOW),
    "update": lambda engine, id: engine.update(waiting(id), NOW),
}


def full_engine() -> QueueEngine:
    """An engine with a task waiting, one held, one with a date, one out."""
    engine = QueueEngine([QueueSpec("q", 3600), QueueSpec("r", rank=1)])
    for id in ("out", "waits", "held"):
        engine.push(waiting(id, queue="q"), NOW + (timedelta(0) if id == "out" else HOUR))
    engine.push(waiting("dated", queue="r", at=NOW + 9 * HOUR), NOW)
    engine.hold("held")
    assert engine.pop(NOW).id == "out"  # type: ignore[union-attr]
    return engine


def facts(engine: QueueEngine) -> object:
    """All that can be asked of an engine."""
    tasks = {id: engine.task(id) for id in ("out", "waits", "held", "dated") if id in engine}
    order = [task.id for name in engine.specs for task in engine.waiting(name)]
    return tasks, order, engine.loads(), engine.peek(NOW), engine.next_due(NOW)


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_task_that_is_not_here_is_told(question: str) -> None:
    """Whatever is asked of an unknown or removed task raises, and changes nothing."""
    engine = full_engine()
    before = facts(engine)
    with pytest.raises(UnknownTask) as unknown:
        QUESTIONS[question](engine, "nobody")
    assert unknown.value.id == "nobody"
    assert facts(engine) == before


@pytest.mark.parametrize("question", ["bump", "move", "hold", "release", "update"])
def test_a_task_that_was_handed_out_keeps_its_place(question: str) -> None:
    """What is in progress can no longer be bumped, moved or held; a finished one is not even here."""
    engine = full_engine()
    before = facts(engine)
    with pytest.raises(NotWaiting, match=f"can't {question} task 'out'"):
        QUESTIONS[question](engine, "out")
    assert facts(engine) == before
    engine.remove("out")
    with pytest.raises(UnknownTask):
        QUESTIONS[question](engine, "out")


NAIVE = datetime(2026, 11, 20, 10)  # noqa: DTZ001 - a time without a zone is what is refused
BEYOND = datetime.max.replace(tzinfo=timezone(timedelta(hours=-5)))
BEFORE = datetime.min.replace(tzinfo=timezone(timedelta(hours=5)))
REFUSED: list[tuple[str, Callable[[QueueEngine], object], type[Exception]]] = [
    ("a duplicate id", lambda e: e.push(waiting("waits"), NOW), DuplicateTask),
    ("the id of one handed out", lambda e: e.push(waiting("out"), NOW), DuplicateTask),
    ("an unknown queue", lambda e: e.push(waiting("new", queue="nope"), NOW), UnknownQueue),
    ("a queue that its score would choose", lambda e: e.push(waiting("new"), NOW), UnknownQueue),
    ("a move to nowhere", lambda e: e.move("waits", "nope", "ann", now=NOW), UnknownQueue),
    ("a load of nothing", lambda e: e.load("nope"), UnknownQueue),
    ("the tasks of nothing", lambda e: list(e.waiting("nope")), UnknownQueue),
    *((f"a bump by {str(d)[:9]}", lambda e, d=d: e.bump("waits", d, "ann", now=NOW), InvalidTask)
      for d in (float("nan"), float("inf"), 10**400, "10", None, True)),
    ("no task", lambda e: e.push("waits", NOW), InvalidTask),
    ("no task to place", lambda e: e.placed(None, NOW), InvalidTask),
    ("no task to update", lambda e: e.update(None, NOW), InvalidTask),
    *((f"{what} at no time", lambda e, f=f: f(e), InvalidTask) for what, f in {
        "a push": lambda e: e.push(waiting("new", queue="q"), "now"),
        "a pop": lambda e: e.pop("now"),
    }.items()),
    ("a number for an id", lambda e: e.position(5), UnknownTask),
    ("a number for a queue", lambda e: e.load(5), UnknownQueue),
    ("a move to None", lambda e: e.move("waits", None, now=NOW), UnknownQueue),
    ("a naive time of entering", lambda e: e.push(
        attrs.evolve(waiting("new"), queue=attrs.evolve(waiting("x", queue="q").queue, entered_at=NAIVE)), NOW
    ), InvalidTask),
    ("a naive date", lambda e: e.push(
        attrs.evolve(waiting("new", queue="q"), internals=Internals(scheduled_for=NAIVE)), NOW
    ), InvalidTask),
    *((f"{what} at {when}", lambda e, f=f, when=when: f(e, when), InvalidTask)
      for when in (NAIVE, BEYOND, BEFORE)
      for what, f in {
          "a push": lambda e, when: e.push(waiting("new", queue="q"), when),
          "a pop": lambda e, when: e.pop(when),
          "a peek": lambda e, when: e.peek(when),
          "a bump": lambda e, when: e.bump("waits", 1, "ann", now=when),
          "a move": lambda e, when: e.move("waits", "r", "ann", now=when),
          "a look ahead": lambda e, when: e.next_due(when),
          "a release": lambda e, when: e.release("held", when),
          "an update": lambda e, when: e.update(waiting("waits"), when),
      }.items()),
    ("a deadline beyond the calendar",
     lambda e: e.push(waiting("new", queue="q", now=datetime.max.replace(tzinfo=UTC)), NOW), InvalidTask),
    ("an update to a state that does not wait",
     lambda e: e.update(advance(waiting("waits"), "cancel", now=NOW, by="me")[0], NOW), IllegalTransition),
]  # fmt: skip


@pytest.mark.parametrize(("act", "error"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_bad_input_changes_nothing(act: Callable[[QueueEngine], object], error: type[Exception]) -> None:
    """What cannot be done raises its own error, and everything is as before."""
    engine = full_engine()
    before = facts(engine)
    with pytest.raises(error):
        act(engine)
    assert facts(engine) == before


@pytest.mark.parametrize("year", [1, 9999])
def test_the_ends_of_the_calendar_can_be_lived_in(year: int) -> None:
    """A task without a level waits and comes out in year 1 and 9999 as in any other."""
    now = datetime(year, 6, 1, tzinfo=UTC)
    engine = one_queue()
    engine.push(waiting("a", now=now), now)
    assert drained(engine, now) == ["a"]


def test_a_time_of_another_zone_is_the_same_time() -> None:
    """Zones are spellings: a date is due, and a deadline shown, as in UTC."""
    there = timezone(timedelta(hours=9))
    engine = QueueEngine()
    engine.push(waiting("a", at=(NOW + HOUR).astimezone(there)), NOW.astimezone(there))
    assert drained(engine, NOW) == []
    task = engine.pop((NOW + HOUR).astimezone(there))
    assert task is not None
    assert task.to_dict()["task"]["queue"]["entered_at"] == "2026-11-20T10:00:00Z"  # type: ignore[index]


def test_any_object_may_be_asked_for() -> None:
    """Asking whether something is in an engine never raises."""
    engine = full_engine()
    anything: list[Any] = ["waits", "nobody", 3, None, []]
    assert [thing in engine for thing in anything] == [True, False, False, False, False]


# --- forecast ---------------------------------------------------------------------------------------------


def test_a_forecast_tells_what_will_be_late() -> None:
    """With one task an hour the third of a queue of two hours will be late; without any figure nobody knows."""
    engine = QueueEngine([QueueSpec("q", 2 * 3600), QueueSpec("r", rank=1)])
    for number in range(3):
        engine.push(waiting(f"t{number}", 50 - number, queue="q"), NOW)
    engine.push(waiting("other", queue="r"), NOW)
    told = engine.forecast("q", NOW, per_hour=1)
    assert [prediction.id for prediction in told.predictions] == ["t0", "t1", "t2"]
    assert [prediction.late for prediction in told.predictions] == [False, False, True]
    assert told.share_late == pytest.approx(1 / 3)
    assert (told.inputs.waiting, told.inputs.running, told.inputs.per_hour) == (3, 0, 1)
    assert engine.forecast("q", NOW).share_late is None
    assert engine.forecast("r", NOW, per_hour=1).share_late is None


def test_a_forecast_counts_what_is_in_progress() -> None:
    """Slots are the queue's concurrency, taken by what was handed out since it was handed out."""
    engine = one_queue(sla=3600, concurrency=1)
    for number in range(2):
        engine.push(waiting(f"t{number}", 50 - number), NOW)
    engine.pop(NOW)
    told = engine.forecast("q", NOW + HOUR / 4, usual=HOUR / 2)
    assert {prediction.id: prediction.finish for prediction in told.predictions} == {
        "t0": NOW + HOUR / 2,
        "t1": NOW + HOUR,
    }
    assert told.share_late == 0
    with pytest.raises(UnknownQueue):
        engine.forecast("nope", NOW)


def test_a_forecast_knows_the_grace() -> None:
    """A planned task that starts within the grace of its date is not foretold to be late; one beyond it is."""
    engine = QueueEngine()
    for number in range(2):
        engine.push(waiting(f"t{number}", at=NOW + HOUR), NOW)
    moment = NOW + HOUR + timedelta(seconds=20)
    engine.pop(moment)
    told = engine.forecast("scheduled", moment, slots=2, usual=HOUR)
    assert [prediction.late for prediction in told.predictions] == [False, False]
    told = engine.forecast("scheduled", moment + HOUR, slots=2, usual=2 * HOUR)
    assert [prediction.late for prediction in told.predictions] == [False, True]


def test_a_forecast_knows_dates_and_what_is_held() -> None:
    """A task with a date does not start before it, and of a held one nothing is said but that its share is open."""
    engine = one_queue(sla=4 * 3600)
    engine.push(waiting("ready"), NOW)
    engine.push(waiting("dated", at=NOW + 3 * HOUR), NOW)
    engine.push(waiting("held"), NOW)
    engine.hold("held")
    for figures in ({"per_hour": 2.0, "slots": 1}, {"slots": 1, "usual": HOUR / 2}):
        told = engine.forecast("q", NOW, **figures)  # type: ignore[arg-type]
        ready, dated, held = told.predictions
        assert (ready.id, ready.finish) == ("ready", NOW + HOUR / 2)
        assert (dated.id, dated.start, dated.late) == ("dated", NOW + 3 * HOUR, False)
        assert (held.id, held.finish, held.late, held.basis) == ("held", None, None, "held")
        assert told.inputs.waiting == 3
        assert told.share_late is None
        assert told.share_bounds == (0, pytest.approx(1 / 3))
        assert "no prediction (held back" in told.explain("held")
