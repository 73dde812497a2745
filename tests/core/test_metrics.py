"""The seven metrics: D0's table, what each counts and leaves out, and the laws of the fold."""

import copy
import functools
import pickle
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskorch import Event, InvalidEvent, InvalidWindow, QueueSpec, State, Task, Verb
from taskorch.core.copies import changed
from taskorch.core.metrics import tally as tallies
from taskorch.core.metrics.definitions import DEFINITIONS, QUEUE_TARGETS, Target
from taskorch.core.metrics.kpis import Kpi, KpiVerdict
from taskorch.core.metrics.scorecards import Scorecard
from taskorch.core.metrics.window import Window
from tests.core.samples import NOW, SHARED, needs_shared
from tests.core.stories import live, merged, queued, teams

# Here the deadlines are those that the documents of the tasks say, so that they can be chosen freely.
QUEUES = [QueueSpec("scheduled", by_date=True)]
Tally = functools.partial(tallies.Tally, queues=QUEUES)
measure = functools.partial(tallies.measure, queues=QUEUES)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WIDE = Window(NOW - DAY, NOW + 9 * DAY)
LATER = NOW + 9 * DAY
NAMES = [definition.name for definition in DEFINITIONS]
DONE = ("enqueue", "schedule", ("start", 1), ("complete", 3))
FAILED = ("enqueue", "schedule", ("start", 1), ("fail", 3))


def figures(
    *streams: Iterable[Event], window: Window = WIDE, now: datetime = LATER, **options: Any
) -> dict[str, tuple[float | None, int]]:
    """The overall value and sample of each metric, by name."""
    events = [event for stream in streams for event in stream]
    return {kpi.name: (kpi.value, kpi.sample) for kpi in measure(events, window, now, **options).overall}


def requeued(event: Event, **members: Any) -> Event:
    """The event, with another queue entry in its task."""
    assert event.task is not None
    return attrs.evolve(event, task=changed(event.task, queue=attrs.evolve(event.task.queue, **members)))


def verdict(kpis: tuple[Kpi, ...], name: str) -> tuple[str, str | None]:
    """The verdict of a metric, and the text of its target."""
    kpi = next(kpi for kpi in kpis if kpi.name == name)
    return str(kpi.verdict), kpi.target and kpi.target.text


# --- the document ----------------------------------------------------------------------------------------------


def rows_of_d0() -> list[list[str]]:
    """The rows of the table "Métriques Clés"."""
    path = next(SHARED.glob("documents/001*"))
    section = path.read_text(encoding="utf-8").split("## Métriques Clés")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@needs_shared
def test_the_definitions_are_the_table_of_the_document() -> None:
    """Name, description and target of each metric stand as D0 writes them, in its order."""
    assert [[d.name, d.description, d.wish] for d in DEFINITIONS] == rows_of_d0()


@needs_shared
def test_the_targets_say_what_the_document_says() -> None:
    """Each figure in D0's targets is the bound that is judged by; where D0 gives none, there is no target."""
    for (name, _, wish), definition in zip(rows_of_d0(), DEFINITIONS, strict=True):
        bounds = re.findall(r"([<>]) (\d+)(?:%|h \((\w+)\))", wish)
        if name == "Queue Time":
            queues = {"high": ("critical", "urgent", "high_priority"), "normal": ("normal",)}
            expected = {queue: (sign, float(n)) for sign, n, level in bounds for queue in queues[level]}
            assert {q: (t.comparison, t.number) for q, t in QUEUE_TARGETS.items()} == expected
            assert all(target.text in wish for target in QUEUE_TARGETS.values())
            assert definition.target == Target("<", None, wish)
        elif not bounds:
            assert definition.target is None
        else:
            [(sign, number, _)] = bounds
            assert definition.target == Target(sign, float(number), wish)


def test_only_two_metrics_have_no_target() -> None:
    """Cycle Time and Throughput have no target, and the verdict says so (design §11)."""
    overall = measure(live(queued(), *DONE), WIDE, LATER).overall

    assert [k.name for k in overall] == NAMES
    assert [k.name for k in overall if k.verdict is KpiVerdict.NO_TARGET] == ["Cycle Time", "Throughput"]


# --- each metric -----------------------------------------------------------------------------------------------


