"""What a queue is: D0's seven, and what is refused."""

import re
from datetime import timedelta
from typing import Any

import pytest

from taskorch import DEFAULT_QUEUES, Anchor, InvalidQueue, Order, QueueEngine, QueueSpec, State, UnknownQueue
from taskorch.core.queues import by_name, named
from tests.core.d0 import PAGE, table


@pytest.mark.skipif(not PAGE.exists(), reason="the shared documents are not here")
def test_the_default_queues_are_those_of_d0() -> None:
    """Name, service level, capacity and usage of the seven queues are the rows of D0's table, in its order."""
    rows = []
    for spec in DEFAULT_QUEUES:
        sla = "Planifié" if spec.by_date else f"{spec.sla / timedelta(hours=1):g}h" if spec.sla else "-"
        rows.append([spec.name, sla, "∞" if spec.capacity is None else str(spec.capacity), spec.usage])
    assert rows == list(table("Queues Disponibles"))
    assert [spec.rank for spec in DEFAULT_QUEUES] == list(range(7))


def test_what_a_queue_is_by_default() -> None:
    """Without wishes a queue has no level and no bounds, its clock begins at creation and never stops."""
    spec = QueueSpec("q")
    assert (spec.sla, spec.capacity, spec.concurrency, spec.overflow, spec.calendar) == (None,) * 5
    assert (spec.anchor, spec.pause_in, spec.discipline) == (Anchor.CREATED, frozenset(), Order.SCORE)


def test_words_and_seconds_are_taken() -> None:
    """Seconds are a duration, and the words of a configuration file are as good as the enums."""
    spec = QueueSpec("q", 3600, anchor="started", pause_in={"ON_HOLD"}, discipline="edf", at_risk=60)  # type: ignore[arg-type]
    assert (spec.sla, spec.at_risk) == (timedelta(hours=1), timedelta(minutes=1))
    assert (spec.anchor, spec.pause_in, spec.discipline) == (Anchor.STARTED, {State.ON_HOLD}, Order.EDF)
    assert spec == QueueSpec(
        "q", timedelta(hours=1), anchor=Anchor.STARTED, pause_in={State.ON_HOLD}, discipline=Order.EDF, at_risk=60
    )


@pytest.mark.parametrize(
    ("sla", "lead"), [(3600, 900), (7200, 1800), (4 * 3600, 3600), (8 * 3600, 3600), (72 * 3600, 3600), (60, 15)]
)
def test_at_risk_is_an_hour_before_or_a_quarter(sla: int, lead: int) -> None:
    """A task is at risk with less than an hour left, or less than a quarter of a short level (design §6)."""
    assert QueueSpec("q", sla).lead == timedelta(seconds=lead)


@pytest.mark.parametrize(
    ("wish", "path"),
    [
        *(({"sla": value}, "sla") for value in (0, -1, timedelta(days=-1))),
        *(({"at_risk": value}, "at_risk") for value in (0, -60)),
        *(({"grace": value}, "grace") for value in (-1, None, "1m")),
        *(({"capacity": value}, "capacity") for value in (-1, 1.5, True, "3")),
        *(({"concurrency": value}, "concurrency") for value in (0, -1, 2.0)),
        *(({"ageing": value}, "ageing") for value in (-1, float("nan"), float("inf"), "1", 4e-7, 10**400)),
        *(({"weight": value}, "weight") for value in (0, -1, float("nan"))),
        ({"rank": 1.5}, "rank"),
        ({"anchor": "noon"}, "anchor"),
        ({"discipline": "lifo"}, "discipline"),
        ({"pause_in": {"SLEEPING"}}, "pause_in"),
        *(({"pause_in": value}, "pause_in") for value in (5, [[]], "ON HOLD")),
        *(({"overflow": value}, "overflow") for value in ("q", 5)),
        ({"calendar": 5}, "calendar"),
        ({"by_date": "no"}, "by_date"),
        ({"usage": 5}, "usage"),
        ({"name": " "}, "name"),
        *(({"name": name}, "name") for name in ("x" * 129, "q\0", "q\ud800", 5)),
    ],
)
def test_what_makes_no_sense_is_refused(wish: dict[str, Any], path: str) -> None:
    """Each wish that makes no sense is refused, with the member it concerns."""
    with pytest.raises(InvalidQueue) as refused:
        QueueSpec(**{"name": "q", **wish})
    assert [problem.path for problem in refused.value.problems] == [path]


@pytest.mark.parametrize("sla", ["8h", float("nan"), float("inf"), 1e300, True])
def test_a_level_that_is_no_duration_is_refused(sla: Any) -> None:
    """A level is seconds or a timedelta, within a century."""
    with pytest.raises(InvalidQueue):
        QueueSpec("q", sla)


def test_all_problems_are_told_at_once() -> None:
    """Who mends a queue hears of everything that is wrong."""
    with pytest.raises(InvalidQueue) as refused:
        QueueSpec("q", "8h", capacity=-1, concurrency=0, ageing=-1)  # type: ignore[arg-type]
    assert [problem.path for problem in refused.value.problems] == ["sla", "capacity", "concurrency", "ageing"]
    assert "invalid queue q: 4 problems" in str(refused.value)


@pytest.mark.parametrize(
    ("specs", "text"),
    [
        ([], "no queues"),
        ([QueueSpec("a"), None], "[1]: is no QueueSpec"),
        ([QueueSpec("a"), QueueSpec("a")], "name of two queues"),
        ([QueueSpec("alpha", overflow="betta"), QueueSpec("beta")], "did you mean 'beta'"),
        ([QueueSpec("a", overflow="b"), QueueSpec("b", overflow="a")], "leads back to"),
    ],
)
def test_queues_that_do_not_fit_together_are_refused(specs: list[QueueSpec], text: str) -> None:
    """Two of one name, or an overflow that leads nowhere or round in a circle, are found before anything waits."""
    with pytest.raises(InvalidQueue, match=re.escape(text)):
        QueueEngine(specs)


def test_a_name_that_is_not_known_gets_a_suggestion() -> None:
    """Asking for a queue that is not there names those that are, or the one that was meant."""
    queues = by_name(DEFAULT_QUEUES)
    with pytest.raises(UnknownQueue, match="did you mean 'critical'") as refused:
        named(queues, "critcal")
    assert (refused.value.name, refused.value.known) == ("critcal", tuple(queues))


def test_grace_is_a_minute_by_date_and_nothing_elsewhere() -> None:
    """A task that may not start before its date is in time within a minute of it; others by their deadline."""
    minute = timedelta(minutes=1)
    assert [spec.grace for spec in DEFAULT_QUEUES] == [timedelta(0)] * 6 + [minute]
    assert QueueSpec("q", grace=60).grace == QueueSpec("q", by_date=True).grace == minute
    assert QueueSpec("q", by_date=True, grace=0).grace == timedelta(0)
