"""The alerts of a run, told from its facts (issue 4, item 3): resumed anywhere, none comes twice and none is lost."""

from datetime import datetime

import pytest

from taskorch import Retry, Workflow
from taskorch.core.frontier.alarms import Alarms
from taskorch.core.frontier.facts import Fact
from taskorch.core.frontier.fold import Fold
from taskorch.core.frontier.view import FoldView
from taskorch.core.run_data import RunView
from taskorch.core.settings import Alert, Notifications
from taskorch.core.times import instant
from tests.core.runs import SECOND, Driver

ALERTS = ("step.duration > 3000", "on_failure(a)", 'step.status == "completed" and step.attempts > 1')


async def body() -> None:
    """Do nothing."""


@pytest.fixture
def driver() -> Driver:
    """A run that has begun."""
    alerts = Notifications(alerts=[Alert(condition=text) for text in ALERTS])
    flow = Workflow("w", notifications=alerts)
    flow.step(body, id="a", retry=Retry(max_attempts=2, initial=10))
    flow.step(body, id="b", condition="on_complete(a)")
    return Driver(flow)


def alarms_of(driver: Driver) -> Alarms:
    """Alarms to which nothing was told yet."""

    def see(fold: Fold) -> RunView:
        return RunView(FoldView(fold, lambda _, detail: detail), id="r", name="w")

    return Alarms(driver.plan, see, 0)


def told(alarms: Alarms, facts: list[Fact]) -> list[tuple[int, str, datetime]]:
    """What these facts raise."""
    found = [raised for fact in facts for raised in (*alarms.before(fact), *alarms.after(fact))]
    return [(raised.alert, raised.step, raised.at) for raised in found]


def test_told_again_up_to_any_fact_only_the_rest_is_raised(driver: Driver) -> None:
    """Alarms that replay a part of the facts raise from the rest exactly what was not raised by that part."""
    driver.take(1)
    driver.fail("a", 5)
    driver.due(15)
    driver.take(15)
    driver.complete("a", 16)
    driver.take(16)
    driver.complete("b", 30)
    facts = driver.frontier.facts
    whole = told(alarms_of(driver), facts)

    assert [(alert, step, at.timestamp()) for alert, step, at in whole] == [
        (0, "a", 4.000001),
        (2, "a", 16),
        (0, "b", 19.000001),
    ]
    for count in range(len(facts) + 1):
        alarms = alarms_of(driver)
        alarms.replay(facts[:count])
        assert alarms.told == count
        assert told(alarms, facts[count:]) == whole[len(told(alarms_of(driver), facts[:count])) :]


def test_an_attempt_that_was_lost_raises_nothing_while_nobody_was_there(driver: Driver) -> None:
    """A body that died with its process took time until the last fact; the next attempt goes on from there."""
    driver.take(1)
    resumed = driver.replayed()
    resumed.resume(1000 * SECOND)
    count = len(driver.frontier.facts)
    alarms = alarms_of(driver)
    alarms.replay(driver.frontier.facts)

    assert alarms.next_due() is not None
    assert told(alarms, resumed.facts[count:]) == []
    assert alarms.next_due() is None
    resumed.due(1000 * SECOND)
    assert resumed.take(1000 * SECOND) == 0
    assert told(alarms, resumed.facts[alarms.told :]) == []
    assert [(raised.step, raised.at) for raised in alarms.due(2000 * SECOND)] == [("a", instant(1003 * SECOND + 1))]


def test_a_workflow_lists_its_alerts_and_those_of_its_context() -> None:
    """Alerts of both places are watched, those of the workflow first."""
    flow = Workflow(
        "w",
        notifications=Notifications(alerts=[Alert(condition="on_failure(a)")]),
        context={"notifications": {"alerts": [{"condition": "on_success(a)", "severity": "info"}]}},
    )

    assert [(alert.condition, alert.severity) for alert in flow.alerts()] == [
        ("on_failure(a)", "warning"),
        ("on_success(a)", "info"),
    ]
    assert Workflow("w").alerts() == ()