def test_nothing_counted_is_no_data() -> None:
    """Without events every figure is None with a sample of 0, and is written as no data."""
    card = measure([], WIDE, LATER)

    assert {(kpi.value, kpi.sample, kpi.verdict) for kpi in card.overall} == {(None, 0, KpiVerdict.NO_DATA)}
    assert [str(kpi) for kpi in card.overall] == [f"{name}: no data" for name in NAMES]
    assert card.by_queue == card.by_type == card.by_skill == {}
    assert {count for _, count in card.completed_per_day} == {0}


def test_one_task_in_figures() -> None:
    """One task that waited an hour and took three: every figure, in its unit, with its sample."""
    card = measure(live(queued(due=4), *DONE), WIDE, LATER)

    assert [str(kpi) for kpi in card.overall] == [
        "Queue Time: 1 hour (met, < 2h (high), < 8h (normal); 1 task)",
        "Cycle Time: 3 hours (no target; 1 task)",
        "SLA Compliance: 100% (met, > 95%; 1 task)",
        "Throughput: 0.1 tasks/day (no target; 1 task)",
        "Error Rate: 0% (met, < 5%; 1 task)",
        "Retry Rate: 0% (met, < 10%; 1 task)",
        "Blocked Rate: 0% (met, < 15%; 1 task)",
    ]


@pytest.mark.parametrize(
    ("queue", "hours", "expected"),
    [
        ("high_priority", 1.99, ("met", "< 2h (high)")),
        ("high_priority", 2, ("missed", "< 2h (high)")),
        ("critical", 2, ("missed", "< 2h (high)")),
        ("urgent", 1, ("met", "< 2h (high)")),
        ("normal", 7.99, ("met", "< 8h (normal)")),
        ("normal", 8, ("missed", "< 8h (normal)")),
        ("low_priority", 100, ("no target", None)),
        ("backlog", 100, ("no target", None)),
        ("scheduled", 100, ("no target", None)),
        ("mine", 100, ("no target", None)),
    ],
)
def test_each_queue_has_its_own_queue_time(queue: str, hours: float, expected: tuple[str, str | None]) -> None:
    """The target is that of the queue; the very bound misses it; queues D0 does not name have none."""
    events = live(queued(queue=queue), "enqueue", "schedule", ("start", hours))
    card = measure(events, WIDE, LATER)

    assert verdict(card.by_queue[queue], "Queue Time") == expected
    whole = "< 2h (high), < 8h (normal)" if expected[1] else None
    assert verdict(card.overall, "Queue Time") == (expected[0], whole)


def test_the_queue_time_of_several_queues_is_judged_by_the_worst() -> None:
    """A good mean does not hide a queue that misses its target; queues without one do no harm."""
    quick = [live(queued(f"Q-{n}", queue="normal"), "enqueue", "schedule", ("start", 0.1)) for n in range(9)]
    slow = live(queued("S", queue="urgent"), "enqueue", "schedule", ("start", 3))
    later = live(queued("B", queue="backlog"), "enqueue", "schedule", ("start", 90))

    assert verdict(measure(merged(quick), WIDE, LATER).overall, "Queue Time")[0] == "met"
    assert verdict(measure(merged([*quick, later]), WIDE, LATER).overall, "Queue Time")[0] == "met"
    assert verdict(measure(merged([*quick, slow]), WIDE, LATER).overall, "Queue Time")[0] == "missed"


def test_hosts_give_their_queues_targets() -> None:
    """The Queue Time of a queue of the host's own is judged by the target it gives."""
    events = live(queued(queue="mine"), "enqueue", "schedule", ("start", 3))
    card = measure(events, WIDE, LATER, queue_targets={"mine": Target("<", 2.5, "< 2.5h")})

    assert verdict(card.by_queue["mine"], "Queue Time") == ("missed", "< 2.5h")
    assert verdict(card.overall, "Queue Time") == ("missed", "< 2.5h")


def test_a_wait_ends_once() -> None:
    """Only the first start ends a wait: going on after a block or a retry is none; holding is part of it."""
    events = live(
        queued(),
        "enqueue",
        ("hold", 1),
        ("release", 3),
        ("schedule", 4),
        ("start", 5),
        ("block", 6),
        ("unblock", 20),
        ("start", 30),
        ("fail", 31, {"retry_at": NOW}),
        ("retry", 40),
    )

    assert figures(events)["Queue Time"] == (5.0, 1)


