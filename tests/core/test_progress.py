"""How far tasks and runs have come, what durations teach, and how much is left."""

import itertools
import math
from datetime import datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskorch import InvalidReport, InvalidTask, Outcome, Retry, Task, TaskCycle, UnknownTask, Workflow, run_sync
from taskorch.core.estimates import Estimates, RemainingBasis, remaining, worked
from taskorch.core.events import Event
from taskorch.core.progress import TaskTree, task_progress
from taskorch.core.run_progress import RunProgress, ended_steps, run_progress
from taskorch.core.task import Dependencies, Execution
from tests.core.samples import NOW, flow_of
from tests.core.stories import lived, queued

HOUR = timedelta(hours=1)
WORK = ("enqueue", "schedule", "start")


def task(
    id: str,
    *verbs: Any,
    parent: str | None = None,
    parts: tuple[str, ...] = (),
    percent: float = 0,
    hours: float | None = None,
    **members: Any,
) -> Task:
    """A task after some verbs, with its place in the tree, its progress and its estimate."""
    done = lived(queued(id, dependencies=Dependencies(parent_task=parent, subtasks=parts), **members), *verbs)[0]
    shown = 100 if "complete" in {verb if isinstance(verb, str) else verb[0] for verb in verbs} else percent
    execution = attrs.evolve(done.execution, progress_percent=shown, estimated_duration_hours=hours)
    return attrs.evolve(done, execution=execution)


def percent(id: str, *tasks: Task) -> float | None:
    """How far a task has come."""
    return task_progress(id, tasks).percent


# --- a task with subtasks --------------------------------------------------------------------------------------


def test_a_task_without_subtasks_has_come_as_far_as_it_reports() -> None:
    """Its own percentage counts; completed is 100, and what only says so is not quite done."""
    assert percent("A", task("A", *WORK, percent=45)) == 45
    assert percent("A", task("A", *WORK, "complete")) == 100
    assert str(task_progress("A", [task("A", *WORK, percent=100)])) == "99% (0 of 1 done)"


def test_subtasks_without_estimates_count_equally() -> None:
    """Of four subtasks one is done and one is halfway: 37.5 %; either way of naming them will do."""
    parts = [task("B", *WORK, "complete"), task("C", *WORK, percent=50), task("D"), task("E", parent="A")]
    progress = task_progress("A", [task("A", parts=("B", "C", "D")), *parts])

    assert progress.percent == 37.5
    assert (progress.sample, progress.ended, progress.estimated, progress.missing) == (4, 1, 0, 0)


def test_subtasks_count_by_their_estimates() -> None:
    """Three hours done of three and one make 75 %; one without an estimate counts as the mean of the others."""
    three, one = task("B", *WORK, "complete", parent="A", hours=3), task("C", parent="A", hours=1)

    assert percent("A", task("A"), three, one) == 75
    assert percent("A", task("A"), three, one, task("D", parent="A")) == 50
    assert percent("A", task("A"), three, one, task("D", parent="A", hours=0)) == 50


def test_observed_durations_count_more_than_what_was_estimated() -> None:
    """With enough observations of a type, its tasks weigh what such tasks took."""
    estimates = Estimates()
    for number in range(9):
        estimates.observe(task(f"O-{number}", *WORK, ("complete", 9), type="long"))
    parts = [task("B", *WORK, "complete", parent="A", type="long", hours=9), task("C", parent="A", hours=1)]

    assert task_progress("A", [task("A"), *parts], estimates).percent == 90


def test_cancelled_subtasks_leave_the_sum() -> None:
    """What is no longer wanted is not counted; when nothing else is left, the task itself is asked."""
    done, dropped = task("B", *WORK, "complete", parent="A"), task("C", "enqueue", "cancel", parent="A")

    assert percent("A", task("A"), done, dropped) == 100
    assert percent("A", task("A", percent=30), dropped) == 30


