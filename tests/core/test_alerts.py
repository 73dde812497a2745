"""Alerts (issue 4, item 3): raised once, at the instant they come true, without anybody polling."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorch import Outcome, UndecidableCondition
from taskorch.core.alerts import AlertWatch, RaisedAlert
from taskorch.core.expressions import ALERTS, parse
from taskorch.core.run_data import RunView
from taskorch.core.settings import Alert
from taskorch.core.times import instant, microseconds
from tests.core.stages import Stage

MS = 1000
D4 = Alert(
    condition="step.duration > 600000",
    severity="warning",
    message="Step {step.name} is taking longer than expected",
)


class Watching:
    """A watch together with the run it looks at."""

    def __init__(self, *alerts: Alert | str, **params: Any) -> None:
        self.stage = Stage()
        listed = [Alert(condition=alert) if isinstance(alert, str) else alert for alert in alerts]
        self.run = RunView(self.stage, params=params, id="run-1", name="nightly")
        self.watch = AlertWatch(listed, self.run)

    def start(self, step: str, at: int) -> list[RaisedAlert]:
        """An attempt begins."""
        self.stage.start(step, at)
        return self.watch.started(step, at)

    def pause(self, step: str, at: int) -> list[RaisedAlert]:
        """An attempt ends, and there will be another."""
        self.stage.pause(step, at)
        return self.watch.ended(step, at)

    def end(self, step: str, at: int, outcome: Outcome = Outcome.COMPLETED, **output: Any) -> list[RaisedAlert]:
        """A step ends."""
        self.stage.end(step, at, outcome, **output)
        return self.watch.ended(step, at)


def told(raised: list[RaisedAlert]) -> list[tuple[str, int]]:
    """The steps and times of what was raised."""
    return [(alert.step, microseconds(alert.at)) for alert in raised]


def test_the_alert_of_the_document() -> None:
    """D4's alert is raised one microsecond after its ten minutes, in its own words, once."""
    watching = Watching(D4)
    watching.start("count", 5)

    due = watching.watch.next_due()
    assert due == 5 + 600_000 * MS  # there ``>=`` would come true …
    assert watching.watch.due(due) == []
    assert watching.watch.next_due() == due + 1  # … and here ``>`` does
    assert watching.watch.due(due + 1) == [
        RaisedAlert(
            task_id="run-1",
            alert=0,
            step="count",
            severity="warning",
            message="Step The count is taking longer than expected",
            condition="step.duration > 600000",
            at=instant(due + 1),
        )
    ]
    assert watching.watch.next_due() is None
    assert watching.end("count", due * 2) == []


@pytest.mark.parametrize(
    ("condition", "after"),
    [
        ("step.duration > 100", 100_001),
        ("step.duration >= 100", 100_000),
        ("100 < step.duration", 100_001),
        ('step.duration > "100ms"', 100_001),
        ("step.duration == 100", 100_000),
        ("step.duration != 0", 1),
        ("not step.duration <= 100", 100_001),
        ("step.duration in [300, 100]", 100_000),
        ("step.duration > params.limit", 250_001),
        ("step.duration >= params.text", 2_000_000),
        ("step.duration in params.list", 70_000),
        ("step.duration > 0.0015", 2),
        ("200 < step.duration <= 300", 200_001),
        ('step.duration > 100 and step.name == "The count"', 100_001),
        ("step.duration > 100 and params.limit > 300 or step.duration > 400", 400_001),
        ("step.duration < 100", 0),
    ],
)
def test_an_alert_comes_true_at_its_instant_however_late_it_is_asked(condition: str, after: int) -> None:
    """Each condition is raised as of the first microsecond at which it holds, though the timer came hours late."""
    watching = Watching(condition, limit=250, text="2s", list=[None, "x", 70, 80])
    raised = watching.start("count", 1_000) + watching.watch.due(10**12)

    assert told(raised) == [("count", 1_000 + after)]


@pytest.mark.parametrize(
    "condition",
    ["step.duration > params.nothing", "step.duration > 1e300", "step.duration > -5 and params.no", "step.attempt > 1"],
)
def test_what_time_cannot_change_sets_no_timer(condition: str) -> None:
    """No timer waits for what will never be, or for what no clock can bring."""
    watching = Watching(condition)

    assert watching.start("count", 0) == []
    assert watching.watch.next_due() is None


def test_each_step_is_told_of_once() -> None:
    """An alert about steps is raised for every step it holds for, and for none twice, in the order of time."""
    watching = Watching("step.duration > 1")
    for at, step in enumerate(("third", "count", "other")):
        watching.start(step, at)

    assert told(watching.watch.due(10**9)) == [("third", 1001), ("count", 1002), ("other", 1003)]
    assert watching.watch.due(10**10) == []


def test_waiting_for_a_retry_takes_no_time() -> None:
    """``step.duration`` is the time in the body over all attempts: between them it stands still."""
    watching = Watching("step.duration > 10")
    watching.start("count", 0)
    assert watching.pause("count", 4 * MS) == []
    assert watching.watch.next_due() is None
    assert watching.watch.due(10**9) == []
    assert watching.start("count", 10**9) == []

    assert told(watching.watch.due(10**10)) == [("count", 10**9 + 6 * MS + 1)]