def test_a_task_in_no_queue_has_no_wait() -> None:
    """A task that is not in a queue adds no Queue Time, and is listed without a name."""
    card = measure(live(queued(queue=None), *DONE), WIDE, LATER)

    assert list(card.by_queue) == [""]
    assert card.overall[0].value is None
    assert card.overall[1].value == 3


@pytest.mark.parametrize(
    ("words", "due", "expected"),
    [
        (DONE, 3, (100, 1)),
        (DONE, 2, (0, 1)),
        (DONE, None, (None, 0)),
        (FAILED, 4, (0, 1)),
        (FAILED, 2, (0, 1)),
        (("enqueue", ("cancel", 1)), 2, (None, 0)),
        (("enqueue", ("cancel", 2)), 2, (None, 0)),
        (("enqueue", ("cancel", 3)), 2, (0, 1)),
        (("enqueue",), 2, (0, 1)),
        (("enqueue",), 300, (None, 0)),
        ((*FAILED[:-1], ("fail", 3, {"retry_at": NOW})), 4, (0, 1)),
        ((*FAILED[:-1], ("fail", 3, {"retry_at": NOW})), 300, (None, 0)),
    ],
    ids=[
        "at the deadline",
        "late",
        "no deadline",
        "failed in time",
        "failed late",
        "cancelled in time",
        "cancelled at the deadline",
        "cancelled late",
        "open, overdue",
        "open, not due",
        "to be retried, overdue",
        "to be retried, not due",
    ],
)
def test_what_complies(words: tuple[Any, ...], due: float | None, expected: tuple[float | None, int]) -> None:
    """Completed by the deadline complies; late, failed or overdue does not; the rest is not counted."""
    assert figures(live(queued(due=due), *words))["SLA Compliance"] == expected


@pytest.mark.parametrize(
    ("words", "due", "expected"),
    [
        (DONE, 1, (100, 1)),
        (DONE, 0.5, (0, 1)),
        (FAILED, 2, (100, 1)),
        (("enqueue",), 2, (0, 1)),
        (("enqueue", ("cancel", 1)), 2, (None, 0)),
        (("enqueue", ("cancel", 3)), 2, (0, 1)),
        (("enqueue", "hold", "start"), 300, (100, 1)),
    ],
    ids=[
        "started in time",
        "started late",
        "failed later",
        "overdue",
        "cancelled in time",
        "cancelled late",
        "at work",
    ],
)
def test_what_complies_in_a_queue_by_date(
    words: tuple[Any, ...], due: float, expected: tuple[float | None, int]
) -> None:
    """There the date is that of the start: what comes after it neither keeps nor breaks the promise (design §6)."""
    assert figures(live(queued(queue="scheduled", due=due), *words))["SLA Compliance"] == expected
    assert (
        figures(live(queued(queue="mine", due=due), *words), queues=[QueueSpec("mine", by_date=True)])["SLA Compliance"]
        == expected
    )


def test_a_start_in_time_settles_a_date_for_good() -> None:
    """A task that was started by its date is not late however long it takes, in any window."""
    events = live(queued(queue="scheduled", due=2), *DONE[:3])

    assert figures(events, window=Window(NOW + DAY, LATER))["SLA Compliance"] == (None, 0)


def test_an_open_task_is_late_only_after_its_deadline() -> None:
    """At the very instant of its deadline an open task is not late; a microsecond after it is."""
    tally = Tally(WIDE)
    tally.extend(live(queued(due=2), "enqueue"))
    due = NOW + 2 * HOUR

    assert tally.scorecard(due).overall[2].sample == 0
    assert tally.scorecard(due + timedelta(microseconds=1)).overall[2].value == 0
    assert tally.scorecard(LATER + 99 * DAY) != tally.scorecard(due)


def test_a_task_stuck_since_before_the_window_is_known() -> None:
    """Events before the window count for nothing, but an open task among them is late; a finished one is not."""
    before = Window(NOW + DAY, NOW + 2 * DAY)
    stuck, done = live(queued("A", due=2), "enqueue"), live(queued("B", due=2), *DONE)
    card = measure([*stuck, *done, *done, *stuck], before, LATER)

    assert {kpi.name: kpi.sample for kpi in card.overall if kpi.sample} == {"SLA Compliance": 1}
    assert card.by_queue["normal"][2].value == 0