def test_a_failed_subtask_stays_where_it_was() -> None:
    """A failure is not work done: what the subtask had reported counts."""
    failed = task("B", *WORK, ("fail", 1), parent="A", percent=60)

    assert percent("A", task("A"), failed, task("C", *WORK, "complete", parent="A")) == 80


def test_a_completed_task_is_done() -> None:
    """Whatever its subtasks say, a completed task is at 100; one that merely reports 100 is as far as they are."""
    open_part = task("B", parent="A")

    assert percent("A", task("A", *WORK, "complete"), open_part) == 100
    assert percent("A", task("A", *WORK, percent=100), open_part) == 0


def test_grandchildren_count_through_their_parents() -> None:
    """A subtask with subtasks weighs its own estimate, or else theirs together."""
    tree = [task("A"), task("B", parent="A"), task("C", *WORK, "complete", parent="A", hours=2)]
    tree += [task("D", *WORK, "complete", parent="B", hours=1), task("E", parent="B", hours=5)]

    assert percent("B", *tree) == pytest.approx(100 / 6)
    assert percent("A", *tree) == pytest.approx(100 * 3 / 8)
    unsure = [*tree[:2], task("C", parent="A", hours=2), tree[3], task("E", parent="B")]
    assert percent("A", *unsure) == 25  # of B not all is known, so it counts as C does
    own = [attrs.evolve(tree[1], execution=Execution(estimated_duration_hours=2))]
    assert percent("A", tree[0], *own, *tree[2:]) == pytest.approx((100 + 100 / 6) / 2)


def test_missing_subtasks_are_told() -> None:
    """Subtasks that were not given are left out, and the answer says how many they are."""
    progress = task_progress("A", [task("A", parts=("B", "X", "Y")), task("B", *WORK, percent=10, parts=("Z",))])

    assert (progress.percent, progress.missing) == (10, 3)


@pytest.mark.parametrize("number", [1, 3])
def test_what_is_missing_is_not_done(number: int) -> None:
    """A task of which subtasks are missing is not at 100 unless it is completed, nor is what it is a part of."""
    names = tuple(f"B-{n}" for n in range(number + 1))
    done = [task(id, *WORK, "complete") for id in names[:number]]
    parent = task("A", *WORK, parts=names, parent="Z")

    for id in ("A", "Z"):
        found = task_progress(id, [task("Z", *WORK), parent, *done])
        assert str(found) == f"99% ({number} of {number} done)"
        assert (found.percent < 100, found.missing) == (True, 1)
    closed = task("A", *WORK, "complete", parts=names, parent="Z")
    assert percent("A", closed, *done) == percent("Z", task("Z", *WORK), closed, *done) == 100
    assert percent("A", parent, *done, task(names[-1], *WORK, "complete")) == 100


def test_a_task_completed_before_its_parts_says_so() -> None:
    """All of it is done, and the words do not hide that a part was left open."""
    done = task("C", *WORK, "complete", parent="A")
    progress = task_progress("A", [task("A", *WORK, "complete"), task("B", parent="A"), done])

    assert str(progress) == "100% (completed; 1 of 2 parts done)"
    assert str(task_progress("A", [task("A", *WORK, "complete"), done])) == "100% (1 of 1 done)"


def test_an_unknown_task_is_refused() -> None:
    """There is no progress of a task that was not given."""
    with pytest.raises(UnknownTask) as caught:
        task_progress("A", [task("B")])
    assert caught.value.id == "A"
    assert str(caught.value) == "there is no task 'A' here; give it among the tasks"


@pytest.mark.parametrize(
    ("links", "cycle"),
    [({"A": "A"}, {"A"}), ({"A": "B", "B": "A"}, {"A", "B"}), ({"A": "B", "B": "C", "C": "B"}, {"B", "C"})],
    ids=["itself", "two", "below"],
)
def test_circles_are_refused(links: dict[str, str], cycle: set[str]) -> None:
    """Tasks that are parts of one another are refused with the circle; other tasks are still answered for."""
    tree = TaskTree([task(id, parts=(part,)) for id, part in links.items()] + [task("Z", percent=5)])
    for _ in range(2):
        with pytest.raises(TaskCycle) as caught:
            tree.progress("A")
        assert set(caught.value.cycle) == cycle
        assert len(caught.value.cycle) == len(cycle)
    assert tree.progress("Z").percent == 5


