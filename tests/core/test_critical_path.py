"""The critical path: known answers, laws, and links that lead back and forth."""

import csv
from datetime import timedelta
from itertools import pairwise
from typing import Any

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskorch import CycleError, Link, Step, Workflow
from taskorch.core.critical_path import critical_path
from taskorch.core.graph import Wiring
from tests.core import psplib
from tests.core.samples import SHARED, needs_shared

DATA = SHARED / "data" / "psplib"
FS, SS, FF, SF = "finish_to_start", "start_to_start", "finish_to_finish", "start_to_finish"


def project(lengths: dict[str, int], *links: tuple[Any, ...]) -> Workflow:
    """A workflow of steps that take so many seconds, with links as (from, to, type, lag)."""
    flow = Workflow("w", steps=[Step(id, command="true", estimated_duration=length) for id, length in lengths.items()])
    for source, target, type, *lag in links:
        flow.link(source, target, type=type, lag=sum(lag))
    return flow


def seconds(flow: Workflow) -> float:
    """The length of its critical path."""
    return flow.critical_path().duration / timedelta(seconds=1)


@needs_shared
def test_the_critical_path_is_that_of_every_project() -> None:
    """On each of the 240 instances it is the ``MPM-Time`` of the file."""
    projects = {path.name: psplib.read(path) for path in sorted((DATA / "j30").glob("*.sm"))}

    assert len(projects) == 240
    assert {name: seconds(p.flow) for name, p in projects.items()} == {n: p.longest for n, p in projects.items()}


@needs_shared
def test_a_project_is_read_whole() -> None:
    """The reader gives activities, links, durations, demands and limits as the file has them."""
    flow = psplib.read(DATA / "j30" / "j3010_1.sm").flow

    assert (len(flow.steps), len(flow.links), flow.name) == (32, 48, "j3010_1")
    assert flow.steps[1].estimated_duration == timedelta(seconds=2)
    assert flow.steps[1].resources == {"R1": 1, "R2": 2, "R3": 4}
    assert flow.to_dict()["resources"] == {"limits": {"R1": 24, "R2": 23, "R3": 25, "R4": 33}}


@needs_shared
def test_the_critical_path_is_that_of_every_project_with_typed_links() -> None:
    """On each of the 88 instances with typed links it is that of the table; the two circular ones are refused."""
    with (DATA / "typed_expected_max_ubo10.csv").open(encoding="utf-8") as lines:
        expected = {row["name"]: float(row["critical_path"]) for row in csv.DictReader(lines)}
    paths = sorted((DATA / "max_ubo10").glob("*.json"))
    found = {}
    for path in paths:
        if path.name.startswith("CYCLIC_"):
            with pytest.raises(CycleError):
                Workflow.from_json(path.read_bytes())
        else:
            found[path.name.split(".")[0]] = seconds(Workflow.from_json(path.read_bytes()))

    assert (len(paths), len(found)) == (90, 88)
    assert found == expected


@pytest.mark.parametrize(
    ("links", "length", "steps"),
    [
        ([("a", "b", FS), ("b", "c", FS)], 9, ("a", "b", "c")),
        ([("a", "b", FF, 4), ("b", "c", SS)], 7, ("a", "b", "c")),  # b's finish at 6 puts off its start to 3
        ([("a", "b", SF, 5), ("b", "c", SS, 1)], 7, ("a", "b", "c")),
        ([("a", "b", FF), ("b", "c", SS)], 4, ("b", "c")),
        ([("a", "b", FS), ("a", "b", FF, 9)], 11, ("a", "b")),
        ([("a", "b", FF, 9), ("a", "b", FS)], 11, ("a", "b")),
    ],
)
def test_a_late_finish_puts_off_the_start(links: list[Any], length: float, steps: tuple[str, ...]) -> None:
    """A takes 2 s, B 3 s, C 4 s, none with a pause: what holds up a finish holds up what waits for the start."""
    flow = project({"a": 2, "b": 3, "c": 4}, *links)

    assert (seconds(flow), flow.critical_path().steps) == (length, steps)


def test_links_back_and_forth_may_hold() -> None:
    """B starts after A and A finishes after B: with a B no longer than A there is a plan without a pause."""
    flow = project({"a": 5, "b": 3, "c": 1}, ("a", "b", SS, 1), ("b", "a", FF), ("a", "c", FS))

    assert seconds(flow) == 6
    assert flow.critical_path().steps == ("a", "c")