def test_a_move_takes_the_deadline_along() -> None:
    """An open task is late by its latest deadline, in its latest queue; the move itself counts for nothing."""
    enqueued = live(queued(due=2), "enqueue")[0]
    moved = requeued(enqueued, name="backlog", sla_deadline=NOW + 300 * HOUR)
    moved = attrs.evolve(moved, verb="move", version=2, previous=State.QUEUED)

    assert figures([enqueued, moved])["SLA Compliance"] == (None, 0)
    assert figures([moved, enqueued])["SLA Compliance"] == (None, 0)
    assert measure([enqueued], WIDE, LATER).by_queue.keys() == {"normal"}


def test_throughput_is_by_the_days_that_have_passed() -> None:
    """In an open window what has passed counts, in fractions of a day but one at least; afterwards all of it."""
    streams = [live(queued(f"T-{n}"), *DONE) for n in range(6)]
    window = Window(NOW, NOW + 2 * DAY)

    assert figures(*streams, window=window, now=NOW + 12 * HOUR)["Throughput"] == (6.0, 6)
    assert figures(*streams, window=window, now=NOW + 36 * HOUR)["Throughput"] == (4.0, 6)
    assert figures(*streams, window=Window(NOW, NOW + 12 * HOUR))["Throughput"] == (6.0, 6)
    assert figures(*streams, window=window, now=NOW + 99 * DAY)["Throughput"] == (3.0, 6)


def test_a_clock_behind_the_events_is_put_right() -> None:
    """No less of the window has passed than its events say, whatever the clock says."""
    week = Window(NOW - 40 * HOUR, NOW + 128 * HOUR)
    assert figures(live(queued(), *DONE), window=week, now=NOW - 40 * HOUR)["Throughput"][0] == 24 / 43
    assert figures(live(queued(), "enqueue"), window=Window(NOW, LATER), now=NOW)["Throughput"] == (None, 0)


def test_nothing_completed_is_a_figure_where_there_was_work() -> None:
    """A throughput of 0 is said of tasks at work; where none was, there is no data."""
    assert figures(live(queued(), "enqueue", "schedule", "start"))["Throughput"] == (0.0, 1)
    assert figures(live(queued(), "enqueue", "schedule"))["Throughput"] == (None, 0)


def test_errors_are_final_failures() -> None:
    """Of the tasks that completed or failed for good, those that failed: no retried ones, no cancelled ones."""
    retried = live(
        queued("R"), *FAILED[:-1], ("fail", 2, {"retry_at": NOW}), ("retry", 3), ("fail", 4, {"retry_at": NOW})
    )
    given_up = live(queued("C"), *FAILED[:-1], ("fail", 2, {"retry_at": NOW}), ("cancel", 3))
    streams = [live(queued("D"), *DONE), live(queued("F"), *FAILED), retried, given_up]

    assert figures(*streams)["Error Rate"] == (50.0, 2)


def test_a_task_retried_often_counts_once() -> None:
    """However often it is tried or blocked, a task is one of those with a retry, or with a block."""
    again = [("fail", 2, {"retry_at": NOW}), "retry", "block", "unblock", "start"] * 3
    streams = [live(queued("A"), "enqueue", "schedule", "start", *again), live(queued("B"), *DONE)]

    assert figures(*streams)["Retry Rate"] == (50.0, 2)
    assert figures(*streams)["Blocked Rate"] == (50.0, 2)


@pytest.mark.parametrize(("reason", "value"), [("paused", 0.0), ("gate", 100.0), ("no_handler", 100.0), (None, 100.0)])
def test_a_pause_is_no_block(reason: str | None, value: float) -> None:
    """A pause does not count in the Blocked Rate (design §4); everything else a task is blocked for does."""
    events = live(queued(), "enqueue", "schedule", "start", ("block", 1, {"reason": reason}))

    assert figures(events)["Blocked Rate"] == (value, 1)


@pytest.mark.parametrize(
    ("words", "at_work"),
    [
        (("enqueue", "hold", "release", "schedule"), 0),
        (("enqueue", "cancel"), 0),
        (("enqueue", "schedule", "cancel"), 0),
        (("enqueue", "schedule", "start"), 1),
        (("enqueue", "hold", "start"), 1),
    ],
)
def test_who_was_at_work(words: tuple[str, ...], at_work: int) -> None:
    """The rates are of tasks at work within the window, not of those that waited or were dropped before."""
    assert figures(live(queued(), *words))["Retry Rate"][1] == at_work