def test_a_deep_tree_is_no_trouble() -> None:
    """A chain of 20,000 subtasks is measured without recursion."""
    chain = [task("T-0")] + [attrs.evolve(task("X", parent=f"T-{n}"), id=f"T-{n + 1}") for n in range(50)]
    template = chain[-1]
    for n in range(50, 20_000):
        place = attrs.evolve(template.dependencies, parent_task=f"T-{n}")
        chain.append(attrs.evolve(template, id=f"T-{n + 1}", dependencies=place))

    assert percent("T-0", *chain) == 0


def test_a_tower_of_diamonds_is_no_trouble() -> None:
    """Weights that double at each of 1,100 turns go beyond every float; their mean does not."""
    pairs = [(f"L-{n}", f"R-{n}") for n in range(1_100)]
    tree = [task(id, parts=below) for pair, below in itertools.pairwise(pairs) for id in pair]
    ends = [task("L-1099", *WORK, "complete", hours=3), task("R-1099", hours=1)]

    assert percent("L-0", *tree, *ends) == 75


def test_shared_subtasks_are_measured_once() -> None:
    """In a ladder of 60 pairs, where each task has both of the next pair, no path is walked twice."""
    pairs = [(f"L-{n}", f"R-{n}") for n in range(60)]
    tree = [task(id, parts=below) for pair, below in itertools.pairwise(pairs) for id in pair]

    assert percent("L-0", *tree, task("L-59", *WORK, "complete"), task("R-59")) == 50


@st.composite
def trees(draw: st.DrawFn) -> list[Task]:
    """A random tree of tasks, T-0 its root, in any order."""
    ends = [(*WORK, "complete"), WORK, (), ("enqueue", "cancel"), (*WORK, "fail")]
    below = [
        task(
            f"T-{number}",
            *draw(st.sampled_from(ends)),
            parent=f"T-{draw(st.integers(0, number - 1))}",
            percent=draw(st.sampled_from([0, 10, 99.5, 100])),
            hours=draw(st.sampled_from([None, 0, 0.1, 1e-6, 7, 1e5])),
        )
        for number in range(1, draw(st.integers(1, 10)))
    ]
    return draw(st.permutations([task("T-0"), *below]))


@given(trees())
@settings(max_examples=80, deadline=None)
def test_progress_is_100_only_when_all_is_done(tree: list[Task]) -> None:
    """It lies within 0 and 100, is 100 exactly if every leaf that counts is, and no order of tasks changes it."""
    by_id = {task.id: task for task in tree}
    kept = {
        id: [t for t in tree if t.dependencies.parent_task == id and t.state.current != "CANCELLED"] for id in by_id
    }

    def is_done(id: str) -> bool:
        return by_id[id].state.current == "COMPLETED" or (bool(kept[id]) and all(is_done(t.id) for t in kept[id]))

    for id in by_id:
        found = task_progress(id, tree)
        assert found == task_progress(id, tree[::-1]) == TaskTree(tree).progress(id)
        assert 0 <= found.percent <= 100
        assert (found.percent == 100) == is_done(id)


# --- a run -----------------------------------------------------------------------------------------------------


def flow(**durations: float | None) -> Workflow:
    """A workflow of steps with these estimates in hours."""
    document = flow_of(*durations)
    for step, hours in zip(document["steps"], durations.values(), strict=True):
        step.update({} if hours is None else {"estimatedDuration": int(hours * 3_600_000)})
    return Workflow.from_dict(document)


