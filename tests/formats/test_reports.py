"""Reports: what is put side by side, and the same in Markdown and in JSON."""

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from taskorch import DEFAULT_QUEUES, InvalidReport, InvalidTarget, Kpi, Scorecard, Target, Task, Verb, advance
from taskorch.core.loads import Load
from taskorch.core.metrics.tally import measure
from taskorch.core.metrics.window import Window
from taskorch.core.queue_engine import QueueEngine
from taskorch.core.reports import TITLE, StatusReport, TaskStanding, report
from taskorch.core.sla import SlaStatus, Standing, standing
from taskorch.core.times import write_time
from taskorch.formats import reports
from taskorch.formats.reports.wording import figure, spoken, visible
from tests.core.samples import NOW as TASKS_NOW
from tests.core.stories import queued
from tests.formats.samples import (
    FIGURES,
    HOSTILE,
    HOUR,
    NO_FIGURES,
    NOW,
    WEEK,
    cells,
    charts,
    entry,
    figures,
    full_report,
    load,
    plain,
    scorecard,
)

MARKDOWN_ACTIVE = re.compile(r"(?<!\\)(?:\\\\)*[`*\[\]<>~#$!{}]|&(?!amp;)")


# --- the value ---------------------------------------------------------------------------------------------------


def test_a_report_holds_what_it_was_given() -> None:
    """Scorecard and loads stay as they are; the window and now are those of the scorecard."""
    card, loads = scorecard(), [load("b"), load("a")]
    made = report(card, loads=loads, title="Ours")

    assert (made.scorecard, made.loads, made.title) == (card, tuple(loads), "Ours")
    assert (made.window, made.now) == (WEEK, NOW)
    assert [kpi.name for kpi in made.missed] == ["SLA Compliance", "Retry Rate"]


def test_a_blank_title_is_replaced() -> None:
    """A page without a title would have no name."""
    assert report(scorecard(), title=" \n").title == TITLE