def test_a_window_in_the_middle_of_a_life() -> None:
    """What happens within the window is measured from the events themselves, without those before."""
    life = live(queued(due=48), *DONE[:3], ("fail", 20, {"retry_at": NOW}), ("retry", 30), ("complete", 40))
    window = Window(NOW + 25 * HOUR, NOW + 49 * HOUR)
    expected = {
        "Queue Time": (None, 0),
        "Cycle Time": (40.0, 1),
        "SLA Compliance": (100.0, 1),
        "Throughput": (1.0, 1),
        "Error Rate": (0.0, 1),
        "Retry Rate": (100.0, 1),
        "Blocked Rate": (0.0, 1),
    }

    assert figures(life, window=window) == expected
    assert figures(life[-2:], window=window) == expected


def test_going_on_within_a_window_is_no_wait() -> None:
    """A start after a block ends no wait, even where the first start was before the window."""
    life = live(queued(), "enqueue", "schedule", "start", "block", ("unblock", 5), ("start", 6))

    assert figures(life, window=Window(NOW + HOUR, LATER))["Queue Time"] == (None, 0)


def test_a_task_at_work_that_changes_its_kind_is_counted_once() -> None:
    """What was at work counts for the queue that its latest version names, whichever event came first."""
    first = live(queued(), *DONE[:3])[-1]
    second = attrs.evolve(requeued(first, name="urgent"), verb="block", version=9, state=State.BLOCKED)

    for events in ([first, second], [second, first]):
        card = measure(events, WIDE, LATER)
        assert [card.overall[6].sample, card.overall[6].value] == [1, 100.0]
        assert {name: kpis[6].sample for name, kpis in card.by_queue.items()} == {"normal": 0, "urgent": 1}


def test_a_cancel_at_work_is_work() -> None:
    """A task cancelled while in progress was at work in that window; one cancelled while blocked was not."""
    window = Window(NOW + HOUR, NOW + DAY)
    running = live(queued(), "enqueue", "schedule", "start", ("cancel", 2))
    blocked = live(queued(), "enqueue", "schedule", "start", "block", ("cancel", 2))

    assert figures(running, window=window)["Retry Rate"][1] == 1
    assert figures(blocked, window=window)["Retry Rate"][1] == 0


def test_a_window_is_half_open() -> None:
    """An event at the start is in, one at the end is not: neighbouring windows share none."""
    event = live(queued(), *DONE)[-1:]
    first, second = Window(NOW, NOW + 3 * HOUR), Window(NOW + 3 * HOUR, NOW + DAY)

    assert figures(event, window=first)["Cycle Time"] == (None, 0)
    assert figures(event, window=second)["Cycle Time"] == (3.0, 1)


def test_steps_are_no_tasks() -> None:
    """Events of steps are passed over."""
    event = Event(
        task_id="T", step="a", verb=Verb.FAIL, previous=State.IN_PROGRESS, state=State.FAILED, at=NOW, observed_at=NOW,
        by="t",
    )  # fmt: skip

    assert measure([event], WIDE, LATER) == measure([], WIDE, LATER)


def test_completions_by_day() -> None:
    """The days (UTC) that have begun are listed with what was completed in each, 0 where nothing was."""
    streams = [
        live(queued(f"T-{n}"), "enqueue", "schedule", "start", ("complete", hour)) for n, hour in enumerate([1, 2, 30])
    ]
    card = measure(merged(streams), Window(NOW - DAY, NOW + 9 * DAY), NOW + 2 * DAY)
    midnight = NOW.replace(hour=0)

    assert card.completed_per_day == (
        (NOW - DAY, 0),
        (midnight, 2),
        (midnight + DAY, 1),
        (midnight + 2 * DAY, 0),
    )


# --- the laws --------------------------------------------------------------------------------------------------

WINDOWS = st.builds(
    lambda start, length: Window(NOW + start * HOUR, NOW + (start + length) * HOUR),
    st.integers(-5, 40),
    st.integers(1, 60),
)