def test_a_run_is_as_far_as_its_steps_have_ended() -> None:
    """Without estimates two of five steps are 40 % (D4's example); what steps report counts as well."""
    five = flow(a=None, b=None, c=None, d=None, e=None)
    progress = run_progress(five, ["a", "b", "not one of them"])

    assert (progress.percent, progress.ended, progress.sample) == (40, 2, 5)
    assert run_progress(five, ["a", "b"], reported={"c": 75, "a": 50}).percent == 55
    assert run_progress(five, ["a", "b"], reported={"c": 7500, "d": -1, "e": math.nan}).percent == pytest.approx(60)


def test_a_run_counts_steps_by_their_estimates() -> None:
    """An hour of four is 25 %; a step of which nothing is known counts as the mean of the others."""
    assert run_progress(flow(a=1, b=3), ["a"]).percent == 25
    assert run_progress(flow(a=1, b=3, c=None), ["b"]).percent == 50
    assert run_progress(flow(a=0, b=3), ["a"]).percent == 50
    assert run_progress(flow(a=1, b=3), ["b", "a"]).percent == 100


def test_a_run_without_steps_is_no_data() -> None:
    """There is no progress of nothing."""
    progress = run_progress(Workflow("w"), [])

    assert (progress.percent, str(progress)) == (None, "no data")


@pytest.mark.parametrize("share", [None, "50", True, [1]], ids=str)
def test_what_is_no_number_is_refused(share: Any) -> None:
    """What a step reports is a number of percent; anything else is refused by name, as a typed error."""
    with pytest.raises(InvalidReport, match=r"reported\.a: expected a number of percent"):
        run_progress(flow(a=1, b=3), [], reported={"a": share})


def test_a_finished_run_is_done() -> None:
    """The steps of a result have all ended, however they did; and its durations teach."""
    chain = Workflow("w")
    first = chain.step(lambda: 1, id="a")
    chain.step(lambda: 1 / 0, id="b", after=[first])
    chain.step(lambda: 1, id="c", after=["b"])
    result = run_sync(chain)
    estimates = Estimates()
    estimates.observe_run(result)

    assert [step.status for step in result.steps.values()] == [Outcome.COMPLETED, Outcome.FAILED, Outcome.OMITTED]
    assert run_progress(chain, result.steps).percent == 100
    assert [estimates.of_step("w", step).sample for step in chain.steps] == [1, 0, 0]
    assert estimates.of_step("another", chain.steps[0]).duration is None


def test_a_run_is_followed_by_its_events() -> None:
    """As the events tell, steps end one after the other; a retry takes an end back; the end is that of the result."""
    tries = itertools.count()

    def flaky() -> int:
        return 1 // next(tries)

    chain, events = Workflow("w"), list[Event]()
    first = chain.step(flaky, id="a", retry=Retry(max_attempts=2, initial=0))
    chain.step(lambda: 1, id="b", after=[first])
    result = run_sync(chain, observers=[events.append])
    ended = [ended_steps(events[:count]) for count in range(len(events) + 1)]
    retried = [str(event.verb) for event in events].index("retry")

    assert ended[0] == ended[retried + 1] == set()
    assert sorted(map(len, ended[retried + 1 :])) == [len(found) for found in ended[retried + 1 :]]
    assert ended[-1] == set(result.steps) == {"a", "b"}


