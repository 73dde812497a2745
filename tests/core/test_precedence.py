"""The order of ready steps: lawful for every project, and good on projects whose best makespan is known."""

import csv
import json
from functools import cache
from statistics import mean

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorch.core.frontier.precedence import BUDGET, Hold, precedence
from taskorch.core.frontier.project import Project
from taskorch.core.frontier.schedules import dispatch, insert
from tests.core.projects import is_feasible, makespan, projects, read_psplib, run
from tests.core.samples import SHARED, needs_shared

DATA = SHARED / "data"
WORKERS = (1, 2, 4, 8, 16, 48)


@given(projects(), st.booleans(), st.sampled_from((0, 300, 2000)))
def test_an_order_holds_every_step_once(project: Project, may_wait: bool, budget: int) -> None:
    """The order is a permutation, always the same, and a hold has an end and looks only backwards."""
    found = precedence(project, may_wait=may_wait, budget=budget)

    assert sorted(found.order) == list(range(len(project.durations)))
    assert found == precedence(project, may_wait=may_wait, budget=budget)
    places = {step: place for place, step in enumerate(found.order)}
    assert all(places[hold.before] < places[hold.step] and hold.at_most > 0 for hold in found.holds)
    assert len({hold.step for hold in found.holds}) == len(found.holds)
    assert may_wait or not found.holds


@given(projects(), st.data())
def test_schedules_keep_arcs_and_limits(project: Project, data: st.DataObject) -> None:
    """Whatever the keys, both ways of making a schedule keep all arcs and limits, in the mirror image as well."""
    count = len(project.durations)
    keys = data.draw(st.lists(st.integers(0, 9), min_size=count, max_size=count))
    for scheme in (dispatch, insert):
        schedule = scheme(project, keys)
        assert is_feasible(project, schedule.starts)
        assert schedule.makespan == makespan(project, schedule.starts) >= project.bound()
        backwards = scheme(project.mirrored(), keys)
        assert is_feasible(
            project,
            [backwards.makespan - s - d for s, d in zip(backwards.starts, project.durations, strict=True)],
        )


@given(projects(), st.booleans())
def test_a_run_as_estimated_is_no_longer_than_by_the_rule_alone(project: Project, may_wait: bool) -> None:
    """A run that goes as planned is feasible, not below the bound, and never above the rule's makespan."""
    plain = run(project, precedence(project, budget=0))
    planned = run(project, precedence(project, may_wait=may_wait))

    assert is_feasible(project, planned)
    assert project.bound() <= makespan(project, planned) <= makespan(project, plain)


@given(projects())
def test_a_schedule_by_dispatch_is_what_a_run_does(project: Project) -> None:
    """A dispatcher that takes the best step that fits, one by one, starts each when the schedule says."""
    found = precedence(project, may_wait=False)
    places = {step: place for place, step in enumerate(found.order)}

    assert run(project, found) == dispatch(project, [places[step] for step in range(len(places))]).starts


@given(projects(), st.data())
def test_every_run_comes_to_its_end(project: Project, data: st.DataObject) -> None:
    """However long the steps really take, every one is started, and the arcs are kept."""
    count = len(project.durations)
    actual = data.draw(st.lists(st.integers(0, 40), min_size=count, max_size=count))
    starts = run(project, precedence(project), actual)

    assert all(
        starts[target] >= starts[source] + distance >= 0
        for source, arcs in enumerate(project.arcs)
        for target, distance in arcs
    )
    assert min(starts, default=0) >= 0


@given(projects())
def test_without_scarcity_the_longest_tail_is_first(project: Project) -> None:
    """Where there is enough of everything, the order is by what comes after a step, then by its own length."""
    free = attrs.evolve(project, limits=(1000, 1000))
    tails = free.tails()
    after = [(duration - tail, -duration) for duration, tail in zip(free.durations, tails, strict=True)]
    found = precedence(free)

    assert list(found.order) == sorted(range(len(after)), key=lambda step: (after[step], step))
    assert not found.holds
    assert makespan(free, run(free, found)) == max(tails, default=0)


def test_equal_workers_take_the_longest_path_first() -> None:
    """Where all steps want the same, the step itself belongs to its path, and nothing ever waits."""
    flow = Project.of([5, 1, 2, 3], [(), [(3, 0)], (), ()], [()] * 4, [((0, 1),)] * 4, [1])

    assert precedence(flow, budget=0).order == (0, 1, 3, 2)
    assert not precedence(flow).holds


# Step 1 wants all there is from 1 on. Step 3 fits at 0, but would be in its way until 4.
PAYS = Project.of([1, 8, 4, 4], [[(1, 0)], [(2, 0)], (), ()], [()] * 4, [((1, 1),), ((0, 2),), (), ((0, 1),)], [2, 1])


