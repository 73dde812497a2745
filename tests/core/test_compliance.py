"""SLA Compliance is what ``standing`` says of every task: through queues, anchors, pauses and calendars."""

from datetime import datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskorch import (
    LIFECYCLE,
    BusinessCalendar,
    Escalator,
    Event,
    InvalidTarget,
    QueueEngine,
    QueueSpec,
    SlaWatch,
    State,
    Tally,
    Task,
    Verb,
    Window,
    advance,
    measure,
    standing,
)
from taskorch.core.metrics.definitions import Target
from tests.core.waiting import HOUR, NOW, waiting

OFFICE = BusinessCalendar({day: [(time(9), time(17))] for day in range(5)}, tz="Europe/Paris")
SPECS = {
    spec.name: spec
    for spec in (
        QueueSpec("plain", 2 * 3600),
        QueueSpec("entered", 2 * 3600, anchor="entered"),  # type: ignore[arg-type]
        QueueSpec("started", 2 * 3600, anchor="started"),  # type: ignore[arg-type]
        QueueSpec("paused", 2 * 3600, pause_in={State.BLOCKED, State.ON_HOLD, State.CREATED}),
        QueueSpec("office", 8 * 3600, calendar=OFFICE, pause_in={State.BLOCKED}),
        QueueSpec("dated", by_date=True, grace=0.5 * 3600),
        QueueSpec("graced", 2 * 3600, grace=3600, pause_in={State.BLOCKED}),
        QueueSpec("free"),
    )
}
WIDE = Window(NOW - timedelta(days=30), NOW + timedelta(days=30))


@st.composite
def lives(draw: st.DrawFn, id: str) -> tuple[Task, list[Event]]:
    """A task in one of the queues after some legal verbs, and its events."""
    name = draw(st.sampled_from([*SPECS]))
    at = NOW + draw(st.integers(1, 6)) * HOUR if name == "dated" else None
    task, events, now = waiting(id, queue=name, at=at), [], NOW
    for _ in range(draw(st.integers(1, 10))):
        if task.is_final:
            break
        now += draw(st.sampled_from([0, 0.5, 1, 3])) * HOUR
        verb = draw(st.sampled_from(LIFECYCLE.verbs(task.state.current)))
        retry_at = now + HOUR if verb is Verb.FAIL and draw(st.booleans()) else None
        task, event = advance(task, verb, now=now, by="t", retry_at=retry_at)
        events.append(event)
    return task, events


@settings(max_examples=300)
@given(
    st.lists(st.integers(), max_size=5).flatmap(lambda n: st.tuples(*(lives(f"T-{i}") for i in range(len(n))))),
    st.integers(0, 40),
)
def test_compliance_is_the_sum_of_all_standings(team: tuple[tuple[Task, list[Event]], ...], hours: int) -> None:
    """The share of tasks in time, and of how many, follows from how each task stands: one truth, asked twice."""
    events = [event for _, stream in team for event in stream]
    now = max([NOW + hours * HOUR, *(event.at for event in events)])
    statuses = [_status(task, now) for task, _ in team]
    met, missed = statuses.count("met"), statuses.count("missed") + statuses.count("breached")
    kpi = measure(events, WIDE, now, queues=SPECS.values()).overall[2]
    assert kpi.sample == met + missed
    assert kpi.value == (pytest.approx(100 * met / (met + missed)) if met + missed else None)


def _status(task: Task, now: datetime) -> str:
    status = str(standing(task, SPECS[task.queue.name or ""], now).status)
    has_kept_its_date = task.queue.name == "dated" and task.execution.started_at is not None and status == "on_track"
    return "met" if has_kept_its_date else status  # the start was all that was promised