def test_a_retry_takes_an_end_back() -> None:
    """A step that failed and is tried again has not ended; one whose failure names its retry never had."""
    at = {"at": NOW, "observed_at": NOW, "by": "t", "task_id": "R", "step": "a"}
    failed = Event(verb="fail", previous="IN_PROGRESS", state="FAILED", **at)
    retried = Event(verb="retry", previous="FAILED", state="IN_PROGRESS", **at)

    assert ended_steps([failed]) == {"a"}
    assert ended_steps([failed, retried]) == set()
    assert ended_steps([attrs.evolve(failed, retry_at=NOW)]) == set()
    assert ended_steps([attrs.evolve(failed, step=None)]) == set()


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "stranger", None]), st.sampled_from(["fail", "retry", "complete"]))),
    st.sets(st.sampled_from(["a", "b", "stranger"])),
)
def test_a_run_that_is_followed_is_the_run_that_is_read(told: list[tuple[str | None, str]], before: set[str]) -> None:
    """With its workflow, the events tell the same at once as one by one, of steps that it does not have too."""
    two, at = flow(a=1, b=3), {"at": NOW, "observed_at": NOW, "by": "t", "task_id": "R", "previous": "X", "state": "Y"}
    events = [Event(step=step, verb=verb, **at) for step, verb in told]
    followed = RunProgress(two, before)
    for event in events:
        followed.add(event)

    assert followed.ended == ended_steps(events, before=before, flow=two) <= {"a", "b"}
    assert followed.progress() == run_progress(two, followed.ended)


def test_a_resumed_run_is_followed_to_its_end(tmp_path: Path) -> None:
    """What ended before the first event is told beforehand; and a run that has ended is done, whoever heard of what."""

    class Killed(BaseException):
        """Ends the process in the middle of a step."""

    deeds: list[Any] = [lambda: 1, lambda: (_ for _ in ()).throw(Killed()), lambda: 3]
    store, first, second = tmp_path / "runs.db", list[Event](), list[Event]()

    def chain() -> Workflow:
        made = Workflow("chain")
        for id, deed, after in zip("abc", deeds, ([], ["a"], ["b"]), strict=True):
            made.step(deed, id=id, after=after)
        return made

    with pytest.raises(Killed):
        run_sync(chain(), run_id="R-1", store=store, observers=[first.append])
    deeds[1] = lambda: 2
    live = RunProgress(chain(), before=ended_steps(first))
    run_sync(chain(), run_id="R-1", store=store, observers=[second.append, live.add])

    assert ended_steps(first) == {"a"}
    assert "a" not in {event.step for event in second}
    assert ended_steps(second) == {"b", "c"}
    assert ended_steps(second, before=ended_steps(first)) == {"a", "b", "c"} == live.ended
    assert ended_steps(second, flow=chain()) == {"a", "b", "c"}
    late = RunProgress(chain())
    for event in second:
        late.add(event)
    assert str(late.progress()) == str(live.progress()) == "100% (3 of 3 done)"


def test_the_end_of_a_run_is_the_end_of_its_steps() -> None:
    """Completed, cancelled or failed for good: nothing is left to do. What is to be retried goes on."""
    two, at = flow(a=1, b=3), {"at": NOW, "observed_at": NOW, "by": "t", "task_id": "R"}
    failed = Event(verb="fail", previous="IN_PROGRESS", state="FAILED", **at)
    retried = Event(verb="retry", previous="FAILED", state="IN_PROGRESS", **at)

    def shown(*events: Event) -> float | None:
        followed = RunProgress(two, before=["b", "not one of them"])
        for event in events:
            followed.add(event)
        assert followed.ended == ended_steps(events, before=["b"], flow=two)
        return followed.progress().percent

    for verb in ("fail", "complete", "cancel"):
        assert shown(attrs.evolve(failed, verb=verb)) == 100
    assert shown() == shown(failed, retried) == shown(attrs.evolve(failed, retry_at=NOW)) == 75
    assert shown(attrs.evolve(retried, step="b")) == 0  # what had ended before is tried again


