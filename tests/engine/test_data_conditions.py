"""Conditions over data and templates (issue 4, item 3): what a run sees of itself decides and fills."""

import sys
from dataclasses import dataclass

import anyio.lowlevel
import pytest

import taskorch
from taskorch import Outcome, Retry, StepResult, Workflow
from taskorch.core.expressions.kinds import ABSENT
from taskorch.core.frontier.courses import Courses
from taskorch.core.frontier.view import FoldView
from taskorch.stores import MemoryStore
from tests.core.runs import SECOND, Driver
from tests.harness.clocks import JumpingClock


@dataclass
class Count:
    """What a body may return that has members."""

    rows: int
    by: dict[str, int]


async def nothing():
    """Do nothing."""


@pytest.fixture(params=[None, "memory:"], ids=["no-store", "memory"])
def store(request):
    """Without a store, and with one."""
    return request.param


@pytest.fixture
def flow():
    """A workflow whose first step has counted something."""
    made = Workflow(
        "counted", parameters={"limit": 10, "share": 0.5, "list": [1, {"name": "two words"}]}, context={"env": "prod"}
    )

    @made.step
    async def count() -> Count:
        await anyio.lowlevel.checkpoint()
        return Count(rows=7, by={"de": 4, "at": 3})

    @made.step
    async def fails():
        raise ValueError("no")

    return made


async def ends(flow, **options) -> dict[str, StepResult]:
    """How the steps of *flow* end."""
    return dict((await taskorch.run(flow, clock=JumpingClock(), **options)).steps)


@pytest.mark.parametrize(
    ("condition", "outcome"),
    [
        ("steps.count.output.rows > 5", Outcome.COMPLETED),
        ("steps.count.output.rows > params.limit", Outcome.SKIPPED),
        ("steps.count.output.by.de == 4", Outcome.COMPLETED),
        ('"fr" in steps.count.output.by', Outcome.SKIPPED),
        ('context.env in ["prod"] and params.share < 1', Outcome.COMPLETED),
        ('context.env != "prod"', Outcome.SKIPPED),
        ('steps.count.status == "completed" and steps.count.attempts == 1', Outcome.COMPLETED),
        ("steps.fails.output != null", Outcome.SKIPPED),
        ('steps.fails.status == "failed"', Outcome.COMPLETED),
        ("on_failure(count) and steps.count.output.rows > 5", Outcome.OMITTED),
        ("on_failure(count) and steps.count.output.rows > 9", Outcome.SKIPPED),
        ("on_success(count) and steps.count.output.rows > 9", Outcome.SKIPPED),
        ("on_success(fails) or steps.count.output.rows > 9", Outcome.OMITTED),
        ("not on_failure(fails)", Outcome.SKIPPED),
        ('step.id == "asked" and step.name == "Asked"', Outcome.COMPLETED),
    ],
)
async def test_a_condition_over_data_runs_skips_or_omits(flow, store, condition, outcome):
    """False whatever became of other steps is skipped, false because of them omitted, and true runs the step."""
    flow.step(nothing, id="asked", name="Asked", condition=condition)
    flow.step(nothing, id="next", after="asked")

    steps = await ends(flow, store=store)

    assert steps["asked"].status is outcome
    assert steps["asked"].reason == (None if outcome is Outcome.COMPLETED else outcome.value)
    assert steps["next"].status is (Outcome.OMITTED if outcome is Outcome.OMITTED else Outcome.COMPLETED)


async def test_params_and_context_of_the_run_are_seen(store):
    """A condition sees what this run was given, over the defaults of the workflow."""
    flow = Workflow("w", parameters={"limit": 10}, context={"env": "test"})
    flow.step(nothing, id="asked", condition='params.limit == 3 and context.env == "prod"')

    assert (await ends(flow, store=store))["asked"].status is Outcome.SKIPPED
    given = await ends(flow, store=store, params={"limit": 3}, context={"env": "prod"})
    assert given["asked"].status is Outcome.COMPLETED


async def test_durations_and_attempts_are_those_of_the_result(store):
    """``steps.x.duration`` is the time in the body over all attempts, in milliseconds, without the waits between."""
    flow, tries = Workflow("w"), []

    @flow.step(retry=Retry(max_attempts=2, initial=100))
    async def slow():
        tries.append(1)
        await taskorch.current_step().sleep(2)
        if len(tries) == 1:
            raise ValueError("not yet")

    flow.step(nothing, id="exact", condition="steps.slow.duration == 4000 and steps.slow.attempts == 2")
    flow.step(nothing, id="more", condition='steps.slow.duration > "4s"')

    steps = await ends(flow, store=store)

    assert steps["slow"].duration == 4
    assert (steps["exact"].status, steps["more"].status) == (Outcome.COMPLETED, Outcome.SKIPPED)


async def test_what_cannot_be_decided_cancels_the_step_and_fails_the_run(flow, store):
    """An undecidable condition says so as the reason, on one line; its step is cancelled and the run has failed."""
    flow.step(nothing, id="asked", condition='steps.count.output.by > "x"')
    flow.step(nothing, id="next", after="asked")

    result = await taskorch.run(flow, store=store)

    asked = result.steps["asked"]
    assert asked.status is Outcome.CANCELLED
    assert asked.reason is not None
    assert asked.reason.startswith("undecidable_condition: can't decide a condition: ")
    assert "\n" not in asked.reason
    assert result.steps["next"].status is Outcome.OMITTED
    assert result.status is Outcome.FAILED