def test_what_waits_past_its_deadline_is_missed() -> None:
    """Nine tasks that still wait in the queue of D0 after a day and an hour are missed, one that was done is met."""
    engine, tally = QueueEngine(), Tally(WIDE)
    for number in range(10):
        task, event = advance(engine.placed(waiting(f"T-{number}", 50), NOW), "enqueue", now=NOW, by="t")
        tally.add(event)
        engine.push(task, NOW)
    popped = engine.pop(NOW)
    assert popped is not None
    for verb in ("schedule", "start", "complete"):
        popped, event = advance(popped, verb, now=NOW + HOUR, by="t")
        tally.add(event)
    assert str(tally.scorecard(NOW + 24 * HOUR).overall[2]) == "SLA Compliance: 100% (met, > 95%; 1 task)"
    assert str(tally.scorecard(NOW + 25 * HOUR).overall[2]) == "SLA Compliance: 10% (missed, > 95%; 10 tasks)"


def test_a_pause_moves_the_deadline() -> None:
    """Eight hours blocked do not count where the clock stops while blocked, before the end and after."""
    spec = QueueSpec("q", 8 * 3600, pause_in={State.BLOCKED})
    task, events = waiting("T", queue="q"), []
    deeds = [
        ("enqueue", 0),
        ("schedule", 0),
        ("start", 1),
        ("block", 2),
        ("unblock", 10),
        ("start", 10),
        ("complete", 11),
    ]
    for verb, hour in deeds:
        task, event = advance(task, verb, now=NOW + hour * HOUR, by="t")
        events.append(event)

    def compliance(count: int, hour: int) -> tuple[float | None, int]:
        kpi = measure(events[:count], WIDE, NOW + hour * HOUR, queues=[spec]).overall[2]
        return kpi.value, kpi.sample

    assert compliance(4, 10) == (None, 0)  # paused: nothing is missed
    assert compliance(6, 15) == (None, 0)
    assert compliance(6, 17) == (0, 1)
    assert compliance(7, 99) == (100, 1)


@pytest.mark.parametrize("target", [2, None, Target("<", None, "< 2h (high), < 8h (normal)")])
def test_a_target_without_a_number_is_refused(target: object) -> None:
    """What is no bound for a queue is refused before anything is counted."""
    with pytest.raises(InvalidTarget) as refused:
        Tally(WIDE, queue_targets={"q": target})  # type: ignore[dict-item]
    assert [problem.path for problem in refused.value.problems] == ["queue_targets.q"]


def test_what_is_started_when_its_date_comes_is_in_time() -> None:
    """Tasks handed out a moment after their dates keep them; one that is handed out much later does not."""
    engine, tally = QueueEngine(), Tally(WIDE)
    for number in range(4):
        engine.push(waiting(f"T-{number}", at=NOW + number * HOUR), NOW)
    for hour in range(4):
        late = timedelta(seconds=2) if hour < 3 else timedelta(hours=1)
        task = engine.pop(NOW + hour * HOUR + late)
        assert task is not None
        for verb in ("enqueue", "schedule", "start"):
            task, event = advance(task, verb, now=NOW + hour * HOUR + late, by="t")
            tally.add(event)
    assert str(tally.scorecard(NOW + 9 * HOUR).overall[2]) == "SLA Compliance: 75% (missed, > 95%; 4 tasks)"


def test_a_pause_within_the_grace_undoes_no_breach() -> None:
    """What is paused after its deadline is breached when the grace is over, and everybody says so."""
    spec = QueueSpec("q", 3600, grace=600, pause_in={State.BLOCKED})
    task, tally, watch = waiting("T", queue="q"), Tally(WIDE, queues=[spec]), SlaWatch()
    escalator = Escalator(queues=[spec])
    for verb, minute in [("enqueue", 0), ("schedule", 0), ("start", 0), ("block", 65)]:
        task, event = advance(task, verb, now=NOW + timedelta(minutes=minute), by="t", reason="the client")
        tally.add(event)
    now, over = NOW + timedelta(minutes=65), NOW + timedelta(minutes=70, microseconds=1)
    watch.watch(task, spec, now)
    assert standing(task, spec, now).status == "at_risk"
    assert [crossing.threshold for crossing in watch.due(now)] == ["at_risk"]
    assert watch.next_due(now) == over
    assert standing(task, spec, over).status == "breached"
    assert [crossing.threshold for crossing in watch.due(over)] == ["breached"]
    assert tally.scorecard(over).overall[2].value == 0
    assert escalator.look(task, over).raised