@given(
    st.lists(st.sampled_from([None, 0, 0.5, 1, 7, 1000]), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["start", "complete", "fail", "retry", "cancel"]))),
    st.dictionaries(st.integers(0, 9), st.floats() | st.integers(), max_size=3),
)
@settings(max_examples=60, deadline=None)
def test_following_a_run_is_as_good_as_asking_anew(
    hours: list[float | None], told: list[tuple[int, str]], reported: dict[int, float]
) -> None:
    """After each event the answer is that of a fold over all events so far, and 100 only if every step has ended."""
    made = flow(**{f"s{n}": expected for n, expected in enumerate(hours)})
    shares = {f"s{n}": share for n, share in reported.items()}
    followed, events = RunProgress(made), list[Event]()
    for number, verb in told:
        at = {"at": NOW, "observed_at": NOW, "by": "t", "task_id": "R", "step": f"s{number}"}
        events.append(Event(verb=verb, previous="IN_PROGRESS", state="IN_PROGRESS", **at))
        followed.add(events[-1])
        found = followed.progress(shares)

        assert found == run_progress(made, ended_steps(events), reported=shares)
        assert 0 <= found.percent <= 100
        assert (found.percent == 100) == (found.ended == found.sample) == (followed.ended == {s.id for s in made.steps})


# --- estimates -------------------------------------------------------------------------------------------------


def test_work_is_what_was_in_progress() -> None:
    """Waiting, blocks and backoffs are not work; what is going on counts up to now."""
    life = (*WORK, ("block", 1), ("unblock", 5), ("start", 6), ("fail", 8, {"retry_at": NOW}), ("retry", 9))

    assert worked(task("A", *life), NOW + 10 * HOUR) == 4 * HOUR
    assert worked(task("A", *life, ("complete", 11)), NOW + 99 * HOUR) == 5 * HOUR
    assert worked(task("A", *life), NOW) == 3 * HOUR  # a clock that went back
    with pytest.raises(InvalidTask):
        worked(task("A"), NOW.replace(tzinfo=None))


class Adrift(tzinfo):
    """A zone that does not know how far it is from UTC."""

    def utcoffset(self, at: datetime | None) -> None:
        """Nobody knows."""


@pytest.mark.parametrize("ask", [worked, remaining])
@pytest.mark.parametrize(
    "now",
    [NOW.replace(tzinfo=Adrift()), datetime.min.replace(tzinfo=timezone(HOUR)), None],
    ids=["adrift", "year 0", "none"],
)
def test_a_time_that_utc_cannot_tell_is_refused(ask: Any, now: Any) -> None:
    """Whatever is wrong with a time, the error is typed."""
    with pytest.raises(InvalidTask):
        ask(task("A", *WORK), now)


def test_what_was_estimated_is_one_voice_among_the_observed() -> None:
    """The estimate is the mean of the observed durations and of what the task itself says, with their number."""
    estimates, new = Estimates(), task("N", type="t", skill_target="s", hours=8)
    seen = [str(estimates.of(new))]
    for number, hours in enumerate([2, 2]):
        estimates.observe(task(f"O-{number}", *WORK, ("complete", hours), type="t", skill_target="s"))
        seen.append(str(estimates.of(new)))

    assert seen == ["8:00:00 (0 observed)", "5:00:00 (1 observed)", "4:00:00 (2 observed)"]
    assert estimates.of(task("M", type="t", skill_target="s")).duration == 2 * HOUR
    assert str(estimates.of(task("M", type="t", skill_target="other"))) == "no data"


def test_what_is_told_again_teaches_nothing() -> None:
    """A task or a run counts once, however often it is told; another one of its kind counts."""
    estimates, one = Estimates(), task("O", *WORK, ("complete", 2), type="t")
    flow = Workflow("w")
    flow.step(lambda: 1, id="a")
    results = [run_sync(flow), run_sync(flow)]
    for _ in range(3):
        estimates.observe(one)
        estimates.observe_run(results[0])

    assert str(estimates.of(one)) == "2:00:00 (1 observed)"
    assert estimates.of_step("w", flow.steps[0]).sample == 1
    estimates.observe(task("P", *WORK, ("complete", 4), type="t"))
    estimates.observe_run(results[1])
    assert str(estimates.of(one)) == "3:00:00 (2 observed)"
    assert estimates.of_step("w", flow.steps[0]).sample == 2