def test_steps_pause_where_no_plan_would_hold_without() -> None:
    """With a B longer than A, A is held until B has finished; steps outside the two are planned without a pause."""
    flow = project(
        {"before": 1, "a": 2, "b": 5, "c": 3, "d": 4},
        ("before", "a", FS),
        *(("a", "b", SS), ("b", "a", FF)),
        *(("a", "c", FF, 2), ("c", "d", SS)),
    )

    assert seconds(flow) == 9  # a runs 1 to 3 and finishes at 6 with b, c finishes at 8 and starts at 5, d after it
    assert flow.critical_path().steps == ("before", "a", "b", "c", "d")


def test_of_chains_of_one_length_the_one_over_more_steps_is_told() -> None:
    """Steps without an estimate take no time, and yet are on the path."""
    flow = Workflow("w", steps=[Step(id, command="true") for id in "abc"])
    flow.link("a", "b")
    flow.link("b", "c")

    assert flow.critical_path().steps == ("a", "b", "c")


def test_a_chain_may_be_very_long() -> None:
    """A hundred thousand steps are no deeper than one, forward and in a document that runs backward."""
    ids = [f"s{number}" for number in range(100_000)]
    links = [Link(before, after) for before, after in pairwise(ids)]
    steps = [Step("any", estimated_duration=2)] * len(ids)

    for order in (ids, ids[::-1]):
        found = critical_path(steps, Wiring.of(order, links))
        assert (found.duration, len(found.steps)) == (timedelta(seconds=200_000), 100_000)


@st.composite
def projects(draw: st.DrawFn, *, forward: bool) -> Workflow:
    """Workflows of two to six steps with links of all types, to later steps only or both ways, without a circle."""
    lengths = {id: draw(st.integers(0, 6)) for id in "abcdef"[: draw(st.integers(2, 6))]}
    pairs = [(a, b) for a in lengths for b in lengths if a < b or (not forward and a > b)]
    keys = st.tuples(st.sampled_from(pairs), st.sampled_from([FS, SS, FF, SF]))
    links = {key: draw(st.integers(0, 4)) for key in draw(st.lists(keys, max_size=9, unique=True))}
    flow = project(lengths)
    for ((a, b), type), lag in links.items():
        flow.link(a, b, type=type, lag=lag)
        if Wiring.of([*lengths], flow.links).is_circular():
            flow.links.pop()
    return flow


def settled(flow: Workflow, held: set[str], among: set[str]) -> dict[str, tuple[float, float]] | None:
    """Earliest starts and finishes, found by asking all links again and again; None if they never settle.

    Steps in *held* may pause. Only steps and links *among* these count.
    """
    lengths = {s.id: (s.estimated_duration or timedelta()) / timedelta(seconds=1) for s in flow.steps}
    times = {id: (0.0, lengths[id]) for id in among}
    for _ in range(8 * len(lengths)):
        old = dict(times)
        for link in flow.links:
            if {link.predecessor, link.successor} <= among:
                reached = times[link.predecessor][link.type.from_finish] + link.lag / timedelta(seconds=1)
                start, finish = times[link.successor]
                length = lengths[link.successor]
                if link.type.gates_start:
                    start = max(start, reached)
                elif link.successor in held:
                    finish = max(finish, reached)
                else:
                    start = max(start, reached - length)
                times[link.successor] = (start, max(finish, start + length))
        if times == old:
            return times
    return None


@given(projects(forward=False))
def test_the_critical_path_is_what_asking_again_and_again_finds(flow: Workflow) -> None:
    """Links of any type, back and forth: the latest of the earliest finishes is the length of the path."""
    graph = nx.DiGraph((link.predecessor, link.successor) for link in flow.links)
    groups = [group for group in nx.strongly_connected_components(graph) if settled(flow, set(), group) is None]
    times = settled(flow, {id for group in groups for id in group}, {step.id for step in flow.steps})

    assert times is not None
    assert seconds(flow) == max(finish for _, finish in times.values())


@given(projects(forward=True))
def test_the_path_alone_is_as_long_as_the_whole(flow: Workflow) -> None:
    """Nothing but the steps of the path and the links between them makes it as long as it is."""
    steps = flow.critical_path().steps
    alone = Workflow("w", steps=[s for s in flow.steps if s.id in steps])
    alone.links.extend(link for link in flow.links if link.predecessor in steps and link.successor in steps)

    assert seconds(alone) == seconds(flow)