def oracle(streams: list[list[Event]], window: Window, now: datetime, queue: str | None = None) -> list[Any]:
    """The seven values and samples straight from the definitions, task by task; of all or of one queue."""
    heard = [[e for e in s if e.at < window.end] for s in streams]
    heard = [s for s in heard if s and queue in (None, s[-1].task.queue.name or "")]
    until = min(window.end, max([now, window.start, *(e.at for s in streams for e in s if e.at < window.end)]))
    here = [[e for e in s if e.at >= window.start and e.verb not in ("bump", "move")] for s in heard]
    lasts = [s[-1] for s in heard if is_final(s[-1]) and s[-1].at >= window.start]
    complied = [
        e.verb in ("start", "complete") and e.at <= e.task.queue.sla_deadline for s in here for e in s if decides(e)
    ]
    late = [s[-1] for s in heard if may_miss(s[-1]) and s[-1].task.queue.sla_deadline < until]
    worked = [s for s in here if any(State.IN_PROGRESS in (e.previous, e.state) for e in s)]
    starts = [e for s in here for e in s if e.verb == "start" and e.previous != "UNBLOCKED" and e.task.queue.entered_at]
    completed = [e for e in lasts if e.state == "COMPLETED"]
    days = (until - window.start) / DAY
    return [
        mean([e.at - e.task.queue.entered_at for e in starts]),
        mean([e.at - e.task.created_at for e in completed]),
        share([*complied, *(False for _ in late)]),
        (len(completed) / max(days, 1), len(worked)) if worked and days else (None, 0),
        share([e.state == "FAILED" for e in lasts if e.state != "CANCELLED"]),
        share([any(e.verb == "retry" for e in s) for s in worked]),
        share([any(e.verb == "block" and e.reason != "paused" for e in s) for s in worked]),
    ]


def is_final(event: Event) -> bool:
    """Whether it left its task in a final state."""
    return event.state in ("COMPLETED", "CANCELLED") or (event.state == "FAILED" and event.retry_at is None)


def is_settled(event: Event) -> bool:
    """Whether its task is in the queue by date and has been started, which was all that was promised."""
    return event.task.queue.name == "scheduled" and event.state not in ("CREATED", "QUEUED", "ON_HOLD", "SCHEDULED")


def may_miss(event: Event) -> bool:
    """Whether it left its task open, with a deadline that is not settled."""
    return event.task.queue.sla_deadline is not None and not is_final(event) and not is_settled(event)


def decides(event: Event) -> bool:
    """Whether it decides about the service level of its task."""
    due = event.task.queue.sla_deadline
    if due is None or (event.verb == "cancel" and event.at <= due):
        return False
    if event.task.queue.name == "scheduled":
        return event.previous in ("CREATED", "QUEUED", "ON_HOLD", "SCHEDULED") and event.verb in ("start", "cancel")
    return is_final(event)


def mean(spans: list[timedelta]) -> tuple[float | None, int]:
    """The mean in hours, and of how many."""
    return sum(spans, timedelta()) / HOUR / len(spans) if spans else None, len(spans)


def share(hits: list[bool]) -> tuple[float | None, int]:
    """The share of the hits in percent, and of how many."""
    return 100 * sum(hits) / len(hits) if hits else None, len(hits)


def plain(kpis: tuple[Kpi, ...]) -> list[Any]:
    """Values and samples."""
    return [(kpi.value if kpi.value is None else pytest.approx(kpi.value), kpi.sample) for kpi in kpis]


@given(teams(), WINDOWS, st.integers(-10, 99))
@settings(max_examples=200, deadline=None)
def test_the_fold_says_what_the_definitions_say(streams: list[list[Event]], window: Window, hours: int) -> None:
    """Overall and for each queue, the figures are those of the definitions applied task by task."""
    now = NOW + hours * HOUR
    card = measure(merged(streams), window, now)

    assert oracle(streams, window, now) == plain(card.overall)
    for queue, kpis in card.by_queue.items():
        found = oracle(streams, window, now, queue)
        # Where a task was moved, its wait and its end are those of the queue it was in then.
        assert [sample for _, sample in found] == [kpi.sample for kpi in kpis]


@given(teams(4), WINDOWS)
@settings(max_examples=60, deadline=None)
def test_folding_on_is_folding_from_scratch(streams: list[list[Event]], window: Window) -> None:
    """After every event the tally says what a fold of all events so far says; asking changes nothing."""
    events, tally = merged(streams), Tally(window)
    for count, event in enumerate(events, 1):
        tally.add(event)
        now = event.at
        assert tally.scorecard(now) == measure(events[:count], window, now) == tally.scorecard(now)


@given(teams(4), WINDOWS, st.data())
@settings(max_examples=100, deadline=None)
def test_order_and_repetition_do_not_matter(streams: list[list[Event]], window: Window, data: st.DataObject) -> None:
    """Events in any order, some of them told again, make the same scorecard: feeds may repeat and interleave."""
    events = merged(streams)
    repeated = data.draw(st.lists(st.sampled_from(events), max_size=10)) if events else []
    shuffled = data.draw(st.permutations([*events, *repeated]))

    assert measure(shuffled, window, LATER) == measure(events, window, LATER)