def test_only_completed_tasks_of_a_kind_teach() -> None:
    """Failed, cancelled and open tasks teach nothing, nor do those of no type and no skill."""
    estimates = Estimates()
    for verbs in (WORK, (*WORK, ("fail", 1)), (*WORK, ("cancel", 1))):
        estimates.observe(task("A", *verbs, type="t"))
    estimates.observe(task("A", *WORK, ("complete", 1)))

    assert estimates.of(task("B", type="t")).duration is None
    assert estimates.of(task("B")).duration is None


@given(st.lists(st.integers(0, 10_000), max_size=20), st.none() | st.integers(1, 100))
@settings(max_examples=60, deadline=None)
def test_an_estimate_is_the_mean(hours: list[int], given_hours: int | None) -> None:
    """In any order of observations the estimate is their mean, the given one among them."""
    forth, back = Estimates(), Estimates()
    tasks = [task(f"O-{n}", *WORK, ("complete", h), type="t") for n, h in enumerate(hours)]
    for one, other in zip(tasks, tasks[::-1], strict=True):
        forth.observe(one)
        back.observe(other)
    asked = task("N", type="t", hours=given_hours)
    voices = [*hours, *([given_hours] if given_hours else [])]

    assert forth.of(asked) == back.of(asked)
    assert forth.of(asked).sample == len(hours)
    found = forth.of(asked).duration
    assert (found is None) == (not voices)
    if found is not None:
        assert found / HOUR == pytest.approx(sum(voices) / len(voices))


@pytest.mark.parametrize(
    ("verbs", "members", "left", "basis"),
    [
        (WORK, {"percent": 25}, 6, RemainingBasis.PACE),
        (WORK, {"percent": 25, "hours": 99}, 6, RemainingBasis.PACE),
        (WORK, {"percent": 100}, 0, RemainingBasis.PACE),
        (WORK, {"percent": 1e-300}, None, RemainingBasis.NO_DATA),
        (WORK, {"hours": 5}, 3, RemainingBasis.ESTIMATE),
        (WORK, {"hours": 2}, None, RemainingBasis.NO_DATA),
        (WORK, {"hours": 1e300}, None, RemainingBasis.NO_DATA),
        (WORK, {}, None, RemainingBasis.NO_DATA),
        ((), {"hours": 5}, 5, RemainingBasis.ESTIMATE),
        ((), {"hours": 5, "percent": 40}, 3, RemainingBasis.ESTIMATE),
        ((*WORK, ("complete", 1)), {"hours": 5}, 0, RemainingBasis.ENDED),
        ((*WORK, ("fail", 1)), {"hours": 5}, 0, RemainingBasis.ENDED),
        (("cancel",), {}, 0, RemainingBasis.ENDED),
    ],
    ids=str,
)
def test_what_is_left(
    verbs: tuple[Any, ...], members: dict[str, Any], left: float | None, basis: RemainingBasis
) -> None:
    """Two hours into its work: by its own pace where it reports one, else by the estimate, else nothing is known."""
    found = remaining(task("A", *verbs, **members), NOW + 2 * HOUR)

    assert found.basis is basis
    assert found.duration == (None if left is None else pytest.approx(left * HOUR, abs=timedelta(seconds=1)))
    assert found.spent == (2 * HOUR if verbs == WORK else found.spent)


def test_what_is_left_tells_its_sample() -> None:
    """An answer from observed durations says how many they were; one from the task's own pace rests on one."""
    estimates = Estimates()
    for number in range(3):
        estimates.observe(task(f"O-{number}", *WORK, ("complete", 6), type="t"))

    assert remaining(task("A", *WORK, type="t"), NOW + HOUR, estimates).sample == 3
    assert remaining(task("A", *WORK, type="t"), NOW + HOUR, estimates).duration == 5 * HOUR
    assert remaining(task("A", *WORK, type="t", percent=50), NOW + HOUR, estimates).sample == 1
    with pytest.raises(InvalidTask):
        remaining(task("A"), NOW.replace(tzinfo=None))