@pytest.mark.parametrize(
    ("card", "members", "path"),
    [
        (None, {}, "scorecard"),
        (scorecard(), {"title": None}, "title"),
        (scorecard(), {"loads": [load(), None]}, "loads[1]"),
        (scorecard(), {"standings": [None]}, "standings[0]"),
        (scorecard(), {"standings": [(queued("T-1"), None)]}, "standings[0][1]"),
        (scorecard(), {"standings": [(entry().standing, queued("T-1"))]}, "standings[0][0]"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_report_of_something_else_is_refused(card: Any, members: dict[str, Any], path: str) -> None:
    """What is no part of a report is named at once, not met when it is rendered."""
    with pytest.raises(InvalidReport) as caught:
        report(card, **members)

    assert [problem.path for problem in caught.value.problems] == [path]


def test_standings_of_another_time_or_task_are_refused() -> None:
    """All of a report is said for one instant; a standing that was made at another one would contradict it."""
    task, spec = queued("T-1"), DEFAULT_QUEUES[0]
    card = attrs.evolve(scorecard(), now=TASKS_NOW)

    assert len(report(card, standings=[(task, standing(task, spec, TASKS_NOW))]).standings) == 1
    for other in (TASKS_NOW - HOUR, TASKS_NOW + timedelta(microseconds=1)):
        with pytest.raises(InvalidReport, match=r"standings\[0\]: is the standing of T-1 at "):
            report(card, standings=[(task, standing(task, spec, other))])
    with pytest.raises(InvalidReport, match=r"of T-1, given for T-2"):
        report(card, standings=[(queued("T-2"), standing(task, spec, TASKS_NOW))])


def test_tasks_are_ordered_by_urgency_however_they_come() -> None:
    """Breached, at risk, on track, without deadline, ended; within each the earliest deadline, then the id."""
    tasks = {id: Task.new("t", now=NOW - HOUR, id=id) for id in ("a", "b", "c", "d", "e")}
    standings = [
        (tasks["e"], entry(status=SlaStatus.BREACHED, due=-1).standing),
        (tasks["c"], entry(status=SlaStatus.AT_RISK, due=0.5).standing),
        (tasks["b"], entry(due=7).standing),
        (tasks["d"], entry(due=7).standing),
        (tasks["a"], entry(status=SlaStatus.NONE, due=None).standing),
    ]

    for given_order in permutations(standings):
        made = report(scorecard(), standings=given_order)
        assert [item.id for item in made.standings] == ["e", "c", "b", "d", "a"]
        assert [item.id for item in made.due] == ["e", "c", "b", "d"]
    assert list(made.counts.items()) == [
        (SlaStatus.BREACHED, 1),
        (SlaStatus.AT_RISK, 1),
        (SlaStatus.ON_TRACK, 2),
        (SlaStatus.NONE, 1),
    ]


def test_a_standing_begins_where_its_task_entered_the_queue() -> None:
    """Or where it was created, if it has entered none; but where its clock began if that is known."""
    standing = entry().standing
    task = Task.new("weigh it", now=NOW - 2 * HOUR, id="T-1")
    entered = attrs.evolve(task, queue=attrs.evolve(task.queue, name="urgent", entered_at=NOW - HOUR))

    assert TaskStanding.of(task, standing) == TaskStanding("T-1", "weigh it", None, NOW - 2 * HOUR, standing)
    assert TaskStanding.of(entered, standing) == TaskStanding("T-1", "weigh it", "urgent", NOW - HOUR, standing)
    started = attrs.evolve(standing, since=NOW)
    assert TaskStanding.of(entered, started).since == NOW


@pytest.mark.parametrize("render", [reports.markdown, reports.to_json, reports.html])
def test_the_same_report_gives_the_same_text(render: Callable[[StatusReport], str]) -> None:
    """Nothing but the report is asked, and the order of what was given decides nothing about tasks."""
    first, second = full_report(extra=HOSTILE), full_report(extra=HOSTILE)

    assert first is not second
    assert render(first) == render(first) == render(second)
    assert render(first).encode("utf-8")


def test_a_report_is_made_of_what_the_core_answers() -> None:
    """Events, queues and service levels go in as they are; what went wrong comes out in words."""
    engine, events = QueueEngine(), []
    specs = {spec.name: spec for spec in DEFAULT_QUEUES}
    for number in range(3):
        task = Task.new(f"incident {number}", now=NOW - (3 - number) * HOUR, id=f"T-{number}")
        task = attrs.evolve(task, queue=attrs.evolve(task.queue, name="critical"))
        engine.push(task, task.created_at)
        task, event = advance(engine.task(task.id), Verb.ENQUEUE, now=task.created_at, by="us")
        events.append(event)
        engine.update(task, NOW)
    first = engine.pop(NOW)
    assert first is not None
    for verb in (Verb.SCHEDULE, Verb.START, Verb.COMPLETE):
        first, event = advance(first, verb, now=NOW, by="us")
        events.append(event)
    open_tasks = list(engine.waiting("critical"))

    card = measure(events, Window.day(NOW), NOW)
    standings = [(task, standing(task, specs["critical"], NOW)) for task in (*open_tasks, first)]
    made = report(card, loads=engine.loads(), standings=standings)
    rows = cells(reports.markdown(made))

    assert ["critical", "2", "3", "66.7 %", "1", "no bound"] in rows
    assert ["T-1", "incident 1", "critical", "2026-11-20 09:00 UTC", "breached, 1 h 00 min over"] in rows
    assert ["T-2", "incident 2", "critical", "2026-11-20 10:00 UTC", "at risk, 0 s left"] in rows
    assert made.counts == {SlaStatus.BREACHED: 1, SlaStatus.AT_RISK: 1, SlaStatus.MISSED: 1}
    assert ["2026-11-20", "1"] in rows
    assert len(charts(reports.html(made))) == 4


@pytest.mark.parametrize(
    ("comparison", "number", "text", "path"),
    [
        ("<=", 5, "<= 5h", "comparison"),
        (None, 5, "5h", "comparison"),
        ("<", math.nan, "< ?", "number"),
        (">", math.inf, "> all", "number"),
        ("<", "5", "< 5", "number"),
        ("<", True, "< 1", "number"),
        ("<", 10**400, "< much", "number"),
        ("<", 5, None, "text"),
    ],
    ids=str,
)
def test_a_target_that_cannot_be_judged_by_is_refused(comparison: Any, number: Any, text: Any, path: str) -> None:
    """There are two comparisons and finite bounds; anything else would be judged wrongly without a word."""
    with pytest.raises(InvalidTarget) as caught:
        Target(comparison, number, text)

    assert [problem.path for problem in caught.value.problems] == [path]


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (1.0, "hours", "1 hour"),
        (1.00001, "hours", "1 hour"),
        (2, "hours", "2 hours"),
        (1, "tasks/day", "1 task/day"),
        (0.5, "tasks/day", "0.5 tasks/day"),
        (1, "%", "1%"),
    ],
    ids=str,
)
def test_one_of_a_unit_is_one(value: float, unit: str, words: str) -> None:
    """A figure in words agrees with its number."""
    kpi = attrs.evolve(figures()[1], value=value, unit=unit)

    assert str(kpi) == f"Cycle Time: {words} (no target; 40 tasks)"


# --- JSON --------------------------------------------------------------------------------------------------------


def test_json_holds_every_value() -> None:
    """Numbers are numbers, times end in Z, no data is null, and each list has its order."""
    made = full_report()
    document = json.loads(reports.to_json(made))
    kpis = document["kpis"]
    shown = {"name": "SLA Compliance", "value": 94.97, "unit": "%", "sample": 40, "verdict": "missed"}

    assert document == reports.to_dict(made)
    assert document["window"] == {"start": "2026-11-16T00:00:00Z", "end": "2026-11-23T00:00:00Z"}
    assert document["now"] == "2026-11-20T10:00:00Z"
    assert [kpi["value"] for kpi in kpis["overall"]] == list(FIGURES)
    assert kpis["overall"][2] == shown | {"target": {"comparison": ">", "number": 95, "text": "> 95%"}}
    assert [kpis["overall"][6][key] for key in ("value", "sample", "verdict")] == [None, 0, "no data"]
    assert kpis["overall"][1]["target"] is None
    assert list(kpis) == ["overall", "by_queue", "by_type", "by_skill"]
    assert kpis["by_queue"] == {"critical": kpis["overall"]}
    assert [day["completed"] for day in document["completed_per_day"]] == [12, 7, 0, 31, 4]
    assert document["completed_per_day"][1]["day"] == "2026-11-17T00:00:00Z"
    assert [load["queue"] for load in document["queues"]] == ["critical", "urgent", "normal", "backlog"]
    assert [document["queues"][1][key] for key in ("waiting", "in_progress", "capacity")] == [7, 1, 5]
    assert [load["utilisation"] for load in document["queues"]] == [1, 1.4, 0, None]
    assert [task["id"] for task in document["tasks"]] == [entry.id for entry in made.standings]


def test_json_holds_every_value_of_a_standing() -> None:
    """Times are times and durations are milliseconds, negative ones too; a title and a queue stand beside them."""
    late, *_, free, _ = reports.to_dict(full_report())["tasks"]
    task, spec = queued("W", queue="high_priority"), next(spec for spec in DEFAULT_QUEUES if spec.name == "urgent")
    whole = attrs.evolve(standing(task, spec, TASKS_NOW + HOUR, expected=TASKS_NOW), pauses=HOUR)
    [written] = reports.to_dict(StatusReport("one", scorecard(), (), (TaskStanding.of(task, whole),)))["tasks"]

    assert {key: late[key] for key in late if key != "standing"} == {
        "id": "T-late",
        "title": "a task",
        "queue": "normal",
        "since": "2026-11-19T04:00:00Z",
    }
    assert (late["standing"]["deadline"], late["standing"]["used"]) == ("2026-11-20T08:00:00Z", 30 / 28)
    assert (late["standing"]["elapsed_ms"], late["standing"]["remaining_ms"]) == (108_000_000, -7_200_000)
    assert free["standing"]["deadline"] is free["standing"]["remaining_ms"] is None
    for name, value in attrs.asdict(whole, recurse=False).items():
        if isinstance(value, timedelta):
            assert written["standing"][f"{name}_ms"] == value / timedelta(milliseconds=1)
        elif isinstance(value, datetime):
            assert written["standing"][name] == write_time(value)
        elif name in ("slack", "lead") and value is None:
            assert written["standing"][f"{name}_ms"] is None
        else:
            assert written["standing"][name] == value


def test_json_leaves_nothing_out() -> None:
    """Every attribute of what a report is made of has its key."""
    document = reports.to_dict(full_report())
    task, standing = document["tasks"][0], document["tasks"][0]["standing"]
    card = document | document["kpis"]
    target = document["kpis"]["overall"][0]["target"]
    holders: list[tuple[type, Any]] = [(Kpi, document["kpis"]["overall"][0]), (Target, target)]
    holders += [(Load, document["queues"][0]), (TaskStanding, task), (Standing, standing), (Scorecard, card)]

    for kind, written in holders:
        missing = {field.name for field in attrs.fields(kind)} - {key.removesuffix("_ms") for key in written}
        assert not missing, kind.__name__
    assert {field.name for field in attrs.fields(StatusReport)} == {"title", "scorecard", "loads", "standings"}


@given(st.lists(st.text(st.sampled_from("\\ud8a0f\ud800\udfff")), min_size=2, max_size=2, unique=True))
@example(["\ud800", "\\ud800"])
@example(["\\\ud800", "\\\\ud800"])
@example(["\\" * 5_000, "\\" * 5_001])
def test_json_keeps_groups_apart(names: list[str]) -> None:
    """Two names never become one, whatever codes they look like; and each can be encoded."""
    card = attrs.evolve(scorecard(), by_type={name: figures() for name in names})
    document = json.loads(reports.to_json(report(card)).encode("utf-8"))

    assert len(document["kpis"]["by_type"]) == 2


def test_json_is_never_cut() -> None:
    """What people need not see, programs may want."""
    made = StatusReport(
        "many",
        scorecard(by_queue={f"q{number}": figures() for number in range(300)}),
        tuple(load(f"q{number}") for number in range(300)),
        tuple(entry(f"T-{number}") for number in range(500)),
    )
    document = json.loads(reports.to_json(made, indent=None))

    assert len(document["queues"]) == len(document["kpis"]["by_queue"]) == 300
    assert [task["id"] for task in document["tasks"]] == [f"T-{number}" for number in range(500)]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_json_has_no_number_that_json_does_not_know(number: float) -> None:
    """What is no number is null, and strict readers go on reading."""
    kpis = [attrs.evolve(kpi, value=number) for kpi in figures()]
    made = StatusReport("odd", attrs.evolve(scorecard(), overall=tuple(kpis)))

    assert json.loads(reports.to_json(made))["kpis"]["overall"][0]["value"] is None
    assert "no data" in reports.markdown(made)
    assert "no data" in reports.html(made)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_json_keeps_text_that_can_be_encoded(text: str) -> None:
    """Only halves of characters, which no encoding has, are written out."""
    written = reports.to_json(full_report(title=text, extra=[text])).encode("utf-8")
    document = json.loads(written)
    expected = text.replace("\ud800", "\\ud800").replace("\udfff", "\\udfff")

    assert document["title"] == document["tasks"][3]["title"] == document["queues"][4]["queue"] == expected
    assert list(document["kpis"]["by_queue"]) == ["critical", expected]


# --- Markdown ----------------------------------------------------------------------------------------------------


def test_markdown_says_what_the_report_holds() -> None:
    """A summary first; then the figures with targets and verdicts, the queues, the tasks, the days."""
    text = reports.markdown(full_report())
    rows = cells(text)

    assert text.startswith("# The week\n\nWindow: 2026-11-16 to 2026-11-22 (7 days). Made at 2026-11-20 10:00 UTC.\n")
    assert text.endswith("\n")
    assert "- 2 of 4 key figures missed the target: SLA Compliance, Retry Rate.\n" in text
    assert "- 2 queues are full: critical, urgent.\n" in text
    assert "- 1 open task is past its deadline.\n- 1 open task is at risk.\n" in text
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [
        "Key figures",
        "Queues",
        "Service levels",
        "Completed tasks",
        "By queue",
    ]
    assert ["SLA Compliance", "94.97 %", "> 95%", "missed", "40"] in rows
    assert ["Cycle Time", "30.2 h", "–", "no target", "40"] in rows
    assert ["Blocked Rate", "no data", "< 15%", "no data", "0"] in rows
    assert ["urgent", "7", "5", "140 %, over capacity", "1", "no bound"] in rows
    assert ["backlog", "1,234", "no bound", "–", "1", "no bound"] in rows
    assert ["T-late", "a task", "normal", "2026-11-20 08:00 UTC", "breached, 2 h 00 min over"] in rows
    assert ["T-soon", "a task", "normal", "2026-11-20 10:30 UTC", "at risk, 30 min left"] in rows
    assert ["2026-11-19", "31"] in rows
    assert (
        "5 tasks: 1 breached, 1 at risk, 1 on track, 1 not judged (no deadline, or cancelled in time), 1 ended in time."
        in text
    )


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_markdown_shows_titles_as_they_are(text: str) -> None:
    """No cell ends early, nothing becomes a heading, a link, code or HTML, and nothing is hidden."""
    written = reports.markdown(full_report(title=text, extra=[text]))
    widths = [len(row) for row in cells(written)]
    shown = visible(text)

    assert written.encode("utf-8")
    assert written.split("\n")[0].startswith("# ")
    assert plain(written.split("\n")[0].removeprefix("# ")) == shown
    assert [row[1] for row in cells(written) if row[0] == "T-extra-0"] == [shown]
    assert [row[0] for row in cells(written)].count(shown) == 2
    assert widths == [len(row) for row in cells(reports.markdown(full_report("x", ["x"])))]
    for line in written.split("\n"):
        assert not MARKDOWN_ACTIVE.search(line.lstrip("#")), line
        assert not re.search("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", line)


@given(st.text(max_size=60))
def test_any_title_is_one_line_of_text(title: str) -> None:
    """Whatever a title holds, reading the heading back gives what can be seen of it."""
    first, second = reports.markdown(StatusReport(title, scorecard())).split("\n")[:2]

    assert second == ""
    assert plain(first.removeprefix("# ")) == visible(title)


# --- both --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("render", [reports.markdown, reports.html])
def test_long_lists_are_cut_and_say_so(render: Callable[[StatusReport], str]) -> None:
    """Twenty rows of each are shown, those that matter most, and the rest is counted."""
    busy = [load(f"q{number}", waiting=number) for number in range(143)]
    late = [entry(f"T-{number:03}", SlaStatus.BREACHED, since=-9, due=-1) for number in range(500)]
    many = {f"g{number}": figures() for number in range(40)}
    many |= {"worst": figures([9, 9, 1, 0, 99, 99, 99])}
    small = render(StatusReport("few", scorecard(), tuple(busy[-5:]), tuple(late[:5])))
    large = render(StatusReport("many", scorecard(by_queue=many), tuple(busy), tuple(late)))

    assert "… and 123 more queues" in large
    assert "… and 480 more open tasks" in large
    assert "… and 21 more queues" in large
    assert "worst" in large
    assert [name for name in ("q142", "q123", "q122", "T-019", "T-020") if name in large] == ["q142", "q123", "T-019"]
    assert "more" not in small.split("</style>")[-1]
    assert len(large) < 100_000


@pytest.mark.parametrize("render", [reports.markdown, reports.html])
def test_a_report_of_nothing_says_so(render: Callable[[StatusReport], str]) -> None:
    """Without data there are words, and no zeros that were never measured."""
    empty = attrs.evolve(scorecard(NO_FIGURES, days=()), overall=())
    text = render(StatusReport("Nothing", empty))
    measured = render(StatusReport("Nothing", scorecard(NO_FIGURES, days=(0, 0))))

    assert "No data: nothing was counted in this window." in text
    assert "No data: the report was made without the loads of queues." in text
    assert "No data: the report was made without tasks." in text
    assert "No data: no day of this window has begun." in text
    assert "No key figure can be judged" in text
    assert "No task was completed in this window." in measured
    assert measured.count("no data") >= 7
    assert not re.search(r"\b0 (h|%)", measured.split("</style>")[-1])


@pytest.mark.parametrize("seconds", [30, 6 * 3600])
@pytest.mark.parametrize("render", [reports.markdown, reports.html])
def test_what_was_completed_so_far_is_told_in_one_way(render: Callable[[StatusReport], str], seconds: int) -> None:
    """Early in a day its throughput is what was completed so far, as the list of days says, and no rate of seconds."""
    events, task, at = [], Task.new("a task", id="T", now=WEEK.start), WEEK.start + timedelta(seconds=1)
    for verb in ("enqueue", "schedule", "start", "complete"):
        task, event = advance(task, verb, now=at, by="ann")
        events.append(event)
    day = Window.day(at)
    text = render(report(measure(events, day, day.start + timedelta(seconds=seconds))))

    assert "1 tasks/day" in text
    assert "1 task completed on 1 day so far." in text
    assert "so far" not in render(report(measure(events, day, day.end)))


@pytest.mark.parametrize(
    ("window", "words"),
    [
        (Window.day(NOW), "2026-11-20 (one day)"),
        (Window.week(NOW), "2026-11-16 to 2026-11-22 (7 days)"),
        (Window(NOW - 30 * HOUR, NOW), "2026-11-19 04:00 UTC to 2026-11-20 10:00 UTC"),
        (Window(NOW - timedelta(days=1), NOW), "2026-11-19 10:00 UTC to 2026-11-20 10:00 UTC"),
    ],
    ids=["day", "week", "hours", "24 hours"],
)
def test_the_window_is_said_as_people_say_it(window: Window, words: str) -> None:
    """A day, a week, or its two ends."""
    made = StatusReport("w", scorecard(window=window, days=(1,)))

    assert f"Window: {words}." in plain(reports.markdown(made))
    assert f"Window: {words}." in reports.html(made)


@pytest.mark.parametrize(
    ("value", "unit", "bound", "words"),
    [
        (None, "hours", 2, "no data"),
        (0, "%", 5, "0 %"),
        (0.0, "hours", None, "0 h"),
        (0.75, "hours", None, "45 min"),
        (1.999, "hours", 2, "1.999 h"),
        (94.999, "%", 95, "94.999 %"),
        (95.0001, "%", 95, "95.0001 %"),
        (95.0, "%", 95, "95 %"),
        (12.44, "tasks/day", None, "12.4 tasks/day"),
        (3.14159, "tasks/day", None, "3.14 tasks/day"),
        (1234567.0, "hours", None, "1,234,567 h"),
        (1e300, "hours", None, "1e+300 h"),
    ],
)
def test_figures_never_change_sides(value: float | None, unit: str, bound: float | None, words: str) -> None:
    """A figure is short, but has as many digits as it takes to see why its target was missed or met."""
    assert figure(value, unit, bound) == words


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(), "0 s"),
        (timedelta(seconds=59.9), "59 s"),
        (timedelta(minutes=-12), "12 min"),
        (timedelta(hours=2, minutes=5), "2 h 05 min"),
        (timedelta(days=3), "3 d"),
        (timedelta(days=1234, hours=4), "1,234 d 4 h"),
        (timedelta.min, "999,999,999 d 23 h"),
    ],
    ids=str,
)
def test_spans_are_said_in_their_two_largest_units(span: timedelta, words: str) -> None:
    """Without a sign: the words around it say which way."""
    assert spoken(span) == words


@pytest.mark.parametrize("render", [reports.markdown, reports.to_json, reports.to_dict, reports.html])
@pytest.mark.parametrize("given", [None, 5, "report", scorecard()], ids=range(4))
def test_what_is_no_report_is_refused(render: Callable[[Any], object], given: object) -> None:
    """Each format takes a report; anything else, a bare scorecard too, raises ``InvalidReport``."""
    with pytest.raises(InvalidReport, match="expected a StatusReport"):
        render(given)


@pytest.mark.parametrize("now", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)], ids=str)
def test_reports_can_be_made_at_the_ends_of_the_calendar(now: datetime) -> None:
    """Axes that would reach beyond it end there."""
    card = attrs.evolve(scorecard(days=()), now=now)
    made = StatusReport("far", card, (), (entry("T", since=0, due=0, now=now),))

    assert "T" in reports.markdown(made)
    assert "</html>" in reports.html(made)
    assert json.loads(reports.to_json(made))["now"] == now.isoformat().replace("+00:00", "Z")