async def test_an_output_without_a_json_form_is_absent():
    """Without a store outputs may be anything; a condition finds nothing there, and nothing is hurt."""
    flow = Workflow("w")
    flow.step(object, id="odd", inline=True)
    flow.step(nothing, id="asked", condition="steps.odd.output != null")
    flow.step(nothing, id="absent", condition="steps.odd.output == null or always")

    steps = await ends(flow)

    assert steps["asked"].status is Outcome.SKIPPED
    assert steps["absent"].status is Outcome.COMPLETED


async def test_a_verdict_is_a_fact_and_is_not_asked_again():
    """A resumed run keeps what was decided, though its condition would be answered otherwise by now."""
    flow = Workflow("w", context={"env": "prod"})
    flow.step(nothing, id="first")
    flow.step(nothing, id="asked", condition='context.env == "prod"')

    @flow.step(after="first")
    async def cut():
        scope.cancel()
        await anyio.lowlevel.checkpoint()

    flow.step(nothing, id="later", after=cut, condition='context.env == "prod"')
    async with MemoryStore() as store:
        with anyio.CancelScope() as scope:
            await taskorch.run(flow, store=store, run_id="r")
        assert scope.cancelled_caught
        scope = anyio.CancelScope()
        result = await taskorch.run(flow, store=store, run_id="r")
    assert {id: step.status for id, step in result.steps.items()} == dict.fromkeys(result.steps, Outcome.COMPLETED)


async def test_commands_are_filled_with_what_the_run_knows(flow, store):
    """The holes of a command reach into outputs, params, context, the workflow and the step; one stays one word."""
    print_arguments = f'{sys.executable} -c "import sys; print(*sys.argv[1:], sep=chr(124))"'
    holes = [
        "{steps.count.output.rows}",
        "{steps.count.output.by}",
        "{steps.count.output.by.de}",
        "{params.list[1].name}",
        "{context.env}",
        "{workflow.name}",
        "{step.id}",
        "{step.attempt}",
        "{steps.count.status}",
        "{steps.count.attempts}",
    ]
    flow.command(" ".join([print_arguments, *holes]), id="shows")

    shown = (await ends(flow, store=store))["shows"]

    assert shown.status is Outcome.COMPLETED, shown.error
    assert shown.output.strip().split("|") == [
        "7", '{"de": 4, "at": 3}', "4", "two words", "prod", "counted", "shows", "1",
        "completed", "1",
    ]  # fmt: skip


async def test_a_command_is_not_run_with_a_hole_in_it(flow, store):
    """What is not there when a command starts is the failure of its step, in words."""
    flow.command("true {steps.count.output.columns}", id="shows")

    shown = (await ends(flow, store=store))["shows"]

    assert shown.status is Outcome.FAILED
    assert "there is no value for {steps.count.output.columns}" in str(shown.error)


def test_a_view_is_never_behind_and_never_raises() -> None:
    """At any instant a view says of steps what the fold knows, also while a body runs or waits for its retry."""
    flow = Workflow("w")
    flow.step(nothing, id="a", name="First", retry=Retry(max_attempts=2, initial=10))
    driver = Driver(flow)
    view = FoldView(driver.frontier, lambda _, detail: detail)

    assert ("a" in view, "b" in view, 7 in view) == (True, False, False)
    assert (view.name_of("a"), view.attempts_of("a"), view.duration_of("a", SECOND)) == ("First", 0, None)
    assert (view.outcome_of("a"), view.output_of("a")) == (None, ABSENT)
    driver.take(1)
    assert (view.attempts_of("a"), view.duration_of("a", 3 * SECOND)) == (1, 2 * SECOND)
    assert view.duration_of("a", 0) == 0
    driver.fail("a", 4)
    assert (view.outcome_of("a"), view.duration_of("a", 9 * SECOND)) == (None, 3 * SECOND)
    driver.due(14)
    driver.take(14)
    driver.complete("a", 15, {"rows": 1})
    assert view.outcome_of("a") is Outcome.COMPLETED
    assert (view.output_of("a"), view.attempts_of("a"), view.duration_of("a", 99 * SECOND)) == (
        {"rows": 1},
        2,
        4 * SECOND,
    )


def test_courses_read_on_as_the_facts_go_on() -> None:
    """Asked after each fact or once at the end, the courses are the same."""
    flow = Workflow("w")
    flow.step(nothing, id="a", retry=Retry(max_attempts=3, initial=1, multiplier=1))
    flow.step(nothing, id="b", after="a")
    driver = Driver(flow)
    facts = driver.frontier.facts
    courses = Courses(2, facts)
    for at in (1, 5):
        driver.due(at)
        driver.take(at)
        driver.fail("a", at + 1)
        assert courses.all[0].attempts == (at + 3) // 4
    driver.due(9)
    driver.take(9)
    driver.complete("a", 12)
    driver.take(13)
    driver.complete("b", 14)
    again = Courses(2, facts)
    assert (courses.all, courses.intervals) == (again.all, again.intervals)
    assert [course.spent for course in again.all] == [5 * SECOND, SECOND]