def test_without_estimates_nothing_is_planned() -> None:
    """Where durations are a stopgap, the order is the rule's and nothing waits."""
    assert precedence(PAYS, is_estimated=False) == precedence(PAYS, budget=0)
    assert not precedence(PAYS, is_estimated=False).holds


def test_to_wait_can_pay() -> None:
    """A step that fits is kept for one which is not ready yet, if all ends earlier that way."""
    greedy, patient = precedence(PAYS, may_wait=False), precedence(PAYS)

    assert makespan(PAYS, run(PAYS, greedy)) == 16
    assert patient.holds == (Hold(3, before=1, at_most=9),)
    assert makespan(PAYS, run(PAYS, patient)) == 13


def test_a_hold_ends_in_time() -> None:
    """A step is kept no longer than planned, although what it is kept for does not come."""
    assert run(attrs.evolve(PAYS, arcs=(((1, 50),), *PAYS.arcs[1:])), precedence(PAYS))[3] == 9


def test_a_large_project_costs_a_bounded_search() -> None:
    """Where one pass is all that the budget allows, the order is the rule's."""
    assert precedence(PAYS, budget=11) == precedence(PAYS, budget=0)
    assert precedence(PAYS, budget=12) != precedence(PAYS, budget=0)


@cache
def published() -> tuple[tuple[str, Project, int], ...]:
    """The 240 instances of PSPLIB, with their proven best makespans."""
    with (DATA / "psplib" / "published_j30.csv").open(encoding="utf-8") as lines:
        best = {row["instance"]: int(row["optimum"]) for row in csv.DictReader(lines)}
    files = sorted((DATA / "psplib" / "j30").glob("*.sm"))
    return tuple((file.stem, read_psplib(file), best[file.stem]) for file in files)


@needs_shared
@pytest.mark.parametrize(
    ("options", "above", "optimal"),
    [({"budget": 0}, 4.2, 105), ({"may_wait": False}, 1.7, 135), ({}, 0.9, 178)],
    ids=["rule", "order", "order and holds"],
)
def test_makespans_are_near_the_proven_best(options: dict[str, bool | int], above: float, optimal: int) -> None:
    """On PSPLIB no makespan is below the optimum, and their mean is less than so many per cent above it."""
    gaps = []
    for name, project, best in published():
        found = precedence(
            project, may_wait=bool(options.get("may_wait", True)), budget=int(options.get("budget", BUDGET))
        )
        gaps.append(100 * (makespan(project, run(project, found)) - best) / best)
        assert gaps[-1] >= 0, name

    assert len(gaps) == 240
    assert mean(gaps) <= above
    assert gaps.count(0) >= optimal


@needs_shared
def test_where_nothing_is_short_the_critical_path_is_met() -> None:
    """The 60 instances without a conflict end with their critical path."""
    free = (DATA / "psplib" / "conflict_free_j30.txt").read_text(encoding="utf-8").split()
    met = {
        name
        for name, project, _ in published()
        if makespan(project, run(project, precedence(project))) == max(project.tails())
    }

    names = {word.removesuffix(".sm") for word in free} & {name for name, _, _ in published()}
    assert len(names) == 60
    assert names <= met


def recorded(workers: int) -> list[tuple[str, Project]]:
    """The six recorded workflows, for so many equal workers; in milliseconds."""
    found = []
    for path in sorted((DATA / "wfinstances").glob("*.json")):
        workflow = json.loads(path.read_bytes())["workflow"]
        index = {step["id"]: place for place, step in enumerate(workflow["steps"])}
        after: list[list[tuple[int, int]]] = [[] for _ in index]
        for link in workflow["dependencies"]:
            after[index[link["from"]]].append((index[link["to"]], 0))
        durations = [round(step["estimatedDuration"]) for step in workflow["steps"]]
        project = Project.of(durations, after, [()] * len(index), [((0, 1),)] * len(index), [workers])
        found.append((path.name.split(".")[0], project))
    return found


@needs_shared
@pytest.mark.parametrize("budget", [0, BUDGET])
def test_recorded_workflows_keep_grahams_bounds(budget: int) -> None:
    """On equal workers every makespan is within Graham's bounds, and on average no worse than longest path first."""
    with (DATA / "wfinstances" / "bounds.csv").open(encoding="utf-8") as lines:
        bounds = {row["dag"]: row for row in csv.DictReader(lines)}
    ratios = []
    for workers in WORKERS:
        for name, project in recorded(workers):
            row = bounds[name]
            found = precedence(project, budget=budget)
            places = {step: place for place, step in enumerate(found.order)}
            seconds = dispatch(project, [places[step] for step in range(len(places))]).makespan / 1000
            low, high = float(row[f"m{workers}_lower"]), float(row[f"m{workers}_graham_upper"])
            assert not found.holds
            assert low - 0.001 <= seconds <= high + 0.001, (name, workers)
            ratios.append(seconds / float(row[f"m{workers}_longest_path_first"]))

    assert len(ratios) == 36
    assert mean(ratios) <= 1
