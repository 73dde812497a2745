"""Alerts of a run (issue 4, item 3): heard by its observers at the instant they come true, and once."""

import json
import logging
from datetime import timedelta

import anyio
import pytest

import taskorch
from taskorch import Event, Outcome, RaisedAlert, Retry, RunProgress, Tally, Window, Workflow, current_step, ended_steps
from taskorch.cli.display import Lines
from taskorch.cli.screen import Screen
from taskorch.core.settings import read_notifications
from taskorch.observers import AuditLog, LogObserver
from taskorch.stores import MemoryStore
from taskorch.testing.clock import START, FakeClock
from tests.harness.stores import Around

LATE = {"condition": "step.duration > 600000", "message": "Step {step.name} is taking longer than expected"}
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture(params=[None, "memory:"], ids=["no-store", "memory"])
def store(request):
    """Without a store, and with one."""
    return request.param


def alerting(*alerts, within_context=False, **members) -> Workflow:
    """A workflow with these alerts."""
    told = {"alerts": [alert if isinstance(alert, dict) else {"condition": alert} for alert in alerts]}
    if within_context:
        return Workflow("nightly", context={"notifications": told}, **members)
    return Workflow("nightly", notifications=read_notifications(told), **members)


def sleeping(flow, seconds, id="count", **options):
    """Add a step that takes so long."""

    @flow.step(id=id, **options)
    async def body():
        await current_step().sleep(seconds)

    return body


async def heard_of(flow, seconds, *, clock=None, **options):
    """What is told of a run while the clock is moved on by each of *seconds*: with when, and the result."""
    clock, heard, results = clock or FakeClock(), [], []

    async def work():
        options.setdefault("observers", [lambda event: heard.append((clock.now() - START, event))])
        results.append(await taskorch.run(flow, clock=clock, **options))

    async with anyio.create_task_group() as group:
        group.start_soon(work)
        for step in seconds:
            await clock.advance(step)
        group.cancel_scope.cancel()
    return heard, results


def raised(heard) -> list[RaisedAlert]:
    """The alerts of what was heard."""
    return [event for _, event in heard if isinstance(event, RaisedAlert)]


@pytest.mark.parametrize("within_context", [False, True])
async def test_the_alert_of_the_document_is_heard_at_its_instant(store, within_context):
    """D4's alert is told the first microsecond after its ten minutes, while the step runs, in its words and once."""
    flow = alerting(LATE, within_context=within_context)
    sleeping(flow, 3600, name="Count")

    heard, (result,) = await heard_of(flow, [7200], store=store, run_id="r")

    instant = timedelta(minutes=10) + MICROSECOND
    assert [(at, event.at - START) for at, event in heard if isinstance(event, RaisedAlert)] == [(instant, instant)]
    (alert,) = raised(heard)
    assert (alert.task_id, alert.step, alert.severity) == ("r", "count", "warning")
    assert alert.message == "Step Count is taking longer than expected"
    assert result.success


async def test_a_step_in_time_raises_nothing(store):
    """An alert on a duration that is not passed is not heard, nor does its timer keep anything alive."""
    flow = alerting(LATE)
    sleeping(flow, 600)

    heard, (result,) = await heard_of(flow, [601], store=store)

    assert raised(heard) == []
    assert result.success
    assert all(isinstance(event, Event) for _, event in heard)


async def test_alerts_about_how_steps_ended_are_heard_after_the_event(store):
    """An alert on an outcome comes right behind the event that made it true, and once for the run."""
    flow = alerting({"condition": "on_failure(shaky)", "severity": "critical", "message": "{step.id}: {step.status}"})

    @flow.step
    async def shaky():
        raise ValueError("no")

    sleeping(flow, 5)
    heard, _ = await heard_of(flow, [10], store=store)

    events = [event for _, event in heard]
    (alert,) = raised(heard)
    assert (alert.severity, alert.message) == ("critical", "shaky: failed")
    before = events[events.index(alert) - 1]
    assert (before.step, before.verb) == ("shaky", "fail")


async def test_the_attempts_of_a_step_add_up_and_its_waits_do_not(store):
    """``step.duration`` counts the time in the body over all attempts; the wait for a retry raises nothing."""
    flow, tries = alerting("step.duration > 7000"), []

    @flow.step(retry=Retry(max_attempts=3, initial=100, multiplier=1))
    async def shaky():
        tries.append(1)
        await current_step().sleep(5)
        if len(tries) < 3:
            raise ValueError("not yet")

    heard, (result,) = await heard_of(flow, [1000], store=store)

    assert [event.at - START for event in raised(heard)] == [timedelta(seconds=107) + MICROSECOND]
    assert result.success