@given(teams(), WINDOWS)
@settings(max_examples=60, deadline=None)
def test_the_parts_add_up(streams: list[list[Event]], window: Window) -> None:
    """The samples of all queues, of all types and of all skills each add up to those of the whole."""
    card = measure(merged(streams), window, LATER)
    whole = [kpi.sample for kpi in card.overall]

    for table in (card.by_queue, card.by_type, card.by_skill):
        assert [sum(kpis[place].sample for kpis in table.values()) for place in range(7)] == whole
        assert list(table) == sorted(table)
    assert bool(card.by_queue) == any(whole)
    assert sum(count for _, count in card.completed_per_day) == card.overall[1].sample


def every(card: Scorecard) -> list[tuple[str, Kpi]]:
    """All figures of a scorecard, with the kind of the slice."""
    tables = {"queue": card.by_queue, "type": card.by_type, "skill": card.by_skill}
    slices = [(kind, kpi) for kind, table in tables.items() for kpis in table.values() for kpi in kpis]
    return [("all", kpi) for kpi in card.overall] + slices


@given(teams(), WINDOWS)
@settings(max_examples=60, deadline=None)
def test_verdicts_follow_from_values_and_targets(streams: list[list[Event]], window: Window) -> None:
    """No data exactly where there is no sample; else no target exactly where there is none; else by its number."""
    for kind, kpi in every(measure(merged(streams), window, LATER)):
        assert (kpi.value is None) == (kpi.sample == 0) == (kpi.verdict is KpiVerdict.NO_DATA)
        if kpi.value is None:
            assert str(kpi) == f"{kpi.name}: no data"
        elif kpi.target is None:
            assert kpi.verdict is KpiVerdict.NO_TARGET
        elif kpi.target.number is None:
            assert (kpi.name, kind != "queue") == ("Queue Time", True)
            assert kpi.verdict in (KpiVerdict.MET, KpiVerdict.MISSED)
        else:
            is_met = kpi.value < kpi.target.number if kpi.target.comparison == "<" else kpi.value > kpi.target.number
            assert kpi.verdict is (KpiVerdict.MET if is_met else KpiVerdict.MISSED)
        assert kpi.unit != "%" or kpi.value is None or 0 <= kpi.value <= 100


def test_a_scorecard_can_be_copied_and_kept() -> None:
    """A scorecard is a value: a copy and what was pickled are equal to it."""
    card = measure(live(queued(due=3), *DONE), WIDE, LATER)

    assert copy.deepcopy(card) == card == pickle.loads(pickle.dumps(card))


def test_targets_are_strict() -> None:
    """The bound itself meets neither ``<`` nor ``>``; the targets of several queues judge no single value."""
    assert [Target("<", 5, "").is_met(v) for v in (4.9, 5, 5.1)] == [True, False, False]
    assert [Target(">", 95, "").is_met(v) for v in (94.9, 95, 95.1)] == [False, False, True]
    with pytest.raises(ValueError, match="each queue"):
        Target("<", None, "both").is_met(1)


# --- windows ---------------------------------------------------------------------------------------------------


def test_days_and_weeks_are_those_of_utc() -> None:
    """A day begins at midnight UTC and a week on Monday, wherever the instant was said."""
    paris = datetime(2026, 11, 23, 0, 30, tzinfo=ZoneInfo("Europe/Paris"))  # a Monday; in UTC still Sunday

    assert Window.day(paris) == Window(datetime(2026, 11, 22, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC))
    assert Window.week(paris) == Window(datetime(2026, 11, 16, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC))
    assert str(Window.day(NOW)) == "2026-11-20 00:00 – 2026-11-21 00:00 UTC"


@given(st.integers(2, 9997).map(lambda year: datetime(year, 1, 1, 5, tzinfo=UTC)), st.integers(0, 366 * 24))
def test_weeks_are_iso_weeks(year: datetime, hours: int) -> None:
    """The week of an instant holds it and has its ISO year and number; the windows of a time tile it."""
    at = year + hours * HOUR
    week, day = Window.week(at), Window.day(at)

    assert at in week
    assert at in day
    assert week.start.isocalendar() == (*at.isocalendar()[:2], 1)
    assert Window.week(week.end).start == week.end
    assert week.end not in week
    assert list(week.days(week.end)) == [week.start + n * DAY for n in range(7)]