def test_attempts_can_be_watched() -> None:
    """What an attempt changes is seen as it begins."""
    watching = Watching(Alert(condition="step.attempt >= 3", message="{step.id}: attempt {step.attempt}"))
    raised = []
    for at in (10, 20, 30, 40):
        raised += watching.start("count", at)
        raised += watching.pause("count", at + 5)

    assert [(microseconds(alert.at), alert.message) for alert in raised] == [(30, "count: attempt 3")]


def test_conditions_about_other_steps_are_asked_when_those_end() -> None:
    """The end of a step that a condition names is looked at for every step under way; it may also set a timer."""
    watching = Watching("on_failure(other) and step.duration > 5", "step.duration > steps.third.duration")
    watching.start("count", 0)
    assert watching.watch.next_due() == 5 * MS  # by then the other may have failed
    assert watching.watch.due(50 * MS) == []

    assert told(watching.end("other", 60 * MS, Outcome.FAILED)) == [("count", 60 * MS)]
    watching.stage.start("third", 0)
    assert watching.end("third", 80 * MS) == []
    assert told(watching.watch.due(10**9)) == [("count", 80 * MS + 1)]


def test_the_last_look_is_at_the_end() -> None:
    """How a step ended can be asked, and what was due before its end is not lost with it."""
    watching = Watching('step.status == "failed"', "step.duration > 5")
    watching.start("count", 0)

    raised = watching.end("count", 9 * MS, Outcome.FAILED)
    assert [(alert.alert, microseconds(alert.at)) for alert in raised] == [(0, 9 * MS), (1, 9 * MS)]
    assert watching.end("other", 10, Outcome.SKIPPED) == []  # it never ran


def test_what_says_nothing_of_a_step_tells_of_the_run_and_once() -> None:
    """An alert about the run is not raised again for every step that happens to run."""
    watching = Watching(Alert(condition="on_failure(third)", message="{workflow.name}: {steps.third.status}"))
    watching.start("count", 0)
    watching.start("other", 0)

    (raised,) = watching.end("third", 7, Outcome.FAILED)
    assert (raised.step, raised.message) == ("third", "nightly: failed")
    assert watching.end("count", 9, Outcome.FAILED) == []


def test_what_cannot_be_decided_is_reported_once_and_raises_nothing() -> None:
    """A condition without an answer is told of once; where it has one, it still is an alert."""
    watching = Watching("steps.other.output > 5 and step.duration > 1")
    watching.start("count", 0)
    watching.start("third", 0)
    (report,) = watching.end("other", 1, output="many")

    assert report.undecided is not None
    assert "text and number have no order" in report.undecided
    assert "many" not in report.undecided
    watching.stage.outputs["other"] = 7
    watching.run.ended = RunView(watching.stage).ended
    assert told(watching.watch.due(10**9)) == [("count", 1_001), ("third", 1_001)]


def test_a_message_is_optional() -> None:
    """Where there is no message, the condition speaks."""
    watching = Watching("step.duration >= 0")

    (raised,) = watching.start("count", 0)
    assert (raised.message, raised.severity) == ("step.duration >= 0", "warning")


def test_what_was_raised_before_a_crash_is_not_raised_again() -> None:
    """A watch that is told what was raised goes on as if it had raised it itself."""
    first, second = (
        Watching("step.duration > 1", "on_failure(third)"),
        Watching("step.duration > 1", "on_failure(third)"),
    )
    first.start("count", 0)
    raised = first.watch.due(5_000) + first.end("third", 6_000, Outcome.FAILED)
    for alert in raised:
        second.watch.remember(alert)
    second.stage.end("third", 6_000, Outcome.FAILED)

    assert len(raised) == 2
    assert second.start("count", 7_000) == []
    assert told(second.start("other", 7_000) + second.watch.due(9_000)) == [("other", 8_001)]


COMPARISONS = st.builds(
    "{}step.duration {} {}".format,
    st.sampled_from(["", "not "]),
    st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
    st.sampled_from(["0", "0.001", "0.0015", "0.002", "0.0031", "0.005", "params.a", "params.b"]),
)


@given(st.lists(COMPARISONS, min_size=1, max_size=4).map(" and ".join), st.integers(1, 6), st.integers(0, 5))
def test_no_instant_is_missed(condition: str, length: int, pause: int) -> None:
    """A watch raises an alert at the very microsecond at which asking at every microsecond would."""
    watching = Watching(condition, a=0.003, b=[1])
    again = length + pause
    raised = watching.start("count", 0) + watching.watch.due(length)
    raised += watching.pause("count", length) + watching.start("count", again) + watching.watch.due(40)

    stage, compiled, found = Stage(), parse(condition, ALERTS), []
    run = RunView(stage, params={"a": 0.003, "b": [1]})
    stage.start("count", 0)
    for now in range(40):
        if now == length:
            stage.pause("count", now)
        if now == again:
            stage.start("count", now)
        with suppress(UndecidableCondition):
            if compiled.is_met(stage.outcome_of, run.at(now, "count")):
                found.append(now)
    assert [microseconds(alert.at) for alert in raised if alert.undecided is None] == found[:1]
