"""What a restarted run takes over (issue 4, item 7)."""

from hypothesis import given, settings
from hypothesis import strategies as st

from taskorch.core.frontier.ends import End
from taskorch.core.frontier.facts import CREATED
from taskorch.core.frontier.fold import OPEN
from taskorch.core.frontier.plan import Plan
from taskorch.core.restarts import carried, downstream, kept_steps
from tests.core.runs import Driver
from tests.core.samples import flow_of
from tests.harness.graphs import Life, fresh, workflows
from tests.harness.invariants import check_journal

LINKS = [{"from": "a", "to": "b"}, {"from": "b", "to": "c"}, {"from": "x", "to": "y"}]


def ended(failing: str = "") -> Driver:
    """A run of a → b → c and x → y that has ended, in which one step has failed."""
    run = Driver(flow_of(*"abcxy", dependencies=LINKS))
    for at in range(9):
        for id in run.take_all(at):
            run.fail(id, at) if id == failing else run.complete(id, at, output=id.upper())
    return run


def kept(run: Driver, from_step: str | None = None, *, failed_only: bool = False) -> str:
    """The ids of what is kept."""
    first = None if from_step is None else run.plan.index[from_step]
    return "".join(run.plan.steps[step].id for step in sorted(kept_steps(run.frontier, first, failed_only=failed_only)))


def test_from_the_start_nothing_is_kept() -> None:
    """Restarted from the start, all of a run runs again."""
    assert kept(ended()) == ""


def test_from_a_step_that_and_what_comes_after_runs_again() -> None:
    """Restarted from a step, the others keep their outputs."""
    assert kept(ended(), "b") == "axy"
    assert kept(ended(), "x") == "abc"


def test_from_a_step_what_failed_elsewhere_runs_again_too() -> None:
    """A step that did not end well has nothing to keep."""
    assert kept(ended("x"), "b") == "a"


def test_failed_only_runs_what_did_not_end_well() -> None:
    """The failed step and those that were omitted because of it run again, nothing else."""
    assert kept(ended("b"), failed_only=True) == "axy"
    assert kept(ended(), failed_only=True) == "abcxy"


def test_a_cleaning_step_after_a_failure_runs_again() -> None:
    """What completed after a step that runs again is not kept, whatever the condition of its link."""
    links = [{"from": "a", "to": "clean", "condition": "always"}]
    run = Driver(flow_of("a", "clean", dependencies=links))
    run.take()
    run.fail("a", 1)
    run.take(1)
    run.complete("clean", 2)

    assert kept(run, failed_only=True) == ""


def test_a_step_that_was_skipped_is_kept_with_what_comes_after_it() -> None:
    """The same would be decided again, so nothing has to run for it."""
    document = flow_of("a", "b", "c", dependencies=[{"from": "a", "to": "b"}, {"from": "b", "to": "c"}])
    document["steps"][1]["condition"] = "not always"
    run = Driver(document)
    run.take()
    run.complete("a", 1)
    run.take(1)
    run.complete("c", 2)

    assert run.ends() == {"a": "completed", "b": "skipped", "c": "completed"}
    assert kept(run, failed_only=True) == "abc"


def test_outputs_are_taken_over() -> None:
    """A kept step has its output and its times in the new run, and the others can go on from it."""
    run = ended("b")
    again = run.fresh()
    again.replay(carried(run.frontier, kept_steps(run.frontier, failed_only=True)))
    again.resume(100)

    assert again.details[run.plan.index["a"]] == "A"
    assert again.take(100) == run.plan.index["b"]
    assert again.attempt[run.plan.index["b"]] == 1


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_what_is_carried_over_folds_to_the_kept_steps_and_nothing_else(data: st.DataObject) -> None:
    """After any life, whatever is asked for, exactly the kept steps have ended in the fold, as before.

    The carried facts are legal, in order and with their times; nothing after a step that runs again is kept; no slot
    is held; and the new run goes on to its end.
    """
    plan = Plan.of(data.draw(workflows()))
    life = Life(plan, data.draw(st.integers(1, 3)), lambda count: data.draw(st.integers(0, count - 1)))
    life.start()
    for _ in range(data.draw(st.integers(0, 30))):
        if not life.step():
            break
    old = life.frontier
    old.cancel(life.now)
    first = data.draw(st.sampled_from([None, *range(len(plan.steps))]))
    steps = kept_steps(old, first, failed_only=data.draw(st.booleans()))
    facts = carried(old, steps)
    new = fresh(plan, life.places)
    new.replay(facts)

    assert list(check_journal(plan, facts)) == []
    assert facts == [fact for fact in old.facts if fact[0] in steps]
    for step in range(len(plan.steps)):
        if step in steps:
            assert new.ends[step] == old.ends[step] in (End.COMPLETED, End.SKIPPED, End.OMITTED)
            assert new.details[step] == old.details[step]
        else:
            assert (new.ends[step], new.states[step], new.attempt[step]) == (OPEN, CREATED, 0)
    assert first not in steps
    assert not downstream(plan, set(range(len(plan.steps))) - steps) & steps
    assert new.slots.total == life.places
    assert new.halted is None
    now = life.now
    new.resume(now)
    for _ in range(200):
        if (step := new.take(now)) is not None:
            assert step not in steps
            new.complete(step, new.attempt[step], None, now)
        elif (due := new.next_due()) is not None:
            now = max(now, due)
            new.due(now)
        else:
            break
    assert new.open == 0