@pytest.mark.parametrize(
    ("make", "where"),
    [
        (lambda: Window(NOW, NOW), "end"),
        (lambda: Window(NOW, NOW - HOUR), "end"),
        (lambda: Window(NOW.replace(tzinfo=None), NOW), "start"),
        (lambda: Window(NOW, (NOW + HOUR).replace(tzinfo=None)), "end"),
        (lambda: Window(NOW, "tomorrow"), "end"),
        (lambda: Window(datetime(1, 1, 1, tzinfo=UTC), NOW), "end"),
        (lambda: Window.day(datetime(9999, 12, 31, tzinfo=UTC)), "at"),
        (lambda: Window.week(datetime(1, 1, 1, tzinfo=timezone(HOUR))), "at"),
        (lambda: Window.week(datetime(9999, 12, 31, 23, tzinfo=timezone(-HOUR))), "at"),
        (lambda: Window.day(NOW.replace(tzinfo=None)), "at"),
        (lambda: NOW.replace(tzinfo=None) in WIDE, "at"),
        (lambda: measure([], WIDE, NOW.replace(tzinfo=None)), "now"),
    ],
    ids=[
        "empty",
        "reversed",
        "naive start",
        "naive end",
        "no time",
        "too long",
        "last day",
        "first week",
        "beyond the calendar",
        "naive day",
        "naive membership",
        "naive now",
    ],
)
def test_windows_that_make_no_sense(make: Callable[[], object], where: str) -> None:
    """Reversed, empty, endless or naive windows are refused, and the error says what is wrong."""
    with pytest.raises(InvalidWindow) as caught:
        make()
    assert [problem.path for problem in caught.value.problems] == [where]


# --- bad events ------------------------------------------------------------------------------------------------

BARE = NOW.replace(tzinfo=None)


@pytest.mark.parametrize(
    ("spoil", "where"),
    [
        (lambda e: attrs.evolve(e, task=None), "task"),
        (lambda e: attrs.evolve(e, at=BARE), "at"),
        (lambda e: attrs.evolve(e, task=changed(e.task, created_at=BARE)), "task.created_at"),
        (lambda e: requeued(e, entered_at=BARE), "task.queue.entered_at"),
        (lambda e: requeued(e, sla_deadline=BARE), "task.queue.sla_deadline"),
        (lambda e: attrs.evolve(e, at=datetime(1, 1, 1, tzinfo=timezone(HOUR))), "at"),
    ],
    ids=["no task", "at", "created_at", "entered_at", "sla_deadline", "too early"],
)
def test_an_event_that_cannot_be_counted_changes_nothing(spoil: Callable[[Event], Event], where: str) -> None:
    """An event without its task or with a naive time is refused, and the tally stays as it was."""
    good, tally = live(queued(due=3), *DONE), Tally(WIDE)
    tally.extend(good[:-1])
    before = tally.scorecard(LATER)
    with pytest.raises(InvalidEvent) as caught:
        tally.add(spoil(good[-1]))

    assert [problem.path for problem in caught.value.problems] == [where]
    assert tally.scorecard(LATER) == before


def test_times_in_another_zone_are_the_same_times() -> None:
    """Between 01:00 and 03:00 in New York three hours pass when the clocks go back, and so it is counted."""
    zone, start = ZoneInfo("America/New_York"), datetime(2026, 11, 1, 5, tzinfo=UTC)
    event = live(queued(due=3), *DONE)[-1]
    due = (start + 3 * HOUR).astimezone(zone)
    told = requeued(
        attrs.evolve(event, at=due, task=changed(event.task, created_at=start.astimezone(zone))),
        entered_at=start.astimezone(zone),
        sla_deadline=due,
    )
    bare = requeued(told, entered_at=None, sla_deadline=None)

    assert figures([told], window=Window.day(start))["Cycle Time"] == (3.0, 1)
    assert figures([bare], window=Window.day(start))["Cycle Time"] == (3.0, 1)
    assert figures([told], window=Window.day(start))["SLA Compliance"] == (100.0, 1)


def test_a_restarted_task_is_another() -> None:
    """A task that does a failed one again is counted by itself (design §4)."""
    again: Task = queued("T-2")

    assert figures(live(queued("T-1"), *FAILED), live(again, *DONE))["Error Rate"] == (50.0, 2)