async def test_what_cannot_be_decided_is_reported_once_and_hurts_nothing(store):
    """An undecidable alert is heard once with the reason, and the run goes on."""
    flow = alerting('step.duration > params.limit and params.name > "5m"', parameters={"limit": 1, "name": "x"})
    sleeping(flow, 5, "a")
    sleeping(flow, 5, "b")

    heard, (result,) = await heard_of(flow, [10], store=store)

    (alert,) = raised(heard)
    assert alert.undecided is not None
    assert "can't decide" in alert.undecided
    assert result.success


async def test_alerts_that_were_heard_before_a_resumption_are_not_heard_again():
    """Facts tell what was raised before: only what is new is heard, each at its own instant."""
    flow, clock = alerting("step.duration > 2000", "on_success(first)"), FakeClock()
    sleeping(flow, 5, "first")
    sleeping(flow, 5, "second", after="first")
    async with MemoryStore() as store:
        before, cut = await heard_of(flow, [6], store=store, run_id="r", clock=clock)
        after, (result,) = await heard_of(flow, [100], store=store, run_id="r", clock=clock)

    assert cut == []
    assert [(alert.alert, alert.step) for alert in raised(before)] == [(0, "first"), (1, "first")]
    assert [(alert.alert, alert.step) for alert in raised(after)] == [(0, "second")]
    # it had taken one second when it was cut off
    assert [alert.at - START for alert in raised(after)] == [timedelta(seconds=7) + MICROSECOND]
    assert result.success


class Slow(Around):
    """A store whose answer to the end of a step takes a while on the clock."""

    def __init__(self, store, clock):
        super().__init__(store)
        self._clock = clock

    async def apply(self, units):
        """Hand it on, late."""
        await self._clock.wait(anyio.Event(), self._clock.now() + timedelta(seconds=3))
        return await self.store.apply(units)


async def test_no_alert_contradicts_what_is_on_its_way_to_the_store():
    """A step that ended in time raises nothing, though the store keeps its end only after the instant (8 s, 11 s)."""
    flow, clock = alerting("step.duration > 9000", "step.duration > 2000"), FakeClock()
    sleeping(flow, 5)
    async with MemoryStore() as memory:
        heard, (result,) = await heard_of(flow, [100], store=Slow(memory, clock), run_id="r", clock=clock)

    assert [alert.alert for alert in raised(heard)] == [1]
    times = [event.at for _, event in heard if event.step is not None]
    assert times == sorted(times)
    assert result.success


async def test_held_steps_are_told_of_at_their_end(store):
    """While a step waits for its finish its duration stands still; an alert on its end is raised at that end."""
    flow = alerting("step.duration > 4000", 'step.status == "completed" and step.duration == 2000')
    sleeping(flow, 10, "long")
    sleeping(flow, 2, "held")
    flow.link("long", "held", type="finish_to_finish")

    heard, (result,) = await heard_of(flow, [20], store=store)

    assert [(alert.alert, alert.step, (alert.at - START).total_seconds()) for alert in raised(heard)] == [
        (0, "long", 4.000001),
        (1, "held", 10),
    ]
    assert result.success


async def test_a_run_that_nobody_observes_raises_nothing(store):
    """Without observers there is nobody to tell, and the run is as it would be without alerts."""
    flow = alerting(LATE)
    sleeping(flow, 3600)

    _, (result,) = await heard_of(flow, [7200], store=store, observers=[])

    assert result.status is Outcome.COMPLETED


async def test_every_observer_of_ours_takes_alerts(store, tmp_path, caplog, capsys):
    """An alert is logged by its severity, kept in the audit trail, shown, and not counted as an end or a task."""
    flow = alerting(LATE, {"condition": "step.duration > 5", "severity": "page"})
    sleeping(flow, 3600)
    progress, tally = RunProgress(flow), Tally(Window(START, START + timedelta(days=1)))
    told: list[Event | RaisedAlert] = []
    with AuditLog(tmp_path / "trail") as log, caplog.at_level(logging.DEBUG, "taskorch.events"):
        ours = [LogObserver(), log, Lines(Screen()), progress.add, tally.add, told.append]
        _, (result,) = await heard_of(flow, [7200], store=store, observers=ours, run_id="r")
        assert log.failed is None

    assert result.success
    text = "Step count is taking longer than expected"
    logged = [(record.levelname, record.getMessage()) for record in caplog.records if hasattr(record, "severity")]
    assert logged == [
        ("ERROR", "r/count: alert (page): step.duration > 5"),
        ("WARNING", f"r/count: alert (warning): {text}"),
    ]
    lines = [json.loads(line) for line in (tmp_path / "trail").read_text().splitlines()]
    kept = [(line["subject"], line["step"], line["reason"]) for line in lines if line["verb"] == "alert"]
    assert kept == [("r", "count", "step.duration > 5"), ("r", "count", text)]
    assert f"count: warning: {text}" in capsys.readouterr().err
    assert ended_steps(told) == {"count"}
    assert str(progress.progress()) == "100% (1 of 1 done)"
