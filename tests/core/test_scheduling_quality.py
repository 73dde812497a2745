"""Scheduling quality: simulated makespans beside answers that are known from outside."""

import csv
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from statistics import mean

import pytest

from taskorch import RunResult, Workflow, simulate
from tests.core import psplib
from tests.core.samples import SHARED, needs_shared

DATA = SHARED / "data"
PIPELINES = sorted((DATA / "pipelines").glob("*.json"))
RECORDINGS = sorted((DATA / "wfinstances").glob("*.json"))
TYPED = sorted(path for path in (DATA / "psplib" / "max_ubo10").glob("*.json") if path.name.startswith("psp"))
WORKERS = (1, 2, 4, 8, 16, 48)
ROUNDING = 0.001
"""Times in seconds of the tables are rounded to so much."""


def name(path: Path) -> str:
    """The name of a file without its endings."""
    return path.name.split(".")[0]


def table(path: str, key: str) -> dict[str, dict[str, str]]:
    """The rows of a table by the column *key*."""
    with (DATA / path).open(encoding="utf-8") as lines:
        return {row[key]: row for row in csv.DictReader(lines)}


@cache
def projects() -> Mapping[str, tuple[int, float]]:
    """For each project of PSPLIB j30 its critical path and the simulated makespan."""
    read = {path.stem: psplib.read(path) for path in sorted((DATA / "psplib" / "j30").glob("*.sm"))}
    return {id: (project.longest, simulate(project.flow).check().metrics.makespan) for id, project in read.items()}


@cache
def recorded(path: Path, workers: int) -> RunResult:
    """The simulated run of a recorded workflow with so many workers."""
    return simulate(Workflow.from_json(path.read_bytes()), concurrency=workers).check()


def is_any_held(result: RunResult) -> bool:
    """Whether a step had not finished when its body had."""
    return any(
        step.started_at and step.ended_at and step.ended_at - step.started_at > timedelta(seconds=step.duration)
        for step in result.steps.values()
    )


@needs_shared
def test_no_project_is_shorter_than_can_be() -> None:
    """The makespan of none of the 240 projects is below its published optimum or its critical path."""
    optima = table("psplib/published_j30.csv", "instance")

    assert len(projects()) == 240
    assert [id for id, (_, makespan) in projects().items() if makespan < int(optima[id]["optimum"])] == []
    assert [id for id, (longest, makespan) in projects().items() if makespan < longest] == []


@needs_shared
def test_projects_without_conflicts_take_their_critical_path() -> None:
    """The 60 projects in which nothing has to wait for resources end exactly at their critical path."""
    text = (DATA / "psplib" / "conflict_free_j30.txt").read_text(encoding="utf-8")
    expected = {line.split()[0].removesuffix(".sm"): int(line.split()[1]) for line in text.splitlines() if line.strip()}

    assert len(expected) == 60
    assert {id: projects()[id] for id in expected} == {id: (length, length) for id, length in expected.items()}


@needs_shared
def test_projects_are_near_their_optimum() -> None:
    """On average they are no more above it than by the rule of the latest finish: 4.60 %."""
    optima = table("psplib/published_j30.csv", "instance")
    above = mean(makespan / int(optima[id]["optimum"]) - 1 for id, (_, makespan) in projects().items())

    assert round(100 * above, 2) <= 4.60


@needs_shared
@pytest.mark.parametrize("path", TYPED, ids=name)
def test_typed_links_take_what_they_must(path: Path) -> None:
    """With other types of links a run takes its critical path, and with limits no less than the optimum.

    The durations of the table are rigid: a late finish puts off the start. Here a body that has ended is held instead,
    without its resources. That makes one project shorter than its critical path, and some than their optimum.
    """
    row = table("psplib/typed_expected_max_ubo10.csv", "name")[name(path)]
    flow = Workflow.from_json(path.read_bytes())
    free = simulate(Workflow("free", steps=flow.steps, links=flow.links)).check().metrics.makespan
    limited = simulate(flow).check()

    assert free == {"psp80": 31}.get(name(path), int(row["critical_path"]))
    assert limited.metrics.makespan >= (free if is_any_held(limited) else int(row["optimum_with_limits"]))


@needs_shared
@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("path", RECORDINGS, ids=name)
def test_workers_never_idle(path: Path, workers: int) -> None:
    """A recorded workflow on so many workers lies within Graham's bounds (R. L. Graham, 1969)."""
    row = table("wfinstances/bounds.csv", "dag")[name(path)]
    makespan = recorded(path, workers).metrics.makespan

    assert float(row[f"m{workers}_lower"]) - ROUNDING <= makespan
    assert makespan <= float(row[f"m{workers}_graham_upper"]) + ROUNDING


@needs_shared
def test_the_longest_path_first_is_no_better() -> None:
    """On average a run of the recorded workflows takes no longer than if the longest path goes first."""
    rows = table("wfinstances/bounds.csv", "dag")
    ratios = [
        recorded(path, workers).metrics.makespan / float(rows[name(path)][f"m{workers}_longest_path_first"])
        for path in RECORDINGS
        for workers in WORKERS
    ]

    assert len(ratios) == 36
    assert mean(ratios) <= 1


@needs_shared
@pytest.mark.parametrize("path", PIPELINES, ids=name)
def test_real_pipelines_are_foreseen(path: Path) -> None:
    """Without limits a pipeline takes its critical path, and on one worker the time of all its steps together."""
    flow = Workflow.from_json(path.read_bytes())
    alone = simulate(flow, concurrency=1).check()

    assert simulate(flow).check().metrics.makespan * timedelta(seconds=1) == flow.critical_path().duration
    assert alone.metrics.total_duration == pytest.approx(
        sum(step.estimated_duration.total_seconds() for step in flow.steps if step.estimated_duration)
    )
    assert alone.metrics.makespan >= alone.metrics.total_duration
